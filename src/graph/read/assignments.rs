//! Reads assignments WABA by WABA, while the lists of WABAs are still being read.

use super::classify::{OwnUsers, WabaAssignments, classify};
use crate::graph::error::GraphError;
use crate::graph::http::wire::{AssignedUserRow, ListPage, WireId};
use crate::graph::http::{ApiCall, PageCursor};
use crate::graph::retry::Retrier;
use crate::model::{BusinessId, Directory, Unreadable, WabaId};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// The most objects that are being read at a time. It exceeds what 16 requests in flight hold as batches of 50.
pub(super) const MAX_READS: usize = 1_000;

/// The fields of a row of `assigned_users`.
pub(super) const ROW_FIELDS: &str = "id,name,user_type,business,tasks";

/// A function that is called with the number of WABAs that were read since the last call.
pub(super) type Progress<'a> = &'a (dyn Fn(usize) + Sync);

/// Assignments that were read together with the directory: see [`Reader::prefetch`](crate::graph::Reader::prefetch).
#[derive(Debug, Default)]
pub struct PrefetchedAssignments {
    /// The assignments of each WABA, or why they could not be read.
    pub(super) wabas: BTreeMap<WabaId, Result<WabaAssignments, Unreadable>>,
    /// The WABAs whose nested list the API omitted. It does so for a WABA without holders; but an API that does not
    /// support nested lists would omit all of them.
    pub(super) omitted: BTreeSet<WabaId>,
}

impl PrefetchedAssignments {
    /// Returns the WABAs that are not in a directory because their row in a list cannot be read, with the reason.
    pub fn left_out(&self, directory: &Directory) -> BTreeMap<WabaId, Unreadable> {
        let unlisted = self.wabas.iter().filter(|(waba, _)| !directory.wabas.contains_key(waba));
        unlisted.filter_map(|(waba, list)| Some((*waba, list.as_ref().err()?.clone()))).collect()
    }
}

/// Reads the assignments of WABAs that are added while it reads.
pub(super) struct AssignmentReader<'a> {
    retrier: &'a Retrier,
    own_users: OwnUsers<'a>,
    progress: Progress<'a>,
    backlog: Mutex<Backlog>,
    /// Notified when the backlog has changed.
    changed: Notify,
    results: Mutex<PrefetchedAssignments>,
    /// WABAs that are unreadable whatever their lists contain.
    rejected: Mutex<BTreeMap<WabaId, Unreadable>>,
}

/// The WABAs that are still to be read.
#[derive(Debug, Default)]
struct Backlog {
    /// WABAs of which nothing was read.
    queued: BTreeSet<WabaId>,
    /// Lists whose first page was nested in a list of WABAs.
    partial: Vec<PartialList>,
    /// WABAs that were taken from `queued`, or arrived nested.
    started: BTreeSet<WabaId>,
    phase: Phase,
}

/// Whether queued WABAs are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Phase {
    #[default]
    Reading,
    /// Not yet: the lists of WABAs may still bring their assignments nested.
    Paused,
    /// Yes, and no more WABAs will be added.
    Complete,
}

/// A list of which some pages may have been read.
#[derive(Debug)]
struct PartialList {
    waba: WabaId,
    rows: Vec<AssignedUserRow>,
    cursor: PageCursor,
}

impl Backlog {
    fn add(&mut self, wabas: impl IntoIterator<Item = WabaId>) {
        let new = wabas.into_iter().filter(|waba| !self.started.contains(waba));
        self.queued.extend(new);
    }

    /// Notes that a WABA arrived nested, and returns whether nothing was read of it before.
    fn start_nested(&mut self, waba: WabaId) -> bool {
        self.queued.remove(&waba);
        self.started.insert(waba)
    }

    fn next(&mut self) -> Option<PartialList> {
        if let Some(partial) = self.partial.pop() {
            return Some(partial);
        }
        if self.phase == Phase::Paused {
            return None;
        }
        let waba = self.queued.pop_first()?;
        self.started.insert(waba);
        Some(PartialList { waba, rows: Vec::new(), cursor: PageCursor::default() })
    }

    /// Returns whether nothing is left to start, now or later.
    fn is_done(&self) -> bool {
        self.phase == Phase::Complete && self.queued.is_empty() && self.partial.is_empty()
    }
}

impl<'a> AssignmentReader<'a> {
    pub(super) fn new(retrier: &'a Retrier, own_users: OwnUsers<'a>, progress: Progress<'a>) -> Self {
        Self {
            retrier,
            own_users,
            progress,
            backlog: Mutex::default(),
            changed: Notify::new(),
            results: Mutex::default(),
            rejected: Mutex::default(),
        }
    }

    /// Adds WABAs; those that were added before are not read twice.
    pub(super) fn add(&self, wabas: impl IntoIterator<Item = WabaId>) {
        self.change(|backlog| backlog.add(wabas));
    }

    /// Adds a WABA with the first page of its list, as it arrived nested in a list of WABAs.
    pub(super) fn add_nested(&self, waba: WabaId, page: Option<ListPage<AssignedUserRow>>) {
        if !self.backlog().start_nested(waba) {
            return;
        }
        if page.is_none() {
            lock(&self.results).omitted.insert(waba);
        }
        let ListPage { data: rows, paging } = page.unwrap_or(ListPage { data: Vec::new(), paging: None });
        let mut cursor = PageCursor::default();
        match cursor.advance(rows.len(), paging) {
            Ok(true) => {
                self.change(|backlog| backlog.partial.push(PartialList { waba, rows, cursor }));
            }
            Ok(false) => self.store(waba, classify(self.own_users, rows)),
            Err(error) => self.store(waba, Err(error)),
        }
    }

    /// Makes a WABA unreadable, because its row in a list of WABAs cannot be read.
    pub(super) fn reject(&self, waba: WabaId, error: &GraphError) {
        lock(&self.rejected).insert(waba, error.unreadable());
    }

    /// Pauses reading the WABAs of which nothing was read, or continues.
    pub(super) fn pause(&self, paused: bool) {
        self.change(|backlog| backlog.phase = if paused { Phase::Paused } else { Phase::Reading });
    }

    /// Declares that no more WABAs will be added.
    pub(super) fn complete(&self) {
        self.change(|backlog| backlog.phase = Phase::Complete);
    }

    /// Returns the number of WABAs of which nothing was read.
    pub(super) fn queued(&self) -> usize {
        self.backlog().queued.len()
    }

    /// Reads until all WABAs are read and no more can be added.
    ///
    /// # Errors
    ///
    /// Only fatal ones: see [`GraphError::is_fatal`]. Other errors make their WABA unreadable.
    pub(super) async fn read_all(&self) -> Result<(), GraphError> {
        let mut in_flight = FuturesUnordered::new();
        loop {
            while in_flight.len() < MAX_READS
                && let Some(list) = self.backlog().next()
            {
                in_flight.push(self.read(list));
            }
            if in_flight.is_empty() && self.backlog().is_done() {
                return Ok(());
            }
            tokio::select! {
                biased;
                Some(read) = in_flight.next() => {
                    // All that are ready, so that the reads that follow them gather in one batch.
                    let mut ready = Some(read);
                    while let Some((waba, result)) = ready {
                        self.settle(waba, result)?;
                        ready = in_flight.next().now_or_never().flatten();
                    }
                }
                () = self.changed.notified() => {}
            }
        }
    }

    /// Returns what was read.
    pub(super) fn into_results(self) -> PrefetchedAssignments {
        let mut results = self.results.into_inner().unwrap_or_else(PoisonError::into_inner);
        let rejected = self.rejected.into_inner().unwrap_or_else(PoisonError::into_inner);
        results.wabas.extend(rejected.into_iter().map(|(waba, why)| (waba, Err(why))));
        results
    }

    async fn read(&self, list: PartialList) -> (WabaId, Result<WabaAssignments, GraphError>) {
        let PartialList { waba, rows, cursor } = list;
        let call = assigned_users(self.own_users.business, waba);
        let rows = self.retrier.rest_of_list(&call, rows, cursor, |bad| Err(bad.into())).await;
        (waba, rows.and_then(|rows| classify(self.own_users, rows)))
    }

    fn settle(&self, waba: WabaId, result: Result<WabaAssignments, GraphError>) -> Result<(), GraphError> {
        match result {
            Err(error) if error.is_fatal() => return Err(error),
            result => self.store(waba, result),
        }
        Ok(())
    }

    fn store(&self, waba: WabaId, result: Result<WabaAssignments, GraphError>) {
        let result = result.map_err(|error| error.unreadable());
        lock(&self.results).wabas.insert(waba, result);
        (self.progress)(1);
    }

    fn backlog(&self) -> MutexGuard<'_, Backlog> {
        lock(&self.backlog)
    }

    fn change(&self, change: impl FnOnce(&mut Backlog)) {
        change(&mut self.backlog());
        self.changed.notify_one();
    }
}

/// Locks a value that no panic leaves half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the call that lists the assignments on a WABA.
pub(super) fn assigned_users(business: BusinessId, waba: WabaId) -> ApiCall {
    let business = business.to_string();
    let query = [("business", &*business), ("fields", ROW_FIELDS), ("limit", "100")];
    ApiCall::get(format!("{waba}/assigned_users"), &query).charged_to(waba)
}

/// Parses the id of a WABA.
pub(super) fn waba_id(id: &WireId) -> Result<WabaId, GraphError> {
    id.parse().map_err(|_| GraphError::invalid_list("the id of a WABA is not a number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waba(id: u64) -> WabaId {
        id.to_string().parse().unwrap()
    }

    fn next(backlog: &mut Backlog) -> Option<WabaId> {
        backlog.next().map(|list| list.waba)
    }

    #[test]
    fn each_waba_is_started_once() {
        let mut backlog = Backlog::default();
        backlog.add([waba(2), waba(1), waba(3)]);
        assert_eq!(next(&mut backlog), Some(waba(1)));
        backlog.add([waba(1)]);
        assert!(backlog.start_nested(waba(2)), "it was only queued");
        assert!(!backlog.start_nested(waba(1)), "it is being read");
        assert_eq!((next(&mut backlog), next(&mut backlog)), (Some(waba(3)), None));
    }

    #[test]
    fn a_paused_backlog_continues_partial_lists_only() {
        let mut backlog = Backlog { phase: Phase::Paused, ..Backlog::default() };
        backlog.add([waba(1)]);
        backlog.partial.push(PartialList { waba: waba(2), rows: Vec::new(), cursor: PageCursor::default() });
        assert_eq!((next(&mut backlog), next(&mut backlog)), (Some(waba(2)), None));
        assert!(!backlog.is_done());
        backlog.phase = Phase::Complete;
        assert_eq!(next(&mut backlog), Some(waba(1)));
        assert!(backlog.is_done());
    }
}
