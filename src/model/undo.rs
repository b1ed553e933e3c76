//! What an undo takes back: the writes of an earlier run.

use super::{AssignmentKey, At, Change, Name, Origin, TaskSet};
use jiff::Timestamp;

/// The run that a plan takes back, and what the plan leaves alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undo {
    /// The id of the run.
    pub run: Name,
    /// When it began.
    pub at: Timestamp,
    /// What it came from.
    pub origin: Origin,
    /// Whether the journal has its end. Without one it crashed, was killed, or is still running.
    pub has_ended: bool,
    /// The digest of the manifests whose guards hold; `None` without manifests.
    pub manifests: Option<String>,
    /// The assignments that the run wrote and that are not taken back, by key.
    pub left_alone: Vec<LeftAlone>,
    /// The changes that a plan of the manifests makes of these assignments after the undo, by key.
    pub asked_again: Vec<Change>,
    /// The number of lines of the journal that could not be read. They may be about the run.
    pub unread_lines: usize,
}

impl Undo {
    /// Returns whether something could not be judged, or cannot be taken back.
    pub fn is_incomplete(&self) -> bool {
        self.unread_lines > 0 || self.left_alone.iter().any(|left| left.why.is_unknown())
    }
}

/// An assignment that the run wrote and that is not taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftAlone {
    /// The assignment.
    pub key: AssignmentKey,
    /// The set before the run.
    pub before: TaskSet,
    /// The set that the run left, as far as the journal knows.
    pub left: TaskSet,
    /// Why it is not taken back.
    pub why: WhyLeftAlone,
}

/// Why an assignment is not taken back.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum WhyLeftAlone {
    /// A later run wrote it.
    LaterRun {
        /// The id of the last run that did.
        run: Name,
        /// When it wrote.
        at: Timestamp,
    },
    /// It is not as the run left it, and no later run wrote it.
    Moved {
        /// The live set.
        live: TaskSet,
    },
    /// The user is no system user of the business any more.
    NoSuchUser,
    /// The write was accepted, and the API does not list the user, because it is an admin.
    NotListed,
    /// The manifests suspend the user, so nothing is given back to it.
    Suspended(At<Name>),
}

impl WhyLeftAlone {
    /// Returns whether that is because something is not known or not there, and not because of a decision.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::NoSuchUser | Self::NotListed)
    }
}
