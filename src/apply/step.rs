//! One write on its way from pending to settled.

use crate::model::{AssignmentKey, Change, Implied, Outcome, ReportedChange, TaskSet, Write};
use crate::store::WriteId;

/// One write of a WABA, with what happened to it so far.
pub(super) struct Step<'a> {
    pub(super) write: Write<'a>,
    /// Its entry in the journal, once there is one.
    pub(super) entry: Option<Entry>,
    pub(super) state: State,
    /// Whether a read showed that the accepted write is stored.
    pub(super) confirmed: bool,
    /// The API's error, if it answered that there is nothing to revoke.
    pub(super) not_found: Option<String>,
}

/// A write's entry in the journal.
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
    /// Makes a step that is pending.
    pub(super) fn new(write: Write<'a>) -> Self {
        Self { write, entry: None, state: State::Pending, confirmed: false, not_found: None }
    }

    pub(super) fn change(&self) -> &'a Change {
        self.write.change
    }

    pub(super) fn key(&self) -> AssignmentKey {
        self.write.change.key
    }

    /// Returns the set that the write replaces.
    pub(super) fn from(&self) -> &TaskSet {
        &self.write.before
    }

    /// Returns the set that is written.
    pub(super) fn to(&self) -> &TaskSet {
        &self.write.after
    }

    /// Returns whether nothing is left to write: the user holds what the write ends with, or what the whole change ends
    /// with.
    pub(super) fn is_already_so(&self, found: &TaskSet, implied: &Implied) -> bool {
        let after = &self.change().after;
        // What the first write of a split change adds is taken away again, even if it is implied.
        let adds_implied = self.is_second() && implied.same(self.from(), after);
        found == self.to() || !adds_implied && implied.same(found, after)
    }

    /// Returns whether the user holds what the write replaces: what was read for the plan, or what the first write of a
    /// split change has left.
    pub(super) fn is_as_before(&self, found: &TaskSet, implied: &Implied) -> bool {
        found == self.from() || self.is_second() && implied.same(found, self.from())
    }

    fn is_second(&self) -> bool {
        *self.from() != self.change().before
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
        self.write.change.admin && self.from().is_empty() && found.is_empty() && !self.to().is_empty()
    }

    pub(super) fn is_pending(&self) -> bool {
        matches!(self.state, State::Pending)
    }

    pub(super) fn is_accepted(&self) -> bool {
        matches!(self.state, State::Accepted)
    }

    /// Returns whether a read showed that the whole change is made already. A first write of a split change does not count:
    /// the second replaces it.
    pub(super) fn ends_already_so(&self) -> bool {
        matches!(self.state, State::Settled(Outcome::AlreadySo)) && *self.to() == self.change().after
    }

    pub(super) fn has_moved(&self) -> bool {
        matches!(self.state, State::Settled(Outcome::Moved { .. }))
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

    /// Returns the outcome; a step that is not settled was not attempted because of `why`.
    fn into_outcome(self, why: &str) -> Outcome {
        match self.state {
            State::Settled(outcome) => outcome,
            State::Pending | State::Accepted => Outcome::NotAttempted { why: why.to_owned() },
        }
    }
}

/// Returns a change with the outcome of its writes. What is not settled was not attempted because of `why`.
pub(super) fn report(change: &Change, steps: Vec<Step<'_>>, why: &str) -> ReportedChange {
    let mut outcomes = steps.into_iter().map(|step| step.into_outcome(why));
    let outcome = match (change.blocked, outcomes.next(), outcomes.next()) {
        (Some(blocked), ..) => Outcome::NotAttempted { why: blocked.why().into() },
        (None, Some(first), Some(second)) => of_both(first, second),
        (None, Some(only), None) => only,
        (None, None, _) => Outcome::NotAttempted { why: why.to_owned() },
    };
    ReportedChange { change: change.clone(), outcome }
}

/// Returns the outcome of a change that takes two writes.
fn of_both(first: Outcome, second: Outcome) -> Outcome {
    match second {
        Outcome::Unknown { .. } => second,
        _ if !first.is_done() => first,
        Outcome::NotAttempted { why } | Outcome::Failed { error: why } => Outcome::InPart { why },
        Outcome::Applied
        | Outcome::AlreadySo
        | Outcome::AcceptedNotListed
        | Outcome::StoredDifferently { .. }
        | Outcome::InPart { .. }
        | Outcome::Moved { .. } => second,
    }
}
