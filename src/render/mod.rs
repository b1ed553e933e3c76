//! Shows plans, reports and diagnostics as text and as JSON: core types in, text out.
//!
//! This module knows no API, no YAML, no clock and no terminal: whether there is colour and how wide the
//! page is, it is told. Foreign names pass through [`escape`](crate::text::escape) in every format, and no line of text begins
//! with one, as in a pipeline's log it could be a command.

pub mod diff;
pub mod github;
pub mod html;
pub mod json;
mod layout;
pub mod markdown;
pub mod prometheus;
pub mod sarif;
pub mod schema;
pub mod text;
mod wording;

use crate::guard::Violation;
use crate::model::{Access, Drift, Name, Plan, Sources};
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

/// What the reader wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Purpose {
    /// What an apply would do.
    #[default]
    Plan,
    /// How live access differs.
    Drift,
}

/// A plan with what was found about it.
#[derive(Debug, Clone, Copy)]
pub struct PlanView<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Who holds what in scope.
    pub access: &'a Access,
    /// The guards that it breaks.
    pub violations: &'a [Violation],
    /// The guards that it breaks and that were waived for this run.
    pub waived: &'a [Violation],
    /// The texts on which the reasons rest.
    pub sources: &'a Sources,
    /// What the reader wants to know.
    pub purpose: Purpose,
    /// What is known of how live access came to differ, where somebody asks for that.
    pub drift: Option<&'a Drift>,
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
