//! Highlights: the users who lose access and those who gain control, with the number of WABAs.

use super::{Finding, FindingKind, NamedObject, folded};
use crate::model::{Action, Change, Plan, Task, UserId, WhyGone};
use crate::render::sentence::Sentence;
use crate::render::wording::count;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The number of users that are listed for each kind before the others are only counted. A guess: what fits a screen.
const LISTED: usize = 10;

/// What happens to a user, most serious first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum HighlightKind {
    RevokedUngranted,
    RevokedExpired,
    Reduced,
    Gains(Task),
}

impl HighlightKind {
    /// Returns what happens, and on which WABAs.
    fn wording(self) -> (String, &'static str) {
        match self {
            Self::RevokedUngranted => ("loses everything".to_owned(), "where no grant names it"),
            Self::RevokedExpired => ("loses everything".to_owned(), "where its grants have expired"),
            Self::Reduced => ("loses tasks".to_owned(), ""),
            Self::Gains(task) => (format!("newly gets {task}"), ""),
        }
    }

    fn finding(self, text: Sentence) -> Finding {
        let is_loss = !matches!(self, Self::Gains(_));
        Finding { is_loss, ..Finding::new(FindingKind::Highlight, text) }
    }
}

/// Returns a finding for each user, the users with most WABAs first.
pub(super) fn findings(plan: &Plan, verbose: bool) -> Vec<Finding> {
    let mut kinds: BTreeMap<HighlightKind, BTreeMap<UserId, usize>> = BTreeMap::new();
    for change in &plan.changes {
        for kind in of_change(change) {
            *kinds.entry(kind).or_default().entry(change.key.user).or_default() += 1;
        }
    }
    kinds.into_iter().flat_map(|(kind, users)| of_kind(plan, kind, users, verbose)).collect()
}

fn of_change(change: &Change) -> impl Iterator<Item = HighlightKind> {
    let is_expired = |line: &WhyGone| matches!(line, WhyGone::Expired(_));
    let loss = if change.action() == Action::Revoke {
        let expired = change.because.gone.as_ref().is_some_and(|(_, lines)| lines.iter().any(is_expired));
        Some(if expired { HighlightKind::RevokedExpired } else { HighlightKind::RevokedUngranted })
    } else {
        (!change.lost().is_empty()).then_some(HighlightKind::Reduced)
    };
    let gained = change.gained();
    let gains = [Task::FullControl, Task::Manage].into_iter().filter(move |task| gained.contains(*task));
    loss.into_iter().chain(gains.map(HighlightKind::Gains))
}

fn of_kind(plan: &Plan, kind: HighlightKind, users: BTreeMap<UserId, usize>, verbose: bool) -> Vec<Finding> {
    let mut users: Vec<(UserId, usize)> = users.into_iter().collect();
    users.sort_by_key(|&(user, wabas)| (Reverse(wabas), user));
    let (what, which) = kind.wording();
    let (listed, rest) = users.split_at(folded(users.len(), LISTED, verbose));
    let mut findings: Vec<Finding> = Vec::with_capacity(listed.len() + 1);
    for &(user, wabas) in listed {
        let name = NamedObject::user(plan, user).name;
        let on = format!("on {}", count(wabas, "WABA", "WABAs"));
        findings.push(kind.finding(Sentence::default().name(&name).strong(what.clone()).own(on).own(which)));
    }
    if !rest.is_empty() {
        let wabas: usize = rest.iter().map(|(_, wabas)| wabas).sum();
        let lead = format!("and {} more users: each", rest.len());
        let text = Sentence::default().own(lead).strong(what + ",").own(format!("in {wabas} assignments"));
        findings.push(kind.finding(text));
    }
    findings
}
