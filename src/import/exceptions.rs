//! What the grants do not explain: exceptions, each for some users with the same tasks on a WABA, and the evidence that they may
//! be mistakes.

use super::draft::{Draft, DraftWaba};
use crate::mining::{self, AccessMatrix, Account, MinedGrant, Neighbours, Questioned};
use crate::model::{AssignmentKey, Name, TaskSet, UserId, WabaId};
use std::collections::BTreeMap;

/// The fewest WABAs that an assignment is compared with to be suspected. A guess: one of a few says little.
const FEWEST: usize = 20;
/// The largest share of other WABAs that differ as well, in percent. A guess: where more differ, the grant is in doubt.
const MOST_DIFFERING: usize = 10;
/// The largest share of the neighbours that hold the same, in percent. A guess: mistakes are a few percent.
const MOST_ALIKE: usize = 5;
/// From how many differing assignments on it a WABA is a special one, and from how many on WABAs with the same first word in
/// their names these are. A guess: mistakes are single.
const MANY: usize = 4;
/// How many times as often as on all WABAs assignments differ where that is no chance. A guess.
const CHANCE: usize = 10;

/// An assignment that differs from what the grants give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deviation {
    /// The assignment.
    pub key: AssignmentKey,
    /// The live name of the WABA.
    pub waba: Name,
    /// The live name of the user.
    pub user: Name,
    /// What is held.
    pub live: TaskSet,
    /// What the grants give.
    pub given: TaskSet,
    /// What the widest grant that gives it gives on other WABAs; `None` if no grant gives what is missing.
    pub evidence: Option<Evidence>,
    /// On how many WABAs the grants give the user the same.
    pub compared: usize,
    /// On how many of these it does not hold exactly that.
    pub differing: usize,
    /// Whether it is suspected to be a mistake.
    pub verdict: Verdict,
}

impl Deviation {
    /// Returns whether it is suspected to be a mistake.
    pub fn is_suspected(&self) -> bool {
        self.verdict == Verdict::Suspected
    }
}

/// Whether an assignment that differs from what the grants give is suspected to be a mistake, and why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It is.
    Suspected,
    /// There are too few WABAs to compare it with.
    Few,
    /// Too many WABAs differ.
    Frequent,
    /// This many assignments on the WABA differ: it is a special one.
    SpecialWaba(usize),
    /// The user holds the same on WABAs on which the other users hold the same as here.
    LikeNeighbours(Neighbours),
    /// No grant gives the user anything, and it holds something on as many WABAs whose names begin with the same word, which is no
    /// chance.
    LikeNames {
        /// On how many of these WABAs the user holds something.
        differing: usize,
        /// How many they are.
        count: usize,
    },
}

/// How many of the WABAs that a grant selects are as it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The number of WABAs on which the user holds what the grant gives.
    pub held: usize,
    /// The number of WABAs that the grant selects.
    pub selected: usize,
    /// What selects them, for people.
    pub selection: String,
}

/// An exception.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DraftException {
    pub(super) users: Vec<u32>,
    pub(super) tasks: TaskSet,
    /// The WABAs, by number.
    pub(super) wabas: Vec<u32>,
}

impl Draft<'_> {
    /// Returns the assignments that differ from what the grants give, with what speaks for a mistake.
    pub(super) fn deviations(&self) -> Vec<Deviation> {
        let differences: Vec<Difference> = (0..)
            .zip(&self.wabas)
            .flat_map(|(number, waba)| {
                let differing = differing(waba).into_iter();
                differing.map(move |(user, live, given)| Difference { waba: number, user, live, given })
            })
            .collect();
        let neighbours = self.neighbours(&differences);
        let same = self.given_alike(&differences);
        let held = self.held(&differences);
        let mut on_each: BTreeMap<u32, usize> = BTreeMap::new();
        let mut of_set: BTreeMap<(u32, &TaskSet), usize> = BTreeMap::new();
        let mut of_word: BTreeMap<(u32, &str), usize> = BTreeMap::new();
        let with_word = self.with_word();
        for Difference { waba, user, given, .. } in &differences {
            *on_each.entry(*waba).or_default() += 1;
            *of_set.entry((*user, given)).or_default() += 1;
            // What is given is given by names, so only the rest is the same for all names.
            let word = self.wabas.get(*waba as usize).filter(|_| given.is_empty()).and_then(first_word);
            if let Some(word) = word {
                *of_word.entry((*user, word)).or_default() += 1;
            }
        }
        let deviation = |(difference, neighbours): (&Difference, Neighbours)| {
            let Difference { waba, user, live, given } = difference;
            let (on_waba, of_user) = (self.wabas.get(*waba as usize)?, self.users.get(*user as usize)?);
            let compared = same.get(&(*user, given)).copied().unwrap_or_default();
            let differing = of_set.get(&(*user, given)).copied().unwrap_or_default();
            let on_this = on_each.get(waba).copied().unwrap_or_default();
            let like_names = first_word(on_waba).filter(|_| given.is_empty()).and_then(|word| {
                let (together, count) = (*of_word.get(&(*user, word))?, *with_word.get(word)?);
                let is_chance = together * self.wabas.len() <= CHANCE * differing * count;
                (together >= MANY && !is_chance).then_some((together, count))
            });
            let mut verdict = verdict(compared, differing, on_this, neighbours);
            if let (Verdict::Suspected, Some((differing, count))) = (verdict, like_names) {
                verdict = Verdict::LikeNames { differing, count };
            }
            Some(Deviation {
                key: AssignmentKey { waba: on_waba.id, user: of_user.id },
                waba: on_waba.live.name.clone(),
                user: of_user.live.clone(),
                live: live.clone(),
                given: given.clone(),
                evidence: self.evidence(difference, on_waba, &held),
                compared,
                differing,
                verdict,
            })
        };
        differences.iter().zip(neighbours).filter_map(deviation).collect()
    }

    /// Returns exceptions for deviations: one for the users that hold the same tasks on a WABA. Each is a line, so each can get
    /// a reason of its own, and one more changes no other line.
    pub(super) fn exceptions<'d>(
        &self,
        deviations: impl IntoIterator<Item = &'d Deviation>,
    ) -> Vec<DraftException> {
        let wabas: BTreeMap<WabaId, u32> = self.wabas.iter().map(|waba| waba.id).zip(0..).collect();
        let users: BTreeMap<UserId, u32> = self.users.iter().map(|user| user.id).zip(0..).collect();
        let mut by_waba: BTreeMap<(u32, &TaskSet), Vec<u32>> = BTreeMap::new();
        for Deviation { key, live, .. } in deviations {
            if let (Some(waba), Some(user)) = (wabas.get(&key.waba), users.get(&key.user)) {
                by_waba.entry((*waba, live)).or_default().push(*user);
            }
        }
        let entries = by_waba.into_iter();
        entries
            .map(|((waba, tasks), users)| DraftException { users, tasks: tasks.clone(), wabas: vec![waba] })
            .collect()
    }

    /// Returns how many WABAs have names that begin with each word.
    fn with_word(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for word in self.wabas.iter().filter_map(first_word) {
            *counts.entry(word).or_default() += 1;
        }
        counts
    }

    /// Returns what the access of the others says about each difference.
    fn neighbours(&self, differences: &[Difference]) -> Vec<Neighbours> {
        let accounts = self.wabas.iter().map(|waba| Account { name: waba.name(), list: waba.list() });
        let held = self.wabas.iter().map(|waba| waba.held.as_slice()).collect();
        let matrix = AccessMatrix { accounts: accounts.collect(), held };
        let tasks = |difference: &Difference| {
            let Difference { live, given, .. } = difference;
            live.difference(given).union(&given.difference(live))
        };
        let tasks: Vec<TaskSet> = differences.iter().map(tasks).collect();
        let questioned = differences.iter().zip(&tasks);
        let questioned: Vec<Questioned<'_>> = questioned
            .map(|(difference, tasks)| Questioned { waba: difference.waba, user: difference.user, tasks })
            .collect();
        mining::neighbours(&matrix, &questioned)
    }

    /// Returns on how many WABAs the grants give a user the same as where it differs.
    fn given_alike<'d>(&self, differences: &'d [Difference]) -> BTreeMap<(u32, &'d TaskSet), usize> {
        let mut counts: BTreeMap<(u32, &TaskSet), usize> =
            differences.iter().map(|difference| ((difference.user, &difference.given), 0)).collect();
        // What is given depends only on the grants, unless some list their WABAs.
        let mut profiles: BTreeMap<&[usize], (usize, &DraftWaba<'_>)> = BTreeMap::new();
        for waba in &self.wabas {
            profiles.entry(&waba.grants).or_insert((0, waba)).0 += 1;
        }
        for ((user, given), count) in &mut counts {
            let is_same = |waba: &DraftWaba<'_>| waba.given.get(user).unwrap_or(&TaskSet::EMPTY) == *given;
            *count = if self.singles.keys().any(|(of, _)| of == user) {
                self.wabas.iter().filter(|waba| is_same(waba)).count()
            } else {
                profiles.values().filter(|(_, waba)| is_same(waba)).map(|(count, _)| count).sum()
            };
        }
        counts
    }

    /// Returns the widest grant that gives what is missing, and on how many of its WABAs the user holds what it gives.
    fn evidence(
        &self,
        difference: &Difference,
        waba: &DraftWaba<'_>,
        held: &BTreeMap<(usize, u32), usize>,
    ) -> Option<Evidence> {
        let Difference { user, live, .. } = difference;
        let grants = waba.grants.iter().filter_map(|number| Some((*number, self.grants.get(*number)?)));
        let relevant = grants.filter(|(_, grant)| grant.users.contains(user) && !grant.tasks.is_subset(live));
        let (number, grant) =
            relevant.max_by_key(|(number, _)| (self.selected.get(*number), std::cmp::Reverse(*number)))?;
        let selected = self.selected.get(number).copied().unwrap_or_default();
        let without = held.get(&(number, *user)).copied().unwrap_or_default();
        Some(Evidence { held: selected - without, selected, selection: self.describe(grant) })
    }

    /// Returns for each grant and each of its users on how many of its WABAs the user does not hold what it gives. Where
    /// nothing differs, it does.
    fn held(&self, differences: &[Difference]) -> BTreeMap<(usize, u32), usize> {
        let mut without: BTreeMap<(usize, u32), usize> = BTreeMap::new();
        for Difference { waba, user, live, .. } in differences {
            let grants = self.wabas.get(*waba as usize).into_iter().flat_map(|waba| &waba.grants);
            for number in grants {
                let grant = self.grants.get(*number);
                if grant.is_some_and(|grant| grant.users.contains(user) && !grant.tasks.is_subset(live)) {
                    *without.entry((*number, *user)).or_default() += 1;
                }
            }
        }
        without
    }

    /// Describes which WABAs a grant selects.
    fn describe(&self, grant: &MinedGrant) -> String {
        let selector = &grant.selector;
        let mut parts: Vec<String> = selector.globs.iter().map(|glob| format!("`{glob}`")).collect();
        parts = if parts.is_empty() { Vec::new() } else { vec![parts.join(" or ")] };
        let list = selector.list.map(|list| format!("the list {}", super::write::list_name(list)));
        let label = selector.label.and_then(|label| self.labels.get(label as usize));
        parts.extend(list);
        parts.extend(label.map(|label| format!("`{}: {}`", label.key, label.value)));
        if parts.is_empty() { String::from("`*`") } else { parts.join(" with ") }
    }
}

/// An assignment that differs from what the grants give, by the numbers of the WABA and the user.
struct Difference {
    waba: u32,
    user: u32,
    live: TaskSet,
    given: TaskSet,
}

/// Returns the word that the live name of a WABA begins with.
fn first_word<'d>(waba: &'d DraftWaba<'_>) -> Option<&'d str> {
    waba.live.name.as_str().split(|c: char| !c.is_alphanumeric()).next().filter(|word| !word.is_empty())
}

/// Judges a difference: `differing` of `compared` WABAs with the same grants, and `on_waba` assignments on the WABA differ.
fn verdict(compared: usize, differing: usize, on_waba: usize, neighbours: Neighbours) -> Verdict {
    let others = |count: usize| count.saturating_sub(1);
    if compared < FEWEST {
        Verdict::Few
    } else if others(differing) * 100 > others(compared) * MOST_DIFFERING {
        Verdict::Frequent
    } else if on_waba >= MANY {
        Verdict::SpecialWaba(on_waba)
    } else if neighbours.alike * 100 > neighbours.count * MOST_ALIKE {
        Verdict::LikeNeighbours(neighbours)
    } else {
        Verdict::Suspected
    }
}

/// Returns the users whose live tasks on a WABA differ from what the grants give.
fn differing(waba: &DraftWaba<'_>) -> Vec<(u32, TaskSet, TaskSet)> {
    let mut found = Vec::new();
    let is_described = |user: &u32| !waba.left_out.contains(user);
    for (user, tasks) in waba.held.iter().filter(|(user, _)| is_described(user)) {
        let given = waba.given.get(user).unwrap_or(&TaskSet::EMPTY);
        if tasks != given {
            found.push((*user, tasks.clone(), given.clone()));
        }
    }
    let is_held = |user: &u32| waba.held.binary_search_by_key(user, |(user, _)| *user).is_ok();
    for (user, given) in waba.given.iter().filter(|(user, _)| is_described(user) && !is_held(user)) {
        found.push((*user, TaskSet::EMPTY, given.clone()));
    }
    found.sort();
    found
}
