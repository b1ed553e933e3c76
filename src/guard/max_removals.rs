//! The guard `max-removals`: limits how many assignments lose a task, in number and in percent, and never lets everything
//! in scope go.

use super::{Guard, Violation, attempted, losses};
use crate::model::{Action, AssignmentKey, TaskSet};
use crate::proposal::Proposal;
use std::collections::BTreeSet;

/// The number of live assignments from which the percentage counts. With fewer, a single removal would be a large
/// share of them. A limit of 0 percent always counts.
const PERCENT_COUNTS_FROM: usize = 10;

#[expect(clippy::cast_precision_loss, reason = "counts of assignments are far below 2^52")]
pub(super) fn check(proposal: &Proposal) -> Vec<Violation> {
    let Removals { losing, recent, live } = Removals::of(proposal);
    let all = if losing > 0 { losing + recent } else { 0 };
    let policy = &proposal.policy;
    let what = what(losing, recent, live, proposal.plan.is_partial());
    let counted = |message: String| Violation {
        counted: Some(all as u64),
        ..Violation::of_plan(Guard::MaxRemovals, message)
    };
    let mut violations = Vec::new();
    if all as u64 > policy.max_removals {
        violations.push(counted(format!("{what}, the limit is {}", policy.max_removals)));
    }
    let (share, limit) = (all as f64 * 100.0, policy.max_removals_percent);
    let counts = live >= PERCENT_COUNTS_FROM || limit <= 0.0;
    if all > 0 && counts && share > limit * live as f64 {
        let share = share / live.max(1) as f64;
        violations.push(counted(format!("{what}: {share:.1} %, the limit is {limit} %")));
    }
    if empties_scope(proposal) {
        // This is no matter of numbers, so no limit covers it.
        let message = format!(
            "each of the {} live assignments in scope would end; check that the manifests are complete",
            proposal.plan.live_in_scope
        );
        violations.push(Violation::of_plan(Guard::MaxRemovals, message));
    }
    violations
}

/// How many assignments lose a task.
struct Removals {
    /// In this plan. Suspensions do not count, because they are explicit.
    losing: usize,
    /// In the last 24 hours, without those of this plan, and without those that it gives back.
    recent: usize,
    /// The live assignments, with those that recently lost their last task.
    live: usize,
}

impl Removals {
    fn of(proposal: &Proposal) -> Self {
        let counted = losses(&proposal.plan).filter(|change| !change.is_suspension());
        let losing: BTreeSet<AssignmentKey> = counted.map(|change| change.key).collect();
        let restored: BTreeSet<AssignmentKey> = attempted(&proposal.plan)
            .filter(|change| {
                let removal = proposal.recent_removals.get(&change.key);
                removal.is_some_and(|removal| removal.lost.is_subset(&change.after))
            })
            .map(|change| change.key)
            .collect();
        let is_counted = |key: &AssignmentKey| !losing.contains(key) && !restored.contains(key);
        let recent = || proposal.recent_removals.iter().filter(|(key, _)| is_counted(key));
        let gone = recent().filter(|(key, removal)| is_gone(proposal, **key, &removal.left)).count();
        Self { losing: losing.len(), recent: recent().count(), live: proposal.plan.live_in_scope + gone }
    }
}

/// Returns whether an assignment that lost tasks holds nothing any more: by what was read, or else by what the last write left.
fn is_gone(proposal: &Proposal, key: AssignmentKey, left: &TaskSet) -> bool {
    let was_read = !proposal.plan.is_partial() || proposal.access.wabas.contains_key(&key.waba);
    if was_read { proposal.access.live.get(key).is_none() } else { left.is_empty() }
}

fn what(losing: usize, recent: usize, live: usize, partial: bool) -> String {
    let estimated = if partial { " (estimated: not all WABAs were read)" } else { "" };
    if recent == 0 {
        format!("{losing} of {live} assignments{estimated} would lose tasks")
    } else {
        format!(
            "{losing} of {live} assignments{estimated} would lose tasks, after {recent} in the last 24 hours"
        )
    }
}

/// Returns whether every live assignment of the users in scope ends, also if others begin.
fn empties_scope(proposal: &Proposal) -> bool {
    let is_end = |change: &&crate::model::Change| change.action() == Action::Revoke;
    let ends = losses(&proposal.plan).filter(is_end).count();
    ends > 0 && ends == proposal.plan.live_in_scope
}
