//! The guards: rules that a plan must keep.
//!
//! A guard reads a plan and reports violations; it never edits the plan. [`review`](fn@review) is pure and reports every
//! violation at once. Only this module makes an [`ApprovedPlan`]. Each guard has a file of its own.

mod access_test;
mod admin_row;
mod max_removals;
mod min_holders;
mod no_new_access;
mod not_permitted;
mod protected_user;
mod review;
mod self_loss;
#[cfg(test)]
mod tests;
mod waiver;

pub use crate::model::{Guard, UnknownGuard, Waiver};
pub use review::{ApprovedPlan, Review, review};
pub use waiver::{UnusedReason, UnusedWaiver, Waived};

use crate::model::{Change, Name, Plan, UserId, WabaId};
use crate::proposal::Proposal;

/// A violation of a guard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The guard.
    pub guard: Guard,
    /// The WABA where it happens; `None` for the plan as a whole.
    pub waba: Option<WabaId>,
    /// The user that it is about, if it is about one.
    pub user: Option<UserId>,
    /// What would happen, with numbers. Names in it are escaped.
    pub message: String,
    /// The access test that would fail, if it is about one.
    pub test: Option<Name>,
    /// The number that the guard counted, if it counts: the limit of a waiver is compared with it.
    pub counted: Option<u64>,
}

impl Violation {
    /// Makes a violation by the plan as a whole.
    fn of_plan(guard: Guard, message: impl Into<String>) -> Self {
        Self { guard, waba: None, user: None, message: message.into(), test: None, counted: None }
    }

    /// Makes a violation by one change.
    fn of_change(guard: Guard, change: &Change, message: String) -> Self {
        Self {
            guard,
            waba: Some(change.key.waba),
            user: Some(change.key.user),
            message,
            test: None,
            counted: None,
        }
    }
}

/// Returns all violations of a plan, in the order of the guards.
fn violations(proposal: &Proposal) -> Vec<Violation> {
    let checks = [
        max_removals::check,
        min_holders::check,
        self_loss::check,
        protected_user::check,
        not_permitted::check,
        access_test::check,
        no_new_access::check,
        admin_row::check,
    ];
    checks.into_iter().flat_map(|check| check(proposal)).collect()
}

/// Returns the changes that an apply attempts. A blocked change neither gives nor removes anything.
fn attempted(plan: &Plan) -> impl Iterator<Item = &Change> {
    plan.changes.iter().filter(|change| change.blocked.is_none())
}

/// Returns the changes that are attempted and after which a user can do less.
fn losses(plan: &Plan) -> impl Iterator<Item = &Change> {
    attempted(plan).filter(|change| change.is_loss())
}
