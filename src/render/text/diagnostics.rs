//! Diagnostics as text, with the line of the manifest that each is about.

use crate::diagnostic::{Diagnostic, Severity, counts, in_order};
use crate::model::{Position, Sources};
use crate::render::{Style, harmless};
use crate::text::count;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use std::ops::Range;

/// The number of characters of a long line that are shown on either side of a position. A guess: about a screen in all.
const AROUND: usize = 100;

/// The width of a source line that is not shown on a terminal. A guess: a common width of logs and editors.
const WIDTH: usize = 100;

/// Shows diagnostics for people, by file, line and column.
pub fn diagnostics(found: &[Diagnostic], sources: &Sources, style: &Style) -> String {
    let renderer = if style.colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(style.width.unwrap_or(WIDTH).max(40));
    let mut finder = PositionFinder::new(sources);
    let mut out = String::new();
    for diagnostic in in_order(found) {
        let excerpt =
            diagnostic.at.and_then(|at| finder.find(at)).map(|(before, after)| excerpt(before, after));
        out.push_str(&renderer.render(&[group(diagnostic, sources, excerpt)]));
        out.push_str("\n\n");
    }
    let (errors, warnings) = counts(found);
    if !found.is_empty() {
        out.push_str(&count(errors, "error", "errors"));
        out.push_str(", ");
        out.push_str(&count(warnings, "warning", "warnings"));
        out.push('\n');
    }
    out
}

/// Finds positions in texts. Positions in ascending order take a single pass over each text, even on long lines.
struct PositionFinder<'a> {
    sources: &'a Sources,
    at: Position,
    byte: usize,
}

impl<'a> PositionFinder<'a> {
    fn new(sources: &'a Sources) -> Self {
        Self { sources, at: Position { line: 1, column: 1, ..Position::default() }, byte: 0 }
    }

    /// Returns the text before a position and the text from there on; `None` if there is no such line.
    fn find(&mut self, at: Position) -> Option<(&'a str, &'a str)> {
        let text = self.sources.get(at.source)?.text.as_str();
        if at.line == 0 {
            return None;
        }
        if at.source != self.at.source || at < self.at {
            self.at = Position { line: 1, column: 1, ..at };
            self.byte = 0;
        }
        while self.at.line < at.line {
            self.byte += text[self.byte..].find('\n')? + 1;
            self.at = Position { line: self.at.line + 1, column: 1, ..at };
        }
        let steps = at.column.saturating_sub(self.at.column);
        for c in text[self.byte..].chars().take_while(|c| !ends_line(*c)).take(steps as usize) {
            self.byte += c.len_utf8();
            self.at.column += 1;
        }
        Some(text.split_at(self.byte))
    }
}

fn ends_line(c: char) -> bool {
    matches!(c, '\n' | '\r')
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
                // If the line is cut or has escapes, its columns shift, so the position is shown apart from it.
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

/// Cuts a line to the characters around a position and escapes it. Returns it with the span of the position.
fn excerpt(before: &str, after: &str) -> (String, Range<usize>) {
    let mut to_left = before.chars().rev().take_while(|c| !ends_line(*c));
    let left: usize = to_left.by_ref().take(AROUND).map(char::len_utf8).sum();
    let cut_left = to_left.next().is_some();
    let mut to_right = after.chars().take_while(|c| !ends_line(*c));
    let right: usize = to_right.by_ref().take(AROUND).map(char::len_utf8).sum();
    let cut_right = to_right.next().is_some();
    let line = format!("{}{}", &before[before.len() - left..], &after[..right]);
    // Escaping a prefix of the line gives a prefix of the escaped line.
    let shown = |end: usize| format!("{}{}", if cut_left { "…" } else { "" }, harmless(&line[..end]));
    let span = shown(left).len()..shown(left + token(&line[left..])).len();
    let mut all = shown(line.len());
    if cut_right {
        all.push('…');
    }
    (all, span)
}

/// Returns the length of the YAML scalar or the indicator at the start of a text.
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
