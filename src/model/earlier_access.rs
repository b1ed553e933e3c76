//! The access that an earlier snapshot shows.

use super::{AdminRole, AssignmentKey, HolderOf, Name, SnapshotMark, TaskSet, UserId, WabaId};
use std::collections::BTreeMap;

/// The access that a business saw at an earlier time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierAccess {
    /// What the snapshot says of itself.
    pub mark: SnapshotMark,
    /// The WABAs that the business saw.
    pub wabas: BTreeMap<WabaId, EarlierWabaAccess>,
    /// The assignments that lists showed, on the WABAs whose access is known.
    pub held: BTreeMap<AssignmentKey, EarlierHolding>,
    /// The system users of the business with their roles.
    pub system_users: BTreeMap<UserId, (Name, AdminRole)>,
}

/// A WABA in an earlier snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierWabaAccess {
    /// The name that it had.
    pub name: Name,
    /// Whether its list of access could be read.
    pub is_known: bool,
}

/// An assignment in an earlier snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierHolding {
    /// The name of the user.
    pub name: Name,
    /// Whose assignment it was.
    pub holder: HolderOf,
    /// The tasks; never empty.
    pub tasks: TaskSet,
}
