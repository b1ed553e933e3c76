//! Waivers: permissions for violations of a guard, of one run and of the manifests.
//!
//! This module does not know what violates a guard.

use super::{Guard, Violation, Waiver};
use crate::model::{Name, Plan, UserId, WabaId};
use crate::proposal::Proposal;
use crate::text::suggest;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// A violation that a waiver covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waived {
    /// The violation.
    pub violation: Violation,
    /// The waiver.
    pub waiver: Waiver,
}

/// A waiver that covers no violation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusedWaiver {
    /// The waiver.
    pub waiver: Waiver,
    /// Why it covers none.
    pub why: UnusedReason,
}

/// Why a waiver covers no violation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnusedReason {
    /// The plan does not violate the guard, as a whole or for the target.
    NoViolation,
    /// It has ended.
    Ended,
    /// It is for a longer time than a waiver may be.
    TooLong,
    /// The plan exceeds its limit.
    Exceeded {
        /// What the guard counted.
        counted: u64,
    },
    /// Neither the manifests nor the plan have a WABA or user with the target's name.
    UnknownTarget {
        /// Similar names, the most similar first.
        similar: Vec<Name>,
    },
}

/// Violations, apart from those that a waiver covers.
pub(super) struct Sorted {
    pub(super) violations: Vec<Violation>,
    pub(super) waived: Vec<Waived>,
    pub(super) unused: Vec<UnusedWaiver>,
}

/// Separates the violations that a waiver covers from the others. The waivers of the manifests come before those of the run.
pub(super) fn sort(all: Vec<Violation>, of_run: &[Waiver], proposal: &Proposal, now: Timestamp) -> Sorted {
    let waivers = proposal.policy.waivers.iter().chain(of_run);
    let waivers: Vec<Resolved<'_>> = waivers.map(|waiver| Resolved::new(waiver, proposal, now)).collect();
    let unused = waivers.iter().filter(|waiver| !all.iter().any(|violation| waiver.covers(violation)));
    let unused = unused.map(|waiver| waiver.unused(&all, proposal)).collect();
    let mut sorted = Sorted { violations: Vec::new(), waived: Vec::new(), unused };
    for violation in all {
        match waivers.iter().find(|waiver| waiver.covers(&violation)) {
            Some(covering) => sorted.waived.push(Waived { violation, waiver: covering.waiver.clone() }),
            None => sorted.violations.push(violation),
        }
    }
    sorted
}

/// A waiver with its target looked up.
struct Resolved<'a> {
    waiver: &'a Waiver,
    now: Timestamp,
    wabas: BTreeSet<WabaId>,
    users: BTreeSet<UserId>,
}

impl<'a> Resolved<'a> {
    /// Looks up a target among the declared names and the ids. A live name counts only if the target is neither,
    /// because anybody who manages a WABA can choose its live name.
    fn new(waiver: &'a Waiver, proposal: &Proposal, now: Timestamp) -> Self {
        let mut resolved = Self { waiver, now, wabas: BTreeSet::new(), users: BTreeSet::new() };
        let Some(target) = &waiver.target else { return resolved };
        let names = &proposal.policy.names;
        resolved.wabas.extend(names.wabas.get(target.as_str()));
        resolved.users.extend(names.users.get(target.as_str()));
        let is_waba = |id: &WabaId| live_wabas(proposal).any(|(waba, _)| waba == id);
        let is_user = |id: &UserId| live_users(proposal).any(|(user, _)| user == id);
        let is_waba = |id: &WabaId| names.wabas.values().any(|waba| waba == id) || is_waba(id);
        let is_user = |id: &UserId| names.users.values().any(|user| user == id) || is_user(id);
        resolved.wabas.extend(target.parse().ok().filter(is_waba));
        resolved.users.extend(target.parse().ok().filter(is_user));
        if resolved.is_empty() {
            let wabas = live_wabas(proposal).filter(|(_, name)| name.as_str() == target);
            let users = live_users(proposal).filter(|(_, name)| name.as_str() == target);
            resolved.wabas.extend(wabas.map(|(waba, _)| *waba));
            resolved.users.extend(users.map(|(user, _)| *user));
        }
        resolved
    }

    fn is_empty(&self) -> bool {
        self.wabas.is_empty() && self.users.is_empty()
    }

    fn covers(&self, violation: &Violation) -> bool {
        let waiver = self.waiver;
        let is_permitted = waiver.terms.is_none() || waiver.guard.is_waivable_in_manifests();
        let limit = waiver.terms.as_ref().and_then(|terms| terms.limit);
        self.is_about(violation)
            && is_permitted
            && waiver.is_in_force(self.now)
            && limit.is_none_or(|limit| violation.counted.is_some_and(|counted| counted <= limit))
    }

    /// Returns whether a violation is one of the guard and the target.
    fn is_about(&self, violation: &Violation) -> bool {
        let is_test = |test: &Name| self.waiver.target.as_deref() == Some(test.as_str());
        let in_target = self.waiver.target.is_none()
            || violation.test.as_ref().is_some_and(is_test)
            || violation.waba.is_some_and(|waba| self.wabas.contains(&waba))
            || violation.user.is_some_and(|user| self.users.contains(&user));
        in_target && violation.guard == self.waiver.guard
    }

    /// Explains why the waiver covers no violation.
    fn unused(&self, all: &[Violation], proposal: &Proposal) -> UnusedWaiver {
        UnusedWaiver { waiver: self.waiver.clone(), why: self.why_unused(all, proposal) }
    }

    fn why_unused(&self, all: &[Violation], proposal: &Proposal) -> UnusedReason {
        let terms = self.waiver.terms.as_ref();
        if terms.is_some_and(|terms| terms.has_ended(self.now)) {
            return UnusedReason::Ended;
        }
        if terms.is_some_and(|terms| terms.is_too_long(self.now)) {
            return UnusedReason::TooLong;
        }
        let is_test = |target: &&String| {
            let mut tests = proposal.policy.tests.iter();
            self.waiver.guard == Guard::Test && tests.any(|test| test.name.as_str() == **target)
        };
        let target = self.waiver.target.as_ref().filter(|_| self.is_empty());
        if let Some(target) = target.filter(|target| !is_test(target)) {
            let names = &proposal.policy.names;
            let declared = names.wabas.keys().chain(names.users.keys());
            let live = live_wabas(proposal).map(|(_, name)| name);
            let live = live.chain(live_users(proposal).map(|(_, name)| name));
            let tests = proposal.policy.tests.iter().filter(|_| self.waiver.guard == Guard::Test);
            let tests = tests.map(|test| &test.name);
            let known: BTreeSet<&str> = declared.chain(live).chain(tests).map(Name::as_str).collect();
            let similar = suggest(target, known).into_iter().map(Name::from).collect();
            return UnusedReason::UnknownTarget { similar };
        }
        let counted = all.iter().filter(|violation| self.is_about(violation));
        let counted = counted.filter_map(|violation| violation.counted).max();
        match counted.filter(|_| terms.is_some()) {
            Some(counted) => UnusedReason::Exceeded { counted },
            None => UnusedReason::NoViolation,
        }
    }
}

/// Returns the names of the WABAs in the plan and in scope.
fn live_wabas(proposal: &Proposal) -> impl Iterator<Item = (&WabaId, &Name)> {
    let Plan { waba_names, live_waba_names, .. } = &proposal.plan;
    waba_names.iter().chain(live_waba_names).chain(&proposal.access.wabas)
}

/// Returns the names of the users in the plan and of those that hold something in scope.
fn live_users(proposal: &Proposal) -> impl Iterator<Item = (&UserId, &Name)> {
    let Plan { user_names, live_user_names, .. } = &proposal.plan;
    user_names.iter().chain(live_user_names).chain(&proposal.access.users)
}
