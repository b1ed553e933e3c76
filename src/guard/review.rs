//! The result of judging a proposal, and the only way to an [`ApprovedPlan`].

use super::{UnusedWaiver, Violation, Waived, Waiver, violations, waiver};
use crate::model::Plan;
use crate::proposal::Proposal;
use jiff::Timestamp;

/// A proposal with every violation of a guard. A proposal is judged once; its review is shown, and approved or not.
#[derive(Debug, Clone, PartialEq)]
pub struct Review {
    /// The proposal.
    pub(super) proposal: Proposal,
    /// The violations that no waiver covers.
    pub(super) violations: Vec<Violation>,
    /// The violations that a waiver covers.
    pub(super) waived: Vec<Waived>,
    /// The waivers that cover no violation. They are warnings.
    pub(super) unused: Vec<UnusedWaiver>,
}

/// A proposal that keeps every guard, or whose violations are all waived. Only [`Review::approve`] makes one.
#[derive(Debug, Clone)]
pub struct ApprovedPlan(Review);

/// Judges a proposal by its policy. Violations that a waiver covers are listed apart: one of `waivers`, which are those of the
/// run, or one of the manifests that is in force `now`.
pub fn review(proposal: Proposal, waivers: &[Waiver], now: Timestamp) -> Review {
    let all = violations(&proposal);
    let waiver::Sorted { violations, waived, unused } = waiver::sort(all, waivers, &proposal, now);
    Review { proposal, violations, waived, unused }
}

impl Review {
    /// Returns the proposal that was judged.
    pub fn proposal(&self) -> &Proposal {
        &self.proposal
    }

    /// Returns the plan that was judged.
    pub fn plan(&self) -> &Plan {
        &self.proposal.plan
    }

    /// Returns the violations that no waiver covers. With any of them, the plan is refused.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Returns the violations that a waiver covers.
    pub fn waived(&self) -> &[Waived] {
        &self.waived
    }

    /// Returns the waivers of the manifests that cover a violation, each once.
    pub fn used_waivers(&self) -> Vec<&Waiver> {
        let mut used: Vec<&Waiver> = Vec::new();
        for waiver in self.waived.iter().map(|waived| &waived.waiver).filter(|one| one.terms.is_some()) {
            if !used.contains(&waiver) {
                used.push(waiver);
            }
        }
        used
    }

    /// Returns the waivers that cover no violation.
    pub fn unused_waivers(&self) -> &[UnusedWaiver] {
        &self.unused
    }

    /// Approves the plan if no violation is left.
    ///
    /// # Errors
    ///
    /// The review itself if a violation is not waived.
    pub fn approve(self) -> Result<ApprovedPlan, Box<Self>> {
        if self.violations.is_empty() { Ok(ApprovedPlan(self)) } else { Err(Box::new(self)) }
    }
}

impl ApprovedPlan {
    /// Returns the review that the plan passed.
    pub fn review(&self) -> &Review {
        &self.0
    }

    /// Returns the proposal.
    pub fn proposal(&self) -> &Proposal {
        self.0.proposal()
    }

    /// Returns the plan.
    pub fn plan(&self) -> &Plan {
        self.0.plan()
    }
}
