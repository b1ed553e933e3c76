//! Applies the changes of one WABA, one after the other.

use super::outcome::{AfterUnclear, after_accepted, after_unclear, is_given, may_be_stale};
use super::step::{Entry, State, Step, report};
use super::{Executor, HeldByUser, Sent, explain, held};
use crate::graph::GraphError;
use crate::model::{Change, Outcome, Plan, ReportedChange, TaskSet, UserId, WabaId, writes};
use std::collections::BTreeMap;
use std::time::Duration;

/// Why the remaining changes of a WABA are not attempted.
type Halt = String;

/// The reads that a WABA needs besides those that confirm gains: one before the first write, one after the last, and a
/// further one where an answer is unclear or a list is older than a write.
const READS: usize = 3;

/// The pauses before a write is sent again that did not take effect. Guesses: a dropped connection is over at once, an
/// overloaded server after some seconds.
const REPEAT_PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];

/// The pause before a list is read again that does not show an accepted write. A guess: Meta documents that an
/// assignment can be read at once, and nothing about a revocation.
const STALE_PAUSE: Duration = Duration::from_secs(2);

/// The changes of one WABA that are being applied.
pub(super) struct WabaRun<'a> {
    plan: &'a Plan,
    waba: WabaId,
    changes: &'a [Change],
    /// The writes of the changes, in order. A blocked change has none.
    steps: Vec<Step<'a>>,
    executor: Executor<'a>,
}

impl<'a> WabaRun<'a> {
    /// `changes` are those of one WABA, at least one.
    pub(super) fn new(plan: &'a Plan, changes: &'a [Change], executor: Executor<'a>) -> Self {
        let waba = changes[0].key.waba;
        let steps = writes(changes).into_iter().map(Step::new).collect();
        Self { plan, waba, changes, steps, executor }
    }

    pub(super) async fn run(mut self) -> Vec<ReportedChange> {
        let halt = self.write_all().await.err();
        self.read_back().await;
        self.record_outcomes().await;
        let why = halt.unwrap_or_else(|| String::from("the run ended before this change"));
        let mut by_user: BTreeMap<UserId, Vec<Step<'_>>> = BTreeMap::new();
        for step in self.steps {
            by_user.entry(step.key().user).or_default().push(step);
        }
        let mut steps = |user| by_user.remove(&user).unwrap_or_default();
        self.changes.iter().map(|change| report(change, steps(change.key.user), &why)).collect()
    }

    /// Reads the WABA again, and writes what did not change since the plan.
    async fn write_all(&mut self) -> Result<(), Halt> {
        if self.steps.is_empty() {
            return Ok(());
        }
        self.check_shutdown()?;
        self.reserve_calls().await?;
        let live = self.executor.read(self.waba).await;
        let live = live.map_err(|error| format!("the WABA could not be read before writing: {error}"))?;
        // An incomplete answer is more likely than that all holders left at once.
        if live.is_empty() && self.planned_holders().next().is_some() {
            return Err(String::from("the WABA's list is empty, and nothing confirms that; plan again"));
        }
        self.check_unchanged(&live)?;
        for index in 0..self.steps.len() {
            if self.steps[index].is_pending() {
                self.check_shutdown()?;
                self.confirm_gains(index).await?;
            }
            // A read may have shown meanwhile that nothing is left to write.
            if self.steps[index].is_pending() {
                self.write(index).await?;
            }
        }
        Ok(())
    }

    /// Waits until the WABA's budget has enough calls left to finish it. A WABA must not be left half applied.
    async fn reserve_calls(&self) -> Result<(), Halt> {
        let calls = self.steps.len() + self.confirmations() + READS;
        let calls = u32::try_from(calls).unwrap_or(u32::MAX);
        match self.executor.shutdown.within(self.executor.writer.wait_for_calls(self.waba, calls)).await {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => {
                self.executor.shut_down_if_fatal(&error);
                Err(explain(&error))
            }
            None => self.check_shutdown(),
        }
    }

    /// Counts the reads that confirm gains, if each write is accepted.
    fn confirmations(&self) -> usize {
        let (mut unconfirmed, mut confirmations): (Vec<&Step<'_>>, _) = (Vec::new(), 0);
        for step in &self.steps {
            if needs_confirmation(step, unconfirmed.iter().copied(), confirmations == 0) {
                confirmations += 1;
                unconfirmed.clear();
            }
            unconfirmed.push(step);
        }
        confirmations
    }

    /// Settles what is already as planned. Halts if an assignment that is still to be written is neither as planned nor
    /// as before, or if one that was as planned is so no longer.
    fn check_unchanged(&mut self, live: &HeldByUser) -> Result<(), Halt> {
        self.check_already_so(live);
        let mut expected: BTreeMap<UserId, TaskSet> = BTreeMap::new();
        let implied = &self.plan.implied;
        for step in self.steps.iter_mut().filter(|step| step.is_pending()) {
            let user = step.key().user;
            let found = expected.remove(&user).unwrap_or_else(|| held(live, user));
            if step.is_already_so(&found, implied) {
                step.settle(Outcome::AlreadySo);
                expected.insert(user, found);
            } else if step.is_as_before(&found, implied) {
                expected.insert(user, step.to().clone());
            } else {
                step.settle(Outcome::Moved { found });
            }
        }
        if self.steps.iter().any(Step::has_moved) {
            return Err(String::from("another assignment on this WABA moved since the plan; plan again"));
        }
        if !self.may_write(live) {
            return Err(String::from("somebody else lost tasks on this WABA since the plan; plan again"));
        }
        Ok(())
    }

    /// Looks again at what an earlier read showed as planned: somebody else may have changed it since.
    fn check_already_so(&mut self, live: &HeldByUser) {
        let implied = &self.plan.implied;
        for step in self.steps.iter_mut().filter(|step| step.ends_already_so()) {
            let found = held(live, step.key().user);
            if !step.is_already_so(&found, implied) {
                step.settle(Outcome::Moved { found });
            }
        }
    }

    fn removes_tasks(&self) -> bool {
        self.steps.iter().any(|step| step.write.is_loss())
    }

    /// Returns whether a holder that the plan does not change holds less than the guards counted on.
    fn others_lost_tasks(&self, live: &HeldByUser) -> bool {
        self.other_holders().any(|(user, tasks)| !tasks.is_subset(&held(live, *user)))
    }

    /// Returns the holders that the plan does not change. A blocked change changes nobody.
    fn other_holders(&self) -> impl Iterator<Item = (&UserId, &TaskSet)> {
        let is_changed = |user: &UserId| self.steps.iter().any(|step| step.key().user == *user);
        self.planned_holders().filter(move |(user, _)| !is_changed(user))
    }

    /// Returns the holders that were listed at the time of the plan.
    fn planned_holders(&self) -> impl Iterator<Item = (&UserId, &TaskSet)> {
        let holders = self.plan.holders.get(&self.waba).into_iter().flatten();
        holders.filter(|(_, holder)| holder.is_listed).map(|(user, holder)| (user, &holder.tasks))
    }

    /// Reads the gains of earlier writes back before a step takes something away.
    ///
    /// The guards counted on them, and the API can accept a write and store something else.
    async fn confirm_gains(&mut self, index: usize) -> Result<(), Halt> {
        if !self.needs_confirmation(index) {
            return Ok(());
        }
        let live = self.read_accepted().await.map_err(|error| {
            format!("nothing is removed, because the gains could not be read back: {error}")
        })?;
        let implied = &self.plan.implied;
        let accepted = self.steps.iter_mut().filter(|step| step.is_accepted());
        let mut missing = None;
        for step in accepted {
            let found = held(&live, step.key().user);
            step.confirmed = is_given(step, &found, implied);
            if !step.confirmed {
                missing.get_or_insert(step.key().user);
                step.settle(after_accepted(step, found, implied));
            }
        }
        if let Some(user) = missing {
            return Err(format!(
                "nothing is removed, because the tasks that user {user} should gain here are not stored; plan again"
            ));
        }
        self.check_unchanged(&live)?;
        self.check_shutdown()
    }

    fn needs_confirmation(&self, index: usize) -> bool {
        let is_first = !self.steps.iter().any(|step| step.confirmed);
        let unconfirmed = self.steps.iter().filter(|step| step.is_accepted() && !step.confirmed);
        needs_confirmation(&self.steps[index], unconfirmed, is_first)
    }

    /// Records one write, sends it, and settles it as far as its answers allow.
    ///
    /// A write that met a passing fault and did not take effect is sent again, a limited number of times.
    async fn write(&mut self, index: usize) -> Result<(), Halt> {
        self.record_intent(index).await?;
        let mut pauses = REPEAT_PAUSES.into_iter();
        loop {
            let step = &self.steps[index];
            match self.executor.send(step.key(), step.to()).await {
                Sent::Accepted(trace) => {
                    self.accept(index, trace);
                    return Ok(());
                }
                Sent::NothingToRevoke(error) => {
                    self.steps[index].not_found = Some(explain(&error));
                    self.accept(index, error.trace());
                    return Ok(());
                }
                Sent::CutOff(why) => {
                    let error = format!("{why} while the write was in flight");
                    self.steps[index].settle(Outcome::Unknown { error });
                    return Err(why);
                }
                // A throttled write has no effect, but during the wait the live state may have changed.
                Sent::Refused(GraphError::Throttled { .. }) => {
                    self.check_again().await?;
                    if !self.steps[index].is_pending() {
                        return Ok(());
                    }
                }
                Sent::Refused(error) => {
                    self.steps[index].add_trace(error.trace());
                    if !error.outcome_unknown() && !error.is_transient() {
                        return self.settle_refused(index, &error);
                    }
                    if self.settle_by_reading(index, &error).await? {
                        return Ok(());
                    }
                    let pause = pauses.next().filter(|_| error.is_transient());
                    self.prepare_repeat(index, &error, pause).await?;
                }
            }
        }
    }

    fn accept(&mut self, index: usize, trace: Option<String>) {
        let (earlier, rest) = self.steps.split_at_mut(index);
        rest[0].add_trace(trace);
        rest[0].state = State::Accepted;
        // The first write of a split change was read back before this one, and cannot be read any more.
        let user = rest[0].key().user;
        let first = earlier.iter_mut().filter(|step| step.key().user == user && step.is_accepted());
        first.for_each(|step| step.settle(Outcome::Applied));
    }

    /// Settles a write that was refused or not sent. The WABA halts in every case.
    fn settle_refused(&mut self, index: usize, error: &GraphError) -> Result<(), Halt> {
        self.executor.shut_down_if_fatal(error);
        if error.is_held_back() {
            let why = self.executor.shutdown.explanation().unwrap_or_else(|| explain(error));
            self.steps[index].settle(Outcome::NotAttempted { why: why.clone() });
            return Err(why);
        }
        self.fail(index, explain(error))
    }

    fn fail(&mut self, index: usize, error: String) -> Result<(), Halt> {
        self.steps[index].settle(Outcome::Failed { error });
        Err(String::from("an earlier change on this WABA failed"))
    }

    /// Waits before a write without effect is sent again. Without a pause, or if the run ends, the write has failed.
    async fn prepare_repeat(
        &mut self,
        index: usize,
        error: &GraphError,
        pause: Option<Duration>,
    ) -> Result<(), Halt> {
        let cause = explain(error);
        let failed = format!("{cause}; a read shows that it did not take effect");
        let Some(pause) = pause else { return self.fail(index, failed) };
        let key = self.steps[index].key();
        tracing::info!("WABA {}, user {}: {cause}; the write is sent again in {pause:?}", key.waba, key.user);
        let _ = self.executor.pause(pause).await;
        self.check_shutdown().inspect_err(|_| self.steps[index].settle(Outcome::Failed { error: failed }))
    }

    /// Checks that nothing moved while Meta asked to wait.
    async fn check_again(&mut self) -> Result<(), Halt> {
        let live = self.read_holders().await;
        let live =
            live.map_err(|error| format!("the WABA could not be read again before writing: {error}"))?;
        self.check_unchanged(&live)?;
        self.check_shutdown()
    }

    /// Returns whether the holders that the guards counted on still are there, or nothing is taken away.
    fn may_write(&self, live: &HeldByUser) -> bool {
        !(self.removes_tasks() && self.others_lost_tasks(live))
    }

    /// Records a write in the journal before it is sent.
    async fn record_intent(&mut self, index: usize) -> Result<(), Halt> {
        let step = &mut self.steps[index];
        let id = self.executor.journal.intent(self.plan, &step.write.as_change()).await.map_err(|error| {
            self.executor.shut_down_without_journal(&error);
            self.executor.shutdown.explanation().unwrap_or_default()
        })?;
        step.entry = Some(Entry { id, traces: Vec::new() });
        Ok(())
    }

    /// Records the outcome of every write that the journal knows.
    async fn record_outcomes(&self) {
        let why = self.executor.shutdown.explanation().unwrap_or_default();
        let not_attempted = Outcome::NotAttempted { why };
        for step in &self.steps {
            let Some(Entry { id, traces }) = &step.entry else { continue };
            let outcome = step.outcome().unwrap_or(&not_attempted);
            if let Err(error) = self.executor.journal.outcome(*id, outcome, traces).await {
                self.executor.shut_down_without_journal(&error);
            }
        }
    }

    /// Reads the WABA after an unclear answer, and returns whether the write took effect.
    ///
    /// Halts if that cannot be found out, if the assignment moved, or if others did. Otherwise the write had no effect
    /// and may be sent again.
    async fn settle_by_reading(&mut self, index: usize, error: &GraphError) -> Result<bool, Halt> {
        let cause = explain(error);
        let live = match self.read_holders().await {
            Ok(live) => live,
            Err(reading) => {
                let error = format!("{cause}; and the WABA could not be read: {reading}");
                return self.halt_unsettled(index, Outcome::Unknown { error });
            }
        };
        self.check_already_so(&live);
        let found = held(&live, self.steps[index].key().user);
        match after_unclear(&self.steps[index], found, &self.plan.implied, &cause) {
            AfterUnclear::TookEffect => {
                self.accept(index, None);
                self.check_unchanged(&live).map(|()| true)
            }
            AfterUnclear::NoEffect => match self.check_unchanged(&live) {
                Ok(()) => Ok(false),
                Err(why) => {
                    let error = format!("{cause}; a read shows that it did not take effect, and {why}");
                    self.halt_unsettled(index, Outcome::Failed { error })
                }
            },
            AfterUnclear::Settled(outcome) => self.halt_unsettled(index, outcome),
        }
    }

    fn halt_unsettled(&mut self, index: usize, outcome: Outcome) -> Result<bool, Halt> {
        self.steps[index].settle(outcome);
        Err(String::from("an earlier change on this WABA is not settled as planned"))
    }

    /// Compares what is stored with what was accepted.
    async fn read_back(&mut self) {
        if !self.steps.iter().any(Step::is_accepted) {
            return;
        }
        let live = self.read_accepted().await;
        if let Ok(live) = &live {
            self.check_already_so(live);
        }
        for step in self.steps.iter_mut().filter(|step| step.is_accepted()) {
            step.settle(match &live {
                Err(error) => Outcome::Unknown {
                    error: format!("it was accepted, but the WABA could not be read back: {error}"),
                },
                Ok(live) => after_accepted(step, held(live, step.key().user), &self.plan.implied),
            });
        }
    }

    /// Reads the WABA after accepted writes. If a list seems to be older than one of them, reads it once more.
    async fn read_accepted(&self) -> Result<HeldByUser, String> {
        let live = self.read_holders().await?;
        let is_stale =
            |step: &Step<'_>| may_be_stale(step, &held(&live, step.key().user), &self.plan.implied);
        let mut accepted = self.steps.iter().filter(|step| step.is_accepted());
        if accepted.any(is_stale) && self.executor.pause(STALE_PAUSE).await {
            return self.read_holders().await;
        }
        Ok(live)
    }

    /// Reads the WABA. If the plan leaves holders on it, an empty list is an error.
    async fn read_holders(&self) -> Result<HeldByUser, String> {
        let live = self.executor.read(self.waba).await?;
        let is_listed = |step: &Step<'_>| {
            let held = if step.is_pending() { step.from() } else { step.to() };
            // An admin that was listed stays so as long as it has an assignment.
            !held.is_empty() && (!step.change().admin || !step.change().before.is_empty())
        };
        let expects_holders = self.other_holders().next().is_some() || self.steps.iter().any(is_listed);
        if live.is_empty() && expects_holders {
            return Err(String::from("the WABA's list is empty, and nothing confirms that"));
        }
        Ok(live)
    }

    /// Returns an error if the run is being shut down: nothing new may be sent.
    fn check_shutdown(&self) -> Result<(), Halt> {
        self.executor.shutdown.explanation().map_or(Ok(()), Err)
    }
}

/// Returns whether a step takes something away while gains are unconfirmed: the first such step counts on any of them,
/// and later ones on those of a task that they take away.
fn needs_confirmation<'a>(
    step: &Step<'_>,
    mut unconfirmed: impl Iterator<Item = &'a Step<'a>>,
    is_first: bool,
) -> bool {
    let lost = step.lost();
    let replaces = |gained: &TaskSet| {
        lost.known().any(|task| gained.grants(task)) || !lost.intersection(gained).is_empty()
    };
    step.write.is_loss()
        && unconfirmed.any(|step| {
            let gained = step.gained();
            !gained.is_empty() && (is_first || replaces(&gained))
        })
}
