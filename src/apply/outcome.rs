//! The outcome of a write, by what a read after it shows.

use super::step::Step;
use crate::model::{Implied, Outcome, TaskSet};

/// What a read shows after a write whose answer was unclear.
pub(super) enum AfterUnclear {
    /// It took effect.
    TookEffect,
    /// The user holds what it held before the write.
    NoEffect,
    /// Neither, or the list may leave the user out.
    Settled(Outcome),
}

/// Compares a write whose answer was unclear with what a read after it found.
pub(super) fn after_unclear(step: &Step<'_>, found: TaskSet, implied: &Implied, cause: &str) -> AfterUnclear {
    if implied.same(&found, step.to()) {
        AfterUnclear::TookEffect
    } else if step.may_be_unlisted(&found) {
        AfterUnclear::Settled(Outcome::Unknown {
            error: format!("{cause}; and a read does not show it, since admins may not be listed"),
        })
    } else if step.is_as_before(&found, implied) {
        AfterUnclear::NoEffect
    } else {
        AfterUnclear::Settled(Outcome::Moved { found })
    }
}

/// Returns the outcome of an accepted write after the read-back found `found`.
pub(super) fn after_accepted(step: &Step<'_>, found: TaskSet, implied: &Implied) -> Outcome {
    if implied.same(&found, step.to()) {
        Outcome::Applied
    } else if step.may_be_unlisted(&found) {
        Outcome::AcceptedNotListed
    } else if !step.is_as_before(&found, implied) {
        Outcome::StoredDifferently { stored: found }
    } else if let Some(error) = &step.not_found {
        Outcome::Failed { error: format!("{error}; but the WABA's list still shows the assignment") }
    } else {
        let error =
            "it was accepted, and is not visible yet: two reads show the set from before; run drift later";
        Outcome::Unknown { error: error.into() }
    }
}

/// Returns whether a list may be older than an accepted write: it shows what the user held before.
pub(super) fn may_be_stale(step: &Step<'_>, found: &TaskSet, implied: &Implied) -> bool {
    step.is_as_before(found, implied) && !implied.same(found, step.to()) && !step.may_be_unlisted(found)
}

/// Returns whether an accepted write gave what it was to give, as far as a list can show that.
///
/// The guards do not count on an admin who may not be listed.
pub(super) fn is_given(step: &Step<'_>, found: &TaskSet, implied: &Implied) -> bool {
    implied.same(found, step.to()) || step.to().is_subset(found) || step.may_be_unlisted(found)
}
