//! Applies an approved plan under the lock of its business.

use super::event::StageGuard;
use super::memory::remember;
use super::plans::keep_applied;
use super::{EngineError, Event, Events, Session, Stage};
use crate::apply::{Executor, Shutdown, ShutdownReason, WABAS_IN_PROGRESS, settle_earlier};
use crate::clock::Clock;
use crate::guard::ApprovedPlan;
use crate::model::{BusinessId, Cost, Directory, History, Origin, Plan, Report};
use crate::proposal::Proposal;
use crate::store::{Attempt, Journal, JournalError, Keep, StateLock, StateStore};

/// The lock of a business, with the writes that earlier runs left in flight.
///
/// One apply at a time may hold it on a machine.
#[derive(Debug)]
pub struct Lease {
    lock: StateLock,
    in_flight: History,
    state: StateStore,
}

impl Lease {
    /// Takes the lock of a business. If another run holds it, waits for it or fails.
    ///
    /// # Errors
    ///
    /// If the lock cannot be taken, or the journal cannot be read.
    pub async fn take(
        state: &StateStore,
        business: BusinessId,
        wait: bool,
        clock: &Clock,
        events: Events<'_>,
    ) -> Result<Self, EngineError> {
        let failed = || EngineError::store("making sure that no other apply runs");
        let lock = match state.try_lock(business, clock).await.map_err(failed())? {
            Attempt::Taken(lock) => lock,
            Attempt::Held(holder) if !wait => {
                return Err(EngineError::Locked { business, holder: Box::new(holder) });
            }
            Attempt::Held(holder) => {
                events(Event::WaitingForLock { business, holder: &holder });
                state.lock(business, clock).await.map_err(failed())?
            }
        };
        let in_flight = state.history(business, Keep::InFlight).await;
        let in_flight = in_flight.map_err(EngineError::store("reading the journal"))?;
        if in_flight.in_flight().next().is_none() {
            lock.note_settled();
        }
        Ok(Self { lock, in_flight, state: state.clone() })
    }

    /// Records what the manifests of a plan without changes declare, for later runs.
    ///
    /// # Errors
    ///
    /// If the inventory cannot be written.
    pub async fn remember(&self, proposal: &Proposal, clock: &Clock) -> Result<(), EngineError> {
        let complete = !proposal.plan.is_partial() && !proposal.plan.is_incomplete();
        // What takes a run back says nothing about what manifests declare.
        if proposal.plan.undo.is_some() {
            return Ok(());
        }
        remember(&self.state, proposal, complete, clock.now())
            .await
            .map_err(EngineError::store("recording what the manifests declare"))
    }

    /// Returns whether an earlier run left writes in flight, which the next apply settles.
    pub fn has_unsettled_writes(&self) -> bool {
        self.in_flight.in_flight().next().is_some()
    }
}

/// How a plan is applied.
#[derive(Debug, Clone)]
pub struct ApplyOptions {
    /// The waivers of this run as they were given, for the journal.
    pub waivers: Vec<String>,
    /// What the run comes from, for the journal and the report.
    pub origin: Origin,
    /// The number of WABAs in progress at a time.
    pub wabas_in_progress: usize,
}

impl Default for ApplyOptions {
    fn default() -> Self {
        Self { waivers: Vec::new(), origin: Origin::default(), wabas_in_progress: WABAS_IN_PROGRESS }
    }
}

/// How an apply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Every change is as planned, and every WABA could be read.
    Done,
    /// Some changes are not as planned, or some WABAs could not be read.
    Partial,
    /// Interrupted before any write.
    Interrupted,
    /// Throttled before any write.
    Throttled,
    /// Failed: no further call could succeed.
    Failed,
}

/// The result of an apply.
#[derive(Debug)]
pub struct Applied {
    /// The outcome of each change. Without changes, or if it was interrupted before the first one, it is empty.
    pub report: Report,
    /// How it ended.
    pub ending: Ending,
    /// What the run has cost, writes included.
    pub cost: Cost,
    /// Why the end of the run could not be recorded in the journal, if it could not.
    pub journal_error: Option<JournalError>,
}

impl Session {
    /// Settles what earlier runs left in flight, and applies an approved plan.
    ///
    /// `shutdown` ends it early. If this future is dropped, writes may be in flight; the next apply settles them.
    ///
    /// # Errors
    ///
    /// If the plan was made elsewhere, or the journal cannot be written. Then nothing was sent.
    pub async fn apply(
        &self,
        approved: &ApprovedPlan,
        directory: &Directory,
        lease: Lease,
        options: &ApplyOptions,
        shutdown: &Shutdown,
        events: Events<'_>,
    ) -> Result<Applied, EngineError> {
        self.check_live_source(approved.proposal())?;
        let failed = || EngineError::store("writing the journal, so nothing was applied");
        let writer = self.writer();
        let Lease { lock, in_flight, state } = lease;
        let clock = self.clock();
        let wabas_in_progress = options.wabas_in_progress;
        let origin = &origin(options, approved.plan());
        let waivers = waivers(options, approved);
        let journal = Journal::open(lock, &in_flight, approved.proposal(), &waivers, origin, clock);
        let journal = journal.await.map_err(failed())?;
        if let Some(guard) = journal.lease_guard() {
            writer.guard_by(guard);
        }
        keep_applied(&state, approved.proposal(), events).await;
        let executor = Executor {
            reader: &self.reader,
            writer: &writer,
            journal: &journal,
            directory,
            shutdown,
            wabas_in_progress,
        };
        let plan = approved.plan();
        let settled = tokio::select! {
            biased;
            settled = settle_earlier(&in_flight, &plan.implied, executor) => settled.map_err(failed())?,
            () = shutdown.requested() => return Ok(Applied::interrupted(self.cost())),
        };
        events(Event::Settled(&settled));
        let stage = StageGuard::start(Stage::Applying, plan.changes.len(), events);
        let report = crate::apply::apply(approved, executor, &|settled| stage.advance(settled)).await;
        let report = Report { origin: origin.clone(), ..report };
        drop(stage);
        let ending = ending(&report, plan, shutdown);
        let complete = ending == Ending::Done && !plan.is_partial();
        // The journal holds the lock until it ends.
        let remembered = match &plan.undo {
            Some(_) => Ok(()),
            None => remember(&state, approved.proposal(), complete, clock.now()).await,
        };
        let journal_error = journal.end(&report).await.and(remembered).err();
        let mut cost = self.cost();
        cost.requests += writer.requests();
        cost.calls += writer.calls();
        Ok(Applied { report, ending, cost, journal_error })
    }
}

/// Returns what a run comes from: what was given, and the run that it takes back.
fn origin(options: &ApplyOptions, plan: &Plan) -> Origin {
    let mut origin = options.origin.clone();
    if let Some(undo) = &plan.undo {
        origin.set_undo_of(undo.run.clone());
    }
    origin
}

/// Returns the waivers of a run for the journal: those that were given, and those of the manifests that cover something.
fn waivers(options: &ApplyOptions, approved: &ApprovedPlan) -> Vec<String> {
    let sources = &approved.proposal().sources;
    let of_manifests = approved.review().used_waivers().into_iter().filter_map(|waiver| {
        let terms = waiver.terms.as_ref()?;
        let (file, line) = (sources.path(terms.at.source), terms.at.line);
        Some(format!("{waiver} until {}: {} ({file}:{line})", terms.until, terms.reason.as_str()))
    });
    options.waivers.iter().cloned().chain(of_manifests).collect()
}

impl Applied {
    fn interrupted(cost: Cost) -> Self {
        Self { report: Report::default(), ending: Ending::Interrupted, cost, journal_error: None }
    }
}

fn ending(report: &Report, plan: &Plan, shutdown: &Shutdown) -> Ending {
    let all_done = report.changes.iter().all(|reported| reported.outcome.is_done());
    match shutdown.reason() {
        Some(ShutdownReason::Fatal(_) | ShutdownReason::OutOfTime(_)) if !shutdown.wrote() => Ending::Failed,
        Some(ShutdownReason::Throttled(_)) if !shutdown.wrote() => Ending::Throttled,
        Some(ShutdownReason::Interrupted) if !all_done && !shutdown.wrote() => Ending::Interrupted,
        Some(ShutdownReason::Interrupted) | None if all_done && !plan.is_incomplete() => Ending::Done,
        Some(_) | None => Ending::Partial,
    }
}
