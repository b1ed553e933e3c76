//! The endpoints: routing, and all reads except those of WABAs and assignments.

use super::assigned_users;
use super::auth::is_past;
use super::context::{Context, Reply};
use super::fields::{Fields, NodeType};
use super::paging::within;
use super::query::{Query, task_names};
use super::rejection::Rejection;
use super::request::ApiRequest;
use super::wabas::{self, WabaNodes};
use crate::emulator::world::{PartnerSolution, UserKind};
use crate::model::{AppId, BusinessId, SolutionId, TaskSet, UserId};
use axum::http::Method;
use serde_json::{Map, Value, json};

/// The maximum number of ids in one request, from Meta's documentation.
const MAX_IDS: usize = 50;

const NAMED: NodeType =
    NodeType { name: "Business", fields: &["id", "name"], default_fields: &["id", "name"] };
const SYSTEM_USER: NodeType =
    NodeType { name: "SystemUser", fields: &["id", "name", "role"], default_fields: &["id", "name", "role"] };
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
    let query = Query::authenticate(context, request)?;
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    if let [waba, "assigned_users"] = path.as_slice() {
        return assigned_users::reply(&query, waba);
    }
    if request.method != Method::GET {
        return Err(query.unknown(path.first().copied().unwrap_or_default()));
    }
    match path.as_slice() {
        [] => query.nodes(),
        ["me"] => query.me(),
        ["debug_token"] => query.debug_token(),
        [id] => query.node(id),
        [id, edge] => query.edge(id, edge),
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
        if is_expired {
            data["error"] = json!({ "code": 190, "subcode": 463, "message": "Session has expired." });
        }
        Ok(json!({ "data": data }).into())
    }

    /// Handles `?ids=`: returns each node under its id, without the ids that are unknown.
    fn nodes(&self) -> Result<Reply, Rejection> {
        let ids = self.request.ids().ok_or_else(|| Rejection::missing("ids"))?;
        if ids.len() > MAX_IDS {
            let message = format_args!("Too many IDs. Maximum: {MAX_IDS}. Provided: {}.", ids.len());
            return Err(Rejection::bad(message));
        }
        let (mut nodes, mut all_lists) = (Map::new(), 0);
        for id in ids {
            match self.node(id) {
                Ok(Reply::Read { body, nested_lists }) => {
                    nodes.insert(id.to_owned(), body);
                    all_lists += nested_lists;
                }
                Ok(Reply::Write(..)) => {}
                Err(rejection) if rejection.is_unknown_object() => {}
                Err(rejection) => return Err(rejection),
            }
        }
        Ok(Reply::Read { body: nodes.into(), nested_lists: all_lists })
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
        Err(self.unknown(id))
    }

    fn edge(&self, id: &str, edge: &str) -> Result<Reply, Rejection> {
        match edge {
            "system_users" => self.system_users(self.business(id)?),
            "owned_whatsapp_business_accounts" => wabas::owned(self, self.business(id)?),
            "client_whatsapp_business_accounts" => wabas::shared(self, self.business(id)?),
            "assigned_whatsapp_business_accounts" => wabas::assigned(self, id),
            "solutions" => self.solutions(id),
            _ => Err(Rejection::unknown_path(edge)),
        }
    }

    /// Returns a solution that the token's app owns or takes part in.
    fn solution(&self, id: &str) -> Option<(SolutionId, &'a PartnerSolution)> {
        let id: SolutionId = id.parse().ok()?;
        let solution = self.world().solutions.get(&id)?;
        self.caller.token.app.and_then(|app| solution.permissions(app))?;
        Some((id, solution))
    }

    fn system_users(&self, business: BusinessId) -> Result<Reply, Rejection> {
        let fields = Fields::of(self.request, &SYSTEM_USER)?;
        let system_user = |id: UserId| {
            let user = self.world().users.get(&id).filter(|user| user.business == business)?;
            let UserKind::System { role, .. } = &user.kind else { return None };
            Some((user, role))
        };
        let ids = self.world().users.keys().copied().filter(|id| system_user(*id).is_some());
        let ids: Vec<UserId> = ids.collect();
        let page = self.page(
            |range| within(&ids, range),
            |id| {
                let Some((user, role)) = system_user(id) else { return Ok(Value::Null) };
                Ok(fields.pick(&json!({ "id": id.to_string(), "name": user.name, "role": role })))
            },
        )?;
        Ok(page.into())
    }

    fn solutions(&self, id: &str) -> Result<Reply, Rejection> {
        let (_, waba) = self.caller.waba(self.world(), id).ok_or_else(|| self.unknown(id))?;
        self.caller.require_scope("whatsapp_business_management")?;
        let fields = Fields::of(self.request, &SOLUTION)?;
        let found = waba.solution.and_then(|id| Some((id, self.world().solutions.get(&id)?)));
        let ids: Vec<SolutionId> = found.iter().map(|(id, _)| *id).collect();
        let page = self.page(
            |range| within(&ids, range),
            |_| Ok(found.map_or(Value::Null, |(id, solution)| fields.pick(&solution_node(id, solution)))),
        )?;
        Ok(page.into())
    }
}

/// Returns a solution with all its fields.
fn solution_node(id: SolutionId, solution: &PartnerSolution) -> Value {
    let partners: Vec<Value> = solution.partners.iter().map(|(app, tasks)| partner(*app, tasks)).collect();
    json!({
        "id": id.to_string(),
        "name": solution.name,
        "status": solution.status,
        "status_for_pending_request": "NONE",
        "owner_app": { "id": solution.owner_app.to_string() },
        "owner_permissions": task_names(&solution.owner_permissions),
        "partners": { "data": partners },
    })
}

fn partner(app: AppId, tasks: &TaskSet) -> Value {
    json!({
        "partner_app": { "id": app.to_string() },
        "partner_permissions": task_names(tasks),
        "status": "ACCEPTED",
    })
}
