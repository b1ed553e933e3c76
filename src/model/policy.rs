//! The limits that the guards enforce, and the names that waivers refer to.

use super::{Name, Task, TaskSet, UserId, WabaId};
use std::collections::{BTreeMap, BTreeSet};

/// The limits that the guards enforce.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Policy {
    /// The largest share of live assignments in scope that may lose a task, from 0 to 100 percent.
    pub max_removals_percent: f64,
    /// The largest number of assignments that may lose a task.
    pub max_removals: u64,
    /// The smallest number of holders of a task that each WABA must keep.
    pub min_holders: BTreeMap<Task, u64>,
    /// The users that may not lose anything.
    pub protected_users: BTreeSet<UserId>,
    /// The tasks that can be assigned on a WABA, if the API reports them.
    pub permitted: BTreeMap<WabaId, TaskSet>,
    /// The names that the manifests declare. The target of a waiver is looked up here first.
    pub names: DeclaredNames,
}

/// The names that the manifests declare.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeclaredNames {
    /// The declared WABAs.
    pub wabas: BTreeMap<Name, WabaId>,
    /// The declared system users.
    pub users: BTreeMap<Name, UserId>,
}
