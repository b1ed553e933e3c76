//! Diagnostics: errors and warnings about the user's files, each with a position and a help text.
//!
//! This module holds the constructor of every diagnostic, and with it every code, message and help text. It does
//! not print.

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
    /// The manifests can be used, but probably contain a mistake.
    Warning,
}

/// An error or a warning about the user's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether the diagnostic stops the run.
    pub severity: Severity,
    /// The stable code, in kebab-case: `unknown-key`.
    pub code: &'static str,
    /// What is wrong, in one sentence without a full stop. Text from the files is already escaped.
    pub message: String,
    /// Where the problem is; `None` if it has no position in a file, such as an unreadable folder.
    pub at: Option<Position>,
    /// How to fix it, if there is advice.
    pub help: Option<String>,
}

/// Returns diagnostics by file, line and column, those without a place first.
pub fn in_order(found: &[Diagnostic]) -> Vec<&Diagnostic> {
    let mut sorted: Vec<&Diagnostic> = found.iter().collect();
    sorted.sort_by_key(|diagnostic| diagnostic.at);
    sorted
}

impl Diagnostic {
    /// Returns whether the diagnostic stops the run.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

fn error(
    code: &'static str,
    at: Position,
    message: impl Into<String>,
    help: impl Into<String>,
) -> Diagnostic {
    diagnostic(Severity::Error, code, at, message.into(), help.into())
}

fn warning(
    code: &'static str,
    at: Position,
    message: impl Into<String>,
    help: impl Into<String>,
) -> Diagnostic {
    diagnostic(Severity::Warning, code, at, message.into(), help.into())
}

fn diagnostic(
    severity: Severity,
    code: &'static str,
    at: Position,
    message: String,
    help: String,
) -> Diagnostic {
    Diagnostic { severity, code, message, at: Some(at), help: Some(help) }
}
