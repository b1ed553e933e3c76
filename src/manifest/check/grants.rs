//! The grants and exceptions, and the names that they refer to.

use super::declarations::Declarations;
use super::{Checker, task_names};
use crate::diagnostic::{self, Diagnostic};
use crate::manifest::raw::{RawException, RawGrant};
use crate::manifest::scalar::{Located, NameText, TaskOrRoleText};
use crate::manifest::{Grant, WabaSelection};
use crate::model::{At, Name, Position, Task, TaskSet};
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

/// What a section lists.
#[derive(Clone, Copy)]
enum Kind {
    Grant,
    Exception,
}

impl Kind {
    fn with_article(self) -> &'static str {
        match self {
            Self::Grant => "a grant",
            Self::Exception => "an exception",
        }
    }

    /// Reports an empty list.
    fn empty(self, at: Position, key: &str) -> Diagnostic {
        match self {
            Self::Grant => diagnostic::grant_of_nothing(at, key),
            Self::Exception => diagnostic::exception_of_nothing(at, key),
        }
    }
}

impl Checker<'_> {
    /// Checks the grant with this index in its document.
    pub(super) fn grant(
        &mut self,
        index: usize,
        grant: Located<RawGrant>,
        declarations: &Declarations,
        roles: &BTreeMap<Name, TaskSet>,
    ) -> Grant {
        let (at, grant) = (self.at(grant.location), grant.value);
        self.key_problems(grant.problems);
        let users = self.required_list(at, Kind::Grant, "users", grant.users);
        let users = users.into_iter().filter_map(|user| self.declared_user(user, declarations)).collect();
        let tasks = self.required_list(at, Kind::Grant, "tasks", grant.tasks);
        let (tasks, task_places) = self.tasks(tasks, roles, &declarations.extra_tasks);
        if grant.wabas.is_none() && grant.labels.is_none() {
            self.report(diagnostic::grant_of_nowhere(at, "grant"));
        }
        let selection = WabaSelection {
            wabas: grant.wabas.map(|wabas| self.selectors(at, wabas, declarations)),
            labels: self.label_selector(grant.labels),
            except: grant.except.map(|except| self.except(except, declarations)),
        };
        let [from, until] = self.period(grant.from, grant.until);
        Grant {
            at,
            path: format!("grants[{index}]"),
            name: grant.name.and_then(|name| self.name(name, "name")).map(|name| name.value),
            users,
            tasks,
            task_places,
            selection,
            from,
            until,
            reason: grant.reason.and_then(|reason| self.name(reason, "reason")).map(|reason| reason.value),
        }
    }

    /// Checks the exception with this index in its document. Its tasks may be none.
    pub(super) fn exception(
        &mut self,
        index: usize,
        exception: Located<RawException>,
        declarations: &Declarations,
        roles: &BTreeMap<Name, TaskSet>,
    ) -> Grant {
        let (at, exception) = (self.at(exception.location), exception.value);
        for (key, is_missing) in
            [("tasks", exception.tasks.is_none()), ("reason", exception.reason.is_none())]
        {
            if is_missing && !exception.has_empty(key) {
                self.report(diagnostic::missing(at, "an exception", key));
            }
        }
        self.key_problems(exception.problems);
        let users = self.required_list(at, Kind::Exception, "users", exception.users);
        let users = users.into_iter().filter_map(|user| self.declared_user(user, declarations)).collect();
        let tasks = exception.tasks.unwrap_or_default();
        let (tasks, task_places) = self.tasks(tasks, roles, &declarations.extra_tasks);
        if exception.wabas.is_none() && exception.labels.is_none() {
            self.report(diagnostic::grant_of_nowhere(at, "exception"));
        }
        let selection = WabaSelection {
            wabas: exception.wabas.map(|wabas| self.selectors(at, wabas, declarations)),
            labels: self.label_selector(exception.labels),
            except: None,
        };
        Grant {
            at,
            path: format!("exceptions[{index}]"),
            name: None,
            users,
            tasks,
            task_places,
            selection,
            from: None,
            until: exception.until.and_then(|until| self.time(&until)),
            reason: exception
                .reason
                .and_then(|reason| self.name(reason, "reason"))
                .map(|reason| reason.value),
        }
    }

    /// Returns a list; reports it if it is missing or empty.
    fn required_list<T>(&mut self, at: Position, kind: Kind, key: &str, list: Option<Vec<T>>) -> Vec<T> {
        match list {
            None => self.report(diagnostic::missing(at, kind.with_article(), key)),
            Some(list) if list.is_empty() => self.report(kind.empty(at, key)),
            Some(list) => return list,
        }
        Vec::new()
    }

    fn declared_user(&mut self, user: NameText, declarations: &Declarations) -> Option<At<Name>> {
        let at = self.at(user.location);
        if declarations.system_users.contains_key(user.text.as_str()) {
            return Some(At { value: Name::new(user.text), at });
        }
        self.undeclared(at, "system_users", &user.text, declarations.system_users.keys());
        None
    }

    /// Returns the union of the tasks and roles, and the tasks that each list item gives with its position.
    pub(super) fn tasks(
        &mut self,
        items: Vec<TaskOrRoleText>,
        roles: &BTreeMap<Name, TaskSet>,
        extra_tasks: &BTreeSet<String>,
    ) -> (TaskSet, Vec<(TaskSet, Position)>) {
        let mut all = TaskSet::EMPTY;
        let mut places = Vec::with_capacity(items.len());
        for TaskOrRoleText { text, location } in items {
            let at = self.at(location);
            let tasks = match (Task::from_str(&text), roles.get(text.as_str())) {
                (Ok(task), _) => TaskSet::from([task]),
                (Err(_), Some(role)) => {
                    self.used_roles.insert(Name::from(&*text));
                    role.clone()
                }
                (Err(_), None) if extra_tasks.contains(&text) => TaskSet::from_names([&text]),
                (Err(_), None) => {
                    let candidates = self.take_comparisons(roles.len());
                    let candidates = roles.keys().take(candidates).map(Name::as_str).chain(task_names());
                    self.report_reference(diagnostic::unknown_role(at, &text, candidates));
                    continue;
                }
            };
            all.extend(&tasks);
            places.push((tasks, at));
        }
        (all, places)
    }
}
