//! Sends calls, and puts those that wait at the same time into one batch.
//!
//! A call that finds the number of requests in flight below its limit is sent at once and alone. While the limit is
//! reached, calls queue; the next request takes as many of them as a batch may hold. So batches form exactly where they
//! are quicker. Nothing here retries a call.

use super::error::GraphError;
use super::http::{ApiCall, ApiHeaders, ApiResponse, Transport};
use super::limits::{EndedRequest, Permit, RequestKind, RunLimits};
use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};
use tokio::task::{JoinHandle, JoinSet};

/// The most calls in one batch, as Meta documents it.
const MAX_BATCH: usize = 50;

/// Sends calls as permits become free. Dropping it cancels what waits and what is in flight.
#[derive(Debug)]
pub(super) struct Batcher {
    shared: Arc<BatchQueue>,
    /// The task that sends; it starts with the first call.
    task: OnceLock<JoinHandle<()>>,
}

#[derive(Debug)]
struct BatchQueue {
    transport: Arc<Transport>,
    limits: Arc<RunLimits>,
    calls: Mutex<QueuedCalls>,
    /// Notified when a call was added.
    added: Notify,
    /// Whether calls may be batched.
    batching: AtomicBool,
}

#[derive(Debug, Default)]
struct QueuedCalls {
    waiting: VecDeque<QueuedCall>,
    closed: bool,
}

#[derive(Debug)]
struct QueuedCall {
    call: ApiCall,
    reply: oneshot::Sender<CallOutcome>,
}

/// The result of sending a call.
#[derive(Debug)]
pub(super) enum CallOutcome {
    /// The call has a response, or failed.
    Done(Result<ApiResponse, GraphError>),
    /// Its batch was rejected without a look at its items: the call can be sent again, individually.
    Unbatched,
    /// The API asks to send nothing of the WABA for now, and the call was not sent.
    WabaPaused,
    /// The WABA has no call left in this hour, and the call was not sent. It has one after this time.
    BudgetSpent(Duration),
}

impl QueuedCall {
    fn reply(self, outcome: CallOutcome) {
        // The caller may have given up.
        let _ = self.reply.send(outcome);
    }
}

impl Batcher {
    pub(super) fn new(transport: Arc<Transport>, limits: Arc<RunLimits>, batching: bool) -> Self {
        let shared = BatchQueue {
            transport,
            limits,
            calls: Mutex::default(),
            added: Notify::new(),
            batching: AtomicBool::new(batching),
        };
        Self { shared: Arc::new(shared), task: OnceLock::new() }
    }

    /// Sends a call once, as soon as a request is permitted. If the future is dropped before that, the call is not sent.
    pub(super) async fn send(&self, call: ApiCall) -> CallOutcome {
        let (reply, sent) = oneshot::channel();
        {
            let mut calls = self.shared.calls();
            if calls.closed {
                return CallOutcome::Done(Err(GraphError::NotSent));
            }
            calls.waiting.push_back(QueuedCall { call, reply });
        }
        self.task.get_or_init(|| tokio::spawn(send_all(Arc::clone(&self.shared))));
        self.shared.added.notify_one();
        // The reply is dropped only with the whole batcher.
        sent.await.unwrap_or(CallOutcome::Done(Err(GraphError::NotSent)))
    }

    /// Fails the calls that wait, and all further ones, with [`GraphError::NotSent`].
    pub(super) fn close(&self) {
        let mut calls = self.shared.calls();
        calls.closed = true;
        fail(calls.waiting.drain(..), &GraphError::NotSent);
    }
}

impl Drop for Batcher {
    fn drop(&mut self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}

/// Sends the calls of a queue until it is aborted.
async fn send_all(queue: Arc<BatchQueue>) {
    let mut in_flight = JoinSet::new();
    loop {
        while in_flight.try_join_next().is_some() {}
        if queue.calls().waiting.is_empty() {
            queue.added.notified().await;
            continue;
        }
        match queue.limits.permit().await {
            Err(error) => fail(queue.calls().waiting.drain(..), &error),
            Ok(permit) => {
                let calls = queue.take();
                if !calls.is_empty() {
                    let queue = Arc::clone(&queue);
                    in_flight.spawn(async move { queue.send(permit, calls).await });
                }
            }
        }
    }
}

impl BatchQueue {
    fn calls(&self) -> MutexGuard<'_, QueuedCalls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the first call, and with it the following ones that fit into the same batch.
    fn take(&self) -> Vec<QueuedCall> {
        let max = if self.batching.load(Ordering::Relaxed) { MAX_BATCH } else { 1 };
        let mut calls = self.calls();
        let mut batch: Vec<QueuedCall> = Vec::new();
        let mut skipped = VecDeque::new();
        let mut written = BTreeSet::new();
        while batch.len() < max
            && let Some(queued) = calls.waiting.pop_front()
        {
            if queued.reply.is_closed() {
                continue;
            }
            let unbatched = queued.call.unbatched;
            // The API runs the items of a batch in parallel, so it has at most one write for each WABA.
            let writes = queued.call.waba.filter(|_| queued.call.is_write());
            let fits = !unbatched && writes.is_none_or(|waba| !written.contains(&waba));
            if !batch.is_empty() && !fits {
                skipped.push_back(queued);
                continue;
            }
            written.extend(writes);
            batch.push(queued);
            if unbatched {
                break;
            }
        }
        skipped.append(&mut calls.waiting);
        calls.waiting = skipped;
        batch
    }

    /// Charges calls to their budgets and sends them as one request.
    async fn send(&self, permit: Permit, calls: Vec<QueuedCall>) {
        let Some((permit, mut calls)) = self.charge(permit, calls).await else { return };
        match calls.pop() {
            Some(call) if calls.is_empty() => self.send_single(permit, call).await,
            last => {
                calls.extend(last);
                self.send_batch(permit, calls).await;
            }
        }
    }

    /// Charges calls to their budgets, and replies to those whose budget is spent. Returns the others.
    async fn charge(
        &self,
        mut permit: Permit,
        mut calls: Vec<QueuedCall>,
    ) -> Option<(Permit, Vec<QueuedCall>)> {
        loop {
            calls = self.without_paused(calls);
            calls = self.charge_once(calls).await;
            if !self.transport.may_send().await {
                fail(calls, &GraphError::NotSent);
                return None;
            }
            // The API may have asked for a pause in the meantime.
            calls = self.without_paused(calls);
            if calls.is_empty() {
                return None;
            }
            if !self.limits.is_paused() {
                return Some((permit, calls));
            }
            // After the pause, the calls count in another minute.
            drop(permit);
            match self.limits.permit().await {
                Ok(next) => permit = next,
                Err(error) => {
                    fail(calls, &error);
                    return None;
                }
            }
        }
    }

    /// Replies to the calls of WABAs of which nothing may be sent now. Returns the others.
    fn without_paused(&self, calls: Vec<QueuedCall>) -> Vec<QueuedCall> {
        let is_paused =
            |queued: &QueuedCall| queued.call.waba.is_some_and(|waba| self.limits.is_waba_paused(waba));
        let (paused, ready): (Vec<_>, Vec<_>) = calls.into_iter().partition(is_paused);
        for queued in paused {
            queued.reply(CallOutcome::WabaPaused);
        }
        ready
    }

    async fn charge_once(&self, calls: Vec<QueuedCall>) -> Vec<QueuedCall> {
        let wabas: Vec<_> = calls.iter().filter_map(|queued| queued.call.waba).collect();
        if wabas.is_empty() {
            return calls;
        }
        let mut charged = match self.limits.charge(wabas).await {
            Ok(charged) => charged.into_iter(),
            Err(error) => {
                fail(calls, &error);
                return Vec::new();
            }
        };
        let mut paid = Vec::with_capacity(calls.len());
        for queued in calls {
            match queued.call.waba.and_then(|_| charged.next()) {
                Some(Err(wait)) => queued.reply(CallOutcome::BudgetSpent(wait)),
                Some(Ok(())) | None => paid.push(queued),
            }
        }
        paid
    }

    async fn send_single(&self, permit: Permit, queued: QueuedCall) {
        let began = self.limits.clock().elapsed();
        let (result, headers) = self.transport.send(&queued.call).await;
        self.note_result(&queued.call, &result);
        self.note_request(RequestKind::Single, began, &headers, result.as_ref().err());
        drop(permit);
        queued.reply(CallOutcome::Done(result));
    }

    async fn send_batch(&self, permit: Permit, queued: Vec<QueuedCall>) {
        let began = self.limits.clock().elapsed();
        let calls: Vec<&ApiCall> = queued.iter().map(|queued| &queued.call).collect();
        let (results, headers) = self.transport.send_batch(&calls).await;
        match results {
            Ok(results) => {
                // Each item may ask for a pause of its own.
                for (call, result) in calls.iter().zip(&results) {
                    self.note_result(call, result);
                }
                let throttled = |error: &&GraphError| matches!(error, GraphError::Throttled { .. });
                let first = results.iter().filter_map(|result| result.as_ref().err()).find(throttled);
                self.note_request(RequestKind::Batch, began, &headers, first);
                drop(permit);
                for (queued, result) in queued.into_iter().zip(results) {
                    queued.reply(CallOutcome::Done(result));
                }
            }
            Err(error) => {
                if let GraphError::Throttled { api, wait } = &error {
                    self.limits.note_throttled(None, api, *wait);
                }
                self.note_request(RequestKind::Batch, began, &headers, Some(&error));
                drop(permit);
                self.reject(queued, &error);
            }
        }
    }

    /// Replies to the calls of a batch that failed as a whole.
    fn reject(&self, queued: Vec<QueuedCall>, error: &GraphError) {
        let has_writes = queued.iter().any(|queued| queued.call.is_write());
        let is_rejected = rejects_batches(error);
        if is_rejected && self.batching.swap(false, Ordering::Relaxed) {
            tracing::info!("the API rejects batches, so each call is sent individually: {error}");
        }
        if is_rejected || (matches!(error, GraphError::TooLarge { .. }) && !has_writes) {
            for queued in queued {
                queued.reply(CallOutcome::Unbatched);
            }
        } else {
            fail(queued, error);
        }
    }

    /// Notes in the limits how a request ended.
    fn note_request(
        &self,
        kind: RequestKind,
        began: Duration,
        headers: &ApiHeaders,
        error: Option<&GraphError>,
    ) {
        let took = self.limits.clock().elapsed().saturating_sub(began);
        let is_strain =
            |error: &GraphError| matches!(error, GraphError::Throttled { .. }) || error.is_transient();
        let success = !error.is_some_and(is_strain);
        self.limits.note_request(EndedRequest { kind, took, usage: headers.usage, success });
    }

    /// Notes in the limits whether a call was throttled, and with it its WABA or all calls.
    fn note_result(&self, call: &ApiCall, result: &Result<ApiResponse, GraphError>) {
        match (result, call.waba) {
            (Err(GraphError::Throttled { api, wait }), waba) => {
                self.limits.note_throttled(waba.filter(|_| api.is_of_waba()), api, *wait);
            }
            (Ok(_), Some(waba)) => self.limits.note_waba_success(waba),
            _ => {}
        }
    }
}

/// Replies to calls with an error.
fn fail(calls: impl IntoIterator<Item = QueuedCall>, error: &GraphError) {
    for queued in calls {
        queued.reply(CallOutcome::Done(Err(error.clone())));
    }
}

/// Returns whether the API rejected a batch as such, before it looked at the items.
fn rejects_batches(error: &GraphError) -> bool {
    matches!(
        error,
        GraphError::BadRequest(_)
            | GraphError::NotPermitted(_)
            | GraphError::WrongId(_)
            | GraphError::NotFound(_)
    )
}
