//! Waivers that let nothing pass, as warnings. Decides nothing.

use crate::guard::{IdleWaiver, WhyIdle};
use crate::render::Style;
use crate::render::layout::{Layout, Paint, foreign, own, prose};

/// Shows the waivers that let nothing pass, a warning each; nothing where there is none.
pub fn idle_waivers(idle: &[IdleWaiver], style: &Style) -> String {
    let mut layout = Layout::new(style);
    for IdleWaiver { waiver, why } in idle {
        let mut words = vec![own("warning:", Paint::Changed)];
        words.extend(prose("the waiver", Paint::Plain));
        words.push(foreign(&format!("`{waiver}`"), Paint::Bold));
        words.extend(prose("covers nothing:", Paint::Plain));
        match why {
            WhyIdle::Kept if waiver.target.is_none() => {
                words.extend(prose("the plan keeps this guard", Paint::Plain));
            }
            WhyIdle::Kept => words.extend(prose("the plan keeps this guard there", Paint::Plain)),
            WhyIdle::NoSuchName { near } => {
                let end = if near.is_empty() { "" } else { ";" };
                let text = format!("nothing in the manifests or in this plan is called so{end}");
                words.extend(prose(&text, Paint::Plain));
                for (index, name) in near.iter().enumerate() {
                    words.extend(prose(if index == 0 { "did you mean" } else { "or" }, Paint::Plain));
                    let end = if index + 1 == near.len() { "?" } else { "" };
                    words.push(foreign(&format!("`{name}`{end}"), Paint::Bold));
                }
            }
        }
        layout.entry(0, 4, words);
    }
    layout.finish()
}
