//! Recertification: reviewers decide about each row of a report, in a table that a spreadsheet saved.
//!
//! Each row has a digest of its assignment, and a mark of the whole report: the number of rows and a digest of all of them.
//! So it shows, without the report, whether a table is complete and unchanged.

mod recorded;
mod sheet;
#[cfg(test)]
mod tests;

pub use recorded::{RecordedDecision, RecordedReview, of_holders};
pub use sheet::{COLUMNS, LiveRows, MARK, ROW, take};

use crate::digest::{review_mark, review_row};
use crate::model::{AssignmentKey, BusinessId, Name, TaskSet};
use crate::query::{Answer, Evidence, Question, When, who_can};
use crate::text::{csv_text, csv_value};
use std::collections::BTreeMap;
use std::fmt;

/// What a reviewer decides about a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decision {
    /// The access stays.
    Keep,
    /// The access ends.
    End,
}

impl Decision {
    /// All decisions.
    pub const ALL: [Self; 2] = [Self::Keep, Self::End];

    /// Returns the word in a table and in documents.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::End => "end",
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A decision about a row, and what became of the row since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The assignment.
    pub key: AssignmentKey,
    /// What it held when the report was made. Empty for an admin who holds everything by its role.
    pub tasks: TaskSet,
    /// Whether it held everything by its role.
    pub by_role: bool,
    /// The decision.
    pub decision: Decision,
    /// Who decided.
    pub reviewer: Name,
    /// What the reviewer noted; may be empty.
    pub note: Name,
    /// The row now.
    pub now: Now,
}

/// A row of a report now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Now {
    /// It is as it was.
    Same,
    /// It holds something else.
    Changed(TaskSet),
    /// It holds nothing.
    Gone,
    /// The WABA could not be read.
    Unknown,
    /// The WABA is no more in scope.
    OutOfScope,
}

/// A complete review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// The business.
    pub business: BusinessId,
    /// The mark of the report that was reviewed.
    pub mark: String,
    /// The decisions, by WABA and then by user.
    pub decided: Vec<Decided>,
    /// The assignments that exist now and were not in the report.
    pub new: Vec<(AssignmentKey, TaskSet)>,
}

impl Review {
    /// Counts the decisions of one kind.
    pub fn count(&self, decision: Decision) -> usize {
        self.decided.iter().filter(|decided| decided.decision == decision).count()
    }

    /// Returns the decisions to keep access.
    pub fn kept(&self) -> impl Iterator<Item = &Decided> {
        self.decided.iter().filter(|decided| decided.decision == Decision::Keep)
    }

    /// Returns the decisions to end access.
    pub fn ending(&self) -> impl Iterator<Item = &Decided> {
        self.decided.iter().filter(|decided| decided.decision == Decision::End)
    }

    /// Counts the rows that each reviewer decided about.
    pub fn reviewers(&self) -> BTreeMap<&Name, usize> {
        let mut reviewers = BTreeMap::new();
        for decided in &self.decided {
            *reviewers.entry(&decided.reviewer).or_default() += 1;
        }
        reviewers
    }

    /// Returns the rows that are not as they were when they were reviewed.
    pub fn moved(&self) -> impl Iterator<Item = &Decided> {
        self.decided.iter().filter(|decided| decided.now != Now::Same)
    }

    /// Returns whether something that exists now was not reviewed as it is, or could not be read.
    pub fn is_incomplete(&self) -> bool {
        let is_open =
            |decided: &Decided| matches!(decided.now, Now::Changed(_) | Now::Unknown | Now::OutOfScope);
        !self.new.is_empty() || self.decided.iter().any(is_open)
    }
}

/// Returns everybody who holds something, which is what is reviewed.
pub fn holders(evidence: Evidence<'_>) -> Answer<'_> {
    // No task is asked for, so every holder is found.
    who_can(evidence, &Question::about(TaskSet::EMPTY, When::Live))
}

/// Returns the digest of each row of a review, in its order.
pub fn rows(answer: &Answer<'_>) -> Vec<String> {
    answer.holders.iter().map(|row| review_row(row.key, &as_in_cell(row.tasks), row.by_role)).collect()
}

/// Returns tasks as they can be read from a cell, in which they are separated by spaces.
fn as_in_cell(tasks: &TaskSet) -> TaskSet {
    let cell = tasks.names().collect::<Vec<_>>().join(" ");
    TaskSet::from_names(csv_value(&csv_text(&cell)).split_whitespace())
}

/// Returns the mark of a report with these rows.
pub fn mark(business: BusinessId, rows: &[String]) -> String {
    review_mark(business, rows)
}
