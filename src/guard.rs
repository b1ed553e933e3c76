//! The guards: rules that a plan must keep. A guard reads the plan and says no; it never edits it.
//!
//! Judging is pure, and reports every violation at once. Only this module makes an [`ApprovedPlan`].

#[cfg(test)]
mod tests;
mod waiver;

pub use waiver::{IdleWaiver, UnknownGuard, Waiver, WhyIdle};

use crate::model::{Action, Change, Name, Plan, Task, TaskSet, UserId, WabaId};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// From how many live assignments in scope `max_removals_percent` counts.
const PERCENT_COUNTS_FROM: usize = 10;

/// A rule that a plan must keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guard {
    /// Too many assignments would lose something.
    MaxRemovals,
    /// A WABA would have too few holders of a task, in the end or on the way.
    MinHolders,
    /// The acting system user would lose `MANAGE` or be revoked.
    SelfLoss,
    /// A protected user would lose something.
    ProtectedUser,
    /// A set would be written that is not within the WABA's permitted tasks.
    NotPermitted,
}

impl Guard {
    /// All guards, in the order in which they judge.
    pub const ALL: [Self; 5] =
        [Self::MaxRemovals, Self::MinHolders, Self::SelfLoss, Self::ProtectedUser, Self::NotPermitted];

    /// Returns its code, as `--waive` takes it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::MaxRemovals => "max-removals",
            Self::MinHolders => "min-holders",
            Self::SelfLoss => "self",
            Self::ProtectedUser => "protected-user",
            Self::NotPermitted => "not-permitted",
        }
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// What the guards go by.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Policy {
    /// How many of the live assignments in scope may lose something, 0 to 100 percent.
    pub max_removals_percent: f64,
    /// How many assignments may lose something.
    pub max_removals: u64,
    /// How many holders of a task each WABA must keep.
    pub min_holders: BTreeMap<Task, u64>,
    /// Who may lose nothing.
    pub protected_users: BTreeSet<UserId>,
    /// The tasks that can be assigned on a WABA, where the API tells.
    pub permitted: BTreeMap<WabaId, TaskSet>,
    /// What the manifests' own names mean, by which a waiver's target is looked up first.
    pub names: DeclaredNames,
}

/// The names that the manifests give.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeclaredNames {
    /// The declared WABAs.
    pub wabas: BTreeMap<Name, WabaId>,
    /// The declared system users.
    pub users: BTreeMap<Name, UserId>,
}

/// A breach of a guard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The guard's code (see [`Guard::code`]).
    pub code: &'static str,
    /// The WABA on which it happens, where it is one.
    pub waba: Option<WabaId>,
    /// The user whom it concerns, where it is one.
    pub user: Option<UserId>,
    /// What would happen, with numbers; foreign names in it are already harmless.
    pub message: String,
}

/// What the guards say of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Judgement {
    /// The breaches that stop the plan.
    pub violations: Vec<Violation>,
    /// The breaches that a waiver lets pass.
    pub waived: Vec<Violation>,
    /// The waivers that let nothing pass: a doubt, and no reason to refuse anything.
    pub idle: Vec<IdleWaiver>,
}

/// A plan that every guard passed. Only this module makes one, only `apply` takes one.
#[derive(Debug)]
pub struct ApprovedPlan(Plan);

impl ApprovedPlan {
    /// Returns the plan.
    pub fn plan(&self) -> &Plan {
        &self.0
    }
}

/// Judges a plan: every violation, those that a waiver lets pass apart.
pub fn judge(plan: &Plan, policy: &Policy, waivers: &[Waiver]) -> Judgement {
    let mut all = Vec::new();
    max_removals(plan, policy, &mut all);
    min_holders(plan, policy, &mut all);
    all.extend(self_unknown(plan));
    for change in plan.changes.iter().filter(|change| is_attempted(change)) {
        all.extend(self_loss(plan, change));
        all.extend(protected_user(plan, policy, change));
        all.extend(not_permitted(plan, policy, change));
    }
    all.sort_by_key(|violation| Guard::ALL.iter().position(|guard| guard.code() == violation.code));
    waiver::apply(all, waivers, plan, &policy.names)
}

/// Approves a plan that keeps every guard, or has each breach waived.
///
/// # Errors
///
/// Every violation that is not waived, with those that are.
pub fn approve(plan: Plan, policy: &Policy, waivers: &[Waiver]) -> Result<ApprovedPlan, Judgement> {
    let judgement = judge(&plan, policy, waivers);
    if judgement.violations.is_empty() { Ok(ApprovedPlan(plan)) } else { Err(judgement) }
}

/// Returns whether the executor will try a change; one that is blocked gives nobody anything and takes nothing.
fn is_attempted(change: &Change) -> bool {
    change.blocked.is_none()
}

fn loses(change: &Change) -> bool {
    is_attempted(change) && !change.lost().is_empty()
}

#[expect(clippy::cast_precision_loss, reason = "counts of assignments are far below 2^52")]
fn max_removals(plan: &Plan, policy: &Policy, all: &mut Vec<Violation>) {
    let (losing, live) = (plan.changes.iter().filter(|change| loses(change)).count(), plan.live_in_scope);
    let mut violate = |message: String| {
        all.push(Violation { code: Guard::MaxRemovals.code(), waba: None, user: None, message });
    };
    if losing as u64 > policy.max_removals {
        let limit = policy.max_removals;
        violate(format!("{losing} of {live} assignments would lose tasks, the limit is {limit}"));
    }
    let share = losing as f64 * 100.0;
    if live >= PERCENT_COUNTS_FROM && share > policy.max_removals_percent * live as f64 {
        let (percent, limit) = (share / live as f64, policy.max_removals_percent);
        violate(format!(
            "{losing} of {live} assignments would lose tasks: {percent:.1} %, the limit is {limit} %"
        ));
    }
}

fn min_holders(plan: &Plan, policy: &Policy, all: &mut Vec<Violation>) {
    for changes in plan.changes.chunk_by(|a, b| a.key.waba == b.key.waba) {
        let Some(waba) = changes.first().map(|change| change.key.waba) else { continue };
        if !changes.iter().any(loses) {
            continue;
        }
        for (task, min) in &policy.min_holders {
            if let Some((before, lowest)) = falls_below(plan, changes, waba, *task, *min) {
                let name = plan.waba_name(waba);
                all.push(Violation {
                    code: Guard::MinHolders.code(),
                    waba: Some(waba),
                    user: None,
                    message: format!(
                        "`{name}` ({waba}) would go from {before} to {lowest} holders of {task}, the least is {min}"
                    ),
                });
            }
        }
    }
}

/// Follows the holders of a task through the changes of one WABA, in their order; gives how many there were
/// and the lowest number where a loss leaves fewer than the least.
fn falls_below(plan: &Plan, changes: &[Change], waba: WabaId, task: Task, min: u64) -> Option<(u64, u64)> {
    let holders = plan.holders.get(&waba);
    let before = holders.map_or(0, |all| all.values().filter(|tasks| tasks.grants(task)).count() as u64);
    let (mut now, mut lowest) = (before, None);
    for change in changes.iter().filter(|change| is_attempted(change)) {
        match (change.before.grants(task), change.grants_after(task)) {
            (false, true) => now += 1,
            (true, false) => {
                now = now.saturating_sub(1);
                if now < min {
                    lowest = Some(lowest.map_or(now, |lowest: u64| lowest.min(now)));
                }
            }
            (true, true) | (false, false) => {}
        }
    }
    lowest.map(|lowest| (before, lowest))
}

fn violation(guard: Guard, change: &Change, message: String) -> Violation {
    Violation { code: guard.code(), waba: Some(change.key.waba), user: Some(change.key.user), message }
}

/// Names a change's user and WABA, harmlessly.
fn names(plan: &Plan, change: &Change) -> (Name, Name) {
    (plan.user_name(change.key.user), plan.waba_name(change.key.waba))
}

/// Where it is not known whose token this is, every loss could be its own.
fn self_unknown(plan: &Plan) -> Option<Violation> {
    let unknown = plan.acting_user.is_none() && plan.changes.iter().any(loses);
    let message = "the API does not tell which system user of the business this token is, and the plan takes tasks away";
    unknown.then(|| Violation {
        code: Guard::SelfLoss.code(),
        waba: None,
        user: None,
        message: message.into(),
    })
}

fn self_loss(plan: &Plan, change: &Change) -> Option<Violation> {
    if plan.acting_user != Some(change.key.user) {
        return None;
    }
    let (user, waba) = names(plan, change);
    let message = if change.action() == Action::Revoke {
        format!("`{user}`, whose token this is, would lose everything on `{waba}`")
    } else if change.lost().contains(Task::Manage) {
        format!("`{user}`, whose token this is, would lose MANAGE on `{waba}`")
    } else {
        return None;
    };
    Some(violation(Guard::SelfLoss, change, message))
}

fn protected_user(plan: &Plan, policy: &Policy, change: &Change) -> Option<Violation> {
    if !policy.protected_users.contains(&change.key.user) || !loses(change) {
        return None;
    }
    let (user, waba) = names(plan, change);
    let message = format!("`{user}` is protected and would lose {} on `{waba}`", change.lost());
    Some(violation(Guard::ProtectedUser, change, message))
}

fn not_permitted(plan: &Plan, policy: &Policy, change: &Change) -> Option<Violation> {
    let permitted = policy.permitted.get(&change.key.waba)?;
    let refused = change.after.difference(permitted);
    if refused.is_empty() {
        return None;
    }
    let (user, waba) = names(plan, change);
    let message = format!("`{user}` would be given {refused} on `{waba}`, which permits only {permitted}");
    Some(violation(Guard::NotPermitted, change, message))
}
