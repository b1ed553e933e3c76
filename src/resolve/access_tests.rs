//! Looks up the users and WABAs of access tests.

use super::candidates::Candidates;
use super::users::Users;
use crate::diagnostic::{self, Diagnostic};
use crate::manifest::{
    DeclaredTest, DiscoverRule, Glob, Manifest, RequiredLabel, TestClaim, UserSelector, WabaSelection,
    WabaSelector,
};
use crate::model::{
    AccessTest, Assertion, AssignmentKey, At, Claim, Directory, Idle, LackingGrant, Name, Phase, Require,
    RequiredKey, ResolvedGrant, TaskSet, UserId, WabaId,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The WABAs that a test selects, with the parts of its selection that select none.
pub(super) struct Selected {
    wabas: BTreeSet<WabaId>,
    idle: Vec<String>,
}

/// Selects the WABAs of each test.
pub(super) fn select(
    manifest: &Manifest,
    candidates: &Candidates<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Selected> {
    let mut all = Vec::new();
    for test in &manifest.tests {
        let (selected, unmatched) = candidates.select_any(&test.selection, test.at);
        let present = selected.into_iter().map(|index| candidates.get(index)).filter(|waba| !waba.gone);
        let wabas: BTreeSet<WabaId> = present.map(|waba| waba.id).collect();
        let mut idle: Vec<String> = unmatched.iter().map(ToString::to_string).collect();
        if wabas.is_empty() && idle.is_empty() {
            idle.push(String::from("its selection of WABAs"));
        }
        all.push(Selected { wabas, idle });
    }
    if let (true, Some(last)) = (candidates.is_exhausted(), manifest.tests.last()) {
        diagnostics.push(diagnostic::glob_limit(last.at));
    }
    all
}

/// What tests are looked up in.
pub(super) struct Known<'a> {
    pub(super) users: &'a Users<'a>,
    pub(super) directory: &'a Directory,
    /// Whether the directory has only what the manifests declare.
    pub(super) is_offline: bool,
    pub(super) claims: &'a [Claim],
    pub(super) grants: &'a [ResolvedGrant],
}

/// Looks up the users of each test, and what else it is about.
pub(super) fn resolve(
    manifest: &Manifest,
    selected: Vec<Selected>,
    known: &Known<'_>,
) -> Vec<Arc<AccessTest>> {
    let tests = manifest.tests.iter().zip(selected);
    tests.map(|(test, selected)| Arc::new(known.test(manifest, test, selected))).collect()
}

impl Known<'_> {
    fn test(&self, manifest: &Manifest, test: &DeclaredTest, selected: Selected) -> AccessTest {
        let mut found = Found::default();
        let can_discover = self.is_offline && can_discover(&manifest.discover, &test.selection);
        let users = test.users.as_ref().map(|users| self.users(users, true, &mut found));
        let claim = self.claim(&test.claim, &selected.wabas, users.as_ref(), &mut found);
        let wabas = selected.idle.into_iter().map(|part| Idle { part, is_unread: can_discover });
        let globs = found.idle.into_iter().map(|part| Idle { part, is_unread: self.is_offline });
        AccessTest {
            name: test.name.clone(),
            path: test.path.clone(),
            at: test.at,
            who: test.who,
            wabas: selected.wabas,
            users,
            claim,
            idle: wabas.chain(globs).collect(),
            not_found: found.not_found.into_iter().collect(),
            can_discover,
        }
    }

    fn claim(
        &self,
        claim: &TestClaim,
        wabas: &BTreeSet<WabaId>,
        users: Option<&BTreeSet<UserId>>,
        found: &mut Found,
    ) -> Assertion {
        match claim {
            TestClaim::Only { tasks, users } => {
                Assertion::Only { tasks: tasks.clone(), users: self.users(users, false, found) }
            }
            TestClaim::NeverTogether(sets) => Assertion::NeverTogether(sets.clone()),
            TestClaim::Require { keys, tasks } => {
                let lacking = self.lacking(keys, tasks.as_ref(), wabas, users);
                Assertion::Require(Require { keys: keys.clone(), lacking })
            }
            TestClaim::AtLeast { tasks, number } => {
                Assertion::AtLeast { tasks: tasks.clone(), number: *number }
            }
            TestClaim::Holds(tasks) => Assertion::Holds(tasks.clone()),
        }
    }

    /// Returns the users that selectors select. Only if `by_live_name` do globs match live names: anybody who manages a user can
    /// choose its live name.
    fn users(&self, selectors: &[UserSelector], by_live_name: bool, found: &mut Found) -> BTreeSet<UserId> {
        let mut all = BTreeSet::new();
        for selector in selectors {
            match selector {
                UserSelector::Id(id) => _ = all.insert(*id),
                UserSelector::Name(name) => match self.users.found.get(name) {
                    Some(id) => _ = all.insert(*id),
                    None => _ = found.not_found.insert(name.clone()),
                },
                UserSelector::Glob(glob) => {
                    let (matching, not_found) = self.matching(glob, by_live_name);
                    if matching.is_empty() && not_found.is_empty() {
                        found.idle.push(format!("`{}` in its users", Name::from(glob.as_str())));
                    }
                    all.extend(matching);
                    found.not_found.extend(not_found);
                }
            }
        }
        all
    }

    /// Returns the users that a glob matches, and the declared ones that it matches and that were not found.
    fn matching(&self, glob: &Glob, by_live_name: bool) -> (BTreeSet<UserId>, BTreeSet<Name>) {
        let Users { found, unresolved } = self.users;
        let declared = found.iter().filter(|(name, _)| glob.matches(name.as_str())).map(|(_, id)| *id);
        let mut matching: BTreeSet<UserId> = declared.collect();
        if by_live_name {
            let live =
                self.directory.system_users.iter().filter(|(_, user)| glob.matches(user.name.as_str()));
            matching.extend(live.map(|(id, _)| *id).filter(|id| !self.is_declared(*id)));
        }
        let not_found = unresolved.keys().filter(|name| glob.matches(name.as_str()));
        (matching, not_found.map(|name| (*name).clone()).collect())
    }

    fn is_declared(&self, user: UserId) -> bool {
        self.users.found.values().any(|id| *id == user)
    }

    /// Returns the grants in force that lack one of the keys, by the assignments that the test selects.
    fn lacking(
        &self,
        keys: &BTreeSet<RequiredKey>,
        tasks: Option<&TaskSet>,
        wabas: &BTreeSet<WabaId>,
        users: Option<&BTreeSet<UserId>>,
    ) -> BTreeMap<AssignmentKey, Vec<LackingGrant>> {
        let mut all = BTreeMap::new();
        for same in self.claims.chunk_by(|one, next| one.key == next.key) {
            let key = same[0].key;
            if !wabas.contains(&key.waba) || users.is_some_and(|users| !users.contains(&key.user)) {
                continue;
            }
            let entries = same.iter().filter_map(|claim| self.grants.get(claim.grant as usize));
            let in_force: Vec<&ResolvedGrant> =
                entries.filter(|entry| entry.phase == Phase::InForce).collect();
            let exception = in_force.iter().any(|entry| entry.is_exception);
            let counted = in_force.into_iter().filter(|entry| entry.is_exception == exception);
            let lacking: Vec<LackingGrant> = counted
                .filter(|entry| keys.iter().any(|key| !key.is_in(&entry.source)))
                .map(|entry| LackingGrant {
                    source: Arc::clone(&entry.source),
                    tasks: tasks.map_or_else(|| entry.tasks.clone(), |tasks| entry.tasks.intersection(tasks)),
                })
                .filter(|grant| !grant.tasks.is_empty())
                .collect();
            if !lacking.is_empty() {
                all.insert(key, lacking);
            }
        }
        all
    }
}

/// What looking up the users of a test has shown.
#[derive(Default)]
struct Found {
    idle: Vec<String>,
    not_found: BTreeSet<Name>,
}

/// Returns whether a selection can match WABAs that rules discover. Plain names are those of declared WABAs.
fn can_discover(rules: &[DiscoverRule], selection: &WabaSelection) -> bool {
    let is_glob = |selector: &At<WabaSelector>| matches!(selector.value, WabaSelector::Glob(_));
    let by_name = selection.wabas.as_ref().is_none_or(|wabas| wabas.iter().any(is_glob));
    // Several rules can discover a WABA, which then has the labels of all of them.
    let gives = |label: &RequiredLabel| {
        let value = |rule: &DiscoverRule| {
            let given = rule.labels.get(&label.key.value);
            given.is_some_and(|given| label.values.iter().any(|value| value.value == *given))
        };
        rules.iter().any(value)
    };
    let by_labels = selection.labels.as_ref().is_none_or(|labels| labels.required.iter().all(gives));
    !rules.is_empty() && by_name && by_labels
}
