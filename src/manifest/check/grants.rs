//! The grants, and the names that they refer to.

use super::declarations::Declarations;
use super::{Checker, task_names};
use crate::diagnostic;
use crate::manifest::raw::RawGrant;
use crate::manifest::scalar::{Located, NameText, TaskOrRoleText};
use crate::manifest::{Grant, WabaSelection};
use crate::model::{At, Name, Position, Task, TaskSet};
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

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
        let users = self.required_list(at, "users", grant.users);
        let users = users.into_iter().filter_map(|user| self.declared_user(user, declarations)).collect();
        let tasks = self.required_list(at, "tasks", grant.tasks);
        let (tasks, task_places) = self.tasks(tasks, roles, &declarations.extra_tasks);
        if grant.wabas.is_none() && grant.labels.is_none() {
            self.report(diagnostic::grant_of_nowhere(at));
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

    /// Returns a list; reports it if it is missing or empty.
    fn required_list<T>(&mut self, at: Position, key: &str, list: Option<Vec<T>>) -> Vec<T> {
        match list {
            None => self.report(diagnostic::missing(at, "a grant", key)),
            Some(list) if list.is_empty() => self.report(diagnostic::grant_of_nothing(at, key)),
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
    fn tasks(
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
