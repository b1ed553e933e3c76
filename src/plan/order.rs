//! The order of changes: make before break.
//!
//! On no WABA does the number of holders of a task fall below the lower of its number before and after, at any moment of
//! an apply. That holds for the tasks of the assignments themselves, and for what they give with wider tasks. Only where
//! no order of single writes keeps it, a change is split into two writes: first the union of both sets, then the
//! final set.

use crate::model::{AssignmentKey, Blocked, Change, Task, TaskSet, UserId};
use std::collections::{BTreeMap, BTreeSet};

/// How many steps a search for an order takes before a change is split although an order may exist. Enough for 9 changes
/// on one WABA that depend on each other: their orders have 512 beginnings, and each beginning has up to 9 next steps.
const ATTEMPTS: usize = 5_000;

/// Sorts changes into the order in which they are applied, and decides which of them are split.
///
/// By WABA; on a WABA, first the changes that only add tasks, then the others as make before break allows, each by
/// user; the acting user's own last.
pub(super) fn order(changes: &mut [Change], acting: Option<UserId>) {
    changes.sort_by_key(|change| {
        let AssignmentKey { waba, user } = change.key;
        (waba, Some(user) == acting, removes(change), user)
    });
    let wabas = changes.chunk_by_mut(|one, next| one.key.waba == next.key.waba);
    wabas.for_each(order_on_waba);
}

/// Blocks each change that removes a task which only a blocked change would give to somebody else. That a user is suspended
/// waits for nobody's gain.
pub(super) fn block_dependent(changes: &mut [Change]) {
    for on_waba in changes.chunk_by_mut(|one, next| one.key.waba == next.key.waba) {
        while let Some(dependent) = dependent(on_waba) {
            on_waba[dependent].blocked = Some(Blocked::NeedsBlockedGain);
        }
    }
}

/// Returns the last change that removes more holders of a task than a plan without blocked changes would.
fn dependent(changes: &[Change]) -> Option<usize> {
    if changes.iter().all(|change| change.blocked.is_none()) {
        return None;
    }
    let (mut planned, mut attempted) = (Counts::new(), Counts::new());
    for change in changes {
        let effect = Effect::of(change);
        effect.add_to(&mut planned);
        if change.blocked.is_none() {
            effect.add_to(&mut attempted);
        }
    }
    let falls_too_low = |item: &Item<'_>| count(&attempted, *item) < count(&planned, *item).min(0);
    let may_wait = |change: &Change| change.blocked.is_none() && !change.is_suspension();
    let is_dependent =
        |change: &Change| may_wait(change) && Effect::of(change).lost.iter().any(falls_too_low);
    changes.iter().rposition(is_dependent)
}

/// Something whose holders are counted on a WABA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Item<'a> {
    /// A task of an assignment.
    Exact(&'a str),
    /// A task that an assignment gives, directly or by a wider task.
    Given(Task),
}

/// The change of the number of holders, or how many holders may still go.
type Counts<'a> = BTreeMap<Item<'a>, i64>;

fn count(counts: &Counts<'_>, item: Item<'_>) -> i64 {
    counts.get(&item).copied().unwrap_or(0)
}

/// What a change does to the numbers of holders.
#[derive(Debug, Clone)]
struct Effect<'a> {
    gained: BTreeSet<Item<'a>>,
    lost: BTreeSet<Item<'a>>,
}

impl<'a> Effect<'a> {
    fn of(change: &'a Change) -> Self {
        let before = items(&change.before, change.access_before());
        let after = items(&change.after, change.access_after());
        Self {
            gained: after.difference(&before).copied().collect(),
            lost: before.difference(&after).copied().collect(),
        }
    }

    fn add_to(&self, counts: &mut Counts<'a>) {
        self.gained.iter().for_each(|item| *counts.entry(*item).or_default() += 1);
        self.lost.iter().for_each(|item| *counts.entry(*item).or_default() -= 1);
    }

    fn remove_from(&self, counts: &mut Counts<'a>) {
        self.gained.iter().for_each(|item| *counts.entry(*item).or_default() -= 1);
        self.lost.iter().for_each(|item| *counts.entry(*item).or_default() += 1);
    }

    /// Returns whether so many holders may go.
    fn fits(&self, slack: &Counts<'a>) -> bool {
        self.lost.iter().all(|item| count(slack, *item) >= 1)
    }
}

/// Returns what counts of an assignment. For an admin with full access, the tasks of its assignment do not matter.
fn items<'a>(tasks: &'a TaskSet, access: &TaskSet) -> BTreeSet<Item<'a>> {
    let given = Task::ALL.iter().copied().filter(|task| access.grants(*task)).map(Item::Given);
    let all = if access == tasks { &[] } else { Task::ALL };
    let exact = tasks.names().chain(all.iter().map(|task| task.name()));
    exact.map(Item::Exact).chain(given).collect()
}

fn removes(change: &Change) -> bool {
    !change.lost().is_empty() || change.narrows_admin()
}

/// Orders the changes of one WABA, which are sorted: first those that only add, then the others, by user.
fn order_on_waba(changes: &mut [Change]) {
    for change in &mut *changes {
        change.split = false;
    }
    let gains = changes.iter().filter(|change| !removes(change)).count();
    let attempted: Vec<usize> = (0..changes.len())
        .filter(|index| changes[*index].blocked.is_none() && removes(&changes[*index]))
        .collect();
    if attempted.len() < 2 && gains == 0 {
        return;
    }
    let Order { sequence, split } = safe_order(changes, &attempted);
    for index in split {
        changes[index].split = true;
    }
    // A blocked change keeps its place.
    let mut slots = changes.to_vec();
    for (slot, index) in attempted.iter().zip(sequence) {
        slots[*slot] = changes[index].clone();
    }
    changes.clone_from_slice(&slots);
}

/// An order of changes by their indices, and those of them that are split.
struct Order {
    sequence: Vec<usize>,
    split: Vec<usize>,
}

/// Returns an order of the changes that remove tasks, given all changes of the WABA.
fn safe_order(changes: &[Change], removing: &[usize]) -> Order {
    let effects: BTreeMap<usize, Effect<'_>> =
        removing.iter().map(|index| (*index, Effect::of(&changes[*index]))).collect();
    let slack = slack(changes, &effects);
    let natural = || removing.iter().copied();
    if let Some(sequence) = first_that_fits(natural(), &effects, &slack) {
        return Order { sequence, split: Vec::new() };
    }
    // Changes that only remove can always come last, so only the order of the others matters.
    let mut mixed: Vec<usize> = natural().filter(|index| !effects[index].gained.is_empty()).collect();
    let mut slack = slack;
    let mut split = Vec::new();
    let found = loop {
        if let Some(found) = search(&mixed, &effects, slack.clone()) {
            break found;
        }
        let Some(next) = next_split(changes, &mixed, &effects, &slack) else {
            // Admins cannot be split: what their role gives them is no assignment.
            let mixed = natural().filter(|index| !effects[index].gained.is_empty());
            split.clear();
            break mixed.collect();
        };
        effects[&next].gained.iter().for_each(|item| *slack.entry(*item).or_default() += 1);
        mixed.retain(|index| *index != next);
        split.push(next);
    };
    let last = natural().filter(|index| !found.contains(index));
    Order { sequence: found.iter().copied().chain(last).collect(), split }
}

/// Returns how many holders of each item may go, after the changes that only add tasks: down to the lower of its number
/// before all changes and after them.
fn slack<'a>(changes: &'a [Change], removing: &BTreeMap<usize, Effect<'a>>) -> Counts<'a> {
    let mut now = Counts::new();
    for change in changes.iter().filter(|change| change.blocked.is_none() && !removes(change)) {
        Effect::of(change).add_to(&mut now);
    }
    let mut end = now.clone();
    for effect in removing.values() {
        effect.add_to(&mut end);
    }
    end.into_iter().map(|(item, end)| (item, count(&now, item) - end.min(0))).collect()
}

/// Takes the first change that fits, again and again. Returns `None` if none of the rest fits.
fn first_that_fits(
    natural: impl Iterator<Item = usize>,
    effects: &BTreeMap<usize, Effect<'_>>,
    slack: &Counts<'_>,
) -> Option<Vec<usize>> {
    let mut slack = slack.clone();
    let mut rest: Vec<usize> = natural.collect();
    let mut sequence = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        let next = rest.iter().position(|index| effects[index].fits(&slack))?;
        let index = rest.remove(next);
        effects[&index].add_to(&mut slack);
        sequence.push(index);
    }
    Some(sequence)
}

/// Searches all orders for one in which every change fits.
fn search<'a>(
    mixed: &[usize],
    effects: &BTreeMap<usize, Effect<'a>>,
    mut slack: Counts<'a>,
) -> Option<Vec<usize>> {
    let (mut sequence, mut failed, mut attempts) = (Vec::new(), BTreeSet::new(), 0);
    let mut rest = mixed.to_vec();
    deepen(&mut rest, effects, &mut slack, &mut sequence, &mut failed, &mut attempts).then_some(sequence)
}

fn deepen<'a>(
    rest: &mut Vec<usize>,
    effects: &BTreeMap<usize, Effect<'a>>,
    slack: &mut Counts<'a>,
    sequence: &mut Vec<usize>,
    failed: &mut BTreeSet<Vec<usize>>,
    attempts: &mut usize,
) -> bool {
    *attempts += 1;
    if rest.is_empty() || *attempts > ATTEMPTS || failed.contains(rest) {
        return rest.is_empty();
    }
    for position in 0..rest.len() {
        let index = rest[position];
        if effects[&index].fits(slack) {
            rest.remove(position);
            effects[&index].add_to(slack);
            sequence.push(index);
            if deepen(rest, effects, slack, sequence, failed, attempts) {
                return true;
            }
            sequence.pop();
            effects[&index].remove_from(slack);
            rest.insert(position, index);
        }
    }
    failed.insert(rest.clone());
    false
}

/// Returns the change to split: one whose split makes an order possible, or else the first that can be split.
fn next_split<'a>(
    changes: &[Change],
    mixed: &[usize],
    effects: &BTreeMap<usize, Effect<'a>>,
    slack: &Counts<'a>,
) -> Option<usize> {
    let can_split =
        |index: &usize| !changes[*index].gained().is_empty() && !changes[*index].lost().is_empty();
    let solves = |candidate: &usize| {
        let mut slack = slack.clone();
        effects[candidate].gained.iter().for_each(|item| *slack.entry(*item).or_default() += 1);
        let rest: Vec<usize> = mixed.iter().copied().filter(|index| index != candidate).collect();
        search(&rest, effects, slack).is_some()
    };
    let candidates = || mixed.iter().copied().filter(can_split);
    candidates().find(solves).or_else(|| candidates().next())
}
