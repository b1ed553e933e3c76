//! Assignments that differ from what imported grants give: the plan that rights the suspected mistakes, with its evidence, and
//! why the others are no mistakes.

use super::plan;
use crate::import::{Deviation, Verdict};
use crate::model::AssignmentKey;
use crate::proposal::Proposal;
use crate::render::Style;
use crate::render::view::View;
use crate::text::escape;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Shows the plan that rights the suspected mistakes, with the evidence for each change.
pub fn righting(proposal: &Proposal, deviations: &[Deviation], style: &Style) -> String {
    let suspected = deviations.iter().filter(|deviation| deviation.is_suspected());
    let evidence: BTreeMap<AssignmentKey, String> =
        suspected.map(|deviation| (deviation.key, evidence(deviation))).collect();
    plan(&View::with_evidence(proposal, &evidence), style)
}

/// Writes a line for each exception that is kept, and below it why it is no mistake.
///
/// # Errors
///
/// If it cannot be written.
pub fn kept_exceptions(deviations: &[Deviation], to: &mut dyn Write) -> io::Result<()> {
    for deviation in deviations.iter().filter(|deviation| !deviation.is_suspected()) {
        let Deviation { key, waba, user, live, .. } = deviation;
        let held = if live.is_empty() { String::from("nothing") } else { live.to_string() };
        writeln!(to, "= WABA {waba} ({}), user {user} ({}): {held} stays an exception", key.waba, key.user)?;
        writeln!(to, "    {}", reason(deviation))?;
    }
    Ok(())
}

/// Returns what speaks for a mistake.
fn evidence(deviation: &Deviation) -> String {
    if let Some(evidence) = &deviation.evidence {
        let (held, on) = (grouped(evidence.held), wabas(evidence.selected));
        return format!("{held} of {on} on {} have it", escape(&evidence.selection));
    }
    let alike = deviation.compared - deviation.differing;
    let what = if deviation.given.is_empty() {
        String::from("nothing")
    } else {
        format!("only {}", deviation.given)
    };
    let on = wabas(deviation.compared);
    format!("on {} of {on} with the same grants, the user holds {what}", grouped(alike))
}

/// Returns why an exception is no mistake.
fn reason(deviation: &Deviation) -> String {
    let Deviation { compared, differing, .. } = deviation;
    match deviation.verdict {
        Verdict::Suspected => String::new(),
        Verdict::Few => format!("the grants give the user the same on {} only", wabas(*compared)),
        Verdict::Frequent => {
            format!("of {} with the same grants, {} differ", wabas(*compared), grouped(*differing))
        }
        Verdict::SpecialWaba(differing) => format!("the access of {differing} users on this WABA differs"),
        Verdict::LikeNeighbours(neighbours) => format!(
            "it is the same on {} of {} on which the other users hold the same as here",
            grouped(neighbours.alike),
            wabas(neighbours.count)
        ),
        Verdict::LikeNames { differing, count } => format!(
            "no grant gives it, and it is on {} of {} with the same first word in their names",
            grouped(differing),
            wabas(count)
        ),
    }
}

fn wabas(number: usize) -> String {
    let noun = if number == 1 { "WABA" } else { "WABAs" };
    format!("{} {noun}", grouped(number))
}

/// Returns a number with a comma before each three digits.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
