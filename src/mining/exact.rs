//! Describes everything by latent labels, without exceptions: where names tell nothing.

use super::decompose::decompose;
use super::{AccessMatrix, Mined, MinedGrant, Selector};
use crate::model::TaskSet;
use std::collections::{BTreeMap, BTreeSet};

/// The most WABAs. A guess: with more, the table of labels is no help.
pub(super) const MOST: usize = 5_000;

/// Makes a label of each role of a decomposition, and grants of its columns.
pub(super) fn exact(matrix: &AccessMatrix<'_>) -> Mined {
    let held = || {
        matrix
            .held
            .iter()
            .map(|held| held.iter().flat_map(|(user, tasks)| tasks.names().map(|task| (*user, task))))
    };
    let columns: BTreeSet<(u32, &str)> = held().flatten().collect();
    let columns: Vec<(u32, &str)> = columns.into_iter().collect();
    let number = |column: (u32, &str)| {
        columns.binary_search(&column).ok().and_then(|number| u32::try_from(number).ok())
    };
    let rows: Vec<Vec<u32>> = held().map(|held| held.filter_map(number).collect()).collect();
    let mut mined = Mined::default();
    for (label, rectangle) in (0..).zip(decompose(&rows)) {
        let mut tasks: BTreeMap<u32, TaskSet> = BTreeMap::new();
        for (user, task) in rectangle.columns.iter().filter_map(|column| columns.get(*column as usize)) {
            tasks.entry(*user).or_default().insert_name(task);
        }
        let mut users: BTreeMap<TaskSet, Vec<u32>> = BTreeMap::new();
        for (user, tasks) in tasks {
            users.entry(tasks).or_default().push(user);
        }
        mined.grants.extend(users.into_iter().map(|(tasks, users)| MinedGrant {
            users,
            tasks,
            selector: Selector { label: Some(label), ..Selector::default() },
            except: Vec::new(),
        }));
        mined.labels.push(rectangle.rows);
    }
    mined.grants.sort();
    mined
}
