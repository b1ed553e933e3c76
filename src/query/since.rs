//! Since when a user holds a task, or does not, by the journal.

use crate::model::{AssignmentKey, History, RecordedRun, RecordedWrite, Settlement, TaskSet};

/// Since when a user holds a task, or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since<'h> {
    /// Since this write.
    Written(&'h RecordedRun, &'h RecordedWrite),
    /// Since before this write, the first on record.
    Before(&'h RecordedRun, &'h RecordedWrite),
    /// Since some time after this write, which left it otherwise: it was changed outside.
    Outside(&'h RecordedRun, &'h RecordedWrite),
    /// The journal has no write of the assignment that took effect.
    Unrecorded,
}

impl<'h> Since<'h> {
    /// Returns the write that it refers to.
    pub fn write(&self) -> Option<(&'h RecordedRun, &'h RecordedWrite)> {
        match *self {
            Self::Written(run, write) | Self::Before(run, write) | Self::Outside(run, write) => {
                Some((run, write))
            }
            Self::Unrecorded => None,
        }
    }
}

/// Returns the writes of an assignment that took effect, the last one first.
pub(super) fn writes_of(history: &History, key: AssignmentKey) -> Vec<(&RecordedRun, &RecordedWrite)> {
    let all = history.runs.iter().flat_map(|run| run.writes.iter().map(move |write| (run, write)));
    let mut writes: Vec<_> = all.filter(|(_, write)| write.key == key && took_effect(write)).collect();
    writes.sort_by_key(|(_, write)| write.at);
    writes.reverse();
    writes
}

fn took_effect(write: &RecordedWrite) -> bool {
    write.outcome.as_ref().is_some_and(|known| known.outcome.is_done())
        || write.settled.as_ref().is_some_and(|settled| settled.how == Settlement::TookEffect)
}

/// Returns since when a task is held, or is not held. `writes` are those of the assignment, the last one first.
pub(super) fn since<'h>(
    writes: &[(&'h RecordedRun, &'h RecordedWrite)],
    task: &TaskSet,
    held: bool,
) -> Since<'h> {
    let mut first = Since::Unrecorded;
    for (run, write) in writes {
        if task.is_subset(&write.after) != held {
            return Since::Outside(run, write);
        }
        if task.is_subset(&write.before) != held {
            return Since::Written(run, write);
        }
        first = Since::Before(run, write);
    }
    first
}
