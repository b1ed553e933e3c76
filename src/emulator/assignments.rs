//! `/{waba}/assigned_users`: who holds what on a WABA, read and written.

use super::api::{Reply, Scene, names};
use super::auth::Caller;
use super::fields::{Field, Fields, Node};
use super::list::{PageOf, within};
use super::refusal::Refusal;
use super::request::Request;
use super::world::{ACTIVE, User, Waba, World};
use crate::model::{AssignmentKey, Task, TaskSet, UserId, WabaId};
use axum::http::Method;
use serde_json::{Value, json};
use std::cell::Cell;

/// The most tasks that one write may name.
const MOST_TASKS: usize = 16;

const ROW: Node = Node {
    name: "AssignedUser",
    fields: &["id", "name", "user_type", "business", "tasks"],
    unasked: &["id", "name", "user_type"],
};

/// Answers one of the three verbs.
pub(super) fn reply(
    scene: Scene<'_>,
    request: &Request,
    caller: Caller<'_>,
    id: &str,
) -> Result<Reply, Refusal> {
    let unknown = || Refusal::unknown_object(request.method.as_str(), id);
    let (id, waba) = caller.waba(scene.world, id).ok_or_else(unknown)?;
    caller.needs("whatsapp_business_management")?;
    let edge = Edge { world: scene.world, request, caller, id, waba };
    match request.method {
        Method::GET => edge.list(scene).map(|list| Reply::Tell(list, 0)),
        Method::POST => edge.write(),
        Method::DELETE => edge.remove(),
        _ => Err(unknown()),
    }
}

/// The rows of a WABA's list, by the user's id.
struct Rows<'a> {
    world: &'a World,
    rows: Vec<(UserId, &'a User, &'a TaskSet)>,
}

impl<'a> Rows<'a> {
    /// Finds them, as a business sees them. One that has nothing to do with the WABA is no error: its list is empty.
    fn on(world: &'a World, id: WabaId, waba: &Waba, business: &str) -> Self {
        if !business.parse().is_ok_and(|business| waba.involves(business)) {
            return Self { world, rows: Vec::new() };
        }
        let rows = world.assignments().on(id);
        let rows = rows.filter_map(|(id, tasks)| Some((id, world.users.get(&id)?, tasks)));
        Self { world, rows: rows.filter(|(_, user, _)| user.is_listed()).collect() }
    }

    fn page(&self, page: PageOf<'_>, fields: &Fields) -> Result<Value, Refusal> {
        let ids: Vec<UserId> = self.rows.iter().map(|(id, _, _)| *id).collect();
        page.give(
            |span| within(&ids, span),
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
            "user_type" => user.user_type().into(),
            "business" => {
                let name = self.world.businesses.get(&user.business);
                field.pick(&json!({ "id": user.business.to_string(), "name": name }))
            }
            "tasks" => names(tasks),
            _ => return None,
        })
    }
}

/// Lists of assignments that are nested in the WABAs of another list.
pub(super) struct Nested<'a> {
    scene: Scene<'a>,
    request: &'a Request,
    root: &'a str,
    business: String,
    fields: Fields,
    /// How many rows the answer holds, those of the WABAs included.
    rows: Cell<usize>,
    lists: Cell<usize>,
}

impl<'a> Nested<'a> {
    /// Reads what `assigned_users.business(…).limit(…).after(…){…}` asks for.
    pub(super) fn asked(
        field: &Field,
        scene: Scene<'a>,
        request: &'a Request,
        root: &'a str,
    ) -> Result<Self, Refusal> {
        let business = field.modifier("business").ok_or_else(|| Refusal::missing("business"))?.to_owned();
        let fields = Fields::nested(field, &ROW)?;
        Ok(Self { scene, request, root, business, fields, rows: Cell::new(0), lists: Cell::new(0) })
    }

    /// Returns how many lists there were so far.
    pub(super) fn lists(&self) -> usize {
        self.lists.get()
    }

    /// Counts a row of the list that this is nested in.
    pub(super) fn count_row(&self) -> Result<(), Refusal> {
        self.count(1)
    }

    fn count(&self, rows: usize) -> Result<(), Refusal> {
        self.rows.set(self.rows.get() + rows);
        if self.rows.get() > self.scene.most_rows { Err(Refusal::too_much()) } else { Ok(()) }
    }

    /// Returns the list of one WABA; `None` where nobody is on it.
    pub(super) fn list(&self, field: &Field, id: WabaId, waba: &Waba) -> Result<Option<Value>, Refusal> {
        let path = format!("{id}/assigned_users");
        let inside = Some(field.inside.as_str()).filter(|inside| !inside.is_empty());
        let page = PageOf {
            root: self.root,
            path: &path,
            limit: field.modifier("limit"),
            after: field.modifier("after"),
            before: field.modifier("before"),
            summary: field.modifier("summary"),
            cap: usize::MAX,
            query: [
                ("access_token", self.request.token.as_deref()),
                ("business", Some(&self.business)),
                ("fields", inside),
            ],
        };
        let list = Rows::on(self.scene.world, id, waba, &self.business).page(page, &self.fields)?;
        let rows = list["data"].as_array().map_or(0, Vec::len);
        if rows == 0 {
            return Ok(None);
        }
        self.lists.set(self.lists.get() + 1);
        self.count(rows)?;
        Ok(Some(list))
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
    fn list(&self, scene: Scene<'_>) -> Result<Value, Refusal> {
        let business = self.request.param("business").ok_or_else(|| Refusal::missing("business"))?;
        let fields = Fields::of(self.request, &ROW)?;
        let root = format!("{}/{}", scene.base, self.request.version);
        let path = self.request.path.join("/");
        let page = PageOf { cap: scene.cap, ..PageOf::asked(self.request, &root, &path) };
        Rows::on(self.world, self.id, self.waba, business).page(page, &fields)
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

    /// Returns the assignment that a write is about, where the caller may write and the user can be assigned.
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

    /// Returns the tasks that the caller can assign here: the permitted ones, and where the WABA comes through
    /// an active solution that does not give the app `MESSAGING`, only granular ones.
    fn accepted(&self) -> TaskSet {
        let all: TaskSet = Task::ALL.iter().copied().collect();
        let permitted = self.waba.clients.get(&self.caller.user.business).cloned().flatten();
        let accepted = permitted.unwrap_or(all);
        let solution = self.waba.solution.and_then(|id| self.world.solutions.get(&id));
        let active = solution.filter(|solution| solution.status == ACTIVE);
        let granted = active.and_then(|solution| solution.permissions(self.caller.token.app?));
        if granted.is_some_and(|granted| !granted.contains(Task::Messaging)) {
            let broad = [Task::Manage, Task::Messaging, Task::ReceiveIncomingMessages, Task::FullControl];
            return accepted.difference(&broad.into());
        }
        accepted
    }
}
