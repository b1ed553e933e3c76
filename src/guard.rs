//! The guards: rules that a plan must keep. A guard reads the plan and says no; it never edits it.

use crate::model::{Plan, Task, TaskSet, UserId, WabaId};
use std::collections::{BTreeMap, BTreeSet};

/// What the guards go by.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Policy {
    /// How many of the live assignments in scope may lose something, 0 to 100 percent.
    pub max_removals_percent: f64,
    /// How many assignments may lose something.
    pub max_removals: u64,
    /// How many holders of a task each WABA must keep.
    pub min_holders: BTreeMap<Task, u64>,
    /// Who may lose nothing.
    pub protected_users: BTreeSet<UserId>,
    /// The tasks that can be assigned on a WABA, where the API tells.
    pub permitted: BTreeMap<WabaId, TaskSet>,
}

/// A breach of a guard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The guard: `max-removals`, `min-holders`, `self`, `protected-user` or `not-permitted`.
    pub code: &'static str,
    /// The WABA on which it happens, where it is one.
    pub waba: Option<WabaId>,
    /// The user whom it concerns, where it is one.
    pub user: Option<UserId>,
    /// What would happen, with numbers; foreign names in it are already harmless.
    pub message: String,
}

/// A plan that every guard passed. Only this room makes one, only `apply` takes one.
#[derive(Debug)]
pub struct ApprovedPlan(Plan);

impl ApprovedPlan {
    /// Gives the plan.
    pub fn plan(&self) -> &Plan {
        &self.0
    }
}
