//! What all requests share.

use super::event_log::{EventLog, ForeignChange};
use crate::clock::Clock;
use crate::emulator::faults::{ActiveScript, FaultList, Latency, RateLimiter, Script};
use crate::emulator::options::Options;
use crate::emulator::world::World;
use crate::model::{AssignmentKey, TaskSet};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

/// What all requests share.
pub(crate) struct ServerState {
    pub(crate) base_url: String,
    pub(crate) clock: Clock,
    pub(crate) latency: Latency,
    pub(crate) state_file: Option<PathBuf>,
    pub(crate) faults: FaultList,
    pub(crate) nesting: bool,
    pub(crate) marked: bool,
    pub(crate) max_rows: usize,
    world: RwLock<World>,
    limiter: Mutex<RateLimiter>,
    log: Mutex<EventLog>,
    script: Mutex<ActiveScript>,
    state_error: Mutex<Option<String>>,
    /// Removed assignments that lists still show, with the end of that time.
    stale: Mutex<BTreeMap<AssignmentKey, (TaskSet, Duration)>>,
    traces: AtomicU64,
}

impl ServerState {
    pub(crate) fn new(world: World, base_url: String, options: Options) -> Self {
        let now = options.clock.elapsed();
        Self {
            base_url,
            clock: options.clock,
            latency: options.latency,
            state_file: options.state_file,
            faults: FaultList::new(options.faults),
            nesting: options.nesting,
            marked: options.marked,
            max_rows: options.max_rows,
            world: RwLock::new(world),
            limiter: Mutex::new(RateLimiter::new(options.limits)),
            log: Mutex::default(),
            script: Mutex::new(ActiveScript::start(options.script, now)),
            state_error: Mutex::default(),
            stale: Mutex::default(),
            traces: AtomicU64::new(0),
        }
    }

    // A panic under a lock fails its request only: no panic leaves the state half-changed, so poisoned locks are
    // taken like any other.

    pub(crate) fn world(&self) -> RwLockReadGuard<'_, World> {
        self.world.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn world_mut(&self) -> RwLockWriteGuard<'_, World> {
        self.world.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn limiter(&self) -> MutexGuard<'_, RateLimiter> {
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, EventLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn script(&self) -> MutexGuard<'_, ActiveScript> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn state_error(&self) -> MutexGuard<'_, Option<String>> {
        self.state_error.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn stale(&self) -> MutexGuard<'_, BTreeMap<AssignmentKey, (TaskSet, Duration)>> {
        self.stale.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the running script. Lists no longer show what was removed.
    pub(crate) fn start_script(&self, script: Option<Script>) {
        self.stale().clear();
        *self.script() = ActiveScript::start(script, self.clock.elapsed());
    }

    /// Applies the script's changes that are due.
    pub(crate) fn apply_foreign_changes(&self) {
        let now = self.clock.elapsed();
        loop {
            // The lock on the script is released before the world is locked.
            let due = self.script().next_foreign_change(now);
            let Some(mut due) = due else { return };
            let mut world = self.world_mut();
            let Some((key, after)) = due.draw(&world) else { continue };
            let before = world.assign(key, after.clone());
            drop(world);
            let at = self.clock.now().saturating_sub(now.saturating_sub(due.at));
            let at = at.unwrap_or_else(|_| self.clock.now());
            self.log().foreign.push(ForeignChange { key, before, after, at });
        }
    }

    /// Returns a new trace id in the form of Meta's.
    pub(crate) fn next_trace(&self) -> String {
        let number = self.traces.fetch_add(1, Ordering::Relaxed);
        format!("A{:022x}", fastrand::Rng::with_seed(number).u128(..) >> 40)
    }
}
