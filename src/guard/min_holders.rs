//! The guard `min-holders`: each WABA keeps a minimum of holders of a task, at the end and on the way there.

use super::{Guard, Violation};
use crate::model::{Change, Holders, Plan, Task, WabaId, writes};
use crate::proposal::Proposal;

pub(super) fn check(proposal: &Proposal) -> Vec<Violation> {
    let (plan, policy) = (&proposal.plan, &proposal.policy);
    let mut violations = Vec::new();
    for changes in plan.by_waba() {
        for (task, floor) in &policy.min_holders {
            let counted = count(plan, changes, *task, policy.holders);
            if counted.lowest < counted.before.min(*floor) {
                violations.push(violation(
                    plan,
                    changes[0].key.waba,
                    (*task, *floor),
                    policy.holders,
                    &counted,
                ));
            }
        }
    }
    violations
}

/// The number of holders of a task on one WABA.
struct Counted {
    before: u64,
    /// The lowest number after any write.
    lowest: u64,
    end: u64,
}

/// Counts the holders of a task after each write.
fn count(plan: &Plan, changes: &[Change], task: Task, who: Holders) -> Counted {
    let holders = plan.holders.get(&changes[0].key.waba).into_iter().flatten();
    let counts = |own: bool| own || who == Holders::Anyone;
    // The business's own admins count by their role if they have a change: it shows what their role gives.
    let unchanged = holders.filter(|(user, holder)| {
        counts(holder.own)
            && holder.tasks.grants(task)
            && !changes.iter().any(|change| change.key.user == **user)
    });
    let affected = changes.iter().filter(|change| change.access_before().grants(task));
    let before = (unchanged.count() + affected.count()) as u64;
    let mut counted = Counted { before, lowest: before, end: before };
    for write in writes(changes) {
        let held = if write.before == write.change.before {
            write.change.access_before().grants(task)
        } else {
            write.before.grants(task)
        };
        let holds =
            if write.is_last() { write.change.access_after().grants(task) } else { write.after.grants(task) };
        counted.end = counted.end + u64::from(holds) - u64::from(held);
        counted.lowest = counted.lowest.min(counted.end);
    }
    counted
}

fn violation(
    plan: &Plan,
    waba: WabaId,
    (task, floor): (Task, u64),
    who: Holders,
    counted: &Counted,
) -> Violation {
    let name = plan.waba_name(waba);
    let Counted { before, lowest, end } = counted;
    let others = plan.holders.get(&waba).into_iter().flat_map(|holders| holders.values());
    let others = others.filter(|holder| !holder.own && holder.tasks.grants(task)).count();
    let own = if who == Holders::Business && others > 0 { " of the business itself" } else { "" };
    let way = if lowest < end { format!(" during the apply ({end} at its end)") } else { String::new() };
    let message = format!(
        "`{name}` ({waba}) would go from {before} to {lowest} holders of {task}{own}{way}, the minimum is {floor}"
    );
    Violation { guard: Guard::MinHolders, waba: Some(waba), user: None, message, test: None, counted: None }
}
