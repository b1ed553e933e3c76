//! Decides when a request may be sent: concurrency, pauses that Meta asks for, and a budget of calls for each WABA.
//!
//! The [`Limiter`] belongs to the process and has the state of the API: requests in flight, the current pause, the
//! calls of the last hour. [`RunLimits`] belong to one run: its deadline, its patience, and its share of the cost.

mod budget;
mod concurrency;
mod patience;
mod pauses;

pub(super) use concurrency::RequestKind;

use super::error::{ApiError, GraphError};
use super::settings::{RunSettings, Settings};
use crate::clock::Clock;
use crate::model::WabaId;
use crate::store::SharedCalls;
use budget::Budget;
use concurrency::Concurrency;
use patience::Patience;
use pauses::{Pause, Pauses};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// The usage of a limit above which concurrency is halved, in percent. A guess: Meta refuses calls at 100, and the
/// requests in flight still count towards it.
const STRAIN: u32 = 75;

/// The limits of the API, shared by all runs of a process.
#[derive(Debug)]
pub(super) struct Limiter {
    clock: Clock,
    api: Mutex<ApiState>,
    /// Notified when a request may have become possible.
    changed: Notify,
    waba_calls_per_hour: u32,
    budget: Arc<tokio::sync::Mutex<Budget>>,
    /// The calls on other machines.
    shared_calls: Option<SharedCalls>,
}

#[derive(Debug)]
struct ApiState {
    concurrency: Concurrency,
    /// For all calls.
    pauses: Pauses,
    /// For the calls of one WABA.
    waba_pauses: BTreeMap<WabaId, Pauses>,
}

/// The limits of one run, and what they have cost it.
#[derive(Debug)]
pub(super) struct RunLimits {
    limiter: Arc<Limiter>,
    began: Duration,
    deadline: Option<Duration>,
    patience: Mutex<Patience>,
    usage: Mutex<Usage>,
    retries: AtomicU64,
}

/// The highest usage of any limit that responses reported, in percent.
#[derive(Debug, Clone, Copy, Default)]
struct Usage {
    first: Option<u32>,
    highest: Option<u32>,
}

/// A request that has ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct EndedRequest {
    pub(super) kind: RequestKind,
    pub(super) took: Duration,
    /// The usage of any limit that the response reported, in percent.
    pub(super) usage: Option<u32>,
    /// Whether it was neither throttled nor a transient error.
    pub(super) success: bool,
}

/// What to do before the next request.
enum NextStep {
    Send(Permit),
    WaitFor(Duration),
    WaitForOthers,
}

impl Limiter {
    pub(super) fn new(settings: &Settings) -> Result<Self, GraphError> {
        if settings.waba_calls_per_hour == 0 {
            return Err(GraphError::settings("a WABA needs at least one call an hour"));
        }
        let shared_calls = settings.shared_calls.clone();
        let budget =
            Budget::new(settings.waba_calls_per_hour, settings.call_log.clone(), shared_calls.clone());
        let api = ApiState {
            concurrency: Concurrency::new(settings.concurrency),
            pauses: Pauses::default(),
            waba_pauses: BTreeMap::new(),
        };
        Ok(Self {
            clock: settings.clock.clone(),
            api: Mutex::new(api),
            changed: Notify::new(),
            waba_calls_per_hour: settings.waba_calls_per_hour,
            budget: Arc::new(tokio::sync::Mutex::new(budget)),
            shared_calls,
        })
    }

    /// Begins a run.
    pub(super) fn begin_run(self: &Arc<Self>, settings: &RunSettings) -> RunLimits {
        let began = self.clock.elapsed();
        RunLimits {
            limiter: Arc::clone(self),
            began,
            deadline: settings.timeout.map(|timeout| began + timeout),
            patience: Mutex::new(Patience::new(settings.max_wait)),
            usage: Mutex::default(),
            retries: AtomicU64::new(0),
        }
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    fn api(&self) -> MutexGuard<'_, ApiState> {
        lock(&self.api)
    }

    /// Uses the budget, on another thread if that blocks.
    async fn with_budget<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Budget) -> T + Send + 'static,
    ) -> Result<T, GraphError> {
        if let Some(shared) = &self.shared_calls {
            shared.refresh().await;
        }
        let mut budget = Arc::clone(&self.budget).lock_owned().await;
        if !budget.is_blocking() {
            return Ok(work(&mut budget));
        }
        // The work fails only if the runtime shuts down.
        self.clock.off_thread(move || work(&mut budget)).await.map_err(|_| GraphError::NotSent)
    }
}

impl RunLimits {
    pub(super) fn clock(&self) -> &Clock {
        &self.limiter.clock
    }

    /// Waits until a request may be sent.
    ///
    /// # Errors
    ///
    /// [`GraphError::OutOfTime`] and [`GraphError::ThrottledTooLong`].
    pub(super) async fn permit(&self) -> Result<Permit, GraphError> {
        loop {
            let changed = self.limiter.changed.notified();
            match self.next_step()? {
                NextStep::Send(permit) => return Ok(permit),
                NextStep::WaitForOthers => changed.await,
                NextStep::WaitFor(duration) => tokio::select! {
                    biased;
                    () = changed => {}
                    () = self.clock().sleep(duration) => {}
                },
            }
        }
    }

    fn next_step(&self) -> Result<NextStep, GraphError> {
        let now = self.clock().elapsed();
        if self.deadline.is_some_and(|deadline| now >= deadline) {
            return Err(GraphError::OutOfTime);
        }
        let mut api = self.limiter.api();
        if let Some(pause) = api.pauses.pause(now) {
            // A run that began during the pause has not waited for the part before.
            if !lock(&self.patience).spend(pause.since.max(self.began), pause.until) {
                return Err(self.too_long(None, pause, now));
            }
            let to_deadline = self.deadline.map_or(Duration::MAX, |deadline| deadline.saturating_sub(now));
            return Ok(NextStep::WaitFor(pause.remaining(now).min(to_deadline)));
        }
        if !api.concurrency.acquire() {
            return Ok(NextStep::WaitForOthers);
        }
        drop(api);
        Ok(NextStep::Send(Permit { limiter: Arc::clone(&self.limiter) }))
    }

    /// Returns whether the API asks to pause.
    pub(super) fn is_paused(&self) -> bool {
        self.limiter.api().pauses.pause(self.clock().elapsed()).is_some()
    }

    /// Notes the end of a request, and adapts the concurrency.
    pub(super) fn note_request(&self, request: EndedRequest) {
        let EndedRequest { kind, took, usage, success } = request;
        {
            let mut run = lock(&self.usage);
            run.highest = run.highest.max(usage);
            run.first = run.first.or(usage);
        }
        let now = self.clock().elapsed();
        let mut api = self.limiter.api();
        if success && usage.is_none_or(|usage| usage <= STRAIN) {
            api.pauses.note_success();
            api.concurrency.note_success(kind, now, took);
        } else {
            api.concurrency.note_strain(now, took);
        }
        drop(api);
        self.limiter.changed.notify_waiters();
    }

    /// Pauses the calls of a WABA, or all calls, because the API asks for it.
    pub(super) fn note_throttled(&self, waba: Option<WabaId>, error: &ApiError, wait: Option<Duration>) {
        let now = self.clock().elapsed();
        let mut api = self.limiter.api();
        let pauses = match waba {
            Some(waba) => api.waba_pauses.entry(waba).or_default(),
            None => &mut api.pauses,
        };
        if pauses.begin(now, wait, error) {
            let pause = pauses.pause(now).map_or(0, |pause| pause.remaining(now).as_secs());
            let what = waba.map_or_else(|| String::from("nothing"), |waba| format!("nothing of WABA {waba}"));
            let estimate = if wait.is_some() { "as it asks" } else { "it does not say how long" };
            tracing::warn!("Meta throttles calls; {what} is sent for {pause} s ({estimate}): {error}");
        }
        if waba.is_none() {
            api.concurrency.note_throttled();
        }
        drop(api);
        self.limiter.changed.notify_waiters();
    }

    /// Notes that a call of a WABA was answered: its next pause is a short one again.
    pub(super) fn note_waba_success(&self, waba: WabaId) {
        if let Some(pauses) = self.limiter.api().waba_pauses.get_mut(&waba) {
            pauses.note_success();
        }
    }

    /// Returns whether the API asks to send nothing of a WABA.
    pub(super) fn is_waba_paused(&self, waba: WabaId) -> bool {
        let now = self.clock().elapsed();
        self.limiter.api().waba_pauses.get(&waba).is_some_and(|pauses| pauses.pause(now).is_some())
    }

    /// Waits until calls of a WABA may be sent.
    ///
    /// # Errors
    ///
    /// [`GraphError::ThrottledTooLong`] if the run may not wait for so long.
    pub(super) async fn wait_for_waba(&self, waba: WabaId) -> Result<(), GraphError> {
        let now = self.clock().elapsed();
        let pause = self.limiter.api().waba_pauses.get(&waba).and_then(|pauses| pauses.pause(now)).cloned();
        let Some(pause) = pause else { return Ok(()) };
        // Calls of other WABAs may be sent.
        let in_time = self.deadline.is_none_or(|deadline| pause.until < deadline);
        if !in_time || !lock(&self.patience).spend(pause.since.max(self.began), pause.until) {
            return Err(self.too_long(Some(waba), &pause, now));
        }
        self.clock().sleep(pause.remaining(now)).await;
        Ok(())
    }

    /// Returns the error of a pause that is longer than this run may wait.
    fn too_long(&self, waba: Option<WabaId>, pause: &Pause, now: Duration) -> GraphError {
        let until = self.clock().now() + pause.remaining(now);
        GraphError::ThrottledTooLong {
            api: Box::new(pause.api.clone()),
            waba,
            until,
            estimate: pause.estimate,
        }
    }

    /// Charges one call to each WABA, or returns how long it takes until the WABA has a call again. The calls are in the
    /// call log when this returns.
    pub(super) async fn charge(&self, wabas: Vec<WabaId>) -> Result<Vec<Result<(), Duration>>, GraphError> {
        let clock = self.clock().clone();
        self.limiter.with_budget(move |budget| budget.charge(&wabas, clock.now())).await
    }

    /// Waits until a WABA has a number of calls left in this hour.
    ///
    /// # Errors
    ///
    /// As [`RunLimits::wait_for_budget`].
    pub(super) async fn wait_for_calls(&self, waba: WabaId, calls: u32) -> Result<(), GraphError> {
        loop {
            let clock = self.clock().clone();
            let wait = move |budget: &mut Budget| budget.wait(waba, calls, clock.now());
            let wait = self.limiter.with_budget(wait).await?;
            if wait.is_zero() {
                return Ok(());
            }
            self.wait_for_budget(waba, wait).await?;
        }
    }

    /// Waits because a WABA has used its calls of this hour.
    ///
    /// # Errors
    ///
    /// [`GraphError::BudgetSpent`] if the run may not wait for so long.
    pub(super) async fn wait_for_budget(&self, waba: WabaId, wait: Duration) -> Result<(), GraphError> {
        let now = self.clock().elapsed();
        let until = now + wait;
        // Other WABAs have calls, and time for them, even if this one would wait beyond the deadline.
        let in_time = self.deadline.is_none_or(|deadline| until < deadline);
        if !in_time || !lock(&self.patience).spend(now, until) {
            let limit = self.limiter.waba_calls_per_hour;
            return Err(GraphError::BudgetSpent { waba, limit, until: self.clock().now() + wait });
        }
        tracing::info!("WABA {waba} has used its calls of this hour; waiting for {} s", wait.as_secs());
        self.clock().sleep(wait).await;
        Ok(())
    }

    /// Returns whether any of the WABAs has used half of its calls of this hour.
    pub(super) async fn is_half_used(&self, wabas: Vec<WabaId>) -> Result<bool, GraphError> {
        let clock = self.clock().clone();
        self.limiter.with_budget(move |budget| budget.is_half_used(&wabas, clock.now())).await
    }

    /// Returns the highest usage of any limit that this run saw, in percent.
    pub(super) fn usage(&self) -> Option<u32> {
        lock(&self.usage).highest
    }

    /// Returns how much the usage has grown with each call of this run, in percent; 0 if that is not known yet.
    pub(super) fn usage_per_call(&self, calls: u64) -> f64 {
        let Usage { first: Some(first), highest: Some(highest) } = *lock(&self.usage) else { return 0.0 };
        #[allow(clippy::cast_precision_loss, reason = "there are never so many calls")]
        let calls = calls.max(1) as f64;
        f64::from(highest - first) / calls
    }

    /// Returns how long this run has waited because of limits.
    pub(super) fn waited(&self) -> Duration {
        lock(&self.patience).waited(self.clock().elapsed())
    }

    pub(super) fn note_retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }
}

/// The right to have one request in flight, until it is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    limiter: Arc<Limiter>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.limiter.api().concurrency.release();
        self.limiter.changed.notify_waiters();
    }
}

/// Locks a value that no panic leaves half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
