//! The content of a journal: runs, their writes and outcomes.

use super::{
    Action, AssignmentKey, Because, BusinessId, LeftOut, Name, Origin, Outcome, Sources, TaskSet, UserId,
};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The content of a journal, oldest run first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// The runs, in the order in which they began.
    pub runs: Vec<RecordedRun>,
    /// The manifests to which the reasons refer: paths without text.
    pub sources: Sources,
    /// The lines that could not be read, by number; the first hundred.
    pub broken: Vec<BrokenLine>,
    /// The number of lines that could not be read.
    pub broken_lines: usize,
    /// The first line that could not be read and that no crash explains. A write may be in flight that it announces.
    pub unusable: Option<BrokenLine>,
    /// The number of the last line, if it is incomplete: its run crashed or is still writing it.
    pub torn: Option<u64>,
    /// What a filter, or a limit on the number of runs, leaves out.
    pub left_out: LeftOut,
    /// When the record begins, if earlier parts of the journal were removed. Of these, only the last write of each assignment is
    /// left, and what was in flight.
    pub begins: Option<Timestamp>,
    /// The place to which the journal has moved, if it has: later runs are recorded there.
    pub moved_to: Option<Name>,
}

impl History {
    /// Returns the writes without a recorded outcome or later read, each with its run.
    pub fn in_flight(&self) -> impl Iterator<Item = (&RecordedRun, &RecordedWrite)> {
        let writes = self.runs.iter().flat_map(|run| run.writes.iter().map(move |write| (run, write)));
        writes.filter(|(_, write)| write.is_in_flight())
    }
}

/// One run of `apply`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedRun {
    /// Its id.
    pub id: Name,
    /// When it began.
    pub at: Timestamp,
    /// The business portfolio.
    pub business: BusinessId,
    /// The system user of the token with its name, if it was known. The name may be empty.
    pub acting_user: Option<(UserId, Name)>,
    /// The user, machine and process of the run.
    pub by: Runner,
    /// The commit, the pull request, the pipeline and the people that the run comes from.
    pub origin: Origin,
    /// The version of this program.
    pub version: Name,
    /// The digest of the plan.
    pub plan_digest: Name,
    /// The digest of what the manifests mean.
    pub manifest_digest: Name,
    /// The guards that were waived.
    pub waivers: Vec<Name>,
    /// The writes, by their number within the run.
    pub writes: Vec<RecordedWrite>,
    /// How it ended; `None` if it crashed, was killed, or is still running.
    pub end: Option<RunEnd>,
}

/// The user, machine and process of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runner {
    /// The user of the operating system, if it is known.
    pub user: Option<Name>,
    /// The machine, if it is known.
    pub host: Option<Name>,
    /// The process id.
    pub pid: u32,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEnd {
    /// When.
    pub at: Timestamp,
    /// Why it was stopped early, if it was.
    pub stopped: Option<Name>,
    /// The number of changes that were as planned.
    pub done: u64,
    /// The number of other changes.
    pub not_done: u64,
}

impl RunEnd {
    /// Returns whether the run made every change of its plan.
    pub fn is_as_planned(&self) -> bool {
        self.not_done == 0 && self.stopped.is_none()
    }
}

/// One recorded write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedWrite {
    /// Its number within the run.
    pub number: u64,
    /// When it was recorded, right before it was sent.
    pub at: Timestamp,
    /// The assignment.
    pub key: AssignmentKey,
    /// The WABA's name; empty if it was not known.
    pub waba_name: Name,
    /// The user's name; empty if it was not known.
    pub user_name: Name,
    /// The live set.
    pub before: TaskSet,
    /// The new set.
    pub after: TaskSet,
    /// Whether the user was known to be an admin of the business. Older journals do not record it.
    pub admin: bool,
    /// The reason. Its positions refer to [`History::sources`].
    pub because: Because,
    /// The number of grants and lines that the journal leaves out of `because`.
    pub more: u64,
    /// The outcome; `None` if the run ended before it was known.
    pub outcome: Option<RecordedOutcome>,
    /// What a later run found by reading.
    pub settled: Option<Settled>,
}

impl RecordedWrite {
    /// Returns whether neither its outcome nor a later read is recorded.
    pub fn is_in_flight(&self) -> bool {
        self.outcome.is_none() && self.settled.is_none()
    }

    /// Returns the kind of its change.
    pub fn action(&self) -> Action {
        Action::between(&self.before, &self.after)
    }
}

#[cfg(test)]
impl RecordedWrite {
    /// Returns a write for tests.
    pub(crate) fn example(
        at: Timestamp,
        key: AssignmentKey,
        sets: [TaskSet; 2],
        outcome: Option<Outcome>,
    ) -> Self {
        let [before, after] = sets;
        Self {
            number: 1,
            at,
            key,
            waba_name: Name::default(),
            user_name: Name::default(),
            before,
            after,
            admin: false,
            because: Because::default(),
            more: 0,
            outcome: outcome.map(|outcome| RecordedOutcome { at, outcome, traces: Vec::new() }),
            settled: None,
        }
    }
}

#[cfg(test)]
impl History {
    /// Returns a journal of one run for tests.
    pub(crate) fn example(writes: Vec<RecordedWrite>) -> Self {
        let run = RecordedRun {
            id: "run".into(),
            at: Timestamp::UNIX_EPOCH,
            business: "98".parse().unwrap(),
            acting_user: None,
            by: Runner { user: None, host: None, pid: 1 },
            origin: Origin::default(),
            version: "0".into(),
            plan_digest: "sha256:p".into(),
            manifest_digest: "sha256:m".into(),
            waivers: Vec::new(),
            writes,
            end: None,
        };
        Self { runs: vec![run], ..Self::default() }
    }
}

/// The outcome of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedOutcome {
    /// When it was known.
    pub at: Timestamp,
    /// The outcome.
    pub outcome: Outcome,
    /// Meta's trace ids of the calls.
    pub traces: Vec<Name>,
}

/// What a read shows about a write that an earlier run left in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// It took effect.
    TookEffect,
    /// It had no effect.
    NoEffect,
    /// The stored set is neither the old nor the new one.
    Different,
}

/// A write that a later run settled by reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// When.
    pub at: Timestamp,
    /// The run that read.
    pub run: Name,
    /// The live set.
    pub found: TaskSet,
    /// What it means for the write.
    pub how: Settlement,
}

/// A line of a journal that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenLine {
    /// Its number, from 1.
    pub line: u64,
    /// Why. It may contain foreign text.
    pub why: Name,
}

/// The journals of several businesses.
pub type Histories = BTreeMap<BusinessId, History>;

/// A write of an earlier run, with what a read found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettledWrite {
    /// The assignment.
    pub key: AssignmentKey,
    /// The WABA's name in that run.
    pub waba_name: Name,
    /// The user's name in that run.
    pub user_name: Name,
    /// The live set with its meaning, or why it could not be read.
    pub found: Result<(TaskSet, Settlement), String>,
}
