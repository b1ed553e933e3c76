//! Exceptions: pairs of a user and a WABA for which the grants do not count.

use super::candidates::Candidates;
use super::diagnostic::{self, Diagnostic};
use super::is_suspended;
use crate::manifest::{Grant, Manifest};
use crate::model::{Name, Phase, TaskSet};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// The pairs that an exception in force is about: the index of the WABA, and the declared name of the user.
pub(super) struct Excepted<'a>(BTreeMap<(u32, &'a Name), &'a Grant>);

impl<'a> Excepted<'a> {
    /// Collects the pairs, and reports each two exceptions that have one in common. `selections` are those of all entries.
    pub(super) fn collect(
        manifest: &'a Manifest,
        now: Timestamp,
        candidates: &Candidates<'_>,
        selections: &[Vec<u32>],
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut pairs: BTreeMap<(u32, &Name), &Grant> = BTreeMap::new();
        let mut reported = BTreeSet::new();
        for (exception, selected) in in_force(manifest, now, selections) {
            let users: BTreeSet<&Name> = exception.users.iter().map(|user| &user.value).collect();
            let both = selected.iter().flat_map(|waba| users.iter().map(move |user| (*waba, *user)));
            for (waba, user) in both {
                if let Some(other) = pairs.insert((waba, user), exception)
                    && reported.insert((other.at, exception.at))
                {
                    let waba = candidates.get(waba).name;
                    diagnostics.push(diagnostic::exceptions_collide(exception.at, user, waba, other.at));
                }
            }
        }
        Self(pairs)
    }

    /// Returns whether an exception decides about a pair.
    pub(super) fn covers(&self, waba: u32, user: &Name) -> bool {
        self.0.contains_key(&(waba, user))
    }

    /// Reports each exception that has ended, and each that changes nothing. That a user is suspended does not count here.
    /// `is_complete` says that all WABAs in scope are known.
    pub(super) fn check(
        &self,
        manifest: &Manifest,
        now: Timestamp,
        selections: &[Vec<u32>],
        is_complete: bool,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        for exception in &manifest.exceptions {
            if let (Phase::Ended, Some(until)) = (exception.phase(now), exception.until) {
                diagnostics.push(diagnostic::expired_exception(until.at, until.value));
            }
        }
        if !is_complete {
            return;
        }
        let granted = self.granted(manifest, now, selections);
        for (exception, selected) in in_force(manifest, now, selections) {
            let mut users = exception.users.iter().map(|user| &user.value);
            let changes = |user: &Name| {
                selected
                    .iter()
                    .any(|waba| granted.get(&(*waba, user)).is_some_and(|set| *set != exception.tasks))
            };
            if !selected.is_empty() && !users.any(changes) {
                diagnostics.push(diagnostic::exception_without_effect(exception.at));
            }
        }
    }

    /// Returns what the grants in force would give for each pair.
    fn granted(
        &self,
        manifest: &Manifest,
        now: Timestamp,
        selections: &[Vec<u32>],
    ) -> BTreeMap<(u32, &'a Name), TaskSet> {
        let mut granted: BTreeMap<(u32, &Name), TaskSet> =
            self.0.keys().map(|pair| (*pair, TaskSet::EMPTY)).collect();
        let users: BTreeSet<&Name> = self.0.keys().map(|(_, user)| *user).collect();
        let grants =
            manifest.grants.iter().zip(selections).filter(|(grant, _)| grant.phase(now) == Phase::InForce);
        for (grant, selected) in grants {
            let named = grant.users.iter().filter_map(|user| users.get(&user.value).copied());
            for pair in named.flat_map(|user| selected.iter().map(move |waba| (*waba, user))) {
                if let Some(tasks) = granted.get_mut(&pair) {
                    tasks.extend(&grant.tasks);
                }
            }
        }
        granted
    }
}

/// Returns the exceptions in force with the WABAs that they select. `selections` are those of all entries.
pub(super) fn in_force<'a, 's>(
    manifest: &'a Manifest,
    now: Timestamp,
    selections: &'s [Vec<u32>],
) -> impl Iterator<Item = (&'a Grant, &'s Vec<u32>)> {
    let selections = selections.get(manifest.grants.len()..).unwrap_or_default();
    manifest
        .exceptions
        .iter()
        .zip(selections)
        .filter(move |(exception, _)| exception.phase(now) == Phase::InForce)
}

/// Returns the WABAs on which a user would hold something. `selections` are those of all entries.
pub(super) fn desired_by(
    name: &Name,
    manifest: &Manifest,
    now: Timestamp,
    selections: &[Vec<u32>],
) -> BTreeSet<u32> {
    if is_suspended(manifest, name) {
        return BTreeSet::new();
    }
    let mut wabas = BTreeSet::new();
    // The exceptions come after the grants.
    for (entry, selected) in manifest.entries().zip(selections) {
        if entry.phase(now) != Phase::InForce || !entry.users.iter().any(|user| user.value == *name) {
            continue;
        }
        for waba in selected {
            if entry.tasks.is_empty() {
                wabas.remove(waba);
            } else {
                wabas.insert(*waba);
            }
        }
    }
    wabas
}
