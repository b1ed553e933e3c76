//! Waivers: permissions for violations of a guard, for one run.
//!
//! This module does not know what violates a guard.

use super::{Guard, Violation};
use crate::model::{DeclaredNames, Name, Plan, UserId, WabaId};
use crate::text::{escape, suggest};
use std::collections::BTreeSet;
use std::fmt;

/// Permits violations of a guard for one run, for the whole plan or for one WABA or user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// The guard.
    pub guard: Guard,
    /// The name or id of the WABA or user; `None` for all.
    pub target: Option<String>,
}

/// The error of parsing a waiver: its first part is not the code of a guard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a guard; the guards are max-removals, min-holders, self, protected-user, not-permitted, admin-row"
)]
pub struct UnknownGuard(String);

/// Parses `CODE` or `CODE=TARGET`.
impl std::str::FromStr for Waiver {
    type Err = UnknownGuard;

    fn from_str(text: &str) -> Result<Self, UnknownGuard> {
        let (code, target) = match text.split_once('=') {
            Some((code, target)) => (code, Some(target.to_owned())),
            None => (text, None),
        };
        let guard = Guard::ALL.into_iter().find(|guard| guard.code() == code);
        let guard = guard.ok_or_else(|| UnknownGuard(escape(code).into_owned()))?;
        Ok(Self { guard, target })
    }
}

/// Formats a waiver as it is given on the command line.
impl fmt::Display for Waiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Some(target) => write!(f, "{}={}", self.guard, escape(target)),
            None => write!(f, "{}", self.guard),
        }
    }
}

/// A waiver that covers no violation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusedWaiver {
    /// The waiver.
    pub waiver: Waiver,
    /// Why it covers none.
    pub why: UnusedReason,
}

/// Why a waiver covers no violation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnusedReason {
    /// The plan does not violate the guard, as a whole or for the target.
    NoViolation,
    /// Neither the manifests nor the plan have a WABA or user with the target's name.
    UnknownTarget {
        /// Similar names, the most similar first.
        similar: Vec<Name>,
    },
}

/// Violations, apart from those that a waiver covers.
pub(super) struct Sorted {
    pub(super) violations: Vec<Violation>,
    pub(super) waived: Vec<Violation>,
    pub(super) unused: Vec<UnusedWaiver>,
}

/// Separates the violations that a waiver covers from the others.
pub(super) fn sort(all: Vec<Violation>, waivers: &[Waiver], plan: &Plan, names: &DeclaredNames) -> Sorted {
    let waivers: Vec<Resolved<'_>> =
        waivers.iter().map(|waiver| Resolved::new(waiver, plan, names)).collect();
    let (waived, violations): (Vec<_>, _) =
        all.into_iter().partition(|violation| waivers.iter().any(|waiver| waiver.covers(violation)));
    let unused = waivers.iter().filter(|waiver| !waived.iter().any(|violation| waiver.covers(violation)));
    let unused = unused.map(|waiver| waiver.unused(plan, names)).collect();
    Sorted { violations, waived, unused }
}

/// A waiver with its target looked up.
struct Resolved<'a> {
    waiver: &'a Waiver,
    wabas: BTreeSet<WabaId>,
    users: BTreeSet<UserId>,
}

impl<'a> Resolved<'a> {
    /// Looks up a target among the declared names and the ids. A live name counts only if the target is neither,
    /// because anybody who manages a WABA can choose its live name.
    fn new(waiver: &'a Waiver, plan: &Plan, names: &DeclaredNames) -> Self {
        let mut resolved = Self { waiver, wabas: BTreeSet::new(), users: BTreeSet::new() };
        let Some(target) = &waiver.target else { return resolved };
        resolved.wabas.extend(names.wabas.get(target.as_str()));
        resolved.users.extend(names.users.get(target.as_str()));
        let is_waba =
            |id: &WabaId| plan.waba_names.contains_key(id) || names.wabas.values().any(|waba| waba == id);
        let is_user =
            |id: &UserId| plan.user_names.contains_key(id) || names.users.values().any(|user| user == id);
        resolved.wabas.extend(target.parse().ok().filter(is_waba));
        resolved.users.extend(target.parse().ok().filter(is_user));
        if resolved.is_empty() {
            let wabas = plan.waba_names.iter().filter(|(_, name)| name.as_str() == target);
            let users = plan.user_names.iter().filter(|(_, name)| name.as_str() == target);
            resolved.wabas.extend(wabas.map(|(waba, _)| *waba));
            resolved.users.extend(users.map(|(user, _)| *user));
        }
        resolved
    }

    fn is_empty(&self) -> bool {
        self.wabas.is_empty() && self.users.is_empty()
    }

    fn covers(&self, violation: &Violation) -> bool {
        let in_target = self.waiver.target.is_none()
            || violation.waba.is_some_and(|waba| self.wabas.contains(&waba))
            || violation.user.is_some_and(|user| self.users.contains(&user));
        in_target && violation.guard == self.waiver.guard
    }

    /// Explains why the waiver covers no violation.
    fn unused(&self, plan: &Plan, names: &DeclaredNames) -> UnusedWaiver {
        let why = match &self.waiver.target {
            Some(target) if self.is_empty() => {
                let declared = names.wabas.keys().chain(names.users.keys());
                let live = plan.waba_names.values().chain(plan.user_names.values());
                let known: BTreeSet<&str> = declared.chain(live).map(Name::as_str).collect();
                let similar = suggest(target, known).into_iter().map(Name::from).collect();
                UnusedReason::UnknownTarget { similar }
            }
            Some(_) | None => UnusedReason::NoViolation,
        };
        UnusedWaiver { waiver: self.waiver.clone(), why }
    }
}
