//! The guard `no-new-access`: in a run that may give no access, nobody gains any.

use super::{Guard, Violation, attempted};
use crate::model::{Change, Plan};
use crate::proposal::Proposal;

pub(super) fn check(proposal: &Proposal) -> Vec<Violation> {
    let plan = &proposal.plan;
    let changes = attempted(plan).filter(|_| proposal.policy.no_new_access);
    changes.filter_map(|change| violation(plan, change)).collect()
}

fn violation(plan: &Plan, change: &Change) -> Option<Violation> {
    let (user, waba) = (plan.user_name(change.key.user), plan.waba_name(change.key.waba));
    let gained = if change.restores_admin() {
        if change.access_before().is_full() {
            return None;
        }
        String::from("the full access of its role")
    } else {
        let gained = change.access_before().missing(&change.after);
        if gained.is_empty() {
            return None;
        }
        gained.to_string()
    };
    let message = format!("`{user}` would gain {gained} on `{waba}`, and this run may give no access");
    Some(Violation::of_change(Guard::NoNewAccess, change, message))
}
