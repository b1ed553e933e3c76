//! Diagnostics as SARIF 2.1.0 for code scanning services.

use crate::diagnostic::{Diagnostic, Severity, in_order};
use crate::documents::json::write_document;
use crate::model::{Position, Sources};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io;

/// Writes diagnostics as SARIF, by file, line and column, with a line feed at its end.
///
/// # Errors
///
/// If the sink fails.
pub fn diagnostics(found: &[Diagnostic], sources: &Sources, to: impl io::Write) -> io::Result<()> {
    let found = in_order(found);
    let rules: BTreeSet<&str> = found.iter().map(|diagnostic| diagnostic.code).collect();
    let rules: Vec<Value> = rules.iter().map(|code| json!({ "id": code })).collect();
    let results: Vec<Value> = found.into_iter().map(|diagnostic| result(diagnostic, sources)).collect();
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": env!("CARGO_PKG_NAME"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    write_document(&document, to)
}

fn result(diagnostic: &Diagnostic, sources: &Sources) -> Value {
    let help = diagnostic.help.as_ref().map_or_else(String::new, |help| format!(" ({help})"));
    let locations: Vec<Value> = diagnostic.at.iter().map(|at| location(*at, sources)).collect();
    json!({
        "ruleId": diagnostic.code,
        "level": match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "message": { "text": format!("{}{help}", diagnostic.message) },
        "locations": locations,
    })
}

fn location(at: Position, sources: &Sources) -> Value {
    json!({ "physicalLocation": {
        "artifactLocation": { "uri": uri(sources.path(at.source)) },
        "region": { "startLine": at.line.max(1), "startColumn": at.column.max(1) },
    } })
}

/// Returns a path as a relative URI.
fn uri(path: &str) -> String {
    let mut uri = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}
