//! The endpoints: routing, and all reads except those of WABAs and assignments.

use super::assigned_users;
use super::auth::is_past;
use super::context::{Context, Reply};
use super::fields::{Fields, NodeType};
use super::paging::within;
use super::query::{Query, task_names};
use super::rejection::Rejection;
use super::request::ApiRequest;
use super::users;
use super::wabas::{self, WabaNodes};
use crate::emulator::world::{PartnerSolution, User};
use crate::model::{AppId, SnapshotMark, SolutionId, TaskSet, UserId};
use axum::http::Method;
use serde_json::{Value, json};

const NAMED: NodeType =
    NodeType { name: "Business", fields: &["id", "name"], default_fields: &["id", "name"] };
const SOLUTION: NodeType = NodeType {
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
    default_fields: &["id", "name", "status", "status_for_pending_request"],
};

/// Handles a request. A write is checked and not stored.
///
/// # Errors
///
/// If the API rejects the request.
pub(crate) fn reply(context: Context<'_>, request: &ApiRequest) -> Result<Reply, Rejection> {
    request.check_version()?;
    let query = Query::authenticate(context, request)?;
    let caller = query.caller.id.to_string();
    let mut path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    if let [id @ "me", _] = path.as_mut_slice() {
        *id = &caller;
    }
    let (is_read, is_post) = (request.method == Method::GET, request.method == Method::POST);
    match path.as_slice() {
        [waba, "assigned_users"] => assigned_users::reply(&query, waba),
        [] if is_read && request.param("ids").is_some() => Err(Rejection::ids_removed()),
        [] => Err(Rejection::unknown_path("")),
        ["me"] if is_read => query.me(),
        ["debug_token"] if is_read => query.debug_token(),
        [id] if is_read => query.node(id),
        [id, edge] if is_read => query.edge(id, edge),
        [business, "system_users"] if is_post => users::create_system_user(&query, query.business(business)?),
        [waba, "subscribed_apps"] => wabas::subscribe(&query, waba, is_post),
        [id] | [id, _] => Err(query.not_played(id)),
        rest => Err(Rejection::unknown_path(&rest.join("/"))),
    }
}

impl<'a> Query<'a> {
    fn me(&self) -> Result<Reply, Rejection> {
        let fields = Fields::of(self.request, &NAMED)?;
        let user = json!({ "id": self.caller.id.to_string(), "name": self.caller.user.name });
        Ok(fields.pick(&user).into())
    }

    /// Describes the token in `input_token`.
    fn debug_token(&self) -> Result<Reply, Rejection> {
        let text = self.request.param("input_token").ok_or_else(|| Rejection::missing("input_token"))?;
        let Some(token) = self.world().tokens.get(text) else {
            let error = json!({ "code": 190, "message": "Invalid OAuth access token." });
            return Ok(json!({ "data": { "error": error, "is_valid": false, "scopes": [] } }).into());
        };
        let is_expired = is_past(token.expires_at, self.context.now);
        let granular: Vec<Value> = token.scopes.iter().map(|scope| json!({ "scope": scope })).collect();
        let mut data = json!({
            "type": "SYSTEM_USER",
            "is_valid": !is_expired,
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
        if self.context.marked {
            data["wabacl_emulator"] = json!({ "snapshot": self.world().snapshot().map(snapshot) });
        }
        if is_expired {
            data["error"] = json!({ "code": 190, "subcode": 463, "message": "Session has expired." });
        }
        Ok(json!({ "data": data }).into())
    }

    fn node(&self, id: &str) -> Result<Reply, Rejection> {
        if let Some((id, name)) = self.caller.business(self.world(), id) {
            let fields = Fields::of(self.request, &NAMED)?;
            return Ok(fields.pick(&json!({ "id": id.to_string(), "name": name })).into());
        }
        if let Some((id, waba)) = self.caller.waba(self.world(), id) {
            self.caller.require_scope("whatsapp_business_management")?;
            let wabas = WabaNodes::of(self)?;
            let body = wabas.node(id, waba, |_| None)?;
            return Ok(Reply::Read { body, nested_lists: wabas.nested_lists() });
        }
        if let Some((id, solution)) = self.solution(id) {
            let fields = Fields::of(self.request, &SOLUTION)?;
            return Ok(fields.pick(&solution_node(id, solution)).into());
        }
        let own_business = |user: &&User| user.business == self.caller.user.business;
        let user = id.parse().ok().and_then(|id: UserId| Some((id, self.world().users.get(&id)?)));
        if let Some((id, user)) = user.filter(|(_, user)| own_business(user)) {
            return users::node(self, id, user);
        }
        Err(self.not_played(id))
    }

    /// Returns the error for a request that this emulator does not play, if the caller can see the object.
    fn not_played(&self, id: &str) -> Rejection {
        let world = self.world();
        let is_seen = self.caller.business(world, id).is_some()
            || self.caller.waba(world, id).is_some()
            || self.solution(id).is_some()
            || id.parse().is_ok_and(|user: UserId| world.users.contains_key(&user));
        if is_seen {
            Rejection::not_played(self.request.method.as_str(), &self.request.path.join("/"))
        } else {
            self.unknown(id)
        }
    }

    fn edge(&self, id: &str, edge: &str) -> Result<Reply, Rejection> {
        match edge {
            "system_users" => users::system_users(self, self.business(id)?),
            "business_users" => users::business_users(self, self.business(id)?),
            "businesses" => self.businesses(id),
            "owned_whatsapp_business_accounts" => wabas::owned(self, self.business(id)?),
            "client_whatsapp_business_accounts" => wabas::shared(self, self.business(id)?),
            "assigned_whatsapp_business_accounts" => wabas::assigned(self, id),
            "solutions" => self.solutions(id),
            "phone_numbers" => wabas::phone_numbers(self, id),
            "subscribed_apps" => wabas::subscribed_apps(self, id),
            _ => Err(self.not_played(id)),
        }
    }

    /// Returns a solution that the token's app owns or takes part in.
    fn solution(&self, id: &str) -> Option<(SolutionId, &'a PartnerSolution)> {
        let id: SolutionId = id.parse().ok()?;
        let solution = self.world().solutions.get(&id)?;
        self.caller.token.app.filter(|app| solution.involves(*app))?;
        Some((id, solution))
    }

    /// Handles `/{user}/businesses`: the caller's business.
    fn businesses(&self, id: &str) -> Result<Reply, Rejection> {
        if id != self.caller.id.to_string() {
            return Err(self.not_played(id));
        }
        self.caller.require_scope("business_management")?;
        let fields = Fields::of(self.request, &NAMED)?;
        let business = self.caller.user.business.ok_or_else(|| self.unknown(id))?;
        let name = self.world().businesses.get(&business);
        let ids = [business];
        let page = self.page(
            |range| within(&ids, range),
            |id| Ok(fields.pick(&json!({ "id": id.to_string(), "name": name }))),
        )?;
        Ok(page.into())
    }

    fn solutions(&self, id: &str) -> Result<Reply, Rejection> {
        let (_, waba) = self.caller.waba(self.world(), id).ok_or_else(|| self.unknown(id))?;
        self.caller.require_scope("whatsapp_business_management")?;
        let fields = Fields::of(self.request, &SOLUTION)?;
        if let Some(refusal) = &waba.solutions_unreadable {
            return Err(Rejection::refused(refusal));
        }
        let ids: Vec<SolutionId> = waba.solutions.iter().copied().collect();
        let page = self.page(
            |range| within(&ids, range),
            |id| {
                let found = self.world().solutions.get(&id);
                Ok(found.map_or(Value::Null, |solution| fields.pick(&solution_node(id, solution))))
            },
        )?;
        Ok(page.into())
    }
}

/// Returns what a snapshot says of itself. Only this program's client reads it.
fn snapshot(mark: &SnapshotMark) -> Value {
    json!({
        "taken": mark.taken.to_string(),
        "business": mark.business.to_string(),
        "acting_user": mark.acting_user.map(|id| id.to_string()),
        "without_names": mark.without_names,
        "changed": mark.changed,
        "left_out": mark.left_out.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

/// Returns a solution with all its fields.
fn solution_node(id: SolutionId, solution: &PartnerSolution) -> Value {
    let partners = solution.partners.iter();
    let partners: Vec<Value> = partners.map(|(app, tasks)| partner(*app, tasks.as_ref())).collect();
    let mut node = json!({
        "id": id.to_string(),
        "name": solution.name,
        "status_for_pending_request": "NONE",
        "partners": { "data": partners },
    });
    if let Some(status) = &solution.status {
        node["status"] = status.as_str().into();
    }
    if let Some(app) = solution.owner_app {
        node["owner_app"] = json!({ "id": app.to_string() });
    }
    if let Some(permissions) = &solution.owner_permissions {
        node["owner_permissions"] = task_names(permissions);
    }
    node
}

fn partner(app: AppId, tasks: Option<&TaskSet>) -> Value {
    let mut partner = json!({ "partner_app": { "id": app.to_string() }, "status": "ACCEPTED" });
    if let Some(tasks) = tasks {
        partner["partner_permissions"] = task_names(tasks);
    }
    partner
}
