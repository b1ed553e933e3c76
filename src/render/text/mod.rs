//! Text for people.

mod access_tests;
mod as_test;
mod cost;
mod deviations;
mod diagnostics;
mod estate_diff;
mod explain;
mod journal;
mod pending;
mod plan;
mod report;
mod review;
mod stale;
#[cfg(test)]
mod tests;
mod waivers;
mod who_can;

pub use access_tests::{access_tests, summary as tests_summary};
pub use as_test::{TestShape, as_test};
pub use cost::cost;
pub use deviations::{kept_exceptions, righting};
pub use diagnostics::diagnostics;
pub use estate_diff::estate_diff;
pub use explain::explain;
pub use journal::{journal, left_out, settled};
pub use pending::pending;
pub use plan::plan;
pub use report::report;
pub use review::{last_review, review};
pub use stale::stale;
pub use waivers::unused_waivers;
pub use who_can::who_can;

use super::layout::{Layout, Paint, StyledWord, foreign, own, sentence_with};
use super::view::{NamedObject, is_known};
use super::wording;
use crate::model::{Action, Outcome, TaskSet};

/// Writes the heading above what follows on a WABA.
fn waba_heading(layout: &mut Layout, waba: &NamedObject) {
    layout.entry(0, 2, [own("WABA", Paint::Dim)].into_iter().chain(object_words(waba)));
}

/// Returns a name in bold with its id, and with the live name if that is another one.
fn object_words(object: &NamedObject) -> Vec<StyledWord> {
    let id = || object.id.as_ref().map(|id| format!("({id})"));
    let rest = object.identity().or_else(id).map(|text| own(text, Paint::Dim));
    [foreign(&object.name, Paint::Bold)].into_iter().chain(rest).collect()
}

/// Returns the sign of a change.
fn sign(action: Action) -> StyledWord {
    match action {
        Action::Assign => own("+", Paint::Good),
        Action::Change => own("~", Paint::Changed),
        Action::Revoke => own("-", Paint::Bad),
    }
}

/// Returns the tasks of a set.
fn set_words(set: &TaskSet, paint: Paint) -> impl Iterator<Item = StyledWord> {
    set.names().map(move |name| if is_known(name) { own(name, paint) } else { foreign(name, paint) })
}

/// Returns the result of a write, with its first words in a colour.
fn outcome_words(outcome: &Outcome) -> Vec<StyledWord> {
    let paint = match outcome {
        Outcome::Applied | Outcome::AlreadySo => Paint::Good,
        Outcome::AcceptedNotListed
        | Outcome::InPart { .. }
        | Outcome::StoredDifferently { .. }
        | Outcome::NotAttempted { .. } => Paint::Changed,
        Outcome::Moved { .. } | Outcome::Failed { .. } | Outcome::Unknown { .. } => Paint::Bad,
    };
    sentence_with(&wording::outcome(outcome), Paint::Plain, paint).collect()
}
