//! The guards. Each can be set in any document, but only once.

use super::declarations::Declarations;
use super::{Checker, task_names};
use crate::diagnostic;
use crate::manifest::Guards;
use crate::manifest::raw::{Entries, RawGuards};
use crate::manifest::scalar::{CountText, NameText, PercentText};
use crate::model::{At, Holders, Name, Position, Task};
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

const HOLDERS: [(&str, Holders); 2] = [("business", Holders::Business), ("anyone", Holders::Anyone)];

/// The guards that the documents set, each with its position.
#[derive(Default)]
pub(super) struct SetGuards {
    max_removals_percent: Option<At<f64>>,
    max_removals: Option<At<u64>>,
    min_holders: Option<At<BTreeMap<Task, u64>>>,
    holders: Option<At<Holders>>,
    protected_users: Option<At<Vec<At<Name>>>>,
}

impl Checker<'_> {
    /// Checks the guards of a document and adds them to those of the earlier documents.
    pub(super) fn set_guards(&mut self, guards: RawGuards, set: &mut SetGuards) {
        self.key_problems(guards.problems);
        let percent = guards.max_removals_percent.and_then(|percent| self.percent(percent));
        self.set_once(&mut set.max_removals_percent, "guards.max_removals_percent", percent);
        let count = guards.max_removals.and_then(|count| self.count(count));
        self.set_once(&mut set.max_removals, "guards.max_removals", count);
        let holders = guards.min_holders.map(|holders| self.min_holders(holders));
        self.set_once(&mut set.min_holders, "guards.min_holders", holders);
        let who = guards.holders.and_then(|who| self.word(who, &HOLDERS));
        self.set_once(&mut set.holders, "guards.holders", who);
        let users = guards.protected_users.map(|users| self.protected_users(users));
        self.set_once(&mut set.protected_users, "guards.protected_users", users);
    }

    fn percent(&mut self, percent: PercentText) -> Option<At<f64>> {
        let in_range = |percent: &f64| (0.0..=100.0).contains(percent);
        self.number(percent, "a percentage from 0 to 100", in_range)
    }

    pub(super) fn count(&mut self, count: CountText) -> Option<At<u64>> {
        self.number(count, "a whole number of 0 or more", |_| true)
    }

    fn min_holders(&mut self, holders: Entries<CountText>) -> At<BTreeMap<Task, u64>> {
        let at = self.at(holders.location);
        let mut value = BTreeMap::new();
        for (name, count) in self.entries(Some(holders)) {
            let at = self.at(name.location);
            let count = self.count(count);
            match (Task::from_str(&name.text), count) {
                (Err(_), _) => self.report(diagnostic::unknown_task(at, &name.text, task_names())),
                (Ok(task), _) if value.contains_key(&task) => {
                    self.report(diagnostic::duplicate_key(at, &name.text));
                }
                (Ok(task), Some(count)) => _ = value.insert(task, count.value),
                (Ok(_), None) => {}
            }
        }
        At { value, at }
    }

    fn protected_users(&self, users: Vec<NameText>) -> At<Vec<At<Name>>> {
        let users: Vec<At<Name>> = users
            .into_iter()
            .map(|user| At { at: self.at(user.location), value: Name::new(user.text) })
            .collect();
        let at = users.first().map_or_else(Position::default, |user| user.at);
        At { value: users, at }
    }

    /// Returns the guards: those that are set, and the defaults of the others.
    pub(super) fn guards(&mut self, set: SetGuards, declarations: &Declarations) -> Guards {
        let declared = &declarations.system_users;
        let mut protected_users = BTreeSet::new();
        for At { value: user, at } in set.protected_users.into_iter().flat_map(|users| users.value) {
            if declared.contains_key(&user) {
                protected_users.insert(user);
            } else {
                self.undeclared(at, "system_users", user.as_str(), declared.keys());
            }
        }
        let mut default = Guards::default();
        default.min_holders.extend(set.min_holders.into_iter().flat_map(|set| set.value));
        Guards {
            max_removals_percent: set
                .max_removals_percent
                .map_or(default.max_removals_percent, |set| set.value),
            max_removals: set.max_removals.map_or(default.max_removals, |set| set.value),
            min_holders: default.min_holders,
            holders: set.holders.map_or(default.holders, |set| set.value),
            protected_users,
        }
    }
}
