//! Separates the business's own system users from the other holders on a WABA.

use crate::graph::error::{GraphError, shorten};
use crate::graph::http::wire::{AssignedUserRow, RowBusiness};
use crate::model::{BusinessId, HolderKind, Name, OtherHolder, SystemUser, TaskSet, UserId};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The business and its own system users.
#[derive(Debug, Clone, Copy)]
pub(super) struct OwnUsers<'a> {
    pub(super) business: BusinessId,
    pub(super) users: &'a BTreeMap<UserId, SystemUser>,
}

/// The assignments on one WABA, by user.
///
/// With many WABAs these are most of the memory that reading takes, so they are slices without spare capacity.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WabaAssignments {
    /// The business's own system users.
    pub own: Box<[(UserId, TaskSet)]>,
    /// The names of those that the directory lacks.
    pub unlisted: Box<[(UserId, Name)]>,
    /// All other holders.
    pub others: Box<[(UserId, OtherHolder)]>,
    /// The names of the businesses of other holders.
    pub businesses: Box<[(BusinessId, Name)]>,
}

impl WabaAssignments {
    /// Returns the task sets of all holders.
    pub fn into_task_sets(self) -> impl Iterator<Item = (UserId, TaskSet)> {
        let others = self.others.into_iter().map(|(user, holder)| (user, holder.tasks));
        others.chain(self.own)
    }

    /// Returns whether nobody holds anything.
    pub fn is_empty(&self) -> bool {
        self.own.is_empty() && self.others.is_empty()
    }
}

/// Classifies the rows of a list by the business's own list of system users.
pub(super) fn classify(
    own_users: OwnUsers<'_>,
    rows: Vec<AssignedUserRow>,
) -> Result<WabaAssignments, GraphError> {
    let mut seen: BTreeMap<UserId, TaskSet> = BTreeMap::new();
    let (mut own, mut others, mut unlisted) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let mut businesses = BTreeMap::new();
    for row in rows {
        let user: UserId = row.id.parse().map_err(|_| {
            let id = shorten(row.id.as_str());
            GraphError::invalid_list(format!("`{id}`, the id of a user, is not a number"))
        })?;
        let Some(names) = row.tasks else {
            let what = format!("the row of user {user} has no `tasks`, so the assignment is unknown");
            return Err(GraphError::invalid_list(what));
        };
        let tasks = TaskSet::from_names(names);
        match seen.insert(user, tasks.clone()) {
            None => {}
            // Rows can move between pages while a list is read. The same row twice says the same.
            Some(before) if before == tasks => continue,
            Some(before) => {
                let [before, tasks] = [before, tasks].map(|tasks| shorten(&tasks.to_string()));
                let what = format!("user {user} is listed twice, with [{before}] and with [{tasks}]");
                return Err(GraphError::invalid_list(what));
            }
        }
        if tasks.is_empty() {
            continue;
        }
        let is_own = is_business(row.business.as_ref(), own_users.business);
        if own_users.users.contains_key(&user) {
            own.insert(user, tasks);
        } else if is_own && row.user_type.as_deref() == Some("SYSTEM_USER") {
            own.insert(user, tasks);
            unlisted.insert(user, Name::from(&*row.name));
        } else {
            let kind = kind(row.user_type.as_deref(), row.business.as_ref(), is_own);
            let business = row.business.as_ref().and_then(|of| of.id.as_ref()?.parse().ok());
            if let (Some(id), Some(name)) = (business, row.business.and_then(|of| of.name)) {
                businesses.insert(id, Name::new(name));
            }
            let (name, user_type) = (Name::from(&*row.name), row.user_type.map(user_type));
            others.insert(user, OtherHolder { name, kind, tasks, own: is_own, user_type, business });
        }
    }
    Ok(WabaAssignments {
        own: own.into_iter().collect(),
        unlisted: unlisted.into_iter().collect(),
        others: others.into_iter().collect(),
        businesses: businesses.into_iter().collect(),
    })
}

/// Returns a `user_type`. There are many rows and few types, so the known ones take no memory.
fn user_type(text: String) -> Cow<'static, str> {
    let known = ["BUSINESS_USER", "PERSONAL_USER", "SYSTEM_USER"].into_iter().find(|known| *known == text);
    known.map_or(Cow::Owned(text), Cow::Borrowed)
}

/// Returns the kind of a holder that is not one of the business's own system users.
fn kind(user_type: Option<&str>, of: Option<&RowBusiness>, is_own: bool) -> HolderKind {
    let is_of_another = !is_own && of.is_some_and(|of| of.id.is_some());
    match user_type {
        Some("BUSINESS_USER" | "PERSONAL_USER") if !is_of_another => HolderKind::Person,
        Some("BUSINESS_USER" | "PERSONAL_USER" | "SYSTEM_USER") => HolderKind::OtherBusiness,
        Some(_) | None => HolderKind::Unknown,
    }
}

fn is_business(row: Option<&RowBusiness>, business: BusinessId) -> bool {
    row.and_then(|row| row.id.as_ref()?.parse().ok()) == Some(business)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::AdminRole;
    use serde_json::{Value, json};

    /// Classifies rows in business 10, whose only system user is 101.
    fn classified(rows: Value) -> Result<WabaAssignments, GraphError> {
        let bot = SystemUser { name: Name::from("bot"), role: AdminRole::Employee };
        let users = BTreeMap::from([("101".parse().unwrap(), bot)]);
        let own_users = OwnUsers { business: "10".parse().unwrap(), users: &users };
        classify(own_users, serde_json::from_value(rows).unwrap())
    }

    fn kinds(rows: Value) -> Vec<HolderKind> {
        classified(rows).unwrap().others.into_iter().map(|(_, other)| other.kind).collect()
    }

    #[test]
    fn a_system_user_of_the_business_is_its_own_also_if_its_list_lacks_it() {
        let row = |id: u64, kind: Value, business: Value| json!({ "id": id, "name": null, "user_type": kind, "business": business, "tasks": ["MANAGE"] });
        let listed = classified(json!([row(101, json!("PERSONAL_USER"), json!({ "id": "20" }))])).unwrap();
        assert_eq!((listed.own.len(), listed.others.len()), (1, 0));
        let unlisted = classified(json!([row(7, json!("SYSTEM_USER"), json!({ "id": 10 }))])).unwrap();
        assert_eq!((unlisted.own.len(), unlisted.unlisted.len(), unlisted.others.len()), (1, 1, 0));
        for (kind, business, expected) in [
            (json!("SYSTEM_USER"), json!({ "id": "20" }), HolderKind::OtherBusiness),
            (json!("SYSTEM_USER"), Value::Null, HolderKind::OtherBusiness),
            (json!("BUSINESS_USER"), json!({ "id": "10" }), HolderKind::Person),
            (json!("BUSINESS_USER"), json!({ "id": "20" }), HolderKind::OtherBusiness),
            (json!("PERSONAL_USER"), Value::Null, HolderKind::Person),
            (json!("ROBOT_USER"), json!({ "name": "Us" }), HolderKind::Unknown),
            (Value::Null, Value::Null, HolderKind::Unknown),
        ] {
            assert_eq!(kinds(json!([row(7, kind.clone(), business)])), [expected], "{kind}");
        }
    }

    /// Returns what is wrong with a list.
    fn what(rows: Value) -> String {
        let Err(GraphError::InvalidList { what }) = classified(rows) else { panic!("the list is good") };
        what
    }

    #[test]
    fn the_same_row_twice_is_harmless_and_two_rows_that_differ_are_an_error() {
        let row = |tasks: Value| json!({ "id": "7", "tasks": tasks });
        let once = classified(json!([row(json!(["MANAGE"]))]));
        let twice = classified(json!([row(json!(["MANAGE"])), row(json!(["MANAGE"]))]));
        assert_eq!(twice.unwrap(), once.unwrap());
        assert_eq!(
            what(json!([row(json!(["MANAGE"])), row(json!([]))])),
            "user 7 is listed twice, with [MANAGE] and with []"
        );
    }

    #[test]
    fn a_row_without_tasks_is_an_error_and_an_empty_task_set_is_known() {
        for tasks in [json!({ "id": "101" }), json!({ "id": "101", "tasks": null })] {
            let expected = "the row of user 101 has no `tasks`, so the assignment is unknown";
            assert_eq!(what(json!([tasks])), expected);
        }
        let empty = classified(json!([{ "id": "101", "tasks": [] }, { "id": "7", "tasks": [] }])).unwrap();
        assert_eq!(empty, WabaAssignments::default());
    }
}
