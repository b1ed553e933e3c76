//! The file of a review, in YAML, for the repository: what was reviewed, the reviewers, and each decision that is not `keep`.

use super::FORMAT_VERSION;
use super::parts::{Tool, UserEntry, WabaEntry, documents, text};
use super::values::{AsText, Tasks};
use super::words::{DecisionWord, ReviewedWord};
use crate::model::{AssignmentKey, BusinessId, Name, Sources, TaskSet};
use crate::query::Evidence;
use crate::review::{Decided, Decision, Now, RecordedReview, Review};
use crate::text::yaml;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io;

documents! {
    /// A review of access.
    ReviewDocument<'a> {
        /// The version of the format.
        format_version: Cow<'a, str>,
        /// The program that wrote it.
        tool: Tool<'a>,
        /// The id of the business portfolio.
        business: AsText<BusinessId>,
        /// When the decisions were taken over, in UTC.
        taken_at: AsText<Timestamp>,
        /// The mark of the table: the number of its rows, and a digest of all of them.
        report: Cow<'a, str>,
        /// The digest of what the manifests meant when the decisions were taken over.
        manifest_digest: Cow<'a, str>,
        /// The numbers of the review.
        summary: ReviewSummary,
        /// Who decided, and about how many rows.
        reviewers: Vec<ReviewerEntry<'a>>,
        /// Each decision that is not `keep`.
        decisions: Vec<DecisionEntry<'a>>,
        /// The rows to keep that were not as they had been when they were reviewed.
        moved: Vec<MovedEntry<'a>>,
        /// The assignments that came after the table was written, so that nobody reviewed them.
        unreviewed: Vec<UnreviewedEntry<'a>>,
    }
    /// The numbers of a review.
    ReviewSummary {
        /// All rows.
        rows: usize,
        /// Rows whose access stays.
        keep: usize,
        /// Rows whose access ends.
        end: usize,
    }
    /// Somebody who decided.
    ReviewerEntry<'a> {
        /// The name.
        name: Cow<'a, str>,
        /// The number of rows.
        rows: usize,
    }
    /// A decision about an assignment.
    DecisionEntry<'a> {
        /// The decision.
        decision: DecisionWord,
        /// The WABA.
        waba: WabaEntry<'a>,
        /// The user.
        user: UserEntry<'a>,
        /// What it held; nothing for an admin who held everything by its role.
        tasks: Tasks,
        /// Whether it held everything by its role.
        by_role: bool,
        /// Who decided.
        reviewer: Cow<'a, str>,
        /// What the reviewer noted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<Cow<'a, str>>,
        /// What became of the assignment until the decision was taken over.
        state: ReviewedWord,
        /// What it held then, if that was something else.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        live: Option<Tasks>,
        /// The grants and exceptions that gave it.
        lines: Vec<ReviewLine<'a>>,
    }
    /// A line of the manifests.
    ReviewLine<'a> {
        /// The path in the manifest: `grants[1]`, or `exceptions[0]`.
        grant: Cow<'a, str>,
        /// The file.
        file: Cow<'a, str>,
        /// The line, from 1.
        line: u32,
    }
    /// An assignment that moved since it was reviewed.
    MovedEntry<'a> {
        /// The WABA.
        waba: WabaEntry<'a>,
        /// The user.
        user: UserEntry<'a>,
        /// What it held.
        tasks: Tasks,
        /// What became of it.
        state: ReviewedWord,
        /// What it holds, if that is something else.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        live: Option<Tasks>,
    }
    /// An assignment that nobody reviewed.
    UnreviewedEntry<'a> {
        /// The WABA.
        waba: WabaEntry<'a>,
        /// The user.
        user: UserEntry<'a>,
        /// What it holds.
        tasks: Tasks,
    }
}

/// A review with what its file needs.
#[derive(Debug, Clone, Copy)]
pub struct TakenReview<'a> {
    /// The review.
    pub review: &'a Review,
    /// What it was compared with.
    pub evidence: Evidence<'a>,
    /// The manifests.
    pub sources: &'a Sources,
    /// The digest of what the manifests mean.
    pub manifest_digest: &'a str,
    /// When the decisions are taken over.
    pub taken_at: Timestamp,
}

/// Writes a review as YAML.
///
/// # Errors
///
/// If the writer fails.
///
/// # Panics
///
/// Never: the document is plain JSON.
pub fn review(taken: TakenReview<'_>, mut to: impl io::Write) -> io::Result<()> {
    let document = ReviewDocument::of(taken);
    let json = serde_json::to_value(&document).expect("a document is plain JSON");
    to.write_all(b"# A review of access, by `wabacl review --take`. Its schema: `wabacl schema review`.\n")?;
    to.write_all(yaml::block(&json, &ORDER).as_bytes())
}

/// Reads the file of a review. `file` is its path, as it is shown.
///
/// # Errors
///
/// If it is something else, or of a newer version. The text may contain text of the file.
pub fn read_review(file: &str, text: &str) -> Result<RecordedReview, String> {
    let document: ReviewDocument<'static> =
        serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    let key = |entry: &DecisionEntry<'_>| AssignmentKey { waba: entry.waba.id.0, user: entry.user.id.0 };
    let is_end = |entry: &&DecisionEntry<'_>| entry.decision == DecisionWord::End;
    let ended = document.decisions.iter().filter(is_end);
    Ok(RecordedReview {
        file: file.to_owned(),
        business: document.business.0,
        taken_at: document.taken_at.0,
        rows: document.summary.rows,
        keep: document.summary.keep,
        ended: ended.map(|entry| (key(entry), entry.tasks.0.clone())).collect(),
        reviewers: document
            .reviewers
            .into_iter()
            .map(|reviewer| (Name::new(reviewer.name), reviewer.rows))
            .collect(),
        mark: document.report.into_owned(),
    })
}

/// The fields of the file in their order; others follow by name.
const ORDER: [&str; 25] = [
    "format_version",
    "tool",
    "business",
    "taken_at",
    "report",
    "manifest_digest",
    "summary",
    "reviewers",
    "decisions",
    "moved",
    "unreviewed",
    "decision",
    "id",
    "name",
    "version",
    "waba",
    "user",
    "tasks",
    "by_role",
    "reviewer",
    "note",
    "state",
    "live",
    "rows",
    "keep",
];

impl<'a> ReviewDocument<'a> {
    fn of(taken: TakenReview<'a>) -> Self {
        let TakenReview { review, evidence, manifest_digest, taken_at, .. } = taken;
        let named = |key: AssignmentKey| {
            let waba = WabaEntry::named(key.waba, evidence.waba_name(key.waba));
            (waba, UserEntry::named(key.user, evidence.user_name(key)))
        };
        let moved = review.moved().filter(|decided| decided.decision == Decision::Keep).map(|decided| {
            let ((waba, user), (state, live)) = (named(decided.key), state(decided));
            MovedEntry { waba, user, tasks: Tasks(decided.tasks.clone()), state, live: live.map(tasks) }
        });
        let unreviewed = review.new.iter().map(|(key, held)| {
            let (waba, user) = named(*key);
            UnreviewedEntry { waba, user, tasks: Tasks(held.clone()) }
        });
        Self {
            format_version: FORMAT_VERSION.into(),
            tool: Tool::this(),
            business: AsText(review.business),
            taken_at: AsText(taken_at),
            report: review.mark.as_str().into(),
            manifest_digest: manifest_digest.into(),
            summary: ReviewSummary {
                rows: review.decided.len(),
                keep: review.count(Decision::Keep),
                end: review.count(Decision::End),
            },
            reviewers: review
                .reviewers()
                .into_iter()
                .map(|(name, rows)| ReviewerEntry { name: text(name), rows })
                .collect(),
            decisions: review.ending().map(|decided| DecisionEntry::of(taken, decided)).collect(),
            moved: moved.collect(),
            unreviewed: unreviewed.collect(),
        }
    }
}

fn tasks(set: &TaskSet) -> Tasks {
    Tasks(set.clone())
}

/// Returns what became of a row, and what it holds if that is something else.
fn state(decided: &Decided) -> (ReviewedWord, Option<&TaskSet>) {
    match &decided.now {
        Now::Same => (ReviewedWord::Same, None),
        Now::Changed(live) => (ReviewedWord::Changed, Some(live)),
        Now::Gone => (ReviewedWord::Gone, None),
        Now::Unknown => (ReviewedWord::Unknown, None),
        Now::OutOfScope => (ReviewedWord::OutOfScope, None),
    }
}

impl<'a> DecisionEntry<'a> {
    fn of(taken: TakenReview<'a>, decided: &'a Decided) -> Self {
        let TakenReview { evidence, sources, .. } = taken;
        let (state, live) = state(decided);
        let giving = evidence.in_force(decided.key).filter(|(_, entry)| !entry.tasks.is_empty());
        let place = |(_, entry): (u32, &'a crate::model::ResolvedGrant)| ReviewLine {
            grant: entry.source.path.as_str().into(),
            file: sources.path(entry.source.at.source).into(),
            line: entry.source.at.line,
        };
        Self {
            decision: match decided.decision {
                Decision::Keep => DecisionWord::Keep,
                Decision::End => DecisionWord::End,
            },
            waba: WabaEntry::named(decided.key.waba, evidence.waba_name(decided.key.waba)),
            user: UserEntry::named(decided.key.user, evidence.user_name(decided.key)),
            tasks: Tasks(decided.tasks.clone()),
            by_role: decided.by_role,
            reviewer: text(&decided.reviewer),
            note: (!decided.note.as_str().is_empty()).then(|| text(&decided.note)),
            state,
            live: live.map(tasks),
            lines: giving.map(place).collect(),
        }
    }
}
