//! What the access of the others on a WABA says about a single assignment.
//!
//! Whoever holds access by the same hidden reason is found together: a WABA whose name tells no region still has the users of
//! one. So an assignment that no condition on names explains is compared with the WABAs on which the other users hold the same.
//! Which of them matter is found by a small decision tree over the columns of the others.

use super::bits::Bits;
use super::{AccessMatrix, Column, columns, sets_of_users};
use crate::model::TaskSet;
use std::collections::BTreeMap;

/// How many questions about others a tree asks at most. A guess: the users of the other regions show which one it is.
const DEPTH: usize = 4;
/// The fewest WABAs that are compared. A guess: of fewer, one that differs says little.
const FEWEST: usize = 20;
/// Which share of the WABAs a column must have, and lack, to be asked about: one in so many. A guess: less are mistakes.
const SHARE: usize = 100;

/// An assignment in question.
#[derive(Debug, Clone, Copy)]
pub struct Questioned<'a> {
    /// The WABA, by number.
    pub waba: u32,
    /// The user, by number.
    pub user: u32,
    /// The tasks in which what is held differs from what is expected.
    pub tasks: &'a TaskSet,
}

/// The other WABAs on which the other users hold much the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Neighbours {
    /// On how many of them the user holds what it holds on the WABA in question.
    pub alike: usize,
    /// How many they are.
    pub count: usize,
}

impl Neighbours {
    /// Returns whether this says more for what is held than another one.
    fn is_more_alike(self, other: Self) -> bool {
        self.alike * other.count > other.alike * self.count
    }
}

/// Returns the neighbours for each assignment in question, in the same order. Where it differs in several tasks, those that say
/// most for what is held.
pub fn neighbours(matrix: &AccessMatrix<'_>, questioned: &[Questioned<'_>]) -> Vec<Neighbours> {
    let wabas = matrix.accounts.len();
    let mut of_task: BTreeMap<(u32, &str), Vec<usize>> = BTreeMap::new();
    for (number, question) in questioned.iter().enumerate() {
        for task in question.tasks.names() {
            of_task.entry((question.user, task)).or_default().push(number);
        }
    }
    let columns = columns(matrix);
    let features = features(&columns, wabas);
    let sets = sets_of_users(matrix);
    let everything = Bits::of(wabas, (0..).take(wabas));
    let mut found: Vec<Option<Neighbours>> = vec![None; questioned.len()];
    for ((user, task), numbers) in of_task {
        let with_task = sets.get(user as usize).into_iter().flatten();
        let with_task = with_task.filter(|(tasks, _)| tasks.names().any(|name| name == task));
        let target = Bits::of(wabas, with_task.flat_map(|(_, wabas)| wabas.iter().copied()));
        let others: Vec<&Bits> =
            features.iter().filter(|other| other.user != user).map(|other| &other.wabas).collect();
        let asked = Bits::of(wabas, numbers.iter().map(|number| questioned[*number].waba));
        let mut leaves = Vec::new();
        Tree { target: &target, others: &others, asked: &asked }.grow(everything.clone(), DEPTH, &mut leaves);
        for number in numbers {
            let waba = questioned[number].waba;
            let Some(Leaf { count, held, .. }) = leaves.iter().find(|leaf| leaf.wabas.contains(waba)) else {
                continue;
            };
            let count = count.saturating_sub(1);
            let alike = if target.contains(waba) { *held - 1 } else { count - held };
            let new = Neighbours { alike, count };
            let known = &mut found[number];
            if known.is_none_or(|known| new.is_more_alike(known)) {
                *known = Some(new);
            }
        }
    }
    found.into_iter().map(|found| found.unwrap_or(Neighbours { alike: 0, count: 0 })).collect()
}

/// Returns the columns that can be asked about: they are neither rare nor nearly everywhere.
fn features(columns: &[Column], wabas: usize) -> Vec<&Column> {
    let is_useful = |column: &&Column| {
        let count = column.wabas.len();
        count.min(wabas - count) * SHARE >= wabas
    };
    columns.iter().filter(is_useful).collect()
}

/// A part of the WABAs that is not divided further.
struct Leaf {
    wabas: Bits,
    /// The number of WABAs.
    count: usize,
    /// The number of those in the target.
    held: usize,
}

/// A tree that is grown.
struct Tree<'a> {
    target: &'a Bits,
    others: &'a [&'a Bits],
    /// The WABAs in question: parts without any are not divided.
    asked: &'a Bits,
}

impl Tree<'_> {
    /// Divides WABAs by what others hold until most of a part are the same, and adds the parts.
    fn grow(&self, part: Bits, depth: usize, leaves: &mut Vec<Leaf>) {
        if !part.intersects(self.asked) {
            return;
        }
        let (count, held) = (part.len(), part.common(self.target));
        let best = if depth == 0 { None } else { self.best(&part, count, held) };
        match best {
            None => leaves.push(Leaf { wabas: part, count, held }),
            Some(other) => {
                let inside = part.and(other);
                self.grow(part.without(other), depth - 1, leaves);
                self.grow(inside, depth - 1, leaves);
            }
        }
    }

    /// Returns the column that divides WABAs best; `None` if none does much.
    fn best(&self, part: &Bits, count: usize, held: usize) -> Option<&Bits> {
        let before = impurity(count, held);
        let of_target = part.and(self.target);
        let mut best: Option<(f64, &Bits)> = None;
        for other in self.others {
            let inside = part.common(other);
            if inside < FEWEST || count - inside < FEWEST {
                continue;
            }
            let held_inside = of_target.common(other);
            let after = impurity(inside, held_inside) + impurity(count - inside, held - held_inside);
            if best.is_none_or(|(known, _)| after < known) {
                best = Some((after, other));
            }
        }
        // A fifth less is more than chance gives. A guess.
        best.filter(|(after, _)| *after < before * 0.8).map(|(_, other)| other)
    }
}

/// Returns the Gini impurity of a part, times its size.
fn impurity(count: usize, held: usize) -> f64 {
    if count == 0 {
        return 0.0;
    }
    #[allow(clippy::cast_precision_loss, reason = "numbers of WABAs are far below 2^52")]
    let (count, held) = (count as f64, held as f64);
    2.0 * held * (count - held) / count
}
