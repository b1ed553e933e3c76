//! The endpoints: which path is which, and what the reads answer.

use super::assignments;
use super::caller::{Caller, is_over};
use super::fields::{Fields, Node};
use super::list::{Key, page};
use super::refusal::Refusal;
use super::request::Request;
use super::world::{Solution, UserKind, Waba, World};
use crate::model::{AppId, AssignmentKey, BusinessId, SolutionId, TaskSet, UserId, WabaId};
use axum::http::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a request comes to where nothing speaks against it.
pub(super) enum Reply {
    /// An answer, and nothing changes.
    Tell(Value),
    /// A write: this user holds these tasks there from now on.
    Store(AssignmentKey, TaskSet),
}

const NAMED: Node = Node { name: "Business", fields: &["id", "name"], unasked: &["id", "name"] };
const SYSTEM_USER: Node =
    Node { name: "SystemUser", fields: &["id", "name", "role"], unasked: &["id", "name", "role"] };
const WABA: Node = Node {
    name: "WhatsAppBusinessAccount",
    fields: &[
        "id",
        "name",
        "ownership_type",
        "owner_business_info",
        "on_behalf_of_business_info",
        "is_shared_with_partners",
        "account_review_status",
        "status",
        "permitted_tasks",
        "tasks",
    ],
    unasked: &["id", "name"],
};
const SOLUTION: Node = Node {
    name: "WhatsAppBusinessSolution",
    fields: &[
        "id",
        "name",
        "status",
        "status_for_pending_request",
        "owner_app",
        "owner_permissions",
        "partners",
    ],
    unasked: &["id", "name", "status", "status_for_pending_request"],
};

/// Answers a request; `base` is the URL of the server.
pub(super) fn reply(world: &World, base: &str, request: &Request) -> Result<Reply, Refusal> {
    let caller = Caller::of(world, request)?;
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    if let [waba, "assigned_users"] = path.as_slice() {
        return assignments::reply(world, base, request, caller, waba);
    }
    if request.method != Method::GET {
        let id = path.first().copied().unwrap_or_default();
        return Err(Refusal::unknown_object(request.method.as_str(), id));
    }
    let ask = Ask { world, base, request, caller };
    match path.as_slice() {
        ["me"] => ask.me(),
        ["debug_token"] => ask.debug_token(),
        [id] => ask.node(id),
        [id, edge] => ask.edge(id, edge),
        rest => Err(Refusal::unknown_path(&rest.join("/"))),
    }
    .map(Reply::Tell)
}

/// A read with everything that answering it takes.
struct Ask<'a> {
    world: &'a World,
    base: &'a str,
    request: &'a Request,
    caller: Caller<'a>,
}

impl Ask<'_> {
    fn me(&self) -> Result<Value, Refusal> {
        let fields = Fields::of(self.request, &NAMED)?;
        Ok(fields.pick(&json!({ "id": self.caller.id.to_string(), "name": self.caller.user.name })))
    }

    /// Tells about a token, the caller's own or another.
    fn debug_token(&self) -> Result<Value, Refusal> {
        let text = self.request.param("input_token").ok_or_else(|| Refusal::missing("input_token"))?;
        let Some(token) = self.world.tokens.get(text) else {
            let error = json!({ "code": 190, "message": "Invalid OAuth access token." });
            return Ok(json!({ "data": { "error": error, "is_valid": false, "scopes": [] } }));
        };
        let granular: Vec<Value> = token.scopes.iter().map(|scope| json!({ "scope": scope })).collect();
        let mut data = json!({
            "type": "SYSTEM_USER",
            "is_valid": !is_over(token.expires_at),
            "expires_at": token.expires_at,
            "data_access_expires_at": 0,
            "issued_at": 0,
            "scopes": token.scopes,
            "granular_scopes": granular,
            "user_id": token.user.to_string(),
        });
        if let Some(app) = token.app {
            data["app_id"] = app.to_string().into();
        }
        if is_over(token.expires_at) {
            data["error"] = json!({ "code": 190, "subcode": 463, "message": "Session has expired." });
        }
        Ok(json!({ "data": data }))
    }

    fn node(&self, id: &str) -> Result<Value, Refusal> {
        if let Some((id, name)) = self.caller.business(self.world, id) {
            let fields = Fields::of(self.request, &NAMED)?;
            return Ok(fields.pick(&json!({ "id": id.to_string(), "name": name })));
        }
        if let Some((id, waba)) = self.caller.waba(self.world, id) {
            self.caller.needs("whatsapp_business_management")?;
            return Ok(Fields::of(self.request, &WABA)?.pick(&self.waba(id, waba)));
        }
        if let Some((id, solution)) = self.solution(id) {
            return Ok(Fields::of(self.request, &SOLUTION)?.pick(&solution_node(id, solution)));
        }
        Err(self.unknown(id))
    }

    fn edge(&self, id: &str, edge: &str) -> Result<Value, Refusal> {
        match edge {
            "system_users" => self.system_users(self.business(id)?),
            "owned_whatsapp_business_accounts" => self.wabas(self.business(id)?, true),
            "client_whatsapp_business_accounts" => self.wabas(self.business(id)?, false),
            "assigned_whatsapp_business_accounts" => self.assigned_wabas(id),
            "solutions" => self.solutions(id),
            _ => Err(Refusal::unknown_path(edge)),
        }
    }

    fn unknown(&self, id: &str) -> Refusal {
        Refusal::unknown_object(self.request.method.as_str(), id)
    }

    fn business(&self, id: &str) -> Result<BusinessId, Refusal> {
        let (business, _) = self.caller.business(self.world, id).ok_or_else(|| self.unknown(id))?;
        self.caller.needs("business_management")?;
        Ok(business)
    }

    /// Finds a solution that the token's app has a part in.
    fn solution(&self, id: &str) -> Option<(SolutionId, &Solution)> {
        let id: SolutionId = id.parse().ok()?;
        let solution = self.world.solutions.get(&id)?;
        self.caller.token.app.and_then(|app| solution.permissions(app))?;
        Some((id, solution))
    }

    fn system_users(&self, business: BusinessId) -> Result<Value, Refusal> {
        let fields = Fields::of(self.request, &SYSTEM_USER)?;
        let own = self.world.users.iter().filter_map(|(id, user)| match &user.kind {
            UserKind::System { role, .. } if user.business == business => {
                Some((*id, json!({ "id": id.to_string(), "name": user.name, "role": role })))
            }
            UserKind::System { .. } | UserKind::Person { .. } => None,
        });
        self.page_of(&fields, &own.collect())
    }

    fn wabas(&self, business: BusinessId, owned: bool) -> Result<Value, Refusal> {
        let fields = Fields::of(self.request, &WABA)?;
        let on_edge = |waba: &Waba| {
            if owned { waba.owner == business } else { waba.clients.contains_key(&business) }
        };
        let wabas = self.world.wabas.iter().filter(|(_, waba)| on_edge(waba));
        let ids: Vec<WabaId> = wabas.map(|(id, _)| *id).collect();
        page(self.request, self.base, &ids, |id| {
            let Some(waba) = self.world.wabas.get(&id) else { return Value::Null };
            let mut node = self.waba(id, waba);
            if let Some(Some(tasks)) = waba.clients.get(&business) {
                node["permitted_tasks"] = names(tasks);
            }
            fields.pick(&node)
        })
    }

    /// Answers the users' side of the assignments.
    fn assigned_wabas(&self, id: &str) -> Result<Value, Refusal> {
        self.caller.needs("whatsapp_business_management")?;
        let parsed: Option<UserId> = id.parse().ok();
        let found = parsed.and_then(|id| Some((id, self.world.users.get(&id)?)));
        let (user, entry) = found.ok_or_else(|| self.unknown(id))?;
        let fields = Fields::of(self.request, &WABA)?;
        let held = self.world.held_by(user).filter(|waba| {
            let waba = self.world.wabas.get(waba);
            entry.is_listed() && waba.is_some_and(|waba| waba.involves(self.caller.user.business))
        });
        let ids: Vec<WabaId> = held.collect();
        page(self.request, self.base, &ids, |id| {
            let Some(waba) = self.world.wabas.get(&id) else { return Value::Null };
            let mut node = self.waba(id, waba);
            let tasks = self.world.assignments().get(AssignmentKey { waba: id, user });
            node["tasks"] = names(tasks.unwrap_or(&TaskSet::EMPTY));
            fields.pick(&node)
        })
    }

    fn solutions(&self, id: &str) -> Result<Value, Refusal> {
        let (_, waba) = self.caller.waba(self.world, id).ok_or_else(|| self.unknown(id))?;
        self.caller.needs("whatsapp_business_management")?;
        let fields = Fields::of(self.request, &SOLUTION)?;
        let solution = waba.solution.and_then(|id| Some((id, self.world.solutions.get(&id)?)));
        let rows = solution.map(|(id, solution)| (id, solution_node(id, solution)));
        self.page_of(&fields, &rows.into_iter().collect())
    }

    /// Pages through nodes that are at hand whole, by id.
    fn page_of<K: Key + Ord>(&self, fields: &Fields, nodes: &BTreeMap<K, Value>) -> Result<Value, Refusal> {
        let ids: Vec<K> = nodes.keys().copied().collect();
        page(self.request, self.base, &ids, |id| fields.pick(nodes.get(&id).unwrap_or(&Value::Null)))
    }

    /// Gives the whole node of a WABA.
    fn waba(&self, id: WabaId, waba: &Waba) -> Value {
        let owner_name = self.world.businesses.get(&waba.owner);
        let owner = json!({ "id": waba.owner.to_string(), "name": owner_name });
        let is_own = waba.owner == self.caller.user.business;
        json!({
            "id": id.to_string(),
            "name": waba.name,
            "ownership_type": if is_own { "SELF" } else { "CLIENT_OWNED" },
            "owner_business_info": owner,
            "on_behalf_of_business_info": owner,
            "is_shared_with_partners": !waba.clients.is_empty(),
            "account_review_status": "APPROVED",
            "status": "ACTIVE",
        })
    }
}

/// Gives the whole node of a solution.
fn solution_node(id: SolutionId, solution: &Solution) -> Value {
    let partners: Vec<Value> = solution.partners.iter().map(|(app, tasks)| partner(*app, tasks)).collect();
    json!({
        "id": id.to_string(),
        "name": solution.name,
        "status": "ACTIVE",
        "status_for_pending_request": "NONE",
        "owner_app": { "id": solution.owner_app.to_string() },
        "owner_permissions": names(&solution.owner_permissions),
        "partners": { "data": partners },
    })
}

fn partner(app: AppId, tasks: &TaskSet) -> Value {
    json!({
        "partner_app": { "id": app.to_string() },
        "partner_permissions": names(tasks),
        "status": "ACCEPTED",
    })
}

/// Gives the names of tasks as the API lists them.
pub(super) fn names(tasks: &TaskSet) -> Value {
    tasks.names().collect()
}
