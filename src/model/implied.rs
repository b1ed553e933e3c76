//! Comparison of task sets when Meta stores more than was asked for.

use super::{Task, TaskSet};
use std::collections::BTreeMap;

/// The manifests' `implied` section: the tasks that Meta is seen to store beside or instead of a task.
///
/// They are ignored when two sets are compared that both hold the key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Implied(BTreeMap<Task, TaskSet>);

impl Implied {
    /// Adds the tasks that a task implies, in the place of those given for it before.
    pub fn insert(&mut self, task: Task, implied: TaskSet) {
        self.0.insert(task, implied);
    }

    /// Returns each task with the tasks that it implies, by the task's name.
    pub fn iter(&self) -> impl Iterator<Item = (Task, &TaskSet)> {
        self.0.iter().map(|(task, implied)| (*task, implied))
    }

    /// Returns whether two sets differ in nothing but implied tasks.
    pub fn same(&self, one: &TaskSet, other: &TaskSet) -> bool {
        if one == other {
            return true;
        }
        let ignored = self.by_both(one, other);
        !ignored.is_empty() && one.difference(&ignored) == other.difference(&ignored)
    }

    /// Returns the tasks that are implied by a task which both sets hold.
    pub fn by_both(&self, one: &TaskSet, other: &TaskSet) -> TaskSet {
        let mut both = TaskSet::EMPTY;
        for (task, implied) in &self.0 {
            if one.contains(*task) && other.contains(*task) {
                both.extend(implied);
            }
        }
        both
    }
}

impl FromIterator<(Task, TaskSet)> for Implied {
    fn from_iter<I: IntoIterator<Item = (Task, TaskSet)>>(implied: I) -> Self {
        Self(implied.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn implied_tasks_are_ignored_where_both_sets_hold_the_key() {
        let implied = Implied::from_iter([(Task::Manage, TaskSet::from([Task::ViewCost]))]);
        let (wide, narrow) = (TaskSet::from([Task::Manage, Task::ViewCost]), TaskSet::from([Task::Manage]));
        assert!(implied.same(&wide, &narrow) && implied.same(&narrow, &wide));
        assert!(!Implied::default().same(&wide, &narrow));
        assert!(!implied.same(&TaskSet::from([Task::ViewCost]), &TaskSet::EMPTY), "nobody holds the key");
        assert!(!implied.same(&wide, &TaskSet::from([Task::Manage, Task::Develop])));
    }
}
