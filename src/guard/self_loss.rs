//! The guard `self`: the acting system user keeps `MANAGE` and is never revoked.

use super::{Guard, Violation, attempted, losses};
use crate::model::{Action, Change, Plan, Task};
use crate::proposal::Proposal;

pub(super) fn check(proposal: &Proposal) -> Vec<Violation> {
    let plan = &proposal.plan;
    let Some(acting) = plan.acting_user else { return unknown(plan).into_iter().collect() };
    attempted(plan)
        .filter(|change| change.key.user == acting)
        .filter_map(|change| Some(Violation::of_change(Guard::SelfLoss, change, loss(plan, change)?)))
        .collect()
}

/// Reports a plan with losses if the acting user is unknown: each of them could be its own.
fn unknown(plan: &Plan) -> Option<Violation> {
    let message = "the API does not report which system user of the business this token belongs to, and the plan removes tasks";
    losses(plan).next().is_some().then(|| Violation::of_plan(Guard::SelfLoss, message))
}

fn loss(plan: &Plan, change: &Change) -> Option<String> {
    let (user, waba) = (plan.user_name(change.key.user), plan.waba_name(change.key.waba));
    let manages = change.access_before().grants(Task::Manage);
    if change.action() == Action::Revoke {
        Some(format!("`{user}`, the acting user, would lose everything on `{waba}`"))
    } else if manages && !change.access_after().grants(Task::Manage) {
        Some(format!("`{user}`, the acting user, would lose MANAGE on `{waba}`"))
    } else {
        None
    }
}
