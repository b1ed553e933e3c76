//! The report: what became of each change.

use super::{Change, TaskSet};

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Written, read back, and stored as planned.
    Applied,
    /// Nothing to write: it was already as planned when the WABA was read again.
    AlreadySo,
    /// Accepted, but the user is an admin and is not listed.
    AcceptedNotListed,
    /// Accepted, but what is stored is not what was asked.
    StoredDifferently {
        /// What the read-back found.
        stored: TaskSet,
    },
    /// Not written: live state was no longer what the plan saw.
    Moved {
        /// What was found instead; the WABA may also have moved for another user.
        found: TaskSet,
    },
    /// The API refused it, or the read-back shows that it did not take effect.
    Failed {
        /// Why, for people.
        error: String,
    },
    /// It was sent, and whether it took effect could not be found out.
    Unknown {
        /// Why, for people.
        error: String,
    },
    /// It was never sent.
    NotAttempted {
        /// Why, for people.
        why: String,
    },
}

impl Outcome {
    /// Returns whether the change is now as planned (an admin that is not listed counts).
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Applied | Self::AlreadySo | Self::AcceptedNotListed)
    }
}

/// A change with its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedChange {
    /// The change, as planned.
    pub change: Change,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a plan: every change, in the plan's order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The changes with their outcomes, in the plan's order.
    pub changes: Vec<ReportedChange>,
    /// Why the run ended before its end (a dead token, an interrupt), where it did.
    pub stopped: Option<String>,
    /// Whether any write was sent.
    pub wrote: bool,
}
