//! Staleness: whether a saved plan still matches the live state or the manifests.

use super::{block_dependent, blocked, holders, order};
use crate::model::{
    AdminRole, AssignmentKey, Change, CurrentAccess, Directory, Holder, Observed, Phase, Plan, StaleChange,
    TaskSet, UserId, WhyGone,
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Returns the changes of a saved plan that no longer start from the live state, whose grant has ended or begun since, or
/// whose user is not among those that were released.
pub fn changed_since(
    plan: &Plan,
    now: Timestamp,
    directory: &Directory,
    observed: &Observed,
    released: &BTreeSet<UserId>,
) -> Vec<StaleChange> {
    let stale = |change: &Change| {
        let current = current_access(change, now, directory, observed)
            .or_else(|| is_unreleased(change, released).then_some(CurrentAccess::NotReleased))?;
        Some(StaleChange { key: change.key, planned: Some(sets(change)), now: current })
    };
    plan.changes.iter().filter_map(stale).collect()
}

/// Returns whether a change takes access from a user because it was released, and it was not.
fn is_unreleased(change: &Change, released: &BTreeSet<UserId>) -> bool {
    let lines = change.because.gone.iter().flat_map(|(_, lines)| lines);
    let by_release = lines.into_iter().any(|line| matches!(line, WhyGone::Released(_)));
    by_release && !released.contains(&change.key.user)
}

/// Returns how an assignment differs from the one that a change was planned for; `None` if it does not.
fn current_access(
    change: &Change,
    now: Timestamp,
    directory: &Directory,
    observed: &Observed,
) -> Option<CurrentAccess> {
    let live = observed.state.get(change.key).cloned().unwrap_or_default();
    Some(if let Some(why) = observed.unreadable.get(&change.key.waba) {
        CurrentAccess::Unreadable(why.why.clone())
    } else if observed.unconfirmed.contains(&change.key.waba) && !change.before.is_empty() {
        CurrentAccess::Unreadable(String::from("its list is empty, and nothing confirms that"))
    } else if !directory.system_users.contains_key(&change.key.user) && !change.after.is_subset(&live) {
        CurrentAccess::NoSuchUser
    } else if live != change.before {
        CurrentAccess::Holds(live)
    } else {
        other_phase(change, now)?
    })
}

/// Returns the grant or exception that a change rests on and that has ended since, or the grant that has begun and gives
/// what the change removes.
fn other_phase(change: &Change, now: Timestamp) -> Option<CurrentAccess> {
    let ended = change.because.grants.iter().find(|grant| grant.phase(now) == Phase::Ended);
    let mut gone = change.because.gone.iter().flat_map(|(_, lines)| lines);
    let other = gone.find_map(|line| match line {
        WhyGone::NotYet(grant) => {
            (grant.phase(now) == Phase::InForce).then(|| CurrentAccess::Begun(grant.clone()))
        }
        WhyGone::Excepted(exception) => {
            (exception.phase(now) == Phase::Ended).then(|| CurrentAccess::Expired(exception.clone()))
        }
        WhyGone::Expired(_)
        | WhyGone::Declared(_)
        | WhyGone::Suspended(_)
        | WhyGone::Released(_)
        | WhyGone::Undeclared(_) => None,
    });
    ended.cloned().map(CurrentAccess::Expired).or(other)
}

/// Returns every assignment that a saved plan and a new one change differently, or that the saved one changes twice.
/// The order of changes does not count.
pub fn differences(saved: &Plan, fresh: &Plan) -> Vec<StaleChange> {
    let wanted: BTreeMap<AssignmentKey, (TaskSet, TaskSet)> =
        fresh.changes.iter().map(|change| (change.key, sets(change))).collect();
    let asked = |(before, after): &(TaskSet, TaskSet)| CurrentAccess::Asked(before.clone(), after.clone());
    let not_asked = |key: AssignmentKey| match fresh.unreadable.get(&key.waba) {
        Some(why) => CurrentAccess::Unreadable(why.clone()),
        None => CurrentAccess::NotAsked,
    };
    let mut differences = Vec::new();
    let mut planned = BTreeSet::new();
    for change in &saved.changes {
        let (key, now) = (change.key, wanted.get(&change.key));
        if !planned.insert(key) || now != Some(&sets(change)) {
            let now = now.map_or_else(|| not_asked(key), asked);
            differences.push(StaleChange { key, planned: Some(sets(change)), now });
        }
    }
    for (key, sets) in wanted.iter().filter(|(key, _)| !planned.contains(*key)) {
        differences.push(StaleChange { key: *key, planned: None, now: asked(sets) });
    }
    differences
}

/// Updates the evidence of a saved plan with what was just read, for the user that applies it now.
///
/// The changes stay the same; their order and whether they are blocked follow the acting user. `admin_rows` are the
/// admins whose last assignment on a WABA may be deleted.
pub fn refresh(
    plan: &mut Plan,
    acting_user: Option<UserId>,
    directory: &Directory,
    observed: &Observed,
    admin_rows: &BTreeSet<UserId>,
) {
    plan.acting_user = acting_user.filter(|user| directory.system_users.contains_key(user));
    let by_role = || plan.by_role.iter().map(|user| (*user, Holder::by_role()));
    let now = |waba| {
        let mut now = holders(observed, waba);
        by_role().for_each(|(user, holder)| _ = now.entry(user).or_insert(holder));
        now
    };
    plan.holders = plan.holders.keys().map(|waba| (*waba, now(*waba))).collect();
    for change in &mut plan.changes {
        let user = change.key.user;
        let role = directory.system_users.get(&user).map(|user| user.role);
        let may_delete = plan.by_role.contains(&user) || admin_rows.contains(&user);
        change.admin = role == Some(AdminRole::Admin);
        change.blocked = blocked(change, plan.acting_user, role, may_delete);
    }
    plan.changes.sort_by_key(|change| change.key);
    block_dependent(&mut plan.changes);
    order(&mut plan.changes, plan.acting_user);
}

fn sets(change: &Change) -> (TaskSet, TaskSet) {
    (change.before.clone(), change.after.clone())
}
