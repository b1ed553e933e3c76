//! Finds a short description of who holds what on which WABAs: grants by conditions on names, and latent labels.
//!
//! The description is nearly right; whoever uses it states the rest as exceptions. It depends only on what is held, not on
//! the order in which it is given. This module does not know how a manifest is written.

mod affix;
mod bits;
mod cover;
mod decompose;
mod exact;
mod label;
mod neighbours;
mod predicate;
#[cfg(test)]
mod tests;

use crate::model::TaskSet;
pub use decompose::{Rectangle, decompose, measure};
pub use neighbours::{Neighbours, Questioned, neighbours};

use bits::Bits;
use cover::{Cover, cover, repair};
use predicate::{Condition, Predicates};
use std::collections::{BTreeMap, BTreeSet};

/// How alike the WABAs of two tasks of a user are that are granted together, in percent of those of either. A guess:
/// mistakes in a few percent must not separate them.
const ALIKE: usize = 90;
/// The most latent labels that are looked for. A guess: more than anybody keeps apart.
const LABELS: u32 = 40;

/// Which part of a label's WABAs must be described wrongly for a column to be described anew: one in so many. A guess.
const CONCERNED: usize = 8;

/// The list on which a WABA is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum List {
    /// Those that the business owns.
    Owned,
    /// Those that are shared with it.
    Client,
}

/// A WABA.
#[derive(Debug, Clone, Copy)]
pub struct Account<'a> {
    /// The name that globs see.
    pub name: &'a str,
    /// The list on which it is.
    pub list: List,
}

/// What is held: the WABAs, and for each the tasks of each user, by number.
#[derive(Debug, Clone, Default)]
pub struct AccessMatrix<'a> {
    /// The WABAs, by id.
    pub accounts: Vec<Account<'a>>,
    /// The tasks of users on each WABA, with the users ascending.
    pub held: Vec<&'a [(u32, TaskSet)]>,
}

/// Which WABAs a grant selects: those that meet all of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Selector {
    /// The list on which they are.
    pub list: Option<List>,
    /// The label that they have, by its number.
    pub label: Option<u32>,
    /// Globs, any of which their name matches; empty for all.
    pub globs: Vec<String>,
}

/// A grant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MinedGrant {
    /// The users.
    pub users: Vec<u32>,
    /// The tasks.
    pub tasks: TaskSet,
    /// The WABAs.
    pub selector: Selector,
    /// What is left out: each of them.
    pub except: Vec<Selector>,
}

/// The description.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mined {
    /// The grants.
    pub grants: Vec<MinedGrant>,
    /// The WABAs of each latent label, ascending.
    pub labels: Vec<Vec<u32>>,
}

impl Mined {
    /// Returns the number of grants and labelled WABAs: what people read besides exceptions.
    fn lines(&self) -> usize {
        let labelled: BTreeSet<u32> = self.labels.iter().flatten().copied().collect();
        self.grants.len() + labelled.len()
    }
}

/// Some tasks of a user that it holds on nearly the same WABAs.
struct Column {
    user: u32,
    tasks: TaskSet,
    wabas: Bits,
}

/// Finds a short description.
pub fn mine(matrix: &AccessMatrix<'_>) -> Mined {
    let wabas = matrix.accounts.len();
    let columns = columns(matrix);
    let gain = gain(wabas);
    let mut predicates = Predicates::of_names(&matrix.accounts, gain);
    let mut covers: Vec<Cover> =
        columns.iter().map(|column| cover(&column.wabas, &predicates, wabas, gain)).collect();
    let mut labels: Vec<Bits> = Vec::new();
    for number in 0..LABELS {
        let Some(found) = label::next(&columns, &covers, &labels, wabas, gain) else { break };
        let members: Vec<u32> = found.iter().collect();
        predicates.add_label(number, &members, gain);
        for (column, known) in columns.iter().zip(&mut covers) {
            let (missing, wrong) = known.errors(&column.wabas);
            // Single mistakes on its WABAs are no reason to use it.
            if (missing.common(&found) + wrong.common(&found)) * CONCERNED >= members.len() {
                let new = cover(&column.wabas, &predicates, wabas, gain);
                if new.cost(&column.wabas) < known.cost(&column.wabas) {
                    *known = new;
                }
            }
        }
        labels.push(found);
    }
    for (column, cover) in columns.iter().zip(&mut covers) {
        repair(cover, &column.wabas, &predicates, wabas);
    }
    let described = assemble(&columns, &covers, &predicates, &labels);
    let lines = described.lines() + differing(&columns, &covers);
    // Where names tell nothing, nearly each assignment would be an exception.
    if lines <= wabas || wabas > exact::MOST {
        return described;
    }
    let exact = exact::exact(matrix);
    // Labels alone are harder to read than names.
    if exact.lines() * 4 < lines * 3 { exact } else { described }
}

/// Finds grants by conditions on names, and by labels that the WABAs have already. No label is added.
///
/// `labels` are the WABAs of each label, ascending; a grant refers to them by their numbers.
pub fn mine_grants(matrix: &AccessMatrix<'_>, labels: &[Vec<u32>]) -> Vec<MinedGrant> {
    let wabas = matrix.accounts.len();
    let columns = columns(matrix);
    if columns.is_empty() {
        return Vec::new();
    }
    let gain = gain(wabas);
    let mut predicates = Predicates::of_names(&matrix.accounts, gain);
    for (number, members) in (0..).zip(labels) {
        predicates.add_label(number, members, gain);
    }
    let covers: Vec<Cover> = columns
        .iter()
        .map(|column| {
            let mut cover = cover(&column.wabas, &predicates, wabas, gain);
            repair(&mut cover, &column.wabas, &predicates, wabas);
            cover
        })
        .collect();
    let own_numbers = (0..).zip(labels).map(|(number, _)| (number, number)).collect();
    grants(&columns, &covers, &predicates, &own_numbers)
}

/// Returns the number of pairs of a WABA and a user that the covers describe wrongly.
fn differing(columns: &[Column], covers: &[Cover]) -> usize {
    let mut pairs: BTreeSet<(u32, u32)> = BTreeSet::new();
    for (column, cover) in columns.iter().zip(covers) {
        let (missing, wrong) = cover.errors(&column.wabas);
        pairs.extend(missing.iter().chain(wrong.iter()).map(|waba| (column.user, waba)));
    }
    pairs.len()
}

/// Returns how many exceptions a condition must spare. A guess: with many WABAs, two or three that share a word do so by
/// chance.
fn gain(wabas: usize) -> usize {
    match wabas {
        0..=100 => 2,
        101..=3_000 => 3,
        3_001..=30_000 => 4,
        _ => 10,
    }
}

/// Returns the columns: for each user the tasks that it holds on nearly the same WABAs.
fn columns(matrix: &AccessMatrix<'_>) -> Vec<Column> {
    let wabas = matrix.accounts.len();
    let mut columns: Vec<Column> = Vec::new();
    for (user, sets) in (0..).zip(sets_of_users(matrix)) {
        let mut by_task: BTreeMap<&str, Bits> = BTreeMap::new();
        for (tasks, held) in &sets {
            for task in tasks.names() {
                let of_task = by_task.entry(task).or_insert_with(|| Bits::new(wabas));
                for waba in held {
                    of_task.insert(*waba);
                }
            }
        }
        let mut by_task: Vec<(usize, &str, Bits)> =
            by_task.into_iter().map(|(task, held)| (held.len(), task, held)).collect();
        by_task.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
        let first = columns.len();
        for (count, task, held) in by_task {
            let is_alike = |column: &&mut Column| {
                let common = column.wabas.common(&held);
                common * 100 >= (column.wabas.len() + count - common) * ALIKE
            };
            let name = TaskSet::from_names([task]);
            match columns[first..].iter_mut().rev().find(is_alike) {
                Some(column) => column.tasks.extend(&name),
                None => columns.push(Column { user, tasks: name, wabas: held }),
            }
        }
    }
    columns
}

/// Returns for each user the sets of tasks that it holds, with the WABAs, ascending.
fn sets_of_users<'a>(matrix: &AccessMatrix<'a>) -> Vec<BTreeMap<&'a TaskSet, Vec<u32>>> {
    let mut sets: Vec<BTreeMap<&TaskSet, Vec<u32>>> = Vec::new();
    for (waba, held) in (0..).zip(&matrix.held) {
        for (user, tasks) in *held {
            let user = *user as usize;
            if user >= sets.len() {
                sets.resize_with(user + 1, BTreeMap::new);
            }
            sets[user].entry(tasks).or_default().push(waba);
        }
    }
    sets
}

/// A cover as selectors.
type Selection = (Vec<Selector>, Vec<Selector>);

/// Makes grants of the covers, and keeps the labels that they use.
fn assemble(columns: &[Column], covers: &[Cover], predicates: &Predicates<'_>, labels: &[Bits]) -> Mined {
    let used: BTreeSet<u32> = covers
        .iter()
        .flat_map(|cover| cover.given.iter().chain(&cover.except))
        .filter_map(|index| predicates.all[*index as usize].condition.label)
        .collect();
    let renumbered: BTreeMap<u32, u32> = used.iter().copied().zip(0..).collect();
    Mined {
        grants: grants(columns, covers, predicates, &renumbered),
        labels: used.iter().map(|label| labels[*label as usize].iter().collect()).collect(),
    }
}

/// Makes the grants of the covers. `renumbered` are the numbers of the labels in them.
fn grants(
    columns: &[Column],
    covers: &[Cover],
    predicates: &Predicates<'_>,
    renumbered: &BTreeMap<u32, u32>,
) -> Vec<MinedGrant> {
    // What each user holds by each condition.
    let mut given: BTreeMap<(u32, u32, &[u32]), TaskSet> = BTreeMap::new();
    for (column, cover) in columns.iter().zip(covers) {
        for index in &cover.given {
            given.entry((column.user, *index, &cover.except)).or_default().extend(&column.tasks);
        }
    }
    // The conditions by which each user holds the same tasks, and then the users of these.
    let mut by_tasks: BTreeMap<(u32, TaskSet, &[u32]), Vec<u32>> = BTreeMap::new();
    for ((user, index, except), tasks) in given {
        by_tasks.entry((user, tasks, except)).or_default().push(index);
    }
    let mut by_users: BTreeMap<(TaskSet, Selection), Vec<u32>> = BTreeMap::new();
    for ((user, tasks, except), indices) in by_tasks {
        let given = selectors(&indices, predicates, renumbered);
        let except = selectors(except, predicates, renumbered);
        by_users.entry((tasks, (given, except))).or_default().push(user);
    }
    let grants = by_users.into_iter().flat_map(|((tasks, (given, except)), users)| {
        given.into_iter().map(move |selector| MinedGrant {
            users: users.clone(),
            tasks: tasks.clone(),
            selector,
            except: except.clone(),
        })
    });
    grants.collect()
}

/// Returns selectors for conditions. Globs with the same other parts are one selector.
fn selectors(indices: &[u32], predicates: &Predicates<'_>, renumbered: &BTreeMap<u32, u32>) -> Vec<Selector> {
    let mut by_rest: BTreeMap<(Option<List>, Option<u32>, bool), Vec<String>> = BTreeMap::new();
    for index in indices {
        let Condition { pattern, list, label } = predicates.all[*index as usize].condition;
        let label = label.map(|label| renumbered[&label]);
        let glob = pattern.glob();
        by_rest.entry((list, label, glob.is_some())).or_default().extend(glob);
    }
    let selector = |((list, label, _), mut globs): ((_, _, _), Vec<String>)| {
        globs.sort();
        Selector { list, label, globs }
    };
    by_rest.into_iter().map(selector).collect()
}
