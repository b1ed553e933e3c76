//! The endpoints: which path is which, and what the reads answer.

use super::assignments::{self, Nested};
use super::auth::{Caller, is_over};
use super::fields::{Fields, Node};
use super::list::{PageOf, Span, within};
use super::refusal::Refusal;
use super::request::Request;
use super::world::{Solution, UserKind, Waba, World};
use crate::model::{AppId, AssignmentKey, BusinessId, SolutionId, TaskSet, UserId, WabaId};
use axum::http::Method;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The most ids that one request may name.
const MOST_IDS: usize = 50;

/// What a request meets: the world, the moment, and what the API allows at it.
#[derive(Clone, Copy)]
pub(super) struct Scene<'w> {
    pub(super) world: &'w World,
    /// The URL of the server.
    pub(super) base: &'w str,
    pub(super) now: Timestamp,
    /// Whether assignments may be nested in lists of WABAs.
    pub(super) nesting: bool,
    /// The most rows that an answer with nested lists may hold.
    pub(super) most_rows: usize,
    /// The most rows of a page, whatever limit it has.
    pub(super) cap: usize,
    /// Whether all tokens have ended.
    pub(super) tokens_are_over: bool,
}

/// What a request comes to where nothing speaks against it.
pub(super) enum Reply {
    /// An answer with so many nested lists in it, and nothing changes.
    Tell(Value, usize),
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
        "assigned_users",
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

/// Answers a request.
pub(super) fn reply(scene: Scene<'_>, request: &Request) -> Result<Reply, Refusal> {
    let caller = Caller::of(&scene, request)?;
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    if let [waba, "assigned_users"] = path.as_slice() {
        return assignments::reply(scene, request, caller, waba);
    }
    if request.method != Method::GET {
        let id = path.first().copied().unwrap_or_default();
        return Err(Refusal::unknown_object(request.method.as_str(), id));
    }
    let ask = Ask { scene, request, caller, root: format!("{}/{}", scene.base, request.version) };
    let told = match path.as_slice() {
        [] => return ask.ids(),
        ["me"] => ask.me(),
        ["debug_token"] => ask.debug_token(),
        [id] => return ask.node(id),
        [id, edge] => return ask.edge(id, edge),
        rest => Err(Refusal::unknown_path(&rest.join("/"))),
    };
    told.map(|answer| Reply::Tell(answer, 0))
}

/// A read with everything that answering it takes.
struct Ask<'a> {
    scene: Scene<'a>,
    request: &'a Request,
    caller: Caller<'a>,
    /// The URL of the server, with the version.
    root: String,
}

impl<'a> Ask<'a> {
    fn world(&self) -> &'a World {
        self.scene.world
    }

    fn me(&self) -> Result<Value, Refusal> {
        let fields = Fields::of(self.request, &NAMED)?;
        Ok(fields.pick(&json!({ "id": self.caller.id.to_string(), "name": self.caller.user.name })))
    }

    /// Tells about a token, the caller's own or another.
    fn debug_token(&self) -> Result<Value, Refusal> {
        let text = self.request.param("input_token").ok_or_else(|| Refusal::missing("input_token"))?;
        let Some(token) = self.world().tokens.get(text) else {
            let error = json!({ "code": 190, "message": "Invalid OAuth access token." });
            return Ok(json!({ "data": { "error": error, "is_valid": false, "scopes": [] } }));
        };
        let is_over = is_over(token.expires_at, self.scene.now);
        let granular: Vec<Value> = token.scopes.iter().map(|scope| json!({ "scope": scope })).collect();
        let mut data = json!({
            "type": "SYSTEM_USER",
            "is_valid": !is_over,
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
        if is_over {
            data["error"] = json!({ "code": 190, "subcode": 463, "message": "Session has expired." });
        }
        Ok(json!({ "data": data }))
    }

    /// Answers `?ids=`: each node under its id, and nothing where there is none.
    fn ids(&self) -> Result<Reply, Refusal> {
        let ids = self.request.ids().ok_or_else(|| Refusal::missing("ids"))?;
        if ids.len() > MOST_IDS {
            let message = format_args!("Too many IDs. Maximum: {MOST_IDS}. Provided: {}.", ids.len());
            return Err(Refusal::bad(message));
        }
        let (mut nodes, mut all) = (Map::new(), 0);
        for id in ids {
            match self.node(id) {
                Ok(Reply::Tell(node, lists)) => {
                    nodes.insert(id.to_owned(), node);
                    all += lists;
                }
                Ok(Reply::Store(..)) => {}
                Err(refusal) if refusal.is_unknown_object() => {}
                Err(refusal) => return Err(refusal),
            }
        }
        Ok(Reply::Tell(nodes.into(), all))
    }

    fn node(&self, id: &str) -> Result<Reply, Refusal> {
        if let Some((id, name)) = self.caller.business(self.world(), id) {
            let fields = Fields::of(self.request, &NAMED)?;
            return Ok(Reply::Tell(fields.pick(&json!({ "id": id.to_string(), "name": name })), 0));
        }
        if let Some((id, waba)) = self.caller.waba(self.world(), id) {
            self.caller.needs("whatsapp_business_management")?;
            let wabas = Wabas::asked(self)?;
            let node = wabas.node(id, waba, |_| None)?;
            return Ok(Reply::Tell(node, wabas.lists()));
        }
        if let Some((id, solution)) = self.solution(id) {
            let node = Fields::of(self.request, &SOLUTION)?.pick(&solution_node(id, solution));
            return Ok(Reply::Tell(node, 0));
        }
        Err(self.unknown(id))
    }

    fn edge(&self, id: &str, edge: &str) -> Result<Reply, Refusal> {
        match edge {
            "system_users" => self.system_users(self.business(id)?),
            "owned_whatsapp_business_accounts" => self.owned_wabas(self.business(id)?),
            "client_whatsapp_business_accounts" => self.client_wabas(self.business(id)?),
            "assigned_whatsapp_business_accounts" => self.assigned_wabas(id),
            "solutions" => self.solutions(id),
            _ => Err(Refusal::unknown_path(edge)),
        }
    }

    fn unknown(&self, id: &str) -> Refusal {
        Refusal::unknown_object(self.request.method.as_str(), id)
    }

    fn business(&self, id: &str) -> Result<BusinessId, Refusal> {
        let (business, _) = self.caller.business(self.world(), id).ok_or_else(|| self.unknown(id))?;
        self.caller.needs("business_management")?;
        Ok(business)
    }

    /// Finds a solution that the token's app has a part in.
    fn solution(&self, id: &str) -> Option<(SolutionId, &'a Solution)> {
        let id: SolutionId = id.parse().ok()?;
        let solution = self.world().solutions.get(&id)?;
        self.caller.token.app.and_then(|app| solution.permissions(app))?;
        Some((id, solution))
    }

    fn system_users(&self, business: BusinessId) -> Result<Reply, Refusal> {
        let fields = Fields::of(self.request, &SYSTEM_USER)?;
        let role = |id: UserId| {
            let user = self.world().users.get(&id).filter(|user| user.business == business)?;
            let UserKind::System { role, .. } = &user.kind else { return None };
            Some((user, role))
        };
        let ids = self.world().users.keys().copied().filter(|id| role(*id).is_some());
        let ids: Vec<UserId> = ids.collect();
        self.page(
            |span| within(&ids, span),
            |id| {
                let Some((user, role)) = role(id) else { return Ok(Value::Null) };
                Ok(fields.pick(&json!({ "id": id.to_string(), "name": user.name, "role": role })))
            },
        )
    }

    fn owned_wabas(&self, business: BusinessId) -> Result<Reply, Refusal> {
        self.wabas(|span| self.world().owned_by(business, span), |_, _, _| None)
    }

    fn client_wabas(&self, business: BusinessId) -> Result<Reply, Refusal> {
        self.wabas(
            |span| self.world().shared_with(business, span),
            |_, waba, field| match (field, waba.clients.get(&business)) {
                ("permitted_tasks", Some(Some(tasks))) => Some(names(tasks)),
                _ => None,
            },
        )
    }

    /// Answers the users' side of the assignments.
    fn assigned_wabas(&self, id: &str) -> Result<Reply, Refusal> {
        self.caller.needs("whatsapp_business_management")?;
        let world = self.world();
        let parsed: Option<UserId> = id.parse().ok();
        let found = parsed.and_then(|id| Some((id, world.users.get(&id)?)));
        let (user, entry) = found.ok_or_else(|| self.unknown(id))?;
        let is_shown = |id: &WabaId| {
            let waba = world.wabas().get(id);
            entry.is_listed() && waba.is_some_and(|waba| waba.involves(self.caller.user.business))
        };
        let tasks = |id| world.assignments().get(AssignmentKey { waba: id, user });
        self.wabas(
            |span| world.held_by(user, span).filter(is_shown),
            |id, _, field| (field == "tasks").then(|| names(tasks(id).unwrap_or(&TaskSet::EMPTY))),
        )
    }

    fn solutions(&self, id: &str) -> Result<Reply, Refusal> {
        let (_, waba) = self.caller.waba(self.world(), id).ok_or_else(|| self.unknown(id))?;
        self.caller.needs("whatsapp_business_management")?;
        let fields = Fields::of(self.request, &SOLUTION)?;
        let found = waba.solution.and_then(|id| Some((id, self.world().solutions.get(&id)?)));
        let ids: Vec<SolutionId> = found.iter().map(|(id, _)| *id).collect();
        self.page(
            |span| within(&ids, span),
            |_| Ok(found.map_or(Value::Null, |(id, solution)| fields.pick(&solution_node(id, solution)))),
        )
    }

    /// Returns a page of WABAs; `extra` gives the fields that they have on this list alone.
    fn wabas<I: DoubleEndedIterator<Item = WabaId>>(
        &self,
        rows: impl Fn(Span<WabaId>) -> I,
        extra: impl Fn(WabaId, &Waba, &str) -> Option<Value>,
    ) -> Result<Reply, Refusal> {
        let wabas = Wabas::asked(self)?;
        let page = self.page(rows, |id| {
            let Some(waba) = self.world().wabas().get(&id) else { return Ok(Value::Null) };
            wabas.node(id, waba, |field| extra(id, waba, field))
        })?;
        match page {
            Reply::Tell(page, _) => Ok(Reply::Tell(page, wabas.lists())),
            Reply::Store(..) => Ok(page),
        }
    }

    fn page<K: super::list::Key, I: DoubleEndedIterator<Item = K>>(
        &self,
        rows: impl Fn(Span<K>) -> I,
        row: impl FnMut(K) -> Result<Value, Refusal>,
    ) -> Result<Reply, Refusal> {
        let path = self.request.path.join("/");
        let page = PageOf { cap: self.scene.cap, ..PageOf::asked(self.request, &self.root, &path) };
        page.give(rows, row).map(|page| Reply::Tell(page, 0))
    }
}

/// The WABAs of an answer, and what is asked of each.
struct Wabas<'a> {
    ask: &'a Ask<'a>,
    fields: Fields,
    /// The lists of assignments in them, where they are asked for.
    nested: Option<Nested<'a>>,
}

impl<'a> Wabas<'a> {
    fn asked(ask: &'a Ask<'a>) -> Result<Self, Refusal> {
        let fields = Fields::of(ask.request, &WABA)?;
        let field = fields.get("assigned_users");
        if field.is_some() && !ask.scene.nesting {
            return Err(Refusal::unknown_field("assigned_users", WABA.name));
        }
        let nested =
            field.map(|field| Nested::asked(field, ask.scene, ask.request, &ask.root)).transpose()?;
        Ok(Self { ask, fields, nested })
    }

    /// Returns how many nested lists the nodes so far hold.
    fn lists(&self) -> usize {
        self.nested.as_ref().map_or(0, Nested::lists)
    }

    fn node(&self, id: WabaId, waba: &Waba, extra: impl Fn(&str) -> Option<Value>) -> Result<Value, Refusal> {
        if let Some(nested) = &self.nested {
            nested.count_row()?;
        }
        self.fields.build(&id.to_string(), |field| {
            Ok(Some(match field.name.as_str() {
                "name" => waba.name.as_str().into(),
                "ownership_type" if waba.owner == self.ask.caller.user.business => "SELF_OWNED".into(),
                "ownership_type" => "CLIENT_OWNED".into(),
                "owner_business_info" | "on_behalf_of_business_info" => {
                    let name = self.ask.world().businesses.get(&waba.owner);
                    field.pick(&json!({ "id": waba.owner.to_string(), "name": name }))
                }
                "is_shared_with_partners" => (!waba.clients.is_empty()).into(),
                "account_review_status" => "APPROVED".into(),
                "status" => "ACTIVE".into(),
                "assigned_users" => match &self.nested {
                    Some(nested) => return nested.list(field, id, waba),
                    None => return Ok(None),
                },
                name => return Ok(extra(name)),
            }))
        })
    }
}

/// Returns the whole node of a solution.
fn solution_node(id: SolutionId, solution: &Solution) -> Value {
    let partners: Vec<Value> = solution.partners.iter().map(|(app, tasks)| partner(*app, tasks)).collect();
    json!({
        "id": id.to_string(),
        "name": solution.name,
        "status": solution.status,
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

/// Returns the names of tasks as the API lists them.
pub(super) fn names(tasks: &TaskSet) -> Value {
    tasks.names().collect()
}
