//! Separates the business's own system users from the other holders on a WABA.

use crate::graph::error::GraphError;
use crate::graph::http::wire::{AssignedUserRow, RowBusiness};
use crate::model::{BusinessId, HolderKind, Name, OtherHolder, SystemUser, TaskSet, UserId};
use std::collections::{BTreeMap, BTreeSet};

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
    /// All other holders.
    pub others: Box<[(UserId, OtherHolder)]>,
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
    let (mut own, mut others) = (BTreeMap::new(), BTreeMap::new());
    let mut seen = BTreeSet::new();
    for row in rows {
        let user: UserId =
            row.id.parse().map_err(|_| GraphError::invalid_list("the id of a user is not a number"))?;
        let Some(names) = row.tasks else {
            return Err(GraphError::invalid_list("a row has no `tasks`, so its assignment is unknown"));
        };
        if !seen.insert(user) {
            return Err(GraphError::invalid_list(
                "a user is listed twice: the list changed while it was read",
            ));
        }
        let tasks = TaskSet::from_names(names);
        if tasks.is_empty() {
            continue;
        }
        if own_users.users.contains_key(&user) {
            own.insert(user, tasks);
        } else {
            let kind = kind(row.user_type.as_deref(), row.business.as_ref(), own_users.business);
            others.insert(user, OtherHolder { name: Name::from(&*row.name), kind, tasks });
        }
    }
    Ok(WabaAssignments { own: own.into_iter().collect(), others: others.into_iter().collect() })
}

/// Returns the kind of a holder that is not on the business's list of system users.
fn kind(user_type: Option<&str>, of: Option<&RowBusiness>, business: BusinessId) -> HolderKind {
    match user_type {
        Some("BUSINESS_USER" | "PERSONAL_USER") => HolderKind::Person,
        // A system user of this business that its list lacks: neither known nor another business's.
        Some("SYSTEM_USER") if is_business(of, business) => HolderKind::Unknown,
        Some("SYSTEM_USER") => HolderKind::OtherBusiness,
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
    fn only_the_list_of_system_users_makes_a_holder_the_businesss_own() {
        let row = |id: u64, kind: Value, business: Value| json!({ "id": id, "name": null, "user_type": kind, "business": business, "tasks": ["MANAGE"] });
        let listed = classified(json!([row(101, json!("PERSONAL_USER"), json!({ "id": "20" }))])).unwrap();
        assert_eq!((listed.own.len(), listed.others.len()), (1, 0));
        for (kind, business, expected) in [
            (json!("SYSTEM_USER"), json!({ "id": "20" }), HolderKind::OtherBusiness),
            (json!("SYSTEM_USER"), json!({ "id": 10 }), HolderKind::Unknown),
            (json!("SYSTEM_USER"), Value::Null, HolderKind::OtherBusiness),
            (json!("BUSINESS_USER"), json!({ "id": "10" }), HolderKind::Person),
            (json!("ROBOT_USER"), json!({ "name": "Us" }), HolderKind::Unknown),
            (Value::Null, Value::Null, HolderKind::Unknown),
        ] {
            assert_eq!(kinds(json!([row(7, kind.clone(), business)])), [expected], "{kind}");
        }
    }

    #[test]
    fn duplicate_users_and_rows_without_tasks_are_errors() {
        let row = json!({ "id": "7", "tasks": ["MANAGE"] });
        assert!(matches!(classified(json!([row, row])), Err(GraphError::InvalidList { .. })));
        for tasks in [json!({ "id": "101" }), json!({ "id": "101", "tasks": null })] {
            assert!(matches!(classified(json!([tasks])), Err(GraphError::InvalidList { .. })));
        }
        let empty = classified(json!([{ "id": "101", "tasks": [] }, { "id": "7", "tasks": [] }])).unwrap();
        assert_eq!(empty, WabaAssignments::default(), "an empty task set is known");
    }
}
