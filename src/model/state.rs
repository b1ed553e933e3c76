//! The state of access: who holds what, where. One type for what is desired and what is live.

use super::{AssignmentKey, TaskSet, UserId, WabaId};
use std::collections::BTreeMap;

/// Assignments by their key: an ordered map from (WABA, user) to a set of tasks that is never empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State(BTreeMap<AssignmentKey, TaskSet>);

impl State {
    /// Puts an assignment in the place of any other with its key; an empty set takes it away.
    pub fn set(&mut self, key: AssignmentKey, tasks: TaskSet) {
        if tasks.is_empty() {
            self.0.remove(&key);
        } else {
            self.0.insert(key, tasks);
        }
    }

    /// Returns what a user holds on a WABA; `None` for nothing.
    pub fn get(&self, key: AssignmentKey) -> Option<&TaskSet> {
        self.0.get(&key)
    }

    /// Keeps the assignments on the WABAs for which something holds.
    #[must_use]
    pub fn retain_wabas(mut self, holds: impl Fn(WabaId) -> bool) -> Self {
        self.0.retain(|key, _| holds(key.waba));
        self
    }

    /// Returns the number of assignments.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether nobody holds anything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns all assignments, by WABA and then by user.
    pub fn iter(&self) -> impl Iterator<Item = (AssignmentKey, &TaskSet)> {
        self.0.iter().map(|(key, tasks)| (*key, tasks))
    }

    /// Returns the assignments on one WABA, by user.
    pub fn on(&self, waba: WabaId) -> impl Iterator<Item = (UserId, &TaskSet)> {
        self.0
            .range(AssignmentKey { waba, user: UserId::MIN }..=AssignmentKey { waba, user: UserId::MAX })
            .map(|(key, tasks)| (key.user, tasks))
    }
}

/// Collects assignments; keys in ascending order are collected fastest.
impl FromIterator<(AssignmentKey, TaskSet)> for State {
    fn from_iter<I: IntoIterator<Item = (AssignmentKey, TaskSet)>>(assignments: I) -> Self {
        Self(assignments.into_iter().filter(|(_, tasks)| !tasks.is_empty()).collect())
    }
}
