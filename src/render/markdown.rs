//! A plan or drift as a comment on a pull request, in GitHub's Markdown.
//!
//! Foreign text is always in code spans, in which nothing is a mention, a link, an emoji or markup. What exceeds
//! GitHub's limit is counted.

use super::sentence::{Sentence, SentencePart};
use super::view::{Entry, Finding, FindingKind, Group, GroupBy, Heading, TaskDiff, TaskMark, View};
use super::{SourceLinks, Style, escape_html, harmless};
use crate::model::Action;
use crate::text::count;
use std::fmt::Write as _;

/// The hidden line by which a later comment finds this one.
pub const MARKER: &str = "<!-- wabacl-plan -->";
/// The maximum length in bytes. GitHub's limit is 65,536 characters; the rest is for text around it, such as links.
const LIMIT: usize = 60_000;
/// The length up to which there are findings that stop or limit the plan. This and the next two leave space for what
/// follows; guesses.
const HEAD: usize = 20_000;
/// The length up to which there are rows of the table by grant.
const TABLE: usize = 30_000;
/// The length up to which there are other findings and unmanaged assignments.
const REST: usize = 40_000;
/// The number of commands that explain something. A guess: a reader who needs more lists them by the drift itself.
const EXPLAINED: usize = 20;
/// The bytes that are reserved for the last lines, which always fit.
const TAIL: usize = 1_000;

/// Shows a plan or drift as Markdown of less than 65,536 characters, the most important first: what stops or limits the
/// plan, a table by grant, other findings, and then each change.
pub fn plan(view: &View<'_>, style: &Style, links: Option<&SourceLinks>) -> String {
    let text = format!("{MARKER}\n### {}\n\n", heading(view));
    let mut comment = Comment { text, links };
    let findings = view.findings(false);
    let is_serious = |found: &&Vec<Finding>| found[0].kind <= FindingKind::Waived;
    findings.iter().filter(is_serious).for_each(|found| comment.findings(found, HEAD));
    by_grant(&mut comment, view);
    findings.iter().filter(|found| !is_serious(found)).for_each(|found| comment.findings(found, REST));
    if let Some(line) = view.unmanaged() {
        let _ = writeln!(comment.text, "{line}\n");
        let rows = view.unmanaged_rows(false, true);
        comment.list(rows.iter(), REST, Comment::sentence);
    }
    details(&mut comment, view, style.group_by.unwrap_or(GroupBy::Grant));
    explanations(&mut comment, view);
    for line in view.closing() {
        let _ = writeln!(comment.text, "{line}\n");
    }
    comment.text.truncate(comment.text.trim_end().len());
    comment.text + "\n"
}

/// A comment in the making, with a maximum length.
struct Comment<'a> {
    text: String,
    links: Option<&'a SourceLinks>,
}

impl Comment<'_> {
    /// Adds text if the comment stays within `limit` bytes, and returns whether it does.
    fn push(&mut self, text: &str, limit: usize) -> bool {
        let fits = self.text.len() + text.len() <= limit;
        if fits {
            self.text.push_str(text);
        }
        fits
    }

    fn findings(&mut self, found: &[Finding], limit: usize) {
        let _ = writeln!(self.text, "**{}:**\n", found[0].kind.title());
        self.list(found.iter(), limit, Self::item);
    }

    fn item(&self, finding: &Finding) -> String {
        let text = self.sentence(&finding.sentence());
        match &finding.advice {
            Some(advice) => format!("{text} ({})", self.sentence(advice)),
            None => text,
        }
    }

    /// Adds the items of a list that fit, and counts the others.
    fn list<T>(&mut self, items: impl Iterator<Item = T>, limit: usize, show: impl Fn(&Self, T) -> String) {
        let mut left_out = 0;
        for item in items {
            let item = format!("- {}\n", show(self, item));
            if left_out > 0 || !self.push(&item, limit) {
                left_out += 1;
            }
        }
        if left_out > 0 {
            // Writing to a string cannot fail.
            let _ = writeln!(self.text, "- and {left_out} more");
        }
        if !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    fn sentence(&self, sentence: &Sentence) -> String {
        let part = |part: &SentencePart| match part {
            SentencePart::Own(text) => text.clone().into_owned(),
            SentencePart::Strong(text) => format!("**{text}**"),
            SentencePart::Literal(text)
            | SentencePart::Name(text)
            | SentencePart::Fixed(text)
            | SentencePart::Foreign(text) => code(text),
            SentencePart::Place(place) => {
                let text = code(place.text());
                match self.links.and_then(|links| links.line(&place.path, place.line)) {
                    Some(url) => format!("[{text}]({url})"),
                    None => text,
                }
            }
            SentencePart::Link(link) => format!("<{}>{}", link.address(), link.end()),
        };
        sentence.parts().iter().map(part).collect::<Vec<_>>().join(" ")
    }

    fn sentences<'s>(&self, sentences: impl Iterator<Item = &'s Sentence>) -> String {
        sentences.map(|sentence| self.sentence(sentence)).collect::<Vec<_>>().join("<br>")
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

fn heading(view: &View<'_>) -> String {
    let refused = match view.violations.len() {
        0 => String::new(),
        violations => format!(" (refused: {})", count(violations, "violation", "violations")),
    };
    format!("wabacl: {}{refused}", view.headline())
}

/// Adds a table with a row for each reason: the grants that ask for changes, and the lines that no longer do.
fn by_grant(comment: &mut Comment<'_>, view: &View<'_>) {
    let groups = view.groups(Some(GroupBy::Grant), true);
    let row = |comment: &Comment<'_>, group: &Group<'_>| {
        let reasons = match group.heading(false) {
            Some(Heading::Reasons(reasons)) => reasons,
            Some(Heading::Waba(_) | Heading::User(_)) | None => Vec::new(),
        };
        let cells = [
            comment.sentences(reasons.iter()),
            comment.sentence(&group.users()),
            comment.sentence(&group.wabas()),
            numbers(&group.entries),
        ];
        format!("| {} |\n", cells.map(cell).join(" | "))
    };
    if groups.is_empty() {
        return;
    }
    comment.text.push_str("| why | users | WABAs | changes |\n|---|---|---|---|\n");
    let fit = groups.iter().take_while(|group| {
        let row = row(comment, group);
        comment.push(&row, TABLE)
    });
    let shown = fit.count();
    comment.text.push('\n');
    left_out(comment, &groups[shown..], GroupBy::Grant);
}

/// Adds the number of changes that did not fit, if there are any.
fn left_out(comment: &mut Comment<'_>, groups: &[Group<'_>], by: GroupBy) {
    let changes = groups.iter().map(Group::len).sum();
    if changes > 0 {
        let (one, many) = match by {
            GroupBy::Waba => ("WABA", "WABAs"),
            GroupBy::User => ("user", "users"),
            GroupBy::Grant => ("reason", "reasons"),
        };
        let (groups, changes) =
            (count(groups.len(), one, many), count(changes, "more change", "more changes"));
        let _ = writeln!(
            comment.text,
            "**{changes} under {groups} did not fit here.** `wabacl show` shows all of a saved plan.\n"
        );
    }
}

/// Adds a table for each group, the most important first, with as many rows as fit.
fn details(comment: &mut Comment<'_>, view: &View<'_>, by: GroupBy) {
    let mut groups = view.groups(Some(by), true).into_iter();
    let mut left = Vec::new();
    for mut group in groups.by_ref() {
        let shown = table(comment, &group);
        group.entries.drain(..shown);
        if !group.entries.is_empty() {
            left.push(group);
            break;
        }
    }
    left.extend(groups);
    left_out(comment, &left, by);
}

/// Adds the rows of a group that fit, and returns their number.
fn table(comment: &mut Comment<'_>, group: &Group<'_>) -> usize {
    const END: &str = "\n</details>\n\n";
    let heading = group.heading(false);
    let mut text = format!(
        "<details><summary>{}: {}</summary>\n\n| | user | tasks | on | why |\n|---|---|---|---|---|\n",
        heading.as_ref().map(summary).unwrap_or_default(),
        numbers(&group.entries)
    );
    let space = (LIMIT - TAIL - END.len()).saturating_sub(comment.text.len());
    let mut shown = 0;
    for entry in &group.entries {
        let row = row(comment, entry, heading.as_ref());
        if text.len() + row.len() > space {
            break;
        }
        text.push_str(&row);
        shown += 1;
    }
    if shown > 0 {
        comment.text += &(text + END);
    }
    shown
}

/// Shows an entry, without the reasons that the heading shows.
fn row(comment: &Comment<'_>, entry: &Entry<'_>, heading: Option<&Heading>) -> String {
    let change = entry.shown(false);
    let reasons = change.reasons.iter().filter(|_| !matches!(heading, Some(Heading::Reasons(_))));
    let notes = change.notes.iter().map(|note| &note.text);
    let cells = [
        sign(change.action).to_owned(),
        comment.sentence(&Sentence::default().user(&change.user)),
        tasks(&change.tasks),
        comment.sentence(&entry.wabas_text(false)),
        comment.sentences(reasons.chain(notes)),
    ];
    format!("| {} |\n", cells.map(cell).join(" | "))
}

/// Adds the commands that explain changes and undeclared access, the most important first, folded.
fn explanations(comment: &mut Comment<'_>, view: &View<'_>) {
    const START: &str = "<details><summary>Explain one of these</summary>\n\n";
    const END: &str = "\n</details>\n\n";
    let (commands, more) = view.explain_commands(EXPLAINED);
    if commands.is_empty() {
        return;
    }
    let shown: Vec<String> = commands.iter().map(|command| format!("- {}\n", code(command))).collect();
    let shown = shown.concat();
    let more = if more > 0 { format!("- and {more} more\n") } else { String::new() };
    comment.push(&format!("{START}{shown}{more}{END}"), LIMIT - TAIL);
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
            SentencePart::Place(place) => format!("<code>{}</code>", escape_html(place.text())),
            SentencePart::Link(link) => format!("<code>{}</code>", escape_html(link.text())),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Because, Position, Prune, WhyGone};
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
            let shown = |name: &str| without_code(&plan(&everything(|_| name.to_owned()).view(is_drift), &PLAIN, None));
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
        let text = plan(&fixture.view(false), &PLAIN, None);
        assert!(text.len() < 65_536 && text.len() > 40_000, "{}", text.len());
        assert!(text.contains(" did not fit here.**"), "{}", &text[text.len() - 400..]);
        assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
    }

    #[test]
    fn what_a_run_comes_from_is_linked_only_if_it_is_the_address_of_a_page() {
        let text = plan(&everything(str::to_owned).view(true), &PLAIN, None);
        assert!(text.contains("origin: actor `ann,` commit"), "{text}");
        assert!(
            text.contains("pull request <https://example.com/o/r/pull/12>, pipeline run <https://"),
            "{text}"
        );
        let rename = |name: &str| name.replace("https://", "javascript://");
        let text = plan(&everything(rename).view(true), &PLAIN, None);
        assert!(text.contains("pipeline run `javascript://example.com/o/r/actions/runs/34,`"), "{text}");
    }

    #[test]
    fn places_are_linked_where_repository_and_commit_are_known() {
        let commit = "0a".repeat(20);
        let links = SourceLinks::new("https://example.com/o/r", "/blob/", &commit, "infra/");
        let show = |path: &str| {
            let rename = |name: &str| String::from(if name == "access.yaml" { path } else { name });
            plan(&everything(rename).view(false), &PLAIN, links.as_ref())
        };
        let at = |path: &str| format!("(https://example.com/o/r/blob/{commit}/infra/{path}#L31)");
        assert!(show("access.yaml").contains(&format!("at [`access.yaml:31`]{} until", at("access.yaml"))));
        // A hostile path stays text, and its address has no other characters than those of addresses.
        let hostile = show("a](javascript:x)|`<b>.yaml");
        let url = at("a%5D%28javascript%3Ax%29%7C%60%3Cb%3E.yaml");
        assert!(hostile.contains(&format!("[`` a](javascript:x)\\|`<b>.yaml:31 ``]{url}")), "{hostile}");
        assert!(!show("/etc/access.yaml").contains("](http"));
    }

    #[test]
    fn the_most_important_rows_fit() {
        let mut fixture = everything(|name| name.repeat(8));
        let change = fixture.plan().changes[3].clone();
        let at = |line| WhyGone::Declared(Position { line, ..Position::default() });
        let of_line = |line| {
            let mut change = change.clone();
            change.because = Because { grants: Vec::new(), gone: Some((Prune::Declared, vec![at(line)])) };
            change
        };
        fixture.proposal.plan.changes = (1_000..3_000).map(of_line).collect();
        let text = plan(&fixture.view(false), &PLAIN, None);
        assert!(text.len() < 65_536, "{}", text.len());
        let (_, table) = text.split_once("|---|---|---|---|\n").unwrap();
        let rows = table.lines().take_while(|line| line.starts_with("| not granted")).count();
        let left = format!(" under {} reasons did not fit here.**", 2_000 - rows);
        assert!(rows > 10 && text.contains(&left), "{rows}");
    }
}
