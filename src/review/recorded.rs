//! A review that a repository keeps: what was decided, and what became of it.

use super::{Decision, as_in_cell, mark, rows};
use crate::model::{
    AssignmentKey, BusinessId, LastReview, Name, ReviewState, RowReview, RowReviews, TaskSet,
};
use crate::query::{Answer, Holding};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A review that a repository keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedReview {
    /// The file, as it is shown.
    pub file: String,
    /// The business.
    pub business: BusinessId,
    /// When the decisions were taken over.
    pub taken_at: Timestamp,
    /// The mark of the table.
    pub mark: String,
    /// The number of rows.
    pub rows: usize,
    /// The number of rows whose access stays.
    pub keep: usize,
    /// Who decided, and about how many rows.
    pub reviewers: Vec<(Name, usize)>,
    /// What was decided about each assignment.
    pub decided: BTreeMap<AssignmentKey, RecordedDecision>,
}

/// A decision about an assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedDecision {
    /// The decision.
    pub decision: Decision,
    /// What it held; nothing for an admin who held everything by its role.
    pub tasks: TaskSet,
    /// Whether it held everything by its role.
    pub by_role: bool,
    /// Who decided.
    pub reviewer: Name,
    /// What the reviewer noted; may be empty.
    pub note: Name,
}

impl RecordedDecision {
    /// Returns what it says of a holder now.
    fn about(&self, holding: &Holding<'_>) -> ReviewState {
        if as_in_cell(holding.tasks) != self.tasks || holding.by_role != self.by_role {
            return ReviewState::ChangedSince;
        }
        match self.decision {
            Decision::Keep => ReviewState::Keep,
            Decision::End => ReviewState::End,
        }
    }
}

/// Returns what reviews say of the holders now. Of several about the same assignment, the last one counts; `reviews` are in the
/// order in which they were taken over.
pub fn of_holders(reviews: &[RecordedReview], answer: &Answer<'_>) -> RowReviews {
    let found = answer.holders.iter().filter_map(|holding| {
        let mut latest = reviews.iter().rev();
        let (review, decided) =
            latest.find_map(|review| Some((review, review.decided.get(&holding.key)?)))?;
        let row = RowReview {
            state: decided.about(holding),
            reviewer: decided.reviewer.clone(),
            taken_at: review.taken_at,
            note: decided.note.clone(),
        };
        Some((holding.key, row))
    });
    found.collect()
}

impl RecordedReview {
    /// Compares it with live access.
    pub fn judge(&self, answer: &Answer<'_>) -> LastReview {
        let holders: BTreeMap<AssignmentKey, &TaskSet> =
            answer.holders.iter().map(|holding| (holding.key, holding.tasks)).collect();
        let is_held = |(key, RecordedDecision { tasks, .. }): &(&AssignmentKey, &RecordedDecision)| {
            let held = holders.get(*key);
            held.is_some_and(|held| tasks.is_empty() || !as_in_cell(held).intersection(tasks).is_empty())
        };
        let ended = || self.decided.iter().filter(|(_, decided)| decided.decision == Decision::End);
        LastReview {
            file: self.file.clone(),
            taken_at: self.taken_at,
            rows: self.rows,
            keep: self.keep,
            end: ended().count(),
            still_held: ended().filter(is_held).count(),
            reviewers: self.reviewers.clone(),
            is_current: mark(self.business, &rows(answer)) == self.mark,
        }
    }
}
