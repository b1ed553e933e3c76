//! Compares desired and live access, and orders the changes.
//!
//! [`plan`] is pure, total and deterministic: it cannot fail, and the same two states result in the same plan, byte
//! for byte. This module does not know the API, the guards, or how a plan is shown.

mod stale;

#[cfg(test)]
mod tests;

pub use stale::{changed_since, differences, refresh};

use crate::model::{
    AdminRole, AssignmentKey, Because, Blocked, Change, Desired, HolderKind, Name, Notice, Observed, Plan,
    Prune, ScopedWaba, TaskSet, Unmanaged, UnmanagedReason, UserId, WabaId, WhyGone,
};
use std::collections::{BTreeMap, BTreeSet};

/// Compares desired access with observed access.
///
/// A WABA that could not be read is not planned. Nothing is removed because of something unknown.
pub fn plan(desired: &Desired, observed: &Observed) -> Plan {
    let plan = Plan {
        acting_user: desired.acting_user,
        implied: desired.implied.clone(),
        partial: desired.partial,
        ..Plan::empty(desired.business, desired.day)
    };
    let mut draft = Draft { desired, observed, plan };
    for (waba, scoped) in &desired.scope.wabas {
        match observed.unreadable.get(waba) {
            Some(reason) => {
                draft.plan.unreadable.insert(*waba, reason.0.clone());
                draft.plan.waba_names.insert(*waba, scoped.name.clone());
            }
            None => draft.waba(*waba, scoped),
        }
    }
    draft.notice_admins();
    draft.plan
}

/// The tasks of a user that is not listed.
static NOTHING: TaskSet = TaskSet::EMPTY;

/// A plan that is being made.
struct Draft<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    plan: Plan,
}

impl Draft<'_> {
    /// Plans one WABA by merging the desired and the live assignments on it.
    fn waba(&mut self, waba: WabaId, scoped: &ScopedWaba) {
        let unmanaged_before = self.plan.unmanaged.len();
        let mut changes = Vec::new();
        let (desired, observed) = (self.desired, self.observed);
        for (user, wanted, live) in merge(desired.state.on(waba), observed.state.on(waba)) {
            changes.extend(self.pair(AssignmentKey { waba, user }, scoped, wanted, live));
        }
        self.unmanaged_others(waba);
        order(&mut changes, desired.acting_user);
        if !changes.is_empty() {
            self.plan.holders.insert(waba, holders(observed, waba));
            if observed.unconfirmed.contains(&waba) {
                self.plan.notices.push(Notice::Unconfirmed(waba));
            }
        }
        if !changes.is_empty() || self.plan.unmanaged.len() > unmanaged_before {
            self.plan.waba_names.insert(waba, scoped.name.clone());
        }
        for change in &changes {
            self.plan.user_names.insert(change.key.user, self.user_name(change.key.user));
        }
        self.plan.changes.extend(changes);
    }

    /// Plans one pair. Returns `None` if it does not change, or if the manifests do not manage it.
    fn pair(
        &mut self,
        key: AssignmentKey,
        scoped: &ScopedWaba,
        wanted: &TaskSet,
        live: &TaskSet,
    ) -> Option<Change> {
        let declared = self.desired.scope.users.get(&key.user);
        if declared.is_none() && scoped.prune != Prune::All {
            let name = self.user_name(key.user);
            let why = UnmanagedReason::Undeclared;
            self.plan.unmanaged.push(Unmanaged { key, name, tasks: live.clone(), why });
            return None;
        }
        self.plan.live_in_scope += usize::from(!live.is_empty());
        let after = if scoped.prune == Prune::None { live.union(wanted) } else { wanted.clone() };
        let by_role = declared.is_some_and(|user| user.by_role);
        if self.desired.implied.same(live, &after) || (by_role && live.is_empty()) {
            self.plan.unchanged += usize::from(!live.is_empty());
            return None;
        }
        let mut change = Change {
            key,
            implied: self.desired.implied.by_both(live, &after),
            before: live.clone(),
            after,
            because: Because::default(),
            blocked: None,
            admin: self.is_admin(key.user),
        };
        change.because = self.because(key, scoped, &change.lost());
        change.blocked = blocked(&change, self.desired.acting_user);
        Some(change)
    }

    /// Returns the grants that ask for the assignment, and the lines that no longer grant what it loses.
    fn because(&self, key: AssignmentKey, scoped: &ScopedWaba, lost: &TaskSet) -> Because {
        let holds = self.desired.claims_on(key).filter(|grant| !grant.expired);
        let mut because = Because { grants: holds.map(|grant| grant.source.clone()).collect(), gone: None };
        if !lost.is_empty() {
            let expired = self
                .desired
                .claims_on(key)
                .filter(|grant| grant.expired && !grant.tasks.intersection(lost).is_empty());
            let mut gone: Vec<WhyGone> =
                expired.map(|grant| WhyGone::Expired(grant.source.clone())).collect();
            if gone.is_empty() {
                gone.push(match self.desired.scope.users.get(&key.user) {
                    Some(user) => WhyGone::Declared(user.at),
                    None => WhyGone::Undeclared(scoped.at),
                });
            }
            because.gone = Some((scoped.prune, gone));
        }
        because
    }

    fn unmanaged_others(&mut self, waba: WabaId) {
        let keys = AssignmentKey { waba, user: UserId::MIN }..=AssignmentKey { waba, user: UserId::MAX };
        let others = self.observed.others.range(keys);
        self.plan.unmanaged.extend(others.map(|(key, holder)| Unmanaged {
            key: *key,
            name: holder.name.clone(),
            tasks: holder.tasks.clone(),
            why: match holder.kind {
                HolderKind::Person => UnmanagedReason::Person,
                HolderKind::OtherBusiness => UnmanagedReason::OtherBusiness,
                HolderKind::Unknown => UnmanagedReason::Unknown,
            },
        }));
    }

    fn notice_admins(&mut self) {
        let admins: BTreeSet<UserId> = self
            .plan
            .changes
            .iter()
            .filter(|change| change.admin && change.blocked.is_none() && !change.gained().is_empty())
            .map(|change| change.key.user)
            .collect();
        self.plan.notices.extend(admins.into_iter().map(Notice::AssignsToAdmin));
    }

    fn is_admin(&self, user: UserId) -> bool {
        self.desired.own_users.get(&user).is_some_and(|user| user.role == AdminRole::Admin)
    }

    /// Returns the user's name in the manifests, or its live name if it is not declared.
    fn user_name(&self, user: UserId) -> Name {
        let declared = self.desired.scope.users.get(&user).map(|user| &user.name);
        declared
            .or_else(|| self.desired.own_users.get(&user).map(|user| &user.name))
            .cloned()
            .unwrap_or_default()
    }
}

/// Merges two lists, each in ascending order of users. A missing side is the empty set.
fn merge<'a>(
    desired: impl Iterator<Item = (UserId, &'a TaskSet)>,
    live: impl Iterator<Item = (UserId, &'a TaskSet)>,
) -> impl Iterator<Item = (UserId, &'a TaskSet, &'a TaskSet)> {
    let (mut desired, mut live) = (desired.peekable(), live.peekable());
    std::iter::from_fn(move || {
        let user = match (desired.peek(), live.peek()) {
            (Some((a, _)), Some((b, _))) => *a.min(b),
            (Some((user, _)), None) | (None, Some((user, _))) => *user,
            (None, None) => return None,
        };
        let wanted = desired.next_if(|(of, _)| *of == user);
        let held = live.next_if(|(of, _)| *of == user);
        let tasks = |side: Option<(UserId, &'a TaskSet)>| side.map_or(&NOTHING, |(_, tasks)| tasks);
        Some((user, tasks(wanted), tasks(held)))
    })
}

/// Sorts changes into the order in which they are applied.
///
/// By WABA; on a WABA, first the changes that only gain, then the others, each by user; the acting user's own last.
pub fn order(changes: &mut [Change], acting: Option<UserId>) {
    changes.sort_by_key(|change| {
        let AssignmentKey { waba, user } = change.key;
        (waba, Some(user) == acting, !change.lost().is_empty(), user)
    });
}

/// Returns why the acting user cannot make a change: it cannot raise its own tasks.
fn blocked(change: &Change, acting: Option<UserId>) -> Option<Blocked> {
    let raises_itself = acting == Some(change.key.user) && !change.gained().is_empty();
    raises_itself.then_some(Blocked::SelfRaise)
}

/// Returns everybody who holds something on a WABA.
fn holders(observed: &Observed, waba: WabaId) -> BTreeMap<UserId, TaskSet> {
    let keys = AssignmentKey { waba, user: UserId::MIN }..=AssignmentKey { waba, user: UserId::MAX };
    let own = observed.state.on(waba).map(|(user, tasks)| (user, tasks.clone()));
    let others = observed.others.range(keys).map(|(key, holder)| (key.user, holder.tasks.clone()));
    own.chain(others).collect()
}
