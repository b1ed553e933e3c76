//! The answer of `who-can` as an access test, which holds as long as the answer does.

use crate::model::{Glob, UserId};
use crate::query::{Standing, WhoCan};
use crate::render::{harmless, wording};
use crate::text::yaml;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// What an access test selects and asserts, besides the answer.
#[derive(Debug, Clone, Copy)]
pub struct TestShape<'a> {
    /// The globs on names of WABAs; empty is all in scope.
    pub wabas: &'a [Glob],
    /// The labels of the WABAs, each with its values; empty is all in scope.
    pub labels: &'a BTreeMap<String, BTreeSet<String>>,
    /// Whether it asserts that somebody holds the tasks on each WABA, and not that nobody else does.
    pub at_least_one: bool,
}

/// Returns an entry of `tests:`. Users without a declaration are named by their id, with a comment.
pub fn as_test(answered: &WhoCan<'_>, shape: TestShape<'_>) -> String {
    let question = answered.question;
    let tasks = list(question.tasks.names());
    let wabas = shape.wabas.iter().map(Glob::as_str);
    let pairs = |(key, values): (&String, &BTreeSet<String>)| {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        match values.as_slice() {
            [one] => format!("{}: {}", yaml::scalar(key), yaml::scalar(one)),
            several => format!("{}: {}", yaml::scalar(key), list(several.iter().copied())),
        }
    };
    let labels: Vec<String> = shape.labels.iter().map(pairs).collect();
    let on: Vec<String> = wabas.clone().map(str::to_owned).chain(labels.iter().cloned()).collect();
    let on = if on.is_empty() { String::from("all WABAs") } else { on.join(", ") };
    let who = if shape.at_least_one { "somebody holds" } else { "who holds" };
    let name = format!("{who} {} on {on}", question.tasks.names().collect::<Vec<_>>().join(", "));
    let mut text = format!("tests:\n  - name: {}\n    tasks: {tasks}\n", yaml::scalar(&name));
    // Writing to a string cannot fail.
    if !shape.wabas.is_empty() {
        let _ = writeln!(text, "    wabas: {}", list(wabas));
    }
    if !labels.is_empty() {
        let _ = writeln!(text, "    labels: {{ {} }}", labels.join(", "));
    }
    let who = if question.business_only { "business" } else { "everybody" };
    let _ = writeln!(text, "    who: {who}");
    if shape.at_least_one {
        text.push_str("    at_least: 1\n");
    } else {
        text.push_str(&only(answered));
    }
    text
}

/// Returns the users that hold the tasks, and those that the question left out.
fn only(answered: &WhoCan<'_>) -> String {
    let mut lines: BTreeMap<UserId, String> = BTreeMap::new();
    let declared = &answered.evidence.desired.scope.users;
    for holding in &answered.answer.holders {
        let id = holding.key.user;
        let line = || {
            if let Some(user) = declared.get(&id) {
                return format!("      - {}\n", yaml::scalar(user.name.as_str()));
            }
            let name = answered.evidence.user_name(holding.key).name.map_or("", |name| name.as_str());
            let what = match (holding.standing, holding.by_role) {
                (Standing::Undeclared, true) => "admin by its role",
                (standing, _) => wording::standing_noun(standing),
            };
            format!("      - {id}   # {}: {what}\n", harmless(name))
        };
        lines.entry(id).or_insert_with(line);
    }
    for id in &answered.question.except {
        let name = declared.get(id).map(|user| yaml::scalar(user.name.as_str()));
        let line = format!("      - {}\n", name.unwrap_or_else(|| id.to_string()));
        lines.entry(*id).or_insert(line);
    }
    if lines.is_empty() {
        return String::from("    only: []\n");
    }
    format!("    only:\n{}", lines.into_values().collect::<String>())
}

/// Returns texts as a YAML list on one line.
fn list<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    format!("[{}]", texts.map(yaml::scalar).collect::<Vec<_>>().join(", "))
}
