//! `/{waba}/assigned_users`: who holds what on a WABA, read and written.

use super::api::{Reply, names};
use super::caller::Caller;
use super::fields::{Fields, Node};
use super::list::page;
use super::refusal::Refusal;
use super::request::Request;
use super::world::{User, Waba, World};
use crate::model::{AssignmentKey, Task, TaskSet, UserId, WabaId};
use axum::http::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The most tasks that one write may name.
const MOST_TASKS: usize = 16;

const ROW: Node = Node {
    name: "AssignedUser",
    fields: &["id", "name", "user_type", "business", "tasks"],
    unasked: &["id", "name", "user_type"],
};

/// Answers one of the three verbs.
pub(super) fn reply(
    world: &World,
    base: &str,
    request: &Request,
    caller: Caller<'_>,
    id: &str,
) -> Result<Reply, Refusal> {
    let unknown = || Refusal::unknown_object(request.method.as_str(), id);
    let (id, waba) = caller.waba(world, id).ok_or_else(unknown)?;
    caller.needs("whatsapp_business_management")?;
    let edge = Edge { world, request, caller, id, waba };
    match request.method {
        Method::GET => edge.list(base).map(Reply::Tell),
        Method::POST => edge.write(),
        Method::DELETE => edge.remove(),
        _ => Err(unknown()),
    }
}

/// The edge of one WABA, as one caller sees it.
struct Edge<'a> {
    world: &'a World,
    request: &'a Request,
    caller: Caller<'a>,
    id: WabaId,
    waba: &'a Waba,
}

impl Edge<'_> {
    fn list(&self, base: &str) -> Result<Value, Refusal> {
        let business = self.request.param("business").ok_or_else(|| Refusal::missing("business"))?;
        let fields = Fields::of(self.request, &ROW)?;
        // A business that has nothing to do with the WABA is no error: its list is empty.
        let fits = business.parse().is_ok_and(|business| self.waba.involves(business));
        let rows: BTreeMap<UserId, (&User, &TaskSet)> = self
            .world
            .assignments()
            .on(self.id)
            .filter_map(|(id, tasks)| Some((id, (self.world.users.get(&id)?, tasks))))
            .filter(|(_, (user, _))| fits && user.is_listed())
            .collect();
        let ids: Vec<UserId> = rows.keys().copied().collect();
        page(self.request, base, &ids, |id| match rows.get(&id) {
            Some((user, tasks)) => fields.pick(&self.row(id, user, tasks)),
            None => Value::Null,
        })
    }

    fn row(&self, id: UserId, user: &User, tasks: &TaskSet) -> Value {
        json!({
            "id": id.to_string(),
            "name": user.name,
            "user_type": user.user_type(),
            "business": { "id": user.business.to_string(), "name": self.world.businesses.get(&user.business) },
            "tasks": names(tasks),
        })
    }

    /// Checks a write; what it asks for replaces all that the user holds.
    fn write(&self) -> Result<Reply, Refusal> {
        let key = self.key()?;
        let tasks = self.tasks()?;
        if key.user == self.caller.id && !tasks.is_subset(&self.held(key)) {
            return Err(Refusal::forbidden("You cannot raise your own permissions on this asset"));
        }
        Ok(Reply::Store(key, tasks))
    }

    fn remove(&self) -> Result<Reply, Refusal> {
        let key = self.key()?;
        if self.held(key).is_empty() {
            let message = format_args!("The user {} is not assigned to this asset", key.user);
            return Err(Refusal::not_found(message));
        }
        Ok(Reply::Store(key, TaskSet::EMPTY))
    }

    fn held(&self, key: AssignmentKey) -> TaskSet {
        self.world.assignments().get(key).cloned().unwrap_or_default()
    }

    /// Gives the assignment that a write is about, where the caller may write and the user can be assigned.
    fn key(&self) -> Result<AssignmentKey, Refusal> {
        let text = self.request.param("user").ok_or_else(|| Refusal::missing("user"))?;
        if !self.caller.user.is_admin() {
            return Err(Refusal::forbidden(
                "Permissions error: the token must belong to a system user with admin permissions",
            ));
        }
        let user: UserId = text.parse().map_err(|_| Refusal::wrong_user(text))?;
        let entry = self.world.users.get(&user).filter(|entry| self.waba.involves(entry.business));
        entry.ok_or_else(|| Refusal::wrong_user(text))?;
        Ok(AssignmentKey { waba: self.id, user })
    }

    /// Reads the tasks that a write asks for; all must be known and to be had here.
    fn tasks(&self) -> Result<TaskSet, Refusal> {
        let names = self.request.tasks()?;
        if names.is_empty() || names.len() > MOST_TASKS {
            return Err(Refusal::bad("Param tasks must hold between 1 and 16 values"));
        }
        let accepted = self.accepted();
        let mut tasks = TaskSet::EMPTY;
        for (index, name) in names.iter().enumerate() {
            match name.parse::<Task>() {
                Ok(task) if accepted.contains(task) => tasks.insert(task),
                _ => return Err(Refusal::task(index, name, accepted.known())),
            }
        }
        Ok(tasks)
    }

    /// Gives the tasks that the caller can assign here: the permitted ones, and where the WABA comes through
    /// a solution that does not give the app `MESSAGING`, only granular ones.
    fn accepted(&self) -> TaskSet {
        let all: TaskSet = Task::ALL.iter().copied().collect();
        let permitted = self.waba.clients.get(&self.caller.user.business).cloned().flatten();
        let accepted = permitted.unwrap_or(all);
        let solution = self.waba.solution.and_then(|id| self.world.solutions.get(&id));
        let granted = solution.and_then(|solution| solution.permissions(self.caller.token.app?));
        if granted.is_some_and(|granted| !granted.contains(Task::Messaging)) {
            let broad = [Task::Manage, Task::Messaging, Task::ReceiveIncomingMessages, Task::FullControl];
            return accepted.difference(&broad.into());
        }
        accepted
    }
}
