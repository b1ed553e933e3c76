//! The guard `not-permitted`: only tasks that the WABA permits are written.

use super::{Guard, Violation, attempted};
use crate::model::{Change, Plan, Policy};
use crate::proposal::Proposal;

pub(super) fn check(proposal: &Proposal) -> Vec<Violation> {
    let Proposal { plan, policy, .. } = proposal;
    attempted(plan).filter_map(|change| violation(plan, policy, change)).collect()
}

fn violation(plan: &Plan, policy: &Policy, change: &Change) -> Option<Violation> {
    let permitted = policy.permitted.get(&change.key.waba)?;
    let refused = change.after.difference(permitted);
    if refused.is_empty() {
        return None;
    }
    let (user, waba) = (plan.user_name(change.key.user), plan.waba_name(change.key.waba));
    let permitted = if permitted.is_empty() {
        String::from("no task at all: its list of permitted tasks is empty")
    } else {
        format!("only {permitted}")
    };
    let message = format!("`{user}` would get {refused} on `{waba}`, which permits {permitted}");
    Some(Violation::of_change(Guard::NotPermitted, change, message))
}
