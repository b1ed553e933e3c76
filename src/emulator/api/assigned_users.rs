//! `/{waba}/assigned_users`: the assignments on a WABA, read and written.

use super::context::{Reply, Write};
use super::fields::{Field, Fields, NodeType};
use super::paging::{PageQuery, within};
use super::query::{Query, task_names};
use super::rejection::Rejection;
use crate::emulator::world::{ACTIVE, User, Waba, World};
use crate::model::{AssignmentKey, Task, TaskSet, UserId, WabaId};
use axum::http::Method;
use serde_json::{Value, json};

/// The maximum number of tasks in one write, from Meta's documentation.
const MAX_TASKS: usize = 16;
/// The tasks that cannot be assigned on a WABA of a solution without `MESSAGING`, from Meta's guide "Manage System
/// Users".
const NOT_GRANULAR: [Task; 4] =
    [Task::Manage, Task::Messaging, Task::ReceiveIncomingMessages, Task::FullControl];

/// The type of the rows.
pub(crate) const ASSIGNED_USER: NodeType = NodeType {
    name: "AssignedUser",
    fields: &["id", "name", "user_type", "business", "tasks"],
    default_fields: &["id", "name", "user_type", "tasks"],
};

/// Handles GET, POST and DELETE.
///
/// # Errors
///
/// If the API rejects the request.
pub(crate) fn reply(query: &Query<'_>, id: &str) -> Result<Reply, Rejection> {
    let (id, waba) = query.caller.waba(query.world(), id).ok_or_else(|| query.unknown(id))?;
    query.caller.require_scope("whatsapp_business_management")?;
    if let Some(refusal) = &waba.unreadable {
        return Err(Rejection::refused(refusal));
    }
    let edge = AssignedUsers { query, id, waba };
    match query.request.method {
        Method::GET => edge.list(),
        Method::POST => edge.write(),
        Method::DELETE => edge.remove(),
        _ => Err(query.unknown(&id.to_string())),
    }
}

/// The rows of a WABA's list, by the user's id.
pub(crate) struct AssignedRows<'a> {
    world: &'a World,
    rows: Vec<(UserId, &'a User, &'a TaskSet)>,
}

impl<'a> AssignedRows<'a> {
    /// Returns the rows that a business sees. For a business without a share of the WABA, the list is empty.
    pub(crate) fn on(world: &'a World, id: WabaId, waba: &Waba, business: &str) -> Self {
        if !business.parse().is_ok_and(|business| waba.involves(business)) {
            return Self { world, rows: Vec::new() };
        }
        let rows = world.assignments().on(id);
        let rows = rows.filter_map(|(id, tasks)| Some((id, world.users.get(&id)?, tasks)));
        Self { world, rows: rows.filter(|(_, user, _)| user.is_listed()).collect() }
    }

    /// Returns a page of the rows.
    ///
    /// # Errors
    ///
    /// If the limit or the cursor is invalid.
    pub(crate) fn page(&self, query: PageQuery<'_>, fields: &Fields) -> Result<Value, Rejection> {
        let ids: Vec<UserId> = self.rows.iter().map(|(id, _, _)| *id).collect();
        query.page(
            |range| within(&ids, range),
            |id| {
                let found = self.rows.binary_search_by_key(&id, |(id, _, _)| *id);
                let Some((_, user, tasks)) = found.ok().and_then(|at| self.rows.get(at)) else {
                    return Ok(Value::Null);
                };
                fields.build(&id.to_string(), |field| Ok(self.value(field, user, tasks)))
            },
        )
    }

    fn value(&self, field: &Field, user: &User, tasks: &TaskSet) -> Option<Value> {
        Some(match field.name.as_str() {
            "name" => user.name.as_str().into(),
            "user_type" => user.user_type()?.into(),
            "business" => {
                let business = user.business?;
                let name = self.world.businesses.get(&business);
                field.pick(&json!({ "id": business.to_string(), "name": name }))
            }
            "tasks" => task_names(tasks),
            _ => return None,
        })
    }
}

/// The edge of one WABA.
struct AssignedUsers<'a> {
    query: &'a Query<'a>,
    id: WabaId,
    waba: &'a Waba,
}

impl AssignedUsers<'_> {
    fn list(&self) -> Result<Reply, Rejection> {
        let Query { context, request, root, .. } = self.query;
        let business = request.param("business").ok_or_else(|| Rejection::missing("business"))?;
        let fields = Fields::of(request, &ASSIGNED_USER)?;
        let path = request.path.join("/");
        let page = PageQuery::of_request(request, root, &path, context.max_page_rows);
        let rows = AssignedRows::on(context.world, self.id, self.waba, business);
        Ok(rows.page(page, &fields)?.into())
    }

    /// Checks a POST. Its tasks replace all tasks of the user.
    fn write(&self) -> Result<Reply, Rejection> {
        let key = self.key()?;
        let tasks = self.tasks()?;
        if key.user == self.query.caller.id && !tasks.is_subset(&self.query.world().tasks(key)) {
            return Err(Rejection::forbidden("You cannot raise your own permissions on this asset"));
        }
        Ok(Reply::Write(Write::Assign(key, tasks)))
    }

    /// Checks a DELETE.
    fn remove(&self) -> Result<Reply, Rejection> {
        let key = self.key()?;
        if self.query.world().tasks(key).is_empty() {
            let message = format_args!("The user {} is not assigned to this asset", key.user);
            return Err(Rejection::not_found(message));
        }
        Ok(Reply::Write(Write::Assign(key, TaskSet::EMPTY)))
    }

    /// Returns the assignment that a write changes, if the caller can write and the user can be assigned.
    fn key(&self) -> Result<AssignmentKey, Rejection> {
        let text = self.query.request.param("user").ok_or_else(|| Rejection::missing("user"))?;
        self.query.require_admin()?;
        let id: UserId = text.parse().map_err(|_| Rejection::wrong_user(text))?;
        let user = self.query.world().users.get(&id);
        let business = user.and_then(|user| user.business);
        if !business.is_some_and(|business| self.waba.involves(business)) {
            return Err(Rejection::wrong_user(text));
        }
        Ok(AssignmentKey { waba: self.id, user: id })
    }

    /// Returns the tasks of a write, if all of them can be assigned.
    fn tasks(&self) -> Result<TaskSet, Rejection> {
        let names = self.query.request.tasks()?;
        if names.is_empty() || names.len() > MAX_TASKS {
            return Err(Rejection::bad("Param tasks must hold between 1 and 16 values"));
        }
        let accepted = self.accepted();
        let mut tasks = TaskSet::EMPTY;
        for (index, name) in names.iter().enumerate() {
            match name.parse::<Task>() {
                Ok(task) if accepted.contains(task) => tasks.insert(task),
                _ => return Err(Rejection::task(index, name, accepted.known())),
            }
        }
        Ok(tasks)
    }

    /// Returns the tasks that the caller can assign: the permitted ones, without the broad ones if the WABA is shared
    /// through an active solution that does not grant `MESSAGING` to the caller's app.
    fn accepted(&self) -> TaskSet {
        let caller = &self.query.caller;
        let all: TaskSet = Task::ALL.iter().copied().collect();
        let permitted = caller.user.business.and_then(|business| self.waba.clients.get(&business)?.clone());
        let accepted = permitted.unwrap_or(all);
        let solutions = self.waba.solutions.iter().filter_map(|id| self.query.world().solutions.get(id));
        let active = solutions.filter(|solution| solution.status.as_deref() == Some(ACTIVE));
        let granted = active.filter_map(|solution| solution.permissions(caller.token.app?));
        let messaging = granted.map(|granted| granted.contains(Task::Messaging)).max();
        if messaging == Some(false) { accepted.difference(&NOT_GRANULAR.into()) } else { accepted }
    }
}
