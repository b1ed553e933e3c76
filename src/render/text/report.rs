//! A report as text: what became of each change, and what ends what is left. Decides nothing.

use super::{count, heading, held, sign, tasks};
use crate::model::{Change, Outcome, Plan, Report, ReportedChange, Task, TaskSet};
use crate::render::layout::{Layout, Paint, Word, foreign, foreign_prose, own, prose};
use crate::render::{Style, harmless, named};
use std::fmt::Write as _;

/// Shows what became of a plan, for people.
pub fn report(report: &Report, plan: &Plan, style: &Style) -> String {
    let mut layout = Layout::new(style);
    for group in report.changes.chunk_by(|one, next| one.change.key.waba == next.change.key.waba) {
        layout.gap();
        heading(&mut layout, plan, group[0].change.key.waba);
        for reported in group {
            write_outcome(&mut layout, plan, reported);
        }
    }
    write_stopped(&mut layout, report);
    write_last(&mut layout, report);
    layout.finish()
}

fn write_outcome(layout: &mut Layout, plan: &Plan, reported: &ReportedChange) {
    let change = &reported.change;
    let name = foreign(&named(&plan.user_name(change.key.user), change.key.user), Paint::Bold);
    layout.entry(2, 6, [sign(change.action()), name].into_iter().chain(tasks(change)));
    layout.entry(6, 8, outcome_words(&reported.outcome));
    write_advice(layout, plan, reported);
}

/// Says what became of a write.
pub(super) fn outcome_words(outcome: &Outcome) -> Vec<Word> {
    let lead = |word: &str, paint| prose(word, paint).collect::<Vec<Word>>();
    let mut words = match outcome {
        Outcome::Applied => lead("applied", Paint::Good),
        Outcome::AlreadySo => lead("already so", Paint::Good),
        Outcome::AcceptedNotListed => lead("accepted, not listed: the user is an admin", Paint::Changed),
        Outcome::StoredDifferently { .. } => lead("stored differently:", Paint::Changed),
        Outcome::Moved { .. } => lead("moved, left alone: found", Paint::Bad),
        Outcome::Failed { .. } => lead("failed:", Paint::Bad),
        Outcome::Unknown { .. } => lead("unknown:", Paint::Bad),
        Outcome::NotAttempted { .. } => lead("not attempted:", Paint::Changed),
    };
    match outcome {
        Outcome::Applied | Outcome::AlreadySo | Outcome::AcceptedNotListed => {}
        Outcome::StoredDifferently { stored: set } | Outcome::Moved { found: set } => words.extend(held(set)),
        Outcome::Failed { error: why } | Outcome::Unknown { error: why } | Outcome::NotAttempted { why } => {
            words.extend(foreign_prose(why, Paint::Plain));
        }
    }
    words
}

/// Says what to do next, where there is something to do.
fn write_advice(layout: &mut Layout, plan: &Plan, reported: &ReportedChange) {
    match &reported.outcome {
        Outcome::AcceptedNotListed => {
            let user = plan.user_name(reported.change.key.user);
            let name = yaml_name(user.as_str());
            let id = reported.change.key.user;
            layout.entry(6, 8, prose("if its role is what gives it access, say so:", Paint::Dim));
            layout.verbatim(8, &format!("system_users: {{ {name}: {{ id: {id}, by_role: true }} }}"));
        }
        Outcome::StoredDifferently { stored } => write_implied(layout, &reported.change, stored),
        Outcome::Moved { .. } => {
            layout.entry(6, 8, prose("somebody else changed this WABA; plan again", Paint::Dim));
        }
        Outcome::Unknown { .. } => {
            layout.entry(6, 8, prose("plan again: reading tells whether it took effect", Paint::Dim));
        }
        Outcome::Applied | Outcome::AlreadySo | Outcome::Failed { .. } | Outcome::NotAttempted { .. } => {}
    }
}

/// Writes the `implied` line that ends a set that is stored with more in it, or instead of what was asked.
fn write_implied(layout: &mut Layout, change: &Change, stored: &TaskSet) {
    let more = stored.difference(&change.after);
    let kept: Vec<_> = change.after.intersection(stored).known().collect();
    // The widest task that was asked and is stored is the likeliest to bring the others along.
    let wide = |task: &Task| Task::ALL.iter().filter(|other| task.covers(**other)).count();
    let cause = kept.iter().rev().copied().max_by_key(wide);
    let can_say = change.after.is_subset(stored) && more.unknown().next().is_none() && !more.is_empty();
    if let Some(task) = cause.filter(|_| can_say) {
        layout.entry(6, 8, prose("if Meta always stores it so, this line ends it:", Paint::Dim));
        layout.entry(8, 10, [own("implied:", Paint::Plain)]);
        layout.verbatim(10, &format!("{task}: [{more}]"));
    } else {
        let text = "that is not just more than was asked; check what this WABA permits, then plan again";
        layout.entry(6, 8, prose(text, Paint::Dim));
    }
}

/// Writes a name as a YAML key that reads back as the same name: plain where that is safe.
fn yaml_name(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        && !["null", "true", "false", "yes", "no", "on", "off", "y", "n"]
            .contains(&name.to_ascii_lowercase().as_str());
    if plain {
        return name.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in name.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            // What would be shown as an escape, or make a pipeline listen, is an escape in YAML too.
            c if c == '#' || harmless(c.encode_utf8(&mut [0; 4])).len() != c.len_utf8() => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn write_stopped(layout: &mut Layout, report: &Report) {
    if let Some(why) = &report.stopped {
        layout.gap();
        layout.entry(0, 4, [own("Stopped:", Paint::Bad)].into_iter().chain(foreign_prose(why, Paint::Plain)));
    }
}

fn write_last(layout: &mut Layout, report: &Report) {
    if !layout.is_empty() {
        layout.gap();
    }
    if report.changes.is_empty() {
        layout.entry(0, 2, prose("Applied: nothing; there was nothing to do.", Paint::Bold));
        return;
    }
    let number =
        |is: fn(&Outcome) -> bool| report.changes.iter().filter(|reported| is(&reported.outcome)).count();
    let mut line = format!(
        "Applied: {} of {}",
        number(|outcome| matches!(outcome, Outcome::Applied)),
        count(report.changes.len(), "change", "changes")
    );
    for (number, what) in [
        (number(|outcome| matches!(outcome, Outcome::AlreadySo)), "already so"),
        (number(|outcome| matches!(outcome, Outcome::AcceptedNotListed)), "accepted but not listed"),
        (number(|outcome| matches!(outcome, Outcome::StoredDifferently { .. })), "stored differently"),
        (number(|outcome| matches!(outcome, Outcome::Moved { .. })), "moved"),
        (number(|outcome| matches!(outcome, Outcome::Failed { .. })), "failed"),
        (number(|outcome| matches!(outcome, Outcome::Unknown { .. })), "unknown"),
        (number(|outcome| matches!(outcome, Outcome::NotAttempted { .. })), "not attempted"),
    ] {
        if number > 0 {
            let _ = write!(line, ", {number} {what}");
        }
    }
    line.push('.');
    layout.entry(0, 2, prose(&line, Paint::Bold));
}
