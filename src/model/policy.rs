//! The limits that the guards enforce, and the names that waivers refer to.

use super::{AccessTest, AssignmentKey, Name, Task, TaskSet, UserId, WabaId, Waiver};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Who counts as a holder for `min-holders`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Holders {
    /// System users and people of the business itself.
    #[default]
    Business,
    /// Everybody.
    Anyone,
}

/// The assignments that lost a task in the last 24 hours by runs of this program, and did not regain it.
pub type RecentRemovals = BTreeMap<AssignmentKey, RecentRemoval>;

/// What an assignment lost in the last 24 hours.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecentRemoval {
    /// The tasks that it lost and did not regain.
    pub lost: TaskSet,
    /// The tasks that the last write left.
    pub left: TaskSet,
}

/// The limits that the guards enforce.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Policy {
    /// The largest share of live assignments in scope that may lose a task, from 0 to 100 percent.
    pub max_removals_percent: f64,
    /// The largest number of assignments that may lose a task.
    pub max_removals: u64,
    /// The smallest number of holders of a task that each WABA must keep.
    pub min_holders: BTreeMap<Task, u64>,
    /// Who counts as a holder.
    pub holders: Holders,
    /// The users that may not lose anything.
    pub protected_users: BTreeSet<UserId>,
    /// The tasks that can be assigned on a WABA, if the API reports them.
    pub permitted: BTreeMap<WabaId, TaskSet>,
    /// The access tests of the manifests.
    pub tests: Vec<Arc<AccessTest>>,
    /// Whether nobody may gain access. That is an option of a run, and a saved plan keeps it.
    pub no_new_access: bool,
    /// The waivers of the manifests, also those that have ended.
    pub waivers: Vec<Waiver>,
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

/// A setting of the manifests that limits what a plan may change, or what counts as drift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyLine {
    /// The path of the setting: `guards.max_removals`. Names in it are raw.
    pub key: String,
    /// Its value; `None` if it is not set and has no default.
    pub value: Option<String>,
    /// The default; `None` if there is none.
    pub default: Option<String>,
    /// The value in the manifests of `--previous`, if that is another one.
    pub previous: Option<Option<String>>,
}
