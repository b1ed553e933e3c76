//! The last look: who loses what and who becomes powerful, counted by user. Decides nothing.

use super::count;
use crate::model::{Plan, UserId};
use crate::render::named;
use crate::render::paper::{Paint, Paper, foreign, own, prose};
use crate::render::phrase::{self, Kind};

/// So many users are named for each kind; the others are counted.
const NAMED: usize = 10;

/// Writes a line for each user who loses something or newly gets `MANAGE` or `FULL_CONTROL`.
pub(super) fn write(paper: &mut Paper, plan: &Plan, verbose: bool) {
    let kinds = phrase::second_look(plan);
    if !kinds.is_empty() {
        paper.gap();
    }
    for (kind, users) in kinds {
        write_kind(paper, plan, kind, &users, verbose);
    }
}

fn write_kind(paper: &mut Paper, plan: &Plan, kind: Kind, users: &[(UserId, usize)], verbose: bool) {
    let paint = if kind.is_loss() { Paint::Bad } else { Paint::Changed };
    let (what, which) = kind.phrase();
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
