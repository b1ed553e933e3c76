//! The guard `max-removals`: limits how many assignments lose a task, in number and in percent.

use super::{Guard, Violation, is_loss};
use crate::model::{Plan, Policy};

/// The number of live assignments from which the percentage counts. With fewer, a single removal would be a large
/// share of them.
const PERCENT_COUNTS_FROM: usize = 10;

#[expect(clippy::cast_precision_loss, reason = "counts of assignments are far below 2^52")]
pub(super) fn check(plan: &Plan, policy: &Policy) -> Vec<Violation> {
    let losing = plan.changes.iter().filter(|change| is_loss(change)).count();
    let live = plan.live_in_scope;
    let mut violations = Vec::new();
    if losing as u64 > policy.max_removals {
        let limit = policy.max_removals;
        violations.push(format!("{losing} of {live} assignments would lose tasks, the limit is {limit}"));
    }
    let share = losing as f64 * 100.0;
    if live >= PERCENT_COUNTS_FROM && share > policy.max_removals_percent * live as f64 {
        let (percent, limit) = (share / live as f64, policy.max_removals_percent);
        violations.push(format!(
            "{losing} of {live} assignments would lose tasks: {percent:.1} %, the limit is {limit} %"
        ));
    }
    violations.into_iter().map(|message| Violation::of_plan(Guard::MaxRemovals, message)).collect()
}
