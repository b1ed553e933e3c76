//! Reads a text as YAML documents, within limits.

use super::raw::Document;
use super::scalar::{Placed, Spot};
use crate::diagnostic::{self, Diagnostic};
use crate::model::{Position, SourceId};
use serde_saphyr::Error;
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy, Options};
use std::io::Cursor;

/// A manifest nests six deep; a hostile one, as deep as it can.
const DEPTH: usize = 32;
/// Above what a manifest of some million lines has, and below what fills the memory.
const EVENTS: usize = 50_000_000;
/// The most values that the aliases of one text stand for: a list of 20 users in 100,000 grants has half as
/// many.
const REPLAYED: usize = 5_000_000;
/// The most bytes of one text.
const BYTES: usize = 256 * 1024 * 1024;

/// Repeated and merge keys come through, so that the check can speak of all of them.
fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_reader_input_bytes: Some(BYTES),
            max_total_scalar_bytes: BYTES,
            max_events: EVENTS,
            max_nodes: EVENTS,
            max_depth: DEPTH,
            flow_nesting_limit: DEPTH,
            max_aliases: 1_000_000,
            // One label set that hundreds of WABAs share is no bomb; what replays may cost is bounded by itself.
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: REPLAYED,
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::AsOrdinary,
        with_snippet: false,
    }
}

/// Reads all documents of a text; empty ones are left out. What cannot be read becomes a diagnostic.
pub(super) fn read(source: SourceId, text: &str, diagnostics: &mut Vec<Diagnostic>) -> Vec<Placed<Document>> {
    if let Some((line, column)) = nul(text) {
        diagnostics.push(diagnostic::nul(Position { source, line, column }));
        return Vec::new();
    }
    // All at once is quicker by far; where anything is wrong, one document after the other finds it.
    if let Ok(documents) = serde_saphyr::from_multiple_with_options(text, options()) {
        return documents;
    }
    let mut documents = Vec::new();
    for document in
        serde_saphyr::read_with_options::<_, Placed<Document>>(&mut Cursor::new(text.as_bytes()), options())
    {
        match document {
            Ok(document) => documents.push(document),
            Err(error) => diagnostics.push(told(source, &error)),
        }
    }
    documents
}

/// Returns the place of the first NUL.
fn nul(text: &str) -> Option<(u32, u32)> {
    let (before, _) = text.split_once('\0')?;
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |rest| rest.chars().count()) + 1;
    Some((u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX)))
}

/// Puts the library's error into our words.
#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "the library's errors are open-ended; what is not told apart is syntax"
)]
fn told(source: SourceId, error: &Error) -> Diagnostic {
    let location = error.location();
    let number = |number: Option<u64>| u32::try_from(number.unwrap_or(1)).unwrap_or(u32::MAX).max(1);
    let at = Position {
        source,
        line: number(location.map(|location| location.line())),
        column: number(location.map(|location| location.column())),
    };
    let text = error.without_snippet().to_string();
    let what = text.split(" at line ").next().unwrap_or(&text);
    match inmost(error) {
        Error::Budget { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::IOError { .. } => diagnostic::yaml_limit(at, &limit(what)),
        Error::NullIntoString { .. } => diagnostic::wrong_structure(
            at,
            "a value is missing here (for a text such as null, write \"null\")",
        ),
        Error::Unexpected { expected, .. } => diagnostic::wrong_structure(at, &expected_here(expected)),
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

/// Returns the error itself, out of what says by which alias it came about.
fn inmost(mut error: &Error) -> &Error {
    while let Error::AliasError { error: inner, .. } | Error::WithSnippet { error: inner, .. } = error {
        error = inner;
    }
    error
}

/// Says which limit was reached, without the library's own words where they are known.
fn limit(what: &str) -> String {
    let known = [
        ("Depth", format!("it nests more than {DEPTH} deep")),
        ("nesting", format!("it nests more than {DEPTH} deep")),
        ("recursion", format!("it nests more than {DEPTH} deep")),
        ("Recorded", String::from("its anchors hold too much")),
        ("lias", String::from("its aliases stand for too much")),
        ("Bytes", String::from("its texts are too long")),
        ("Events", String::from("it has too many values")),
        ("Nodes", String::from("it has too many values")),
    ];
    let found = known.into_iter().find(|(word, _)| what.contains(word));
    found.map_or_else(|| what.to_owned(), |(_, words)| words)
}

/// Says what must stand at a place, without the parser's own words.
fn expected_here(expected: &str) -> String {
    let what = match expected {
        "mapping start" => "a mapping (`key: value`)",
        "sequence start" => "a list (`[…]`, or lines with `- `)",
        "string scalar" => "a single text",
        other => other,
    };
    format!("{what} must stand here")
}

/// Returns the place of a spot in its text.
pub(super) fn position(source: SourceId, spot: Spot) -> Position {
    Position { source, line: spot.line, column: spot.column }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn too_much_behind_aliases_is_a_limit_not_bad_syntax() {
        let mut options = options();
        options.alias_limits = serde_saphyr::alias_limits! { max_total_replayed_events: 9 };
        let text = "a: &a [x, x]\nb: *a\nc: *a\nd: *a\n";
        let read = serde_saphyr::from_str_with_options::<BTreeMap<String, Vec<String>>>(text, options);
        let said = told(SourceId::default(), &read.unwrap_err());
        assert_eq!((said.code, said.at.map(|at| at.line)), ("yaml-limit", Some(4)));
        assert_eq!(said.message, "this file is more than is read: its aliases stand for too much");
    }
}
