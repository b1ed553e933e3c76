//! WABA nodes, and the lists of them.

use super::context::{Reply, Write};
use super::fields::{Fields, NodeType};
use super::nested::NestedLists;
use super::paging::within;
use super::query::{Query, task_names};
use super::rejection::Rejection;
use crate::emulator::world::{IdRange, PhoneNumberId, Waba};
use crate::model::{AppId, AssignmentKey, BusinessId, UserId, WabaId};
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
        "business_verification_status",
        "currency",
        "country",
        "timezone_id",
        "permitted_tasks",
        "tasks",
        "assigned_users",
        "subscribed_apps",
        // Known to the API, and absent here.
        "message_template_namespace",
        "is_enabled_for_insights",
        "marketing_messages_lite_api_status",
        "marketing_messages_onboarding_status",
        "health_status",
        "disable_marketing_messages_on_cloud_api",
    ],
    default_fields: &["id", "name"],
};
const PHONE_NUMBER: NodeType = NodeType {
    name: "WhatsAppBusinessPhoneNumber",
    fields: &["id", "display_phone_number", "verified_name", "code_verification_status", "quality_rating"],
    default_fields: &[
        "id",
        "display_phone_number",
        "verified_name",
        "code_verification_status",
        "quality_rating",
    ],
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
    if let Some(refusal) = &user.wabas_unreadable {
        return Err(Rejection::refused(refusal));
    }
    let is_visible = |waba: &WabaId| {
        let waba = world.wabas().get(waba);
        user.is_listed() && waba.is_some_and(|waba| query.caller.sees(waba))
    };
    list(
        query,
        |range| world.held_by(id, range).filter(is_visible),
        |waba, _, field| {
            (field == "tasks").then(|| task_names(&world.tasks(AssignmentKey { waba, user: id })))
        },
    )
}

/// Handles GET on `/{waba}/phone_numbers`. Fields that it does not know are absent: the API has dozens.
pub(crate) fn phone_numbers(query: &Query<'_>, id: &str) -> Result<Reply, Rejection> {
    let (_, waba) = managed(query, id)?;
    let fields = Fields::known(query.request, &PHONE_NUMBER)?;
    let ids: Vec<PhoneNumberId> = waba.phone_numbers.keys().copied().collect();
    let page = query.page(
        |range| within(&ids, range),
        |id| {
            let Some(number) = waba.phone_numbers.get(&id) else { return Ok(Value::Null) };
            Ok(fields.pick(&json!({
                "id": id.to_string(),
                "display_phone_number": number.display,
                "verified_name": number.verified_name,
                "code_verification_status": "VERIFIED",
                "quality_rating": "GREEN",
            })))
        },
    )?;
    Ok(page.into())
}

/// Handles GET on `/{waba}/subscribed_apps`.
pub(crate) fn subscribed_apps(query: &Query<'_>, id: &str) -> Result<Reply, Rejection> {
    let (_, waba) = managed(query, id)?;
    Ok(json!({ "data": app_rows(waba) }).into())
}

/// Checks a POST or DELETE on `/{waba}/subscribed_apps`, which subscribes the token's app or ends that.
pub(crate) fn subscribe(query: &Query<'_>, id: &str, subscribed: bool) -> Result<Reply, Rejection> {
    let (waba, _) = managed(query, id)?;
    let no_app = || Rejection::bad("The token belongs to no app");
    let app = query.caller.token.app.ok_or_else(no_app)?;
    Ok(Reply::Write(Write::Subscribe { waba, app, subscribed }))
}

/// Returns a WABA that the caller can manage.
fn managed<'a>(query: &Query<'a>, id: &str) -> Result<(WabaId, &'a Waba), Rejection> {
    let found = query.caller.waba(query.world(), id).ok_or_else(|| query.unknown(id))?;
    query.caller.require_scope("whatsapp_business_management")?;
    Ok(found)
}

fn app_rows(waba: &Waba) -> Vec<Value> {
    let row = |app: &AppId| {
        let link = format!("https://www.facebook.com/games/?app_id={app}");
        json!({ "whatsapp_business_api_data": { "id": app.to_string(), "name": format!("App {app}"), "link": link } })
    };
    waba.subscribed_apps.iter().map(row).collect()
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
                "ownership_type" if waba.owner.is_some() && waba.owner == self.query.caller.user.business => {
                    "SELF_OWNED".into()
                }
                "ownership_type" => "CLIENT_OWNED".into(),
                "owner_business_info" | "on_behalf_of_business_info" => {
                    let Some(owner) = waba.owner else { return Ok(None) };
                    let name = self.query.world().businesses.get(&owner);
                    field.pick(&json!({ "id": owner.to_string(), "name": name }))
                }
                "is_shared_with_partners" => (!waba.clients.is_empty()).into(),
                "account_review_status" => waba.about.account_review_status.as_str().into(),
                "status" => waba.about.status.as_str().into(),
                "business_verification_status" => waba.about.business_verification_status.as_str().into(),
                "currency" => waba.about.currency.as_str().into(),
                "country" => return Ok(waba.about.country.as_deref().map(Value::from)),
                "timezone_id" => waba.about.timezone_id.as_str().into(),
                "subscribed_apps" => json!({ "data": app_rows(waba) }),
                "assigned_users" => match &self.nested {
                    Some(nested) => return nested.list(field, id, waba),
                    None => return Ok(None),
                },
                name => return Ok(extra(name)),
            }))
        })
    }
}
