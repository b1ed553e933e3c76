//! Shows plans, reports and diagnostics: core types in, text out.
//!
//! This module knows no API, no YAML, no clock and no terminal: whether there is colour and how wide the
//! page is, it is told. Foreign names pass through [`escape`](crate::text::escape) in every format, and no line of text begins
//! with one, as in a pipeline's log it could be a command.

pub mod diff;
pub mod github;
pub mod html;
mod layout;
pub mod markdown;
pub mod prometheus;
pub mod sarif;
pub mod text;
mod wording;

use crate::documents::Findings;
use crate::guard::{Review, Violation};
use crate::model::{Drift, LiveAccess, Name, Plan, Sources};
use crate::proposal::Proposal;
use crate::text::escape;
use std::fmt::Display;

/// How text is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether there are colours.
    pub colour: bool,
    /// How many columns a line may take; fewer than 40 count as 40.
    pub width: usize,
    /// Whether what is folded into a count is listed.
    pub verbose: bool,
}

/// What is shown of a proposal: a plan with its review, or drift.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The proposal.
    pub proposal: &'a Proposal,
    /// The violations that no waiver covers.
    pub violations: &'a [Violation],
    /// The violations that a waiver covers.
    pub waived: &'a [Violation],
    /// What is known of the differences, if drift is shown.
    pub drift: Option<&'a Drift>,
}

impl<'a> View<'a> {
    /// Shows what an apply would do.
    pub fn of_plan(review: &'a Review) -> Self {
        Self {
            proposal: review.proposal(),
            violations: review.violations(),
            waived: review.waived(),
            drift: None,
        }
    }

    /// Shows how live access differs. No guard is evaluated.
    pub fn of_drift(proposal: &'a Proposal, drift: &'a Drift) -> Self {
        Self { proposal, violations: &[], waived: &[], drift: Some(drift) }
    }

    /// Returns what is known besides the proposal.
    pub fn findings(&self) -> Findings<'a> {
        Findings { violations: self.violations, waived: self.waived, drift: self.drift }
    }

    fn plan(&self) -> &'a Plan {
        &self.proposal.plan
    }

    fn access(&self) -> &'a LiveAccess {
        &self.proposal.access
    }

    fn sources(&self) -> &'a Sources {
        &self.proposal.sources
    }

    fn is_drift(&self) -> bool {
        self.drift.is_some()
    }
}

/// Shows foreign text without harm.
fn harmless(text: &str) -> String {
    escape(text).into_owned()
}

/// Shows a name with its id in the place of one that is empty.
#[allow(clippy::needless_pass_by_value, reason = "an id is a number that is copied")]
fn named(name: &Name, id: impl Display) -> String {
    if name.as_str().trim().is_empty() { id.to_string() } else { harmless(name.as_str()) }
}
