//! Users: those of a business and their nodes.

use super::context::{Reply, Write};
use super::fields::{Fields, NodeType};
use super::paging::within;
use super::query::Query;
use super::rejection::Rejection;
use crate::emulator::world::{User, UserKind};
use crate::model::{BusinessId, UserId};
use serde_json::{Value, json};

/// The roles of system users, from Meta's documentation.
const ROLES: [&str; 2] = ["ADMIN", "EMPLOYEE"];
const SYSTEM_USER: NodeType =
    NodeType { name: "SystemUser", fields: &["id", "name", "role"], default_fields: &["id", "name", "role"] };
const BUSINESS_USER: NodeType = NodeType {
    name: "BusinessUser",
    fields: &["id", "name", "business"],
    default_fields: &["id", "name", "business"],
};

/// Handles GET on `/{business}/system_users`.
pub(crate) fn system_users(query: &Query<'_>, business: BusinessId) -> Result<Reply, Rejection> {
    list(query, business, &SYSTEM_USER, User::is_in_directory)
}

/// Handles GET on `/{business}/business_users`: people.
pub(crate) fn business_users(query: &Query<'_>, business: BusinessId) -> Result<Reply, Rejection> {
    list(query, business, &BUSINESS_USER, |user| matches!(user.kind, UserKind::Person { .. }))
}

/// Handles GET on `/{user}`: a user of the caller's business.
pub(crate) fn node(query: &Query<'_>, id: UserId, user: &User) -> Result<Reply, Rejection> {
    let is_person = matches!(user.kind, UserKind::Person { .. });
    let fields = Fields::of(query.request, if is_person { &BUSINESS_USER } else { &SYSTEM_USER })?;
    Ok(fields.pick(&value(query, id, user)).into())
}

/// Checks a POST on `/{business}/system_users`, which creates a system user.
///
/// # Errors
///
/// If the caller is no admin, or a parameter is missing or invalid.
pub(crate) fn create_system_user(query: &Query<'_>, business: BusinessId) -> Result<Reply, Rejection> {
    query.require_admin()?;
    let name = query.request.param("name").ok_or_else(|| Rejection::missing("name"))?.to_owned();
    let role = query.request.param("role").unwrap_or("EMPLOYEE").to_ascii_uppercase();
    if !ROLES.contains(&role.as_str()) {
        return Err(Rejection::bad("Param role must be one of {ADMIN, EMPLOYEE}"));
    }
    Ok(Reply::Write(Write::CreateSystemUser { business, name, role }))
}

fn list(
    query: &Query<'_>,
    business: BusinessId,
    node: &NodeType,
    is_listed: impl Fn(&User) -> bool,
) -> Result<Reply, Rejection> {
    let fields = Fields::of(query.request, node)?;
    let users = query.world().users.iter();
    let users = users.filter(|(_, user)| user.business == Some(business) && is_listed(user));
    let ids: Vec<UserId> = users.map(|(id, _)| *id).collect();
    let page = query.page(
        |range| within(&ids, range),
        |id| {
            let user = query.world().users.get(&id);
            Ok(user.map_or(Value::Null, |user| fields.pick(&value(query, id, user))))
        },
    )?;
    Ok(page.into())
}

fn value(query: &Query<'_>, id: UserId, user: &User) -> Value {
    let mut value = json!({ "id": id.to_string(), "name": user.name });
    match &user.kind {
        UserKind::System { role: Some(role), .. } => value["role"] = role.as_str().into(),
        UserKind::System { role: None, .. } => {}
        UserKind::Person { .. } => {
            if let Some(business) = user.business {
                let name = query.world().businesses.get(&business);
                value["business"] = json!({ "id": business.to_string(), "name": name });
            }
        }
    }
    value
}
