//! The evidence of a saved plan: what showing and applying it takes besides the plan document.

use super::access_tests::SavedTestEntry;
use crate::documents::PartsReader;
use crate::documents::parts::{UserEntry, documents, text};
use crate::documents::plan::{EndingEntry, ReleasedEntry};
use crate::documents::values::{AsText, TaskNames, Tasks};
use crate::documents::words::{HoldersWord, LiveSourceWord};
use crate::model::{
    AssignmentKey, DeclaredNames, EndingGrant, Guard, Holder, Labels, LiveAccess, Name, Plan, Policy,
    ReleasedUser, Sources, State, Task, TimeLimit, UserId, WabaId, Waiver, WaiverTerms,
};
use crate::proposal::{DeclaredSet, Proposal};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// Names by id.
type Names<'a, T> = BTreeMap<AsText<T>, Cow<'a, str>>;

/// Ids by name.
type Ids<'a, T> = BTreeMap<Cow<'a, str>, AsText<T>>;

documents! {
    /// What showing and applying a plan takes besides the plan.
    EvidenceEntry<'a> {
        /// The paths of the manifests.
        sources: Vec<Cow<'a, str>>,
        /// Where live access was read; absent in plans of older versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "LiveSourceWord")]
        live_source: Option<LiveSourceWord>,
        /// The number of live assignments in scope.
        live_in_scope: usize,
        /// The tasks that Meta stores besides or instead of a task, by the task.
        implied: BTreeMap<AsText<Task>, Tasks>,
        /// The live access in scope.
        access: AccessEntry<'a>,
        /// The limits that the guards enforce.
        policy: PolicyEntry<'a>,
        /// The grants that are in force and will end.
        ending: Vec<EndingEntry<'a>>,
        /// What the manifests declare.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "DeclaredEntry<'_>")]
        declared: Option<DeclaredEntry<'a>>,
    }
    /// What the manifests declare.
    DeclaredEntry<'a> {
        /// The name of their set.
        set: Cow<'a, str>,
        /// Their files, relative to their repository.
        files: Vec<Cow<'a, str>>,
        /// The system users, with the lines that declare them.
        users: Vec<ReleasedEntry<'a>>,
        /// The labels of the WABAs in scope that have any, by id.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        labels: BTreeMap<AsText<WabaId>, BTreeMap<Cow<'a, str>, Cow<'a, str>>>,
    }
    /// The live access of the system users of the business.
    AccessEntry<'a> {
        /// The names of the WABAs in scope, by id.
        wabas: Names<'a, WabaId>,
        /// The names of the system users, by id.
        users: Names<'a, UserId>,
        /// The tasks that each user holds on each WABA.
        live: LiveEntry<'a>,
    }
    /// A waiver of the manifests.
    DeclaredWaiverEntry<'a> {
        /// The path in the manifest: `waivers[0]`.
        path: Cow<'a, str>,
        /// The code of the guard.
        guard: Cow<'a, str>,
        /// The name or id of the WABA or user; absent if the guard counts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        target: Option<Cow<'a, str>>,
        /// The number up to which the guard is waived, if it counts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<u64>,
        /// When it ends.
        until: AsText<TimeLimit>,
        /// Why there is a waiver.
        reason: Cow<'a, str>,
        /// The file.
        file: Cow<'a, str>,
        /// The line, from 1.
        line: u32,
    }
    /// The limits that the guards enforce.
    PolicyEntry<'a> {
        /// The largest share of live assignments that may lose a task, in percent.
        max_removals_percent: f64,
        /// The largest number of assignments that may lose a task.
        max_removals: u64,
        /// The smallest number of holders of a task that each WABA must keep, by task.
        min_holders: BTreeMap<AsText<Task>, u64>,
        /// Who counts as a holder.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "HoldersWord")]
        holders: Option<HoldersWord>,
        /// The users that may not lose anything.
        protected_users: Vec<AsText<UserId>>,
        /// The tasks that can be assigned on a WABA, if the API reports them.
        permitted: BTreeMap<AsText<WabaId>, Tasks>,
        /// The access tests, with the WABAs that the plan changes.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tests: Vec<SavedTestEntry<'a>>,
        /// Whether nobody may gain access.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        no_new_access: bool,
        /// The waivers of the manifests.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        waivers: Vec<DeclaredWaiverEntry<'a>>,
        /// The ids of the declared WABAs, by name.
        wabas: Ids<'a, WabaId>,
        /// The ids of the declared system users, by name.
        users: Ids<'a, UserId>,
    }
}

impl<'a> EvidenceEntry<'a> {
    pub(super) fn of(proposal: &'a Proposal) -> Self {
        let plan = &proposal.plan;
        let policy = PolicyEntry::of(&proposal.policy, &proposal.sources);
        Self {
            sources: proposal.sources.iter().map(|(_, source)| source.path.as_str().into()).collect(),
            live_source: LiveSourceWord::of(&proposal.live_source),
            live_in_scope: plan.live_in_scope,
            implied: plan.implied.iter().map(|(task, tasks)| (AsText(task), Tasks(tasks.clone()))).collect(),
            access: AccessEntry {
                wabas: names(&proposal.access.wabas),
                users: names(&proposal.access.users),
                live: LiveEntry(Cow::Borrowed(&proposal.access.live)),
            },
            policy: PolicyEntry { tests: SavedTestEntry::all(proposal), ..policy },
            ending: EndingEntry::all(&proposal.ending, &proposal.sources),
            declared: Some(DeclaredEntry::of(proposal)),
        }
    }
}

fn names<T: Copy + Ord>(names: &BTreeMap<T, Name>) -> Names<'_, T> {
    names.iter().map(|(id, name)| (AsText(*id), text(name))).collect()
}

pub(super) fn read_names<T: Ord>(names: Names<'_, T>) -> BTreeMap<T, Name> {
    names.into_iter().map(|(id, name)| (id.0, Name::new(name))).collect()
}

fn ids<T: Copy>(names: &BTreeMap<Name, T>) -> Ids<'_, T> {
    names.iter().map(|(name, id)| (text(name), AsText(*id))).collect()
}

fn read_ids<T>(ids: Ids<'_, T>) -> BTreeMap<Name, T> {
    ids.into_iter().map(|(name, id)| (Name::new(name), id.0)).collect()
}

fn borrowed(labels: &Labels) -> BTreeMap<Cow<'_, str>, Cow<'_, str>> {
    labels.iter().map(|(key, value)| (key.as_str().into(), value.as_str().into())).collect()
}

fn owned(labels: BTreeMap<Cow<'_, str>, Cow<'_, str>>) -> Labels {
    labels.into_iter().map(|(key, value)| (key.into_owned(), value.into_owned())).collect()
}

impl AccessEntry<'_> {
    pub(super) fn read(self) -> LiveAccess {
        LiveAccess {
            wabas: read_names(self.wabas),
            users: read_names(self.users),
            live: self.live.0.into_owned(),
        }
    }
}

impl<'a> PolicyEntry<'a> {
    fn of(policy: &'a Policy, sources: &'a Sources) -> Self {
        Self {
            max_removals_percent: policy.max_removals_percent,
            max_removals: policy.max_removals,
            min_holders: policy.min_holders.iter().map(|(task, least)| (AsText(*task), *least)).collect(),
            holders: Some(policy.holders.into()),
            protected_users: policy.protected_users.iter().copied().map(AsText).collect(),
            permitted: policy
                .permitted
                .iter()
                .map(|(waba, tasks)| (AsText(*waba), Tasks(tasks.clone())))
                .collect(),
            tests: Vec::new(),
            no_new_access: policy.no_new_access,
            waivers: policy.waivers.iter().filter_map(|one| DeclaredWaiverEntry::of(one, sources)).collect(),
            wabas: ids(&policy.names.wabas),
            users: ids(&policy.names.users),
        }
    }

    pub(super) fn read(mut self, parts: &mut PartsReader) -> Result<Policy, String> {
        let waivers = std::mem::take(&mut self.waivers).into_iter().map(|waiver| waiver.read(parts));
        let waivers = waivers.collect::<Result<_, _>>()?;
        let tests = std::mem::take(&mut self.tests).into_iter();
        let tests = tests.map(|test| Arc::new(test.read(parts))).collect();
        Ok(Policy { tests, waivers, ..self.limits() })
    }

    /// Returns the policy without what refers to lines of the manifests.
    pub(super) fn limits(self) -> Policy {
        Policy {
            tests: Vec::new(),
            max_removals_percent: self.max_removals_percent,
            max_removals: self.max_removals,
            min_holders: self.min_holders.into_iter().map(|(task, least)| (task.0, least)).collect(),
            holders: self.holders.map(Into::into).unwrap_or_default(),
            protected_users: self.protected_users.into_iter().map(|user| user.0).collect(),
            permitted: self.permitted.into_iter().map(|(waba, tasks)| (waba.0, tasks.0)).collect(),
            no_new_access: self.no_new_access,
            waivers: Vec::new(),
            names: DeclaredNames { wabas: read_ids(self.wabas), users: read_ids(self.users) },
        }
    }
}

impl<'a> DeclaredWaiverEntry<'a> {
    /// Returns a waiver of the manifests; `None` for one that is only for one run.
    fn of(waiver: &'a Waiver, sources: &'a Sources) -> Option<Self> {
        let terms = waiver.terms.as_ref()?;
        Some(Self {
            path: terms.path.as_str().into(),
            guard: waiver.guard.code().into(),
            target: waiver.target.as_deref().map(Into::into),
            limit: terms.limit,
            until: AsText(terms.until),
            reason: text(&terms.reason),
            file: sources.path(terms.at.source).into(),
            line: terms.at.line,
        })
    }

    fn read(self, parts: &mut PartsReader) -> Result<Waiver, String> {
        let terms = WaiverTerms {
            path: self.path.into_owned(),
            at: parts.position(&self.file, self.line, 1),
            limit: self.limit,
            until: self.until.0,
            reason: Name::new(self.reason),
        };
        let guard = self.guard.parse::<Guard>().map_err(|error| error.to_string())?;
        Ok(Waiver { guard, target: self.target.map(Cow::into_owned), terms: Some(terms) })
    }
}

impl<'a> DeclaredEntry<'a> {
    fn of(proposal: &'a Proposal) -> Self {
        let DeclaredSet { name, files, users, labels, .. } = &proposal.declared;
        let user = |(id, user): (&UserId, &'a ReleasedUser)| ReleasedEntry {
            user: UserEntry::new(*id, &user.name),
            file: proposal.sources.path(user.at.source).into(),
            line: user.at.line,
        };
        Self {
            set: text(name),
            files: files.iter().map(|file| file.as_str().into()).collect(),
            users: users.iter().map(user).collect(),
            labels: labels.iter().map(|(id, labels)| (AsText(*id), borrowed(labels))).collect(),
        }
    }

    pub(super) fn read(self, parts: &mut PartsReader) -> DeclaredSet {
        let mut user = |entry: ReleasedEntry<'_>| {
            let at = parts.position(&entry.file, entry.line, 1);
            (entry.user.id.0, ReleasedUser { name: entry.user.into_name(), at })
        };
        DeclaredSet {
            name: Name::new(self.set),
            files: self.files.into_iter().map(Cow::into_owned).collect(),
            users: self.users.into_iter().map(&mut user).collect(),
            labels: self.labels.into_iter().map(|(id, labels)| (id.0, owned(labels))).collect(),
            settled: BTreeSet::new(),
        }
    }
}

impl EndingEntry<'_> {
    pub(super) fn read(self, parts: &mut PartsReader) -> EndingGrant {
        EndingGrant {
            source: parts.grant(self.grant),
            tasks: self.tasks.0,
            users: self.users,
            wabas: self.wabas,
        }
    }
}

/// Assignments: an object with the tasks of each user, by WABA.
///
/// This is most of a saved plan. It is written from the state and read into it without a copy in between.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LiveEntry<'a>(pub(super) Cow<'a, State>);

impl Serialize for LiveEntry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let mut last = None;
        for (AssignmentKey { waba, .. }, _) in self.0.iter() {
            if last != Some(waba) {
                map.serialize_entry(&AsText(waba), &OnWaba(&self.0, waba))?;
                last = Some(waba);
            }
        }
        map.end()
    }
}

/// The assignments on one WABA.
struct OnWaba<'a>(&'a State, WabaId);

impl Serialize for OnWaba<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.on(self.1).map(|(user, tasks)| (AsText(user), TaskNames(tasks))))
    }
}

impl<'de> Deserialize<'de> for LiveEntry<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Wabas;

        impl<'de> Visitor<'de> for Wabas {
            type Value = State;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of WABAs")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<State, A::Error> {
                let mut state = State::default();
                while let Some(AsText(waba)) = map.next_key()? {
                    map.next_value_seed(Users { waba, state: &mut state })?;
                }
                Ok(state)
            }
        }

        deserializer.deserialize_map(Wabas).map(|state| Self(Cow::Owned(state)))
    }
}

/// Reads the assignments on one WABA into a state.
struct Users<'a> {
    waba: WabaId,
    state: &'a mut State,
}

impl<'de> DeserializeSeed<'de> for Users<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Users<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of users")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((AsText(user), Tasks(tasks))) = map.next_entry()? {
            self.state.set(AssignmentKey { waba: self.waba, user }, tasks);
        }
        Ok(())
    }
}

impl JsonSchema for LiveEntry<'_> {
    fn schema_name() -> Cow<'static, str> {
        "Live".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        <BTreeMap<AsText<WabaId>, BTreeMap<AsText<UserId>, Tasks>>>::json_schema(generator)
    }
}

/// Returns everybody who holds something on the WABAs that a plan changes.
///
/// Holders are not saved, since the rest contains them: the live access has the system users of the business, and the
/// unmanaged rows have everybody else.
pub(super) fn holders(plan: &Plan, access: &LiveAccess) -> BTreeMap<WabaId, BTreeMap<UserId, Holder>> {
    let mut holders: BTreeMap<WabaId, BTreeMap<UserId, Holder>> = BTreeMap::new();
    for on_waba in plan.by_waba() {
        let waba = on_waba[0].key.waba;
        let own = access.live.on(waba).map(|(user, tasks)| (user, Holder::listed(tasks.clone(), true)));
        holders.insert(waba, own.collect());
    }
    for row in &plan.unmanaged {
        if let Some(held) = holders.get_mut(&row.key.waba) {
            held.insert(row.key.user, Holder::listed(row.tasks.clone(), row.own));
        }
    }
    for held in holders.values_mut() {
        for user in &plan.by_role {
            held.entry(*user).or_insert_with(Holder::by_role);
        }
    }
    holders
}
