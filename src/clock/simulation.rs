//! The clock of a simulation: it leaps from one sleeper's moment to the next while nothing is being worked on.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};

/// How often everything that can run gets a turn before the clock leaps: more than any chain of tasks that wake
/// one another without a request between them.
const TURNS: usize = 12;
/// How long the machine may be silent before abandoned work that nobody takes note of is forgotten.
const SILENCE: Duration = Duration::from_millis(20);

#[derive(Debug, Default)]
pub(super) struct Simulation {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    elapsed: Duration,
    /// Who wants to wake when; the number keeps those of one moment in the order in which they lay down.
    sleepers: BTreeMap<(Duration, u64), oneshot::Sender<()>>,
    laid_down: u64,
    /// Work that has begun and not ended.
    under_way: usize,
    /// Work that a server holds back at the moment.
    held: usize,
    /// Work that its side has given up, and of which the server does not know yet.
    abandoned: usize,
}

impl Simulation {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.state().elapsed
    }

    pub(super) async fn sleep(&self, duration: Duration) {
        let (wake, woken) = oneshot::channel();
        let key = {
            let mut state = self.state();
            state.laid_down += 1;
            let key = (state.elapsed.saturating_add(duration), state.laid_down);
            state.sleepers.insert(key, wake);
            key
        };
        self.changed.notify_one();
        let _bed = Bed { simulation: self, key };
        // The sender goes only by waking, or with this very bed.
        let _ = woken.await;
    }

    pub(super) async fn hold(&self, duration: Duration) {
        self.state().held += 1;
        let mut held = Held { simulation: self, to_the_end: false };
        self.sleep(duration).await;
        held.to_the_end = true;
    }

    /// Lets the clock go, for as long as this is polled.
    pub(super) async fn drive(&self) -> Infallible {
        loop {
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
            }
            if self.state().leap() {
                continue;
            }
            if tokio::time::timeout(SILENCE, self.changed.notified()).await.is_err() {
                let mut state = self.state();
                state.under_way = state.under_way.saturating_sub(state.abandoned);
                state.abandoned = 0;
            }
        }
    }
}

impl State {
    /// Leaps to the next moment and wakes the one whose it is; not where anything is being worked on.
    fn leap(&mut self) -> bool {
        if self.under_way != self.held {
            return false;
        }
        let Some(((moment, _), wake)) = self.sleepers.pop_first() else { return false };
        self.elapsed = self.elapsed.max(moment);
        // Where the sleeper has just gone there is nobody to wake.
        let _ = wake.send(());
        true
    }
}

/// A sleeper's place, cleared when it goes.
struct Bed<'a> {
    simulation: &'a Simulation,
    key: (Duration, u64),
}

impl Drop for Bed<'_> {
    fn drop(&mut self) {
        self.simulation.state().sleepers.remove(&self.key);
    }
}

/// Work that a server holds back. Where that ends before its time, the other side has given up.
struct Held<'a> {
    simulation: &'a Simulation,
    to_the_end: bool,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut state = self.simulation.state();
        state.held -= 1;
        if !self.to_the_end && state.abandoned > 0 {
            state.abandoned -= 1;
            state.under_way -= 1;
        }
        drop(state);
        self.simulation.changed.notify_one();
    }
}

/// Work that is under way. Dropped unfinished it counts until the server has noticed.
#[derive(Debug)]
pub(super) struct Under {
    simulation: Arc<Simulation>,
    finished: bool,
}

impl Under {
    pub(super) fn way(simulation: &Arc<Simulation>) -> Self {
        simulation.state().under_way += 1;
        Self { simulation: Arc::clone(simulation), finished: false }
    }

    pub(super) fn finish(mut self) {
        self.finished = true;
    }
}

impl Drop for Under {
    fn drop(&mut self) {
        let mut state = self.simulation.state();
        if self.finished {
            state.under_way = state.under_way.saturating_sub(1);
        } else {
            state.abandoned += 1;
        }
        drop(state);
        self.simulation.changed.notify_one();
    }
}
