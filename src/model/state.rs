//! The state of access: which user holds which tasks on which WABA. One type for desired and live state.

use super::{AssignmentKey, TaskSet, UserId, WabaId};
use std::collections::BTreeMap;

/// Assignments by their key: an ordered map from (WABA, user) to a set of tasks that is never empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State(BTreeMap<AssignmentKey, TaskSet>);

impl State {
    /// Sets the tasks of an assignment. An empty set removes it.
    pub fn set(&mut self, key: AssignmentKey, tasks: TaskSet) {
        if tasks.is_empty() {
            self.0.remove(&key);
        } else {
            self.0.insert(key, tasks);
        }
    }

    /// Returns the tasks of an assignment; `None` if there are none.
    pub fn get(&self, key: AssignmentKey) -> Option<&TaskSet> {
        self.0.get(&key)
    }

    /// Keeps the assignments on the WABAs that a predicate accepts.
    #[must_use]
    pub fn retain_wabas(mut self, holds: impl Fn(WabaId) -> bool) -> Self {
        self.0.retain(|key, _| holds(key.waba));
        self
    }

    /// Returns the number of assignments.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there is no assignment.
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

/// Collects assignments. Keys in ascending order are fastest.
impl FromIterator<(AssignmentKey, TaskSet)> for State {
    fn from_iter<I: IntoIterator<Item = (AssignmentKey, TaskSet)>>(assignments: I) -> Self {
        Self(assignments.into_iter().filter(|(_, tasks)| !tasks.is_empty()).collect())
    }
}
