//! The report: the outcome of each change.

use super::{Action, AssignmentKey, Change, Name, Origin, Plan, Summary, TaskSet};
use std::collections::BTreeMap;

/// The outcome of a change.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Written, read back, and stored as planned.
    Applied,
    /// Nothing to write: the live set already was as planned when the WABA was read again.
    AlreadySo,
    /// Accepted, but the user is an admin and is not listed.
    AcceptedNotListed,
    /// Accepted, but another set was stored.
    StoredDifferently {
        /// The set that the read-back found.
        stored: TaskSet,
    },
    /// Only the first of its two writes is done: the user has the tasks that it gains, and still those that it loses.
    InPart {
        /// Why the second one is not.
        why: String,
    },
    /// Left alone: somebody else changed the live set, before the write or while its answer was unclear.
    Moved {
        /// The live set. The change may also be of another user on the same WABA.
        found: TaskSet,
    },
    /// The API refused it, or the read-back shows that it did not take effect.
    Failed {
        /// Why.
        error: String,
    },
    /// Sent, but it could not be found out whether it took effect, or reads do not show it yet.
    Unknown {
        /// Why.
        error: String,
    },
    /// Not sent.
    NotAttempted {
        /// Why.
        why: String,
    },
}

impl Outcome {
    /// Returns whether the assignment now is as planned. An admin that is not listed counts.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Applied | Self::AlreadySo | Self::AcceptedNotListed)
    }
}

#[cfg(test)]
impl Outcome {
    /// Returns one of each outcome, in the order of the type. `text` is why, and `found` is what is live.
    pub(crate) fn one_of_each(text: &str, found: &TaskSet) -> Vec<Self> {
        let first = Self::Applied;
        std::iter::successors(Some(first), |outcome| outcome.next(text, found)).collect()
    }

    /// Returns the outcome after this one. The compiler finds an outcome that is missing here.
    fn next(&self, text: &str, found: &TaskSet) -> Option<Self> {
        let text = || text.to_owned();
        match self {
            Self::Applied => Some(Self::AlreadySo),
            Self::AlreadySo => Some(Self::AcceptedNotListed),
            Self::AcceptedNotListed => Some(Self::StoredDifferently { stored: TaskSet::EMPTY }),
            Self::StoredDifferently { .. } => Some(Self::InPart { why: text() }),
            Self::InPart { .. } => Some(Self::Moved { found: found.clone() }),
            Self::Moved { .. } => Some(Self::Failed { error: text() }),
            Self::Failed { .. } => Some(Self::Unknown { error: text() }),
            Self::Unknown { .. } => Some(Self::NotAttempted { why: text() }),
            Self::NotAttempted { .. } => None,
        }
    }
}

/// A change with its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedChange {
    /// The change, as planned.
    pub change: Change,
    /// The outcome.
    pub outcome: Outcome,
}

/// The outcome of every change of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The changes with their outcomes, in the plan's order.
    pub changes: Vec<ReportedChange>,
    /// Why the run was stopped early (a dead token, an interrupt), if it was.
    pub stopped: Option<String>,
    /// Whether any write was sent.
    pub wrote: bool,
    /// The id of the run in the journal; `None` if nothing was recorded.
    pub run: Option<Name>,
    /// What the run comes from.
    pub origin: Origin,
}

impl Report {
    /// Counts what is left of a plan after an apply of it or of a part of it: a change counts no more if its assignment is now as the
    /// plan wants it. Assignments that are not listed count, because the next plan has them again.
    pub fn left_of(&self, plan: &Plan) -> Summary {
        let live = |reported: &ReportedChange| {
            let ReportedChange { change, outcome, .. } = reported;
            let live = match outcome {
                Outcome::Applied | Outcome::AlreadySo => &change.after,
                Outcome::StoredDifferently { stored: found } | Outcome::Moved { found } => found,
                Outcome::AcceptedNotListed
                | Outcome::InPart { .. }
                | Outcome::Failed { .. }
                | Outcome::Unknown { .. }
                | Outcome::NotAttempted { .. } => return None,
            };
            Some((change.key, live.clone()))
        };
        let live: BTreeMap<AssignmentKey, TaskSet> = self.changes.iter().filter_map(live).collect();
        let mut left = Summary { unchanged: plan.unchanged, ..Summary::default() };
        for change in &plan.changes {
            let before = live.get(&change.key).unwrap_or(&change.before);
            if *before != change.after {
                left.count(Action::between(before, &change.after));
            } else if !before.is_empty() {
                left.unchanged += 1;
            }
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_applied_is_no_difference_any_more() {
        let tasks = |names: &str| {
            let mut set = TaskSet::EMPTY;
            names.split_whitespace().for_each(|name| set.insert_name(name));
            set
        };
        let key =
            |waba: u32| AssignmentKey { waba: waba.to_string().parse().unwrap(), user: "7".parse().unwrap() };
        let change = |waba, before: &str, after: &str| Change::new(key(waba), tasks(before), tasks(after));
        let changes = vec![
            change(1, "", "DEVELOP"),
            change(2, "MANAGE", "DEVELOP"),
            change(3, "DEVELOP", ""),
            change(4, "", "DEVELOP"),
            change(5, "", "DEVELOP"),
            change(6, "DEVELOP", ""),
            change(7, "DEVELOP", "MANAGE"),
        ];
        let now = crate::model::start_of_day(jiff::civil::date(2026, 11, 23));
        let plan = Plan { changes, unchanged: 10, ..Plan::empty("98".parse().unwrap(), now) };
        let reported = |at: usize, outcome| ReportedChange { change: plan.changes[at].clone(), outcome };
        // Only what has expired of it was taken away.
        let part = ReportedChange { change: change(7, "DEVELOP", ""), outcome: Outcome::Applied };
        let report = Report {
            changes: vec![
                reported(0, Outcome::Applied),
                reported(1, Outcome::StoredDifferently { stored: tasks("MANAGE DEVELOP") }),
                reported(2, Outcome::AlreadySo),
                reported(3, Outcome::AcceptedNotListed),
                reported(4, Outcome::Moved { found: tasks("DEVELOP") }),
                reported(5, Outcome::NotAttempted { why: String::new() }),
                part,
            ],
            ..Report::default()
        };
        let left = Summary { assign: 2, change: 1, revoke: 1, unchanged: 12 };
        assert_eq!(report.left_of(&plan), left);
        assert_eq!(Report::default().left_of(&plan), plan.summary());
    }
}
