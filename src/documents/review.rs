//! The file of a review, in YAML, for the repository: what was reviewed, the reviewers, and each decision.

use super::FORMAT_VERSION;
use super::parts::{Tool, UserEntry, WabaEntry, documents, text};
use super::values::{AsText, Tasks};
use super::words::{DecisionWord, ReviewedWord};
use crate::model::{AssignmentKey, BusinessId, Name, Sources, TaskSet, WabaId};
use crate::query::Evidence;
use crate::review::{Decided, Decision, Now, RecordedDecision, RecordedReview, Review};
use crate::text::yaml;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
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
        /// The rows to keep.
        #[serde(default)]
        kept: Vec<KeptEntry<'a>>,
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
    /// Rows to keep: the same user with the same tasks, the same reviewer and the same note.
    KeptEntry<'a> {
        /// The user.
        user: UserEntry<'a>,
        /// What it held on each WABA; nothing for an admin who held everything by its role.
        tasks: Tasks,
        /// Whether it held everything by its role.
        by_role: bool,
        /// Who decided.
        reviewer: Cow<'a, str>,
        /// What the reviewer noted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<Cow<'a, str>>,
        /// The WABAs.
        wabas: Vec<AsText<WabaId>>,
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

/// The most values of the file of a review, each with its events: as many as a table may have rows, with what belongs to them.
const MOST_NODES: usize = 20_000_000;

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
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_events: MOST_NODES, max_nodes: MOST_NODES },
    };
    let document: ReviewDocument<'static> =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| error.to_string())?;
    let of_decisions = document.decisions.iter().map(|entry| {
        let DecisionEntry { waba, user, decision, tasks, by_role, reviewer, note, .. } = entry;
        let decision = match decision {
            DecisionWord::Keep => Decision::Keep,
            DecisionWord::End => Decision::End,
        };
        let key = AssignmentKey { waba: waba.id.0, user: user.id.0 };
        (key, recorded(decision, tasks, *by_role, (reviewer, note.as_deref())))
    });
    let of_kept = document.kept.iter().flat_map(|entry| {
        let KeptEntry { user, tasks, by_role, reviewer, note, wabas } = entry;
        let decided = recorded(Decision::Keep, tasks, *by_role, (reviewer, note.as_deref()));
        wabas.iter().map(move |waba| (AssignmentKey { waba: waba.0, user: user.id.0 }, decided.clone()))
    });
    Ok(RecordedReview {
        file: file.to_owned(),
        business: document.business.0,
        taken_at: document.taken_at.0,
        rows: document.summary.rows,
        keep: document.summary.keep,
        decided: of_kept.chain(of_decisions).collect(),
        reviewers: document
            .reviewers
            .into_iter()
            .map(|reviewer| (Name::new(reviewer.name), reviewer.rows))
            .collect(),
        mark: document.report.into_owned(),
    })
}

/// Returns a decision of a file.
fn recorded(
    decision: Decision,
    tasks: &Tasks,
    by_role: bool,
    (reviewer, note): (&str, Option<&str>),
) -> RecordedDecision {
    RecordedDecision {
        decision,
        tasks: tasks.0.clone(),
        by_role,
        reviewer: reviewer.into(),
        note: note.unwrap_or_default().into(),
    }
}

/// The fields of the file in their order; others follow by name.
const ORDER: [&str; 27] = [
    "format_version",
    "tool",
    "business",
    "taken_at",
    "report",
    "manifest_digest",
    "summary",
    "reviewers",
    "decisions",
    "kept",
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
    "wabas",
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
            kept: kept(taken),
            moved: moved.collect(),
            unreviewed: unreviewed.collect(),
        }
    }
}

/// Returns the rows to keep, those that differ only in their WABA as one entry.
fn kept<'a>(taken: TakenReview<'a>) -> Vec<KeptEntry<'a>> {
    let mut groups: BTreeMap<_, Vec<WabaId>> = BTreeMap::new();
    for decided in taken.review.kept() {
        let Decided { key, tasks, by_role, reviewer, note, .. } = decided;
        groups.entry((key.user, tasks, *by_role, reviewer, note)).or_default().push(key.waba);
    }
    let entry =
        |((user, held, by_role, reviewer, note), wabas): ((_, _, _, &'a Name, &'a Name), Vec<WabaId>)| {
            let key = AssignmentKey { waba: wabas[0], user };
            KeptEntry {
                user: UserEntry::named(user, taken.evidence.user_name(key)),
                tasks: tasks(held),
                by_role,
                reviewer: text(reviewer),
                note: (!note.as_str().is_empty()).then(|| text(note)),
                wabas: wabas.into_iter().map(AsText).collect(),
            }
        };
    groups.into_iter().map(entry).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_review_of_300_000_rows_can_be_read() {
        let ids = (1..=300_000).map(|id| format!("\"{id}\"")).collect::<Vec<_>>().join(", ");
        let text = format!(
            "format_version: \"2.4\"\ntool: {{ name: wabacl, version: \"0.1.0\" }}\nbusiness: \"98\"\n\
             taken_at: \"2026-11-23T10:00:00Z\"\nreport: report-300000-0\nmanifest_digest: \"\"\n\
             summary: {{ rows: 300000, keep: 300000, end: 0 }}\nreviewers: []\ndecisions: []\n\
             kept: [{{ user: {{ id: \"11\" }}, tasks: [MANAGE], by_role: false, reviewer: Ann, wabas: [{ids}] }}]\n\
             moved: []\nunreviewed: []\n"
        );
        let read = read_review("2026-Q4.yaml", &text).unwrap();
        assert_eq!((read.decided.len(), read.rows), (300_000, 300_000));
    }
}
