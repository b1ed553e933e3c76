//! Parses a text as YAML documents, within limits.

use super::raw::Document;
use super::scalar::{Located, Location};
use crate::diagnostic::{self, Collector, Diagnostic};
use crate::model::{Position, SourceId};
use serde_saphyr::Error;
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy, Options};
use std::io::Cursor;

/// The maximum nesting depth. A manifest nests six deep; the limit of 32 is a guess that protects the stack.
const DEPTH: usize = 32;
/// The maximum number of YAML events in one text. A guess: a manifest of a million lines has fewer, and the parsed values
/// still fit in memory.
const EVENTS: usize = 50_000_000;
/// The maximum number of values that the aliases of one text expand to. A guess: twice what 100,000 grants need that
/// share a list of 20 users.
const REPLAYED: usize = 5_000_000;
/// The number of these values that any text may have, and how many more for each byte of it. A guess: a grant of 40 bytes
/// may share a list of 320 names. Without it, a kilobyte of aliases takes 200 MB of memory.
const REPLAYED_BY_SIZE: (usize, usize) = (10_000, 8);
/// The maximum number of documents in one text. A guess: one for each customer of a large business.
const DOCUMENTS: usize = 10_000;
/// The maximum size of one text in bytes; the same as the limit for all files together in `sources`.
const BYTES: usize = 256 * 1024 * 1024;

/// Returns the parser's options for a text. Duplicate and merge keys pass, so that the checks can report all of them.
fn options(text: &str) -> Options {
    let (any, each) = REPLAYED_BY_SIZE;
    let replayed = text.len().saturating_mul(each).saturating_add(any).min(REPLAYED);
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_reader_input_bytes: Some(BYTES),
            max_total_scalar_bytes: BYTES,
            max_events: EVENTS,
            max_nodes: EVENTS,
            max_documents: DOCUMENTS,
            max_depth: DEPTH,
            flow_nesting_limit: DEPTH,
            max_aliases: 1_000_000,
            // Hundreds of WABAs may share one set of labels; `REPLAYED` limits the cost.
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: replayed,
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::AsOrdinary,
        with_snippet: false,
    }
}

/// Parses all documents of a text, except empty ones. A document that cannot be parsed becomes a diagnostic.
pub(super) fn parse(source: SourceId, text: &str, diagnostics: &mut Collector) -> Vec<Located<Document>> {
    if let Some(found) = forbidden(source, text) {
        diagnostics.push(found);
        return Vec::new();
    }
    // Parsing all documents at once is much faster. Only after an error, each document is parsed separately, unless the
    // text is too much for the parser.
    match serde_saphyr::from_multiple_with_options(text, options(text)) {
        Ok(documents) => return documents,
        Err(error) if is_limit(&error) => {
            diagnostics.push(convert(source, &error));
            return Vec::new();
        }
        Err(_) => {}
    }
    let mut documents = Vec::new();
    for document in serde_saphyr::read_with_options::<_, Located<Document>>(
        &mut Cursor::new(text.as_bytes()),
        options(text),
    ) {
        match document {
            Ok(document) => documents.push(document),
            Err(error) => diagnostics.push(convert(source, &error)),
        }
    }
    documents
}

/// Returns an error about the first character that no text may contain.
pub(super) fn forbidden(source: SourceId, text: &str) -> Option<Diagnostic> {
    let at = |(line, column)| Position { source, line, column };
    nul(text).map(at).map(diagnostic::nul).or_else(|| lone_cr(text).map(at).map(diagnostic::lone_cr))
}

/// Returns the line and column of the first NUL character.
fn nul(text: &str) -> Option<(u32, u32)> {
    text.split_once('\0').map(|(before, _)| end_of(before))
}

/// Returns the line and column of the first carriage return without a line feed behind it. YAML would read a comment
/// after it as a line of its own.
fn lone_cr(text: &str) -> Option<(u32, u32)> {
    let at =
        text.match_indices('\r').map(|(at, _)| at).find(|at| text.as_bytes().get(at + 1) != Some(&b'\n'))?;
    text.get(..at).map(end_of)
}

/// Returns the line and column behind a text.
fn end_of(before: &str) -> (u32, u32) {
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |rest| rest.chars().count()) + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}

/// Converts an error of the YAML library to a diagnostic.
#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "the library's errors are open-ended; the others are syntax errors"
)]
fn convert(source: SourceId, error: &Error) -> Diagnostic {
    let location = error.location();
    let number = |number: Option<u64>| u32::try_from(number.unwrap_or(1)).unwrap_or(u32::MAX).max(1);
    let at = Position {
        source,
        line: number(location.map(|location| location.line())),
        column: number(location.map(|location| location.column())),
    };
    let text = error.without_snippet().to_string();
    let what = text.split(" at line ").next().unwrap_or(&text);
    match innermost(error) {
        _ if is_limit(error) => diagnostic::yaml_limit(at, &limit(what)),
        Error::NullIntoString { .. } => {
            diagnostic::wrong_structure(at, "missing value (to write the text null, quote it: \"null\")")
        }
        Error::Unexpected { expected, .. } => diagnostic::wrong_structure(at, &expected_structure(expected)),
        Error::MergeKeyNotAllowed { .. } => diagnostic::merge_key(at),
        Error::SerdeInvalidType { .. } | Error::InvalidScalar { .. } | Error::SerdeInvalidValue { .. } => {
            diagnostic::wrong_structure(at, what)
        }
        _ if ["budget", "nesting", "recursion"].iter().any(|word| what.contains(word)) => {
            diagnostic::yaml_limit(at, &limit(what))
        }
        _ => diagnostic::yaml_syntax(at, what),
    }
}

/// Returns whether a text exceeds a limit of the parser.
fn is_limit(error: &Error) -> bool {
    matches!(
        innermost(error),
        Error::Budget { .. }
            | Error::AliasReplayCounterOverflow { .. }
            | Error::AliasReplayLimitExceeded { .. }
            | Error::AliasExpansionLimitExceeded { .. }
            | Error::AliasReplayStackDepthExceeded { .. }
            | Error::IOError { .. }
    )
}

/// Returns the error itself, without the wrappers that name an alias or a snippet.
fn innermost(mut error: &Error) -> &Error {
    while let Error::AliasError { error: inner, .. } | Error::WithSnippet { error: inner, .. } = error {
        error = inner;
    }
    error
}

/// Describes the limit that a text exceeds; falls back to the library's text for an unknown limit.
fn limit(what: &str) -> String {
    let known = [
        ("Depth", format!("nesting is deeper than {DEPTH} levels")),
        ("nesting", format!("nesting is deeper than {DEPTH} levels")),
        ("recursion", format!("nesting is deeper than {DEPTH} levels")),
        ("Documents", String::from("there are more than 10,000 documents")),
        ("Recorded", String::from("anchors contain too many values")),
        ("lias", String::from("aliases expand to too many values")),
        ("Bytes", String::from("the text is too long")),
        ("Events", String::from("there are too many values")),
        ("Nodes", String::from("there are too many values")),
    ];
    let found = known.into_iter().find(|(word, _)| what.contains(word));
    found.map_or_else(|| what.to_owned(), |(_, description)| description)
}

/// Describes the expected structure, without the parser's own terms.
fn expected_structure(expected: &str) -> String {
    let what = match expected {
        "mapping start" => "a mapping (`key: value`)",
        "sequence start" => "a list (`[…]`, or lines that start with `- `)",
        "string scalar" => "a string",
        other => other,
    };
    format!("expected {what}")
}

/// Returns the position of a location in a source.
pub(super) fn position(source: SourceId, location: Location) -> Position {
    Position { source, line: location.line, column: location.column }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn too_many_alias_values_are_a_limit_not_a_syntax_error() {
        let mut options = options("");
        options.alias_limits = serde_saphyr::alias_limits! { max_total_replayed_events: 9 };
        let text = "a: &a [x, x]\nb: *a\nc: *a\nd: *a\n";
        let read = serde_saphyr::from_str_with_options::<BTreeMap<String, Vec<String>>>(text, options);
        let diagnostic = convert(SourceId::default(), &read.unwrap_err());
        assert_eq!((diagnostic.code, diagnostic.at.map(|at| at.line)), ("yaml-limit", Some(4)));
        assert_eq!(diagnostic.message, "the file exceeds a limit: aliases expand to too many values");
    }
}
