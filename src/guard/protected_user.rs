//! The guard `protected-user`: protected users lose nothing.

use super::{Guard, Violation, is_loss};
use crate::model::{Plan, Policy};

pub(super) fn check(plan: &Plan, policy: &Policy) -> Vec<Violation> {
    plan.changes
        .iter()
        .filter(|change| policy.protected_users.contains(&change.key.user) && is_loss(change))
        .map(|change| {
            let (user, waba) = (plan.user_name(change.key.user), plan.waba_name(change.key.waba));
            let message = format!("`{user}` is protected and would lose {} on `{waba}`", change.lost());
            Violation::of_change(Guard::ProtectedUser, change, message)
        })
        .collect()
}
