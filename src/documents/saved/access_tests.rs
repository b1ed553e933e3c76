//! The access tests of a saved plan: what the guard `test` needs to judge the plan again.

use crate::documents::PartsReader;
use crate::documents::parts::{GrantEntry, documents, text};
use crate::documents::values::{AsText, Tasks};
use crate::documents::words::{RequiredWord, WhoWord};
use crate::model::{
    AccessTest, Assertion, AssignmentKey, LackingGrant, Name, Require, Sources, UserId, WabaId,
};
use crate::proposal::Proposal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeSet;

documents! {
    /// An access test.
    SavedTestEntry<'a> {
        /// The name.
        name: Cow<'a, str>,
        /// The path in the manifest: `tests[0]`.
        path: Cow<'a, str>,
        /// The file.
        file: Cow<'a, str>,
        /// The line, from 1.
        line: u32,
        /// Whose access it judges.
        who: WhoWord,
        /// The WABAs that it selects and that the plan changes.
        wabas: Vec<AsText<WabaId>>,
        /// The system users that it selects; absent if it is everybody.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        users: Option<Vec<AsText<UserId>>>,
        /// The tasks that only some users may hold.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        only: Option<OnlyEntry>,
        /// The tasks of which no user holds two.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        never_together: Option<Vec<Tasks>>,
        /// What grants must have.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        require: Option<RequireEntry<'a>>,
        /// The tasks that so many users hold.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at_least: Option<AtLeastEntry>,
        /// The tasks that each user holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        holds: Option<Tasks>,
    }
    /// Tasks that only some users may hold.
    OnlyEntry {
        /// The tasks.
        tasks: Tasks,
        /// The users.
        users: Vec<AsText<UserId>>,
    }
    /// What grants must have.
    RequireEntry<'a> {
        /// The keys.
        keys: Vec<RequiredWord>,
        /// The grants that lack one.
        lacking: Vec<LackingEntry<'a>>,
    }
    /// A grant that lacks a key.
    LackingEntry<'a> {
        /// The WABA.
        waba: AsText<WabaId>,
        /// The user.
        user: AsText<UserId>,
        /// The grant.
        grant: GrantEntry<'a>,
        /// The tasks that it gives.
        tasks: Tasks,
    }
    /// Tasks that so many users hold.
    AtLeastEntry {
        /// The tasks.
        tasks: Tasks,
        /// The number.
        number: u64,
    }
}

impl<'a> SavedTestEntry<'a> {
    /// Returns the tests that select a WABA which the plan changes.
    pub(super) fn all(proposal: &'a Proposal) -> Vec<Self> {
        let changed: BTreeSet<WabaId> = proposal.plan.changes.iter().map(|change| change.key.waba).collect();
        let tests = proposal.policy.tests.iter();
        tests.filter_map(|test| Self::of(test, &changed, &proposal.sources)).collect()
    }

    fn of(test: &'a AccessTest, changed: &BTreeSet<WabaId>, sources: &'a Sources) -> Option<Self> {
        let wabas: Vec<AsText<WabaId>> = test.wabas.intersection(changed).copied().map(AsText).collect();
        if wabas.is_empty() {
            return None;
        }
        let mut entry = Self {
            name: text(&test.name),
            path: test.path.as_str().into(),
            file: sources.path(test.at.source).into(),
            line: test.at.line,
            who: test.who.into(),
            wabas,
            users: test.users.as_ref().map(ids),
            only: None,
            never_together: None,
            require: None,
            at_least: None,
            holds: None,
        };
        match &test.claim {
            Assertion::Only { tasks, users } => {
                entry.only = Some(OnlyEntry { tasks: Tasks(tasks.clone()), users: ids(users) });
            }
            Assertion::NeverTogether(sets) => {
                entry.never_together = Some(sets.iter().cloned().map(Tasks).collect());
            }
            Assertion::Require(require) => {
                entry.require = Some(RequireEntry::of(require, changed, sources));
            }
            Assertion::AtLeast { tasks, number } => {
                entry.at_least = Some(AtLeastEntry { tasks: Tasks(tasks.clone()), number: *number });
            }
            Assertion::Holds(tasks) => entry.holds = Some(Tasks(tasks.clone())),
        }
        Some(entry)
    }

    pub(super) fn read(self, parts: &mut PartsReader) -> AccessTest {
        let claim = if let Some(OnlyEntry { tasks, users }) = self.only {
            Assertion::Only { tasks: tasks.0, users: read_ids(users) }
        } else if let Some(AtLeastEntry { tasks, number }) = self.at_least {
            Assertion::AtLeast { tasks: tasks.0, number }
        } else if let Some(tasks) = self.holds {
            Assertion::Holds(tasks.0)
        } else if let Some(require) = self.require {
            Assertion::Require(require.read(parts))
        } else {
            let sets = self.never_together.into_iter().flatten().map(|tasks| tasks.0);
            Assertion::NeverTogether(sets.collect())
        };
        AccessTest {
            name: Name::new(self.name),
            path: self.path.into_owned(),
            at: parts.position(&self.file, self.line, 1),
            who: self.who.into(),
            wabas: self.wabas.into_iter().map(|waba| waba.0).collect(),
            users: self.users.map(read_ids),
            claim,
            idle: Vec::new(),
            not_found: Vec::new(),
            can_discover: false,
        }
    }
}

impl<'a> RequireEntry<'a> {
    fn of(require: &'a Require, changed: &BTreeSet<WabaId>, sources: &'a Sources) -> Self {
        let lacking = require.lacking.iter().filter(|(key, _)| changed.contains(&key.waba));
        let entry = |(key, grant): (&AssignmentKey, &'a LackingGrant)| LackingEntry {
            waba: AsText(key.waba),
            user: AsText(key.user),
            grant: GrantEntry::of(&grant.source, sources),
            tasks: Tasks(grant.tasks.clone()),
        };
        let lacking = lacking.flat_map(|(key, grants)| grants.iter().map(move |grant| (key, grant)));
        Self {
            keys: require.keys.iter().map(|key| (*key).into()).collect(),
            lacking: lacking.map(entry).collect(),
        }
    }

    fn read(self, parts: &mut PartsReader) -> Require {
        let mut require =
            Require { keys: self.keys.into_iter().map(Into::into).collect(), ..Require::default() };
        for LackingEntry { waba, user, grant, tasks } in self.lacking {
            let key = AssignmentKey { waba: waba.0, user: user.0 };
            let grant = LackingGrant { source: parts.grant(grant), tasks: tasks.0 };
            require.lacking.entry(key).or_default().push(grant);
        }
        require
    }
}

fn ids(users: &BTreeSet<UserId>) -> Vec<AsText<UserId>> {
    users.iter().copied().map(AsText).collect()
}

fn read_ids(users: Vec<AsText<UserId>>) -> BTreeSet<UserId> {
    users.into_iter().map(|user| user.0).collect()
}
