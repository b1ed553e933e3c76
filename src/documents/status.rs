//! The status document: what a reconciler does, and how its last round ended.

use super::diagnostics::DiagnosticEntry;
use super::parts::{Tool, documents};
use super::values::AsText;
use super::{FORMAT_VERSION, json};
use crate::model::{BusinessId, Outcome};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io;

documents! {
    /// The status of a reconciler.
    StatusDocument<'a> {
        /// The version of the format.
        format_version: Cow<'a, str>,
        /// The program that wrote the document.
        tool: Tool<'a>,
        /// The time of the document, in UTC.
        at: AsText<Timestamp>,
        /// When the reconciler started.
        started_at: AsText<Timestamp>,
        /// What a round does with its plan: `observe`, `expired` or `apply`.
        mode: Cow<'a, str>,
        /// The pause after a round that succeeded.
        interval_seconds: u64,
        /// Whether a round has read all of the scope recently, with a token and manifests that can be used.
        ready: bool,
        /// Why it is not ready; absent if it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        not_ready_because: Option<Cow<'a, str>>,
        /// The business portfolio; absent before the first plan.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        business: Option<AsText<BusinessId>>,
        /// The round that runs now; absent between two rounds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        running: Option<RunningRoundEntry<'a>>,
        /// When the next round begins, unless something makes it begin sooner; absent while one runs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next_round_at: Option<AsText<Timestamp>>,
        /// The number of rounds in a row that did not succeed.
        failures_in_a_row: u32,
        /// When a round last read all of the scope.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_read_at: Option<AsText<Timestamp>>,
        /// When a round of all of the scope last succeeded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_success_at: Option<AsText<Timestamp>>,
        /// The last round; absent before its end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_round: Option<RoundEntry<'a>>,
        /// The plan that the guards refuse; absent if there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refused: Option<RefusedEntry<'a>>,
        /// Why the manifests that are there now cannot be used; absent if they can.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        broken_manifests: Option<BrokenEntry<'a>>,
        /// When the token expires; absent if that is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token_expires_at: Option<AsText<Timestamp>>,
    }
    /// A round that runs.
    RunningRoundEntry<'a> {
        /// Its number, from 1.
        number: u64,
        /// Why it runs.
        trigger: Cow<'a, str>,
        /// When it began.
        began_at: AsText<Timestamp>,
    }
    /// A round that has ended.
    RoundEntry<'a> {
        /// Its number, from 1.
        number: u64,
        /// Why it ran.
        trigger: Cow<'a, str>,
        /// When it began.
        began_at: AsText<Timestamp>,
        /// How long it took.
        milliseconds: u64,
        /// How it ended.
        end: Cow<'a, str>,
        /// Why it failed, or what it waits for: what was being done, and its causes. Absent if nothing failed.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        problem: Vec<Cow<'a, str>>,
        /// What to do about it; absent if that is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hint: Option<Cow<'a, str>>,
        /// The calls to the API.
        calls: u64,
        /// The requests to the API. A request can be a batch of calls.
        requests: u64,
        /// The seconds that it waited because of limits.
        waited_seconds: u64,
        /// The highest use of a limit that the API reported, in percent; absent if it reported none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit_used_percent: Option<u32>,
        /// The plan, as it was made before anything was applied; absent if none was made.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plan: Option<RoundPlanEntry<'a>>,
        /// What was applied; absent if nothing was to be.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        applied: Option<RoundReportEntry<'a>>,
        /// Warnings about manifests.
        warnings: Vec<DiagnosticEntry<'a>>,
        /// Other warnings.
        notes: Vec<Cow<'a, str>>,
    }
    /// The numbers of a round's plan.
    RoundPlanEntry<'a> {
        /// The digest of what the plan does.
        digest: Cow<'a, str>,
        /// The digest of what the manifests mean.
        manifest_digest: Cow<'a, str>,
        /// Assignments to assign.
        assign: usize,
        /// Assignments to change.
        change: usize,
        /// Assignments to revoke.
        revoke: usize,
        /// Assignments that are as declared.
        unchanged: usize,
        /// Assignments of system users that no manifest declares, unless that is accepted.
        undeclared: usize,
        /// WABAs that could not be read.
        unreadable: usize,
    }
    /// The numbers of what a round applied.
    RoundReportEntry<'a> {
        /// The id of the run in the journal; absent if nothing was recorded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run: Option<Cow<'a, str>>,
        /// Changes that are now as planned.
        done: usize,
        /// Changes that are not, or whose outcome is not known.
        not_done: usize,
        /// What still differs from the manifests after it.
        left: LeftEntry,
    }
    /// The numbers of what is left of a round's plan.
    LeftEntry {
        /// Assignments to assign.
        assign: usize,
        /// Assignments to change.
        change: usize,
        /// Assignments to revoke.
        revoke: usize,
        /// Assignments that are as declared.
        unchanged: usize,
    }
    /// A plan that the guards refuse.
    RefusedEntry<'a> {
        /// The digest of what it does.
        digest: Cow<'a, str>,
        /// Since when it waits.
        since: AsText<Timestamp>,
        /// What the guards found.
        violations: Vec<RefusalEntry<'a>>,
    }
    /// A violation of a guard.
    RefusalEntry<'a> {
        /// The code of the guard.
        guard: Cow<'a, str>,
        /// What would happen.
        message: Cow<'a, str>,
    }
    /// Manifests that cannot be used.
    BrokenEntry<'a> {
        /// Since when.
        since: AsText<Timestamp>,
        /// Whether earlier manifests are in force meanwhile.
        earlier_in_force: bool,
        /// The errors in them.
        errors: Vec<DiagnosticEntry<'a>>,
        /// Why they cannot be used, if that is no error at a place in them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        problem: Vec<Cow<'a, str>>,
    }
}

impl StatusDocument<'_> {
    /// Returns the version of the format, and the program.
    pub(crate) fn head() -> (Cow<'static, str>, Tool<'static>) {
        (FORMAT_VERSION.into(), Tool::this())
    }
}

/// Writes a status as a JSON document.
///
/// # Errors
///
/// If the writer fails.
pub(crate) fn status(document: &StatusDocument<'_>, to: impl io::Write) -> io::Result<()> {
    json::write_document(document, to)
}

/// The words of all outcomes of a change, for metrics that begin with zero.
pub(crate) const OUTCOMES: [&str; 9] = [
    "applied",
    "already-so",
    "accepted-not-listed",
    "stored-differently",
    "in-part",
    "moved",
    "failed",
    "unknown",
    "not-attempted",
];

/// Returns the word for an outcome, as in the report.
pub(crate) const fn outcome_word(outcome: &Outcome) -> &'static str {
    OUTCOMES[match outcome {
        Outcome::Applied => 0,
        Outcome::AlreadySo => 1,
        Outcome::AcceptedNotListed => 2,
        Outcome::StoredDifferently { .. } => 3,
        Outcome::InPart { .. } => 4,
        Outcome::Moved { .. } => 5,
        Outcome::Failed { .. } => 6,
        Outcome::Unknown { .. } => 7,
        Outcome::NotAttempted { .. } => 8,
    }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::words::OutcomeWord;
    use crate::model::TaskSet;

    #[test]
    fn metrics_and_reports_have_the_same_words() {
        let outcomes = Outcome::one_of_each("why", &TaskSet::EMPTY);
        let words: Vec<&str> = outcomes.iter().map(outcome_word).collect();
        assert_eq!(words, OUTCOMES);
        for outcome in &outcomes {
            let word = serde_json::to_value(OutcomeWord::from(outcome)).unwrap();
            assert_eq!(word, outcome_word(outcome));
        }
    }
}
