//! Applies an approved plan: reads again, notes in the journal, writes, reads back, and reports.
//!
//! It decides nothing: which changes there are, and in which order, is the plan's. What moved since the plan
//! is left alone. It must not know how a plan came to be, nor how a report is shown.

mod recovery;
mod shutdown;

pub use recovery::settle_earlier;
pub use shutdown::{Stop, StopReason};

use crate::graph::{GraphError, Reader, Writer};
use crate::guard::ApprovedPlan;
use crate::model::{
    Blocked, Change, Directory, Outcome, Plan, Report, ReportedChange, TaskSet, UserId, WabaId, chain,
};
use crate::store::{Journal, JournalError, WriteId};
use futures_util::{StreamExt, stream};
use std::collections::BTreeMap;

/// What an apply works with.
#[derive(Debug, Clone, Copy)]
pub struct Tools<'a> {
    /// Reads each WABA right before its first write, and after its last.
    pub reader: &'a Reader,
    /// Makes the writes.
    pub writer: &'a Writer,
    /// Has each write before it is sent, and what became of it after.
    pub journal: &'a Journal,
    /// Which users are the business's own.
    pub directory: &'a Directory,
    /// Ends the run before its end.
    pub stop: &'a Stop,
    /// How many WABAs are on their way at a time.
    pub wabas: usize,
}

/// How many WABAs are on their way at a time where nothing speaks against it: enough to fill all lines with batches.
pub const AHEAD: usize = 1_000;

/// Applies a plan: on each WABA in its order, the WABAs in parallel.
///
/// One failure stops its own WABA; a dead token, or the stop switch, stops all. `done` is told the number of
/// changes that are settled, each time some are.
pub async fn apply(approved: &ApprovedPlan, tools: Tools<'_>, done: &(dyn Fn(usize) + Sync)) -> Report {
    let plan = approved.plan();
    let wabas: Vec<&[Change]> = plan.changes.chunk_by(|a, b| a.key.waba == b.key.waba).collect();
    let all = stream::iter(wabas)
        .map(|changes| async move {
            let reported = WabaRun::new(plan, changes, tools).run().await;
            done(reported.len());
            reported
        })
        .buffered(tools.wabas.max(1))
        .collect::<Vec<Vec<ReportedChange>>>();
    let closing = async {
        tools.stop.stopped().await;
        tools.writer.close();
        std::future::pending().await
    };
    let outcomes = tokio::select! {
        biased;
        outcomes = all => outcomes,
        never = closing => never,
    };
    Report {
        changes: outcomes.into_iter().flatten().collect(),
        stopped: tools.stop.reason().map(|reason| match reason {
            StopReason::Interrupted => String::from("interrupted"),
            StopReason::Fatal(error) | StopReason::Later(error) | StopReason::OutOfTime(error) => error,
        }),
        wrote: tools.stop.wrote(),
    }
}

/// The own users' tasks on one WABA, and everybody else's, as one map.
type Holders = BTreeMap<UserId, TaskSet>;

/// Why the rest of a WABA is not attempted.
type Halt = String;

/// One WABA on its way.
struct WabaRun<'a> {
    plan: &'a Plan,
    changes: &'a [Change],
    outcomes: Vec<Option<Outcome>>,
    /// The changes that the API accepted and that a read has to confirm.
    accepted: Vec<usize>,
    /// What the journal knows each change by that it was told of, and the ids by which Meta finds its calls.
    noted: Vec<Option<(WriteId, Vec<String>)>>,
    tools: Tools<'a>,
}

impl<'a> WabaRun<'a> {
    fn new(plan: &'a Plan, changes: &'a [Change], tools: Tools<'a>) -> Self {
        Self {
            plan,
            changes,
            outcomes: vec![None; changes.len()],
            accepted: Vec::new(),
            noted: vec![None; changes.len()],
            tools,
        }
    }

    async fn run(mut self) -> Vec<ReportedChange> {
        let changes = self.changes;
        for (change, outcome) in changes.iter().zip(&mut self.outcomes) {
            if change.blocked == Some(Blocked::SelfRaise) {
                let why = "a system user cannot raise its own tasks; let another admin make this change";
                *outcome = Some(Outcome::NotAttempted { why: why.into() });
            }
        }
        let halt = self.write_all().await.err();
        self.read_back().await;
        self.note_outcomes().await;
        let rest = halt.unwrap_or_else(|| String::from("the run ended before it"));
        changes
            .iter()
            .zip(self.outcomes)
            .map(|(change, outcome)| ReportedChange {
                change: change.clone(),
                outcome: outcome.unwrap_or_else(|| Outcome::NotAttempted { why: rest.clone() }),
            })
            .collect()
    }

    /// Reads the WABA again, and writes what is still as the plan saw it.
    async fn write_all(&mut self) -> Result<(), Halt> {
        if self.outcomes.iter().all(Option::is_some) {
            return Ok(());
        }
        self.go_on()?;
        self.room().await?;
        let live = self
            .read()
            .await
            .map_err(|error| format!("the WABA could not be read before writing: {error}"))?;
        // Whom the plan saw may have gone; that all of them have is less likely than a list that tells nothing.
        if live.is_empty() && self.seen().next().is_some() {
            return Err(String::from("the WABA's list came back empty, which proves nothing; plan again"));
        }
        self.check_moved(&live)?;
        for index in 0..self.changes.len() {
            if self.outcomes.get(index).is_some_and(Option::is_none) {
                self.go_on()?;
                self.write(index).await?;
            }
        }
        Ok(())
    }

    /// Waits until the WABA has calls enough left in its hour: it shall not be left half-way.
    async fn room(&self) -> Result<(), Halt> {
        let Some(waba) = self.changes.first().map(|change| change.key.waba) else { return Ok(()) };
        let writes = self.outcomes.iter().filter(|outcome| outcome.is_none()).count();
        // Each write, a read before the first and one after the last, and one to settle what is not clear.
        let calls = u32::try_from(writes).unwrap_or(u32::MAX).saturating_add(3);
        match self.tools.stop.within(self.tools.writer.room(waba, calls)).await {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => {
                self.tools.note_fatal(&error);
                Err(explained(&error))
            }
            None => self.go_on(),
        }
    }

    /// Settles what is already as planned, and stops where anything is neither as planned nor as before.
    fn check_moved(&mut self, live: &Holders) -> Result<(), Halt> {
        let mut moved = false;
        for (change, outcome) in self.changes.iter().zip(&mut self.outcomes).filter(|(_, o)| o.is_none()) {
            let found = held(live, change.key.user);
            if self.plan.implied.same(&found, &change.after) {
                *outcome = Some(Outcome::AlreadySo);
            } else if found != change.before {
                moved = true;
                *outcome = Some(Outcome::Moved { found });
            }
        }
        if moved {
            return Err(String::from("another assignment on this WABA moved since the plan; plan again"));
        }
        if self.takes() && self.others_lost(live) {
            return Err(String::from("somebody else lost tasks on this WABA since the plan; plan again"));
        }
        Ok(())
    }

    /// Returns whether the plan takes anything away here.
    fn takes(&self) -> bool {
        self.changes.iter().any(|change| !change.lost().is_empty())
    }

    /// Returns whether somebody whom the plan does not touch holds less than the guards went by.
    fn others_lost(&self, live: &Holders) -> bool {
        self.others().any(|(user, tasks)| !tasks.is_subset(&held(live, *user)))
    }

    /// Returns the holders that the plan saw and does not touch; a change that is not attempted touches nobody.
    fn others(&self) -> impl Iterator<Item = (&UserId, &TaskSet)> {
        let touched = |user: &UserId| {
            self.changes.iter().any(|change| change.key.user == *user && change.blocked.is_none())
        };
        self.seen().filter(move |(user, _)| !touched(user))
    }

    /// Returns the holders that the plan saw.
    fn seen(&self) -> impl Iterator<Item = (&UserId, &TaskSet)> {
        let waba = self.changes.first().and_then(|change| self.plan.holders.get(&change.key.waba));
        waba.into_iter().flatten()
    }

    /// Notes one write, sends it, and settles it as far as its answer tells.
    async fn write(&mut self, index: usize) -> Result<(), Halt> {
        let Some(change) = self.changes.get(index) else { return Ok(()) };
        self.note_intent(index, change).await?;
        let error = loop {
            self.go_on()?;
            match self.tools.send(change).await {
                Sent::Accepted(trace) => {
                    self.note_trace(index, trace);
                    self.accepted.push(index);
                    return Ok(());
                }
                Sent::CutOff(ended) => {
                    let error = format!("{ended} while it was in flight");
                    self.settle(index, Outcome::Unknown { error });
                    return Err(ended);
                }
                // It had no effect; by the time that Meta takes it, what is live may have moved.
                Sent::Refused(GraphError::Throttled { .. }) => self.check_again(index).await?,
                Sent::Refused(error) => break error,
            }
        };
        self.note_trace(index, error.trace());
        if error.outcome_unknown() {
            return self.settle_by_reading(index, &error).await;
        }
        self.tools.note_fatal(&error);
        if error.is_held_back() {
            let why = self.tools.stop.ended().unwrap_or_else(|| explained(&error));
            self.settle(index, Outcome::NotAttempted { why: why.clone() });
            return Err(why);
        }
        self.settle(index, Outcome::Failed { error: explained(&error) });
        Err(String::from("an earlier change on this WABA failed"))
    }

    /// Makes sure that an assignment is still what the plan saw.
    async fn check_again(&mut self, index: usize) -> Result<(), Halt> {
        let Some(change) = self.changes.get(index) else { return Ok(()) };
        let live = self.read().await;
        let live =
            live.map_err(|error| format!("the WABA could not be read again before writing: {error}"))?;
        let found = held(&live, change.key.user);
        if found == change.before && !(self.takes() && self.others_lost(&live)) {
            return Ok(());
        }
        self.settle(index, Outcome::Moved { found });
        Err(String::from("an assignment on this WABA moved while Meta asked to wait; plan again"))
    }

    /// Has the journal hold a write before it is sent.
    async fn note_intent(&mut self, index: usize, change: &Change) -> Result<(), Halt> {
        let id = self.tools.journal.intent(self.plan, change).await.map_err(|error| {
            self.tools.stop_for(&error);
            self.tools.stop.ended().unwrap_or_default()
        })?;
        if let Some(noted) = self.noted.get_mut(index) {
            *noted = Some((id, Vec::new()));
        }
        Ok(())
    }

    fn note_trace(&mut self, index: usize, trace: Option<String>) {
        if let (Some(Some((_, traces))), Some(trace)) = (self.noted.get_mut(index), trace) {
            traces.push(trace);
        }
    }

    /// Has the journal hold what became of what it was told.
    async fn note_outcomes(&self) {
        let not_attempted = Outcome::NotAttempted { why: self.tools.stop.ended().unwrap_or_default() };
        for (noted, outcome) in self.noted.iter().zip(&self.outcomes) {
            let Some((id, traces)) = noted else { continue };
            let outcome = outcome.as_ref().unwrap_or(&not_attempted);
            if let Err(error) = self.tools.journal.outcome(*id, outcome, traces).await {
                self.tools.stop_for(&error);
            }
        }
    }

    /// Finds out by a read what became of a write whose answer does not tell.
    async fn settle_by_reading(&mut self, index: usize, error: &GraphError) -> Result<(), Halt> {
        let Some(change) = self.changes.get(index) else { return Ok(()) };
        let cause = explained(error);
        let outcome = match self.read_where_holders_are().await {
            Err(reading) => {
                Outcome::Unknown { error: format!("{cause}; and it could not be read: {reading}") }
            }
            Ok(live) => {
                let found = held(&live, change.key.user);
                if self.plan.implied.same(&found, &change.after) {
                    self.accepted.push(index);
                    return Ok(());
                }
                if change.admin && found.is_empty() && !change.after.is_empty() {
                    Outcome::Unknown {
                        error: format!("{cause}; and an admin may not be listed, so a read does not tell"),
                    }
                } else if found == change.before {
                    Outcome::Failed { error: format!("{cause}; a read shows that it did not take effect") }
                } else {
                    Outcome::StoredDifferently { stored: found }
                }
            }
        };
        self.settle(index, outcome);
        Err(String::from("an earlier change on this WABA is not settled as planned"))
    }

    /// Compares what is stored with what was accepted.
    async fn read_back(&mut self) {
        if self.accepted.is_empty() {
            return;
        }
        let live = self.read_where_holders_are().await;
        for index in std::mem::take(&mut self.accepted) {
            let Some(change) = self.changes.get(index) else { continue };
            let outcome = match &live {
                Err(error) => Outcome::Unknown {
                    error: format!("it was accepted, but could not be read back: {error}"),
                },
                Ok(live) => self.stored(change, held(live, change.key.user)),
            };
            self.settle(index, outcome);
        }
    }

    fn stored(&self, change: &Change, found: TaskSet) -> Outcome {
        if self.plan.implied.same(&found, &change.after) {
            Outcome::Applied
        } else if change.admin && change.before.is_empty() && found.is_empty() {
            Outcome::AcceptedNotListed
        } else if found == change.before {
            Outcome::Failed { error: "it was accepted, but the read-back shows that nothing changed".into() }
        } else {
            Outcome::StoredDifferently { stored: found }
        }
    }

    fn settle(&mut self, index: usize, outcome: Outcome) {
        if let Some(slot) = self.outcomes.get_mut(index) {
            *slot = Some(outcome);
        }
    }

    /// Returns whether anything new may be sent.
    fn go_on(&self) -> Result<(), Halt> {
        self.tools.stop.ended().map_or(Ok(()), Err)
    }

    /// Reads the WABA where the plan leaves holders: an empty list proves nothing then.
    async fn read_where_holders_are(&self) -> Result<Holders, String> {
        let live = self.read().await?;
        let is_listed = |change: &Change| !change.admin && !change.after.is_empty();
        if live.is_empty() && (self.others().next().is_some() || self.changes.iter().any(is_listed)) {
            return Err(String::from("the WABA's list came back empty, which proves nothing"));
        }
        Ok(live)
    }

    async fn read(&self) -> Result<Holders, String> {
        let Some(waba) = self.changes.first().map(|change| change.key.waba) else {
            return Ok(Holders::new());
        };
        self.tools.read(waba).await
    }
}

/// What sending a write came to.
enum Sent {
    /// It was taken, or had nothing to do; a read tells which. With the id by which Meta finds the call.
    Accepted(Option<String>),
    Refused(GraphError),
    /// The run ended, and so did its patience.
    CutOff(Halt),
}

impl Tools<'_> {
    async fn send(&self, change: &Change) -> Sent {
        let key = change.key;
        self.stop.note_write();
        let answer = if change.after.is_empty() {
            self.stop.within(self.writer.revoke(key.waba, key.user)).await
        } else {
            self.stop.within(self.writer.assign(key.waba, key.user, &change.after)).await
        };
        match answer {
            Some(Ok(trace)) => Sent::Accepted(trace),
            // Nobody to take anything from: the read-back tells whether that is so.
            Some(Err(error @ GraphError::NotFound(_))) if change.after.is_empty() => {
                Sent::Accepted(error.trace())
            }
            Some(Err(error)) => {
                if error.is_held_back() {
                    self.stop.note_held_back();
                }
                Sent::Refused(error)
            }
            None => Sent::CutOff(self.stop.ended().unwrap_or_default()),
        }
    }

    /// Ends the run because the journal cannot be kept.
    fn stop_for(&self, error: &JournalError) {
        self.stop.stop(StopReason::Fatal(format!("the journal cannot be kept: {}", chain(error))));
    }

    async fn read(&self, waba: WabaId) -> Result<Holders, String> {
        match self.stop.within(self.reader.holders(self.directory, waba)).await {
            None => Err(self.stop.ended().unwrap_or_default()),
            Some(Err(error)) => {
                self.note_fatal(&error);
                Err(explained(&error))
            }
            Some(Ok((own, others))) => {
                Ok(others.into_iter().map(|(user, holder)| (user, holder.tasks)).chain(own).collect())
            }
        }
    }

    fn note_fatal(&self, error: &GraphError) {
        if let GraphError::Later { .. } = error {
            self.stop.stop(StopReason::Later(explained(error)));
        } else if let GraphError::OutOfTime = error {
            self.stop.stop(StopReason::OutOfTime(explained(error)));
        } else if error.is_fatal() {
            self.stop.stop(StopReason::Fatal(explained(error)));
        }
    }
}

fn held(holders: &Holders, user: UserId) -> TaskSet {
    holders.get(&user).cloned().unwrap_or_default()
}

/// Tells an error with its causes and hint in one line.
fn explained(error: &GraphError) -> String {
    match error.hint() {
        Some(hint) => format!("{} ({hint})", chain(error)),
        None => chain(error),
    }
}
