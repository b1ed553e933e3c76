//! What is known of drift, in JSON. Knows nothing of plans but their changes.

use super::{
    ChangeEntry, DriftEntry, ExpiringEntry, LastWriteEntry, MovedWord, OutcomeParts, change_entry, entry,
    grant, tasks,
};
use crate::model::{Change, Explanation, LastWrite, Moved, Name};
use crate::render::{View, harmless};

/// Returns a change with what is known of how it came to differ.
pub(super) fn change(view: &View<'_>, change: &Change) -> ChangeEntry {
    let told = view.drift.and_then(|drift| drift.explanations.get(&change.key));
    ChangeEntry { drift: told.map(told_entry), ..change_entry(view.plan(), change, view.sources()) }
}

/// Returns the grants that end soon, where somebody asked.
pub(super) fn expiring(view: &View<'_>) -> Option<Vec<ExpiringEntry>> {
    let grants = view.drift?.expiring.as_ref()?;
    let entries = grants.iter().map(|found| ExpiringEntry {
        grant: grant(&found.source, view.sources()),
        tasks: tasks(&found.tasks),
        users: found.users,
        wabas: found.wabas,
    });
    Some(entries.collect())
}

fn told_entry(told: &Explanation) -> DriftEntry {
    let moved = match told.moved {
        Moved::Live => MovedWord::Live,
        Moved::Manifests => MovedWord::Manifests,
        Moved::Both => MovedWord::Both,
        Moved::Undone => MovedWord::Undone,
        Moved::Unknown => MovedWord::Unknown,
    };
    DriftEntry { moved, last_write: told.last_write.as_ref().map(last_write) }
}

fn last_write(write: &LastWrite) -> LastWriteEntry {
    let shown = |name: &Option<Name>| name.as_ref().map(|name| harmless(name.as_str()));
    LastWriteEntry {
        run: harmless(write.run.as_str()),
        write: write.number,
        at: write.at.to_string(),
        acting_user: write.acting_user.as_ref().map(|(id, name)| entry(id, name)),
        by: shown(&write.by.user),
        host: shown(&write.by.host),
        after: tasks(&write.after),
        outcome: write.outcome.as_ref().map(|outcome| OutcomeParts::of(outcome).outcome),
    }
}
