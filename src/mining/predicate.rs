//! Conditions on WABAs that a manifest can express: all, one list, globs that begin and end at the borders of words, latent
//! labels, and pairs of these.

use super::affix::{Affix, Affixes, Place};
use super::{Account, List};
use std::collections::{BTreeMap, HashSet};

/// What a name must match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Pattern<'a> {
    /// Any name.
    Any,
    /// One part.
    One(Affix<'a>),
    /// Two parts that do not overlap.
    Both(Affix<'a>, Affix<'a>),
}

impl Pattern<'_> {
    /// Returns the glob, `None` for any name.
    pub(super) fn glob(self) -> Option<String> {
        match self {
            Self::Any => None,
            Self::One(Affix::Prefix(text)) => Some(format!("{text}*")),
            Self::One(Affix::Suffix(text)) => Some(format!("*{text}")),
            Self::One(Affix::Infix(text)) => Some(format!("*{text}*")),
            Self::Both(Affix::Prefix(first), Affix::Suffix(last)) => Some(format!("{first}*{last}")),
            Self::Both(Affix::Prefix(first), last) => Some(format!("{first}*{}*", last.text())),
            Self::Both(first, Affix::Suffix(last)) => Some(format!("*{}*{last}", first.text())),
            Self::Both(first, last) => Some(format!("*{}*{}*", first.text(), last.text())),
        }
    }

    /// Returns how hard the pattern is to read.
    fn rank(self) -> (u8, usize) {
        match self {
            Self::Any => (0, 0),
            Self::One(Affix::Prefix(text) | Affix::Suffix(text)) => (1, text.len()),
            Self::One(Affix::Infix(text)) => (2, text.len()),
            Self::Both(first, last) => (3, first.text().len() + last.text().len()),
        }
    }
}

/// A condition on WABAs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Condition<'a> {
    /// What the name must match.
    pub(super) pattern: Pattern<'a>,
    /// The list that the WABA must be on.
    pub(super) list: Option<List>,
    /// The latent label that it must have.
    pub(super) label: Option<u32>,
}

impl Condition<'_> {
    /// Returns the number of parts.
    pub(super) fn parts(&self) -> usize {
        let of_pattern = match self.pattern {
            Pattern::Any => 0,
            Pattern::One(_) => 1,
            Pattern::Both(..) => 2,
        };
        of_pattern + usize::from(self.list.is_some()) + usize::from(self.label.is_some())
    }

    /// Orders conditions by how easily they are read.
    fn rank(&self) -> (usize, (u8, usize), Self) {
        let parts = usize::from(self.list.is_some()) + 2 * usize::from(self.label.is_some());
        (parts + usize::from(self.pattern.rank().0), self.pattern.rank(), *self)
    }
}

/// A condition and the WABAs that meet it, ascending.
#[derive(Debug, Clone)]
pub(super) struct Predicate<'a> {
    pub(super) condition: Condition<'a>,
    pub(super) members: Vec<u32>,
}

/// All conditions that can be of use, the most readable first, and for each WABA those that it meets.
#[derive(Debug)]
pub(super) struct Predicates<'a> {
    pub(super) all: Vec<Predicate<'a>>,
    /// The conditions that each WABA meets: where its part of `met` begins.
    starts: Vec<u32>,
    met: Vec<u32>,
    /// The conditions with labels that each WABA meets.
    more: BTreeMap<u32, Vec<u32>>,
}

/// The WABAs that meet each condition.
type Members<'a> = BTreeMap<Condition<'a>, Vec<u32>>;

impl<'a> Predicates<'a> {
    /// Finds the conditions on names and lists that at least `support` WABAs meet.
    pub(super) fn of_names(accounts: &[Account<'a>], support: usize) -> Self {
        let mut found = Vec::new();
        let has_both = accounts.iter().any(|account| account.list == List::Owned)
            && accounts.iter().any(|account| account.list == List::Client);
        let (names, members) = patterns(accounts, support);
        for (pattern, members) in names.into_iter().zip(members) {
            let condition = |list| Condition { pattern, list, label: None };
            if has_both {
                let is_client = |waba: &u32| accounts[*waba as usize].list == List::Client;
                let (client, owned): (Vec<u32>, Vec<u32>) = members.iter().partition(|waba| is_client(waba));
                let both = [(List::Client, client), (List::Owned, owned)];
                let part =
                    both.into_iter().filter(|(_, part)| part.len() >= support && part.len() < members.len());
                found.extend(part.map(|(list, part)| (condition(Some(list)), part)));
            }
            found.push((condition(None), members));
        }
        Self::indexed(distinct(found), accounts.len())
    }

    /// Adds a latent label, and what it has in common with each condition of one part. The numbers of others stay.
    pub(super) fn add_label(&mut self, label: u32, members: &[u32], support: usize) {
        let mut found = Members::new();
        for waba in members {
            for index in self.met_by(*waba) {
                let condition = self.all[index as usize].condition;
                if condition.label.is_none() && condition.parts() == 1 {
                    found.entry(Condition { label: Some(label), ..condition }).or_default().push(*waba);
                }
            }
        }
        found.retain(|_, both| both.len() >= support && both.len() < members.len());
        found.insert(Condition { pattern: Pattern::Any, list: None, label: Some(label) }, members.to_vec());
        for predicate in distinct(found.into_iter().collect()) {
            let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
            for waba in &predicate.members {
                self.more.entry(*waba).or_default().push(number);
            }
            self.all.push(predicate);
        }
    }

    fn indexed(all: Vec<Predicate<'a>>, wabas: usize) -> Self {
        let mut starts = vec![0_u32; wabas + 1];
        for waba in all.iter().flat_map(|predicate| &predicate.members) {
            starts[*waba as usize + 1] += 1;
        }
        for index in 0..wabas {
            starts[index + 1] += starts[index];
        }
        let mut next = starts.clone();
        let mut met = vec![0; starts[wabas] as usize];
        for (index, predicate) in (0..).zip(&all) {
            for waba in &predicate.members {
                let place = &mut next[*waba as usize];
                met[*place as usize] = index;
                *place += 1;
            }
        }
        Self { all, starts, met, more: BTreeMap::new() }
    }

    /// Returns the conditions that a WABA meets.
    pub(super) fn met_by(&self, waba: u32) -> impl Iterator<Item = u32> + '_ {
        let more = self.more.get(&waba).into_iter().flatten();
        let waba = waba as usize;
        self.met[self.starts[waba] as usize..self.starts[waba + 1] as usize].iter().chain(more).copied()
    }
}

/// Keeps the most readable one of the conditions that the same WABAs meet, in order.
fn distinct<'a>(found: Vec<(Condition<'a>, Vec<u32>)>) -> Vec<Predicate<'a>> {
    let mut all: Vec<Predicate<'a>> =
        found.into_iter().map(|(condition, members)| Predicate { condition, members }).collect();
    all.sort_by_cached_key(|predicate| predicate.condition.rank());
    let mut seen: HashSet<&[u32]> = HashSet::with_capacity(all.len());
    let is_new: Vec<bool> = all.iter().map(|predicate| seen.insert(&predicate.members)).collect();
    all.into_iter().zip(is_new).filter(|(_, is_new)| *is_new).map(|(predicate, _)| predicate).collect()
}

/// Returns the patterns that at least `support` names match, each with the names, ascending.
fn patterns<'a>(accounts: &[Account<'a>], support: usize) -> (Vec<Pattern<'a>>, Vec<Vec<u32>>) {
    let names: Vec<&str> = accounts.iter().map(|account| account.name).collect();
    let Affixes { all, members } = Affixes::of(&names, support);
    let mut patterns = vec![Pattern::Any];
    let mut matched = vec![(0..).take(accounts.len()).collect::<Vec<u32>>()];
    for (first, second, both) in pairs(&names, &all, &members) {
        // A pair that matches as many as one of its parts is no narrower.
        let is_narrower = both.len() < members[first].len() && both.len() < members[second].len();
        if both.len() >= support && is_narrower {
            patterns.push(Pattern::Both(all[first], all[second]));
            matched.push(both);
        }
    }
    patterns.extend(all.into_iter().map(Pattern::One));
    matched.extend(members);
    (patterns, matched)
}

/// Returns the pairs of affixes that some names hold one after the other, with these names, ascending.
fn pairs(names: &[&str], all: &[Affix<'_>], members: &[Vec<u32>]) -> Vec<(usize, usize, Vec<u32>)> {
    // The affixes of each name with their places, name by name.
    let mut places: Vec<(u32, u32, Place)> = Vec::new();
    for ((number, affix), members) in (0..).zip(all).zip(members) {
        let place = |waba: &u32| Some((*waba, number, affix.place(names[*waba as usize])?));
        places.extend(members.iter().filter_map(place));
    }
    places.sort_unstable_by_key(|(waba, number, _)| (*waba, *number));
    let mut pairs: Vec<(u32, u32, u32)> = Vec::new();
    for of_name in places.chunk_by(|a, b| a.0 == b.0) {
        // Affixes are in order: prefixes, infixes, suffixes.
        for (index, (waba, first, place)) in of_name.iter().enumerate() {
            for (_, second, next) in &of_name[index + 1..] {
                let kinds = (all[*first as usize], all[*second as usize]);
                let is_pair = matches!(
                    kinds,
                    (Affix::Prefix(_), Affix::Infix(_) | Affix::Suffix(_))
                        | (Affix::Infix(_), Affix::Suffix(_))
                );
                if is_pair && place.end <= next.start {
                    pairs.push((*first, *second, *waba));
                }
            }
        }
    }
    pairs.sort_unstable();
    let chunk = |chunk: &[(u32, u32, u32)]| {
        let wabas = chunk.iter().map(|(_, _, waba)| *waba).collect();
        (chunk[0].0 as usize, chunk[0].1 as usize, wabas)
    };
    pairs.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).map(chunk).collect()
}
