//! Guards and waivers: the rules that a plan must keep, and permissions for violations of them.

use super::{Name, Position, TimeLimit};
use crate::text::escape;
use jiff::{SignedDuration, Timestamp};
use std::fmt;
use std::str::FromStr;

/// A rule that a plan must keep. The order is that of the violations in every output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guard {
    /// Too many assignments would lose a task.
    MaxRemovals,
    /// A WABA would have too few holders of a task, in the end or on the way.
    MinHolders,
    /// The acting system user would lose `MANAGE` or be revoked.
    SelfLoss,
    /// A protected user would lose a task.
    ProtectedUser,
    /// A set would be written that exceeds the WABA's permitted tasks.
    NotPermitted,
    /// An access test that holds live would fail.
    Test,
    /// Somebody would gain access, in a run that may give none.
    NoNewAccess,
    /// The last assignment of an admin on a WABA would be deleted.
    AdminRow,
}

impl Guard {
    /// All guards, in their order.
    pub const ALL: [Self; 8] = [
        Self::MaxRemovals,
        Self::MinHolders,
        Self::SelfLoss,
        Self::ProtectedUser,
        Self::NotPermitted,
        Self::Test,
        Self::NoNewAccess,
        Self::AdminRow,
    ];

    /// Returns the guard's code, as `--waive` takes it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::MaxRemovals => "max-removals",
            Self::MinHolders => "min-holders",
            Self::SelfLoss => "self",
            Self::ProtectedUser => "protected-user",
            Self::NotPermitted => "not-permitted",
            Self::Test => "test",
            Self::NoNewAccess => "no-new-access",
            Self::AdminRow => "admin-row",
        }
    }

    /// Returns whether the guard counts something: then a waiver in a manifest has a limit, and else a target.
    pub const fn counts(self) -> bool {
        matches!(self, Self::MaxRemovals)
    }

    /// Returns whether a manifest can waive the guard.
    pub const fn is_waivable_in_manifests(self) -> bool {
        !matches!(self, Self::SelfLoss)
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// The error of parsing a guard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a guard; the guards are {codes}", codes = Guard::ALL.map(Guard::code).join(", "))]
pub struct UnknownGuard(String);

/// Parses the code of a guard.
impl FromStr for Guard {
    type Err = UnknownGuard;

    fn from_str(code: &str) -> Result<Self, UnknownGuard> {
        let guard = Self::ALL.into_iter().find(|guard| guard.code() == code);
        guard.ok_or_else(|| UnknownGuard(escape(code).into_owned()))
    }
}

/// Permits violations of a guard: for one run, or in a manifest for some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// The guard.
    pub guard: Guard,
    /// The name or id of the WABA or user, or the name of the test; `None` for all.
    pub target: Option<String>,
    /// Its terms, if it is from a manifest; `None` if it was given for one run.
    pub terms: Option<WaiverTerms>,
}

/// The terms of a waiver in a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaiverTerms {
    /// The path in its document: `waivers[0]`.
    pub path: String,
    /// The position of the waiver.
    pub at: Position,
    /// The number up to which a guard that counts is waived.
    pub limit: Option<u64>,
    /// When it ends.
    pub until: TimeLimit,
    /// Why there is a waiver.
    pub reason: Name,
}

impl WaiverTerms {
    /// The time for which a waiver may be written ahead.
    pub const MOST: SignedDuration = SignedDuration::from_hours(90 * 24);

    /// Returns whether the waiver has ended.
    pub fn has_ended(&self, now: Timestamp) -> bool {
        self.until.end() <= now
    }

    /// Returns whether the waiver ends later than a waiver may.
    pub fn is_too_long(&self, now: Timestamp) -> bool {
        !self.until.ends_within(Self::MOST, now)
    }

    /// Returns whether the waiver permits something.
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        !self.has_ended(now) && !self.is_too_long(now)
    }
}

impl Waiver {
    /// Makes a waiver for one run.
    pub fn for_one_run(guard: Guard, target: Option<String>) -> Self {
        Self { guard, target, terms: None }
    }

    /// Returns whether it permits something. One for a single run does.
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        self.terms.as_ref().is_none_or(|terms| terms.is_in_force(now))
    }
}

/// Parses `CODE` or `CODE=TARGET`.
impl FromStr for Waiver {
    type Err = UnknownGuard;

    fn from_str(text: &str) -> Result<Self, UnknownGuard> {
        let (code, target) = match text.split_once('=') {
            Some((code, target)) => (code, Some(target.to_owned())),
            None => (text, None),
        };
        Ok(Self::for_one_run(code.parse()?, target))
    }
}

/// Formats a waiver as it is given on the command line, and one of a manifest with its limit: `max-removals<=120`.
impl fmt::Display for Waiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.guard)?;
        if let Some(target) = &self.target {
            write!(f, "={}", escape(target))?;
        }
        match self.terms.as_ref().and_then(|terms| terms.limit) {
            Some(limit) => write!(f, "<={limit}"),
            None => Ok(()),
        }
    }
}
