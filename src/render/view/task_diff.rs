//! The tasks that stay, come and go.

use crate::model::{Task, TaskSet};
use crate::render::harmless;

/// How two sets of tasks differ.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::render) struct TaskDiff {
    pub(in crate::render) kept: TaskSet,
    pub(in crate::render) gained: TaskSet,
    pub(in crate::render) lost: TaskSet,
}

/// What happens to a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::render) enum TaskMark {
    Kept,
    Gained,
    Lost,
}

impl TaskDiff {
    pub(in crate::render) fn between(before: &TaskSet, after: &TaskSet) -> Self {
        Self {
            kept: before.intersection(after),
            gained: after.difference(before),
            lost: before.difference(after),
        }
    }

    pub(in crate::render) fn unchanged(tasks: &TaskSet) -> Self {
        Self { kept: tasks.clone(), ..Self::default() }
    }

    /// Returns the escaped name of each task with what happens to it: kept, gained, then lost tasks.
    pub(in crate::render) fn marked(&self) -> impl Iterator<Item = (TaskMark, String)> {
        let sets =
            [(TaskMark::Kept, &self.kept), (TaskMark::Gained, &self.gained), (TaskMark::Lost, &self.lost)];
        sets.into_iter().flat_map(|(mark, set)| set.names().map(move |name| (mark, harmless(name))))
    }
}

/// Returns whether a name is that of a known task, and so not foreign text.
pub(in crate::render) fn is_known(name: &str) -> bool {
    name.parse::<Task>().is_ok()
}
