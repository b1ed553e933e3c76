//! Diagnostics: errors and warnings about the user's files, each with a position and a help text.
//!
//! This module holds the constructor of every diagnostic, and with it every code, message and help text. It does
//! not print.

mod resolve;
mod review;
mod text;

pub(crate) use resolve::*;
pub(crate) use review::*;
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
    /// The number of diagnostics that it stands for: one, or all that were not kept.
    pub count: usize,
}

/// Returns the numbers of errors and of warnings.
pub fn counts(found: &[Diagnostic]) -> (usize, usize) {
    let count =
        |severity| found.iter().filter(|found| found.severity == severity).map(|found| found.count).sum();
    (count(Severity::Error), count(Severity::Warning))
}

/// The most errors, and the most warnings, that are kept of one run. A guess: more than anybody reads.
pub const KEPT: usize = 1000;

/// The most characters that a message quotes of a text. A guess: longer than any name that Meta allows.
const QUOTED: usize = 300;

/// Returns diagnostics by file, line and column, those without a place first, counts of others last.
pub fn in_order(found: &[Diagnostic]) -> Vec<&Diagnostic> {
    let mut sorted: Vec<&Diagnostic> = found.iter().collect();
    sorted.sort_by_key(|diagnostic| (diagnostic.code == "more-diagnostics", diagnostic.at));
    sorted
}

/// Collects diagnostics: keeps the first ones, and counts the others.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    kept: Vec<Diagnostic>,
    errors: usize,
    warnings: usize,
}

impl Collector {
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        let count = match diagnostic.severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        *count += diagnostic.count;
        if *count <= KEPT {
            self.kept.push(diagnostic);
        }
    }

    /// Counts errors that are not kept.
    pub(crate) fn count_errors(&mut self, more: usize) {
        self.errors += more;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.errors == 0 && self.warnings == 0
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// Returns what was kept, and one diagnostic each that counts the other errors and warnings.
    pub(crate) fn finish(mut self) -> Vec<Diagnostic> {
        let more =
            [(Severity::Error, self.errors), (Severity::Warning, self.warnings)].map(|(severity, all)| {
                let kept = self.kept.iter().filter(|diagnostic| diagnostic.severity == severity).count();
                (all > kept).then(|| more_diagnostics(severity, all - kept))
            });
        self.kept.extend(more.into_iter().flatten());
        self.kept
    }
}

/// Limits diagnostics to those that are kept, and counts the others.
pub(crate) fn bounded(found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut collector = Collector::default();
    for diagnostic in found {
        collector.push(diagnostic);
    }
    collector.finish()
}

/// Escapes a text that a message quotes, and shortens it.
fn escape(text: &str) -> String {
    crate::text::escape(&crate::text::shorten(text, QUOTED)).into_owned()
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
    Diagnostic { severity, code, message, at: Some(at), help: Some(help), count: 1 }
}
