//! What differs between an earlier snapshot and live access, and which of it no run of the journal explains.

use super::{ReportBasis, proof};
use crate::model::{
    AdminRole, AssignmentKey, EarlierAccess, HolderKind, HolderOf, LiveSource, Name, Outcome, RecordedRun,
    RecordedWrite, TaskSet, UserId, WabaId,
};
use crate::query::report::Proof;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// What differs between an earlier snapshot and live access on the WABAs of a report.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comparison<'a> {
    /// The assignments that differ, or that changed in between by something that no run explains, by WABA and user.
    pub differences: Vec<Difference<'a>>,
    /// The system users of the business that became admins, or are admins no more.
    pub roles: Vec<RoleDifference<'a>>,
    /// The number of WABAs that were compared.
    pub compared: usize,
    /// The WABAs in scope that could not be compared.
    pub not_compared: BTreeMap<WabaId, NotCompared>,
    /// The WABAs of the snapshot that are not in scope now.
    pub out_of_scope: BTreeSet<WabaId>,
}

/// Why a WABA is not compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotCompared {
    /// Its access could not be read now.
    UnreadableNow,
    /// Its access could not be read for the snapshot.
    UnreadableThen,
}

/// An assignment that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference<'a> {
    /// The WABA and the user.
    pub key: AssignmentKey,
    /// The name of the user; empty if it is not known.
    pub user: &'a str,
    /// Whose assignment it is.
    pub holder: HolderOf,
    /// The tasks in the snapshot.
    pub before: TaskSet,
    /// The tasks now.
    pub after: TaskSet,
    /// The writes since then that took effect, oldest first.
    pub writes: Vec<(&'a RecordedRun, &'a RecordedWrite)>,
    /// The changes in between that no run explains, oldest first.
    pub outside: Vec<OutsideChange>,
}

/// A change that no run in the journal explains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutsideChange {
    /// The tasks that were gained.
    pub gained: TaskSet,
    /// The tasks that were lost.
    pub lost: TaskSet,
    /// The last time at which it is known not to be so yet: the snapshot, or a write.
    pub after: Timestamp,
    /// The first time at which it is known to be so: a write, or the reading of live access.
    pub before: Timestamp,
}

/// A system user that became an admin, or is one no more. The journal never has that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleDifference<'a> {
    /// The user.
    pub user: UserId,
    /// Its name.
    pub name: &'a Name,
    /// Whether it is an admin now.
    pub is_admin: bool,
}

impl Difference<'_> {
    /// Returns the tasks that were gained outside of the runs at any time.
    pub fn gained_outside(&self) -> TaskSet {
        self.outside.iter().fold(TaskSet::EMPTY, |all, change| all.union(&change.gained))
    }

    /// Returns the tasks that were lost outside of the runs at any time.
    pub fn lost_outside(&self) -> TaskSet {
        self.outside.iter().fold(TaskSet::EMPTY, |all, change| all.union(&change.lost))
    }
}

impl Comparison<'_> {
    /// Returns the number of differences with a change that no run explains.
    pub fn outside(&self) -> usize {
        self.differences.iter().filter(|difference| !difference.outside.is_empty()).count()
    }
}

/// Compares live access with that of an earlier snapshot.
pub(super) fn compare<'a>(basis: &ReportBasis<'a>, earlier: &'a EarlierAccess) -> Comparison<'a> {
    let evidence = basis.evidence;
    let scope = &evidence.desired.scope.wabas;
    let mut comparison = Comparison::default();
    let mut compared = BTreeSet::new();
    for waba in scope.keys() {
        let is_unknown = earlier.wabas.get(waba).is_some_and(|waba| !waba.is_known)
            || earlier.mark.left_out.contains(waba);
        if evidence.unreadable(*waba).is_some() {
            comparison.not_compared.insert(*waba, NotCompared::UnreadableNow);
        } else if is_unknown {
            comparison.not_compared.insert(*waba, NotCompared::UnreadableThen);
        } else {
            compared.insert(*waba);
        }
    }
    comparison.compared = compared.len();
    let left_out = evidence.desired.narrowing.as_ref().map(|narrowing| &narrowing.left_out);
    let is_out = |waba: &&WabaId| {
        !scope.contains_key(*waba) && !left_out.is_some_and(|left_out| left_out.contains(*waba))
    };
    comparison.out_of_scope = earlier.wabas.keys().filter(is_out).copied().collect();
    let writes = writes_since(basis, earlier.mark.taken);
    let own = evidence.observed.state.iter().map(|(key, _)| key);
    let others = evidence.observed.others.keys().copied();
    let mut keys: BTreeSet<AssignmentKey> = own.chain(others).collect();
    keys.extend(earlier.held.keys().chain(writes.keys()));
    for key in keys.into_iter().filter(|key| compared.contains(&key.waba)) {
        let of_key = writes.get(&key).map(Vec::as_slice).unwrap_or_default();
        comparison.differences.extend(difference(basis, earlier, key, of_key));
    }
    comparison.roles = roles(basis, earlier);
    comparison
}

/// Returns when live access was taken, if it is from a snapshot that nothing has changed since.
fn unchanged_since(live_source: &LiveSource) -> Option<Timestamp> {
    match live_source {
        LiveSource::Snapshot(mark) if !mark.changed => Some(mark.taken),
        LiveSource::Snapshot(_) | LiveSource::Api | LiveSource::Emulator | LiveSource::Unrecorded => None,
    }
}

/// Returns the writes between the snapshot and live access, by assignment, oldest first.
fn writes_since<'a>(
    basis: &ReportBasis<'a>,
    taken: Timestamp,
) -> BTreeMap<AssignmentKey, Vec<(&'a RecordedRun, &'a RecordedWrite)>> {
    // It shows nothing of later writes.
    let live_until = unchanged_since(basis.live_source);
    let mut writes: BTreeMap<AssignmentKey, Vec<(&RecordedRun, &RecordedWrite)>> = BTreeMap::new();
    for run in &basis.journal.history.runs {
        for write in &run.writes {
            if write.at >= taken && live_until.is_none_or(|until| write.at < until) {
                writes.entry(write.key).or_default().push((run, write));
            }
        }
    }
    for of_key in writes.values_mut() {
        of_key.sort_by_key(|(_, write)| write.at);
    }
    writes
}

/// Returns the difference of an assignment, if there is one.
fn difference<'a>(
    basis: &ReportBasis<'a>,
    earlier: &'a EarlierAccess,
    key: AssignmentKey,
    writes: &[(&'a RecordedRun, &'a RecordedWrite)],
) -> Option<Difference<'a>> {
    let evidence = basis.evidence;
    let implied = &evidence.desired.implied;
    let was = earlier.held.get(&key);
    let other = evidence.observed.others.get(&key);
    let before = was.map(|held| held.tasks.clone()).unwrap_or_default();
    let live = evidence.observed.state.get(key).or_else(|| other.map(|holder| &holder.tasks));
    let after = live.cloned().unwrap_or_default();
    let mut known = LastKnown { at: earlier.mark.taken, tasks: before.clone() };
    let (mut outside, mut effective) = (Vec::new(), Vec::new());
    for (index, (run, write)) in writes.iter().enumerate() {
        let next = || writes.get(index + 1).map_or(&after, |(_, next)| &next.before);
        let Some(left) = left_by(write, next()) else { continue };
        // A snapshot says when it was taken to the second, so it may have this write already.
        let is_same_second = write.at.duration_since(earlier.mark.taken) < SignedDuration::from_secs(1);
        if is_same_second && implied.same(&known.tasks, &left) {
            continue;
        }
        outside.extend(known.moved_to(&write.before, write.at, implied));
        known = LastKnown { at: write.at, tasks: left };
        effective.push((*run, *write));
    }
    let read_at = unchanged_since(basis.live_source).unwrap_or(basis.created_at);
    outside.extend(known.moved_to(&after, read_at.max(known.at), implied));
    if implied.same(&before, &after) && outside.is_empty() {
        return None;
    }
    let live_name = evidence.user_name(key).name.map(Name::as_str).filter(|name| !name.is_empty());
    let holder = match other.map(|holder| holder.kind) {
        Some(HolderKind::Person) => HolderOf::Person,
        Some(HolderKind::OtherBusiness) => HolderOf::OtherBusiness,
        Some(HolderKind::Unknown) | None => was.map_or(HolderOf::SystemUser, |held| held.holder),
    };
    let user = live_name.or_else(|| was.map(|held| held.name.as_str())).unwrap_or_default();
    Some(Difference { key, user, holder, before, after, writes: effective, outside })
}

/// What is known of an assignment at a time.
struct LastKnown {
    at: Timestamp,
    tasks: TaskSet,
}

impl LastKnown {
    /// Returns the change from what was known to what is seen later, if there is one.
    fn moved_to(
        &self,
        seen: &TaskSet,
        before: Timestamp,
        implied: &crate::model::Implied,
    ) -> Option<OutsideChange> {
        (!implied.same(&self.tasks, seen)).then(|| OutsideChange {
            gained: seen.difference(&self.tasks),
            lost: self.tasks.difference(seen),
            after: self.at,
            before,
        })
    }
}

/// Returns the set that a write left, if it had an effect that lists show. `next` is what was seen next.
fn left_by(write: &RecordedWrite, next: &TaskSet) -> Option<TaskSet> {
    match proof(write) {
        Proof::ReadBack(_) | Proof::LaterRead(..) => Some(write.after.clone()),
        Proof::Otherwise(found) => {
            // Somebody else changed it before the write, so the write explains nothing.
            let has_moved = write.outcome.as_ref().is_some_and(|known| {
                matches!(known.outcome, Outcome::Moved { .. }) && write.settled.is_none()
            });
            (!has_moved).then(|| found.clone())
        }
        Proof::InPart => Some(write.before.union(&write.after)),
        // What follows shows whether it took effect.
        Proof::Unknown => (next == &write.after).then(|| write.after.clone()),
        Proof::AlreadySo(_) | Proof::AcceptedNotListed | Proof::NoEffect | Proof::NotSent => None,
    }
}

/// Returns the system users whose role is known both times, and of which one is that of an admin.
fn roles<'a>(basis: &ReportBasis<'a>, earlier: &'a EarlierAccess) -> Vec<RoleDifference<'a>> {
    let now = &basis.evidence.desired.own_users;
    let is_admin = |role: AdminRole| match role {
        AdminRole::Admin => Some(true),
        AdminRole::Employee => Some(false),
        AdminRole::Unknown => None,
    };
    let users: BTreeSet<UserId> = now.keys().chain(earlier.system_users.keys()).copied().collect();
    let differs = |user: UserId| {
        let (was, is) = (earlier.system_users.get(&user), now.get(&user));
        let name = is.map(|user| &user.name).or_else(|| was.map(|(name, _)| name))?;
        // A user that is missing is no admin.
        let was = was.map_or(Some(false), |(_, role)| is_admin(*role))?;
        let is = is.map_or(Some(false), |user| is_admin(user.role))?;
        (was != is).then_some(RoleDifference { user, name, is_admin: is })
    };
    users.into_iter().filter_map(differs).collect()
}
