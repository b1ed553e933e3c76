//! Text for people. Only lays out what the core found; it must not decide anything.

mod cost;
mod diagnostics;
mod drift;
mod journal;
mod losses;
mod plan;
mod report;
mod stale;
#[cfg(test)]
mod tests;
mod waivers;

pub use cost::cost;
pub use diagnostics::diagnostics;
pub use drift::drift;
pub use journal::{journal, settled};
pub use plan::plan;
pub use report::report;
pub use stale::stale;
pub use waivers::unused_waivers;

use super::layout::{Layout, Paint, Word, foreign, own};
use super::named;
use super::wording::count;
use crate::model::{Action, Change, Plan, Task, TaskSet, WabaId};

/// Writes the heading of what follows on a WABA.
fn heading(layout: &mut Layout, plan: &Plan, waba: WabaId) {
    let mut words = vec![own("WABA", Paint::Dim), foreign(&named(&plan.waba_name(waba), waba), Paint::Bold)];
    if !plan.waba_name(waba).as_str().trim().is_empty() {
        words.push(own(format!("({waba})"), Paint::Dim));
    }
    layout.entry(0, 2, words);
}

/// Returns the sign of a change.
fn sign(action: Action) -> Word {
    match action {
        Action::Assign => own("+", Paint::Good),
        Action::Change => own("~", Paint::Changed),
        Action::Revoke => own("-", Paint::Bad),
    }
}

/// Returns the tasks that stay, come and go, in this order.
fn tasks(change: &Change) -> Vec<Word> {
    let mut words = marked(&change.kept(), "", Paint::Plain);
    words.extend(marked(&change.gained(), "+", Paint::Good));
    words.extend(marked(&change.lost(), "-", Paint::Bad));
    words
}

/// Returns the tasks that stay, come and go from one set to another, in this order.
fn between(before: &TaskSet, after: &TaskSet) -> Vec<Word> {
    let mut words = marked(&before.intersection(after), "", Paint::Plain);
    words.extend(marked(&after.difference(before), "+", Paint::Good));
    words.extend(marked(&before.difference(after), "-", Paint::Bad));
    words
}

/// Returns what a set holds.
fn held(set: &TaskSet) -> Vec<Word> {
    if set.is_empty() { vec![own("nothing", Paint::Plain)] } else { marked(set, "", Paint::Plain) }
}

fn marked(set: &TaskSet, mark: &str, paint: Paint) -> Vec<Word> {
    set.names()
        .map(|name| {
            // A name that this program does not know is foreign text, unless a mark stands before it.
            if mark.is_empty() && name.parse::<Task>().is_err() {
                foreign(name, paint)
            } else {
                foreign_after(mark, name, paint)
            }
        })
        .collect()
}

fn foreign_after(mark: &str, name: &str, paint: Paint) -> Word {
    own(format!("{mark}{}", super::harmless(name)), paint)
}
