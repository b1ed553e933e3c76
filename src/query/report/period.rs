//! The changes of a period, each with the proof that it took effect.

use super::ReportBasis;
use crate::model::{HistoryFilter, Outcome, RecordedRun, RecordedWrite, Settlement, TaskSet};
use jiff::Timestamp;

/// A write in the period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeriodChange<'a> {
    /// The run that wrote it.
    pub run: &'a RecordedRun,
    /// The write.
    pub write: &'a RecordedWrite,
    /// What is known of its effect.
    pub proof: Proof<'a>,
}

/// What the journal knows of the effect of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof<'a> {
    /// A read right after the write shows it.
    ReadBack(Timestamp),
    /// The read of a later run shows it.
    LaterRead(Timestamp, &'a str),
    /// A read right before the write showed that it was so already. Nothing was sent.
    AlreadySo(Timestamp),
    /// The API accepted it, and its lists do not show the user, who is an admin.
    AcceptedNotListed,
    /// A read shows another set than was written.
    Otherwise(&'a TaskSet),
    /// Only the first of its two writes was made.
    InPart,
    /// It was refused, or a read shows that it had no effect.
    NoEffect,
    /// It was not sent.
    NotSent,
    /// It was announced, and what became of it is not known.
    Unknown,
}

impl<'a> Proof<'a> {
    /// Returns when a read showed the effect, with the run that read; `None` in its place is the run of the write.
    pub fn read(self) -> Option<(Timestamp, Option<&'a str>)> {
        match self {
            Self::ReadBack(at) | Self::AlreadySo(at) => Some((at, None)),
            Self::LaterRead(at, by) => Some((at, Some(by))),
            Self::AcceptedNotListed
            | Self::Otherwise(_)
            | Self::InPart
            | Self::NoEffect
            | Self::NotSent
            | Self::Unknown => None,
        }
    }
}

/// How many changes of a period have which proof. All but `changes` and `runs` add up to `changes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PeriodCounts {
    /// Runs with a change in the period.
    pub runs: usize,
    /// Changes.
    pub changes: usize,
    /// Of them, those that a read shows.
    pub proven: usize,
    /// Of them, those that were accepted and that lists do not show.
    pub accepted_not_listed: usize,
    /// Of them, those where a read shows another set, or only a part.
    pub otherwise: usize,
    /// Of them, those that had no effect or were not sent.
    pub without_effect: usize,
    /// Of them, those whose outcome is not known.
    pub unknown: usize,
}

/// Returns what the journal knows of the effect of a write.
pub fn proof(write: &RecordedWrite) -> Proof<'_> {
    if let Some(settled) = &write.settled {
        return match settled.how {
            Settlement::TookEffect => Proof::LaterRead(settled.at, settled.run.as_str()),
            Settlement::NoEffect => Proof::NoEffect,
            Settlement::Different => Proof::Otherwise(&settled.found),
        };
    }
    let Some(known) = &write.outcome else { return Proof::Unknown };
    match &known.outcome {
        Outcome::Applied => Proof::ReadBack(known.at),
        Outcome::AlreadySo => Proof::AlreadySo(known.at),
        Outcome::AcceptedNotListed => Proof::AcceptedNotListed,
        Outcome::StoredDifferently { stored } => Proof::Otherwise(stored),
        Outcome::Moved { found } => Proof::Otherwise(found),
        Outcome::InPart { .. } => Proof::InPart,
        Outcome::Failed { .. } => Proof::NoEffect,
        Outcome::NotAttempted { .. } => Proof::NotSent,
        Outcome::Unknown { .. } => Proof::Unknown,
    }
}

/// Returns the writes of a period, oldest first: those of the whole business, or, of a narrowed report, those on its WABAs.
pub(super) fn changes<'a>(basis: &ReportBasis<'a>, period: &HistoryFilter) -> Vec<PeriodChange<'a>> {
    let scope = &basis.evidence.desired.scope;
    let is_in = |run: &RecordedRun, write: &RecordedWrite| {
        let (waba, user) = (write.waba_name.as_str(), write.user_name.as_str());
        period.takes_write(run.id.as_str(), write.at, write.key, waba, user)
            && (basis.narrowed_to.is_empty() || scope.wabas.contains_key(&write.key.waba))
    };
    let runs = basis.journal.history.runs.iter();
    let writes = runs.flat_map(|run| run.writes.iter().map(move |write| (run, write)));
    let writes = writes.filter(|(run, write)| is_in(run, write));
    let mut changes: Vec<_> =
        writes.map(|(run, write)| PeriodChange { run, write, proof: proof(write) }).collect();
    changes.sort_by_key(|change| change.write.at);
    changes
}

impl PeriodCounts {
    /// Counts changes.
    pub fn of(changes: &[PeriodChange<'_>]) -> Self {
        let runs: std::collections::BTreeSet<&str> =
            changes.iter().map(|change| change.run.id.as_str()).collect();
        let mut counts = Self { runs: runs.len(), changes: changes.len(), ..Self::default() };
        for change in changes {
            *match change.proof {
                Proof::ReadBack(_) | Proof::LaterRead(..) | Proof::AlreadySo(_) => &mut counts.proven,
                Proof::AcceptedNotListed => &mut counts.accepted_not_listed,
                Proof::Otherwise(_) | Proof::InPart => &mut counts.otherwise,
                Proof::NoEffect | Proof::NotSent => &mut counts.without_effect,
                Proof::Unknown => &mut counts.unknown,
            } += 1;
        }
        counts
    }

    /// Returns whether the numbers add up, as the type says.
    pub fn add_up(&self) -> bool {
        self.proven + self.accepted_not_listed + self.otherwise + self.without_effect + self.unknown
            == self.changes
    }
}
