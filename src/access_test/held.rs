//! What everybody holds on a WABA: as desired, live, and after a plan.

use crate::model::{
    AdminRole, AssignmentKey, Change, Desired, Held, HeldHow, HeldOnWaba, Observed, Plan, TaskSet, UserId,
    WabaId,
};
use std::collections::BTreeSet;

/// Returns what the manifests ask for on a WABA. An admin with `by_role` holds everything unless an assignment narrows it.
pub fn desired(desired: &Desired, waba: WabaId) -> HeldOnWaba {
    let rows = desired.state.on(waba).map(|(user, tasks)| (user, listed(tasks.clone(), true)));
    let mut held: HeldOnWaba = rows.collect();
    add_admins(
        &mut held,
        desired.scope.users.iter().filter(|(_, user)| user.by_role).map(|(id, _)| *id),
        HeldHow::ByRole,
    );
    held
}

/// The admins of a business, who hold everything on each WABA on which they have no assignment.
#[derive(Debug, Clone)]
pub struct Admins {
    by_role: Vec<UserId>,
    undeclared: Vec<UserId>,
}

impl Admins {
    /// Collects the admins that are declared with `by_role`, and the others.
    pub fn of(desired: &Desired) -> Self {
        let by_role = desired.scope.users.iter().filter(|(_, user)| user.by_role).map(|(id, _)| *id);
        let by_role: Vec<UserId> = by_role.collect();
        let admins = desired.own_users.iter().filter(|(_, user)| user.role == AdminRole::Admin);
        let undeclared = admins.map(|(id, _)| *id).filter(|id| !by_role.contains(id)).collect();
        Self { by_role, undeclared }
    }
}

/// Returns what everybody holds on a WABA; `None` if it could not be read. Admins without an assignment hold everything.
pub fn live(admins: &Admins, observed: &Observed, waba: WabaId) -> Option<HeldOnWaba> {
    if observed.unreadable.contains_key(&waba) {
        return None;
    }
    let keys = AssignmentKey { waba, user: UserId::MIN }..=AssignmentKey { waba, user: UserId::MAX };
    let own = observed.state.on(waba).map(|(user, tasks)| (user, listed(tasks.clone(), true)));
    let others = observed.others.range(keys);
    let others = others.map(|(key, holder)| (key.user, listed(holder.tasks.clone(), holder.own)));
    let mut held: HeldOnWaba = own.chain(others).collect();
    add_admins(&mut held, admins.by_role.iter().copied(), HeldHow::ByRole);
    add_admins(&mut held, admins.undeclared.iter().copied(), HeldHow::Undeclared);
    Some(held)
}

/// Returns what everybody holds on a WABA with changes, by the evidence of the plan. Admins without an assignment hold
/// everything if they are declared with `by_role`, or have a change.
pub(super) fn planned(plan: &Plan, changes: &[Change]) -> HeldOnWaba {
    let holders = changes.first().and_then(|change| plan.holders.get(&change.key.waba)).into_iter().flatten();
    let mut held: HeldOnWaba = holders
        .map(|(user, holder)| {
            let how = if holder.is_listed { HeldHow::Listed } else { HeldHow::ByRole };
            (*user, Held { tasks: holder.tasks.clone(), own: holder.own, how })
        })
        .collect();
    let admins = changes.iter().filter(|change| change.admin && change.before.is_empty());
    add_admins(&mut held, admins.map(|change| change.key.user), HeldHow::Undeclared);
    held
}

/// Returns what everybody holds after the changes on a WABA that are attempted. `by_role` are the admins that are declared
/// so.
pub fn after(mut held: HeldOnWaba, changes: &[Change], by_role: &BTreeSet<UserId>) -> HeldOnWaba {
    for change in changes.iter().filter(|change| change.blocked.is_none()) {
        let user = change.key.user;
        held.remove(&user);
        if !change.after.is_empty() {
            held.insert(user, listed(change.after.clone(), true));
        } else if change.admin {
            let how = if by_role.contains(&user) { HeldHow::ByRole } else { HeldHow::Undeclared };
            add_admins(&mut held, [user].into_iter(), how);
        }
    }
    held
}

fn listed(tasks: TaskSet, own: bool) -> Held {
    Held { tasks, own, how: HeldHow::Listed }
}

/// Adds admins that have no assignment: they hold everything by their role.
fn add_admins(held: &mut HeldOnWaba, admins: impl Iterator<Item = UserId>, how: HeldHow) {
    for user in admins {
        held.entry(user).or_insert_with(|| Held { tasks: TaskSet::FULL, own: true, how });
    }
}
