//! Describes a set of WABAs by few conditions, nearly.

use super::bits::Bits;
use super::predicate::{Condition, Pattern, Predicates};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The largest share of wrongly given WABAs of a condition, in percent: what is given by mistake must be taken away again by
/// exceptions, so a condition that is wrong more often says too much. A guess.
const WRONG: usize = 10;
/// As [`WRONG`], where conditions that leave out WABAs follow.
const WRONG_BEFORE_EXCEPT: usize = 45;
/// The share of a set that is not described by the strict limit, in percent, above which the loose one is tried too.
const LEFT: usize = 20;
/// The share of a set that is given wrongly by the strict limit, in percent, up to which it may be by mistakes. A guess.
const MISTAKES: usize = 3;

/// The conditions that describe a set: those that add WABAs, and those that leave out WABAs again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cover {
    pub(super) given: Vec<u32>,
    pub(super) except: Vec<u32>,
    /// The WABAs that it describes.
    pub(super) wabas: Option<Bits>,
}

impl Cover {
    /// Returns the WABAs that the set has and the cover lacks, and the other way.
    pub(super) fn errors(&self, target: &Bits) -> (Bits, Bits) {
        match &self.wabas {
            None => (target.clone(), target.without(target)),
            Some(wabas) => (target.without(wabas), wabas.without(target)),
        }
    }

    /// Returns what the cover and what is wrong about it cost to read, in lines.
    pub(super) fn cost(&self, target: &Bits) -> usize {
        let (missing, wrong) = self.errors(target);
        missing.len() + wrong.len() + self.given.len() + self.except.len()
    }
}

/// Describes a set. A condition that spares fewer than `gain` exceptions is not used.
pub(super) fn cover(target: &Bits, predicates: &Predicates<'_>, wabas: usize, gain: usize) -> Cover {
    let strict = cover_within(target, predicates, wabas, gain, WRONG);
    let (missing, wrong) = strict.errors(target);
    let has_few_mistakes = wrong.len() <= gain || wrong.len() * 100 <= target.len() * MISTAKES;
    if missing.len() * 100 <= target.len() * LEFT && has_few_mistakes {
        return strict;
    }
    let loose = cover_within(target, predicates, wabas, gain, WRONG_BEFORE_EXCEPT);
    let (_, wrong) = loose.errors(target);
    let given = loose.wabas.as_ref().map_or(0, Bits::len);
    let is_tight = wrong.len() * 100 <= given * WRONG;
    if is_tight && loose.cost(target) < strict.cost(target) { loose } else { strict }
}

fn cover_within(
    target: &Bits,
    predicates: &Predicates<'_>,
    wabas: usize,
    gain: usize,
    wrong_percent: usize,
) -> Cover {
    let search = Search { predicates, gain, wrong_percent, leaves_out: false };
    let everything = Bits::of(wabas, (0..).take(wabas));
    let given = search.greedy(target, &everything.without(target));
    if given.is_empty() {
        return Cover::default();
    }
    let mut covered = search.union(&given, wabas);
    let wrong = covered.without(target);
    let search = Search { wrong_percent: WRONG, leaves_out: true, ..search };
    let except = if wrong.len() < gain { Vec::new() } else { search.greedy(&wrong, &covered.and(target)) };
    covered.subtract(&search.union(&except, wabas));
    Cover { given, except, wabas: Some(covered) }
}

struct Search<'a> {
    predicates: &'a Predicates<'a>,
    gain: usize,
    wrong_percent: usize,
    /// Whether the conditions leave out WABAs: a grant can name globs for that, and one label or list.
    leaves_out: bool,
}

impl Search<'_> {
    /// Chooses conditions, each time the one that adds most of what is wanted and least of what is to be avoided, and of
    /// several the most readable one. Returns them in order.
    fn greedy(&self, want: &Bits, avoid: &Bits) -> Vec<u32> {
        let (mut want, mut avoid) = (want.clone(), avoid.clone());
        let mut chosen: Vec<u32> = Vec::new();
        let mut left = want.len();
        // Each condition of the queue is looked at again when it is its turn, so a new queue is quicker once little is left.
        while left >= self.gain {
            let before = left;
            let mut queue = self.queue(&want, &avoid);
            while let Some((value, Reverse(index))) = queue.pop() {
                let members = &self.predicates.all[index as usize].members;
                let hits = members.iter().filter(|waba| want.contains(**waba)).count();
                let Some(now) = self.value(index, hits, &avoid) else { continue };
                if now < value {
                    queue.push((now, Reverse(index)));
                    continue;
                }
                if self.is_second_label(index, &chosen) {
                    continue;
                }
                for waba in members {
                    want.remove(*waba);
                    avoid.remove(*waba);
                }
                left -= hits;
                chosen.push(index);
                if left * 2 <= before {
                    break;
                }
            }
            if left * 2 > before {
                break;
            }
        }
        chosen.sort_unstable();
        chosen
    }

    /// Returns the conditions of use, with their values.
    fn queue(&self, want: &Bits, avoid: &Bits) -> BinaryHeap<(usize, Reverse<u32>)> {
        let mut hits = vec![0_u32; self.predicates.all.len()];
        for waba in want.iter() {
            for predicate in self.predicates.met_by(waba) {
                hits[predicate as usize] += 1;
            }
        }
        let is_usable = |index: u32| !self.leaves_out || self.condition(index).parts() == 1;
        let usable = (0..).zip(hits).filter(|(index, hits)| *hits as usize >= self.gain && is_usable(*index));
        let valued = usable
            .filter_map(|(index, hits)| Some((self.value(index, hits as usize, avoid)?, Reverse(index))));
        valued.collect()
    }

    /// Returns whether a condition without a glob would leave out WABAs beside another one.
    fn is_second_label(&self, index: u32, chosen: &[u32]) -> bool {
        let has_no_glob = |index: u32| self.condition(index).pattern == Pattern::Any;
        self.leaves_out && has_no_glob(index) && chosen.iter().any(|index| has_no_glob(*index))
    }

    /// Returns how many more wanted WABAs than others a condition adds; `None` if it is of no use.
    fn value(&self, index: u32, hits: usize, avoid: &Bits) -> Option<usize> {
        let members = &self.predicates.all[index as usize].members;
        if hits < self.gain {
            return None;
        }
        let wrong = members.iter().filter(|waba| avoid.contains(**waba)).count();
        let is_allowed = wrong * 100 <= (hits + wrong) * self.wrong_percent;
        hits.checked_sub(wrong).filter(|value| *value >= self.gain && is_allowed)
    }

    fn condition(&self, index: u32) -> &Condition<'_> {
        &self.predicates.all[index as usize].condition
    }

    fn union(&self, chosen: &[u32], wabas: usize) -> Bits {
        let members = chosen.iter().flat_map(|index| &self.predicates.all[*index as usize].members);
        Bits::of(wabas, members.copied())
    }
}

/// Removes conditions without which the description is no worse.
pub(super) fn repair(cover: &mut Cover, target: &Bits, predicates: &Predicates<'_>, wabas: usize) {
    let mut index = cover.given.len();
    while index > 0 && cover.given.len() > 1 {
        index -= 1;
        let mut shorter = cover.clone();
        shorter.given.remove(index);
        let members = |chosen: &[u32]| {
            let members = chosen.iter().flat_map(|index| predicates.all[*index as usize].members.clone());
            Bits::of(wabas, members)
        };
        shorter.wabas = Some(members(&shorter.given).without(&members(&shorter.except)));
        if shorter.cost(target) <= cover.cost(target) {
            *cover = shorter;
        }
    }
}
