//! What the engine reports while it works.

use crate::diagnostic::Diagnostic;
use crate::model::{BusinessId, Plan, SettledWrite, Sources, StaleChange, age};
use crate::store::Holder;
use crate::text::escape;
use jiff::{SignedDuration, Timestamp};
use std::fmt;

/// Receives events. It is called from several tasks, so it must not block for long.
pub type Events<'a> = &'a (dyn Fn(Event<'_>) + Sync);

/// Something that happens while the engine works.
#[derive(Debug)]
pub enum Event<'a> {
    /// The manifests have errors or warnings. After an error the run ends.
    Diagnostics {
        /// The errors and warnings.
        found: &'a [Diagnostic],
        /// The texts that they refer to.
        sources: &'a Sources,
    },
    /// Something that the user should know, and that does not end the run.
    Warning(Warning<'a>),
    /// A stage begins, advances or ends.
    Progress(Stage, Progress),
    /// Another run holds the lock of a business; this one waits for it.
    WaitingForLock {
        /// The business.
        business: BusinessId,
        /// Who holds the lock.
        holder: &'a Holder,
    },
    /// A saved plan does not match the live state or the manifests. The run ends.
    Stale {
        /// Each assignment that differs.
        changes: &'a [StaleChange],
        /// The plan with the names of the users and WABAs.
        plan: &'a Plan,
    },
    /// Writes of an earlier run were settled by reading.
    Settled(&'a [SettledWrite]),
}

/// Something that the user should know, and that does not end the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning<'a> {
    /// The token expires soon.
    TokenExpires(Timestamp),
    /// The token lacks a scope.
    MissingScope(&'static str),
    /// Another version of this program made a saved plan.
    OtherVersion(&'a str),
    /// A state that machines share cannot be read, so nothing is known of earlier runs.
    NoState(String),
    /// The journal cannot be read, so it explains no drift.
    NoJournal(String),
    /// The plan that is being applied cannot be kept in the state.
    PlanNotKept(String),
    /// The plan that was applied last cannot be read from the state.
    NoAppliedPlan(String),
    /// Earlier parts of the journal were removed.
    RecordBegins(Timestamp),
    /// Live access is that of a snapshot, which was taken at a time and has an age.
    Snapshot(Timestamp, SignedDuration),
    /// Neither the manifests nor a run in the journal have this digest.
    UnknownDigest(&'a str),
}

impl fmt::Display for Warning<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TokenExpires(at) => {
                write!(f, "the token expires at {at}; create a new one before then")
            }
            Self::MissingScope(scope) => {
                write!(f, "the token does not have the scope {scope}; lists may stay empty")
            }
            Self::OtherVersion(version) => {
                let (made, this) = (escape(version), env!("CARGO_PKG_VERSION"));
                write!(
                    f,
                    "the plan was made by wabacl {made}, and this is {this}; if it is refused, create a new plan"
                )
            }
            Self::NoState(why) => write!(
                f,
                "the shared state cannot be read, so users that are declared no more and recent removals are not known: {why}"
            ),
            Self::PlanNotKept(why) => {
                write!(f, "the plan is applied, but cannot be kept in the state for later runs: {why}")
            }
            Self::NoAppliedPlan(why) => write!(
                f,
                "the plan that was applied last cannot be read, so only the journal tells drift from work in progress: {why}"
            ),
            Self::RecordBegins(at) => write!(
                f,
                "the journal begins at {at}; of what was before, only the last write of each assignment is known"
            ),
            Self::NoJournal(why) => write!(f, "the journal cannot be read, so it explains nothing: {why}"),
            Self::Snapshot(taken, old) => {
                write!(f, "live access is as of the snapshot of {taken}, {} old", age(*old))
            }
            Self::UnknownDigest(digest) => write!(
                f,
                "neither the manifests nor a run in the journal of this machine have the digest {digest}; only the \
                 journal explains which side changed"
            ),
        }
    }
}

/// A part of a run that takes time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Reads the lists of WABAs, and the assignments on those in scope.
    ReadingWabas,
    /// Reads the assignments that the lists left out.
    CheckingWabas,
    /// Reads the solutions through which WABAs are shared.
    ReadingSolutions,
    /// Reads the WABAs of a saved plan again.
    ReadingAgain,
    /// Applies the changes.
    Applying,
}

impl Stage {
    /// Returns a label for a progress bar.
    pub const fn label(self) -> &'static str {
        match self {
            Self::ReadingWabas => "reading WABAs",
            Self::CheckingWabas => "checking WABAs",
            Self::ReadingSolutions => "reading solutions",
            Self::ReadingAgain => "reading WABAs again",
            Self::Applying => "applying",
        }
    }
}

/// How far a stage is, in WABAs or changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It begins, with a total that may still grow.
    Started(usize),
    /// So many more are done.
    Advanced(usize),
    /// It has ended.
    Ended,
}

/// A stage in progress. It ends when this is dropped, also when the run is given up.
pub(super) struct StageGuard<'a> {
    stage: Stage,
    events: Events<'a>,
}

impl<'a> StageGuard<'a> {
    pub(super) fn start(stage: Stage, total: usize, events: Events<'a>) -> Self {
        events(Event::Progress(stage, Progress::Started(total)));
        Self { stage, events }
    }

    pub(super) fn advance(&self, by: usize) {
        (self.events)(Event::Progress(self.stage, Progress::Advanced(by)));
    }
}

impl Drop for StageGuard<'_> {
    fn drop(&mut self) {
        (self.events)(Event::Progress(self.stage, Progress::Ended));
    }
}
