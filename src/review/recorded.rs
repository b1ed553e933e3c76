//! A review that a repository keeps: what was decided, and what became of it.

use super::{as_in_cell, mark, rows};
use crate::model::{AssignmentKey, BusinessId, LastReview, Name, TaskSet};
use crate::query::Answer;
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
    /// The assignments that were to end, with what they held; nothing for an admin who held everything by its role.
    pub ended: Vec<(AssignmentKey, TaskSet)>,
}

impl RecordedReview {
    /// Compares it with live access.
    pub fn judge(&self, answer: &Answer<'_>) -> LastReview {
        let holders: BTreeMap<AssignmentKey, &TaskSet> =
            answer.holders.iter().map(|holding| (holding.key, holding.tasks)).collect();
        let is_held = |(key, tasks): &&(AssignmentKey, TaskSet)| {
            let held = holders.get(key);
            held.is_some_and(|held| tasks.is_empty() || !as_in_cell(held).intersection(tasks).is_empty())
        };
        LastReview {
            file: self.file.clone(),
            taken_at: self.taken_at,
            rows: self.rows,
            keep: self.keep,
            end: self.ended.len(),
            still_held: self.ended.iter().filter(is_held).count(),
            reviewers: self.reviewers.clone(),
            is_current: mark(self.business, &rows(answer)) == self.mark,
        }
    }
}
