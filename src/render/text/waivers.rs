//! Waivers that let nothing pass, as warnings. Decides nothing.

use crate::guard::{UnusedReason, UnusedWaiver};
use crate::render::Style;
use crate::render::layout::{Layout, Paint, foreign, own, prose};

/// Shows the waivers that let nothing pass, a warning each; nothing where there is none.
pub fn unused_waivers(idle: &[UnusedWaiver], style: &Style) -> String {
    let mut layout = Layout::new(style);
    for UnusedWaiver { waiver, why } in idle {
        let mut words = vec![own("warning:", Paint::Changed)];
        words.extend(prose("the waiver", Paint::Plain));
        words.push(foreign(&format!("`{waiver}`"), Paint::Bold));
        words.extend(prose("covers nothing:", Paint::Plain));
        match why {
            UnusedReason::NoViolation if waiver.target.is_none() => {
                words.extend(prose("the plan keeps this guard", Paint::Plain));
            }
            UnusedReason::NoViolation => words.extend(prose("the plan keeps this guard there", Paint::Plain)),
            UnusedReason::UnknownTarget { similar } => {
                let end = if similar.is_empty() { "" } else { ";" };
                let text = format!("nothing in the manifests or in this plan is called so{end}");
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
