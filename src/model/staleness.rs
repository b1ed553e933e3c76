//! Differences between a saved plan and the present.

use super::{AssignmentKey, GrantSource, TaskSet};
use std::sync::Arc;

/// An assignment that no longer is what a saved plan starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaleChange {
    /// The assignment.
    pub key: AssignmentKey,
    /// The planned sets before and after the change; `None` if the plan does not change the assignment.
    pub planned: Option<(TaskSet, TaskSet)>,
    /// What it is now.
    pub now: CurrentAccess,
}

/// What an assignment is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CurrentAccess {
    /// The user holds another set.
    Holds(TaskSet),
    /// The WABA cannot be read, with the reason.
    Unreadable(String),
    /// The user is not a system user of the business.
    NoSuchUser,
    /// A grant that asks for the change has expired since.
    Expired(Arc<GrantSource>),
    /// A grant that gives what the change removes has begun since.
    Begun(Arc<GrantSource>),
    /// The user was not released: no earlier manifest is known that declared it.
    NotReleased,
    /// The manifests do not ask for a change.
    NotAsked,
    /// The manifests ask for a change from the first set to the second.
    Asked(TaskSet, TaskSet),
}
