//! One round: the steps of a plan, and those of an apply if there is something to write.
//!
//! A plan is made without the lease, so a round that writes nothing puts nothing into the state. Under the lease, the plan
//! is made again if another run has written since.

use super::log::{Kept, RoundLog};
use super::manifests::is_about_manifests;
use super::{Happening, Judged, Problem, Reconciler, Round, Trigger, Watcher};
use crate::apply::{Shutdown, ShutdownReason};
use crate::engine::memory::Mark;
use crate::engine::{
    Applied, CheckedManifests, Ending, EngineError, ErrorClass, Event, Lease, PlanRequest, Session,
};
use crate::graph::GraphError;
use crate::guard::{self, ApprovedPlan, Review};
use crate::model::{BusinessId, Change, Cost, Directory, Outcome, Report, Selection};
use crate::reconcile::{Mode, RoundEnd};
use crate::store::JournalError;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a round waits for a lease whose holder was the same in the round before: as long as it takes to find out that the
/// holder is dead, and some slack.
const TAKEOVER: Duration = Duration::from_secs(150);

/// What a round found, as far as it came.
#[derive(Debug, Default)]
struct Found {
    judged: Option<Judged>,
    report: Option<Report>,
    problem: Option<Problem>,
    cost: Cost,
    token_expires: Option<Timestamp>,
}

/// Why a round ends before it has made or applied a plan.
#[derive(Debug)]
struct Failure {
    end: RoundEnd,
    problem: Option<Problem>,
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let is_refusal =
            |error: &GraphError| matches!(error, GraphError::InvalidToken(_) | GraphError::InvalidProof(_));
        let is_token = matches!(&error, EngineError::InvalidToken(_))
            || matches!(&error, EngineError::Graph { source, .. } if is_refusal(source));
        let end = match error.class() {
            _ if is_token => RoundEnd::TokenRefused,
            ErrorClass::Throttled => RoundEnd::Throttled,
            ErrorClass::Failed | ErrorClass::Refused => RoundEnd::Failed,
        };
        Self { end, problem: Some(Problem::of(&error)) }
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        EngineError::store("reading the state")(error).into()
    }
}

/// How a round ends that writes nothing, or what it writes.
type Step<T> = Result<Result<T, RoundEnd>, Failure>;

/// What the plan was made of, and what applying it needs.
struct Planned {
    session: Session,
    checked: CheckedManifests,
    directory: Directory,
    /// What other runs had written before it was made.
    mark: Mark,
}

impl Planned {
    fn only_expired(self) -> Self {
        Self { checked: self.checked.only_expired(), ..self }
    }
}

/// A plan to apply under a lease.
struct Ready {
    session: Session,
    directory: Directory,
    approved: Box<ApprovedPlan>,
    lease: Lease,
}

impl Reconciler<'_> {
    /// Runs one round to its end.
    pub(super) async fn round(&mut self, trigger: Trigger, stop: &Shutdown, watcher: Watcher<'_>) -> Round {
        let clock = self.settings.clock.clone();
        let (began, at) = (clock.now(), clock.elapsed());
        self.rounds += 1;
        let number = self.rounds;
        watcher(Happening::Begins { number, trigger: &trigger, at });
        let is_whole = trigger.is_whole();
        let (log, mut found) = (RoundLog::default(), Found::default());
        let end = self.steps(&trigger, &mut found, &log, stop, watcher).await.unwrap_or_else(|failure| {
            found.problem = failure.problem;
            failure.end
        });
        // A lease under which nothing was sent.
        self.settings.state.release_dropped().await;
        let Kept { warnings, notes, .. } = log.finish();
        let Found { judged, report, problem, cost, token_expires } = found;
        Round {
            number,
            trigger,
            began,
            took: clock.elapsed().saturating_sub(at),
            end,
            problem,
            judged,
            report,
            cost,
            broken: self.manifests.broken().cloned(),
            // A part of the directory makes rules look as if they matched nothing.
            warnings: if is_whole { warnings } else { Vec::new() },
            notes,
            token_expires,
        }
    }

    async fn steps(
        &mut self,
        trigger: &Trigger,
        found: &mut Found,
        log: &RoundLog,
        stop: &Shutdown,
        watcher: Watcher<'_>,
    ) -> Result<RoundEnd, Failure> {
        // Until something is written, a stop ends it at once.
        let prepared = tokio::select! {
            biased;
            () = stop.requested() => return Ok(RoundEnd::Interrupted),
            prepared = Box::pin(self.prepare(trigger, found, log)) => prepared?,
        };
        match prepared {
            Ok(ready) => Box::pin(self.apply(*ready, found, log, stop, watcher)).await,
            Err(end) => Ok(end),
        }
    }

    /// Plans, and takes the lease if there is something to write.
    async fn prepare(&mut self, trigger: &Trigger, found: &mut Found, log: &RoundLog) -> Step<Box<Ready>> {
        let (mut planned, mut review) = match self.plan(trigger, found, log).await? {
            Ok(planned) => planned,
            Err(end) => return Ok(Err(end)),
        };
        match self.settings.mode {
            Mode::Observe => return Ok(Err(self.show(review, found))),
            Mode::Apply => {}
            Mode::Expired => {
                let whole = seen(&review);
                let has_losses = review.plan().changes.iter().any(Change::is_loss);
                found.judged = Some(Judged::Reviewed(Box::new(review)));
                if !has_losses {
                    return Ok(Err(whole));
                }
                (planned, review) = self.judge(planned.only_expired(), log).await?;
                if review.violations().is_empty() && !self.has_writes(&review) {
                    return Ok(Err(whole));
                }
            }
        }
        if !review.violations().is_empty() || !self.has_something_to_do(&planned.mark, &review).await? {
            return Ok(Err(self.show(review, found)));
        }
        let business = review.plan().business;
        let Some((lease, has_waited)) = self.lease(business, found, log).await? else {
            self.show(review, found);
            return Ok(Err(RoundEnd::Held));
        };
        let now = self.settings.clock.now();
        if has_waited || planned.mark != Mark::read(&self.settings.state, business, now).await? {
            // Another run has written since, or the plan is old. The evidence of the guards may have changed too.
            (planned, review) = self.judge(planned, log).await?;
        }
        let approved = match review.approve() {
            Ok(approved) => approved,
            Err(review) => return Ok(Err(self.show(*review, found))),
        };
        found.cost = planned.session.cost();
        if self.has_writes(approved.review()) || lease.has_unsettled_writes() {
            let Planned { session, directory, .. } = planned;
            return Ok(Ok(Box::new(Ready { session, directory, approved: Box::new(approved), lease })));
        }
        lease.remember(approved.proposal(), &self.settings.clock).await?;
        Ok(Err(self.show(approved.review().clone(), found)))
    }

    /// Keeps a review to be shown, and returns how a round ends that applies nothing of it.
    fn show(&self, review: Review, found: &mut Found) -> RoundEnd {
        if self.settings.mode != Mode::Observe && !review.violations().is_empty() {
            let digest = review.proposal().plan_digest();
            found.judged = Some(Judged::Reviewed(Box::new(review)));
            return RoundEnd::Refused { digest };
        }
        let end = seen(&review);
        // The whole plan is shown rather than a part of it.
        found.judged.get_or_insert_with(|| Judged::Reviewed(Box::new(review)));
        end
    }

    /// Plans from the manifests that are there now, or from the last good ones.
    async fn plan(
        &mut self,
        trigger: &Trigger,
        found: &mut Found,
        log: &RoundLog,
    ) -> Step<(Planned, Review)> {
        let (request, clock) = (self.request(trigger), self.settings.clock.clone());
        let read = self.manifests.read(&request, &clock, log).await?;
        let Some((checked, are_current)) = read else { return Ok(Err(RoundEnd::NoManifests)) };
        if let Some(due) = &self.due {
            due.learn_business(checked.business());
        }
        let session = self.connected(&checked, found, log).await?;
        let error = match self.proposed(session, checked.clone(), log).await {
            Ok(made) => {
                self.manifests.keep(checked, are_current);
                found.cost = made.0.session.cost();
                return Ok(Ok(made));
            }
            Err(error) if is_about_manifests(&error) && are_current => error,
            Err(error) => return Err(error.into()),
        };
        // They contradict what is live.
        let has_others = self.manifests.has_others(&checked);
        let Some((earlier, _)) = self.manifests.earlier(&error, &request, log)? else {
            return Ok(Err(RoundEnd::NoManifests));
        };
        if !has_others {
            return Err(error.into());
        }
        let session = self.connected(&earlier, found, log).await?;
        let made = self.proposed(session, earlier.clone(), log).await?;
        self.manifests.keep(earlier, false);
        found.cost = made.0.session.cost();
        Ok(Ok(made))
    }

    /// Connects to the API for manifests, and checks the token.
    async fn connected(
        &mut self,
        checked: &CheckedManifests,
        found: &mut Found,
        log: &RoundLog,
    ) -> Result<Session, Failure> {
        let business = checked.business();
        let client = self.client(business);
        let client =
            client.map_err(|problem| Failure { end: RoundEnd::TokenRefused, problem: Some(problem) })?;
        let events = &|event: Event<'_>| log.note(&event);
        let known = self.clients.get(&business).and_then(|known| known.identity.clone());
        let session = match known.filter(|_| !checked.is_of_everything()) {
            Some(identity) => Session::resume(&client, &self.settings.run, identity),
            None => Session::begin(&client, &self.settings.run, events).await?,
        };
        if let Some(known) = self.clients.get_mut(&business) {
            known.identity = Some(session.identity());
        }
        found.token_expires = session.token().and_then(|token| token.expires_at);
        Ok(session)
    }

    async fn proposed(
        &self,
        session: Session,
        checked: CheckedManifests,
        log: &RoundLog,
    ) -> Result<(Planned, Review), EngineError> {
        let events = &|event: Event<'_>| log.note(&event);
        let made = Box::pin(session.propose_marked(checked.clone(), events, |_| ())).await;
        let (proposal, directory, mark) = made?;
        let now = proposal.plan.now;
        // Waivers come from the manifests only: nobody is there who could give one.
        let review = guard::review(proposal, &[], now);
        Ok((Planned { session, checked, directory, mark }, review))
    }

    /// Makes a plan again.
    async fn judge(&self, planned: Planned, log: &RoundLog) -> Result<(Planned, Review), Failure> {
        let Planned { session, checked, .. } = planned;
        Ok(self.proposed(session, checked, log).await?)
    }

    /// Returns whether a plan has changes to make. What the API accepted before and does not list is none.
    fn has_writes(&self, review: &Review) -> bool {
        let (digest, known) = &self.not_listed;
        let is_known = |change: &Change| {
            *digest == review.proposal().manifest_digest && known.get(&change.key) == Some(&change.after)
        };
        review.plan().changes.iter().any(|change| change.blocked.is_none() && !is_known(change))
    }

    /// Returns whether something has to be written: changes, or in the state.
    async fn has_something_to_do(&self, mark: &Mark, review: &Review) -> Result<bool, Failure> {
        if self.has_writes(review) || review.plan().is_partial() {
            return Ok(self.has_writes(review));
        }
        Ok(mark.asks_for_writes(&self.settings.state, review.proposal()).await?)
    }

    /// Takes the lease, unless another run holds it. A holder that was there in the round before may be dead: then it waits
    /// to find out, and also returns that it has waited.
    async fn lease(
        &mut self,
        business: BusinessId,
        found: &mut Found,
        log: &RoundLog,
    ) -> Result<Option<(Lease, bool)>, Failure> {
        let (state, clock) = (&self.settings.state, &self.settings.lease_clock);
        let events = &|event: Event<'_>| log.note(&event);
        let mut has_waited = false;
        let mut taken = Lease::take(state, business, false, clock, events).await;
        if let Err(EngineError::Locked { holder, .. }) = &taken
            && holder.run.is_some()
            && holder.run == self.holder
        {
            let waiting = Lease::take(state, business, true, clock, events);
            if let Some(waited) = clock.within(TAKEOVER, waiting).await {
                (taken, has_waited) = (waited, true);
            }
        }
        self.holder = None;
        match taken {
            Ok(lease) => Ok(Some((lease, has_waited))),
            Err(error @ EngineError::Locked { .. }) => {
                // What to do is said for `apply`; the next round tries again.
                found.problem = Some(Problem { hint: None, ..Problem::of(&error) });
                if let EngineError::Locked { holder, .. } = error {
                    self.holder = holder.run;
                }
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Applies an approved plan. After a stop, what is in flight may finish.
    async fn apply(
        &mut self,
        ready: Ready,
        found: &mut Found,
        log: &RoundLog,
        stop: &Shutdown,
        watcher: Watcher<'_>,
    ) -> Result<RoundEnd, Failure> {
        let Ready { session, directory, approved, lease } = ready;
        let plan = approved.plan();
        let shutdown = Shutdown::new(self.settings.clock.clone(), self.settings.grace);
        watcher(Happening::Applies { plan, shutdown: &shutdown });
        let result = {
            let events = &|event: Event<'_>| log.note(&event);
            let options = &self.settings.options;
            let applying = session.apply(&approved, &directory, lease, options, &shutdown, events);
            tokio::pin!(applying);
            tokio::select! {
                biased;
                () = stop.requested() => {
                    shutdown.request(ShutdownReason::Interrupted);
                    watcher(Happening::Stops { plan, shutdown: &shutdown });
                    applying.await
                }
                applied = &mut applying => applied,
            }
        };
        let digest = approved.proposal().manifest_digest.clone();
        found.judged.get_or_insert(Judged::Approved(approved));
        let Applied { report, ending, cost, journal_error } = result?;
        found.cost = cost;
        self.note_not_listed(digest, &report);
        found.report = Some(report);
        if let Some(error) = journal_error {
            let error = EngineError::store("recording the end of the run in the journal")(error);
            found.problem = Some(Problem::of(&error));
            return Ok(RoundEnd::Partial);
        }
        Ok(match ending {
            Ending::Done => RoundEnd::Applied,
            _ if stop.reason().is_some() => RoundEnd::Interrupted,
            Ending::Partial => RoundEnd::Partial,
            Ending::Throttled => RoundEnd::Throttled,
            Ending::Failed | Ending::Interrupted => RoundEnd::Failed,
        })
    }

    /// Remembers the assignments that the API accepted and does not list, as long as the manifests stay the same.
    fn note_not_listed(&mut self, digest: String, report: &Report) {
        if self.not_listed.0 != digest {
            self.not_listed = (digest, BTreeMap::new());
        }
        let accepted =
            report.changes.iter().filter(|reported| reported.outcome == Outcome::AcceptedNotListed);
        let accepted = accepted.map(|reported| (reported.change.key, reported.change.after.clone()));
        self.not_listed.1.extend(accepted);
    }

    fn request(&self, trigger: &Trigger) -> PlanRequest {
        // To the second: that is what a reader of a plan needs.
        let began = Timestamp::from_second(self.settings.clock.now().as_second()).unwrap_or_default();
        PlanRequest {
            began,
            selection: Selection { ids: trigger.wabas(), ..Selection::default() },
            state: Some(self.settings.state.clone()),
            needs_state: self.settings.mode != Mode::Observe,
            ..PlanRequest::default()
        }
    }
}

/// Returns how a round ends that applies nothing of a plan that the guards approve.
fn seen(review: &Review) -> RoundEnd {
    let plan = review.plan();
    if plan.is_incomplete() {
        RoundEnd::Partial
    } else if !plan.changes.is_empty() || plan.undeclared_drift() > 0 {
        RoundEnd::Drift
    } else {
        RoundEnd::InSync
    }
}
