//! The JSON documents: plan, saved plan, report, diagnostics, journal what differs between snapshots, and the status of a reconciler,
//! with their schemas.
//!
//! Documents have types of their own, so that a change of the core does not change a document by accident. A part that
//! several documents share is described once, in `parts`; the lines of a journal use the same parts. Documents are
//! lossless: text is written unchanged, see `json`. This module does not know how a plan is shown to people.

mod access_report;
mod access_tests;
mod diagnostics;
mod estate_diff;
mod explain;
mod journal;
pub(crate) mod json;
pub(crate) mod parts;
mod plan;
mod reading;
mod report;
mod review;
pub mod saved;
pub mod schema;
pub(crate) mod status;
#[cfg(test)]
mod tests;
mod undo;
pub(crate) mod values;
mod who_can;
pub(crate) mod words;

pub use access_report::access_report;
pub use access_tests::access_tests;
pub(crate) use diagnostics::DiagnosticEntry;
pub use diagnostics::diagnostics;
pub use estate_diff::estate_diff;
pub use explain::explain;
pub use journal::journal;
pub use plan::plan;
pub(crate) use reading::PartsReader;
pub use report::report;
pub use review::{TakenReview, read_review, review};
pub use who_can::who_can;

use crate::guard::{Review, Violation, Waived};
use crate::model::Drift;

/// The version of the plan, the saved plan, the report, the diagnostics and the journal.
///
/// A minor version only adds fields. A saved plan is refused if its version is newer, even if only the minor one is.
pub const FORMAT_VERSION: &str = "2.4";

/// What is known of a proposal besides its evidence.
#[derive(Debug, Clone, Copy, Default)]
pub struct Findings<'a> {
    /// The violations that no waiver covers.
    pub violations: &'a [Violation],
    /// The violations that a waiver covers.
    pub waived: &'a [Waived],
    /// What is known of the differences, if the document is about drift.
    pub drift: Option<&'a Drift>,
}

impl<'a> Findings<'a> {
    /// Returns the findings of a review.
    pub fn of_review(review: &'a Review) -> Self {
        Self { violations: review.violations(), waived: review.waived(), drift: None }
    }
}
