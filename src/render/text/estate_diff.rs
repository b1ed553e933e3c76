//! What differs between two snapshots, as text.

use super::sign;
use crate::model::{
    AccessDiff, Action, EstateDiff, HolderOf, Name, ObjectDiff, SnapshotMark, SolutionId, TaskSet, UserFacts,
    UserId, WabaFacts, WabaId,
};
use crate::render::Style;
use crate::render::layout::{Layout, Paint, own, prose, sentence, tasks};
use crate::render::sentence::Sentence;
use crate::render::view::{NamedObject, TaskDiff, together, wabas};
use crate::text::count;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

/// Shows what differs: on a terminal folded and wrapped, elsewhere with one line for each difference.
pub fn estate_diff(diff: &EstateDiff, style: &Style) -> String {
    let mut layout = Layout::new(style);
    let folds = style.width.is_some() && !style.verbose;
    layout.entry(0, 2, sentence(&heading(diff), Paint::Plain));
    section(&mut layout, diff.users.iter().map(|found| (action(found), user(found))));
    let by_waba = assignments_by_waba(diff);
    section(&mut layout, diff.wabas.iter().map(|found| (action(found), waba(found, &by_waba))));
    write_access(&mut layout, diff, folds, style.verbose);
    section_of(
        &mut layout,
        diff.unknown.iter().map(|found| {
            let object = named(&found.name, found.id);
            let side = match (found.in_old, found.in_new) {
                (true, true) => "in both snapshots",
                (true, false) => "in the older snapshot",
                (false, _) => "in the newer snapshot",
            };
            let text = Sentence::default().own("WABA").object(&object, ":");
            (own("?", Paint::Bad), text.own(format!("access is not known {side}, so it is not compared")))
        }),
    );
    layout.gap();
    layout.entry(0, 2, prose(&closing(diff), Paint::Bold));
    layout.finish()
}

fn heading(diff: &EstateDiff) -> Sentence {
    let taken = |mark: &Option<SnapshotMark>| match mark {
        Some(mark) if mark.changed => {
            format!("the snapshot of {}, which an emulator has changed since", mark.taken)
        }
        Some(mark) => format!("the snapshot of {}", mark.taken),
        None => String::from("a state of the emulator"),
    };
    let (old, new) = (taken(&diff.old), taken(&diff.new));
    Sentence::default().own(format!("Business {}: from {old} to {new}", diff.business))
}

/// Writes differences below a gap, each with the sign of what happened.
fn section(layout: &mut Layout, found: impl Iterator<Item = (Action, Sentence)>) {
    section_of(layout, found.map(|(action, text)| (sign(action), text)));
}

fn section_of(
    layout: &mut Layout,
    found: impl Iterator<Item = (crate::render::layout::StyledWord, Sentence)>,
) {
    for (index, (lead, text)) in found.enumerate() {
        if index == 0 {
            layout.gap();
        }
        layout.entry(0, 4, [lead].into_iter().chain(sentence(&text, Paint::Plain)));
    }
}

fn action<Id, Facts>(found: &ObjectDiff<Id, Facts>) -> Action {
    match (&found.before, &found.after) {
        (None, _) => Action::Assign,
        (_, None) => Action::Revoke,
        (Some(_), Some(_)) => Action::Change,
    }
}

fn named(name: &Name, id: impl Display) -> NamedObject {
    NamedObject::new(name.as_str(), id.to_string())
}

fn user(found: &ObjectDiff<UserId, UserFacts>) -> Sentence {
    let role = |facts: &UserFacts| facts.role.clone().unwrap_or_else(|| String::from("not known"));
    let lead = Sentence::default().own("system user");
    match (&found.before, &found.after) {
        (Some(before), Some(after)) => {
            let mut text = lead.object(&named(&after.name, found.id), ":");
            if before.name != after.name {
                text = text.own("was named").name(before.name.as_str());
            }
            if before.role != after.role {
                text = text.own("role").fixed(&role(before)).own("is now").fixed(&role(after));
            }
            text
        }
        (before, after) => match before.as_ref().or(after.as_ref()) {
            Some(facts) => lead.object(&named(&facts.name, found.id), ", role").fixed(&role(facts)),
            None => lead,
        },
    }
}

fn list(facts: &WabaFacts) -> &'static str {
    if facts.owned { "owned by the business" } else { "shared with the business" }
}

fn waba(found: &ObjectDiff<WabaId, WabaFacts>, access: &BTreeMap<WabaId, Option<usize>>) -> Sentence {
    let lead = Sentence::default().own("WABA");
    match (&found.before, &found.after) {
        (Some(before), Some(after)) => {
            let mut text = lead.object(&named(&after.name, found.id), ":");
            if before.name != after.name {
                text = text.own("was named").name(before.name.as_str());
            }
            if before.owned != after.owned {
                text = text.own(format!("was {}, is {}", list(before), list(after)));
            }
            if before.permitted_tasks != after.permitted_tasks {
                let (before, after) = (&before.permitted_tasks, &after.permitted_tasks);
                text = permitted(text, before.as_ref(), after.as_ref());
            }
            if before.solutions != after.solutions {
                text = text.own(format!(
                    "solutions {}, now {}",
                    solutions(before.solutions.as_ref()),
                    solutions(after.solutions.as_ref())
                ));
            }
            text
        }
        (before, after) => match before.as_ref().or(after.as_ref()) {
            Some(facts) => {
                let number = match access.get(&found.id) {
                    Some(None) => String::from("access that is not known"),
                    Some(Some(number)) => count(*number, "assignment", "assignments"),
                    None => String::from("no assignments"),
                };
                lead.object(&named(&facts.name, found.id), ",").own(format!("{}, with {number}", list(facts)))
            }
            None => lead,
        },
    }
}

fn permitted(text: Sentence, before: Option<&TaskSet>, after: Option<&TaskSet>) -> Sentence {
    match (before, after) {
        (Some(before), Some(after)) => {
            let (more, fewer) = (after.difference(before), before.difference(after));
            let text = if more.is_empty() { text } else { text.own("can now be assigned:").tasks(&more) };
            if fewer.is_empty() { text } else { text.own("can no longer be assigned:").tasks(&fewer) }
        }
        (None, Some(after)) => text.own("the tasks that can be assigned are known now:").tasks(after),
        (_, None) => text.own("the tasks that can be assigned are no longer known"),
    }
}

fn solutions(ids: Option<&BTreeSet<SolutionId>>) -> String {
    let ids: Vec<String> = ids.into_iter().flatten().map(ToString::to_string).collect();
    if ids.is_empty() { String::from("none") } else { ids.join(", ") }
}

/// Returns the number of assignments that differ on each WABA; `None` if they are not known.
fn assignments_by_waba(diff: &EstateDiff) -> BTreeMap<WabaId, Option<usize>> {
    let mut numbers: BTreeMap<WabaId, Option<usize>> = BTreeMap::new();
    for found in &diff.access {
        let number = numbers.entry(found.key.waba).or_insert(Some(0));
        *number = number.map(|number| number + 1);
    }
    numbers.extend(diff.unknown.iter().map(|found| (found.id, None)));
    numbers
}

/// Writes the assignments that differ. If they are folded, those of WABAs that came or went are only counted there, and the
/// same difference on many WABAs is one entry.
fn write_access(layout: &mut Layout, diff: &EstateDiff, folds: bool, verbose: bool) {
    let whole = diff.wabas.iter().filter(|found| found.before.is_none() || found.after.is_none());
    let whole: BTreeSet<WabaId> = whole.map(|found| found.id).collect();
    let listed = diff.access.iter().filter(|found| !folds || !whole.contains(&found.key.waba));
    let single = |found: &AccessDiff| (!folds).then_some(found.key.waba);
    let same = |found: &&AccessDiff| {
        (found.key.user, found.holder, found.before.clone(), found.after.clone(), single(found))
    };
    for (index, group) in together(listed.collect(), same).into_iter().enumerate() {
        if index == 0 {
            layout.gap();
        }
        let first = group[0];
        let objects = group.iter().map(|found| named(&found.waba, found.key.waba));
        let text = Sentence::default()
            .own(holder(first.holder))
            .object(&named(&first.user, first.key.user), "")
            .own("on")
            .then(wabas(objects, group.len(), ":", verbose || !folds));
        let lead = sign(Action::between(&first.before, &first.after));
        let words = [lead].into_iter().chain(sentence(&text, Paint::Plain));
        layout.entry(0, 4, words.chain(tasks(&TaskDiff::between(&first.before, &first.after))));
    }
}

fn holder(holder: HolderOf) -> &'static str {
    match holder {
        HolderOf::SystemUser => "system user",
        HolderOf::Person => "person",
        HolderOf::OtherBusiness => "user of another business",
    }
}

fn closing(diff: &EstateDiff) -> String {
    let not_compared = match diff.unknown.len() {
        0 => String::new(),
        number => format!("; access on {} not compared", count(number, "WABA", "WABAs")),
    };
    if diff.is_empty() {
        return format!("No differences{not_compared}.");
    }
    let users = count(diff.users.len(), "system user", "system users");
    let wabas = count(diff.wabas.len(), "WABA", "WABAs");
    let access = count(diff.access.len(), "assignment", "assignments");
    format!("Differences: {users}, {wabas}, {access}{not_compared}.")
}
