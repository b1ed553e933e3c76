//! The log of calls, reads, writes and foreign changes, for assertions after a run.

use crate::model::{AssignmentKey, TaskSet, UserId, WabaId};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A call: a request, or an item of a batch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LoggedCall {
    /// The method, in capitals.
    pub method: String,
    /// The path with the version as the client sent it, without the query.
    pub path: String,
}

/// A write that reached the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedWrite {
    /// The assignment.
    pub key: AssignmentKey,
    /// The requested tasks; empty for a removal.
    pub tasks: TaskSet,
    /// The user's tasks before the write.
    pub before: TaskSet,
    /// The user's tasks after the write; the same as before if the write took no effect.
    pub after: TaskSet,
    /// What everybody held on the WABA right before the write, including users that lists leave out.
    pub holders: BTreeMap<UserId, TaskSet>,
    /// Whether the write took effect, whatever the response was.
    pub effective: bool,
    /// The time of the write.
    pub at: Timestamp,
}

impl LoggedWrite {
    /// Returns how many users `holds` counts on the WABA before and after the write, by what they hold.
    ///
    /// ```
    /// # use wabacl::{emulator::LoggedWrite, model::{Task, TaskSet}};
    /// fn sinks(write: &LoggedWrite, task: Task) -> bool {
    ///     let (before, after) = write.count(|tasks: &TaskSet| tasks.grants(task));
    ///     after < before
    /// }
    /// ```
    pub fn count(&self, holds: impl Fn(&TaskSet) -> bool) -> (usize, usize) {
        let others = self.holders.iter().filter(|(user, _)| **user != self.key.user);
        let others = others.filter(|(_, tasks)| holds(tasks)).count();
        (others + usize::from(holds(&self.before)), others + usize::from(holds(&self.after)))
    }
}

/// A successful read of the first page of a WABA's assignments that no fault changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoggedRead {
    /// The WABA.
    pub waba: WabaId,
    /// The time of the read.
    pub at: Timestamp,
}

/// A change to an assignment that somebody other than the client made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignChange {
    /// The assignment.
    pub key: AssignmentKey,
    /// The user's tasks before the change.
    pub before: TaskSet,
    /// The user's tasks after the change.
    pub after: TaskSet,
    /// The time of the change.
    pub at: Timestamp,
}

/// The log of a run.
#[derive(Debug, Default)]
pub(crate) struct EventLog {
    /// The number of HTTP requests.
    pub(crate) requests: usize,
    pub(crate) calls: Vec<LoggedCall>,
    pub(crate) reads: Vec<LoggedRead>,
    pub(crate) writes: Vec<LoggedWrite>,
    pub(crate) foreign: Vec<ForeignChange>,
}
