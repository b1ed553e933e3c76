//! Explanations of drift, and grants that end soon.

use super::{
    AssignmentKey, GrantSource, Name, Origin, Outcome, RecordedRun, RecordedWrite, Runner, TaskSet, UserId,
};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Which side changed since an assignment was last known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Moved {
    /// Live access changed: drift.
    Live,
    /// The manifests changed, or a grant expired: work in progress.
    Manifests,
    /// Both changed.
    Both,
    /// Live access is as before the reference plan, which was not applied or was undone.
    Undone,
    /// Unknown.
    Unknown,
}

impl Moved {
    /// All variants.
    pub const ALL: [Self; 5] = [Self::Live, Self::Manifests, Self::Both, Self::Undone, Self::Unknown];

    /// Returns the word for programs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Manifests => "manifests",
            Self::Both => "both",
            Self::Undone => "undone",
            Self::Unknown => "unknown",
        }
    }
}

/// The last write of an assignment in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastWrite {
    /// The run.
    pub run: Name,
    /// The number of the write within the run.
    pub number: u64,
    /// When it was recorded, right before it was sent.
    pub at: Timestamp,
    /// The system user of the token, if it was known.
    pub acting_user: Option<(UserId, Name)>,
    /// The user and machine of the run.
    pub by: Runner,
    /// What the run comes from.
    pub origin: Origin,
    /// The whole set that was written.
    pub after: TaskSet,
    /// The outcome, if it is known.
    pub outcome: Option<Outcome>,
}

impl LastWrite {
    /// Makes it from an entry of a run.
    pub fn of(run: &RecordedRun, write: &RecordedWrite) -> Self {
        Self {
            run: run.id.clone(),
            number: write.number,
            at: write.at,
            acting_user: run.acting_user.clone(),
            by: run.by.clone(),
            origin: run.origin.clone(),
            after: write.after.clone(),
            outcome: write.outcome.as_ref().map(|known| known.outcome.clone()),
        }
    }
}

/// What is known about one difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Which side changed.
    pub moved: Moved,
    /// The last write of the assignment in the journal, if there is one.
    pub last_write: Option<LastWrite>,
}

/// A grant that will end, with the number of assignments that end with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndingGrant {
    /// The grant.
    pub source: Arc<GrantSource>,
    /// The tasks that it gives.
    pub tasks: TaskSet,
    /// The number of users that hold something by it.
    pub users: usize,
    /// The number of WABAs.
    pub wabas: usize,
}

/// What is known about the differences between live access and the manifests.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Drift {
    /// The explanation of each difference.
    pub explanations: BTreeMap<AssignmentKey, Explanation>,
    /// The grants that end soon, if they were asked for, by day and then by position.
    pub expiring: Option<Vec<EndingGrant>>,
}

impl Drift {
    /// Returns whether it is known for any difference which side changed.
    pub fn tells(&self) -> bool {
        self.explanations.values().any(|explanations| explanations.moved != Moved::Unknown)
    }

    /// Counts the differences by the side that changed.
    pub fn count(&self, moved: Moved) -> usize {
        self.explanations.values().filter(|explanations| explanations.moved == moved).count()
    }
}
