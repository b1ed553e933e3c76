//! Tells the business's own system users from everybody else who holds something on a WABA.

use super::client::broken;
use super::error::GraphError;
use super::lists::Of;
use super::wire::{AssignedUserRow, RowBusiness};
use crate::model::{BusinessId, HolderKind, Name, OtherHolder, TaskSet, UserId};
use std::collections::{BTreeMap, BTreeSet};

/// What the business's own system users hold on one WABA, and what everybody else does, each by user. Of many WABAs
/// they are most of what reading holds in memory, so they take no more room than they need.
pub(super) type Holders = (Box<[(UserId, TaskSet)]>, Box<[(UserId, OtherHolder)]>);

/// Tells the business's own system users, by its own list of them, from everybody else.
pub(super) fn sort(of: Of<'_>, rows: Vec<AssignedUserRow>) -> Result<Holders, GraphError> {
    let (mut own, mut others) = (BTreeMap::new(), BTreeMap::new());
    let mut seen = BTreeSet::new();
    for row in rows {
        let user: UserId = row.id.parse().map_err(|_| broken("a user's id is no number"))?;
        let Some(names) = row.tasks else {
            return Err(broken("a row came without `tasks`, so what this user holds is unknown"));
        };
        if !seen.insert(user) {
            return Err(broken("the same user came twice, so the list changed while it was read"));
        }
        let tasks = TaskSet::from_names(names);
        if tasks.is_empty() {
            continue;
        }
        if of.own.contains_key(&user) {
            own.insert(user, tasks);
        } else {
            let kind = match row.user_type.as_deref() {
                Some("BUSINESS_USER" | "PERSONAL_USER") => HolderKind::Person,
                // One of this business that its own list does not have: neither ours nor another's.
                Some("SYSTEM_USER") if is_of(row.business.as_ref(), of.business) => HolderKind::Unknown,
                Some("SYSTEM_USER") => HolderKind::OtherBusiness,
                Some(_) | None => HolderKind::Unknown,
            };
            others.insert(user, OtherHolder { name: Name::from(&*row.name), kind, tasks });
        }
    }
    Ok((own.into_iter().collect(), others.into_iter().collect()))
}

/// Returns whether a row names a business as the user's.
fn is_of(row: Option<&RowBusiness>, business: BusinessId) -> bool {
    row.and_then(|row| row.id.as_ref()?.parse().ok()) == Some(business)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AdminRole, SystemUser};
    use serde_json::{Value, json};

    /// Sorts rows in a business 10 whose only system user is 101.
    fn sorted(rows: Value) -> Result<Holders, GraphError> {
        let bot = SystemUser { name: Name::from("bot"), role: AdminRole::Employee };
        let own = BTreeMap::from([("101".parse().unwrap(), bot)]);
        sort(Of { business: "10".parse().unwrap(), own: &own }, serde_json::from_value(rows).unwrap())
    }

    fn kinds(rows: Value) -> Vec<HolderKind> {
        sorted(rows).unwrap().1.into_iter().map(|(_, other)| other.kind).collect()
    }

    #[test]
    fn a_row_is_the_businesss_own_by_the_list_of_its_system_users_alone() {
        let row = |id: u64, kind: Value, business: Value| json!({ "id": id, "name": null, "user_type": kind, "business": business, "tasks": ["MANAGE"] });
        let (own, others) = sorted(json!([row(101, json!("PERSONAL_USER"), json!({ "id": "20" }))])).unwrap();
        assert_eq!((own.len(), others.len()), (1, 0));
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
    fn rows_that_make_no_whole_list_are_a_failure() {
        let row = json!({ "id": "7", "tasks": ["MANAGE"] });
        assert!(matches!(sorted(json!([row, row])), Err(GraphError::BrokenList { .. })));
        for tasks in [json!({ "id": "101" }), json!({ "id": "101", "tasks": null })] {
            assert!(matches!(sorted(json!([tasks])), Err(GraphError::BrokenList { .. })));
        }
        let (own, others) =
            sorted(json!([{ "id": "101", "tasks": [] }, { "id": "7", "tasks": [] }])).unwrap();
        assert_eq!((own.len(), others.len()), (0, 0), "an empty set is nothing, not unknown");
    }
}
