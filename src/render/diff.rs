//! A plan as a unified diff of live and desired access, both as YAML. Decides nothing.
//!
//! Each WABA that changes is a piece of the two texts, and compared by itself: the time it takes goes by their number.

use super::{PlanView, Style, harmless, named};
use crate::model::{Change, Name, TaskSet, UserId, WabaId};
use anstyle::{AnsiColor, Style as Ansi};
use similar::{ChangeTag, InlineChange, TextDiff};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// So many lines are shown around what changes.
const CONTEXT: usize = 3;

/// Shows what is live, and what the manifests ask for, as a unified diff; nothing where nothing differs.
///
/// It is about the WABAs that change, by id: those are the two texts, and `patch` makes one of the other. With colour
/// the changed words are marked.
pub fn plan(view: &PlanView<'_>, style: &Style) -> String {
    let mut pages = Pages { text: String::new(), live: 0, desired: 0, colour: style.colour };
    for changes in view.plan.changes.chunk_by(|one, next| one.key.waba == next.key.waba) {
        let (live, desired) = texts(view, changes);
        pages.add(&live, &desired);
    }
    if pages.text.is_empty() {
        return pages.text;
    }
    let head = paint("--- live\n+++ desired\n", Ansi::new().bold(), style.colour);
    head + &pages.text
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

/// The diff so far, and how many lines of each text came before.
struct Pages {
    text: String,
    live: usize,
    desired: usize,
    colour: bool,
}

impl Pages {
    /// Adds what differs between two pieces of the texts.
    fn add(&mut self, live: &str, desired: &str) {
        let diff = TextDiff::from_lines(live, desired);
        for hunk in diff.grouped_ops(CONTEXT) {
            let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else { continue };
            let range = |before: usize, start: usize, end: usize| match end - start {
                1 => (before + start + 1).to_string(),
                // An empty piece stands behind the line that is named.
                0 => format!("{},0", before + start),
                lines => format!("{},{lines}", before + start + 1),
            };
            let old = range(self.live, first.old_range().start, last.old_range().end);
            let new = range(self.desired, first.new_range().start, last.new_range().end);
            let head = format!("@@ -{old} +{new} @@\n");
            self.text += &paint(&head, AnsiColor::Cyan.on_default(), self.colour);
            for change in hunk.iter().flat_map(|op| diff.iter_inline_changes(op)) {
                self.line(&change);
            }
        }
        self.live += live.lines().count();
        self.desired += desired.lines().count();
    }

    fn line(&mut self, change: &InlineChange<'_, str>) {
        let (sign, how) = match change.tag() {
            ChangeTag::Equal => (" ", Ansi::new()),
            ChangeTag::Delete => ("-", AnsiColor::Red.on_default()),
            ChangeTag::Insert => ("+", AnsiColor::Green.on_default()),
        };
        self.text += &paint(sign, how, self.colour);
        for (marked, text) in change.values() {
            let how = if *marked { how.bold().underline() } else { how };
            let text = text.trim_end_matches('\n');
            if !text.is_empty() {
                self.text += &paint(text, how, self.colour);
            }
        }
        self.text.push('\n');
    }
}
