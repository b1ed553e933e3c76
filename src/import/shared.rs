//! How a declared WABA is shared, as far as live data show it.

use super::draft::Draft;
use crate::model::{DirectoryWaba, Edge, Shared, Task, TaskSet};

/// How a WABA is shared, and whether the tasks that are given there need `accept`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sharing {
    pub(super) shared: Shared,
    pub(super) accepts_tasks: bool,
}

/// Returns the narrowest value that neither the API nor the tasks contradict that the manifests give there.
pub(super) fn sharing(draft: &Draft<'_>, waba: usize) -> Sharing {
    let Some(waba) = draft.wabas.get(waba) else {
        return Sharing { shared: Shared::Owned, accepts_tasks: false };
    };
    let mut given = TaskSet::EMPTY;
    for tasks in waba.given.values().chain(waba.held.iter().map(|(_, tasks)| tasks)) {
        given.extend(tasks);
    }
    sharing_of(waba.live, &given)
}

/// Returns the narrowest value for a WABA on which manifests give these tasks.
pub(super) fn sharing_of(live: &DirectoryWaba, given: &TaskSet) -> Sharing {
    if live.edge == Edge::Owned {
        return Sharing { shared: Shared::Owned, accepts_tasks: false };
    }
    let manages = given.contains(Task::Manage);
    let granular = Task::GRANULAR.into_iter().collect::<TaskSet>();
    let permits_manage = live.permitted_tasks.as_ref().is_none_or(|tasks| tasks.contains(Task::Manage));
    let shared = match live.solution_messaging {
        Some(true) => Shared::SolutionWithMessaging,
        Some(false) if given.is_subset(&granular) => Shared::SolutionWithoutMessaging,
        None if !permits_manage && !manages => Shared::Standard,
        Some(false) | None => Shared::Admin,
    };
    let accepts_tasks = shared == Shared::Standard && !given.is_subset(&TaskSet::from([Task::Develop]));
    Sharing { shared, accepts_tasks }
}

/// Returns whether a manifest may give these tasks on a WABA that is shared so, by Meta's guide.
pub(super) fn may_give(shared: Option<Shared>, tasks: &TaskSet) -> bool {
    match shared {
        Some(Shared::Standard) => !tasks.contains(Task::Manage),
        Some(Shared::SolutionWithoutMessaging) => tasks.is_subset(&TaskSet::from(Task::GRANULAR)),
        Some(Shared::Owned | Shared::Admin | Shared::SolutionWithMessaging) | None => true,
    }
}
