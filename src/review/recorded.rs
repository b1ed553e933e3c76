//! A review that a repository keeps: what was decided, and what became of it.

use super::{as_in_cell, mark, rows};
use crate::model::{AssignmentKey, BusinessId, Name, TaskSet};
use crate::query::Answer;
use jiff::Timestamp;

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
    /// Counts the assignments that were to end, and that still hold something of what they held.
    pub fn still_held(&self, answer: &Answer<'_>) -> usize {
        let is_held = |(key, tasks): &&(AssignmentKey, TaskSet)| {
            let holding = answer.holders.iter().find(|holding| holding.key == *key);
            holding.is_some_and(|holding| {
                tasks.is_empty() || !as_in_cell(holding.tasks).intersection(tasks).is_empty()
            })
        };
        self.ended.iter().filter(is_held).count()
    }

    /// Returns whether everybody holds exactly what was reviewed.
    pub fn is_current(&self, answer: &Answer<'_>) -> bool {
        mark(self.business, &rows(answer)) == self.mark
    }
}
