//! Plans what takes a run back: its writes, where they are still as that run left them.
//!
//! What the journal says of a write decides what the run left: its outcome, or what a later run read. A write whose outcome
//! is not known is settled by the live set. Everything that something else changed since is left alone.

#[cfg(test)]
mod tests;

use super::{assigned_admins, block_dependent, blocked, by_role, holders, order, others_on, plan};
use crate::model::{
    AdminRole, AssignmentKey, Change, DeclaredUser, Desired, Holder, LeftAlone, Name, Notice, Observed,
    Outcome, Plan, RecordedRun, RecordedWrite, Selection, Settlement, TaskSet, Undo, UserId, WabaId,
    WhyLeftAlone,
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// A run that is taken back, with what the journal says of it.
#[derive(Debug, Clone, Copy)]
pub struct UndoRequest<'a> {
    /// The run.
    pub run: &'a RecordedRun,
    /// The runs that began after it.
    pub later: &'a [RecordedRun],
    /// The WABAs whose assignments are taken back; `None` is all of them.
    pub wabas: Option<&'a BTreeSet<WabaId>>,
    /// What was asked for.
    pub selection: &'a Selection,
    /// The digest of the manifests; `None` without manifests.
    pub manifests: Option<&'a str>,
    /// The number of lines of the journal that could not be read.
    pub unread_lines: usize,
}

/// An assignment that a run wrote, as far as the journal knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The assignment.
    pub key: AssignmentKey,
    /// The WABA's name in the journal; empty if it was not known.
    pub waba_name: Name,
    /// The user's name in the journal; empty if it was not known.
    pub user_name: Name,
    /// The set before the run.
    pub before: TaskSet,
    /// The set that the run left.
    left: Left,
}

/// The set that a run left.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Left {
    /// This set.
    Known(TaskSet),
    /// One of two sets: it is not known whether the write took effect.
    Either { without: TaskSet, with: TaskSet },
    /// This set, which the API did not list after the write, because the user is an admin.
    Unlisted(TaskSet),
    /// Something else changed it while it was written, so nobody knows what this run did.
    Unclear(TaskSet),
}

impl Left {
    /// Returns the set that the run was to leave.
    fn tasks(&self) -> &TaskSet {
        match self {
            Self::Known(tasks)
            | Self::Either { with: tasks, .. }
            | Self::Unlisted(tasks)
            | Self::Unclear(tasks) => tasks,
        }
    }
}

impl Written {
    /// Returns the set that the run left, or was to leave if that is not known.
    pub fn left(&self) -> &TaskSet {
        self.left.tasks()
    }
}

/// Returns the assignments that a run wrote or may have written, by key.
pub fn written(run: &RecordedRun) -> Vec<Written> {
    let mut found: BTreeMap<AssignmentKey, Written> = BTreeMap::new();
    for write in &run.writes {
        let Some(left) = left(write) else { continue };
        found.entry(write.key).and_modify(|known| known.left = left.clone()).or_insert_with(|| Written {
            key: write.key,
            waba_name: write.waba_name.clone(),
            user_name: write.user_name.clone(),
            before: write.before.clone(),
            left,
        });
    }
    found.into_values().collect()
}

/// Returns what a write left; `None` if it had no effect.
fn left(write: &RecordedWrite) -> Option<Left> {
    let known = || Some(Left::Known(write.after.clone()));
    let either = || Some(Left::Either { without: write.before.clone(), with: write.after.clone() });
    let unclear = || Some(Left::Unclear(write.after.clone()));
    if let Some(settled) = &write.settled {
        return match settled.how {
            Settlement::TookEffect => known(),
            Settlement::NoEffect => None,
            Settlement::Different => unclear(),
        };
    }
    match write.outcome.as_ref().map(|known| &known.outcome) {
        Some(Outcome::Applied) => known(),
        Some(Outcome::AcceptedNotListed) => Some(Left::Unlisted(write.after.clone())),
        Some(Outcome::StoredDifferently { stored }) => Some(Left::Known(stored.clone())),
        Some(Outcome::Unknown { .. } | Outcome::InPart { .. }) | None => either(),
        Some(Outcome::Moved { .. }) => unclear(),
        Some(Outcome::AlreadySo | Outcome::Failed { .. } | Outcome::NotAttempted { .. }) => None,
    }
}

/// Plans what takes a run back.
///
/// `desired` has the WABAs in scope that were read, and `observed` all WABAs that the run wrote on.
pub fn undo(request: UndoRequest<'_>, desired: &Desired, observed: &Observed) -> Plan {
    let run = request.run;
    let undo = Undo {
        run: run.id.clone(),
        at: run.at,
        origin: run.origin.clone(),
        has_ended: run.end.is_some(),
        manifests: request.manifests.map(str::to_owned),
        left_alone: Vec::new(),
        asked_again: Vec::new(),
        unread_lines: request.unread_lines,
    };
    let plan = Plan {
        acting_user: desired.acting_user,
        implied: desired.implied.clone(),
        undeclared: desired.undeclared,
        by_role: by_role(desired),
        selection: request.selection.clone(),
        ..Plan::empty(desired.business, desired.now)
    };
    let mut draft = Draft { desired, observed, later: later_writes(request), plan, undo };
    let all = written(run);
    let is_selected =
        |written: &&Written| request.wabas.is_none_or(|wabas| wabas.contains(&written.key.waba));
    let selected: Vec<&Written> = all.iter().filter(is_selected).collect();
    for on_waba in selected.chunk_by(|one, next| one.key.waba == next.key.waba) {
        draft.waba(on_waba);
    }
    draft.finish()
}

/// The last write of a later run on each assignment that this one wrote.
type LaterWrites<'a> = BTreeMap<AssignmentKey, (&'a Name, Timestamp)>;

fn later_writes(request: UndoRequest<'_>) -> LaterWrites<'_> {
    let own: BTreeSet<AssignmentKey> = request.run.writes.iter().map(|write| write.key).collect();
    let writes = request.later.iter().flat_map(|run| run.writes.iter().map(move |write| (run, write)));
    let writes = writes.filter(|(_, write)| own.contains(&write.key) && left(write).is_some());
    writes.map(|(run, write)| (write.key, (&run.id, write.at))).collect()
}

/// What becomes of an assignment.
enum Verdict {
    /// It is as before the run.
    Nothing,
    /// It is taken back.
    Change(Change),
    LeftAlone(WhyLeftAlone),
}

/// An undo that is being planned.
struct Draft<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    later: LaterWrites<'a>,
    plan: Plan,
    undo: Undo,
}

impl Draft<'_> {
    /// Plans the assignments on one WABA.
    fn waba(&mut self, on_waba: &[&Written]) {
        let waba = on_waba[0].key.waba;
        if let Some(reason) = self.observed.unreadable.get(&waba) {
            self.plan.unreadable.insert(waba, reason.why.clone());
            self.name_waba(on_waba[0]);
            return;
        }
        let mut changes = Vec::new();
        for written in on_waba {
            match self.judge(written) {
                Verdict::Nothing => continue,
                Verdict::Change(change) => changes.push(change),
                Verdict::LeftAlone(why) => self.undo.left_alone.push(LeftAlone {
                    key: written.key,
                    before: written.before.clone(),
                    left: written.left().clone(),
                    why,
                }),
            }
            self.name_waba(written);
            self.name_user(written);
        }
        let live = self.observed.state.on(waba).count();
        let taken_back = changes.iter().filter(|change| !change.before.is_empty()).count();
        self.plan.unchanged += live.saturating_sub(taken_back);
        if changes.is_empty() {
            return;
        }
        block_dependent(&mut changes);
        order(&mut changes, self.desired.acting_user);
        let mut held = holders(self.observed, waba);
        for user in &self.plan.by_role {
            held.entry(*user).or_insert_with(Holder::by_role);
        }
        self.plan.holders.insert(waba, held);
        self.plan.unmanaged.extend(others_on(self.observed, waba));
        if self.observed.unconfirmed.contains(&waba) {
            self.plan.notices.push(Notice::Unconfirmed(waba));
        }
        self.plan.changes.extend(changes);
    }

    fn judge(&self, written: &Written) -> Verdict {
        let Written { key, before, left, .. } = written;
        let same = |one: &TaskSet, other: &TaskSet| self.desired.implied.same(one, other);
        if matches!(left, Left::Known(left) if same(left, before)) {
            return Verdict::Nothing;
        }
        if let Some((run, at)) = self.later.get(key) {
            return Verdict::LeftAlone(WhyLeftAlone::LaterRun { run: (*run).clone(), at: *at });
        }
        let is_known = self.desired.own_users.contains_key(&key.user);
        let live = self.observed.state.get(*key);
        if !is_known && live.is_none() {
            return Verdict::LeftAlone(WhyLeftAlone::NoSuchUser);
        }
        let live = live.cloned().unwrap_or_default();
        let as_left = match left {
            Left::Either { without, with } => same(&live, with) && !same(with, without),
            Left::Unlisted(left) if live.is_empty() && !left.is_empty() => {
                return Verdict::LeftAlone(WhyLeftAlone::NotListed);
            }
            Left::Known(left) | Left::Unlisted(left) => same(&live, left),
            Left::Unclear(_) => false,
        };
        match (as_left, left) {
            (true, _) => self.change(written, &live, is_known),
            (false, Left::Either { without, .. }) if same(&live, without) => Verdict::Nothing,
            (false, Left::Unclear(_)) if same(&live, before) => Verdict::Nothing,
            (false, _) => Verdict::LeftAlone(WhyLeftAlone::Moved { live }),
        }
    }

    /// Returns the change from what the run left to what was there before it.
    fn change(&self, written: &Written, live: &TaskSet, is_known: bool) -> Verdict {
        let Written { key, before, .. } = written;
        let implied = self.desired.implied.by_both(live, before).intersection(live);
        let after = before.union(&implied);
        if after == *live {
            return Verdict::Nothing;
        }
        let mut change = Change::new(*key, live.clone(), after);
        let gains = !change.gained().is_empty();
        if gains && !is_known {
            return Verdict::LeftAlone(WhyLeftAlone::NoSuchUser);
        }
        let suspended = self.declared(key.user).and_then(|user| user.suspended.clone());
        if let Some(suspended) = suspended.filter(|_| gains) {
            return Verdict::LeftAlone(WhyLeftAlone::Suspended(suspended));
        }
        let role = self.desired.own_users.get(&key.user).map(|user| user.role);
        let may_delete = self.plan.by_role.contains(&key.user) || self.desired.admin_rows.contains(&key.user);
        change.admin = role == Some(AdminRole::Admin);
        change.blocked = blocked(&change, self.desired.acting_user, role, may_delete);
        Verdict::Change(change)
    }

    fn declared(&self, user: UserId) -> Option<&DeclaredUser> {
        self.desired.scope.users.get(&user)
    }

    /// Adds the names of a WABA: the one in the manifests, or else the one in the journal.
    fn name_waba(&mut self, written: &Written) {
        let waba = written.key.waba;
        let scoped = self.desired.scope.wabas.get(&waba);
        let name = scoped.map_or(&written.waba_name, |scoped| &scoped.name);
        self.plan.waba_names.insert(waba, name.clone());
        let live = scoped.and_then(|scoped| scoped.live_name.as_ref()).filter(|live| *live != name);
        self.plan.live_waba_names.extend(live.map(|live| (waba, live.clone())));
    }

    /// Adds the names of a user: the one in the manifests, or else the one in the journal, and the live one.
    fn name_user(&mut self, written: &Written) {
        let user = written.key.user;
        let declared = self.declared(user).map(|user| &user.name);
        let live = self.desired.own_users.get(&user).map(|user| &user.name);
        let recorded = Some(&written.user_name).filter(|name| !name.as_str().is_empty());
        let name = declared.or(recorded).or(live).cloned().unwrap_or_default();
        if let Some(live) = live.filter(|live| **live != name) {
            self.plan.live_user_names.insert(user, live.clone());
        }
        self.plan.user_names.insert(user, name);
    }

    fn finish(mut self) -> Plan {
        let admins = assigned_admins(&self.plan.changes);
        self.plan.notices.extend(admins.into_iter().map(Notice::AssignsToAdmin));
        let of_manifests = plan(self.desired, self.observed);
        let counted = |key: AssignmentKey| {
            let scope = &self.desired.scope;
            let is_managed =
                scope.users.contains_key(&key.user) || self.desired.released.contains_key(&key.user);
            is_managed && scope.wabas.contains_key(&key.waba)
        };
        let live = self.plan.changes.iter().filter(|change| !change.before.is_empty());
        let uncounted = live.filter(|change| !counted(change.key)).count();
        // Without manifests there is no scope: then it is what system users hold on the WABAs that were read.
        self.plan.live_in_scope = match self.undo.manifests {
            Some(_) => of_manifests.live_in_scope + uncounted,
            None => self.observed.state.len(),
        };
        self.undo.asked_again = self.asked_again();
        self.plan.undo = Some(Box::new(self.undo));
        self.plan
    }

    /// Returns the changes that a plan of the manifests makes of the same assignments after this one.
    fn asked_again(&self) -> Vec<Change> {
        let attempted = || self.plan.changes.iter().filter(|change| change.blocked.is_none());
        let mut after = self.observed.clone();
        for change in attempted() {
            after.state.set(change.key, change.after.clone());
        }
        let undone: BTreeSet<AssignmentKey> = attempted().map(|change| change.key).collect();
        let mut asked = plan(self.desired, &after).changes;
        asked.retain(|change| undone.contains(&change.key));
        asked.sort_by_key(|change| change.key);
        asked
    }
}
