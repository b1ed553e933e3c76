//! Saved plans: whether they may still be applied.

use super::event::StageGuard;
use super::memory::{Memory, recent_removals};
use super::propose::{acting_user_name, admin_rows};
use super::session::reading_directory;
use super::{EngineError, Event, Events, PlanRequest, Session, Stage, Warning};
use crate::documents;
use crate::graph::{DirectoryRequest, ObserveRequest, PrefetchedAssignments};
use crate::model::{Directory, Edge, Plan, Sources, StaleChange, UserId, WabaId};
use crate::proposal::Proposal;
use crate::{plan, resolve};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The difference between the clocks of two machines that is tolerated. A guess: machines that synchronise their
/// clocks differ by far less.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// How old a saved plan may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgeLimit {
    /// The highest age.
    pub maximum: SignedDuration,
    /// The time now.
    pub now: Timestamp,
}

/// Reads a saved plan. If another version of this program made it, that is a warning.
///
/// # Errors
///
/// [`EngineError::SavedPlan`] if the file cannot be read, is something else, or was altered.
pub fn load_saved(file: &Path, events: Events<'_>) -> Result<Proposal, EngineError> {
    let proposal = documents::saved::load(file).map_err(EngineError::SavedPlan)?;
    check_version(&proposal, events);
    Ok(proposal)
}

/// Warns if another version of this program made a plan.
pub(super) fn check_version(proposal: &Proposal, events: Events<'_>) {
    if !proposal.made_by.is_empty() && proposal.made_by != env!("CARGO_PKG_VERSION") {
        events(Event::Warning(Warning::OtherVersion(&proposal.made_by)));
    }
}

/// Checks that a saved plan is not for a time that is still to come. For one that is for the time at which it was made,
/// [`AgeLimit`] checks that.
///
/// # Errors
///
/// [`EngineError::ForLaterTime`] if it is.
pub fn check_time(proposal: &Proposal, now: Timestamp) -> Result<(), EngineError> {
    let time = proposal.plan.now;
    if time > now && time != proposal.made { Err(EngineError::ForLaterTime(time)) } else { Ok(()) }
}

/// Returns the users that are released now, by the inventory. What the plan says of them does not count.
async fn released(
    proposal: &Proposal,
    request: &PlanRequest,
    directory: &Directory,
) -> Result<BTreeSet<UserId>, EngineError> {
    let (business, set) = (proposal.plan.business, &proposal.declared.name);
    let memory = Memory::load(request.state.as_ref(), business, set, &mut Sources::default()).await?;
    let declared: BTreeSet<UserId> = proposal.policy.names.users.values().copied().collect();
    let released = resolve::released(&memory.earlier, &declared, &BTreeSet::new(), directory);
    Ok(released.into_keys().collect())
}

impl AgeLimit {
    /// Checks the age of a saved plan.
    ///
    /// # Errors
    ///
    /// If the plan is too old, or from the future.
    pub fn check(&self, proposal: &Proposal) -> Result<(), EngineError> {
        let age = self.now.duration_since(proposal.made);
        if age > self.maximum {
            return Err(EngineError::TooOld { hours: age.as_hours(), made: proposal.made });
        }
        if age < -CLOCK_SKEW {
            return Err(EngineError::FromFuture(proposal.made));
        }
        Ok(())
    }
}

/// Checks that a saved plan makes the same changes as one that was just made from the manifests.
///
/// # Errors
///
/// [`EngineError::Disagrees`] if they differ in any change; the differences are an event.
pub fn check_agreement(saved: &Plan, fresh: &Plan, events: Events<'_>) -> Result<(), EngineError> {
    let changes = plan::differences(saved, fresh);
    if changes.is_empty() && saved.business == fresh.business && saved.selection == fresh.selection {
        return Ok(());
    }
    events(Event::Stale { changes: &changes, plan: fresh });
    Err(EngineError::Disagrees)
}

impl Session {
    /// Checks that a plan was made where it is applied: one that was made from an emulator's state is not for the API, and
    /// the other way round.
    ///
    /// # Errors
    ///
    /// [`EngineError::MadeElsewhere`] if it was not.
    pub fn check_live_source(&self, proposal: &Proposal) -> Result<(), EngineError> {
        let (made, here) = (&proposal.live_source, self.live_source());
        if made.fits(here) {
            return Ok(());
        }
        Err(EngineError::MadeElsewhere { made: Box::new(made.clone()), here: Box::new(here.clone()) })
    }

    /// Reads the WABAs of a saved plan again, and returns the plan with the evidence of now.
    ///
    /// # Errors
    ///
    /// [`EngineError::Stale`] if an assignment is not what the plan starts from, a grant has ended or begun since,
    /// or a user was not released.
    pub async fn recheck(
        &self,
        mut proposal: Proposal,
        request: &PlanRequest,
        events: Events<'_>,
    ) -> Result<(Proposal, Directory), EngineError> {
        self.check_live_source(&proposal)?;
        let business = proposal.plan.business;
        let wabas: Vec<WabaId> = proposal.plan.by_waba().map(|changes| changes[0].key.waba).collect();
        let has_lists = !proposal.plan.is_partial();
        let of_directory = DirectoryRequest {
            declared: wabas.clone(),
            lists: lists(&proposal, &wabas),
            ..self.directory_request(business)
        };
        let directory = self.reader.directory(&of_directory).await;
        let directory = directory.map_err(EngineError::graph(reading_directory(business)))?;
        let expected = expected_holders(&proposal.plan);
        let of_wabas = ObserveRequest {
            directory: &directory,
            wabas: &wabas,
            expected: &expected,
            suspended: &BTreeSet::new(),
            has_lists,
            asks_users: true,
        };
        let progress = StageGuard::start(Stage::ReadingAgain, wabas.len(), events);
        let nothing = PrefetchedAssignments::default();
        let observed = self.reader.observe(&of_wabas, nothing, &|read| progress.advance(read)).await;
        let observed = observed.map_err(EngineError::graph("reading the assignments"))?;
        drop(progress);
        let released = released(&proposal, request, &directory).await?;
        let stale = plan::changed_since(&proposal.plan, request.now(), &directory, &observed, &released);
        refuse_stale(&stale, &proposal.plan, events)?;
        proposal.recent_removals =
            recent_removals(request.state.as_ref(), business, self.clock().now()).await?;
        proposal.policy.no_new_access |= request.no_new_access;
        let declared = &proposal.policy.names.users;
        let admin_rows = admin_rows(&request.admin_rows, &proposal.policy.waivers, request.now());
        let admin_rows = resolve::admin_rows(&admin_rows, declared, &directory);
        plan::refresh(&mut proposal.plan, self.acting_user(), &directory, &observed, &admin_rows);
        let permitted =
            directory.wabas.iter().filter_map(|(id, waba)| Some((*id, waba.permitted_tasks.clone()?)));
        proposal.policy.permitted.extend(permitted);
        proposal.live_source = self.live_source().clone();
        proposal.acting_user_name = acting_user_name(&proposal.plan, &directory);
        Ok((proposal, directory))
    }
}

/// Returns the lists of WABAs that are read again. For a narrowed plan, only the one with the permitted tasks of shared WABAs.
fn lists(proposal: &Proposal, wabas: &[WabaId]) -> Vec<Edge> {
    if !proposal.plan.is_partial() {
        vec![Edge::Owned, Edge::Client]
    } else if wabas.iter().any(|waba| proposal.policy.permitted.contains_key(waba)) {
        vec![Edge::Client]
    } else {
        Vec::new()
    }
}

fn refuse_stale(stale: &[StaleChange], plan: &Plan, events: Events<'_>) -> Result<(), EngineError> {
    if stale.is_empty() {
        return Ok(());
    }
    events(Event::Stale { changes: stale, plan });
    Err(EngineError::Stale { stale: stale.len(), all: plan.changes.len() })
}

/// Returns the users that should be on each WABA's list: those that held something when the plan was made.
fn expected_holders(plan: &Plan) -> BTreeMap<WabaId, Vec<UserId>> {
    plan.holders.iter().map(|(waba, held)| (*waba, held.keys().copied().collect())).collect()
}
