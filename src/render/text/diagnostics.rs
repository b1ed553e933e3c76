//! Diagnostics as text, with the source line that they are about. Decides nothing.

use super::count;
use crate::diagnostic::{Diagnostic, Severity};
use crate::model::{Position, Sources};
use crate::render::{Style, harmless};
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use std::ops::Range;

/// So many characters are shown on either side of a place in a very long line.
const AROUND: usize = 100;

/// Shows diagnostics for people, by file, line and column.
pub fn diagnostics(found: &[Diagnostic], sources: &Sources, style: &Style) -> String {
    let renderer = if style.colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(style.width.max(40));
    let lines: Vec<_> = sources.iter().map(|(_, source)| line_starts(&source.text)).collect();
    let mut out = String::new();
    for diagnostic in in_order(found) {
        let excerpt = diagnostic.at.and_then(|at| {
            let text = &sources.get(at.source)?.text;
            let start = *lines.get(at.source.0 as usize)?.get((at.line as usize).checked_sub(1)?)?;
            Some(excerpt(text[start..].split(['\n', '\r']).next().unwrap_or_default(), at))
        });
        out.push_str(&renderer.render(&[group(diagnostic, sources, excerpt)]));
        out.push_str("\n\n");
    }
    let errors = found.iter().filter(|diagnostic| diagnostic.is_error()).count();
    let warnings = found.len() - errors;
    if !found.is_empty() {
        out.push_str(&count(errors, "error", "errors"));
        out.push_str(", ");
        out.push_str(&count(warnings, "warning", "warnings"));
        out.push('\n');
    }
    out
}

/// Puts diagnostics in order: by file, line and column, those without a place first.
pub(in crate::render) fn in_order(found: &[Diagnostic]) -> Vec<&Diagnostic> {
    let mut sorted: Vec<&Diagnostic> = found.iter().collect();
    sorted.sort_by_key(|diagnostic| diagnostic.at);
    sorted
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

fn group<'a>(found: &Diagnostic, sources: &Sources, excerpt: Option<(String, Range<usize>)>) -> Group<'a> {
    let level = match found.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(harmless(&found.message)).id(found.code));
    if let Some(at) = found.at {
        let path = harmless(sources.path(at.source));
        let place = Origin::path(path.clone()).line(at.line as usize).char_column(at.column as usize);
        group = match excerpt {
            None => group.element(place),
            Some((line, span)) => {
                let is_whole = line
                    .get(..span.start)
                    .is_some_and(|before| before.chars().count() + 1 == at.column as usize);
                let snippet = Snippet::source(line).line_start(at.line as usize);
                let snippet = snippet.annotation(AnnotationKind::Primary.span(span));
                // Where the line is cut or has escapes its columns shift, and the place is given apart from it.
                if is_whole {
                    group.element(snippet.path(path))
                } else {
                    group.element(place).element(snippet)
                }
            }
        };
    }
    if let Some(help) = &found.help {
        group = group.element(Level::HELP.message(harmless(help)));
    }
    group
}

/// Cuts a line to what stands around a place, makes it harmless, and gives the place's span in it.
fn excerpt(line: &str, at: Position) -> (String, Range<usize>) {
    let column = (at.column as usize).saturating_sub(1);
    let skip = column.saturating_sub(AROUND);
    let mut chars = line.chars().skip(skip);
    let before: String = chars.by_ref().take(column - skip).collect();
    let rest: String = chars.by_ref().take(AROUND).collect();
    let token = token(&rest);
    let mut shown = if skip > 0 { String::from("…") } else { String::new() };
    shown.push_str(&harmless(&before));
    let start = shown.len();
    shown.push_str(&harmless(&rest[..token]));
    let end = shown.len();
    shown.push_str(&harmless(&rest[token..]));
    if chars.next().is_some() {
        shown.push('…');
    }
    (shown, start..end)
}

/// Gives the length of the YAML scalar, or the mark, with which a text begins.
fn token(text: &str) -> usize {
    match text.chars().next() {
        None => 0,
        Some(quote @ ('"' | '\'')) => text[1..].find(quote).map_or(text.len(), |end| end + 2),
        Some(first) => {
            let end = text.find([' ', '\t', ',', ']', '}', ':', '#']).unwrap_or(text.len());
            end.max(first.len_utf8())
        }
    }
}
