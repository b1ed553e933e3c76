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

pub(super) fn took_effect(write: &RecordedWrite) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Outcome, Settled};
    use jiff::Timestamp;

    const KEY: &str = "500";

    fn key() -> AssignmentKey {
        AssignmentKey { waba: KEY.parse().unwrap(), user: "1".parse().unwrap() }
    }

    fn set(names: &str) -> TaskSet {
        TaskSet::from_names(names.split_whitespace())
    }

    /// A write at a second, from one set to another.
    fn write(second: i64, before: &str, after: &str, outcome: Option<Outcome>) -> RecordedWrite {
        let at = Timestamp::from_second(second).unwrap();
        RecordedWrite::example(at, key(), [set(before), set(after)], outcome)
    }

    /// Returns since when `DEVELOP` is held or is not: the second of the write, and how it is meant.
    fn check(history: &History, held: bool) -> String {
        let since = since(&writes_of(history, key()), &set("DEVELOP"), held);
        let second = since.write().map_or(0, |(_, write)| write.at.as_second());
        match since {
            Since::Written(..) => format!("written {second}"),
            Since::Before(..) => format!("before {second}"),
            Since::Outside(..) => format!("outside {second}"),
            Since::Unrecorded => String::from("unrecorded"),
        }
    }

    #[test]
    fn the_last_write_that_changed_a_task_counts_and_later_ones_that_kept_it_do_not() {
        let done = || Some(Outcome::Applied);
        let journal = History::example(vec![
            write(1, "", "DEVELOP", done()),
            write(2, "DEVELOP", "VIEW_COST", done()),
            write(3, "VIEW_COST", "DEVELOP VIEW_COST", done()),
            write(4, "DEVELOP VIEW_COST", "DEVELOP", done()),
        ]);
        assert_eq!(check(&journal, true), "written 3");
        assert_eq!(check(&journal, false), "outside 4", "it was lost outside");
        let kept = History::example(vec![write(1, "DEVELOP", "DEVELOP VIEW_COST", done())]);
        assert_eq!(check(&kept, true), "before 1");
        let between = History::example(vec![
            write(1, "DEVELOP", "", done()),
            write(2, "DEVELOP", "DEVELOP VIEW_COST", done()),
        ]);
        assert_eq!(check(&between, true), "outside 1", "it came back between both writes");
        assert_eq!(check(&History::example(vec![write(1, "DEVELOP", "", done())]), false), "written 1");
        assert_eq!(check(&History::default(), true), "unrecorded");
    }

    #[test]
    fn only_writes_that_took_effect_count() {
        let failed = write(1, "", "DEVELOP", Some(Outcome::Failed { error: String::from("no") }));
        let mut settled = write(2, "", "DEVELOP", None);
        assert_eq!(check(&History::example(vec![failed.clone(), settled.clone()]), true), "unrecorded");
        let how = Settlement::TookEffect;
        let found = set("DEVELOP");
        settled.settled = Some(Settled { at: Timestamp::UNIX_EPOCH, run: "later".into(), found, how });
        assert_eq!(check(&History::example(vec![failed, settled]), true), "written 2");
    }
}
