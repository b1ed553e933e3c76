//! Staleness: whether a saved plan still matches the live state or the manifests.

use super::{blocked, holders, order};
use crate::model::{
    AdminRole, AssignmentKey, Change, CurrentAccess, Directory, Observed, Plan, StaleChange, TaskSet, UserId,
};
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};

/// Returns the changes of a saved plan that no longer start from the live state, or whose grant has expired.
pub fn changed_since(
    plan: &Plan,
    today: Date,
    directory: &Directory,
    observed: &Observed,
) -> Vec<StaleChange> {
    let stale = |change: &Change| {
        let now = current_access(change, plan.day, today, directory, observed)?;
        Some(StaleChange { key: change.key, planned: Some(sets(change)), now })
    };
    plan.changes.iter().filter_map(stale).collect()
}

/// Returns how an assignment differs from the one that a change was planned for; `None` if it does not.
fn current_access(
    change: &Change,
    planned_for: Date,
    today: Date,
    directory: &Directory,
    observed: &Observed,
) -> Option<CurrentAccess> {
    let has_expired = |until: Date| planned_for <= until && until < today;
    let expired = change.because.grants.iter().find(|grant| grant.until.is_some_and(has_expired));
    let live = observed.state.get(change.key).cloned().unwrap_or_default();
    Some(if let Some(why) = observed.unreadable.get(&change.key.waba) {
        CurrentAccess::Unreadable(why.0.clone())
    } else if observed.unconfirmed.contains(&change.key.waba) && !change.before.is_empty() {
        CurrentAccess::Unreadable(String::from("its list is empty, and nothing confirms that"))
    } else if !directory.system_users.contains_key(&change.key.user) {
        CurrentAccess::NoSuchUser
    } else if live != change.before {
        CurrentAccess::Holds(live)
    } else {
        CurrentAccess::Expired(expired?.clone())
    })
}

/// Returns every assignment that a saved plan and a new one change differently, or that the saved one changes twice.
/// The order of changes does not count.
pub fn differences(saved: &Plan, fresh: &Plan) -> Vec<StaleChange> {
    let wanted: BTreeMap<AssignmentKey, (TaskSet, TaskSet)> =
        fresh.changes.iter().map(|change| (change.key, sets(change))).collect();
    let asked = |(before, after): &(TaskSet, TaskSet)| CurrentAccess::Asked(before.clone(), after.clone());
    let mut differences = Vec::new();
    let mut planned = BTreeSet::new();
    for change in &saved.changes {
        let (key, now) = (change.key, wanted.get(&change.key));
        if !planned.insert(key) || now != Some(&sets(change)) {
            let now = now.map_or(CurrentAccess::NotAsked, asked);
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
/// The changes stay the same; their order and whether they are blocked follow the acting user.
pub fn refresh(plan: &mut Plan, acting_user: Option<UserId>, directory: &Directory, observed: &Observed) {
    plan.acting_user = acting_user.filter(|user| directory.system_users.contains_key(user));
    plan.holders = plan.holders.keys().map(|waba| (*waba, holders(observed, *waba))).collect();
    for change in &mut plan.changes {
        let user = directory.system_users.get(&change.key.user);
        change.admin = user.is_some_and(|user| user.role == AdminRole::Admin);
        change.blocked = blocked(change, plan.acting_user);
    }
    order(&mut plan.changes, plan.acting_user);
}

fn sets(change: &Change) -> (TaskSet, TaskSet) {
    (change.before.clone(), change.after.clone())
}
