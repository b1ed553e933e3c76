//! Highlights: the users who lose access and those who gain control, with the number of WABAs.

use super::{Finding, FindingKind, NamedObject, folded};
use crate::model::{Action, Change, Drift, Moved, Plan, Task, TaskSet, UserId, WhyGone};
use crate::render::sentence::Sentence;
use crate::text::count;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The number of users that are listed for each kind before the others are only counted. A guess: what fits a screen.
const LISTED: usize = 10;

/// What happens to a user, most serious first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum HighlightKind {
    RevokedUngranted,
    RevokedUndone,
    RevokedSuspended,
    RevokedExcepted,
    RevokedReleased,
    RevokedExpired,
    Narrowed,
    Reduced,
    Restored,
    Gains(Task),
    /// In drift: the user holds more than the manifests give.
    Holds(Task),
}

impl HighlightKind {
    /// Returns what happens, and on which WABAs.
    fn wording(self) -> (String, &'static str) {
        match self {
            Self::RevokedUngranted => ("loses everything".to_owned(), "where no grant names it"),
            Self::RevokedUndone => ("loses everything".to_owned(), "by the undo"),
            Self::RevokedSuspended => ("loses everything".to_owned(), "because it is suspended"),
            Self::RevokedExcepted => ("loses everything".to_owned(), "by an exception"),
            Self::RevokedReleased => ("loses everything".to_owned(), "where it is declared no more"),
            Self::Narrowed => ("is narrowed".to_owned(), "where it has full access by its role as an admin"),
            Self::Restored => {
                ("has full access".to_owned(), "again, by its role as an admin, without an assignment")
            }
            Self::Holds(task) => (format!("holds {task}"), "beyond the manifests"),
            Self::RevokedExpired => ("loses everything".to_owned(), "where its grants have expired"),
            Self::Reduced => ("loses tasks".to_owned(), ""),
            Self::Gains(task) => (format!("newly gets {task}"), ""),
        }
    }

    fn finding(self, text: Sentence) -> Finding {
        let is_loss = !matches!(self, Self::Gains(_) | Self::Restored | Self::Holds(_));
        Finding { is_loss, ..Finding::new(FindingKind::Highlight, text) }
    }
}

/// Returns a finding for each user, the users with most WABAs first.
///
/// In drift, only the control that users hold beyond the manifests is one: nothing happens to anybody.
pub(super) fn findings(plan: &Plan, drift: Option<&Drift>, verbose: bool) -> Vec<Finding> {
    let mut kinds: BTreeMap<HighlightKind, BTreeMap<UserId, usize>> = BTreeMap::new();
    let is_pending = |change: &Change| {
        let known = drift.and_then(|drift| drift.explanations.get(&change.key));
        known.is_some_and(|known| known.moved == Moved::Manifests)
    };
    for change in &plan.changes {
        let kinds_of_change: Vec<HighlightKind> = match drift {
            None => of_change(change, plan.undo.is_some()).collect(),
            Some(_) if is_pending(change) => Vec::new(),
            Some(_) => control(&change.lost()).map(HighlightKind::Holds).collect(),
        };
        for kind in kinds_of_change {
            *kinds.entry(kind).or_default().entry(change.key.user).or_default() += 1;
        }
    }
    kinds.into_iter().flat_map(|(kind, users)| of_kind(plan, kind, users, verbose)).collect()
}

fn of_change(change: &Change, is_undo: bool) -> impl Iterator<Item = HighlightKind> {
    let is_expired = |line: &WhyGone| matches!(line, WhyGone::Expired(_));
    let is_excepted = |line: &WhyGone| matches!(line, WhyGone::Excepted(_));
    let is_released = |line: &WhyGone| matches!(line, WhyGone::Released(_));
    let lines = || change.because.gone.iter().flat_map(|(_, lines)| lines);
    let loss = if change.restores_admin() {
        Some(HighlightKind::Restored)
    } else if change.narrows_admin() {
        Some(HighlightKind::Narrowed)
    } else if change.action() == Action::Revoke {
        Some(if lines().any(is_expired) {
            HighlightKind::RevokedExpired
        } else if change.is_suspension() {
            HighlightKind::RevokedSuspended
        } else if lines().any(is_excepted) {
            HighlightKind::RevokedExcepted
        } else if lines().any(is_released) {
            HighlightKind::RevokedReleased
        } else if is_undo {
            HighlightKind::RevokedUndone
        } else {
            HighlightKind::RevokedUngranted
        })
    } else {
        (!change.lost().is_empty()).then_some(HighlightKind::Reduced)
    };
    loss.into_iter().chain(control(&change.gained()).map(HighlightKind::Gains))
}

/// Returns the tasks that give control over a WABA.
fn control(tasks: &TaskSet) -> impl Iterator<Item = Task> + use<> {
    let tasks = tasks.clone();
    [Task::FullControl, Task::Manage].into_iter().filter(move |task| tasks.contains(*task))
}

fn of_kind(plan: &Plan, kind: HighlightKind, users: BTreeMap<UserId, usize>, verbose: bool) -> Vec<Finding> {
    let mut users: Vec<(UserId, usize)> = users.into_iter().collect();
    users.sort_by_key(|&(user, wabas)| (Reverse(wabas), user));
    let (what, which) = kind.wording();
    let (listed, rest) = users.split_at(folded(users.len(), LISTED, verbose));
    let mut findings: Vec<Finding> = Vec::with_capacity(listed.len() + 1);
    for &(user, wabas) in listed {
        let user = NamedObject::user(plan, user);
        let on = format!("on {}", count(wabas, "WABA", "WABAs"));
        findings.push(kind.finding(Sentence::default().user(&user).strong(what.clone()).own(on).own(which)));
    }
    if !rest.is_empty() {
        let wabas: usize = rest.iter().map(|(_, wabas)| wabas).sum();
        let lead = format!("and {}: each", count(rest.len(), "more user", "more users"));
        let text = Sentence::default()
            .own(lead)
            .strong(what + ",")
            .own(format!("in {}", count(wabas, "assignment", "assignments")));
        findings.push(kind.finding(text));
    }
    findings
}
