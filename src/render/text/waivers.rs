//! Waivers that cover no violation, as warnings.

use crate::guard::{UnusedReason, UnusedWaiver};
use crate::model::Sources;
use crate::render::Style;
use crate::render::layout::{Layout, Paint, foreign, own, prose};

/// Shows a warning for each waiver that covers no violation.
pub fn unused_waivers(unused: &[UnusedWaiver], sources: &Sources, style: &Style) -> String {
    let mut layout = Layout::new(style);
    for UnusedWaiver { waiver, why } in unused {
        let mut words = vec![own("warning:", Paint::Changed)];
        words.extend(prose("the waiver", Paint::Plain));
        words.push(foreign(&format!("`{waiver}`"), Paint::Bold));
        if let Some(terms) = &waiver.terms {
            let place = format!("{}:{}", sources.path(terms.at.source), terms.at.line);
            words.extend(prose("at", Paint::Plain).chain([foreign(&place, Paint::Plain)]));
        }
        words.extend(prose("covers nothing:", Paint::Plain));
        match why {
            UnusedReason::NoViolation if waiver.target.is_none() => {
                words.extend(prose("the plan does not violate this guard", Paint::Plain));
            }
            UnusedReason::NoViolation => {
                words.extend(prose("the plan does not violate this guard there", Paint::Plain));
            }
            UnusedReason::Ended => words.extend(prose("it has ended", Paint::Plain)),
            UnusedReason::TooLong => {
                words.extend(prose("it ends more than 90 days ahead", Paint::Plain));
            }
            UnusedReason::Exceeded { counted } => {
                let text = format!("the plan counts {counted}, which exceeds its limit");
                words.extend(prose(&text, Paint::Plain));
            }
            UnusedReason::UnknownTarget { similar } => {
                let end = if similar.is_empty() { "" } else { ";" };
                let text = format!("nothing in the manifests or the plan has this name{end}");
                words.extend(prose(&text, Paint::Plain));
                for (index, name) in similar.iter().enumerate() {
                    words.extend(prose(if index == 0 { "did you mean" } else { "or" }, Paint::Plain));
                    let end = if index + 1 == similar.len() { "?" } else { "" };
                    words.push(foreign(&format!("`{name}`{end}"), Paint::Bold));
                }
            }
        }
        layout.entry(0, 4, words);
    }
    layout.finish()
}
