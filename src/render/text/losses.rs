//! The last look: who loses what and who becomes powerful, counted by user. Decides nothing.

use super::count;
use crate::model::{Action, Plan, Task, UserId, WhyGone};
use crate::render::named;
use crate::render::paper::{Paint, Paper, foreign, own, prose};
use std::collections::BTreeMap;

/// So many users are named for each kind; the others are counted.
const NAMED: usize = 10;

/// What is worth a second look, most serious first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    RevokedUngranted,
    RevokedExpired,
    Reduced,
    Gains(Task),
}

impl Kind {
    fn phrase(self) -> (String, &'static str) {
        match self {
            Self::RevokedUngranted => ("loses everything".to_owned(), "where no grant names it"),
            Self::RevokedExpired => ("loses everything".to_owned(), "where its grants have expired"),
            Self::Reduced => ("loses tasks".to_owned(), ""),
            Self::Gains(task) => (format!("newly gets {task}"), ""),
        }
    }
}

/// Writes a line for each user who loses something or newly gets `MANAGE` or `FULL_CONTROL`.
pub(super) fn write(paper: &mut Paper, plan: &Plan, verbose: bool) {
    let mut kinds: BTreeMap<Kind, BTreeMap<UserId, usize>> = BTreeMap::new();
    for change in &plan.changes {
        let mut add = |kind| *kinds.entry(kind).or_default().entry(change.key.user).or_default() += 1;
        let expired = change
            .because
            .gone
            .as_ref()
            .is_some_and(|(_, lines)| lines.iter().any(|line| matches!(line, WhyGone::Expired(_))));
        if change.action() == Action::Revoke {
            add(if expired { Kind::RevokedExpired } else { Kind::RevokedUngranted });
        } else if !change.lost().is_empty() {
            add(Kind::Reduced);
        }
        for task in [Task::FullControl, Task::Manage] {
            if change.gained().contains(task) {
                add(Kind::Gains(task));
            }
        }
    }
    if !kinds.is_empty() {
        paper.gap();
    }
    for (kind, users) in kinds {
        write_kind(paper, plan, kind, users, verbose);
    }
}

fn write_kind(paper: &mut Paper, plan: &Plan, kind: Kind, users: BTreeMap<UserId, usize>, verbose: bool) {
    let paint = if matches!(kind, Kind::Gains(_)) { Paint::Changed } else { Paint::Bad };
    let (what, which) = kind.phrase();
    let mut users: Vec<_> = users.into_iter().collect();
    users.sort_by_key(|&(user, wabas)| (std::cmp::Reverse(wabas), user));
    let shown = if verbose || users.len() <= NAMED + 1 { users.len() } else { NAMED };
    let (named_ones, rest) = users.split_at(shown);
    for &(user, wabas) in named_ones {
        let name = foreign(&named(&plan.user_name(user), user), Paint::Bold);
        let text = format!("{what} on {} {which}", count(wabas, "WABA", "WABAs"));
        paper.entry(0, 4, [own("!", paint), name].into_iter().chain(prose(&text, Paint::Plain)));
    }
    if !rest.is_empty() {
        let wabas: usize = rest.iter().map(|&(_, wabas)| wabas).sum();
        let text = format!("and {} more users: each {what}, in {wabas} assignments", rest.len());
        paper.entry(0, 4, [own("!", paint)].into_iter().chain(prose(&text, Paint::Plain)));
    }
}
