//! Reads who holds what WABA by WABA, while more WABAs to read become known.

use super::call::Call;
use super::client::{Client, Pages, broken};
use super::error::GraphError;
use super::holders::{Holders, sort};
use super::wire::{AssignedUserRow, Page};
use crate::model::{BusinessId, SystemUser, Unreadable, UserId, WabaId, chain};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// How many WABAs are being read at a time at most: enough to fill all lines with batches.
pub(super) const AHEAD: usize = 1_000;

/// The fields of a row of `assigned_users`.
pub(super) const ROW: &str = "id,name,user_type,business,tasks";

/// What was read: each WABA's holders, or why they are not known.
#[derive(Debug, Default)]
pub struct Read {
    pub(super) wabas: BTreeMap<WabaId, Result<Holders, Unreadable>>,
    /// Those that a page of WABAs left out as held by nobody; it would leave them out too if it nested nothing.
    pub(super) left_out: BTreeSet<WabaId>,
}

/// The own system users, and where assignments are asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Of<'a> {
    pub(super) business: BusinessId,
    pub(super) own: &'a BTreeMap<UserId, SystemUser>,
}

/// What is to be read, filled while it is being read.
pub(super) struct Lists<'a> {
    client: &'a Client,
    of: Of<'a>,
    read: &'a (dyn Fn(usize) + Sync),
    state: Mutex<State>,
    more: Notify,
}

#[derive(Default)]
struct State {
    /// WABAs that are to be read and that nobody has begun.
    waiting: BTreeSet<WabaId>,
    /// Lists that began nested in a page, and go on by themselves.
    begun: Vec<(WabaId, Vec<AssignedUserRow>, Pages)>,
    /// WABAs that were begun.
    taken: BTreeSet<WabaId>,
    done: Read,
    /// Whether those that wait are left for the lists of WABAs to bring nested.
    spared: bool,
    /// Whether no more become known.
    complete: bool,
}

impl<'a> Lists<'a> {
    pub(super) fn new(client: &'a Client, of: Of<'a>, read: &'a (dyn Fn(usize) + Sync)) -> Self {
        Self { client, of, read, state: Mutex::default(), more: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds WABAs to be read one by one; those that are begun already are not read twice.
    pub(super) fn add(&self, wabas: impl IntoIterator<Item = WabaId>) {
        let mut state = self.state();
        for waba in wabas {
            if !state.taken.contains(&waba) {
                state.waiting.insert(waba);
            }
        }
        drop(state);
        self.more.notify_one();
    }

    /// Takes a WABA's list as it came nested in a page; nothing where it is being read already.
    pub(super) fn nested(&self, waba: WabaId, list: Option<Page<AssignedUserRow>>) {
        let mut state = self.state();
        if !state.taken.insert(waba) {
            return;
        }
        state.waiting.remove(&waba);
        let list = list.unwrap_or_else(|| {
            state.done.left_out.insert(waba);
            Page { data: Vec::new(), paging: None }
        });
        let mut pages = Pages::default();
        match pages.turn(list.paging) {
            Ok(true) => {
                state.begun.push((waba, list.data, pages));
                self.more.notify_one();
                return;
            }
            Ok(false) => {
                state.done.wabas.insert(waba, sort(self.of, list.data).map_err(|error| unreadable(&error)));
            }
            Err(error) => _ = state.done.wabas.insert(waba, Err(unreadable(&error))),
        }
        drop(state);
        (self.read)(1);
    }

    /// Leaves those that wait to the lists of WABAs, or no longer does.
    pub(super) fn spare(&self, spared: bool) {
        self.state().spared = spared;
        self.more.notify_one();
    }

    /// Returns how many wait.
    pub(super) fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    /// Says that no more become known: what waits is read one by one.
    pub(super) fn complete(&self) {
        let mut state = self.state();
        state.complete = true;
        state.spared = false;
        drop(state);
        self.more.notify_one();
    }

    /// Reads until no more can become known and all that are known are read.
    ///
    /// # Errors
    ///
    /// Only what stops everything: see [`GraphError::is_fatal`].
    pub(super) async fn read_all(&self) -> Result<(), GraphError> {
        let mut reading = FuturesUnordered::new();
        loop {
            while reading.len() < AHEAD {
                let Some(next) = self.next() else { break };
                reading.push(self.one(next));
            }
            if reading.is_empty() && self.is_through() {
                return Ok(());
            }
            tokio::select! {
                biased;
                Some(done) = reading.next() => {
                    // All that are there at once, so that what follows them gathers for one batch.
                    let mut done = Some(done);
                    while let Some((waba, list)) = done {
                        self.settle(waba, list)?;
                        done = reading.next().now_or_never().flatten();
                    }
                }
                () = self.more.notified() => {}
            }
        }
    }

    /// Returns what was read.
    pub(super) fn into_read(self) -> Read {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).done
    }

    fn next(&self) -> Option<(WabaId, Vec<AssignedUserRow>, Pages)> {
        let mut state = self.state();
        if let Some(begun) = state.begun.pop() {
            return Some(begun);
        }
        if state.spared {
            return None;
        }
        let waba = state.waiting.pop_first()?;
        state.taken.insert(waba);
        Some((waba, Vec::new(), Pages::default()))
    }

    fn is_through(&self) -> bool {
        let state = self.state();
        state.complete && state.waiting.is_empty() && state.begun.is_empty()
    }

    async fn one(
        &self,
        (waba, rows, mut pages): (WabaId, Vec<AssignedUserRow>, Pages),
    ) -> (WabaId, Result<Holders, GraphError>) {
        let rows = self.client.rest(&of_waba(self.of.business, waba), rows, &mut pages).await;
        (waba, rows.and_then(|rows| sort(self.of, rows)))
    }

    fn settle(&self, waba: WabaId, list: Result<Holders, GraphError>) -> Result<(), GraphError> {
        let list = match list {
            Err(error) if error.is_fatal() => return Err(error),
            Err(error) => Err(unreadable(&error)),
            Ok(holders) => Ok(holders),
        };
        self.state().done.wabas.insert(waba, list);
        (self.read)(1);
        Ok(())
    }
}

/// Makes the call that lists who holds what on a WABA.
pub(super) fn of_waba(business: BusinessId, waba: WabaId) -> Call {
    let business = business.to_string();
    let query = [("business", &*business), ("fields", ROW), ("limit", "100")];
    Call::get(format!("{waba}/assigned_users"), &query).charged_to(waba)
}

/// Returns a WABA's id.
pub(super) fn waba_id(id: &super::wire::WireId) -> Result<WabaId, GraphError> {
    id.parse().map_err(|_| broken("a WABA's id is no number"))
}

fn unreadable(error: &GraphError) -> Unreadable {
    Unreadable(chain(error))
}
