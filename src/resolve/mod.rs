//! Resolves a manifest: names to ids, and grants to the desired state.
//!
//! The result depends only on the manifest, the directory and the time. This module does not know the live assignments.

mod access_tests;
mod candidates;
mod exceptions;
mod narrowing;
mod offline;
mod rules;
mod selections;
#[cfg(test)]
mod tests;
mod users;

use crate::diagnostic::{self, Diagnostic};
use crate::manifest::{Grant, Manifest};
use crate::model::{
    AdminRole, AssignmentKey, Claim, DeclaredNames, DeclaredUser, Desired, Directory, Earlier, GrantSource,
    Name, Phase, Policy, Prune, ResolvedGrant, Scope, ScopeForecast, ScopedWaba, State, SystemUser, TaskSet,
    Unresolved, UserId, WabaId,
};
use access_tests::Known;
use candidates::{Candidates, Unmatched};
use jiff::Timestamp;
pub use narrowing::{NothingSelected, narrow, select};
pub use offline::{Offline, offline};
use std::collections::{BTreeMap, BTreeSet};
use users::Users;
pub use users::{admin_rows, released};

/// A resolved manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// The desired state, its scope, and the grants that explain it.
    pub desired: Desired,
    /// The limits that the guards check.
    pub policy: Policy,
}

/// Checks a manifest without the API: its selections except for labels, and Meta's rules for the grants that are in
/// force.
pub fn check_offline(manifest: &Manifest, now: Timestamp) -> Vec<Diagnostic> {
    let mut diagnostics = rules::check_discover(manifest);
    let candidates = Candidates::declared(manifest);
    let (selections, unmatched) = select_all(manifest, &candidates, &mut diagnostics);
    if manifest.discover.is_empty() {
        let nothing = unmatched.iter().map(|part| diagnostic::selects_nothing(part.at, &part.to_string()));
        diagnostics.extend(nothing);
    }
    rules::check(manifest, now, &candidates, &selections, manifest.discover.is_empty(), &mut diagnostics);
    diagnostics
}

/// Checks the labels of all selectors without the API: each must be that of a WABA or a discover rule. One whose last WABA
/// left the scope, by what was declared earlier, is only a warning.
pub fn check_labels(manifest: &Manifest, earlier: &Earlier) -> Vec<Diagnostic> {
    selections::check_labels(manifest, earlier, &Candidates::declared(manifest).in_scope())
}

/// What a manifest is resolved for, besides the directory.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// The instant for which grants are in force.
    pub now: Timestamp,
    /// The system user of the token, if it is known.
    pub acting_user: Option<UserId>,
    /// What the manifests of the set declared earlier.
    pub earlier: &'a Earlier,
    /// The admins whose last assignment on a WABA may be deleted: names or ids; `None` is everybody.
    pub admin_rows: &'a [Option<String>],
}

/// Resolves a manifest against the directory of its business.
///
/// Returns `None` if any of the diagnostics is an error. They include those of [`check_offline`] and [`check_labels`].
pub fn resolve(
    manifest: &Manifest,
    directory: &Directory,
    circumstances: Circumstances<'_>,
) -> (Option<Resolved>, Vec<Diagnostic>) {
    resolve_in(manifest, directory, circumstances, false)
}

/// Resolves a manifest against a directory that is live, or that has only what the manifest declares.
fn resolve_in(
    manifest: &Manifest,
    directory: &Directory,
    circumstances: Circumstances<'_>,
    is_offline: bool,
) -> (Option<Resolved>, Vec<Diagnostic>) {
    let Circumstances { now, acting_user, earlier, admin_rows } = circumstances;
    let mut diagnostics = rules::check_discover(manifest);
    let candidates = Candidates::in_directory(manifest, directory, &mut diagnostics);
    let (selections, unmatched) = select_all(manifest, &candidates, &mut diagnostics);
    let in_scope = candidates.in_scope();
    diagnostics.extend(selections::check_labels(manifest, earlier, &in_scope));
    diagnostics.extend(unmatched.iter().map(|part| selections::judge(part, earlier, &in_scope)));
    rules::check(manifest, now, &candidates, &selections, true, &mut diagnostics);
    let selected = access_tests::select(manifest, &candidates, &mut diagnostics);
    let users = users::look_up(manifest, directory, &mut diagnostics);
    let ignored = users::ignored(manifest, directory, &users.found, &mut diagnostics);
    if diagnostics.iter().any(Diagnostic::is_error) {
        return (None, diagnostics);
    }
    let claims = claims(manifest, &candidates, &selections, &users.found);
    let grants = manifest.grants.iter().map(|grant| resolved_grant(grant, now, false));
    let exceptions = manifest.exceptions.iter().map(|exception| resolved_grant(exception, now, true));
    let grants: Vec<ResolvedGrant> = grants.chain(exceptions).collect();
    let known = Known { users: &users, directory, is_offline, claims: &claims, grants: &grants };
    let tests = access_tests::resolve(manifest, selected, &known);
    let Users { found: users, unresolved } = users;
    let scope = scope(manifest, directory, &candidates, &users);
    let unresolved = unresolved.into_iter().map(|(name, unresolved)| Unresolved {
        assignments: users::assignments(name, manifest, &candidates, &selections, now),
        ..unresolved
    });
    let policy = Policy { tests, ..policy(manifest, directory, &users) };
    let desired = Desired {
        business: directory.business,
        // Ids are app-scoped: an id that is not in the directory may be one of its users as another app sees it.
        acting_user: acting_user.filter(|user| directory.system_users.contains_key(user)),
        now,
        state: state(&claims, &grants),
        own_users: directory.system_users.clone(),
        unresolved: unresolved.collect(),
        released: released(earlier, &scope.users.keys().copied().collect(), &ignored, directory),
        other_ids: users::other_ids(manifest, earlier, &users),
        other_sets: earlier.other_sets.clone(),
        left: left(earlier, manifest, &scope),
        admin_rows: users::admin_rows(admin_rows, &policy.names.users, directory),
        undeclared: manifest.undeclared,
        ignored,
        scope,
        grants,
        with_ended: with_ended(manifest, now),
        claims,
        implied: manifest.implied.clone().into_iter().collect(),
        narrowing: None,
    };
    (Some(Resolved { desired, policy }), diagnostics)
}

/// Resolves a manifest without the API, for tests of what it asks for. Users without an id get one that means nothing.
/// Returns `None` if the manifest has errors, which [`check_offline`] and [`check_labels`] report.
pub fn resolve_offline(manifest: &Manifest, now: Timestamp) -> Option<Resolved> {
    let used: BTreeSet<UserId> =
        manifest.system_users.values().filter_map(|user| Some(user.id?.value)).collect();
    let free = (0..u64::MAX).rev().filter_map(|number| number.to_string().parse().ok());
    let mut free = free.filter(|id: &UserId| !used.contains(id));
    let mut system_users = BTreeMap::new();
    for (name, user) in &manifest.system_users {
        let role = if user.by_role { AdminRole::Admin } else { AdminRole::Employee };
        let (id, live) = match user.id {
            // It is not looked up by its name, and must not be found by that of another one.
            Some(id) => (id.value, Name::new(format!("\0{}", name.as_str()))),
            None => {
                (free.next()?, user.name.as_ref().map_or_else(|| name.clone(), |live| live.value.clone()))
            }
        };
        system_users.insert(id, SystemUser { name: live, role });
    }
    let directory = Directory { business: manifest.business.value, system_users, wabas: BTreeMap::new() };
    let circumstances =
        Circumstances { now, acting_user: None, earlier: &Earlier::default(), admin_rows: &[] };
    resolve_in(manifest, &directory, circumstances, true).0
}

/// Predicts the WABAs in scope, before the directory is known.
pub fn forecast(manifest: &Manifest) -> ScopeForecast<'_> {
    let in_scope = manifest.wabas.values().filter(|waba| waba.gone.is_none());
    let forecast = ScopeForecast::of(in_scope.map(|waba| waba.id.value));
    if manifest.discover.is_empty() {
        return forecast;
    }
    let declared: BTreeSet<WabaId> = manifest.wabas.values().map(|waba| waba.id.value).collect();
    forecast.and_discovered(move |waba, name, edge| {
        let is_discovered = |rule| candidates::discovers(rule, name, edge);
        !declared.contains(&waba) && manifest.discover.iter().any(is_discovered)
    })
}

/// Returns the WABAs that were in scope when the manifests were last applied, and are no more.
fn left(earlier: &Earlier, manifest: &Manifest, scope: &Scope) -> BTreeMap<WabaId, Name> {
    let gone = |id: &WabaId| manifest.wabas.values().any(|waba| waba.id.value == *id && waba.gone.is_some());
    let left = earlier.wabas.iter().filter(|(id, _)| !scope.wabas.contains_key(id) && !gone(id));
    left.map(|(id, waba)| (*id, waba.name.clone())).collect()
}

/// Returns for each grant, and then for each exception, the indices of the candidates that it selects, ascending, and the
/// parts of all of them that match none.
fn select_all<'m>(
    manifest: &'m Manifest,
    candidates: &Candidates<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> (Vec<Vec<u32>>, Vec<Unmatched<'m>>) {
    let mut all_unmatched = Vec::new();
    let select = |grant: &'m Grant| {
        let (selected, unmatched) = candidates.select(&grant.selection, grant.at);
        // Globs that were not tried do not match nothing.
        if !candidates.is_exhausted() {
            all_unmatched.extend(unmatched);
        }
        selected
    };
    let selected = manifest.entries().map(select).collect();
    if let (true, Some(last)) = (candidates.is_exhausted(), manifest.entries().last()) {
        diagnostics.push(diagnostic::glob_limit(last.at));
    }
    (selected, selections::without_unknown_labels(manifest, all_unmatched))
}

fn resolved_grant(grant: &Grant, now: Timestamp, is_exception: bool) -> ResolvedGrant {
    ResolvedGrant {
        source: GrantSource {
            path: grant.path.clone(),
            name: grant.name.clone(),
            reason: grant.reason.clone(),
            from: grant.from.map(|from| from.value),
            until: grant.until.map(|until| until.value),
            at: grant.at,
        }
        .into(),
        tasks: grant.tasks.clone(),
        phase: grant.phase(now),
        is_exception,
    }
}

/// Returns the users that a grant or an exception names that has ended.
fn with_ended(manifest: &Manifest, now: Timestamp) -> BTreeSet<Name> {
    let ended = manifest.entries().filter(|entry| entry.phase(now) == Phase::Ended);
    ended.flat_map(|entry| &entry.users).map(|user| user.value.clone()).collect()
}

/// Returns whether a user is suspended. It desires nothing.
fn is_suspended(manifest: &Manifest, name: &Name) -> bool {
    manifest.system_users.get(name).is_some_and(|user| user.suspended.is_some())
}

/// Returns every pair of an assignment and a grant or an exception that covers it, sorted and without duplicates. No grant covers those of a
/// suspended user.
fn claims(
    manifest: &Manifest,
    candidates: &Candidates<'_>,
    selections: &[Vec<u32>],
    users: &BTreeMap<&Name, UserId>,
) -> Vec<Claim> {
    // One short list per WABA is faster to sort than one list of all claims.
    let mut lists: Vec<Vec<(UserId, u32)>> = candidates.iter().map(|_| Vec::new()).collect();
    for ((grant, raw), selected) in (0..).zip(manifest.entries()).zip(selections) {
        let wants = raw.users.iter().filter(|user| !is_suspended(manifest, &user.value));
        for user in wants.filter_map(|user| users.get(&user.value)) {
            for &waba in selected.iter().filter(|waba| !candidates.get(**waba).gone) {
                if let Some(list) = lists.get_mut(waba as usize) {
                    list.push((*user, grant));
                }
            }
        }
    }
    let mut wabas: Vec<(WabaId, Vec<(UserId, u32)>)> =
        candidates.iter().map(|candidate| candidate.id).zip(lists).collect();
    wabas.sort_unstable_by_key(|(waba, _)| *waba);
    let mut claims = Vec::with_capacity(wabas.iter().map(|(_, list)| list.len()).sum());
    for (waba, mut list) in wabas {
        list.sort_unstable();
        list.dedup();
        claims
            .extend(list.into_iter().map(|(user, grant)| Claim { key: AssignmentKey { waba, user }, grant }));
    }
    claims
}

/// Returns for each assignment with a claim the tasks of the exception in force, or else the union of those of all grants in
/// force.
fn state(claims: &[Claim], grants: &[ResolvedGrant]) -> State {
    claims
        .chunk_by(|a, b| a.key == b.key)
        .filter_map(|same| {
            let in_force = same.iter().filter_map(|claim| grants.get(claim.grant as usize));
            let mut tasks = TaskSet::EMPTY;
            for entry in in_force.filter(|entry| entry.phase == Phase::InForce) {
                // The exceptions come after the grants.
                if entry.is_exception {
                    tasks = TaskSet::EMPTY;
                }
                tasks.extend(&entry.tasks);
            }
            Some((same.first()?.key, tasks))
        })
        .collect()
}

fn scope(
    manifest: &Manifest,
    directory: &Directory,
    candidates: &Candidates<'_>,
    users: &BTreeMap<&Name, UserId>,
) -> Scope {
    let wabas = candidates
        .iter()
        .filter(|waba| !waba.gone)
        .map(|waba| {
            let scoped = ScopedWaba {
                name: waba.name.clone(),
                live_name: directory.wabas.get(&waba.id).map(|live| live.name.clone()),
                labels: waba.labels.clone().into_owned(),
                prune: effective_prune(manifest, waba.prune),
                shared: waba.shared,
                at: waba.at,
            };
            (waba.id, scoped)
        })
        .collect::<BTreeMap<WabaId, ScopedWaba>>();
    let users = users
        .iter()
        .filter_map(|(name, id)| {
            let entry = manifest.system_users.get(*name)?;
            let declared = DeclaredUser {
                name: (*name).clone(),
                by_role: entry.by_role,
                suspended: entry.suspended.clone(),
                at: entry.at,
            };
            Some((*id, declared))
        })
        .collect();
    Scope { wabas, users }
}

fn policy(manifest: &Manifest, directory: &Directory, users: &BTreeMap<&Name, UserId>) -> Policy {
    let guards = &manifest.guards;
    let permitted =
        directory.wabas.iter().filter_map(|(id, waba)| Some((*id, waba.permitted_tasks.clone()?))).collect();
    Policy {
        max_removals_percent: guards.max_removals_percent,
        max_removals: guards.max_removals,
        min_holders: guards.min_holders.clone(),
        holders: guards.holders,
        protected_users: guards
            .protected_users
            .iter()
            .filter_map(|name| users.get(name).copied())
            .collect::<BTreeSet<_>>(),
        permitted,
        tests: Vec::new(),
        no_new_access: false,
        waivers: manifest.waivers.clone(),
        names: DeclaredNames {
            wabas: manifest.wabas.iter().map(|(name, entry)| (name.clone(), entry.id.value)).collect(),
            users: users.iter().map(|(name, id)| ((*name).clone(), *id)).collect(),
        },
    }
}

/// Returns which access may be removed on a WABA whose own setting is `own`.
fn effective_prune(manifest: &Manifest, own: Option<Prune>) -> Prune {
    own.unwrap_or(manifest.prune)
}
