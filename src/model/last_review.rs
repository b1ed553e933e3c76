//! The last review of access, and what became of it.

use super::{AssignmentKey, Name};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What reviews say of holders on WABAs. Those that no review is about are missing.
pub type RowReviews = BTreeMap<AssignmentKey, RowReview>;

/// The last review that is about a holder on a WABA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowReview {
    /// What was decided, if it still holds.
    pub state: ReviewState,
    /// Who decided.
    pub reviewer: Name,
    /// When the decisions were taken over.
    pub taken_at: Timestamp,
    /// What the reviewer noted; may be empty.
    pub note: Name,
}

/// What a review decided about a holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReviewState {
    /// The access stays.
    Keep,
    /// The access was to end.
    End,
    /// The holder holds something else than what was reviewed, so no decision is about it.
    ChangedSince,
}

/// The last review that a repository keeps, compared with live access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastReview {
    /// The file, as it is shown.
    pub file: String,
    /// When the decisions were taken over.
    pub taken_at: Timestamp,
    /// The number of rows.
    pub rows: usize,
    /// The number of rows whose access stays.
    pub keep: usize,
    /// The number of rows whose access was to end.
    pub end: usize,
    /// Of these, those that still hold something of what they held.
    pub still_held: usize,
    /// Who decided, and about how many rows.
    pub reviewers: Vec<(Name, usize)>,
    /// Whether everybody holds exactly what was reviewed.
    pub is_current: bool,
}
