//! The diagnostics document: what is wrong or doubtful in the manifests.

use super::parts::{Tool, documents};
use super::words::SeverityWord;
use super::{FORMAT_VERSION, json};
use crate::diagnostic::{Diagnostic, counts, in_order};
use crate::model::Sources;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io;

documents! {
    /// Diagnostics of manifests.
    DiagnosticsDocument<'a> {
        /// The version of the format.
        format_version: Cow<'a, str>,
        /// The program that wrote the document.
        tool: Tool<'a>,
        /// The diagnostics, by file, line and column.
        diagnostics: Vec<DiagnosticEntry<'a>>,
        /// The numbers of diagnostics.
        summary: DiagnosticsSummary,
    }
    /// A diagnostic.
    DiagnosticEntry<'a> {
        /// Whether it is an error.
        severity: SeverityWord,
        /// A stable code.
        code: Cow<'a, str>,
        /// What is wrong.
        message: Cow<'a, str>,
        /// The file; absent if the diagnostic is about no place in a file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<Cow<'a, str>>,
        /// The line, from 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        line: Option<u32>,
        /// The column in characters, from 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        column: Option<u32>,
        /// What to do; absent if that is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        help: Option<Cow<'a, str>>,
    }
    /// The numbers of diagnostics.
    DiagnosticsSummary {
        /// Diagnostics that are errors.
        errors: usize,
        /// Diagnostics that are warnings.
        warnings: usize,
    }
}

/// Writes diagnostics as a JSON document, by file, line and column.
///
/// # Errors
///
/// If the writer fails.
pub fn diagnostics(found: &[Diagnostic], sources: &Sources, to: impl io::Write) -> io::Result<()> {
    let (errors, warnings) = counts(found);
    let document = DiagnosticsDocument {
        format_version: FORMAT_VERSION.into(),
        tool: Tool::this(),
        diagnostics: in_order(found).into_iter().map(|one| DiagnosticEntry::of(one, sources)).collect(),
        summary: DiagnosticsSummary { errors, warnings },
    };
    json::write_document(&document, to)
}

impl<'a> DiagnosticEntry<'a> {
    fn of(found: &'a Diagnostic, sources: &'a Sources) -> Self {
        Self {
            severity: found.severity.into(),
            code: found.code.into(),
            message: found.message.as_str().into(),
            file: found.at.map(|at| sources.path(at.source).into()),
            line: found.at.map(|at| at.line),
            column: found.at.map(|at| at.column),
            help: found.help.as_deref().map(Into::into),
        }
    }
}
