//! A plan as a comment on a pull request: GitHub's Markdown.
//!
//! All foreign text stands in code spans, where nothing is a mention, a link, an emoji or markup. What does not fit
//! below GitHub's limit is counted. Decides nothing.

use super::wording::{self, count, highlights};
use super::{View, harmless, named};
use crate::model::{Action, Change, Moved, Plan, TaskSet};
use std::fmt::Write as _;

/// The hidden line by which a later comment finds this one.
pub const MARKER: &str = "<!-- wabacl-plan -->";
/// GitHub takes 65,536 characters. This many bytes leave room for what others put around it, such as links.
const LIMIT: usize = 60_000;
/// What stands before the tables may take so much.
const HEAD: usize = 30_000;
/// What stands behind the tables may take so much.
const TAIL: usize = 1_000;
/// So many users are named for each kind of loss.
const NAMED: usize = 10;

/// Shows a plan, or drift, as Markdown of less than 65,536 characters.
pub fn plan(view: &View<'_>) -> String {
    let mut page = Page(format!("{MARKER}\n### {}\n\n", heading(view)));
    findings(&mut page, view);
    tables(&mut page, view);
    left_alone(&mut page, view.plan());
    if let Some(cost) = wording::cost(view) {
        let _ = writeln!(page.0, "{cost}");
    }
    page.0
}

/// A page that does not grow above a limit.
struct Page(String);

impl Page {
    /// Puts something at the end where the page stays within so many bytes.
    fn push(&mut self, text: &str, limit: usize) -> bool {
        let fits = self.0.len() + text.len() <= limit;
        if fits {
            self.0.push_str(text);
        }
        fits
    }

    /// Puts what fits of some lines at the end, and counts the others.
    fn list(&mut self, lines: impl IntoIterator<Item = String>, what: (&str, &str)) {
        let mut left_out = 0;
        for line in lines {
            if left_out > 0 || !self.push(&line, HEAD) {
                left_out += 1;
            }
        }
        if left_out > 0 {
            let _ = writeln!(self.0, "- and {} more", count(left_out, what.0, what.1));
        }
    }

    fn gap(&mut self) {
        if !self.0.ends_with("\n\n") {
            self.0.push('\n');
        }
    }
}

/// Puts text in a code span: as many backticks around it as it takes, and no line or column of a table ends in it.
fn code(text: &str) -> String {
    let text = harmless(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if longest > 0 || text.starts_with(' ') || text.trim().is_empty() { " " } else { "" };
    format!("{fence}{pad}{}{pad}{fence}", text.replace('|', "\\|"))
}

/// Shows text within HTML.
fn html(text: &str) -> String {
    let mut shown = String::new();
    for c in harmless(text).chars() {
        match c {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '"' => shown.push_str("&quot;"),
            '`' => shown.push_str("&#96;"),
            _ => shown.push(c),
        }
    }
    shown
}

fn heading(view: &View<'_>) -> String {
    let summary = view.plan().summary();
    let what = match (view.is_drift(), view.plan().changes.is_empty()) {
        (false, true) => "wabacl: no changes".to_owned(),
        (true, true) => "wabacl: no drift".to_owned(),
        (false, false) => format!(
            "wabacl: {} to assign, {} to change, {} to revoke",
            summary.assign, summary.change, summary.revoke
        ),
        (true, false) => format!(
            "wabacl: drift: {} missing, {} different, {} too many",
            summary.assign, summary.change, summary.revoke
        ),
    };
    let refused = match view.violations.len() {
        0 => String::new(),
        violations => format!(" (refused: {})", count(violations, "violation", "violations")),
    };
    what + &refused
}

/// Shows what is to be seen first: violations, warnings, losses.
fn findings(page: &mut Page, view: &View<'_>) {
    let plan = view.plan();
    if !view.violations.is_empty() {
        page.push("**Refused by the guards:**\n\n", HEAD);
        let lines =
            view.violations.iter().map(|found| format!("- `{}`: {}\n", found.guard, code(&found.message)));
        page.list(lines, ("violation", "violations"));
        page.gap();
    }
    if !plan.unreadable.is_empty() {
        page.push("**Could not be read, and not planned:**\n\n", HEAD);
        let lines = plan.unreadable.iter().map(|(waba, why)| {
            format!("- {} ({waba}): {}\n", code(&named(&plan.waba_name(*waba), waba)), code(why))
        });
        page.list(lines, ("WABA", "WABAs"));
        page.gap();
    }
    let mut warnings: Vec<String> = view
        .waived
        .iter()
        .map(|found| format!("- waived: `{}`: {}\n", found.guard, code(&found.message)))
        .collect();
    warnings.extend(plan.notices.iter().map(|notice| {
        let (who, text) = wording::notice(plan, notice);
        format!("- {} {text}\n", code(&who))
    }));
    if plan.partial {
        warnings.push("- partial: narrowed by `--waba`; other WABAs were not looked at\n".to_owned());
    }
    if !warnings.is_empty() {
        page.push("**Warnings:**\n\n", HEAD);
        page.list(warnings, ("warning", "warnings"));
        page.gap();
    }
    expiring(page, view);
    losses(page, plan);
}

fn expiring(page: &mut Page, view: &View<'_>) {
    let grants = view.drift.and_then(|drift| drift.expiring.as_deref()).unwrap_or_default();
    if grants.is_empty() {
        return;
    }
    page.push("**Grants that end soon:**\n\n", HEAD);
    let lines = grants.iter().map(|found| {
        let (grant, reach) = (wording::grant(&found.source, view.sources()), wording::reach(found));
        format!("- {}, {reach}\n", code(&grant))
    });
    page.list(lines, ("grant", "grants"));
    page.gap();
}

fn losses(page: &mut Page, plan: &Plan) {
    let kinds = highlights(plan);
    if kinds.is_empty() {
        return;
    }
    page.push("**Look twice:**\n\n", HEAD);
    for (kind, users) in kinds {
        let (what, which) = kind.phrase();
        let shown = users.len().min(NAMED);
        let lines = users[..shown].iter().map(|(user, wabas)| {
            let on = count(*wabas, "WABA", "WABAs");
            format!("- {} **{what}** on {on} {which}", code(&named(&plan.user_name(*user), user)))
                .trim_end()
                .to_owned()
                + "\n"
        });
        page.list(lines, ("user", "users"));
        let rest: usize = users[shown..].iter().map(|(_, wabas)| wabas).sum();
        if rest > 0 {
            let more = count(users.len() - shown, "more user", "more users");
            let _ = writeln!(page.0, "- and {more}: each {what}, in {rest} assignments");
        }
    }
    page.gap();
}

/// Shows one table for each WABA, as many as fit.
fn tables(page: &mut Page, view: &View<'_>) {
    let (mut wabas, mut changes) = (0, 0);
    for group in view.plan().changes.chunk_by(|one, next| one.key.waba == next.key.waba) {
        let fits = wabas == 0 && page.push(&table(view, group), LIMIT - TAIL);
        if !fits {
            wabas += 1;
            changes += group.len();
        }
    }
    if wabas > 0 {
        let (wabas, changes) = (count(wabas, "more WABA", "more WABAs"), count(changes, "change", "changes"));
        let _ = writeln!(
            page.0,
            "**{wabas} with {changes} did not fit here.** `wabacl show` shows all of a saved plan.\n"
        );
    }
}

fn table(view: &View<'_>, group: &[Change]) -> String {
    let (plan, waba) = (view.plan(), group[0].key.waba);
    let numbers = |action: Action| group.iter().filter(|change| change.action() == action).count();
    let counts = [(Action::Assign, "+"), (Action::Change, "~"), (Action::Revoke, "−")];
    let counts = counts.iter().filter(|(action, _)| numbers(*action) > 0);
    let counts: Vec<String> = counts.map(|(action, sign)| format!("{sign}{}", numbers(*action))).collect();
    let mut text = format!(
        "<details><summary><code>{}</code> ({waba}): {}</summary>\n\n| | user | tasks | why |\n|---|---|---|---|\n",
        html(&named(&plan.waba_name(waba), waba)),
        counts.join(", ")
    );
    for change in group {
        let sign = match change.action() {
            Action::Assign => "+",
            Action::Change => "~",
            Action::Revoke => "−",
        };
        let user = code(&named(&plan.user_name(change.key.user), change.key.user));
        let _ = writeln!(text, "| {sign} | {user} | {} | {} |", tasks(change), why(view, change));
    }
    text + "\n</details>\n\n"
}

/// Shows the tasks that come, go and stay.
fn tasks(change: &Change) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut add = |set: &TaskSet, before: &str, after: &str| {
        parts.extend(set.names().map(|name| format!("{before}{}{after}", code(name))));
    };
    add(&change.gained(), "**+", "**");
    add(&change.lost(), "~~−", "~~");
    add(&change.kept(), "", "");
    parts.join(" ")
}

fn why(view: &View<'_>, change: &Change) -> String {
    let mut all: Vec<String> =
        wording::reasons(change, view.sources()).iter().map(|reason| code(reason)).collect();
    if change.blocked.is_some() {
        all.push("cannot be made by the acting user itself; not attempted".to_owned());
    }
    if change.admin {
        all.push("an admin: may not be listed even after the write".to_owned());
    }
    if let Some(told) = view.drift.and_then(|drift| drift.explanations.get(&change.key)) {
        all.extend(told.last_write.as_ref().map(|write| code(&wording::last_write(write))));
        if told.moved != Moved::Unknown {
            all.push(wording::side(told.moved).to_owned());
        }
    }
    all.join("<br>")
}

fn left_alone(page: &mut Page, plan: &Plan) {
    if !plan.unmanaged.is_empty() {
        let _ = writeln!(page.0, "Left alone: {}.\n", wording::unmanaged(plan));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AssignmentKey, Because, GrantSource, Position, Sources};
    use crate::proposal::Proposal;
    use proptest::prelude::*;

    fn change(waba: u64, user: u64) -> Change {
        let source = GrantSource {
            path: "grants[0]".into(),
            name: None,
            reason: None,
            until: None,
            at: Position { line: 1, column: 1, ..Position::default() },
        };
        Change {
            key: AssignmentKey {
                waba: waba.to_string().parse().unwrap(),
                user: user.to_string().parse().unwrap(),
            },
            before: TaskSet::EMPTY,
            after: TaskSet::from_names(["MANAGE"]),
            implied: TaskSet::EMPTY,
            because: Because { grants: vec![source.into()], gone: None },
            blocked: None,
            admin: false,
        }
    }

    /// Shows a plan of these changes in which everything that is foreign is called so.
    fn shown(name: &str, changes: Vec<Change>) -> String {
        let mut plan = Plan::empty("10".parse().unwrap(), jiff::civil::date(2026, 11, 23));
        plan.changes = changes;
        for change in &mut plan.changes {
            plan.waba_names.insert(change.key.waba, name.into());
            plan.user_names.insert(change.key.user, name.into());
            let grant = std::sync::Arc::make_mut(&mut change.because.grants[0]);
            grant.name = Some(name.into());
            grant.reason = Some(name.into());
            change.after.insert_name(name);
        }
        plan.unreadable.insert("999".parse().unwrap(), name.to_owned());
        let mut sources = Sources::default();
        sources.add(name, "");
        let proposal = Proposal { sources, ..Proposal::without_evidence(plan) };
        super::plan(&View { proposal: &proposal, violations: &[], waived: &[], drift: None })
    }

    /// Takes the code spans out of a text, as Markdown has them: a run of backticks, to the next as long a one.
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

    proptest! {
        #[test]
        fn no_name_is_more_than_a_name(name in "\\PC*|.*|[-`|@#<>&!\\[\\]()*_~:/a-z0-9 ]*") {
            // What is left without the names is the same, whatever they are; in HTML they are escaped.
            let plain = without_code(&shown("QQQ", vec![change(500, 1), change(501, 2)]));
            let text = without_code(&shown(&name, vec![change(500, 1), change(501, 2)]));
            let named = if name.trim().is_empty() { None } else { Some(html(&name)) };
            let expected: Vec<String> = plain
                .split('\n')
                .map(|line| match (&named, line.strip_prefix("<details><summary><code>QQQ</code> (")) {
                    (Some(named), Some(rest)) => format!("<details><summary><code>{named}</code> ({rest}"),
                    (None, Some(rest)) => format!("<details><summary><code>{}</code> ({rest}", &rest[..3]),
                    (_, None) => line.to_owned(),
                })
                .collect();
            // How many tasks there are may differ, as a name may be that of a known one.
            let shape = |text: &str| text.replace("****", "").replace("  ", " ").replace(" |", "|");
            prop_assert_eq!(shape(&text), shape(&without_code(&expected.join("\n"))));
        }
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let many: Vec<Change> =
            (0..20_000).map(|number| change(1_000 + number / 20, number % 20 + 1)).collect();
        let text = shown(&"a very long name ".repeat(8), many);
        assert!(text.len() < 65_536 && text.len() > 40_000, "{}", text.len());
        assert!(text.contains(" did not fit here.**"), "{}", &text[text.len() - 400..]);
        assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
    }
}
