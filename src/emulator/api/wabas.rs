//! WABA nodes, and the lists of them.

use super::context::Reply;
use super::fields::{Fields, NodeType};
use super::nested::NestedLists;
use super::query::{Query, task_names};
use super::rejection::Rejection;
use crate::emulator::world::{IdRange, Waba};
use crate::model::{AssignmentKey, BusinessId, UserId, WabaId};
use serde_json::{Value, json};

const WABA: NodeType = NodeType {
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
    default_fields: &["id", "name"],
};

/// Handles `/{business}/owned_whatsapp_business_accounts`.
pub(crate) fn owned(query: &Query<'_>, business: BusinessId) -> Result<Reply, Rejection> {
    list(query, |range| query.world().owned_by(business, range), |_, _, _| None)
}

/// Handles `/{business}/client_whatsapp_business_accounts`. Only its rows have `permitted_tasks`.
pub(crate) fn shared(query: &Query<'_>, business: BusinessId) -> Result<Reply, Rejection> {
    list(
        query,
        |range| query.world().shared_with(business, range),
        |_, waba, field| match (field, waba.clients.get(&business)) {
            ("permitted_tasks", Some(Some(tasks))) => Some(task_names(tasks)),
            _ => None,
        },
    )
}

/// Handles `/{user}/assigned_whatsapp_business_accounts`. Only its rows have `tasks`.
pub(crate) fn assigned(query: &Query<'_>, id: &str) -> Result<Reply, Rejection> {
    query.caller.require_scope("whatsapp_business_management")?;
    let world = query.world();
    let parsed: Option<UserId> = id.parse().ok();
    let found = parsed.and_then(|id| Some((id, world.users.get(&id)?)));
    let (id, user) = found.ok_or_else(|| query.unknown(id))?;
    let is_visible = |waba: &WabaId| {
        let waba = world.wabas().get(waba);
        user.is_listed() && waba.is_some_and(|waba| waba.involves(query.caller.user.business))
    };
    list(
        query,
        |range| world.held_by(id, range).filter(is_visible),
        |waba, _, field| {
            (field == "tasks").then(|| task_names(&world.tasks(AssignmentKey { waba, user: id })))
        },
    )
}

/// Returns a page of WABAs. `extra` returns the fields that exist on this list only.
fn list<I: DoubleEndedIterator<Item = WabaId>>(
    query: &Query<'_>,
    rows: impl Fn(IdRange<WabaId>) -> I,
    extra: impl Fn(WabaId, &Waba, &str) -> Option<Value>,
) -> Result<Reply, Rejection> {
    let nodes = WabaNodes::of(query)?;
    let body = query.page(rows, |id| {
        let Some(waba) = query.world().wabas().get(&id) else { return Ok(Value::Null) };
        nodes.node(id, waba, |field| extra(id, waba, field))
    })?;
    Ok(Reply::Read { body, nested_lists: nodes.nested_lists() })
}

/// The builder of a response's WABA nodes.
pub(crate) struct WabaNodes<'a> {
    query: &'a Query<'a>,
    fields: Fields,
    /// The lists of assignments in the nodes, if they are selected.
    nested: Option<NestedLists<'a>>,
}

impl<'a> WabaNodes<'a> {
    /// Parses the fields that a request selects.
    ///
    /// # Errors
    ///
    /// If WABAs lack a field, or nested lists are not possible.
    pub(crate) fn of(query: &'a Query<'a>) -> Result<Self, Rejection> {
        let fields = Fields::of(query.request, &WABA)?;
        let field = fields.get("assigned_users");
        if field.is_some() && !query.context.nesting {
            return Err(Rejection::unknown_field("assigned_users", WABA.name));
        }
        let nested = field.map(|field| NestedLists::of(field, query)).transpose()?;
        Ok(Self { query, fields, nested })
    }

    /// Returns the number of nested lists in the nodes so far.
    pub(crate) fn nested_lists(&self) -> usize {
        self.nested.as_ref().map_or(0, NestedLists::count)
    }

    /// Builds a node. `extra` returns the fields that exist on one list only.
    ///
    /// # Errors
    ///
    /// If a nested list cannot be built, or the response has too many rows.
    pub(crate) fn node(
        &self,
        id: WabaId,
        waba: &Waba,
        extra: impl Fn(&str) -> Option<Value>,
    ) -> Result<Value, Rejection> {
        if let Some(nested) = &self.nested {
            nested.add_row()?;
        }
        self.fields.build(&id.to_string(), |field| {
            Ok(Some(match field.name.as_str() {
                "name" => waba.name.as_str().into(),
                "ownership_type" if waba.owner == self.query.caller.user.business => "SELF_OWNED".into(),
                "ownership_type" => "CLIENT_OWNED".into(),
                "owner_business_info" | "on_behalf_of_business_info" => {
                    let name = self.query.world().businesses.get(&waba.owner);
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
