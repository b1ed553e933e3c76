//! What is known of how live access came to differ, and of what will end soon.

use super::{AssignmentKey, GrantSource, Name, Outcome, RecordedRun, RecordedWrite, Runner, TaskSet, UserId};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Which side moved since something was known of an assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moved {
    /// Live access did: drift.
    Live,
    /// The manifests did, or a grant expired: work in progress.
    Manifests,
    /// Both did.
    Both,
    /// Live access is as it was before the reviewed plan, which was never applied here, or was undone.
    Undone,
    /// That cannot be told.
    Unknown,
}

impl Moved {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Live, Self::Manifests, Self::Both, Self::Undone, Self::Unknown];

    /// Returns its word, as programs read it.
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

/// The last entry of the journal that wrote an assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastWrite {
    /// The run that wrote.
    pub run: Name,
    /// The write's number within the run.
    pub number: u64,
    /// When it was about to be sent.
    pub at: Timestamp,
    /// The system user whose token was used, where that was known.
    pub acting_user: Option<(UserId, Name)>,
    /// Who ran it, and where.
    pub by: Runner,
    /// What it wrote: the whole set.
    pub after: TaskSet,
    /// What became of it, where that is known.
    pub outcome: Option<Outcome>,
}

impl LastWrite {
    /// Takes an entry out of a run.
    pub fn of(run: &RecordedRun, write: &RecordedWrite) -> Self {
        Self {
            run: run.id.clone(),
            number: write.number,
            at: write.at,
            acting_user: run.acting_user.clone(),
            by: run.by.clone(),
            after: write.after.clone(),
            outcome: write.outcome.as_ref().map(|known| known.outcome.clone()),
        }
    }
}

/// What is known of one difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Which side moved.
    pub moved: Moved,
    /// The last entry of the journal that wrote the assignment, where there is one.
    pub last_write: Option<LastWrite>,
}

/// A grant that ends on a day, with what it reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndingGrant {
    /// The grant.
    pub source: GrantSource,
    /// What it gives.
    pub tasks: TaskSet,
    /// How many users hold something by it.
    pub users: usize,
    /// On how many WABAs.
    pub wabas: usize,
}

/// What is known about differences, beside the plan that would end them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Drift {
    /// What is known of each difference.
    pub told: BTreeMap<AssignmentKey, Explanation>,
    /// The grants that end soon, where somebody asked: by day, then as they stand in the manifests.
    pub expiring: Option<Vec<EndingGrant>>,
}

impl Drift {
    /// Returns whether anything is known of which side moved.
    pub fn tells(&self) -> bool {
        self.told.values().any(|told| told.moved != Moved::Unknown)
    }

    /// Counts the differences by the side that moved.
    pub fn count(&self, moved: Moved) -> usize {
        self.told.values().filter(|told| told.moved == moved).count()
    }
}
