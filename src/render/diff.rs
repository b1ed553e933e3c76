//! A plan as a unified diff of live and desired access, both as YAML. Decides nothing.
//!
//! Each assignment is a line of its own, so that which lines differ needs no search: the time it takes goes by their
//! number, and what is searched for is only which words of a line differ.

use super::{Style, View, harmless, named};
use crate::model::{Change, Name, TaskSet, UserId};
use anstyle::{AnsiColor, Style as Ansi};
use similar::{ChangeTag, TextDiff};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// So many lines are shown around what changes.
const CONTEXT: usize = 3;

/// A line of the two texts.
enum Line {
    Both(String),
    Differs { live: Option<String>, desired: Option<String> },
}

impl Line {
    fn differs(&self) -> bool {
        matches!(self, Self::Differs { .. })
    }

    /// Counts it in the live text and in the desired one.
    fn counts(&self) -> (usize, usize) {
        match self {
            Self::Both(_) => (1, 1),
            Self::Differs { live, desired } => (usize::from(live.is_some()), usize::from(desired.is_some())),
        }
    }
}

/// Shows what is live, and what the manifests ask for, as a unified diff; nothing where nothing differs.
///
/// It is about the WABAs that change, in the order of the plan: those are the two texts, and `patch` makes one of the
/// other. WABAs that could not be read stand in comments before it, which `patch` passes over. With colour the changed
/// words are marked.
pub fn plan(view: &View<'_>, style: &Style) -> String {
    let mut lines = Vec::new();
    for changes in view.plan().changes.chunk_by(|one, next| one.key.waba == next.key.waba) {
        add_waba(view, changes, &mut lines);
    }
    let mut text = String::new();
    for (waba, why) in &view.plan().unreadable {
        let waba = key(&view.plan().waba_name(*waba), &waba.to_string());
        let _ = writeln!(text, "# could not be read, and is not planned: {waba}: {}", harmless(why));
    }
    if !lines.is_empty() {
        text += &paint("--- live.yaml\n+++ desired.yaml\n", Ansi::new().bold(), style.colour);
        hunks(&lines, style.colour, &mut text);
    }
    text
}

/// Adds who holds what on a WABA, by user.
fn add_waba(view: &View<'_>, changes: &[Change], lines: &mut Vec<Line>) {
    let waba = changes[0].key.waba;
    lines.push(Line::Both(format!("{}:", key(&view.plan().waba_name(waba), &waba.to_string()))));
    let mut held: BTreeMap<UserId, (&TaskSet, &TaskSet)> =
        view.access().live.on(waba).map(|(user, tasks)| (user, (tasks, tasks))).collect();
    held.extend(changes.iter().map(|change| (change.key.user, (&change.before, &change.after))));
    for (user, (live, desired)) in held {
        let line = |held: &TaskSet| (!held.is_empty()).then(|| assignment(view, user, held));
        lines.push(match line(live) {
            Some(same) if live == desired => Line::Both(same),
            gone => Line::Differs { live: gone, desired: line(desired) },
        });
    }
}

fn assignment(view: &View<'_>, user: UserId, tasks: &TaskSet) -> String {
    let name = view.access().users.get(&user).cloned().unwrap_or_else(|| view.plan().user_name(user));
    let listed: Vec<String> = tasks.names().map(task).collect();
    format!("  {}: [{}]", key(&name, &user.to_string()), listed.join(", "))
}

/// Writes a name with its id, quoted as YAML has it.
fn key(name: &Name, id: &str) -> String {
    let name = named(name, id);
    let text = if name == id { name } else { format!("{name} ({id})") };
    quoted(&text)
}

fn task(name: &str) -> String {
    let is_plain = name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit());
    if is_plain { name.to_owned() } else { quoted(&harmless(name)) }
}

/// Quotes a text whose control characters are escaped already: a JSON string is one of YAML.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Writes what differs, with the lines around it.
fn hunks(lines: &[Line], colour: bool, to: &mut String) {
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

fn count(lines: &[Line]) -> (usize, usize) {
    lines.iter().map(Line::counts).fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
}

/// Tells which lines of a text a hunk is about. It is never empty: the line of its WABA does not change.
fn range(before: usize, length: usize) -> String {
    if length == 1 { format!("{}", before + 1) } else { format!("{},{length}", before + 1) }
}

fn write_line(shown: &Line, colour: bool, to: &mut String) {
    let (red, green) = (AnsiColor::Red.on_default(), AnsiColor::Green.on_default());
    match shown {
        Line::Both(text) => {
            let _ = writeln!(to, " {text}");
        }
        Line::Differs { live: Some(live), desired: Some(desired) } if colour => {
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
        Line::Differs { live, desired } => {
            for (sign, how, text) in [("-", red, live), ("+", green, desired)] {
                if let Some(text) = text {
                    *to += &paint(&format!("{sign}{text}"), how, colour);
                    to.push('\n');
                }
            }
        }
    }
}

/// Cuts a line into its words and what is between them.
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
