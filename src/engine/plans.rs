//! Plans that a shared state keeps: those that wait for an apply, and the one that was applied last. What comes from there is checked
//! as a file is.

use super::{EngineError, Event, Events, Warning};
use crate::documents::saved;
use crate::model::{BusinessId, RecordedRun, RunEnd};
use crate::plan;
use crate::proposal::Proposal;
use crate::store::{JournalError, Keep, LAST_RUNS, PlanName, StateStore};
use std::path::PathBuf;

/// The most plans with one name that are read. A guess.
const MOST_NAMED: usize = 20;

/// Saves a plan in a shared state, under a name if one is given. Returns its digest.
///
/// # Errors
///
/// If the store fails.
pub async fn save_plan(
    state: &StateStore,
    proposal: &Proposal,
    name: Option<&PlanName>,
) -> Result<String, EngineError> {
    let failed = || EngineError::store("saving the plan in the state");
    let (business, digest) = (proposal.plan.business, proposal.plan_digest());
    let text = saved::to_bytes(proposal).map_err(|error| {
        let (location, why) = (state.to_string(), error.to_string());
        failed()(JournalError::Store { location, doing: "writing", why })
    })?;
    state.save_plan(business, &digest, text, name).await.map_err(failed())?;
    Ok(digest)
}

/// Returns the plan with a name that waits for an apply. If there are several, all must make the same changes, because nobody knows
/// which one was reviewed; with `newest`, the one that was made last counts.
///
/// # Errors
///
/// [`EngineError::NoReviewedPlan`] if there is none, and [`EngineError::ReviewedPlansDiffer`] if they differ.
pub async fn reviewed_plan(
    state: &StateStore,
    business: BusinessId,
    name: &PlanName,
    newest: bool,
    events: Events<'_>,
) -> Result<Proposal, EngineError> {
    let failed = || EngineError::store("reading the reviewed plan");
    let digests = state.plans_named(business, name).await.map_err(failed())?;
    if digests.len() > MOST_NAMED {
        return Err(EngineError::ReviewedPlansDiffer { name: name.to_string(), plans: digests.len() });
    }
    let mut plans = Vec::new();
    for digest in &digests {
        plans.extend(stored_plan(state, business, digest).await?);
    }
    plans.sort_by_key(|plan| plan.made);
    let number = plans.len();
    let Some(last) = plans.pop() else {
        return Err(EngineError::NoReviewedPlan { name: name.to_string(), location: state.to_string() });
    };
    let is_same = |other: &Proposal| {
        plan::differences(&other.plan, &last.plan).is_empty() && other.plan.selection == last.plan.selection
    };
    if !newest && !plans.iter().all(is_same) {
        return Err(EngineError::ReviewedPlansDiffer { name: name.to_string(), plans: number });
    }
    super::saved::check_version(&last, events);
    Ok(last)
}

/// Returns the plan that was applied last as a whole, if the state has it: of the newest run that ended as planned.
///
/// # Errors
///
/// If the state cannot be read, or what it holds is not that plan.
pub async fn last_applied(state: &StateStore, business: BusinessId) -> Result<Option<Proposal>, EngineError> {
    if !state.is_shared() {
        return Ok(None);
    }
    let history = state.history(business, Keep::Last(LAST_RUNS)).await;
    let history = history.map_err(EngineError::store("reading the journal"))?;
    let is_done = |run: &&RecordedRun| run.end.as_ref().is_some_and(RunEnd::is_as_planned);
    for run in history.runs.iter().rev().filter(is_done) {
        if let Some(plan) = stored_plan(state, business, run.plan_digest.as_str()).await? {
            return Ok(Some(plan));
        }
    }
    Ok(None)
}

/// Keeps a plan that is being applied, unless it is a part. If that fails, later runs only know less.
pub(super) async fn keep_applied(state: &StateStore, proposal: &Proposal, events: Events<'_>) {
    if !state.is_shared() || proposal.plan.is_partial() {
        return;
    }
    if let Err(error) = save_plan(state, proposal, None).await {
        let why = crate::model::causes(&error).collect::<Vec<_>>().join(": ");
        events(Event::Warning(Warning::PlanNotKept(why)));
    }
}

/// Returns the plan with a digest, if the state has it.
async fn stored_plan(
    state: &StateStore,
    business: BusinessId,
    digest: &str,
) -> Result<Option<Proposal>, EngineError> {
    let stored =
        state.plan(business, digest).await.map_err(EngineError::store("reading a plan of the state"))?;
    let Some(text) = stored else { return Ok(None) };
    let name = PathBuf::from(format!("the plan {digest} in {state}"));
    let plan = saved::read(&text, &name).map_err(EngineError::SavedPlan)?;
    if plan.plan.business != business || plan.plan_digest() != digest {
        let why = String::from("its digest is not that of its name");
        return Err(EngineError::SavedPlan(saved::SavedPlanError::Altered { path: name, why }));
    }
    Ok(Some(plan))
}
