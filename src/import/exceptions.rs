//! What the grants do not explain: exceptions, each for some users with the same tasks on a WABA, and the evidence that they may
//! be mistakes.

use super::draft::{Draft, DraftWaba};
use crate::mining::MinedGrant;
use crate::model::{AssignmentKey, Name, TaskSet};
use std::collections::BTreeMap;

/// An assignment that differs from what the grants give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The assignment.
    pub key: AssignmentKey,
    /// The live name of the WABA.
    pub waba: Name,
    /// The live name of the user.
    pub user: Name,
    /// What is held.
    pub live: TaskSet,
    /// What the grants give.
    pub given: TaskSet,
    /// How many WABAs the widest grant selects that gives it, and on how many of these the user holds what that gives; `None`
    /// if no grant gives anything.
    pub evidence: Option<Evidence>,
    /// On how many WABAs the user holds what is held here although no grant gives it.
    pub alone: usize,
}

/// How many of the WABAs that a grant selects are as it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The number of WABAs on which the user holds what the grant gives.
    pub held: usize,
    /// The number of WABAs that the grant selects.
    pub selected: usize,
    /// What selects them, for people.
    pub selection: String,
}

/// An exception.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DraftException {
    pub(super) users: Vec<u32>,
    pub(super) tasks: TaskSet,
    /// The WABAs, by number.
    pub(super) wabas: Vec<u32>,
}

impl Draft<'_> {
    /// Returns the pairs that differ from what the grants give: the WABA, the user, what is held, and what is given.
    fn differences(&self) -> impl Iterator<Item = (u32, u32, TaskSet, TaskSet)> {
        (0..).zip(&self.wabas).flat_map(|(number, waba)| {
            differing(waba).into_iter().map(move |(user, live, given)| (number, user, live, given))
        })
    }

    /// Returns the exceptions: one for the users that hold the same tasks on a WABA. Each is a line, so each can get a reason of
    /// its own, and one more changes no other line.
    pub(super) fn exceptions(&self) -> Vec<DraftException> {
        let mut by_waba: BTreeMap<(u32, TaskSet), Vec<u32>> = BTreeMap::new();
        for (waba, user, live, _) in self.differences() {
            by_waba.entry((waba, live)).or_default().push(user);
        }
        let exception = |((waba, tasks), users)| DraftException { users, tasks, wabas: vec![waba] };
        by_waba.into_iter().map(exception).collect()
    }

    /// Returns the assignments that differ from what the grants give, with the evidence.
    pub(super) fn mistakes(&self) -> Vec<Mistake> {
        let mut alone: BTreeMap<(u32, TaskSet), usize> = BTreeMap::new();
        for (_, user, live, _) in self.differences() {
            *alone.entry((user, live)).or_default() += 1;
        }
        let held = self.held();
        let mistake = |(waba, user, live, given): (u32, u32, TaskSet, TaskSet)| {
            let waba = self.wabas.get(waba as usize)?;
            let of_user = self.users.get(user as usize)?;
            let grants = waba.grants.iter().filter_map(|number| Some((*number, self.grants.get(*number)?)));
            let relevant =
                grants.filter(|(_, grant)| grant.users.contains(&user) && !grant.tasks.is_subset(&live));
            let widest =
                relevant.max_by_key(|(number, _)| (self.selected.get(*number), std::cmp::Reverse(*number)));
            let evidence = widest.map(|(number, grant)| Evidence {
                held: held.get(&(number, user)).copied().unwrap_or_default(),
                selected: self.selected.get(number).copied().unwrap_or_default(),
                selection: self.describe(grant),
            });
            Some(Mistake {
                key: AssignmentKey { waba: waba.id, user: of_user.id },
                waba: waba.live.name.clone(),
                user: of_user.live.clone(),
                alone: alone.get(&(user, live.clone())).copied().unwrap_or_default(),
                live,
                given,
                evidence,
            })
        };
        self.differences().filter_map(mistake).collect()
    }

    /// Returns for each grant and each of its users on how many of its WABAs the user holds what it gives.
    fn held(&self) -> BTreeMap<(usize, u32), usize> {
        let mut held: BTreeMap<(usize, u32), usize> = BTreeMap::new();
        for waba in &self.wabas {
            let grants = waba.grants.iter().filter_map(|number| Some((*number, self.grants.get(*number)?)));
            for (number, grant) in grants {
                for (user, tasks) in &waba.held {
                    if grant.tasks.is_subset(tasks) && grant.users.binary_search(user).is_ok() {
                        *held.entry((number, *user)).or_default() += 1;
                    }
                }
            }
        }
        held
    }

    /// Describes which WABAs a grant selects.
    fn describe(&self, grant: &MinedGrant) -> String {
        let selector = &grant.selector;
        let mut parts: Vec<String> = selector.globs.iter().map(|glob| format!("`{glob}`")).collect();
        parts = if parts.is_empty() { Vec::new() } else { vec![parts.join(" or ")] };
        let list = selector.list.map(|list| format!("the list {}", super::write::list_name(list)));
        let label = selector.label.and_then(|label| self.labels.get(label as usize));
        parts.extend(list);
        parts.extend(label.map(|label| format!("`{}: {}`", label.key, label.value)));
        if parts.is_empty() { String::from("`*`") } else { parts.join(" with ") }
    }
}

/// Returns the users whose live tasks on a WABA differ from what the grants give.
fn differing(waba: &DraftWaba<'_>) -> Vec<(u32, TaskSet, TaskSet)> {
    let live: BTreeMap<u32, &TaskSet> = waba.held.iter().map(|(user, tasks)| (*user, tasks)).collect();
    let mut found = Vec::new();
    let is_described = |user: &u32| !waba.left_out.contains(user);
    for (user, tasks) in live.iter().filter(|(user, _)| is_described(user)) {
        let given = waba.given.get(user).cloned().unwrap_or_default();
        if **tasks != given {
            found.push((*user, (*tasks).clone(), given));
        }
    }
    let unheld = waba.given.iter().filter(|(user, _)| is_described(user) && !live.contains_key(user));
    for (user, given) in unheld {
        found.push((*user, TaskSet::EMPTY, given.clone()));
    }
    found.sort();
    found
}
