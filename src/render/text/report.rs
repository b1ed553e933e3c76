//! A report as text: the result of each change, and what to do about it.

use super::{outcome_words, sign};
use crate::model::{Change, Outcome, Plan, Report, ReportedChange, Task, TaskSet};
use crate::render::Style;
use crate::render::layout::{Layout, Paint, StyledWord, foreign, own, prose, sentence, tasks};
use crate::render::sentence::Sentence;
use crate::render::view::{NamedObject, TaskDiff, together, wabas};
use crate::render::wording;
use crate::text::{count, yaml};

/// Shows the result of an apply for people, what was not done first: on a terminal changes that differ only in their WABA
/// are folded, elsewhere each is one line.
pub fn report(report: &Report, plan: &Plan, style: &Style) -> String {
    let mut layout = Layout::new(style);
    let mut changes: Vec<&ReportedChange> = report.changes.iter().collect();
    changes.sort_by_key(|reported| reported.outcome.is_done());
    let same = |reported: &&'_ ReportedChange| {
        let ReportedChange { change, outcome } = reported;
        (change.key.user, change.before.clone(), change.after.clone(), outcome.clone())
    };
    for same in together(changes, same) {
        if style.width.is_some() {
            write_outcome(&mut layout, plan, &same, style.verbose);
        } else {
            for reported in &same {
                write_line(&mut layout, plan, reported);
            }
        }
        write_advice(&mut layout, plan, same[0]);
    }
    if let Some(why) = &report.stopped {
        layout.gap();
        let why = Sentence::default().foreign(why);
        layout.entry(0, 4, [own("Stopped:", Paint::Bad)].into_iter().chain(sentence(&why, Paint::Plain)));
    }
    if let Some(origin) = wording::origin("Origin:", &report.origin).filter(|_| report.run.is_some()) {
        layout.gap();
        layout.entry(0, 4, sentence(&origin, Paint::Dim));
    }
    layout.gap();
    layout.entry(0, 2, prose(&summary(report), Paint::Bold));
    layout.finish()
}

/// Returns the sign of a change with its user.
fn lead_words(plan: &Plan, change: &Change) -> [StyledWord; 2] {
    [sign(change.action()), foreign(&NamedObject::user(plan, change.key.user).name, Paint::Bold)]
}

fn task_words(change: &Change) -> impl Iterator<Item = StyledWord> {
    tasks(&TaskDiff::between(&change.before, &change.after)).collect::<Vec<_>>().into_iter()
}

/// Writes changes that differ only in their WABA.
fn write_outcome(layout: &mut Layout, plan: &Plan, same: &[&ReportedChange], verbose: bool) {
    let ReportedChange { change, outcome } = same[0];
    layout.entry(0, 4, lead_words(plan, change).into_iter().chain(task_words(change)));
    let objects = same.iter().map(|reported| NamedObject::waba(plan, reported.change.key.waba));
    let on = Sentence::default().own("on").then(wabas(objects, same.len(), "", verbose));
    layout.entry(4, 6, sentence(&on, Paint::Plain));
    layout.entry(4, 6, outcome_words(outcome));
}

fn write_line(layout: &mut Layout, plan: &Plan, reported: &ReportedChange) {
    let ReportedChange { change, outcome } = reported;
    let waba = [NamedObject::waba(plan, change.key.waba)].into_iter();
    let on = Sentence::default().own("on").then(wabas(waba, 1, ":", true));
    let mut tasks: Vec<StyledWord> = task_words(change).collect();
    let last = tasks.pop().map(|word| word.with(";"));
    let lead = lead_words(plan, change).into_iter().chain(sentence(&on, Paint::Plain));
    layout.entry(0, 0, lead.chain(tasks).chain(last).chain(outcome_words(outcome)));
}

/// Writes what to do next, if there is something to do.
fn write_advice(layout: &mut Layout, plan: &Plan, reported: &ReportedChange) {
    let text = match &reported.outcome {
        Outcome::AcceptedNotListed => {
            let id = reported.change.key.user;
            let name = yaml::scalar(plan.user_name(id).as_str());
            layout.entry(
                4,
                6,
                prose("if its role gives it access, declare that, or drift shows it again:", Paint::Changed),
            );
            layout.verbatim(6, &format!("system_users: {{ {name}: {{ id: {id}, by_role: true }} }}"));
            return;
        }
        Outcome::StoredDifferently { stored } => return write_implied(layout, &reported.change, stored),
        Outcome::InPart { .. } => "create a new plan to remove the rest",
        Outcome::Moved { .. } => "someone else changed this WABA; create a new plan",
        Outcome::Unknown { .. } => "create a new plan to find out whether it took effect",
        Outcome::Applied | Outcome::AlreadySo | Outcome::Failed { .. } | Outcome::NotAttempted { .. } => {
            return;
        }
    };
    layout.entry(4, 6, prose(text, Paint::Dim));
}

/// Writes the `implied` line for tasks that are stored beside the requested ones, if such a line can explain them.
fn write_implied(layout: &mut Layout, change: &Change, stored: &TaskSet) {
    let more = stored.difference(&change.after);
    let kept: Vec<_> = change.after.intersection(stored).known().collect();
    // The widest of the requested and stored tasks most likely implies the others.
    let wide = |task: &Task| Task::ALL.iter().filter(|other| task.covers(**other)).count();
    let cause = kept.iter().rev().copied().max_by_key(wide);
    let is_explained = change.after.is_subset(stored) && more.unknown().next().is_none() && !more.is_empty();
    if let Some(task) = cause.filter(|_| is_explained) {
        layout.entry(4, 6, prose("if Meta always stores these tasks too, declare that:", Paint::Dim));
        layout.entry(6, 8, [own("implied:", Paint::Plain)]);
        layout.verbatim(8, &format!("{task}: [{more}]"));
    } else {
        let text =
            "no `implied` line explains this; check which tasks this WABA permits, then create a new plan";
        layout.entry(4, 6, prose(text, Paint::Dim));
    }
}

fn summary(report: &Report) -> String {
    if report.changes.is_empty() {
        return "Applied: nothing; there was nothing to do.".to_owned();
    }
    let number =
        |is: fn(&Outcome) -> bool| report.changes.iter().filter(|reported| is(&reported.outcome)).count();
    let applied = number(|outcome| matches!(outcome, Outcome::Applied));
    let others = [
        (number(|outcome| matches!(outcome, Outcome::AlreadySo)), "already as planned"),
        (
            number(|outcome| matches!(outcome, Outcome::AcceptedNotListed)),
            "accepted but not listed (declare `by_role` as shown)",
        ),
        (number(|outcome| matches!(outcome, Outcome::StoredDifferently { .. })), "stored differently"),
        (number(|outcome| matches!(outcome, Outcome::InPart { .. })), "in part"),
        (number(|outcome| matches!(outcome, Outcome::Moved { .. })), "changed meanwhile"),
        (number(|outcome| matches!(outcome, Outcome::Failed { .. })), "failed"),
        (number(|outcome| matches!(outcome, Outcome::Unknown { .. })), "unknown"),
        (number(|outcome| matches!(outcome, Outcome::NotAttempted { .. })), "not attempted"),
    ];
    let others = others.iter().filter(|(number, _)| *number > 0);
    let others = others.map(|(number, what)| format!(", {number} {what}")).collect::<Vec<_>>().concat();
    format!("Applied: {applied} of {}{others}.", count(report.changes.len(), "change", "changes"))
}
