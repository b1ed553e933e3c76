//! The guard `protected-user`: protected users lose nothing.

use super::{Guard, Violation, losses};
use crate::model::Change;
use crate::proposal::Proposal;

pub(super) fn check(proposal: &Proposal) -> Vec<Violation> {
    let (plan, policy) = (&proposal.plan, &proposal.policy);
    losses(plan)
        .filter(|change| policy.protected_users.contains(&change.key.user))
        .map(|change| {
            let (user, waba) = (plan.user_name(change.key.user), plan.waba_name(change.key.waba));
            let message = format!("`{user}` is protected and would lose {} on `{waba}`", lost(change));
            Violation::of_change(Guard::ProtectedUser, change, message)
        })
        .collect()
}

fn lost(change: &Change) -> String {
    if change.narrows_admin() {
        format!("the full access of its role except for {}", change.after)
    } else {
        change.lost().to_string()
    }
}
