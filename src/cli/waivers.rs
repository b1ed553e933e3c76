//! Waivers that cover no violation: a warning, and an error if one of this run names nothing.

use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::guard::{Review, UnusedReason, UnusedWaiver};
use crate::render;

/// Warns of the waivers that cover no violation.
///
/// # Errors
///
/// If one that was given for this run names neither a WABA nor a user: that is a typing error.
pub(crate) fn check(review: &Review, terminal: &Terminal) -> Result<(), Failure> {
    let sources = &review.proposal().sources;
    let mut warnings = Vec::new();
    for unused in review.unused_waivers() {
        let UnusedWaiver { waiver, why } = unused;
        match why {
            UnusedReason::UnknownTarget { similar } if waiver.terms.is_none() => {
                let similar: Vec<String> = similar.iter().map(|name| format!("`{name}`")).collect();
                let hint = match similar.as_slice() {
                    [] => String::from("give the name or the id of a WABA or a system user"),
                    names => format!("did you mean {}?", names.join(" or ")),
                };
                let message = format!("--waive {waiver}: nothing in the manifests or in scope has this name");
                return Err(Failure::plain(Exit::Failed, message).hint(hint));
            }
            // A diagnostic of the manifests says it already, unless only a saved plan was read.
            UnusedReason::Ended if sources.iter().any(|(_, source)| !source.text.is_empty()) => {}
            UnusedReason::Ended
            | UnusedReason::TooLong
            | UnusedReason::Exceeded { .. }
            | UnusedReason::NoViolation
            | UnusedReason::UnknownTarget { .. } => warnings.push(unused.clone()),
        }
    }
    terminal.talk(|style| render::text::unused_waivers(&warnings, sources, style));
    Ok(())
}
