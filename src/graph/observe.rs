//! Returns who holds what on WABAs, and checks an empty list from the users' side.

use super::Reader;
use super::call::Call;
use super::error::GraphError;
use super::holders::{Holders, sort};
use super::lists::{AHEAD, Lists, Of, Read, of_waba, waba_id};
use super::wire::AssignedWabaRow;
use crate::model::{
    AdminRole, AssignmentKey, Directory, Observed, State, TaskSet, Unreadable, UserId, WabaId,
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

impl Reader {
    /// Returns who holds what on some WABAs: what is not among what was read ahead is read now. `read` is told each
    /// one of those.
    ///
    /// A WABA whose list cannot be read whole is unreadable, with the reason; the others go on.
    ///
    /// # Errors
    ///
    /// Only what stops everything: see [`GraphError::is_fatal`].
    pub async fn observe(
        &self,
        request: &ReadRequest<'_>,
        mut ahead: Read,
        read: &(dyn Fn(usize) + Sync),
    ) -> Result<Observed, GraphError> {
        // Where somebody should be on a list that a page left out, the list itself is asked.
        for waba in ahead.left_out.iter().filter(|waba| request.expected.contains_key(waba)) {
            ahead.wabas.remove(waba);
        }
        let known = |waba: &&WabaId| request.directory.wabas.contains_key(waba);
        let missing = request.wabas.iter().filter(known).filter(|waba| !ahead.wabas.contains_key(waba));
        let missing: Vec<WabaId> = missing.copied().collect();
        ahead.wabas.extend(self.lists(request.directory, missing, read).await?.wabas);

        let mut observed = Observed::default();
        // Of many WABAs the rows are most of what a plan holds in memory, so they are never moved.
        let held = ahead.wabas.values().flatten().map(|(own, _)| own.len()).sum();
        let mut rows: Vec<(AssignmentKey, TaskSet)> = Vec::with_capacity(held);
        let mut empty: Vec<WabaId> = Vec::new();
        for waba in request.wabas {
            let list = ahead.wabas.remove(waba);
            let (own, others) = match list {
                Some(Ok(holders)) if known(&waba) => holders,
                Some(Err(why)) if known(&waba) => {
                    observed.unreadable.insert(*waba, why);
                    continue;
                }
                list => {
                    observed.unreadable.insert(*waba, nowhere(list.and_then(Result::err)));
                    continue;
                }
            };
            if own.is_empty() && others.is_empty() {
                empty.push(*waba);
            }
            let key = |user| AssignmentKey { waba: *waba, user };
            rows.extend(own.into_iter().map(|(user, tasks)| (key(user), tasks)));
            observed.others.extend(others.into_iter().map(|(user, other)| (key(user), other)));
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
        let rows = self.client.list(&of_waba(directory.business, waba)).await?;
        sort(of(directory), rows)
    }

    async fn lists(
        &self,
        directory: &Directory,
        wabas: Vec<WabaId>,
        read: &(dyn Fn(usize) + Sync),
    ) -> Result<Read, GraphError> {
        let lists = Lists::new(&self.client, of(directory), read);
        lists.add(wabas);
        lists.complete();
        lists.read_all().await?;
        Ok(lists.into_read())
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
            .buffer_unordered(AHEAD)
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

    /// Returns the WABAs on which a user holds something, from the user's side.
    async fn wabas_of(&self, user: UserId) -> Result<BTreeSet<WabaId>, GraphError> {
        let path = format!("{user}/assigned_whatsapp_business_accounts");
        let rows: Vec<AssignedWabaRow> =
            self.client.list(&Call::get(path, &[("fields", "id,name,tasks"), ("limit", "100")])).await?;
        rows.into_iter()
            // A row that tells no tasks is unknown, and so speaks against an empty list too.
            .filter(|row| {
                row.tasks.as_ref().or(row.permissions.as_ref()).is_none_or(|tasks| !tasks.is_empty())
            })
            .map(|row| waba_id(&row.id))
            .collect()
    }
}

fn of(directory: &Directory) -> Of<'_> {
    Of { business: directory.business, own: &directory.system_users }
}

/// Says that a WABA is not to be found, with what its direct read came to where that says more.
fn nowhere(read: Option<Unreadable>) -> Unreadable {
    let why = "it is on none of the business's lists, and not readable by its id";
    Unreadable(read.map_or_else(|| why.to_owned(), |Unreadable(cause)| format!("{why}: {cause}")))
}
