//! The last look: who loses what and who becomes powerful, counted by user. Decides nothing.

use super::count;
use crate::model::{Plan, UserId};
use crate::render::layout::{Layout, Paint, foreign, own, prose};
use crate::render::named;
use crate::render::wording::{self, Kind};

/// So many users are named for each kind; the others are counted.
const NAMED: usize = 10;

/// Writes a line for each user who loses something or newly gets `MANAGE` or `FULL_CONTROL`.
pub(super) fn write(layout: &mut Layout, plan: &Plan, verbose: bool) {
    let kinds = wording::highlights(plan);
    if !kinds.is_empty() {
        layout.gap();
    }
    for (kind, users) in kinds {
        write_kind(layout, plan, kind, &users, verbose);
    }
}

fn write_kind(layout: &mut Layout, plan: &Plan, kind: Kind, users: &[(UserId, usize)], verbose: bool) {
    let paint = if kind.is_loss() { Paint::Bad } else { Paint::Changed };
    let (what, which) = kind.phrase();
    let shown = if verbose || users.len() <= NAMED + 1 { users.len() } else { NAMED };
    let (named_ones, rest) = users.split_at(shown);
    for &(user, wabas) in named_ones {
        let name = foreign(&named(&plan.user_name(user), user), Paint::Bold);
        let text = format!("{what} on {} {which}", count(wabas, "WABA", "WABAs"));
        layout.entry(0, 4, [own("!", paint), name].into_iter().chain(prose(&text, Paint::Plain)));
    }
    if !rest.is_empty() {
        let wabas: usize = rest.iter().map(|&(_, wabas)| wabas).sum();
        let text = format!("and {} more users: each {what}, in {wabas} assignments", rest.len());
        layout.entry(0, 4, [own("!", paint)].into_iter().chain(prose(&text, Paint::Plain)));
    }
}
