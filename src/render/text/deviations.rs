//! Assignments that differ from what imported grants give: the changes that would right the mistakes, each with its evidence,
//! and why the others are no mistakes.

use crate::import::{Deviation, Verdict};
use crate::text::escape;
use std::io::{self, Write};

/// Writes a line for each suspected mistake with its evidence below it, and then one for each exception that is kept.
///
/// # Errors
///
/// If it cannot be written.
pub fn deviations(deviations: &[Deviation], to: &mut dyn Write) -> io::Result<()> {
    for deviation in deviations.iter().filter(|deviation| deviation.is_suspected()) {
        let Deviation { live, given, .. } = deviation;
        let (sign, change) = match (live.is_empty(), given.is_empty()) {
            (true, _) => ('+', format!("assign {given}")),
            (false, true) => ('-', format!("revoke {live}")),
            (false, false) => ('~', format!("change {live} to {given}")),
        };
        writeln!(to, "{sign} {}: {change}", place(deviation))?;
        writeln!(to, "    {}", evidence(deviation))?;
    }
    for deviation in deviations.iter().filter(|deviation| !deviation.is_suspected()) {
        let held =
            if deviation.live.is_empty() { String::from("nothing") } else { deviation.live.to_string() };
        writeln!(to, "= {}: {held} stays an exception", place(deviation))?;
        writeln!(to, "    {}", reason(deviation))?;
    }
    Ok(())
}

fn place(deviation: &Deviation) -> String {
    let Deviation { key, waba, user, .. } = deviation;
    format!("WABA {} ({}), user {} ({})", waba, key.waba, user, key.user)
}

/// Returns what speaks for a mistake.
fn evidence(deviation: &Deviation) -> String {
    match &deviation.evidence {
        Some(evidence) => format!(
            "{} of {} on {} have it",
            grouped(evidence.held),
            wabas(evidence.selected),
            escape(&evidence.selection)
        ),
        None => {
            let alike = deviation.compared - deviation.differing;
            let what = if deviation.given.is_empty() {
                String::from("nothing")
            } else {
                format!("only {}", deviation.given)
            };
            format!(
                "on {} of {} with the same grants, the user holds {what}",
                grouped(alike),
                wabas(deviation.compared)
            )
        }
    }
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
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
