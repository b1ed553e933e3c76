//! What is known of drift besides what differs: since when, and whose doing it is.

use super::{AssignmentKey, GrantSource, Name, Runner, TaskSet};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What moved since a plan was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Live access: this is drift.
    Live,
    /// The manifests: this is work in progress.
    Manifests,
    /// Both.
    Both,
    /// That cannot be told.
    Unknown,
}

/// The last write to an assignment that the journal knows of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastWrite {
    /// When it was sent.
    pub at: Timestamp,
    /// The run that the journal files it under.
    pub run: Name,
    /// Who ran it, and where.
    pub by: Runner,
    /// The set that was written.
    pub after: TaskSet,
}

/// A grant that ends soon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// The grant; its `until` is the last day it holds.
    pub source: GrantSource,
    /// How many assignments it speaks of.
    pub assignments: usize,
}

/// What a reader of drift wants to know of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DriftNotes {
    /// What moved, for each assignment that differs; nothing where nobody asked.
    pub origins: BTreeMap<AssignmentKey, Origin>,
    /// The last write to each assignment that differs, where the journal knows of one.
    pub written: BTreeMap<AssignmentKey, LastWrite>,
    /// The grants that end soon, by their last day; `None` where nobody asked.
    pub ending: Option<Vec<Ending>>,
}
