//! How much may be sent, and when: one governor for the whole client.
//!
//! It starts with few requests at a time, takes more while answers are quick, and fewer where the API shows
//! strain. Where the API asks to wait, nothing is sent until then. It knows no endpoints.

use super::answer::Signals;
use super::budget::Budget;
use super::error::{ApiError, GraphError};
use super::settings::Settings;
use crate::clock::Clock;
use crate::model::WabaId;
use jiff::Timestamp;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// How many requests are sent at a time at first.
const FIRST: f64 = 4.0;
/// The usage of a limit from which fewer are sent, in percent.
const STRAIN: u32 = 75;
/// How much slower than the quickest of its kind an answer may be and still count as quick.
const QUICK: u32 = 3;
/// How long is waited where the API does not say, the first time.
const FIRST_WAIT: Duration = Duration::from_secs(60);

/// What a request is like, for comparing how long answers take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Single,
    Batch,
}

#[derive(Debug)]
pub(super) struct Governor {
    clock: Clock,
    most: f64,
    max_wait: Duration,
    deadline: Option<Duration>,
    state: Mutex<State>,
    budget: Mutex<Budget>,
    changed: Notify,
    retries: AtomicU64,
}

#[derive(Debug)]
struct State {
    /// How many requests may be under way.
    limit: f64,
    under_way: usize,
    /// Whether the limit still doubles with each round of answers.
    doubling: bool,
    /// When the limit was lowered last: the answers to what was sent before say the same again.
    lowered: Duration,
    quickest: [Option<Duration>; 2],
    paused_until: Duration,
    /// How often in a row the API asked to wait.
    strikes: u32,
    /// How long was waited in all, and up to which moment that is counted.
    waited: Duration,
    counted: Duration,
    usage: Option<u32>,
    first_usage: Option<u32>,
    /// Why nothing is sent any more.
    ended: Option<GraphError>,
}

/// What sending may come to.
enum May {
    Send,
    Sleep(Duration),
    WaitForOthers,
    Never(GraphError),
}

impl Governor {
    pub(super) fn new(settings: &Settings) -> Self {
        let clock = settings.clock.clone();
        let limit = FIRST.min(count(settings.concurrency.max(1)));
        let budget = Budget::open(settings.waba_calls_per_hour, settings.budget_dir.clone(), clock.now());
        let state = State {
            limit,
            under_way: 0,
            doubling: true,
            lowered: Duration::ZERO,
            quickest: [None; 2],
            paused_until: Duration::ZERO,
            strikes: 0,
            waited: Duration::ZERO,
            counted: Duration::ZERO,
            usage: None,
            first_usage: None,
            ended: None,
        };
        Self {
            most: count(settings.concurrency.max(1)),
            max_wait: settings.max_wait,
            deadline: settings.deadline,
            state: Mutex::new(state),
            budget: Mutex::new(budget),
            changed: Notify::new(),
            retries: AtomicU64::new(0),
            clock,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn budget(&self) -> MutexGuard<'_, Budget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn may_send(&self) -> May {
        let now = self.clock.elapsed();
        let mut state = self.state();
        if let Some(error) = &state.ended {
            return May::Never(error.clone());
        }
        if self.deadline.is_some_and(|deadline| now >= deadline) {
            return May::Never(GraphError::OutOfTime);
        }
        if now < state.paused_until {
            let until = self.deadline.map_or(state.paused_until, |deadline| state.paused_until.min(deadline));
            return May::Sleep(until.saturating_sub(now));
        }
        if count(state.under_way) + 1.0 > state.limit {
            return May::WaitForOthers;
        }
        state.under_way += 1;
        May::Send
    }

    /// Notes an answer.
    pub(super) fn answered(&self, kind: Kind, took: Duration, signals: &Signals, good: bool) {
        let now = self.clock.elapsed();
        let mut state = self.state();
        state.usage = state.usage.max(signals.usage);
        state.first_usage = state.first_usage.or(signals.usage);
        let strained = signals.usage.is_some_and(|usage| usage > STRAIN);
        if strained || !good {
            state.lower(now, took);
        } else {
            state.strikes = 0;
            let quickest = &mut state.quickest[kind as usize];
            let best = quickest.map_or(took, |best| best.min(took));
            *quickest = Some(best);
            if took <= best * QUICK + Duration::from_millis(20) {
                let more = if state.doubling { 1.0 } else { 1.0 / state.limit };
                state.limit = (state.limit + more).min(self.most);
            } else {
                state.doubling = false;
            }
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// Takes note that the API asks to wait: nothing is sent until then, or at all where that is too long.
    pub(super) fn throttled(&self, api: &ApiError, wait: Option<Duration>) {
        let now = self.clock.elapsed();
        let mut state = self.state();
        let paused = now < state.paused_until;
        // What was under way when the pause began is no sign that the pause was too short.
        let strikes = if paused { 0 } else { state.strikes.min(10) };
        let wait = wait.unwrap_or_else(|| FIRST_WAIT * 2_u32.saturating_pow(strikes));
        let until = state.paused_until.max(now.saturating_add(wait));
        if !paused {
            state.strikes += 1;
        }
        state.limit = 1.0;
        state.doubling = true;
        let waited = state.wait(now, until);
        if waited > self.max_wait {
            let until = self.clock.now() + until.saturating_sub(now);
            state.ended.get_or_insert(GraphError::Later { api: api.clone(), until });
        } else {
            if !paused {
                let until = until.saturating_sub(now).as_secs();
                tracing::warn!("Meta asks to slow down; nothing is sent for {until} s: {api}");
            }
            state.waited = waited;
            state.counted = state.counted.max(until);
            state.paused_until = until;
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// Takes one of the calls that a WABA has in an hour, and waits for it where that is not too long.
    ///
    /// # Errors
    ///
    /// [`GraphError::BudgetSpent`], and what ends the run.
    pub(super) async fn take(&self, waba: WabaId) -> Result<(), GraphError> {
        loop {
            let taken = self.budget().take(waba, self.clock.now());
            let Err(wait) = taken else { return Ok(()) };
            self.wait_for_budget(waba, wait).await?;
        }
    }

    /// Takes note that a call leaves now that was taken at some moment: the hour counts from here.
    pub(super) fn leaves(&self, waba: WabaId, taken: Timestamp) {
        self.budget().leaves(waba, taken, self.clock.now());
    }

    /// Waits until a WABA has so many calls left, where that is not too long.
    ///
    /// # Errors
    ///
    /// As [`Governor::take`].
    pub(super) async fn room(&self, waba: WabaId, calls: u32) -> Result<(), GraphError> {
        loop {
            let room = self.budget().room(calls, waba, self.clock.now());
            let Err(wait) = room else { return Ok(()) };
            self.wait_for_budget(waba, wait).await?;
        }
    }

    async fn wait_for_budget(&self, waba: WabaId, wait: Duration) -> Result<(), GraphError> {
        let now = self.clock.elapsed();
        let until = now + wait;
        {
            let mut state = self.state();
            if let Some(error) = &state.ended {
                return Err(error.clone());
            }
            if self.deadline.is_some_and(|deadline| until >= deadline) {
                return Err(GraphError::OutOfTime);
            }
            let waited = state.wait(now, until);
            if waited > self.max_wait {
                let limit = self.budget().limit();
                return Err(GraphError::BudgetSpent { waba, limit, until: self.clock.now() + wait });
            }
            state.waited = waited;
            state.counted = state.counted.max(until);
        }
        tracing::info!("the hour's calls for WABA {waba} are used up; waiting for {} s", wait.as_secs());
        self.clock.sleep(wait).await;
        Ok(())
    }

    /// Returns whether a WABA has had more than half of its calls.
    pub(super) fn is_half_used(&self, waba: WabaId) -> bool {
        let budget = self.budget();
        budget.used(waba, self.clock.now()) >= budget.limit() / 2
    }

    /// Returns the highest share of any limit that was told so far, in percent.
    pub(super) fn usage(&self) -> Option<u32> {
        self.state().usage
    }

    /// Returns how long was waited because of limits.
    pub(super) fn waited(&self) -> Duration {
        let state = self.state();
        // What is still to be waited for was counted when it began.
        state.waited.saturating_sub(state.counted.saturating_sub(self.clock.elapsed()))
    }

    /// Returns how much of it a call took so far, in percent; 0 where that does not show yet.
    pub(super) fn usage_per_call(&self, calls: u64) -> f64 {
        let state = self.state();
        let (Some(first), Some(now)) = (state.first_usage, state.usage) else { return 0.0 };
        #[allow(clippy::cast_precision_loss, reason = "there are never so many calls")]
        let calls = calls.max(1) as f64;
        f64::from(now - first) / calls
    }

    pub(super) fn note_retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }
}

impl State {
    /// Halves the limit, once for all that was sent before it.
    fn lower(&mut self, now: Duration, took: Duration) {
        self.doubling = false;
        if now.saturating_sub(took) >= self.lowered {
            self.limit = (self.limit / 2.0).max(1.0);
            self.lowered = now;
        }
    }

    /// Returns how long will have been waited in all once it is that moment; what overlaps counts once.
    fn wait(&self, now: Duration, until: Duration) -> Duration {
        self.waited + until.saturating_sub(now.max(self.counted))
    }
}

/// The right to send one request.
#[derive(Debug)]
pub(super) struct Permit {
    governor: Arc<Governor>,
}

impl Permit {
    /// Waits until a request may be sent.
    ///
    /// # Errors
    ///
    /// Where none may be sent any more: see [`GraphError::is_fatal`].
    pub(super) async fn of(governor: &Arc<Governor>) -> Result<Self, GraphError> {
        loop {
            let changed = governor.changed.notified();
            match governor.may_send() {
                May::Send => return Ok(Self { governor: Arc::clone(governor) }),
                May::Never(error) => return Err(error),
                May::Sleep(duration) => governor.clock.sleep(duration).await,
                May::WaitForOthers => changed.await,
            }
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.governor.state().under_way -= 1;
        self.governor.changed.notify_waiters();
    }
}

#[allow(clippy::cast_precision_loss, reason = "there are never so many requests")]
fn count(requests: usize) -> f64 {
    requests as f64
}
