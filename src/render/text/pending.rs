//! What the plan of updated manifests still changes: what they ask for and is not live, and what could not be added.

use crate::import::{NotAdded, Pending};
use crate::model::Sources;
use crate::render::wording;
use crate::text::count;
use std::io::{self, Write};

/// The most changes of one kind that are listed. A guess: a screen.
const LISTED: usize = 20;

/// Writes a list of each kind, with the lines of the manifests below each change.
///
/// # Errors
///
/// If it cannot be written.
pub fn pending(pending: &[Pending], sources: &Sources, to: &mut dyn Write) -> io::Result<()> {
    let missing: Vec<&Pending> = pending.iter().filter(|change| !change.missing.is_empty()).collect();
    let surplus: Vec<&Pending> = pending.iter().filter(|change| !change.surplus.is_empty()).collect();
    if !missing.is_empty() {
        let changes = count(missing.len(), "assignment", "assignments");
        writeln!(to, "The manifests ask for more than is live, which `apply` would give ({changes}):")?;
        list('+', &missing, sources, to)?;
    }
    if !surplus.is_empty() {
        let changes = count(surplus.len(), "assignment", "assignments");
        writeln!(
            to,
            "Live and not added; `apply` would take it away, unless `prune: none` keeps it ({changes}):"
        )?;
        list('-', &surplus, sources, to)?;
    }
    Ok(())
}

fn list(sign: char, pending: &[&Pending], sources: &Sources, to: &mut dyn Write) -> io::Result<()> {
    for change in pending.iter().take(LISTED) {
        let Pending { key, waba, user, missing, surplus, because, not_added } = change;
        let tasks = if sign == '+' { missing } else { surplus };
        writeln!(to, "{sign} WABA {waba} ({}), user {user} ({}): {tasks}", key.waba, key.user)?;
        if sign == '-'
            && let Some(NotAdded::NotPermitted(shared)) = not_added
        {
            writeln!(to, "    `shared: {}` does not permit it", shared.word())?;
            continue;
        }
        let mut because = because.clone();
        if sign == '+' {
            because.gone = None;
        } else {
            because.grants.clear();
        }
        for reason in wording::reasons(&because, sources, false, 1) {
            writeln!(to, "    {reason}")?;
        }
    }
    if pending.len() > LISTED {
        writeln!(to, "{sign} and {} more, which `wabacl plan` lists", pending.len() - LISTED)?;
    }
    Ok(())
}
