//! The estate: everything that the API reports of a business, for a snapshot and for an import.

use super::{
    AppId, Directory, LiveSource, Name, Observed, SolutionId, Task, TaskSet, Unreadable, UserId, WabaId,
};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Everything that the API reports of a business: its system users, the WABAs on its lists, and all access there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estate {
    /// When the reading began, to the second.
    pub taken: Timestamp,
    /// Where it was read.
    pub live_source: LiveSource,
    /// The name of the business, if the API reports it.
    pub name: Option<Name>,
    /// The app that the token belongs to, if the API reports it.
    pub app: Option<AppId>,
    /// The user that the token belongs to, with its name, if the API reports it.
    pub acting_user: Option<(UserId, Name)>,
    /// The system users and the WABAs on both lists.
    pub directory: Directory,
    /// The access on all these WABAs, and where it could not be read.
    pub observed: Observed,
    /// The solutions through which WABAs are shared with the business.
    pub solutions: Solutions,
    /// The system users whose own list of WABAs could not be read. It is read only if the list of a WABA is empty.
    pub user_lists: BTreeMap<UserId, Unreadable>,
    /// The WABAs of which the list has a row that cannot be read. Only the id is known.
    pub left_out: BTreeMap<WabaId, Unreadable>,
}

impl Estate {
    /// Makes an estate of which only the access is known, and nothing of how it was read.
    pub fn of(directory: Directory, observed: Observed) -> Self {
        Self {
            taken: Timestamp::UNIX_EPOCH,
            live_source: LiveSource::default(),
            name: None,
            app: None,
            acting_user: None,
            directory,
            observed,
            solutions: Solutions::default(),
            user_lists: BTreeMap::new(),
            left_out: BTreeMap::new(),
        }
    }

    /// Returns whether the API did not report something that it should: access, a solution, or a WABA.
    pub fn is_incomplete(&self) -> bool {
        let Observed { unreadable, unconfirmed, .. } = &self.observed;
        !(unreadable.is_empty()
            && unconfirmed.is_empty()
            && self.left_out.is_empty()
            && self.solutions.of_waba.values().all(Result::is_ok))
    }
}

/// The Multi-Partner Solutions of an estate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Solutions {
    /// The solutions of each WABA that is shared with the business and has some, or why they could not be read.
    pub of_waba: BTreeMap<WabaId, Result<Vec<SolutionId>, Unreadable>>,
    /// The solutions.
    pub known: BTreeMap<SolutionId, LiveSolution>,
}

impl Solutions {
    /// Returns whether any active solution of a WABA grants `MESSAGING` to an app; `None` if that is unknown.
    pub fn grant_messaging(&self, waba: WabaId, app: AppId) -> Option<bool> {
        let solutions = self.of_waba.get(&waba)?.as_ref().ok()?.iter();
        solutions.filter_map(|id| self.known.get(id)?.grants_messaging(app)).max()
    }
}

/// A Multi-Partner Solution as the API reports it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LiveSolution {
    /// The name.
    pub name: Name,
    /// The status, if the API reports it; `ACTIVE` is one that is in force.
    pub status: Option<String>,
    /// The app that owns it, if the API reports it.
    pub owner_app: Option<AppId>,
    /// The permissions of that app; `None` if the API does not report them.
    pub owner_permissions: Option<TaskSet>,
    /// The apps of the partners with their permissions. Empty if the API does not report them.
    pub partners: BTreeMap<AppId, Option<TaskSet>>,
}

impl LiveSolution {
    /// Returns whether the solution is in force and grants `MESSAGING` to an app, as owner or partner; `None` if that is
    /// unknown.
    fn grants_messaging(&self, app: AppId) -> Option<bool> {
        if self.status.as_deref() != Some("ACTIVE") {
            return None;
        }
        let owner = self.owner_permissions.as_ref().filter(|_| self.owner_app == Some(app));
        let granted = owner.or_else(|| self.partners.get(&app)?.as_ref())?;
        Some(granted.contains(Task::Messaging))
    }
}
