//! A plan or drift as a unified diff of live and desired access, both as YAML.
//!
//! Each assignment is one line, so finding the lines that differ needs no search. Only the words of a changed line are
//! compared.

use super::Style;
use super::view::{NamedObject, View};
use crate::model::{Change, TaskSet, UserId};
use crate::text::yaml;
use anstyle::{AnsiColor, Style as Ansi};
use similar::{ChangeTag, TextDiff};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The number of unchanged lines around a change, as in `diff -u`.
const CONTEXT: usize = 3;

/// A line of the two texts.
enum DiffLine {
    Both(String),
    Differs { live: Option<String>, desired: Option<String> },
}

impl DiffLine {
    fn differs(&self) -> bool {
        matches!(self, Self::Differs { .. })
    }

    /// Returns how many lines it is in the live text and in the desired one.
    fn counts(&self) -> (usize, usize) {
        match self {
            Self::Both(_) => (1, 1),
            Self::Differs { live, desired } => (usize::from(live.is_some()), usize::from(desired.is_some())),
        }
    }
}

/// Shows live and desired access as a unified diff; empty if nothing differs.
///
/// The two texts are the WABAs that change, in the order of the plan; `patch` makes one of the other. Findings are
/// comments before the diff, which `patch` ignores. With colour the changed words are marked.
pub fn plan(view: &View<'_>, style: &Style) -> String {
    let mut text = String::new();
    for finding in view.findings(style.verbose).iter().flatten() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# {}: {}", finding.kind.title(), finding.sentence());
        if let Some(advice) = &finding.advice {
            let _ = writeln!(text, "#     {advice}");
        }
    }
    let mut lines = Vec::new();
    for changes in view.plan().by_waba() {
        add_waba(view, changes, &mut lines);
    }
    if !lines.is_empty() {
        text += &paint("--- live.yaml\n+++ desired.yaml\n", Ansi::new().bold(), style.colour);
        hunks(&lines, style.colour, &mut text);
    }
    text
}

/// Adds the holders of a WABA and their tasks, by user.
fn add_waba(view: &View<'_>, changes: &[Change], lines: &mut Vec<DiffLine>) {
    let waba = changes[0].key.waba;
    lines.push(DiffLine::Both(format!("{}:", key(&NamedObject::waba(view.plan(), waba)))));
    let mut held: BTreeMap<UserId, (&TaskSet, &TaskSet)> =
        view.access().live.on(waba).map(|(user, tasks)| (user, (tasks, tasks))).collect();
    held.extend(changes.iter().map(|change| (change.key.user, (&change.before, &change.after))));
    for (user, (live, desired)) in held {
        let line = |held: &TaskSet| (!held.is_empty()).then(|| assignment(view, user, held));
        lines.push(match line(live) {
            Some(same) if live == desired => DiffLine::Both(same),
            gone => DiffLine::Differs { live: gone, desired: line(desired) },
        });
    }
}

fn assignment(view: &View<'_>, user: UserId, tasks: &TaskSet) -> String {
    let object = match view.access().users.get(&user) {
        Some(name) => NamedObject::new(name.as_str(), user.to_string()),
        None => NamedObject::user(view.plan(), user),
    };
    let listed: Vec<String> = tasks.names().map(yaml::scalar).collect();
    format!("  {}: [{}]", key(&object), listed.join(", "))
}

/// Returns a name with its id as a YAML key.
fn key(object: &NamedObject) -> String {
    match &object.id {
        Some(id) => yaml::scalar(&format!("{} ({id})", object.name)),
        None => yaml::scalar(&object.name),
    }
}

/// Writes the lines that differ with the lines around them.
fn hunks(lines: &[DiffLine], colour: bool, to: &mut String) {
    let (mut live, mut desired, mut at) = (0, 0, 0);
    let differing: Vec<usize> = (0..lines.len()).filter(|&index| lines[index].differs()).collect();
    for near in differing.chunk_by(|one, next| next - one <= 2 * CONTEXT + 1) {
        let start = near[0].saturating_sub(CONTEXT);
        let end = lines.len().min(near[near.len() - 1] + 1 + CONTEXT);
        let (skipped, hunk) = (&lines[at..start], &lines[start..end]);
        let (before, length) = (count(skipped), count(hunk));
        (live, desired, at) = (live + before.0, desired + before.1, end);
        let head = format!("@@ -{} +{} @@\n", range(live, length.0), range(desired, length.1));
        *to += &paint(&head, AnsiColor::Cyan.on_default(), colour);
        for line in hunk {
            write_line(line, colour, to);
        }
        (live, desired) = (live + length.0, desired + length.1);
    }
}

fn count(lines: &[DiffLine]) -> (usize, usize) {
    lines.iter().map(DiffLine::counts).fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
}

/// Returns the range of lines of a hunk. A hunk is never empty, because the line of its WABA does not change.
fn range(before: usize, length: usize) -> String {
    if length == 1 { format!("{}", before + 1) } else { format!("{},{length}", before + 1) }
}

fn write_line(shown: &DiffLine, colour: bool, to: &mut String) {
    let (red, green) = (AnsiColor::Red.on_default(), AnsiColor::Green.on_default());
    match shown {
        DiffLine::Both(text) => {
            let _ = writeln!(to, " {text}");
        }
        DiffLine::Differs { live: Some(live), desired: Some(desired) } if colour => {
            let (old, new) = (words(live), words(desired));
            let compared = TextDiff::from_slices(&old, &new);
            for (sign, how, other) in [("-", red, ChangeTag::Insert), ("+", green, ChangeTag::Delete)] {
                *to += &paint(sign, how, colour);
                for piece in compared.iter_all_changes().filter(|piece| piece.tag() != other) {
                    let is_marked = piece.tag() != ChangeTag::Equal;
                    *to +=
                        &paint(piece.value(), if is_marked { how.bold().underline() } else { how }, colour);
                }
                to.push('\n');
            }
        }
        DiffLine::Differs { live, desired } => {
            for (sign, how, text) in [("-", red, live), ("+", green, desired)] {
                if let Some(text) = text {
                    *to += &paint(&format!("{sign}{text}"), how, colour);
                    to.push('\n');
                }
            }
        }
    }
}

/// Splits a line into words and separators.
fn words(line: &str) -> Vec<&str> {
    line.split_inclusive([' ', ',', '[', ']'])
        .flat_map(|part| {
            let (word, between) = part.split_at(part.trim_end_matches([' ', ',', '[', ']']).len());
            [word, between]
        })
        .filter(|part| !part.is_empty())
        .collect()
}

fn paint(text: &str, how: Ansi, colour: bool) -> String {
    if colour { format!("{how}{text}{how:#}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests;
