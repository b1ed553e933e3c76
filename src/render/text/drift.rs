//! Drift as text, for somebody who did not make the change: what is there and should not be, what should be and is
//! not, and since when. Decides nothing.

use super::heading;
use super::plan::{
    grant_words, user_name, write_last, write_notices, write_reasons, write_unmanaged, write_unreadable,
};
use super::report::outcome_words;
use crate::model::{Change, EndingGrant, Explanation, LastWrite, Moved, TaskSet};
use crate::render::layout::{Layout, Paint, Word, foreign, foreign_prose, own, prose};
use crate::render::wording::{self, count};
use crate::render::{Style, View};

/// Shows drift for people.
pub fn drift(view: &View<'_>, style: &Style) -> String {
    let mut layout = Layout::new(style);
    let plan = view.plan();
    for group in plan.changes.chunk_by(|one, next| one.key.waba == next.key.waba) {
        layout.gap();
        heading(&mut layout, plan, group[0].key.waba);
        for change in group {
            write_difference(&mut layout, view, change, style.verbose);
        }
    }
    write_unmanaged(&mut layout, plan, style.verbose);
    write_unreadable(&mut layout, plan);
    write_notices(&mut layout, plan);
    if let Some(expiring) = view.drift.and_then(|drift| drift.expiring.as_ref()) {
        write_expiring(&mut layout, view, expiring);
    }
    write_last(&mut layout, view);
    if let Some(line) = wording::moved(view) {
        layout.entry(0, 2, prose(&line, Paint::Plain));
    }
    layout.finish()
}

fn write_difference(layout: &mut Layout, view: &View<'_>, change: &Change, verbose: bool) {
    let name = foreign(&user_name(view.plan(), change), Paint::Bold);
    layout.entry(2, 6, [super::sign(change.action()), name]);
    write_tasks(layout, "should hold, and does not:", &change.gained(), Paint::Good);
    write_tasks(layout, "holds, and should not:", &change.lost(), Paint::Bad);
    write_reasons(layout, view, change, verbose);
    if let Some(drift) = view.drift
        && let Some(told) = drift.explanations.get(&change.key)
    {
        // Where nothing can be told of any it helps nobody to say so of each.
        write_told(layout, told, drift.tells());
    }
}

fn write_tasks(layout: &mut Layout, lead: &str, tasks: &TaskSet, paint: Paint) {
    if !tasks.is_empty() {
        let tasks = tasks.names().map(|name| foreign(name, paint));
        layout.entry(4, 6, prose(lead, Paint::Plain).chain(tasks));
    }
}

fn write_told(layout: &mut Layout, told: &Explanation, with_unknown: bool) {
    if let Some(write) = &told.last_write {
        layout.entry(6, 8, last_write(write));
    }
    let paint = if told.moved == Moved::Live { Paint::Bad } else { Paint::Changed };
    if told.moved != Moved::Unknown || with_unknown {
        layout.entry(6, 8, prose(wording::side(told.moved), paint));
    }
}

/// Says what the journal tells: what was written there last, when, and by whom.
fn last_write(write: &LastWrite) -> Vec<Word> {
    let mut words: Vec<Word> =
        prose(&format!("last written {}", wording::minute(write.at)), Paint::Dim).collect();
    for (lead, name) in wording::writers(write) {
        words.push(own(lead, Paint::Dim));
        words.extend(foreign_prose(&name, Paint::Dim));
    }
    words.push(own("to", Paint::Dim));
    words.extend(super::held(&write.after));
    if let Some(outcome) = write.outcome.as_ref().filter(|outcome| !outcome.is_done()) {
        words.extend(outcome_words(outcome));
    }
    words.push(own("(run", Paint::Dim));
    words.push(foreign(&format!("{},", write.run), Paint::Dim));
    words.extend(prose(&format!("write {})", write.number), Paint::Dim));
    words
}

fn write_expiring(layout: &mut Layout, view: &View<'_>, expiring: &[EndingGrant]) {
    if expiring.is_empty() {
        return;
    }
    layout.gap();
    let number = count(expiring.len(), "grant ends", "grants end");
    layout.entry(0, 2, prose(&format!("{number} soon:"), Paint::Changed));
    for grant in expiring {
        let reach = wording::reach(grant);
        let words = grant_words(&grant.source, view.sources(), "-");
        layout.entry(2, 6, words.into_iter().chain(prose(&reach, Paint::Plain)));
    }
}
