//! A plan or drift as a comment on a pull request, in GitHub's Markdown.
//!
//! Foreign text is always in code spans, in which nothing is a mention, a link, an emoji or markup. What exceeds
//! GitHub's limit is counted.

use super::sentence::{Sentence, SentencePart};
use super::view::{Entry, Finding, Group, GroupBy, Heading, ShownChange, TaskDiff, TaskMark, View};
use super::wording::count;
use super::{Style, escape_html, harmless};
use crate::model::Action;
use std::fmt::Write as _;

/// The hidden line by which a later comment finds this one.
pub const MARKER: &str = "<!-- wabacl-plan -->";
/// The maximum length in bytes. GitHub's limit is 65,536 characters; the rest is for text around it, such as links.
const LIMIT: usize = 60_000;
/// The bytes that the findings can take, so that some tables always fit. A guess.
const HEAD: usize = 30_000;
/// The bytes that are reserved for the last lines, which always fit.
const TAIL: usize = 1_000;

/// Shows a plan or drift as Markdown of less than 65,536 characters.
pub fn plan(view: &View<'_>, style: &Style) -> String {
    let mut comment = Comment(format!("{MARKER}\n### {}\n\n", heading(view)));
    for found in view.findings(false) {
        comment.push(&format!("**{}:**\n\n", found[0].kind.title()), HEAD);
        comment.list(found.iter().map(item), HEAD);
    }
    if let Some(line) = view.unmanaged() {
        let _ = writeln!(comment.0, "{line}\n");
        comment.list(view.unmanaged_rows(false, true).iter().map(sentence), HEAD);
    }
    tables(&mut comment, view, style.group_by.unwrap_or(GroupBy::Grant));
    for line in view.closing() {
        let _ = writeln!(comment.0, "{line}\n");
    }
    comment.0.truncate(comment.0.trim_end().len());
    comment.0 + "\n"
}

/// A comment in the making, with a maximum length.
struct Comment(String);

impl Comment {
    /// Adds text if the comment stays within `limit` bytes, and returns whether it does.
    fn push(&mut self, text: &str, limit: usize) -> bool {
        let fits = self.0.len() + text.len() <= limit;
        if fits {
            self.0.push_str(text);
        }
        fits
    }

    /// Adds the items of a list that fit, and counts the others.
    fn list(&mut self, items: impl Iterator<Item = String>, limit: usize) {
        let mut left_out = 0;
        for item in items {
            if left_out > 0 || !self.push(&format!("- {item}\n"), limit) {
                left_out += 1;
            }
        }
        if left_out > 0 {
            // Writing to a string cannot fail.
            let _ = writeln!(self.0, "- and {left_out} more");
        }
        if !self.0.ends_with("\n\n") {
            self.0.push('\n');
        }
    }
}

/// Puts text in a code span that nothing in it can end.
fn code(text: &str) -> String {
    let text = harmless(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if longest > 0 || text.starts_with(' ') || text.trim().is_empty() { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

fn sentence(sentence: &Sentence) -> String {
    let part = |part: &SentencePart| match part {
        SentencePart::Own(text) => text.clone().into_owned(),
        SentencePart::Strong(text) => format!("**{text}**"),
        SentencePart::Literal(text)
        | SentencePart::Name(text)
        | SentencePart::Fixed(text)
        | SentencePart::Foreign(text) => code(text),
    };
    sentence.parts().iter().map(part).collect::<Vec<_>>().join(" ")
}

fn item(finding: &Finding) -> String {
    let text = sentence(&finding.sentence());
    finding.advice.as_ref().map_or(text.clone(), |advice| format!("{text} ({})", sentence(advice)))
}

fn heading(view: &View<'_>) -> String {
    let refused = match view.violations.len() {
        0 => String::new(),
        violations => format!(" (refused: {})", count(violations, "violation", "violations")),
    };
    format!("wabacl: {}{refused}", view.headline())
}

/// Adds a table for each group, the most important first, with as many rows as fit.
fn tables(comment: &mut Comment, view: &View<'_>, by: GroupBy) {
    let (mut groups, mut changes) = (0, 0);
    for group in view.groups(Some(by), true) {
        let left_out = if groups == 0 { table(comment, &group) } else { number(&group.entries) };
        groups += usize::from(left_out > 0);
        changes += left_out;
    }
    if groups > 0 {
        let (one, many) = match by {
            GroupBy::Waba => ("WABA", "WABAs"),
            GroupBy::User => ("user", "users"),
            GroupBy::Grant => ("reason", "reasons"),
        };
        let (groups, changes) = (count(groups, one, many), count(changes, "more change", "more changes"));
        let _ = writeln!(
            comment.0,
            "**{changes} under {groups} did not fit here.** `wabacl show` shows all of a saved plan.\n"
        );
    }
}

/// Adds the rows of a group that fit, and returns the number of changes that do not.
fn table(comment: &mut Comment, group: &Group<'_>) -> usize {
    const END: &str = "\n</details>\n\n";
    let heading = group.heading(false);
    let mut text = format!(
        "<details><summary>{}: {}</summary>\n\n| | user | tasks | on | why |\n|---|---|---|---|---|\n",
        heading.as_ref().map(summary).unwrap_or_default(),
        numbers(&group.entries)
    );
    let space = (LIMIT - TAIL - END.len()).saturating_sub(comment.0.len());
    let mut shown = 0;
    for entry in &group.entries {
        let row = row(entry, heading.as_ref());
        if text.len() + row.len() > space {
            break;
        }
        text.push_str(&row);
        shown += 1;
    }
    if shown > 0 {
        comment.0 += &(text + END);
    }
    number(&group.entries[shown..])
}

fn row(entry: &Entry<'_>, heading: Option<&Heading>) -> String {
    let mut change = entry.shown(false);
    if matches!(heading, Some(Heading::Reasons(_))) {
        change.reasons.clear();
    }
    let sign = sign(change.action);
    let user = Sentence::default().user(&change.user);
    let on = entry.wabas_text(false);
    let [user, tasks, on, why] =
        [sentence(&user), tasks(&change.tasks), sentence(&on), why(&change)].map(cell);
    format!("| {sign} | {user} | {tasks} | {on} | {why} |\n")
}

/// Returns the number of changes.
fn number(entries: &[Entry<'_>]) -> usize {
    entries.iter().map(Entry::len).sum()
}

/// Returns a heading as HTML.
fn summary(heading: &Heading) -> String {
    let html = |sentence: &Sentence| {
        let part = |part: &SentencePart| match part {
            SentencePart::Own(text) => escape_html(text),
            SentencePart::Strong(text) => format!("<b>{}</b>", escape_html(text)),
            SentencePart::Literal(text)
            | SentencePart::Name(text)
            | SentencePart::Fixed(text)
            | SentencePart::Foreign(text) => format!("<code>{}</code>", escape_html(text)),
        };
        sentence.parts().iter().map(part).collect::<Vec<_>>().join(" ")
    };
    match heading {
        Heading::Waba(object) | Heading::User(object) => html(&Sentence::default().object(object, "")),
        Heading::Reasons(reasons) => reasons.iter().map(html).collect::<Vec<_>>().join("; "),
    }
}

/// Returns text that stays within the cell of a table, also in a code span.
fn cell(text: String) -> String {
    if text.contains('|') { text.replace('|', "\\|") } else { text }
}

/// Counts changes by their sign: `+2, −1`.
fn numbers(entries: &[Entry<'_>]) -> String {
    let actions = [Action::Assign, Action::Change, Action::Revoke];
    let counted = actions.map(|action| {
        let of_action = entries.iter().filter(|entry| entry.action() == action);
        (sign(action), of_action.map(Entry::len).sum::<usize>())
    });
    let counted = counted.iter().filter(|(_, number)| *number > 0);
    counted.map(|(sign, number)| format!("{sign}{number}")).collect::<Vec<_>>().join(", ")
}

fn sign(action: Action) -> &'static str {
    match action {
        Action::Assign => "+",
        Action::Change => "~",
        Action::Revoke => "−",
    }
}

fn tasks(tasks: &TaskDiff) -> String {
    let task = |(mark, name): (TaskMark, String)| match mark {
        TaskMark::Kept => code(&name),
        TaskMark::Gained => format!("**+{}**", code(&name)),
        TaskMark::Lost => format!("~~−{}~~", code(&name)),
    };
    tasks.marked().map(task).collect::<Vec<_>>().join(" ")
}

fn why(change: &ShownChange) -> String {
    let notes = change.notes.iter().map(|note| &note.text);
    change.reasons.iter().chain(notes).map(sentence).collect::<Vec<_>>().join("<br>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::tests::{PLAIN, everything};
    use proptest::prelude::*;

    /// Removes the code spans of Markdown: from a run of backticks to the next run of the same length.
    fn without_code(text: &str) -> String {
        let run = |text: &str| text.len() - text.trim_start_matches('`').len();
        let (mut rest, mut left) = (text, String::new());
        while let Some(start) = rest.find('`') {
            left.push_str(&rest[..start]);
            let ticks = run(&rest[start..]);
            let after = &rest[start + ticks..];
            let mut at = 0;
            let end = loop {
                let Some(next) = after[at..].find('`') else { panic!("an open span in {text}") };
                let length = run(&after[at + next..]);
                if length == ticks {
                    break at + next + length;
                }
                at += next + length;
            };
            assert!(!after[..end].contains('\n'), "a span over lines in {text}");
            rest = &after[end..];
        }
        left + rest
    }

    /// Removes the code elements of HTML, in which the headings of tables hold names.
    fn without_html_code(text: &str) -> String {
        let mut parts = text.split("<code>");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |left, part| {
            let (code, rest) = part.split_once("</code>").expect("a code element ends");
            assert!(!code.contains(['<', '>', '\n', '`']), "markup in {code}");
            left + rest
        })
    }

    proptest! {
        #[test]
        fn no_name_is_markup(name in "x(\\PC*|.*|[-`|@#<>&!\\[\\]()*_~:/a-z0-9 ]*)", is_drift: bool) {
            let shown = |name: &str| without_code(&plan(&everything(|_| name.to_owned()).view(is_drift), &PLAIN));
            prop_assert_eq!(without_html_code(&shown(&name)), without_html_code(&shown("x")));
        }
    }

    #[test]
    fn changes_above_the_limit_are_counted() {
        let mut fixture = everything(|name| name.repeat(8));
        let changes = fixture.plan().changes.clone();
        let on_waba = |waba: u64| {
            changes.iter().cloned().map(move |mut change| {
                change.key.waba = waba.to_string().parse().unwrap();
                change.key.user = waba.to_string().parse().unwrap();
                change
            })
        };
        fixture.proposal.plan.changes = (1_000..5_000).flat_map(on_waba).collect();
        let text = plan(&fixture.view(false), &PLAIN);
        assert!(text.len() < 65_536 && text.len() > 40_000, "{}", text.len());
        assert!(text.contains(" did not fit here.**"), "{}", &text[text.len() - 400..]);
        assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
    }
}
