//! What speaks against applying a saved plan.

use super::{AssignmentKey, GrantSource, TaskSet};

/// Something that is no longer as a saved plan has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaleChange {
    /// The assignment.
    pub key: AssignmentKey,
    /// What the plan saw and what it would write; `None` where it does not touch the assignment.
    pub planned: Option<(TaskSet, TaskSet)>,
    /// How it is now.
    pub now: CurrentAccess,
}

/// How an assignment is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CurrentAccess {
    /// It holds something else.
    Holds(TaskSet),
    /// The WABA cannot be read, with the reason.
    Unreadable(String),
    /// The user is no system user of the business.
    NoSuchUser,
    /// A grant that asks for it has expired since.
    Expired(GrantSource),
    /// The manifests ask for nothing there.
    NotAsked,
    /// The manifests ask for another change: from one set to another.
    Asked(TaskSet, TaskSet),
}
