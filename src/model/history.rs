//! What a journal tells: the runs that applied something, and what is known of each of their writes.

use super::{Action, AssignmentKey, Because, BusinessId, Name, Outcome, Sources, TaskSet, UserId};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What a journal tells, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// The runs, in the order in which they began.
    pub runs: Vec<RecordedRun>,
    /// The manifests to which the reasons refer: paths without text.
    pub sources: Sources,
    /// The lines that could not be read, by number; the first hundred.
    pub broken: Vec<BrokenLine>,
    /// How many lines could not be read.
    pub broken_lines: usize,
    /// The number of the last line, where that is cut off in the middle: its run crashed, or is writing it.
    pub torn: Option<u64>,
}

impl History {
    /// Returns the writes of which neither an outcome nor a later read is on record, each with its run.
    pub fn in_flight(&self) -> impl Iterator<Item = (&RecordedRun, &RecordedWrite)> {
        let writes = self.runs.iter().flat_map(|run| run.writes.iter().map(move |write| (run, write)));
        writes.filter(|(_, write)| write.is_in_flight())
    }
}

/// One run of `apply`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedRun {
    /// What the journal files it under.
    pub id: Name,
    /// When it began.
    pub at: Timestamp,
    /// The business portfolio.
    pub business: BusinessId,
    /// The system user whose token it used, where that was known, with its name (empty where unknown).
    pub acting_user: Option<(UserId, Name)>,
    /// Who ran it, and where.
    pub by: Runner,
    /// The version of this program.
    pub version: Name,
    /// The digest of the plan.
    pub plan_digest: Name,
    /// The digest of what the manifests meant.
    pub manifest_digest: Name,
    /// The guards that were waived.
    pub waivers: Vec<Name>,
    /// The writes, by their number within the run.
    pub writes: Vec<RecordedWrite>,
    /// How it ended; `None` where it crashed, was killed, or still runs.
    pub end: Option<RunEnd>,
}

/// Who runs a process, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runner {
    /// The user of the operating system, where it tells.
    pub user: Option<Name>,
    /// The machine, where it tells.
    pub host: Option<Name>,
    /// The number of the process.
    pub pid: u32,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEnd {
    /// When.
    pub at: Timestamp,
    /// Why it ended before its end, where it did.
    pub stopped: Option<Name>,
    /// Changes that were then as planned.
    pub done: u64,
    /// Changes that were not, or of which that was not known.
    pub not_done: u64,
}

/// One write, from the moment before it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedWrite {
    /// Its number within the run.
    pub number: u64,
    /// When it was about to be sent.
    pub at: Timestamp,
    /// The assignment.
    pub key: AssignmentKey,
    /// The WABA's name, empty where it was not known.
    pub waba_name: Name,
    /// The user's name, empty where it was not known.
    pub user_name: Name,
    /// What was live.
    pub before: TaskSet,
    /// What was to be: the whole new set.
    pub after: TaskSet,
    /// Whether the user was known to be an admin of the business. Older journals do not record it.
    pub admin: bool,
    /// Why. The positions are in [`History::sources`].
    pub because: Because,
    /// The number of grants and lines that the journal leaves out of `because`.
    pub more: u64,
    /// What became of it; `None` where the run ended before it could tell.
    pub outcome: Option<RecordedOutcome>,
    /// What a later run found out about it by reading.
    pub settled: Option<Settled>,
}

impl RecordedWrite {
    /// Returns whether it was about to be sent and nothing is known of it since.
    pub fn is_in_flight(&self) -> bool {
        self.outcome.is_none() && self.settled.is_none()
    }

    /// Returns what it was to do.
    pub fn action(&self) -> Action {
        Action::between(&self.before, &self.after)
    }
}

/// What became of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedOutcome {
    /// When that was known.
    pub at: Timestamp,
    /// What it was.
    pub outcome: Outcome,
    /// The traces by which Meta's support finds the calls.
    pub traces: Vec<Name>,
}

/// What a read told of a write that an earlier run left in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// It took effect.
    TookEffect,
    /// All is as before it.
    NoEffect,
    /// What is stored is neither what was before nor what was to be.
    Different,
}

/// A write that a later run settled by reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// When.
    pub at: Timestamp,
    /// The run that did.
    pub run: Name,
    /// What the user then held.
    pub found: TaskSet,
    /// What that means.
    pub how: Settlement,
}

/// A line of a journal that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenLine {
    /// Its number, from 1.
    pub line: u64,
    /// Why, for people; foreign text may stand in it.
    pub why: Name,
}

/// What the journals of several businesses tell.
pub type Histories = BTreeMap<BusinessId, History>;

/// A write of an earlier run, with what a read told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettledWrite {
    /// The assignment.
    pub key: AssignmentKey,
    /// The WABA's name, as that run knew it.
    pub waba_name: Name,
    /// The user's name, as that run knew it.
    pub user_name: Name,
    /// What was found, or why it could not be read.
    pub found: Result<(TaskSet, Settlement), String>,
}
