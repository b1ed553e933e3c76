//! A plan as text, grouped by WABA in the order in which it is applied. Decides nothing.

use super::{count, heading, losses, sign, tasks};
use crate::guard::Violation;
use crate::model::{
    Blocked, Change, GrantSource, Notice, Plan, Position, Prune, Sources, UnmanagedReason, WabaId, WhyGone,
};
use crate::render::layout::{Layout, Paint, Word, foreign, foreign_prose, own, prose};
use crate::render::{Style, View, named, wording};
use unicode_width::UnicodeWidthStr;

/// So many reasons are shown for a change unless all are asked for.
const REASONS: usize = 3;

/// Shows a plan for people.
pub fn plan(view: &View<'_>, style: &Style) -> String {
    let mut layout = Layout::new(style);
    let plan = view.plan();
    for group in plan.changes.chunk_by(|one, next| one.key.waba == next.key.waba) {
        layout.gap();
        heading(&mut layout, plan, group[0].key.waba);
        let column = name_column(plan, group, layout.width());
        for change in group {
            write_change(&mut layout, view, change, column, style.verbose);
        }
    }
    write_unmanaged(&mut layout, plan, style.verbose);
    write_unreadable(&mut layout, plan);
    write_notices(&mut layout, plan);
    losses::write(&mut layout, plan, style.verbose);
    write_violations(&mut layout, view);
    write_last(&mut layout, view);
    layout.finish()
}

/// Returns the width of the names' column: that of the widest name, within a third of the page.
fn name_column(plan: &Plan, group: &[Change], width: usize) -> usize {
    let widest = group.iter().map(|change| user_name(plan, change).width()).max().unwrap_or(0);
    widest.min(width / 3).min(32)
}

pub(super) fn user_name(plan: &Plan, change: &Change) -> String {
    named(&plan.user_name(change.key.user), change.key.user)
}

fn write_change(layout: &mut Layout, view: &View<'_>, change: &Change, column: usize, verbose: bool) {
    let name = foreign(&user_name(view.plan(), change), Paint::Bold).column(column);
    // Tasks stand under each other where there is room for it.
    let hang = if layout.width() >= 60 { 5 + column } else { 6 };
    layout.entry(2, hang, [sign(change.action()), name].into_iter().chain(tasks(change)));
    write_reasons(layout, view, change, verbose);
    if change.blocked == Some(Blocked::SelfRaise) {
        let text = "cannot be made by the acting user itself; not attempted";
        layout.entry(6, 8, prose(text, Paint::Changed));
    }
    if change.admin {
        layout.entry(6, 8, prose("an admin: may not be listed even after the write", Paint::Dim));
    }
}

/// Writes the grants that ask for it, and the lines that no longer do.
pub(super) fn write_reasons(layout: &mut Layout, view: &View<'_>, change: &Change, verbose: bool) {
    let grants = &change.because.grants;
    let shown = if verbose || grants.len() <= REASONS + 1 { grants.len() } else { REASONS };
    for grant in &grants[..shown] {
        layout.entry(6, 8, grant_words(grant, view.sources(), "by"));
    }
    if shown < grants.len() {
        layout.entry(6, 8, prose(&format!("and {} more grants", grants.len() - shown), Paint::Dim));
    }
    if let Some((prune, lines)) = &change.because.gone {
        for line in lines {
            layout.entry(6, 8, gone_words(*prune, line, view.sources()));
        }
    }
}

fn place(at: Position, sources: &Sources, paint: Paint) -> Word {
    foreign(&format!("{}:{}", sources.path(at.source), at.line), paint)
}

pub(super) fn grant_words(grant: &GrantSource, sources: &Sources, lead: &str) -> Vec<Word> {
    let mut words = vec![own(lead, Paint::Dim), foreign(&grant.path, Paint::Dim)];
    if let Some(name) = &grant.name {
        words.extend(foreign_prose(&format!("\"{}\"", name.as_str()), Paint::Dim));
    }
    words.push(own("at", Paint::Dim));
    words.push(place(grant.at, sources, Paint::Dim));
    if let Some(until) = grant.until {
        words.extend(prose(&format!("until {until}"), Paint::Dim));
    }
    if let Some(reason) = &grant.reason {
        words.extend(foreign_prose(&format!("({})", reason.as_str()), Paint::Dim));
    }
    words
}

pub(super) fn gone_words(prune: Prune, line: &WhyGone, sources: &Sources) -> Vec<Word> {
    let prune = match prune {
        Prune::None => "(prune: none)",
        Prune::Declared => "(prune: declared)",
        Prune::All => "(prune: all)",
    };
    let (before, at, after) = match line {
        WhyGone::Expired(grant) => {
            let mut words = grant_words(grant, sources, "expired:");
            words.extend(prose(prune, Paint::Dim));
            return words;
        }
        WhyGone::Declared(at) => ("no grant gives it to the user declared at", *at, ""),
        WhyGone::Undeclared(at) => ("declared in no manifest, on a WABA of", *at, ""),
    };
    let mut words: Vec<Word> = prose(before, Paint::Dim).collect();
    words.push(place(at, sources, Paint::Dim));
    words.extend(prose(after, Paint::Dim));
    words.extend(prose(prune, Paint::Dim));
    words
}

pub(super) fn write_unmanaged(layout: &mut Layout, plan: &Plan, verbose: bool) {
    if plan.unmanaged.is_empty() {
        return;
    }
    layout.gap();
    layout.entry(0, 2, prose(&format!("Left alone: {}.", wording::unmanaged(plan)), Paint::Plain));
    // Access left behind by a deleted declaration must be seen, so that those rows are never folded.
    for row in plan.unmanaged.iter().filter(|row| verbose || row.why == UnmanagedReason::Undeclared) {
        let mut words = vec![own(".", Paint::Dim), own(wording::left_alone(row.why).0, Paint::Dim)];
        words.push(foreign(&named(&row.name, row.key.user), Paint::Bold));
        words.push(own(format!("({})", row.key.user), Paint::Dim));
        words.push(own("on", Paint::Dim));
        words.push(foreign(&named(&plan.waba_name(row.key.waba), row.key.waba), Paint::Plain));
        words.push(own("holds", Paint::Dim));
        words.extend(foreign_prose(&row.tasks.to_string(), Paint::Plain));
        layout.entry(2, 6, words);
    }
}

fn waba_words(plan: &Plan, waba: WabaId) -> [Word; 2] {
    [foreign(&named(&plan.waba_name(waba), waba), Paint::Bold), own(format!("({waba}):"), Paint::Dim)]
}

pub(super) fn write_unreadable(layout: &mut Layout, plan: &Plan) {
    if plan.unreadable.is_empty() {
        return;
    }
    layout.gap();
    let number = count(plan.unreadable.len(), "WABA", "WABAs");
    layout.entry(0, 2, prose(&format!("Could not be read, and not planned: {number}."), Paint::Bad));
    for (waba, error) in &plan.unreadable {
        let words = [own("?", Paint::Bad)].into_iter().chain(waba_words(plan, *waba));
        layout.entry(2, 6, words.chain(foreign_prose(error, Paint::Plain)));
    }
}

pub(super) fn write_notices(layout: &mut Layout, plan: &Plan) {
    if !plan.notices.is_empty() {
        layout.gap();
    }
    for notice in &plan.notices {
        let lead = own("Note:", Paint::Changed);
        let (_, text) = wording::notice(plan, notice);
        match *notice {
            Notice::Unconfirmed(waba) => {
                let words = [lead].into_iter().chain(waba_words(plan, waba));
                layout.entry(0, 6, words.chain(prose(text, Paint::Plain)));
            }
            Notice::AssignsToAdmin(user) => {
                let name = foreign(&named(&plan.user_name(user), user), Paint::Bold);
                layout.entry(0, 6, [lead, name].into_iter().chain(prose(text, Paint::Plain)));
            }
        }
    }
}

fn write_violations(layout: &mut Layout, view: &View<'_>) {
    if !view.violations.is_empty() || !view.waived.is_empty() {
        layout.gap();
    }
    for found in view.waived {
        let words = prose("Waived:", Paint::Changed).chain([own(format!("{}:", found.guard), Paint::Bold)]);
        layout.entry(0, 4, words.chain(foreign_prose(&found.message, Paint::Plain)));
    }
    for found in view.violations {
        let words = [own("Refused:", Paint::Bad), own(format!("{}:", found.guard), Paint::Bold)];
        layout.entry(0, 4, words.into_iter().chain(foreign_prose(&found.message, Paint::Plain)));
        layout.entry(4, 6, waiver(view.plan(), found));
    }
}

/// Says how a violation is waived, as narrowly as it can be.
fn waiver(plan: &Plan, found: &Violation) -> Vec<Word> {
    let code = found.guard.code();
    let mut words: Vec<Word> =
        prose(&format!("to waive it for one run: --waive {code}"), Paint::Dim).collect();
    let object = found
        .waba
        .map(|waba| named(&plan.waba_name(waba), waba))
        .or_else(|| found.user.map(|user| named(&plan.user_name(user), user)));
    if let Some(object) = object {
        // A name that a shell would take apart is quoted.
        let bare = object.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c));
        let quote = if bare { "" } else { "'" };
        let object = object.replace('\'', "'\\''");
        words.extend(prose("or --waive", Paint::Dim));
        words.push(own(format!("{quote}{code}={object}{quote}"), Paint::Dim));
    }
    words
}

pub(super) fn write_last(layout: &mut Layout, view: &View<'_>) {
    if !layout.is_empty() {
        layout.gap();
    }
    if view.plan().partial {
        layout.entry(
            0,
            2,
            prose("Partial: narrowed by --waba; other WABAs were not looked at.", Paint::Changed),
        );
    }
    layout.entry(0, 2, prose(&wording::last_line(view), Paint::Bold));
    if let Some(cost) = wording::cost(view) {
        layout.entry(0, 2, prose(&cost, Paint::Plain));
    }
}
