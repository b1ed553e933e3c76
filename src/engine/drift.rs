//! Explains how live access came to differ from the manifests.

use super::plans::last_applied;
use super::{Event, Events, Warning};
use crate::drift::{self, Baseline};
use crate::model::{BusinessId, Drift, EndingGrant, History, causes};
use crate::proposal::Proposal;
use crate::store::{Keep, StateStore};
use jiff::SignedDuration;

/// The state that live access is compared with to find out which side changed.
#[derive(Debug)]
pub enum Reference {
    /// The plan that was applied last.
    Plan(Box<Proposal>),
    /// The digest of the plan that was applied last, or of its manifests.
    Digest(String),
}

/// Explains each difference of a proposal by the journal and, if there is one, by a reference.
///
/// Without a reference, the plan that was applied last counts, if a shared state has it.
///
/// `expiring` also lists the grants that end within this time. Without a state there is no journal.
pub async fn explain_drift(
    proposal: &Proposal,
    reference: Option<&Reference>,
    expiring: Option<SignedDuration>,
    state: Option<&StateStore>,
    events: Events<'_>,
) -> Drift {
    let plan = &proposal.plan;
    let expiring = expiring.map(|length| {
        let is_soon = |grant: &&EndingGrant| {
            grant.source.until.is_some_and(|until| until.ends_within(length, plan.now))
        };
        proposal.ending.iter().filter(is_soon).cloned().collect()
    });
    if plan.changes.is_empty() {
        return Drift { expiring, ..Drift::default() };
    }
    let history = history(state, plan.business, events).await;
    let kept = match (reference, state) {
        (None, Some(state)) => kept_reference(state, plan.business, events).await,
        _ => None,
    };
    let baseline = match reference.or(kept.as_ref()) {
        Some(Reference::Plan(saved)) => Baseline::Plan(&saved.plan, &saved.access, &saved.manifest_digest),
        Some(Reference::Digest(digest)) => Baseline::Digest(digest),
        None => Baseline::Journal,
    };
    if let Baseline::Digest(digest) = baseline
        && !drift::is_known(digest, &proposal.manifest_digest, &history)
    {
        events(Event::Warning(Warning::UnknownDigest(digest)));
    }
    Drift { explanations: drift::explain(plan, &proposal.manifest_digest, baseline, &history), expiring }
}

/// Returns the plan that was applied last, if a shared state has it. If it cannot be read, that is a warning.
async fn kept_reference(state: &StateStore, business: BusinessId, events: Events<'_>) -> Option<Reference> {
    match last_applied(state, business).await {
        Ok(kept) => kept.map(|plan| Reference::Plan(Box::new(plan))),
        Err(error) => {
            let why = causes(&error).collect::<Vec<_>>().join(": ");
            events(Event::Warning(Warning::NoAppliedPlan(why)));
            None
        }
    }
}

/// Reads the journal of a business; without a state it is empty. If it cannot be read, less is known, and that is a warning.
pub async fn history(state: Option<&StateStore>, business: BusinessId, events: Events<'_>) -> History {
    let history = readable_history(state, business).await.unwrap_or_else(|why| {
        events(Event::Warning(Warning::NoJournal(why)));
        History::default()
    });
    if let Some(at) = history.begins {
        events(Event::Warning(Warning::RecordBegins(at)));
    }
    history
}

/// Reads the journal of a business; without a state it is empty.
///
/// # Errors
///
/// Why it cannot be read, with all causes.
pub async fn readable_history(state: Option<&StateStore>, business: BusinessId) -> Result<History, String> {
    let Some(state) = state else { return Ok(History::default()) };
    let history = state.history(business, Keep::All).await;
    history.map_err(|error| causes(&error).collect::<Vec<_>>().join(": "))
}
