//! Reads the assignments in scope, and confirms empty lists from the users' side.

use super::assignments::{
    AssignmentReader, MAX_READS, PrefetchedAssignments, Progress, assigned_users, waba_id,
};
use super::classify::{OwnUsers, WabaAssignments, classify};
use crate::graph::error::GraphError;
use crate::graph::http::ApiCall;
use crate::graph::http::wire::AssignedWabaRow;
use crate::graph::reader::Reader;
use crate::model::{
    AdminRole, AssignmentKey, Directory, HeldByUser, Name, Observed, State, TaskSet, Unreadable, UserId,
    WabaId,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use std::collections::{BTreeMap, BTreeSet};

/// The WABAs whose assignments to read.
#[derive(Debug, Clone, Copy)]
pub struct ObserveRequest<'a> {
    /// The business's own users, and the WABAs that can be read.
    pub directory: &'a Directory,
    /// The WABAs.
    pub wabas: &'a [WabaId],
    /// The users that each WABA's list should contain. If a list is empty nevertheless, they are asked.
    pub expected: &'a BTreeMap<WabaId, Vec<UserId>>,
    /// The suspended users. What they hold is read from the API's lists for them, also out of scope.
    pub suspended: &'a BTreeSet<UserId>,
    /// Whether the lists of WABAs were read, so that one that is not known is on none of them.
    pub has_lists: bool,
    /// Whether expected holders are asked about an empty list. If not, it stays unconfirmed. The list of a user with 10,000 WABAs
    /// takes 100 calls.
    pub asks_users: bool,
}

impl ObserveRequest<'_> {
    fn is_known(&self, waba: WabaId) -> bool {
        self.directory.wabas.contains_key(&waba)
    }
}

/// What each user holds on WABAs, as the API lists it for the user.
pub type UserSides = BTreeMap<UserId, Result<HeldByUser, GraphError>>;

impl Reader {
    /// Reads the assignments on some WABAs, except those that were prefetched.
    ///
    /// A WABA whose list cannot be read completely is unreadable, with the reason; the others are not affected.
    /// `progress` is called with the number of WABAs that were read, each time some were.
    ///
    /// # Errors
    ///
    /// Only fatal ones: see [`GraphError::is_fatal`].
    pub async fn observe(
        &self,
        request: &ObserveRequest<'_>,
        prefetched: PrefetchedAssignments,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Observed, GraphError> {
        let assignments = self.read_missing(request, prefetched, progress).await?;
        let (mut observed, empty) = collect(request, assignments);
        let suspects = suspects(request, &empty);
        let users = suspects.values().flatten().chain(request.suspended).copied().collect();
        let mut sides = self.user_sides(users).await?;
        for (waba, users) in suspects {
            check_empty(waba, &users, &sides, &mut observed);
        }
        for user in request.suspended {
            let side = sides.remove(user).map(|side| side.map_err(|error| error.unreadable()));
            observed.suspended.extend(side.map(|side| (*user, side)));
        }
        Ok(observed)
    }

    /// Reads the assignments on one WABA now.
    ///
    /// # Errors
    ///
    /// Any [`GraphError`]. The list is complete or an error.
    pub async fn assignments(
        &self,
        directory: &Directory,
        waba: WabaId,
    ) -> Result<WabaAssignments, GraphError> {
        let rows = self.retrier.list(&assigned_users(directory.business, waba)).await?;
        classify(own_users(directory), rows)
    }

    /// Adds the assignments that were not prefetched.
    async fn read_missing(
        &self,
        request: &ObserveRequest<'_>,
        mut prefetched: PrefetchedAssignments,
        progress: Progress<'_>,
    ) -> Result<BTreeMap<WabaId, Result<WabaAssignments, Unreadable>>, GraphError> {
        // If holders are expected where the API omitted a nested list, the list itself is read.
        for waba in prefetched.omitted.iter().filter(|waba| request.expected.contains_key(waba)) {
            prefetched.wabas.remove(waba);
        }
        let mut assignments = prefetched.wabas;
        let missing = request.wabas.iter().copied();
        let missing = missing.filter(|waba| request.is_known(*waba) && !assignments.contains_key(waba));
        let reader = AssignmentReader::new(&self.retrier, own_users(request.directory), progress);
        reader.add(missing);
        reader.complete();
        reader.read_all().await?;
        assignments.extend(reader.into_results().wabas);
        Ok(assignments)
    }

    /// Reads the users' side of their assignments. A list is complete or an error.
    ///
    /// # Errors
    ///
    /// Only fatal ones: see [`GraphError::is_fatal`].
    pub async fn user_sides(&self, users: BTreeSet<UserId>) -> Result<UserSides, GraphError> {
        stream::iter(users)
            .map(|user| async move {
                match self.wabas_of(user).await {
                    Err(error) if error.is_fatal() => Err(error),
                    result => Ok((user, result)),
                }
            })
            .buffer_unordered(MAX_READS)
            .try_collect()
            .await
    }

    /// Reads what a user holds on WABAs.
    async fn wabas_of(&self, user: UserId) -> Result<HeldByUser, GraphError> {
        let path = format!("{user}/assigned_whatsapp_business_accounts");
        let call = ApiCall::get(path, &[("fields", "id,name,tasks"), ("limit", "100")]);
        let rows: Vec<AssignedWabaRow> = self.retrier.list(&call).await?;
        rows.into_iter()
            .map(|row| {
                let tasks = row.tasks.or(row.permissions).map(TaskSet::from_names);
                Ok((waba_id(&row.id)?, (Name::new(row.name), tasks)))
            })
            // An unknown row contradicts an empty list as well.
            .filter(|row| !matches!(row, Ok((_, (_, Some(tasks)))) if tasks.is_empty()))
            .collect()
    }
}

fn own_users(directory: &Directory) -> OwnUsers<'_> {
    OwnUsers { business: directory.business, users: &directory.system_users }
}

/// Collects assignments as one observation, and returns the WABAs whose list is empty.
fn collect(
    request: &ObserveRequest<'_>,
    mut assignments: BTreeMap<WabaId, Result<WabaAssignments, Unreadable>>,
) -> (Observed, Vec<WabaId>) {
    let mut observed = Observed::default();
    let mut empty: Vec<WabaId> = Vec::new();
    // With many WABAs these rows are most of the memory of a plan: one allocation of the right size.
    let rows = assignments.values().flatten().map(|list| list.own.len()).sum();
    let mut rows: Vec<(AssignmentKey, TaskSet)> = Vec::with_capacity(rows);
    for &waba in request.wabas {
        let list = match (request.is_known(waba), assignments.remove(&waba)) {
            (true, Some(Ok(list))) => list,
            (true, Some(Err(why))) => {
                observed.unreadable.insert(waba, why);
                continue;
            }
            (_, list) => {
                let error = list.and_then(Result::err);
                observed.unreadable.insert(waba, not_found(error, request.has_lists));
                continue;
            }
        };
        if list.is_empty() {
            empty.push(waba);
        }
        let key = |user| AssignmentKey { waba, user };
        rows.extend(list.own.into_iter().map(|(user, tasks)| (key(user), tasks)));
        observed.unlisted.extend(list.unlisted);
        observed.businesses.extend(list.businesses);
        observed.others.extend(list.others.into_iter().map(|(user, other)| (key(user), other)));
    }
    observed.state = rows.into_iter().collect::<State>();
    (observed, empty)
}

/// Returns the empty lists on which holders are expected, with those holders that can be asked: the users who are no
/// admins. An admin may not be listed, so its side proves nothing.
fn suspects(request: &ObserveRequest<'_>, empty: &[WabaId]) -> BTreeMap<WabaId, Vec<UserId>> {
    let can_be_asked = |user: &&UserId| {
        request.asks_users
            && request.directory.system_users.get(user).is_some_and(|user| user.role != AdminRole::Admin)
    };
    let expected = empty.iter().filter_map(|waba| Some((*waba, request.expected.get(waba)?)));
    expected.map(|(waba, users)| (waba, users.iter().filter(can_be_asked).copied().collect())).collect()
}

/// Compares an empty list with the side of the users who are expected on it.
fn check_empty(waba: WabaId, users: &[UserId], sides: &UserSides, observed: &mut Observed) {
    let side = |user: &UserId| sides.get(user).and_then(|side| side.as_ref().ok());
    let holds = |user: &&UserId| side(user).is_some_and(|wabas| wabas.contains_key(&waba));
    if let Some(user) = users.iter().find(holds) {
        let why = format!("its list is empty, but the API lists it for system user {user}");
        observed.unreadable.insert(waba, Unreadable::because(why));
    } else if users.is_empty() || users.iter().any(|user| side(user).is_none()) {
        observed.unconfirmed.insert(waba);
    }
}

/// Returns why a WABA that is not in the directory cannot be read, with the error of its direct read, if any.
fn not_found(error: Option<Unreadable>, has_lists: bool) -> Unreadable {
    let why = if has_lists {
        "it is on none of the business's lists and cannot be read by its id"
    } else {
        "it cannot be read by its id"
    };
    Unreadable::because(error.map_or_else(|| why.to_owned(), |error| format!("{why}: {}", error.why)))
}
