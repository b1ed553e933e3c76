//! A simulated clock: it jumps from timer to timer while no request is being worked on.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};

/// How often all tasks that can run are polled before the clock jumps. A guess: more than the longest chain of tasks that
/// wake one another without a request in between.
const POLLS: usize = 12;
/// How long the clock waits in real time for a server to notice that its client gave up. A guess: a local server notices
/// within a millisecond.
const NOTICE_TIMEOUT: Duration = Duration::from_millis(20);

#[derive(Debug, Default)]
pub(super) struct Simulation {
    timers: Mutex<Timers>,
    changed: Notify,
}

/// The timers by deadline, and the work that keeps the clock still.
#[derive(Debug, Default)]
struct Timers {
    elapsed: Duration,
    /// By deadline, and by a sequence number for equal deadlines.
    sleepers: BTreeMap<(Duration, u64), oneshot::Sender<()>>,
    sequence: u64,
    /// Work that has begun and not ended.
    in_flight: usize,
    /// Work in flight that a server delays.
    held: usize,
    /// Work that its client gave up, and of which the server does not know yet.
    abandoned: usize,
}

impl Simulation {
    fn timers(&self) -> MutexGuard<'_, Timers> {
        self.timers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.timers().elapsed
    }

    pub(super) async fn sleep(&self, duration: Duration) {
        let (wake, woken) = oneshot::channel();
        let key = {
            let mut timers = self.timers();
            timers.sequence += 1;
            let key = (timers.elapsed.saturating_add(duration), timers.sequence);
            timers.sleepers.insert(key, wake);
            key
        };
        self.changed.notify_one();
        let _timer = SleepGuard { simulation: self, key };
        // The sender is dropped only when it fires, or by this guard.
        let _ = woken.await;
    }

    pub(super) async fn hold(&self, duration: Duration) {
        self.timers().held += 1;
        let mut guard = HoldGuard { simulation: self, finished: false };
        self.sleep(duration).await;
        guard.finished = true;
    }

    /// Moves the clock while this future is polled.
    pub(super) async fn drive(&self) -> Infallible {
        loop {
            for _ in 0..POLLS {
                tokio::task::yield_now().await;
            }
            if self.timers().fire_next() {
                continue;
            }
            if tokio::time::timeout(NOTICE_TIMEOUT, self.changed.notified()).await.is_err() {
                let mut timers = self.timers();
                timers.in_flight = timers.in_flight.saturating_sub(timers.abandoned);
                timers.abandoned = 0;
            }
        }
    }
}

impl Timers {
    /// Jumps to the next deadline and wakes its sleeper, unless work is in flight.
    fn fire_next(&mut self) -> bool {
        if self.in_flight != self.held {
            return false;
        }
        let Some(((deadline, _), wake)) = self.sleepers.pop_first() else { return false };
        self.elapsed = self.elapsed.max(deadline);
        // The sleeper may just have been dropped.
        let _ = wake.send(());
        true
    }
}

/// Removes a timer when its sleeper is dropped.
struct SleepGuard<'a> {
    simulation: &'a Simulation,
    key: (Duration, u64),
}

impl Drop for SleepGuard<'_> {
    fn drop(&mut self) {
        self.simulation.timers().sleepers.remove(&self.key);
    }
}

/// Work that a server delays. If it is dropped before its end, the client has given up.
struct HoldGuard<'a> {
    simulation: &'a Simulation,
    finished: bool,
}

impl Drop for HoldGuard<'_> {
    fn drop(&mut self) {
        let mut timers = self.simulation.timers();
        timers.held -= 1;
        if !self.finished && timers.abandoned > 0 {
            timers.abandoned -= 1;
            timers.in_flight -= 1;
        }
        drop(timers);
        self.simulation.changed.notify_one();
    }
}

/// Work in flight. If it is dropped unfinished, it counts until the server has noticed.
#[derive(Debug)]
pub(super) struct InFlight {
    simulation: Arc<Simulation>,
    finished: bool,
}

impl InFlight {
    pub(super) fn new(simulation: &Arc<Simulation>) -> Self {
        simulation.timers().in_flight += 1;
        Self { simulation: Arc::clone(simulation), finished: false }
    }

    pub(super) fn finish(mut self) {
        self.finished = true;
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut timers = self.simulation.timers();
        if self.finished {
            timers.in_flight = timers.in_flight.saturating_sub(1);
        } else {
            timers.abandoned += 1;
        }
        drop(timers);
        self.simulation.changed.notify_one();
    }
}
