//! A running script: what happens to a call, and what changes without a call.

use super::fault::{CallKind, FaultKind};
use super::latency::Latency;
use super::script::Script;
use super::seeded_rng::{CallRngs, hash};
use crate::emulator::api::ApiRequest;
use crate::emulator::world::{User, UserKind, World};
use crate::model::{AssignmentKey, Task, TaskSet, UserId};
use fastrand::Rng;
use std::collections::BTreeSet;
use std::time::Duration;

/// The maximum extra latency of a call under a script, in nanoseconds. It keeps two calls from ending at the same time
/// on a simulated clock. A guess.
const MAX_JITTER: u64 = 2_000_000;
/// The maximum number of changes that somebody else makes during a script. A guess: enough to hit an apply, few enough
/// that a run converges.
const MAX_FOREIGN_CHANGES: u64 = 20;

/// A running script, or none.
pub(crate) struct ActiveScript {
    script: Option<Script>,
    started: Duration,
    rngs: CallRngs,
    /// The number of changes that somebody else has made, and when the next one is due.
    foreign_changes: u64,
    next_foreign_change: Option<Duration>,
}

impl ActiveScript {
    /// Starts a script at a time on the emulator's clock.
    pub(crate) fn start(script: Option<Script>, now: Duration) -> Self {
        let rngs = CallRngs::new(script.as_ref().map_or(0, |script| script.seed));
        let mut active = Self { script, started: now, rngs, foreign_changes: 0, next_foreign_change: None };
        active.next_foreign_change = active.foreign_change_after(now);
        active
    }

    /// Returns the random generator of a call.
    pub(crate) fn rng(&mut self, request: &ApiRequest) -> Rng {
        self.rngs.next(&request.identity())
    }

    /// Returns how long a request with `calls` calls takes before it is handled.
    pub(crate) fn latency(&self, rng: &mut Rng, usual: &Latency, calls: usize) -> Duration {
        let usual = usual.before(calls, rng.f64());
        let Some(script) = &self.script else { return usual };
        let jitter = Duration::from_nanos(rng.u64(1..MAX_JITTER));
        usual + script.latency.before(calls, rng.f64()) + jitter
    }

    /// Draws the fault of a call.
    pub(crate) fn fault(&self, rng: &mut Rng, request: &ApiRequest, kind: CallKind) -> Option<FaultKind> {
        let script = self.script.as_ref()?;
        if kind != CallKind::Batch && request.managed_waba().is_some_and(|waba| script.forbids(waba)) {
            return Some(FaultKind::GraphError {
                status: 403,
                code: 200,
                subcode: None,
                message: "(#200) You do not have permission to access this WhatsApp Business Account"
                    .to_owned(),
                is_transient: false,
            });
        }
        let fault = script.rates.draw(rng, request, kind);
        match (fault, &script.redirect_to) {
            (Some(FaultKind::Redirect(_)), Some(url)) => Some(FaultKind::Redirect(url.clone())),
            (fault, _) => fault,
        }
    }

    pub(crate) fn tokens_expired(&self, now: Duration) -> bool {
        let lifetime = self.script.as_ref().and_then(|script| script.tokens_expire_after);
        lifetime.is_some_and(|lifetime| self.started + lifetime <= now)
    }

    pub(crate) fn compresses(&self) -> bool {
        self.script.as_ref().is_some_and(|script| script.gzip)
    }

    /// Returns the next change by somebody else that is due, and schedules the one after it.
    pub(crate) fn next_foreign_change(&mut self, now: Duration) -> Option<DueChange> {
        let at = self.next_foreign_change.filter(|at| *at <= now)?;
        let script = self.script.as_ref()?;
        let seed = hash(hash(script.seed, b"foreign change"), &self.foreign_changes.to_be_bytes());
        let protected_users = script.protected_users.clone();
        let change = DueChange { at, rng: Rng::with_seed(seed), protected_users };
        self.foreign_changes += 1;
        self.next_foreign_change = self.foreign_change_after(at);
        Some(change)
    }

    /// Draws when the next change is due: intervals have an exponential distribution.
    fn foreign_change_after(&self, time: Duration) -> Option<Duration> {
        let script = self.script.as_ref()?;
        let mean = script.foreign_change_interval.filter(|_| self.foreign_changes < MAX_FOREIGN_CHANGES)?;
        let seed = hash(hash(script.seed, b"foreign moment"), &self.foreign_changes.to_be_bytes());
        let factor = -(1.0 - Rng::with_seed(seed).f64()).ln();
        Some(time + mean.mul_f64(factor))
    }
}

/// A change by somebody else that is due. Its details depend on the world at that time.
pub(crate) struct DueChange {
    pub(crate) at: Duration,
    rng: Rng,
    protected_users: BTreeSet<UserId>,
}

impl DueChange {
    /// Draws the assignment and its new tasks. Returns `None` if there is no WABA or no user to choose.
    pub(crate) fn draw(&mut self, world: &World) -> Option<(AssignmentKey, TaskSet)> {
        let key = self.key(world)?;
        let before = world.tasks(key);
        Some((key, self.tasks(&before)))
    }

    fn key(&mut self, world: &World) -> Option<AssignmentKey> {
        let can_change = |(id, user): &(&UserId, &User)| {
            let is_system_user = matches!(user.kind, UserKind::System { .. });
            let is_ours = user.business == world.business();
            is_system_user && is_ours && !user.is_admin() && !self.protected_users.contains(id)
        };
        let users: Vec<UserId> = world.users.iter().filter(can_change).map(|(id, _)| *id).collect();
        if users.is_empty() || world.wabas().is_empty() {
            return None;
        }
        let user = users[self.rng.usize(..users.len())];
        let waba = *world.wabas().keys().nth(self.rng.usize(..world.wabas().len()))?;
        Some(AssignmentKey { waba, user })
    }

    fn tasks(&mut self, before: &TaskSet) -> TaskSet {
        let task = Task::ALL[self.rng.usize(..Task::ALL.len())];
        let mut after = TaskSet::from([task]);
        match self.rng.u8(..3) {
            0 if !before.is_empty() => return TaskSet::EMPTY,
            1 => after.extend(before),
            _ => {}
        }
        after
    }
}
