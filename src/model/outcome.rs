//! The report: the outcome of each change.

use super::{Change, Name, Origin, TaskSet};

/// The outcome of a change.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Written, read back, and stored as planned.
    Applied,
    /// Nothing to write: the live set already was as planned when the WABA was read again.
    AlreadySo,
    /// Accepted, but the user is an admin and is not listed.
    AcceptedNotListed,
    /// Accepted, but another set was stored.
    StoredDifferently {
        /// The set that the read-back found.
        stored: TaskSet,
    },
    /// Only the first of its two writes is done: the user has the tasks that it gains, and still those that it loses.
    InPart {
        /// Why the second one is not.
        why: String,
    },
    /// Left alone: somebody else changed the live set, before the write or while its answer was unclear.
    Moved {
        /// The live set. The change may also be of another user on the same WABA.
        found: TaskSet,
    },
    /// The API refused it, or the read-back shows that it did not take effect.
    Failed {
        /// Why.
        error: String,
    },
    /// Sent, but it could not be found out whether it took effect, or reads do not show it yet.
    Unknown {
        /// Why.
        error: String,
    },
    /// Not sent.
    NotAttempted {
        /// Why.
        why: String,
    },
}

impl Outcome {
    /// Returns whether the assignment now is as planned. An admin that is not listed counts.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Applied | Self::AlreadySo | Self::AcceptedNotListed)
    }
}

#[cfg(test)]
impl Outcome {
    /// Returns one of each outcome, in the order of the type. `text` is why, and `found` is what is live.
    pub(crate) fn one_of_each(text: &str, found: &TaskSet) -> Vec<Self> {
        let first = Self::Applied;
        std::iter::successors(Some(first), |outcome| outcome.next(text, found)).collect()
    }

    /// Returns the outcome after this one. The compiler finds an outcome that is missing here.
    fn next(&self, text: &str, found: &TaskSet) -> Option<Self> {
        let text = || text.to_owned();
        match self {
            Self::Applied => Some(Self::AlreadySo),
            Self::AlreadySo => Some(Self::AcceptedNotListed),
            Self::AcceptedNotListed => Some(Self::StoredDifferently { stored: TaskSet::EMPTY }),
            Self::StoredDifferently { .. } => Some(Self::InPart { why: text() }),
            Self::InPart { .. } => Some(Self::Moved { found: found.clone() }),
            Self::Moved { .. } => Some(Self::Failed { error: text() }),
            Self::Failed { .. } => Some(Self::Unknown { error: text() }),
            Self::Unknown { .. } => Some(Self::NotAttempted { why: text() }),
            Self::NotAttempted { .. } => None,
        }
    }
}

/// A change with its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedChange {
    /// The change, as planned.
    pub change: Change,
    /// The outcome.
    pub outcome: Outcome,
}

/// The outcome of every change of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The changes with their outcomes, in the plan's order.
    pub changes: Vec<ReportedChange>,
    /// Why the run was stopped early (a dead token, an interrupt), if it was.
    pub stopped: Option<String>,
    /// Whether any write was sent.
    pub wrote: bool,
    /// The id of the run in the journal; `None` if nothing was recorded.
    pub run: Option<Name>,
    /// What the run comes from.
    pub origin: Origin,
}
