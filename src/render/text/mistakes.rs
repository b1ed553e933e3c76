//! Suspected mistakes, as the changes that would right them, each with its evidence.

use crate::import::Mistake;
use crate::text::count;
use std::io::{self, Write};

/// Writes one line for each mistake, and the evidence below it.
///
/// # Errors
///
/// If it cannot be written.
pub fn mistakes(mistakes: &[Mistake], to: &mut dyn Write) -> io::Result<()> {
    for mistake in mistakes {
        let Mistake { key, waba, user, live, given, .. } = mistake;
        let (sign, change) = match (live.is_empty(), given.is_empty()) {
            (true, _) => ('+', format!("assign {given}")),
            (false, true) => ('-', format!("revoke {live}")),
            (false, false) => ('~', format!("change {live} to {given}")),
        };
        writeln!(to, "{sign} WABA {} ({}), user {} ({}): {change}", waba, key.waba, user, key.user)?;
        writeln!(to, "    {}", evidence(mistake))?;
    }
    Ok(())
}

fn evidence(mistake: &Mistake) -> String {
    match &mistake.evidence {
        Some(evidence) => format!(
            "{} of {} on {} have it",
            evidence.held,
            count(evidence.selected, "WABA", "WABAs"),
            crate::text::escape(&evidence.selection)
        ),
        None => format!(
            "no grant gives it; {} like this",
            count(mistake.alone, "assignment is", "assignments are")
        ),
    }
}
