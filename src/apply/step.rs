//! One change on its way from pending to settled.

use crate::model::{AssignmentKey, Blocked, Change, Outcome, ReportedChange, TaskSet};
use crate::store::WriteId;

/// One change of a WABA, with what happened to it so far.
pub(super) struct Step<'a> {
    pub(super) change: &'a Change,
    /// Its entry in the journal, once there is one.
    pub(super) entry: Option<Entry>,
    pub(super) state: State,
    /// Whether a read showed that the accepted write is stored.
    pub(super) confirmed: bool,
    /// The API's error, if it answered that there is nothing to revoke.
    pub(super) not_found: Option<String>,
}

/// A change's entry in the journal.
pub(super) struct Entry {
    pub(super) id: WriteId,
    /// The ids by which Meta's support finds the calls.
    pub(super) traces: Vec<String>,
}

/// How far a step is.
pub(super) enum State {
    /// Nothing was sent.
    Pending,
    /// The API accepted the write; a read has to confirm it.
    Accepted,
    /// The outcome is known.
    Settled(Outcome),
}

impl<'a> Step<'a> {
    /// Makes a step that is pending, or settled if the change is blocked.
    pub(super) fn new(change: &'a Change) -> Self {
        let state = match change.blocked {
            None => State::Pending,
            Some(Blocked::SelfRaise) => {
                let why = "a system user cannot raise its own tasks; let another admin make this change";
                State::Settled(Outcome::NotAttempted { why: why.into() })
            }
        };
        Self { change, entry: None, state, confirmed: false, not_found: None }
    }

    pub(super) fn key(&self) -> AssignmentKey {
        self.change.key
    }

    /// Returns the set that the write replaces.
    pub(super) fn from(&self) -> &'a TaskSet {
        &self.change.before
    }

    /// Returns the set that is written.
    pub(super) fn to(&self) -> &'a TaskSet {
        &self.change.after
    }

    /// Returns the tasks that the write gives.
    pub(super) fn gained(&self) -> TaskSet {
        self.to().difference(self.from())
    }

    /// Returns the tasks that the write takes away.
    pub(super) fn lost(&self) -> TaskSet {
        self.from().difference(self.to())
    }

    /// Returns whether a list without the user says nothing: admins may not be listed, even after a write.
    pub(super) fn may_be_unlisted(&self, found: &TaskSet) -> bool {
        self.change.admin && self.from().is_empty() && found.is_empty() && !self.to().is_empty()
    }

    pub(super) fn is_pending(&self) -> bool {
        matches!(self.state, State::Pending)
    }

    pub(super) fn is_accepted(&self) -> bool {
        matches!(self.state, State::Accepted)
    }

    pub(super) fn settle(&mut self, outcome: Outcome) {
        self.state = State::Settled(outcome);
    }

    /// Records Meta's trace id of a call that belongs to this step.
    pub(super) fn add_trace(&mut self, trace: Option<String>) {
        if let Some(entry) = &mut self.entry {
            entry.traces.extend(trace);
        }
    }

    /// Returns the outcome, if it is known.
    pub(super) fn outcome(&self) -> Option<&Outcome> {
        match &self.state {
            State::Settled(outcome) => Some(outcome),
            State::Pending | State::Accepted => None,
        }
    }

    /// Returns the change with its outcome; one that is not settled was not attempted because of `why`.
    pub(super) fn report(self, why: &str) -> ReportedChange {
        let outcome = match self.state {
            State::Settled(outcome) => outcome,
            State::Pending | State::Accepted => Outcome::NotAttempted { why: why.to_owned() },
        };
        ReportedChange { change: self.change.clone(), outcome }
    }
}
