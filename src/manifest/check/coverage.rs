//! Warnings about grants that give nothing besides what another one gives, whatever WABAs there are.

use super::Checker;
use crate::diagnostic;
use crate::manifest::{Except, Grant, LabelSelector, WabaSelection, WabaSelector};
use crate::model::{At, Name};
use std::collections::BTreeMap;

/// The maximum number of steps that comparing grants takes. A guess: 100,000 grants, each for one user on one WABA, take a
/// third of it. Beyond, grants are not compared.
const STEPS: u64 = 20_000_000;

impl Checker<'_> {
    /// Reports each grant that is wholly inside another one, or the same as an earlier one.
    pub(super) fn coverage(&mut self, grants: &[Grant]) {
        let index = Index::of(grants);
        let mut steps = STEPS;
        for (number, grant) in grants.iter().enumerate() {
            for (other, wider) in index.candidates(grant, grants) {
                if other == number || !covers(wider, grant, &mut steps) {
                    continue;
                }
                let is_same = covers(grant, wider, &mut steps);
                if steps == 0 {
                    return;
                }
                let place = self.format(wider.at);
                match is_same {
                    // The later one is reported.
                    true if number < other => continue,
                    true => self.report(diagnostic::duplicate_grant(grant.at, &wider.path, &place)),
                    false => self.report(diagnostic::covered_grant(grant.at, &wider.path, &place)),
                }
                break;
            }
        }
    }
}

/// Finds the grants that can cover another one.
struct Index<'a> {
    /// The grants that name a WABA.
    by_waba: BTreeMap<&'a Name, Vec<usize>>,
    /// The grants for a user that select by globs or labels.
    by_user: BTreeMap<&'a Name, Vec<usize>>,
}

impl<'a> Index<'a> {
    fn of(grants: &'a [Grant]) -> Self {
        let mut index = Self { by_waba: BTreeMap::new(), by_user: BTreeMap::new() };
        for (number, grant) in grants.iter().enumerate() {
            let wabas = grant.selection.wabas.as_deref();
            let names = wabas.unwrap_or_default().iter().filter_map(|waba| name_of(&waba.value));
            names.for_each(|name| index.by_waba.entry(name).or_default().push(number));
            if wabas.is_none_or(|wabas| wabas.iter().any(|waba| name_of(&waba.value).is_none())) {
                grant
                    .users
                    .iter()
                    .for_each(|user| index.by_user.entry(&user.value).or_default().push(number));
            }
        }
        index
    }

    /// Returns the grants that can cover a grant, with their numbers: those that name its first WABA, and those for its first
    /// user that name none.
    fn candidates<'s>(
        &'s self,
        grant: &Grant,
        grants: &'s [Grant],
    ) -> impl Iterator<Item = (usize, &'s Grant)> {
        let waba = grant.selection.wabas.as_ref().and_then(|wabas| name_of(&wabas.first()?.value));
        let named = waba.and_then(|name| self.by_waba.get(name));
        let open = grant.users.first().and_then(|user| self.by_user.get(&user.value));
        let numbers = named.into_iter().chain(open).flatten();
        numbers.filter_map(|number| Some((*number, grants.get(*number)?)))
    }
}

fn name_of(selector: &WabaSelector) -> Option<&Name> {
    match selector {
        WabaSelector::Name(name) => Some(name),
        WabaSelector::Glob(_) | WabaSelector::Id(_) => None,
    }
}

/// Subtracts steps, and returns whether some are left.
fn take(steps: &mut u64, count: usize) -> bool {
    *steps = steps.saturating_sub(count as u64);
    *steps > 0
}

/// Returns whether one grant gives all that another one gives, at any time. If the steps do not suffice, returns `false`
/// and leaves 0.
fn covers(wide: &Grant, narrow: &Grant, steps: &mut u64) -> bool {
    take(steps, 1)
        && narrow.tasks.is_subset(&wide.tasks)
        && wide
            .from
            .is_none_or(|wide| narrow.from.is_some_and(|from| wide.value.start() <= from.value.start()))
        && wide
            .until
            .is_none_or(|wide| narrow.until.is_some_and(|until| until.value.end() <= wide.value.end()))
        && take(steps, narrow.users.len() * wide.users.len())
        && narrow.users.iter().all(|user| wide.users.iter().any(|other| other.value == user.value))
        && selects_all(&wide.selection, &narrow.selection, steps)
}

/// Returns whether one selection selects all that another one selects.
fn selects_all(wide: &WabaSelection, narrow: &WabaSelection, steps: &mut u64) -> bool {
    let everything = |wabas: &[At<WabaSelector>]| {
        wabas.iter().any(|waba| matches!(&waba.value, WabaSelector::Glob(glob) if glob.as_str() == "*"))
    };
    let by_name = match (&wide.wabas, &narrow.wabas) {
        (None, _) => true,
        (Some(wide), None) => everything(wide),
        (Some(wide), Some(narrow)) => matches_all(wide, narrow, steps),
    };
    let by_labels = match (&wide.labels, &narrow.labels) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(wide), Some(narrow)) => requires_less(wide, narrow, steps),
    };
    by_name && by_labels && leaves_out_all(wide.except.as_ref(), narrow.except.as_ref(), steps)
}

/// Returns whether the narrow exception leaves out all that the wide one leaves out.
fn leaves_out_all(wide: Option<&Except>, narrow: Option<&Except>, steps: &mut u64) -> bool {
    let (Some(wide), narrow) = (wide, narrow) else { return true };
    let Some(narrow) = narrow else { return false };
    let by_labels = match (&narrow.labels, &wide.labels) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(narrow), Some(wide)) => requires_less(narrow, wide, steps),
    };
    by_labels && matches_all(&narrow.wabas, &wide.wabas, steps)
}

/// Returns whether selectors match every name that others match.
fn matches_all(wide: &[At<WabaSelector>], narrow: &[At<WabaSelector>], steps: &mut u64) -> bool {
    narrow.iter().all(|narrow| wide.iter().any(|wide| matches_each(&wide.value, &narrow.value, steps)))
}

fn matches_each(wide: &WabaSelector, narrow: &WabaSelector, steps: &mut u64) -> bool {
    match (wide, narrow) {
        _ if !take(steps, 1) => false,
        (WabaSelector::Name(wide), WabaSelector::Name(narrow)) => wide == narrow,
        (WabaSelector::Id(wide), WabaSelector::Id(narrow)) => wide == narrow,
        (WabaSelector::Glob(wide), WabaSelector::Id(_)) => wide.as_str() == "*",
        (WabaSelector::Id(_), WabaSelector::Name(_) | WabaSelector::Glob(_))
        | (WabaSelector::Name(_), WabaSelector::Id(_) | WabaSelector::Glob(_)) => false,
        (WabaSelector::Glob(wide), WabaSelector::Name(narrow)) => wide.matches_within(narrow.as_str(), steps),
        // A star matches the wildcards of the other glob too; a question mark could match a star.
        (WabaSelector::Glob(wide), WabaSelector::Glob(narrow)) => {
            wide == narrow || (!wide.as_str().contains('?') && wide.matches_within(narrow.as_str(), steps))
        }
    }
}

/// Returns whether each label that one selector requires is required by another one too, with no other values.
fn requires_less(wide: &LabelSelector, narrow: &LabelSelector, steps: &mut u64) -> bool {
    wide.required.iter().all(|wide| {
        let same_key = narrow.required.iter().find(|narrow| narrow.key.value == wide.key.value);
        take(steps, narrow.required.len())
            && same_key.is_some_and(|narrow| {
                take(steps, narrow.values.len() * wide.values.len())
                    && narrow
                        .values
                        .iter()
                        .all(|value| wide.values.iter().any(|other| other.value == value.value))
            })
    })
}
