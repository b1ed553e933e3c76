//! The last review of access, and what became of it.

use super::Name;
use jiff::Timestamp;

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
