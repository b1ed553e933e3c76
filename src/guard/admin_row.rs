//! The guard `admin-row`: the last assignment of an admin on a WABA is not deleted, since that gives back the full access
//! of its role.
//!
//! Without a waiver, the planner blocks such a change, and there is nothing to violate.

use super::{Guard, Violation, attempted};
use crate::proposal::Proposal;

pub(super) fn check(proposal: &Proposal) -> Vec<Violation> {
    let plan = &proposal.plan;
    attempted(plan)
        .filter(|change| change.restores_admin() && !plan.by_role.contains(&change.key.user))
        .map(|change| {
            let (user, waba) = (plan.user_name(change.key.user), plan.waba_name(change.key.waba));
            let message =
                format!("`{user}` is an admin and would have full access on `{waba}` again, by its role");
            Violation::of_change(Guard::AdminRow, change, message)
        })
        .collect()
}
