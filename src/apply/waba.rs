//! Applies the changes of one WABA, one after the other.

use super::step::{Entry, State, Step};
use super::{Executor, HeldByUser, Sent, explain, held};
use crate::graph::GraphError;
use crate::model::{Change, Outcome, Plan, ReportedChange, TaskSet, UserId, WabaId};

/// Why the remaining changes of a WABA are not attempted.
type Halt = String;

/// The calls that a WABA needs besides its writes: a read before the first one, a read after the last one, and a read
/// to settle an unclear answer.
const READS: u32 = 3;

/// The changes of one WABA that are being applied.
pub(super) struct WabaRun<'a> {
    plan: &'a Plan,
    waba: WabaId,
    steps: Vec<Step<'a>>,
    executor: Executor<'a>,
}

impl<'a> WabaRun<'a> {
    /// `changes` are those of one WABA, at least one.
    pub(super) fn new(plan: &'a Plan, changes: &'a [Change], executor: Executor<'a>) -> Self {
        let waba = changes[0].key.waba;
        Self { plan, waba, steps: changes.iter().map(Step::new).collect(), executor }
    }

    pub(super) async fn run(mut self) -> Vec<ReportedChange> {
        let halt = self.write_all().await.err();
        self.read_back().await;
        self.record_outcomes().await;
        let why = halt.unwrap_or_else(|| String::from("the run ended before this change"));
        self.steps.into_iter().map(|step| step.report(&why)).collect()
    }

    /// Reads the WABA again, and writes what did not change since the plan.
    async fn write_all(&mut self) -> Result<(), Halt> {
        let pending = self.steps.iter().filter(|step| step.is_pending()).count();
        if pending == 0 {
            return Ok(());
        }
        self.check_shutdown()?;
        self.reserve_calls(pending).await?;
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
                self.write(index).await?;
            }
        }
        Ok(())
    }

    /// Waits until the WABA's budget has enough calls left to finish it. A WABA must not be left half applied.
    async fn reserve_calls(&self, writes: usize) -> Result<(), Halt> {
        let calls = u32::try_from(writes).unwrap_or(u32::MAX).saturating_add(READS);
        match self.executor.shutdown.within(self.executor.writer.wait_for_calls(self.waba, calls)).await {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => {
                self.executor.shut_down_if_fatal(&error);
                Err(explain(&error))
            }
            None => self.check_shutdown(),
        }
    }

    /// Settles what is already as planned. Halts if an assignment is neither as planned nor as before.
    fn check_unchanged(&mut self, live: &HeldByUser) -> Result<(), Halt> {
        let mut moved = false;
        for step in self.steps.iter_mut().filter(|step| step.is_pending()) {
            let found = held(live, step.change.key.user);
            if self.plan.implied.same(&found, &step.change.after) {
                step.settle(Outcome::AlreadySo);
            } else if found != step.change.before {
                moved = true;
                step.settle(Outcome::Moved { found });
            }
        }
        if moved {
            return Err(String::from("another assignment on this WABA moved since the plan; plan again"));
        }
        if self.removes_tasks() && self.others_lost_tasks(live) {
            return Err(String::from("somebody else lost tasks on this WABA since the plan; plan again"));
        }
        Ok(())
    }

    fn removes_tasks(&self) -> bool {
        self.steps.iter().any(|step| !step.change.lost().is_empty())
    }

    /// Returns whether a holder that the plan does not change holds less than the guards counted on.
    fn others_lost_tasks(&self, live: &HeldByUser) -> bool {
        self.other_holders().any(|(user, tasks)| !tasks.is_subset(&held(live, *user)))
    }

    /// Returns the holders that the plan does not change. A blocked change changes nobody.
    fn other_holders(&self) -> impl Iterator<Item = (&UserId, &TaskSet)> {
        let is_changed = |user: &UserId| {
            self.steps.iter().any(|step| step.change.key.user == *user && step.change.blocked.is_none())
        };
        self.planned_holders().filter(move |(user, _)| !is_changed(user))
    }

    /// Returns the holders at the time of the plan.
    fn planned_holders(&self) -> impl Iterator<Item = (&UserId, &TaskSet)> {
        self.plan.holders.get(&self.waba).into_iter().flatten()
    }

    /// Records one write, sends it, and settles it as far as its answer allows.
    async fn write(&mut self, index: usize) -> Result<(), Halt> {
        self.record_intent(index).await?;
        let error = loop {
            self.check_shutdown()?;
            match self.executor.send(self.steps[index].change).await {
                Sent::Accepted(trace) => {
                    self.steps[index].add_trace(trace);
                    self.steps[index].state = State::Accepted;
                    return Ok(());
                }
                Sent::CutOff(why) => {
                    let error = format!("{why} while the write was in flight");
                    self.steps[index].settle(Outcome::Unknown { error });
                    return Err(why);
                }
                // A throttled write has no effect, but during the wait the live state may have changed.
                Sent::Refused(GraphError::Throttled { .. }) => self.check_again(index).await?,
                Sent::Refused(error) => break error,
            }
        };
        self.steps[index].add_trace(error.trace());
        self.settle_refused(index, &error).await
    }

    /// Settles a write that was refused, not sent, or whose answer is unclear. The WABA halts in every case.
    async fn settle_refused(&mut self, index: usize, error: &GraphError) -> Result<(), Halt> {
        if error.outcome_unknown() {
            return self.settle_by_reading(index, error).await;
        }
        self.executor.shut_down_if_fatal(error);
        if error.is_held_back() {
            let why = self.executor.shutdown.explanation().unwrap_or_else(|| explain(error));
            self.steps[index].settle(Outcome::NotAttempted { why: why.clone() });
            return Err(why);
        }
        self.steps[index].settle(Outcome::Failed { error: explain(error) });
        Err(String::from("an earlier change on this WABA failed"))
    }

    /// Checks that an assignment still is what the plan started from.
    async fn check_again(&mut self, index: usize) -> Result<(), Halt> {
        let live = self.executor.read(self.waba).await;
        let live =
            live.map_err(|error| format!("the WABA could not be read again before writing: {error}"))?;
        let change = self.steps[index].change;
        let found = held(&live, change.key.user);
        if found == change.before && !(self.removes_tasks() && self.others_lost_tasks(&live)) {
            return Ok(());
        }
        self.steps[index].settle(Outcome::Moved { found });
        Err(String::from("an assignment on this WABA moved while Meta asked to wait; plan again"))
    }

    /// Records a write in the journal before it is sent.
    async fn record_intent(&mut self, index: usize) -> Result<(), Halt> {
        let step = &mut self.steps[index];
        let id = self.executor.journal.intent(self.plan, step.change).await.map_err(|error| {
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

    /// Settles a write with an unclear answer by reading the WABA.
    async fn settle_by_reading(&mut self, index: usize, error: &GraphError) -> Result<(), Halt> {
        let cause = explain(error);
        let change = self.steps[index].change;
        let outcome = match self.read_holders().await {
            Err(reading) => {
                Outcome::Unknown { error: format!("{cause}; and the WABA could not be read: {reading}") }
            }
            Ok(live) => {
                let found = held(&live, change.key.user);
                if self.plan.implied.same(&found, &change.after) {
                    self.steps[index].state = State::Accepted;
                    return Ok(());
                }
                unclear_outcome(change, found, &cause)
            }
        };
        self.steps[index].settle(outcome);
        Err(String::from("an earlier change on this WABA is not settled as planned"))
    }

    /// Compares what is stored with what was accepted.
    async fn read_back(&mut self) {
        if !self.steps.iter().any(Step::is_accepted) {
            return;
        }
        let live = self.read_holders().await;
        let plan = self.plan;
        for step in self.steps.iter_mut().filter(|step| step.is_accepted()) {
            step.settle(match &live {
                Err(error) => Outcome::Unknown {
                    error: format!("it was accepted, but the WABA could not be read back: {error}"),
                },
                Ok(live) => stored_outcome(plan, step.change, held(live, step.change.key.user)),
            });
        }
    }

    /// Reads the WABA. If the plan leaves holders on it, an empty list is an error.
    async fn read_holders(&self) -> Result<HeldByUser, String> {
        let live = self.executor.read(self.waba).await?;
        let is_listed = |change: &Change| !change.admin && !change.after.is_empty();
        let expects_holders =
            self.other_holders().next().is_some() || self.steps.iter().any(|step| is_listed(step.change));
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

/// Returns the outcome of a write with an unclear answer after which a read found something else than planned.
fn unclear_outcome(change: &Change, found: TaskSet, cause: &str) -> Outcome {
    if change.admin && found.is_empty() && !change.after.is_empty() {
        Outcome::Unknown {
            error: format!("{cause}; and a read does not show it, since admins may not be listed"),
        }
    } else if found == change.before {
        Outcome::Failed { error: format!("{cause}; a read shows that it did not take effect") }
    } else {
        Outcome::StoredDifferently { stored: found }
    }
}

/// Returns the outcome of an accepted write after the read-back found `found`.
fn stored_outcome(plan: &Plan, change: &Change, found: TaskSet) -> Outcome {
    if plan.implied.same(&found, &change.after) {
        Outcome::Applied
    } else if change.admin && change.before.is_empty() && found.is_empty() {
        Outcome::AcceptedNotListed
    } else if found == change.before {
        Outcome::Failed { error: "it was accepted, but the read-back shows that nothing changed".into() }
    } else {
        Outcome::StoredDifferently { stored: found }
    }
}
