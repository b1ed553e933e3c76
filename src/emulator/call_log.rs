//! What a run leaves behind for those who ask afterwards: the calls and writes that came.

use crate::model::{AssignmentKey, TaskSet, WabaId};
use jiff::Timestamp;

/// A call that came: a request, or an item of a batch. For counting what a client does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// The method, in capitals.
    pub method: String,
    /// The path as it came, with the version, without the query.
    pub path: String,
}

/// A write that reached the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The assignment that it was about.
    pub key: AssignmentKey,
    /// What it asked for; nothing for a removal.
    pub tasks: TaskSet,
    /// What the user held until then.
    pub before: TaskSet,
    /// What it holds since; the same where the write took no effect.
    pub after: TaskSet,
    /// Whether it took effect, whatever the caller was told.
    pub effective: bool,
    /// When that was.
    pub at: Timestamp,
}

/// A list of who holds what on a WABA that was asked for, at its first page, and told as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadOfWaba {
    /// The WABA.
    pub waba: WabaId,
    /// When that was.
    pub at: Timestamp,
}

/// A change that somebody else made meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignChange {
    /// The assignment that was changed.
    pub key: AssignmentKey,
    /// What the user held until then.
    pub before: TaskSet,
    /// What it holds since.
    pub after: TaskSet,
    /// When that was.
    pub at: Timestamp,
}

/// Everything that was recorded.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) requests: usize,
    pub(super) calls: Vec<Call>,
    pub(super) reads: Vec<ReadOfWaba>,
    pub(super) writes: Vec<Write>,
    pub(super) foreign: Vec<ForeignChange>,
}
