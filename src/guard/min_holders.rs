//! The guard `min-holders`: each WABA keeps a minimum of holders of a task, at every moment of the apply.

use super::{Guard, Violation, is_attempted, is_loss};
use crate::model::{Change, Plan, Policy, Task, WabaId};

pub(super) fn check(plan: &Plan, policy: &Policy) -> Vec<Violation> {
    let mut violations = Vec::new();
    for changes in plan.by_waba().filter(|changes| changes.iter().any(is_loss)) {
        let waba = changes[0].key.waba;
        for (task, minimum) in &policy.min_holders {
            if let Some((before, lowest)) = falls_below(plan, changes, *task, *minimum) {
                violations.push(violation(plan, waba, *task, *minimum, before, lowest));
            }
        }
    }
    violations
}

fn violation(plan: &Plan, waba: WabaId, task: Task, minimum: u64, before: u64, lowest: u64) -> Violation {
    let name = plan.waba_name(waba);
    let message = format!(
        "`{name}` ({waba}) would go from {before} to {lowest} holders of {task}, the minimum is {minimum}"
    );
    Violation { guard: Guard::MinHolders, waba: Some(waba), user: None, message }
}

/// Counts the holders of a task after each change on one WABA.
///
/// Returns the number before the first change and the lowest one after a loss, if that is below the minimum.
fn falls_below(plan: &Plan, changes: &[Change], task: Task, minimum: u64) -> Option<(u64, u64)> {
    let holders = plan.holders.get(&changes[0].key.waba);
    let before = holders.map_or(0, |all| all.values().filter(|tasks| tasks.grants(task)).count() as u64);
    let (mut now, mut lowest) = (before, None);
    for change in changes.iter().filter(|change| is_attempted(change)) {
        match (change.before.grants(task), change.grants_after(task)) {
            (false, true) => now += 1,
            (true, false) => {
                now = now.saturating_sub(1);
                if now < minimum {
                    lowest = Some(lowest.map_or(now, |lowest: u64| lowest.min(now)));
                }
            }
            (true, true) | (false, false) => {}
        }
    }
    lowest.map(|lowest| (before, lowest))
}
