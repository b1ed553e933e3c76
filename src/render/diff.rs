//! A plan as a unified diff of live and desired access, both as YAML. Decides nothing.
//!
//! Each WABA that changes is a piece of the two texts, and compared by itself: the time it takes goes by their number.

use super::{PlanView, Style, harmless, named};
use crate::model::{Change, Name, TaskSet, UserId, WabaId};
use anstyle::{AnsiColor, Style as Ansi};
use similar::{ChangeTag, InlineChange, TextDiff};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

/// So many lines are shown around what changes.
const CONTEXT: usize = 3;

/// Shows what is live, and what the manifests ask for, as a unified diff; nothing where nothing differs.
///
/// It is about the WABAs that change, by id: those are the two texts, and `patch` makes one of the other. With colour
/// the changed words are marked.
pub fn plan(view: &PlanView<'_>, style: &Style) -> String {
    let mut lines = Vec::new();
    for changes in view.plan.changes.chunk_by(|one, next| one.key.waba == next.key.waba) {
        let (live, desired) = texts(view, changes);
        let diff = TextDiff::from_lines(&live, &desired);
        let all = diff.ops().iter().flat_map(|op| diff.iter_inline_changes(op));
        lines.extend(all.map(|change| (change.tag(), line(&change, style.colour))));
    }
    if lines.is_empty() {
        return String::new();
    }
    let mut text = paint("--- live\n+++ desired\n", Ansi::new().bold(), style.colour);
    let (mut live, mut desired, mut done) = (0, 0, 0);
    for hunk in hunks(&lines) {
        let count = |lines: &[Line], not: ChangeTag| lines.iter().filter(|(tag, _)| *tag != not).count();
        live += count(&lines[done..hunk.start], ChangeTag::Insert);
        desired += count(&lines[done..hunk.start], ChangeTag::Delete);
        let shown = &lines[hunk.clone()];
        let (old, new) = (count(shown, ChangeTag::Insert), count(shown, ChangeTag::Delete));
        let head = format!("@@ -{} +{} @@\n", range(live, old), range(desired, new));
        text += &paint(&head, AnsiColor::Cyan.on_default(), style.colour);
        for (_, line) in shown {
            text += line;
        }
        (live, desired, done) = (live + old, desired + new, hunk.end);
    }
    text
}

/// A line of the diff, as it is shown.
type Line = (ChangeTag, String);

/// Gives the pieces that are shown: what changes, with what stands around it.
fn hunks(lines: &[Line]) -> Vec<Range<usize>> {
    let mut hunks: Vec<Range<usize>> = Vec::new();
    let changed = lines.iter().enumerate().filter(|(_, (tag, _))| *tag != ChangeTag::Equal);
    for (at, _) in changed {
        let (start, end) = (at.saturating_sub(CONTEXT), (at + 1 + CONTEXT).min(lines.len()));
        match hunks.last_mut() {
            Some(last) if start <= last.end => last.end = end,
            Some(_) | None => hunks.push(start..end),
        }
    }
    hunks
}

/// Gives where a piece stands; an empty one stands behind the line that is named.
fn range(before: usize, lines: usize) -> String {
    match lines {
        0 => format!("{before},0"),
        1 => (before + 1).to_string(),
        _ => format!("{},{lines}", before + 1),
    }
}

/// Gives the two texts that the diff is about: live and desired.
pub fn states(view: &PlanView<'_>) -> (String, String) {
    let by_waba = view.plan.changes.chunk_by(|one, next| one.key.waba == next.key.waba);
    by_waba.map(|changes| texts(view, changes)).unzip()
}

/// Gives a WABA as it is and as it shall be.
fn texts(view: &PlanView<'_>, changes: &[Change]) -> (String, String) {
    let waba = changes[0].key.waba;
    let mut held: BTreeMap<UserId, &TaskSet> = view.access.live.on(waba).collect();
    let live = yaml(view, waba, &held);
    for change in changes {
        held.insert(change.key.user, &change.after);
    }
    (live, yaml(view, waba, &held))
}

/// Writes who holds what on a WABA, by user, a line each.
fn yaml(view: &PlanView<'_>, waba: WabaId, held: &BTreeMap<UserId, &TaskSet>) -> String {
    let mut text = format!("{}:\n", key(&view.plan.waba_name(waba), &waba.to_string()));
    for (user, tasks) in held.iter().filter(|(_, tasks)| !tasks.is_empty()) {
        let name = view.access.users.get(user).cloned().unwrap_or_else(|| view.plan.user_name(*user));
        let tasks: Vec<String> = tasks.names().map(task).collect();
        let _ = writeln!(text, "  {}: [{}]", key(&name, &user.to_string()), tasks.join(", "));
    }
    text
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

fn paint(text: &str, how: Ansi, colour: bool) -> String {
    if colour { format!("{how}{text}{how:#}") } else { text.to_owned() }
}

/// Shows a line with its sign, and the words in it that changed marked.
fn line(change: &InlineChange<'_, str>, colour: bool) -> String {
    let (sign, how) = match change.tag() {
        ChangeTag::Equal => (" ", Ansi::new()),
        ChangeTag::Delete => ("-", AnsiColor::Red.on_default()),
        ChangeTag::Insert => ("+", AnsiColor::Green.on_default()),
    };
    let mut line = paint(sign, how, colour);
    for (marked, text) in change.values() {
        let how = if *marked { how.bold().underline() } else { how };
        let text = text.trim_end_matches('\n');
        if !text.is_empty() {
            line += &paint(text, how, colour);
        }
    }
    line.push('\n');
    line
}
