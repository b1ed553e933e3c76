//! Compares desired and live access, and orders the changes.
//!
//! [`plan`] is pure, total and deterministic: it cannot fail, and the same two states result in the same plan, byte
//! for byte. This module does not know the API, the guards, or how a plan is shown.

mod order;
mod stale;
mod undo;

#[cfg(test)]
pub(crate) mod tests;

pub use stale::{changed_since, differences, refresh};
pub use undo::{UndoRequest, Written, undo, written};

use crate::model::{
    AdminRole, AssignmentKey, At, Because, Blocked, Change, DeclaredUser, Deferred, Desired, HeldByUser,
    Holder, HolderKind, Kept, LeftWaba, Name, Notice, Observed, OutOfScope, Phase, Plan, Prune,
    ResolvedGrant, ScopedWaba, TaskSet, Unmanaged, UnmanagedReason, Unresolved, UserId, WabaId, WhyGone,
};
use order::{block_dependent, order};
use std::collections::{BTreeMap, BTreeSet};

/// Compares desired access with observed access.
///
/// A WABA that could not be read is not planned. Nothing is removed because of something unknown.
pub fn plan(desired: &Desired, observed: &Observed) -> Plan {
    let unresolved = unresolved(desired, observed);
    let narrowing = desired.narrowing.as_ref();
    let plan = Plan {
        acting_user: desired.acting_user,
        implied: desired.implied.clone(),
        undeclared: desired.undeclared,
        by_role: by_role(desired),
        selection: narrowing.map(|narrowing| narrowing.selection.clone()).unwrap_or_default(),
        live_in_scope: narrowing.map_or(0, |narrowing| narrowing.unread),
        unchanged: narrowing.map_or(0, |narrowing| narrowing.unchanged),
        ..Plan::empty(desired.business, desired.now)
    };
    let keeps_undeclared = !unresolved.is_empty();
    let only_expired = desired.only_expired();
    let mut draft = Draft { desired, observed, keeps_undeclared, unresolved, only_expired, plan };
    for (waba, scoped) in &desired.scope.wabas {
        match observed.unreadable.get(waba) {
            Some(reason) => {
                draft.plan.unreadable.insert(*waba, reason.why.clone());
                draft.name_waba(*waba, scoped);
            }
            None => draft.waba(*waba, scoped),
        }
    }
    draft.finish()
}

/// The tasks of a user that is not listed.
static NOTHING: TaskSet = TaskSet::EMPTY;

/// Returns the declared users that were not found: neither in the directory nor on a WABA.
fn unresolved(desired: &Desired, observed: &Observed) -> Vec<Unresolved> {
    let missing = |id: &UserId| !desired.own_users.contains_key(id);
    let mut by_id: BTreeMap<UserId, &DeclaredUser> =
        desired.scope.users.iter().filter(|(id, _)| missing(id)).map(|(id, user)| (*id, user)).collect();
    if !by_id.is_empty() {
        for (key, _) in observed.state.iter() {
            by_id.remove(&key.user);
        }
    }
    let by_id = by_id.into_iter().map(|(id, user)| Unresolved {
        name: user.name.clone(),
        id: Some(id),
        why: String::from("no system user of this business has this id"),
        at: user.at,
        assignments: 0,
    });
    desired.unresolved.iter().cloned().chain(by_id).collect()
}

fn by_role(desired: &Desired) -> BTreeSet<UserId> {
    desired.scope.users.iter().filter(|(_, user)| user.by_role).map(|(id, _)| *id).collect()
}

/// A plan that is being made.
struct Draft<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    /// Whether users that no manifest declares lose nothing, because one of them may be a declared user that was not found.
    keeps_undeclared: bool,
    unresolved: Vec<Unresolved>,
    /// Whether only what has expired is taken away.
    only_expired: bool,
    plan: Plan,
}

/// How a user is managed on a WABA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Managed {
    Declared,
    /// It was declared earlier.
    Released,
    /// It never was, and `prune: all` covers it.
    Undeclared,
}

impl Draft<'_> {
    /// Plans one WABA by merging the desired and the live assignments on it.
    fn waba(&mut self, waba: WabaId, scoped: &ScopedWaba) {
        let rows = |plan: &Plan| plan.unmanaged.len() + plan.kept.len() + plan.deferred.len();
        let rows_before = rows(&self.plan);
        let mut changes = Vec::new();
        let (desired, observed) = (self.desired, self.observed);
        for (user, wanted, live) in merge(desired.state.on(waba), observed.state.on(waba)) {
            changes.extend(self.pair(AssignmentKey { waba, user }, scoped, wanted, live));
        }
        if !self.only_expired {
            self.unmanaged_others(waba);
        }
        block_dependent(&mut changes);
        order(&mut changes, desired.acting_user);
        if !changes.is_empty() {
            self.plan.holders.insert(waba, self.holders(waba));
            if observed.unconfirmed.contains(&waba) {
                self.plan.notices.push(Notice::Unconfirmed(waba));
            }
        }
        if !changes.is_empty() || rows(&self.plan) > rows_before {
            self.name_waba(waba, scoped);
        }
        for change in &changes {
            self.name_user(change.key.user);
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
        let managed = match self.managed(key.user, scoped.prune) {
            Ok(managed) => managed,
            Err(why) => {
                if self.desired.plans_user(key.user) && !self.only_expired {
                    let name = self.user_name(key.user);
                    self.plan.unmanaged.push(Unmanaged { key, name, tasks: live.clone(), why, own: true });
                }
                return None;
            }
        };
        self.plan.live_in_scope += usize::from(!live.is_empty());
        if !self.desired.plans_user(key.user) {
            return None;
        }
        let released = self.desired.released.get(&key.user).filter(|_| !self.only_expired);
        if let (Managed::Released, Some(released)) = (managed, released) {
            self.plan.released.insert(key.user, released.clone());
            self.name_user(key.user);
        }
        let implied = self.desired.implied.by_both(live, wanted).intersection(live);
        let keeps = scoped.prune == Prune::None && self.suspended(key.user).is_none();
        let target = wanted.union(&implied);
        let surplus =
            if self.only_expired { self.expired(key, live, &target) } else { live.difference(&target) };
        let whole = if keeps { live.union(wanted) } else { target };
        let after = match (self.only_expired, keeps) {
            (false, _) => whole.clone(),
            (true, true) => live.clone(),
            (true, false) => live.difference(&surplus),
        };
        if keeps {
            self.keep(key, surplus);
        }
        let change = self.change(key, scoped, live, after);
        if self.only_expired {
            let reached = change.as_ref().map_or(live, |change| &change.after);
            self.defer(key, reached, whole);
        }
        change
    }

    /// Returns the change from one set to another. Returns `None` if it changes nothing, cannot be planned, or gives an admin
    /// its full access again although only what has expired is taken away.
    fn change(
        &mut self,
        key: AssignmentKey,
        scoped: &ScopedWaba,
        live: &TaskSet,
        after: TaskSet,
    ) -> Option<Change> {
        let by_role = self.plan.by_role.contains(&key.user);
        let is_unchanged = self.desired.implied.same(live, &after) || (by_role && live.is_empty());
        if is_unchanged || self.is_unplannable(key.user, live, &after) {
            self.plan.unchanged += usize::from(!live.is_empty());
            return None;
        }
        let mut change = Change::new(key, live.clone(), after);
        change.admin = self.role(key.user) == Some(AdminRole::Admin);
        change.because = self.because(key, scoped, &change.lost());
        let may_delete = by_role || self.desired.admin_rows.contains(&key.user);
        change.blocked = blocked(&change, self.desired.acting_user, self.role(key.user), may_delete);
        let is_gain = change.restores_admin() && change.blocked.is_none();
        if self.only_expired && is_gain {
            self.plan.unchanged += 1;
            return None;
        }
        Some(change)
    }

    /// Returns what only grants and exceptions gave that have ended, with what Meta stores beside it.
    fn expired(&self, key: AssignmentKey, live: &TaskSet, target: &TaskSet) -> TaskSet {
        let mut given = TaskSet::EMPTY;
        for ended in self.desired.claims_on(key).filter(|entry| entry.phase == Phase::Ended) {
            given.extend(&ended.tasks);
        }
        let beside = self.desired.implied.by_both(live, &given);
        given.union(&beside).intersection(live).difference(target)
    }

    /// Records what is left of a difference.
    fn defer(&mut self, key: AssignmentKey, before: &TaskSet, after: TaskSet) {
        let is_by_role = self.plan.by_role.contains(&key.user) && before.is_empty();
        if !is_by_role && !self.desired.implied.same(before, &after) {
            self.name_user(key.user);
            self.plan.deferred.push(Deferred { key, before: before.clone(), after });
        }
    }

    /// Returns how a user is managed on a WABA with a prune rule, or why it is not.
    fn managed(&self, user: UserId, prune: Prune) -> Result<Managed, UnmanagedReason> {
        let Desired { scope, ignored, other_sets, released, .. } = self.desired;
        if scope.users.contains_key(&user) {
            Ok(Managed::Declared)
        } else if ignored.contains(&user) {
            Err(UnmanagedReason::Ignored)
        } else if other_sets.contains(&user) {
            Err(UnmanagedReason::OtherSet)
        } else if self.keeps_undeclared {
            Err(UnmanagedReason::Undeclared)
        } else if released.contains_key(&user) {
            Ok(Managed::Released)
        } else if prune == Prune::All {
            Ok(Managed::Undeclared)
        } else {
            Err(UnmanagedReason::Undeclared)
        }
    }

    /// Returns why a user is suspended, if it is. Then also `prune: none` keeps nothing.
    fn suspended(&self, user: UserId) -> Option<&At<Name>> {
        self.desired.scope.users.get(&user)?.suspended.as_ref()
    }

    /// Records what `prune: none` keeps.
    fn keep(&mut self, key: AssignmentKey, tasks: TaskSet) {
        if !tasks.is_empty() {
            self.name_user(key.user);
            self.plan.kept.push(Kept { key, tasks });
        }
    }

    /// Counts and returns whether a pair cannot be planned, because its user was not found and would gain something.
    fn is_unplannable(&mut self, user: UserId, live: &TaskSet, after: &TaskSet) -> bool {
        let is_found = self.desired.own_users.contains_key(&user);
        if is_found || after.is_subset(live) {
            return false;
        }
        if let Some(unresolved) = self.unresolved.iter_mut().find(|unresolved| unresolved.id == Some(user)) {
            unresolved.assignments += 1;
        } else if let Some(declared) = self.desired.scope.users.get(&user) {
            self.unresolved.push(Unresolved {
                name: declared.name.clone(),
                id: Some(user),
                why: String::from("the list of system users lacks this id, so it can only lose access"),
                at: declared.at,
                assignments: 1,
            });
        }
        true
    }

    /// Returns the grants that ask for the assignment, and the lines that no longer grant what it loses.
    fn because(&self, key: AssignmentKey, scoped: &ScopedWaba, lost: &TaskSet) -> Because {
        let in_force = || self.desired.claims_on(key).filter(|entry| entry.phase == Phase::InForce);
        let exception = in_force().find(|entry| entry.is_exception);
        let counts = |entry: &&ResolvedGrant| {
            !entry.tasks.is_empty() && exception.is_none_or(|exception| exception.source == entry.source)
        };
        let grants = in_force().filter(counts).map(|entry| entry.source.clone()).collect();
        let gone = (!lost.is_empty()).then(|| (scoped.prune, self.why_gone(key, scoped, lost, exception)));
        Because { grants, gone }
    }

    /// Returns the lines that no longer grant, or do not grant, what an assignment loses.
    fn why_gone(
        &self,
        key: AssignmentKey,
        scoped: &ScopedWaba,
        lost: &TaskSet,
        exception: Option<&ResolvedGrant>,
    ) -> Vec<WhyGone> {
        if let Some(suspended) = self.suspended(key.user) {
            return vec![WhyGone::Suspended(suspended.clone())];
        }
        if let Some(exception) = exception.filter(|_| !self.only_expired) {
            return vec![WhyGone::Excepted(exception.source.clone())];
        }
        let gives = self.desired.claims_on(key).filter(|entry| !entry.tasks.intersection(lost).is_empty());
        let gone: Vec<WhyGone> = gives.filter_map(not_in_force).collect();
        if !gone.is_empty() {
            return gone;
        }
        let released = self.plan.released.get(&key.user).map(|user| WhyGone::Released(user.at));
        let declared = self.desired.scope.users.get(&key.user).map(|user| WhyGone::Declared(user.at));
        vec![released.or(declared).unwrap_or(WhyGone::Undeclared(scoped.at))]
    }

    fn unmanaged_others(&mut self, waba: WabaId) {
        let others = others_on(self.observed, waba).filter(|row| self.desired.plans_user(row.key.user));
        self.plan.unmanaged.extend(others);
    }

    fn finish(mut self) -> Plan {
        self.notice_admins();
        self.plan.left = self.left();
        self.plan.out_of_scope = self.out_of_scope();
        if self.keeps_undeclared && self.plans_undeclared() && !self.only_expired {
            self.plan.notices.push(Notice::KeepsUndeclared);
        }
        for (user, before) in &self.desired.other_ids {
            self.plan.notices.push(Notice::OtherId { user: *user, before: *before });
            let name = self.user_name(*user);
            self.plan.user_names.insert(*user, name);
        }
        let selection = &self.plan.selection;
        let only_expired = self.only_expired;
        let is_expired =
            |unresolved: &Unresolved| !only_expired || self.desired.with_ended.contains(&unresolved.name);
        let is_selected = |unresolved: &Unresolved| match unresolved.id {
            Some(id) => self.desired.plans_user(id),
            None => selection.users.is_empty() || selection.users.contains(&unresolved.name),
        };
        self.plan.unresolved = self.unresolved.into_iter().filter(is_selected).filter(is_expired).collect();
        self.plan
    }

    /// Returns whether users that no manifest declares are planned.
    fn plans_undeclared(&self) -> bool {
        let users = self.desired.narrowing.as_ref().and_then(|narrowing| narrowing.users.as_ref());
        users.is_none_or(|users| !users.iter().all(|user| self.desired.scope.users.contains_key(user)))
    }

    fn notice_admins(&mut self) {
        let admins = assigned_admins(&self.plan.changes);
        self.plan.notices.extend(admins.into_iter().map(Notice::AssignsToAdmin));
    }

    /// Returns the WABAs that left the scope, with what the business's own system users hold there.
    fn left(&self) -> Vec<LeftWaba> {
        let held = |waba: WabaId| {
            let row = |(user, tasks): (UserId, &TaskSet)| (user, self.user_name(user), tasks.clone());
            self.observed.state.on(waba).map(row).collect()
        };
        let left = self.desired.left.iter();
        left.map(|(waba, name)| LeftWaba { waba: *waba, name: name.clone(), held: held(*waba) }).collect()
    }

    /// Returns what suspended users hold on WABAs out of scope.
    fn out_of_scope(&mut self) -> Vec<OutOfScope> {
        let mut found = Vec::new();
        for (user, held) in &self.observed.suspended {
            let (held, error) = match held {
                Ok(held) => (self.held_out_of_scope(held), None),
                // It is reported as not found.
                Err(_) if self.unresolved.iter().any(|unresolved| unresolved.id == Some(*user)) => continue,
                Err(why) => (Vec::new(), Some(why.why.clone())),
            };
            if !held.is_empty() || error.is_some() {
                found.push(OutOfScope { user: *user, held, error });
            }
        }
        for out_of_scope in &found {
            self.name_user(out_of_scope.user);
        }
        found
    }

    fn held_out_of_scope(&self, held: &HeldByUser) -> Vec<(WabaId, Name, TaskSet)> {
        let Desired { scope, narrowing, .. } = self.desired;
        let is_unread = |waba| narrowing.as_ref().is_some_and(|narrowing| narrowing.left_out.contains(waba));
        let outside = held.iter().filter(|(waba, _)| !scope.wabas.contains_key(waba) && !is_unread(waba));
        outside
            .map(|(waba, (name, tasks))| (*waba, name.clone(), tasks.clone().unwrap_or_default()))
            .collect()
    }

    fn role(&self, user: UserId) -> Option<AdminRole> {
        self.desired.own_users.get(&user).map(|user| user.role)
    }

    /// Adds the names of a WABA: the one in the manifests, and the live one if it differs.
    fn name_waba(&mut self, waba: WabaId, scoped: &ScopedWaba) {
        self.plan.waba_names.insert(waba, scoped.name.clone());
        if let Some(live) = scoped.live_name.as_ref().filter(|live| **live != scoped.name) {
            self.plan.live_waba_names.insert(waba, live.clone());
        }
    }

    /// Adds the names of a user: the one in the manifests, and the live one if it differs.
    fn name_user(&mut self, user: UserId) {
        let name = self.user_name(user);
        let live = self.desired.own_users.get(&user).map(|user| &user.name);
        if let Some(live) = live.filter(|live| **live != name) {
            self.plan.live_user_names.insert(user, live.clone());
        }
        self.plan.user_names.insert(user, name);
    }

    /// Returns the user's name in the manifests, or its live name if it is not declared.
    fn user_name(&self, user: UserId) -> Name {
        let known = self.desired.user_name(user).or_else(|| self.observed.unlisted.get(&user));
        known.cloned().unwrap_or_default()
    }

    /// Returns everybody who holds something on a WABA, those included that hold it by their role.
    fn holders(&self, waba: WabaId) -> BTreeMap<UserId, Holder> {
        let mut holders = holders(self.observed, waba);
        for user in &self.plan.by_role {
            holders.entry(*user).or_insert_with(Holder::by_role);
        }
        holders
    }
}

/// Returns why a grant or an exception gives nothing; `None` if it is in force.
fn not_in_force(grant: &ResolvedGrant) -> Option<WhyGone> {
    match grant.phase {
        Phase::Ended => Some(WhyGone::Expired(grant.source.clone())),
        Phase::Coming => Some(WhyGone::NotYet(grant.source.clone())),
        Phase::InForce => None,
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

/// Returns why a change is not attempted: the acting user cannot raise its own tasks, and the last assignment of an admin
/// is deleted only where `by_role` or a waiver allows that.
fn blocked(
    change: &Change,
    acting: Option<UserId>,
    role: Option<AdminRole>,
    may_delete: bool,
) -> Option<Blocked> {
    // A user that the directory lacks has no role.
    let may_be_admin = matches!(role, Some(AdminRole::Admin | AdminRole::Unknown));
    if acting == Some(change.key.user) && !change.gained().is_empty() {
        Some(Blocked::SelfRaise)
    } else if change.after.is_empty() && may_be_admin && !may_delete {
        Some(Blocked::AdminRow)
    } else {
        None
    }
}

/// Returns the admins that gain something. They may not be listed even after the write.
fn assigned_admins(changes: &[Change]) -> BTreeSet<UserId> {
    let is_given = |change: &&Change| change.admin && change.blocked.is_none() && !change.gained().is_empty();
    changes.iter().filter(is_given).map(|change| change.key.user).collect()
}

/// Returns the assignments on a WABA of everybody who is no system user of the business.
fn others_on(observed: &Observed, waba: WabaId) -> impl Iterator<Item = Unmanaged> {
    let keys = AssignmentKey { waba, user: UserId::MIN }..=AssignmentKey { waba, user: UserId::MAX };
    observed.others.range(keys).map(|(key, holder)| Unmanaged {
        key: *key,
        name: holder.name.clone(),
        tasks: holder.tasks.clone(),
        why: match holder.kind {
            HolderKind::Person => UnmanagedReason::Person,
            HolderKind::OtherBusiness => UnmanagedReason::OtherBusiness,
            HolderKind::Unknown => UnmanagedReason::Unknown,
        },
        own: holder.own,
    })
}

/// Returns everybody who is listed on a WABA.
fn holders(observed: &Observed, waba: WabaId) -> BTreeMap<UserId, Holder> {
    let keys = AssignmentKey { waba, user: UserId::MIN }..=AssignmentKey { waba, user: UserId::MAX };
    let own = observed.state.on(waba).map(|(user, tasks)| (user, Holder::listed(tasks.clone(), true)));
    let others = observed.others.range(keys);
    let others = others.map(|(key, holder)| (key.user, Holder::listed(holder.tasks.clone(), holder.own)));
    own.chain(others).collect()
}
