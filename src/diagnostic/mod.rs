//! Diagnostics: what is wrong, or doubtful, about the user's text, with the place and what to do.
//!
//! A diagnostic is a value; nothing here prints. The constructors of all of them live in this module, so
//! that every code, message and help stands in one place.

mod resolve;
mod text;

pub(crate) use resolve::*;
pub(crate) use text::*;

use crate::model::Position;

/// Whether a diagnostic stops the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The manifests cannot be used.
    Error,
    /// The manifests can be used, and something about them is doubtful.
    Warning,
}

/// Something about the user's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether it stops the run.
    pub severity: Severity,
    /// A stable code in kebab-case.
    pub code: &'static str,
    /// What is wrong, in one sentence without a full stop; foreign text in it is already harmless.
    pub message: String,
    /// Where; `None` where it concerns no place in a file (an unreadable folder).
    pub at: Option<Position>,
    /// What to do, where there is something to say.
    pub help: Option<String>,
}

impl Diagnostic {
    /// Returns whether it stops the run.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}
