//! Reads who holds what on WABAs, and checks an empty list from the users' side.

use super::Reader;
use super::error::GraphError;
use super::transport::broken;
use super::wire::{AssignedUserRow, AssignedWabaRow, RowBusiness};
use crate::model::{
    AdminRole, AssignmentKey, BusinessId, Directory, HolderKind, Name, Observed, OtherHolder, State, TaskSet,
    Unreadable, UserId, WabaId,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use std::collections::{BTreeMap, BTreeSet};

/// Which WABAs to read.
#[derive(Debug, Clone, Copy)]
pub struct ReadRequest<'a> {
    /// Which users are the business's own, and which WABAs can be read.
    pub directory: &'a Directory,
    /// The WABAs.
    pub wabas: &'a [WabaId],
    /// The users whom each WABA's list should show.
    pub expected: &'a BTreeMap<WabaId, Vec<UserId>>,
}

/// What the business's own system users hold on one WABA, and what everybody else does.
pub(super) type Holders = (BTreeMap<UserId, TaskSet>, BTreeMap<UserId, OtherHolder>);

impl Reader {
    /// Reads who holds what on some WABAs, so many at a time as the settings say. `read` is told each one.
    ///
    /// A WABA whose list cannot be read whole is unreadable, with the reason; the others go on.
    ///
    /// # Errors
    ///
    /// Only what stops everything: see [`GraphError::is_fatal`].
    pub async fn observe(
        &self,
        request: &ReadRequest<'_>,
        read: &(dyn Fn(usize) + Sync),
    ) -> Result<Observed, GraphError> {
        let mut observed = Observed::default();
        let mut rows: Vec<(AssignmentKey, TaskSet)> = Vec::new();
        let mut empty: Vec<WabaId> = Vec::new();
        let mut lists = stream::iter(request.wabas.iter().copied())
            .map(|waba| async move { (waba, self.listed(request.directory, waba).await) })
            // The maps below put them in order, so that a slow one holds up no other.
            .buffer_unordered(self.concurrency);
        while let Some((waba, list)) = lists.next().await {
            read(1);
            let (own, others) = match list {
                Ok(holders) => holders,
                Err(Reason::Fatal(error)) => return Err(error),
                Err(Reason::Unreadable(why)) => {
                    observed.unreadable.insert(waba, Unreadable(why));
                    continue;
                }
            };
            if own.is_empty() && others.is_empty() {
                empty.push(waba);
            }
            rows.extend(own.into_iter().map(|(user, tasks)| (AssignmentKey { waba, user }, tasks)));
            observed
                .others
                .extend(others.into_iter().map(|(user, other)| (AssignmentKey { waba, user }, other)));
        }
        observed.state = rows.into_iter().collect::<State>();
        self.confirm_empty(request, &empty, &mut observed).await?;
        Ok(observed)
    }

    /// Reads who holds what on one WABA now: the business's own system users, and everybody else.
    ///
    /// # Errors
    ///
    /// Any [`GraphError`]; the list is whole or a failure.
    pub async fn holders(&self, directory: &Directory, waba: WabaId) -> Result<Holders, GraphError> {
        let rows = self.assigned_users(directory.business, waba).await?;
        sort(directory, rows)
    }

    async fn listed(&self, directory: &Directory, waba: WabaId) -> Result<Holders, Reason> {
        if !directory.wabas.contains_key(&waba) {
            return Err(Reason::Unreadable(String::from(
                "it is on none of the business's lists, and not readable by its id",
            )));
        }
        self.holders(directory, waba).await.map_err(Reason::from)
    }

    async fn assigned_users(
        &self,
        business: BusinessId,
        waba: WabaId,
    ) -> Result<Vec<AssignedUserRow>, GraphError> {
        let path = format!("{waba}/assigned_users");
        let business = business.to_string();
        let query =
            [("business", &*business), ("fields", "id,name,user_type,business,tasks"), ("limit", "100")];
        self.transport.list(&path, &query).await
    }

    /// Checks each empty list where holders are expected from the side of those holders who are no admins.
    async fn confirm_empty(
        &self,
        request: &ReadRequest<'_>,
        empty: &[WabaId],
        observed: &mut Observed,
    ) -> Result<(), GraphError> {
        let is_asked = |user: &&UserId| {
            request.directory.system_users.get(user).is_some_and(|user| user.role != AdminRole::Admin)
        };
        let doubtful: BTreeMap<WabaId, Vec<UserId>> = empty
            .iter()
            .filter_map(|waba| Some((*waba, request.expected.get(waba)?)))
            .map(|(waba, users)| (waba, users.iter().filter(is_asked).copied().collect()))
            .collect();
        let users: BTreeSet<UserId> = doubtful.values().flatten().copied().collect();
        let answers: BTreeMap<UserId, Result<BTreeSet<WabaId>, GraphError>> = stream::iter(users)
            .map(|user| async move {
                match self.wabas_of(user).await {
                    Err(error) if error.is_fatal() => Err(error),
                    answer => Ok((user, answer)),
                }
            })
            .buffer_unordered(self.concurrency)
            .try_collect()
            .await?;
        for (waba, users) in doubtful {
            let contradicts =
                |user: &&UserId| matches!(answers.get(user), Some(Ok(wabas)) if wabas.contains(&waba));
            let told = |user: &UserId| matches!(answers.get(user), Some(Ok(_)));
            if let Some(user) = users.iter().find(contradicts) {
                let why = format!(
                    "its list came back empty, but the system user {user} is told to hold something there"
                );
                observed.unreadable.insert(waba, Unreadable(why));
            } else if users.is_empty() || !users.iter().all(told) {
                observed.unconfirmed.insert(waba);
            }
        }
        Ok(())
    }

    /// Gives the WABAs on which a user holds something, from the user's side.
    async fn wabas_of(&self, user: UserId) -> Result<BTreeSet<WabaId>, GraphError> {
        let path = format!("{user}/assigned_whatsapp_business_accounts");
        let rows: Vec<AssignedWabaRow> =
            self.transport.list(&path, &[("fields", "id,name,tasks"), ("limit", "100")]).await?;
        rows.into_iter()
            // A row that tells no tasks is unknown, and so speaks against an empty list too.
            .filter(|row| {
                row.tasks.as_ref().or(row.permissions.as_ref()).is_none_or(|tasks| !tasks.is_empty())
            })
            .map(|row| row.id.parse().map_err(|_| broken("a WABA's id is no number")))
            .collect()
    }
}

/// Why a WABA's list is not known.
enum Reason {
    Fatal(GraphError),
    Unreadable(String),
}

impl From<GraphError> for Reason {
    fn from(error: GraphError) -> Self {
        if error.is_fatal() {
            return Self::Fatal(error);
        }
        Self::Unreadable(error.chain())
    }
}

/// Tells the business's own system users, by its own list of them, from everybody else.
fn sort(directory: &Directory, rows: Vec<AssignedUserRow>) -> Result<Holders, GraphError> {
    let (mut own, mut others) = Holders::default();
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
        if directory.system_users.contains_key(&user) {
            own.insert(user, tasks);
        } else {
            let kind = match row.user_type.as_deref() {
                Some("BUSINESS_USER" | "PERSONAL_USER") => HolderKind::Person,
                // One of this business that its own list does not have: neither ours nor another's.
                Some("SYSTEM_USER") if is_of(row.business.as_ref(), directory.business) => {
                    HolderKind::Unknown
                }
                Some("SYSTEM_USER") => HolderKind::OtherBusiness,
                Some(_) | None => HolderKind::Unknown,
            };
            others.insert(user, OtherHolder { name: Name::from(&*row.name), kind, tasks });
        }
    }
    Ok((own, others))
}

/// Tells whether a row names a business as the user's.
fn is_of(row: Option<&RowBusiness>, business: BusinessId) -> bool {
    row.and_then(|row| row.id.as_ref()?.parse().ok()) == Some(business)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SystemUser;
    use serde_json::{Value, json};

    /// Sorts rows in a business 10 whose only system user is 101.
    fn sorted(rows: Value) -> Result<Holders, GraphError> {
        let bot = SystemUser { name: Name::from("bot"), role: AdminRole::Employee };
        let directory = Directory {
            business: "10".parse().unwrap(),
            acting_user: None,
            system_users: BTreeMap::from([("101".parse().unwrap(), bot)]),
            wabas: BTreeMap::new(),
        };
        sort(&directory, serde_json::from_value(rows).unwrap())
    }

    fn kinds(rows: Value) -> Vec<HolderKind> {
        sorted(rows).unwrap().1.into_values().map(|other| other.kind).collect()
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
