//! The breaches of one test on one WABA.

use crate::model::{
    AccessTest, Assertion, AssignmentKey, Breach, Breached, GrantSource, Held, HeldHow, HeldOnWaba, Position,
    Require, TaskSet, UserId, WabaId, Who,
};
use std::sync::Arc;

/// Returns the breaches of a test on one WABA, by user.
pub fn breaches(test: &AccessTest, waba: WabaId, held: &HeldOnWaba) -> Vec<Breached> {
    let breached = |user, breach| Breached { waba, user, breach };
    let of_each = |breach: &dyn Fn(UserId, &Held) -> Option<Breach>| {
        let judged = held.iter().filter(|(user, held)| counts(test, **user, held));
        judged.filter_map(|(user, held)| Some(breached(Some(*user), breach(*user, held)?))).collect()
    };
    match &test.claim {
        Assertion::Only { tasks, users } => {
            of_each(&|user, held| not_allowed(tasks, held, users.contains(&user)))
        }
        Assertion::NeverTogether(sets) => of_each(&|_, held| together(sets, &held.tasks)),
        Assertion::Require(require) => {
            of_each(&|user, held| lacking(require, AssignmentKey { waba, user }, &held.tasks))
        }
        Assertion::AtLeast { tasks, number } => {
            let holds = |(user, held): &(&UserId, &Held)| {
                held.how != HeldHow::Undeclared && counts(test, **user, held) && held.tasks.grants_all(tasks)
            };
            let holders = held.iter().filter(holds).count() as u64;
            let is_too_few = holders < *number;
            is_too_few.then(|| breached(None, Breach::TooFew(holders))).into_iter().collect()
        }
        Assertion::Holds(tasks) => {
            let missing = |user: &UserId| {
                let lacks = held.get(user).map_or_else(|| tasks.clone(), |held| held.tasks.missing(tasks));
                (!lacks.is_empty()).then(|| breached(Some(*user), Breach::Lacks(lacks)))
            };
            test.users.iter().flatten().filter_map(missing).collect()
        }
    }
}

/// Returns whether a test judges somebody.
fn counts(test: &AccessTest, user: UserId, held: &Held) -> bool {
    (held.own || test.who == Who::Everybody) && test.users.as_ref().is_none_or(|users| users.contains(&user))
}

fn not_allowed(tasks: &TaskSet, held: &Held, is_allowed: bool) -> Option<Breach> {
    let holds = tasks.difference(&held.tasks.missing(tasks));
    (!is_allowed && !holds.is_empty()).then_some(Breach::NotAllowed(holds))
}

/// Returns the sets that are held at once. Only the tasks that are listed count, not the narrower ones that they include.
fn together(sets: &[TaskSet], held: &TaskSet) -> Option<Breach> {
    let all: Vec<TaskSet> = sets.iter().filter(|set| set.is_subset(held)).cloned().collect();
    (all.len() > 1).then_some(Breach::Together(all))
}

/// Returns the grants that lack a key and give something of what is held.
fn lacking(require: &Require, key: AssignmentKey, held: &TaskSet) -> Option<Breach> {
    let grants = require.lacking.get(&key).into_iter().flatten();
    let grants: Vec<Arc<GrantSource>> = grants
        .filter(|grant| !grant.tasks.intersection(held).is_empty())
        .map(|grant| Arc::clone(&grant.source))
        .collect();
    (!grants.is_empty()).then_some(Breach::Lacking(grants))
}

/// Returns whether a breach is worse than an earlier one of the same test, user and WABA.
pub(super) fn is_worse(now: &Breach, before: &Breach) -> bool {
    match (now, before) {
        (Breach::NotAllowed(now), Breach::NotAllowed(before))
        | (Breach::Lacks(now), Breach::Lacks(before)) => !now.is_subset(before),
        (Breach::Together(now), Breach::Together(before)) => now.iter().any(|set| !before.contains(set)),
        (Breach::Lacking(now), Breach::Lacking(before)) => now.iter().any(|grant| !before.contains(grant)),
        (Breach::TooFew(now), Breach::TooFew(before)) => now < before,
        // They are of one test, so they are of one kind.
        (
            Breach::NotAllowed(_)
            | Breach::Together(_)
            | Breach::Lacking(_)
            | Breach::TooFew(_)
            | Breach::Lacks(_),
            _,
        ) => true,
    }
}

/// Describes a breach, as what follows the user: `holds MANAGE, and is not in only`. `would` is for what a plan leads to.
/// `place` shows a position. Foreign text is escaped.
pub fn describe(
    breach: &Breach,
    test: &AccessTest,
    would: bool,
    place: &dyn Fn(Position) -> String,
) -> String {
    let hold = if would { "would hold" } else { "holds" };
    match breach {
        Breach::NotAllowed(tasks) => format!("{hold} {tasks}, and is not in `only`"),
        Breach::Together(sets) => {
            let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
            format!("{hold} {} together", sets.join(" and "))
        }
        Breach::Lacking(grants) => {
            let keys = match &test.claim {
                Assertion::Require(require) => &require.keys,
                Assertion::Only { .. }
                | Assertion::NeverTogether(_)
                | Assertion::AtLeast { .. }
                | Assertion::Holds(_) => return String::new(),
            };
            let grant = |grant: &Arc<GrantSource>| {
                let lacks = keys.iter().filter(|key| !key.is_in(grant)).map(|key| format!("`{}`", key.key()));
                let lacks = lacks.collect::<Vec<_>>().join(" and no ");
                format!("{} at {}, which has no {lacks}", grant.path, place(grant.at))
            };
            let grants: Vec<String> = grants.iter().map(grant).collect();
            format!("{hold} access by {}", grants.join(", and by "))
        }
        Breach::TooFew(holders) => {
            let (tasks, number) = match &test.claim {
                Assertion::AtLeast { tasks, number } => (tasks.to_string(), *number),
                Assertion::Only { .. }
                | Assertion::NeverTogether(_)
                | Assertion::Require(_)
                | Assertion::Holds(_) => (String::new(), 0),
            };
            let would = if would { "would be " } else { "" };
            format!("{would}{holders} of at least {number} holders of {tasks}")
        }
        Breach::Lacks(tasks) => format!("{} {tasks}", if would { "would lack" } else { "lacks" }),
    }
}
