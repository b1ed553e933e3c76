//! Conditions on WABAs that a manifest can express: all, one list, globs that begin and end at the borders of words, latent
//! labels, and pairs of these.

use super::{Account, List};
use std::collections::{BTreeMap, HashMap, HashSet};

/// How many words at the start, and how many at the end of a name a glob can hold. A guess: names of customers have seldom
/// more.
const WORDS: usize = 3;

/// A part of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Affix<'a> {
    /// What names begin with.
    Prefix(&'a str),
    /// What names end with.
    Suffix(&'a str),
    /// What names hold after the start and before the end.
    Infix(&'a str),
}

impl<'a> Affix<'a> {
    fn text(self) -> &'a str {
        match self {
            Self::Prefix(text) | Self::Suffix(text) | Self::Infix(text) => text,
        }
    }
}

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

/// A part of a name with its place.
#[derive(Clone, Copy)]
struct Place {
    /// The number of the affix.
    affix: u32,
    start: usize,
    end: usize,
}

/// Returns the patterns that at least `support` names match, each with the names, ascending.
fn patterns<'a>(accounts: &[Account<'a>], support: usize) -> (Vec<Pattern<'a>>, Vec<Vec<u32>>) {
    let mut numbers: HashMap<Affix<'a>, u32> = HashMap::new();
    let mut affixes: Vec<Affix<'a>> = Vec::new();
    let mut members: Vec<Vec<u32>> = Vec::new();
    let mut places: Vec<Vec<Place>> = Vec::with_capacity(accounts.len());
    for (waba, account) in (0..).zip(accounts) {
        let mut of_name = affixes_of(account.name);
        of_name.sort_unstable();
        of_name.dedup_by_key(|(affix, ..)| *affix);
        let places_of_name = of_name.into_iter().map(|(affix, start, end)| {
            let number = *numbers.entry(affix).or_insert_with(|| {
                affixes.push(affix);
                members.push(Vec::new());
                u32::try_from(affixes.len() - 1).unwrap_or(u32::MAX)
            });
            members[number as usize].push(waba);
            Place { affix: number, start, end }
        });
        places.push(places_of_name.collect());
    }
    let mut pairs: Vec<(u32, u32, u32)> = Vec::new();
    for (waba, places) in (0..).zip(&places) {
        let kept = |place: &&Place| members[place.affix as usize].len() >= support;
        let kept: Vec<&Place> = places.iter().filter(kept).collect();
        for (index, first) in kept.iter().enumerate() {
            // Affixes of a name are in order: prefixes, suffixes, infixes.
            for second in &kept[index + 1..] {
                let (a, b) = (affixes[first.affix as usize], affixes[second.affix as usize]);
                let in_order = match (a, b) {
                    (Affix::Prefix(_), Affix::Suffix(_) | Affix::Infix(_)) => Some((first, second)),
                    (Affix::Suffix(_), Affix::Infix(_)) => Some((second, first)),
                    _ => None,
                };
                if let Some((first, second)) = in_order.filter(|(first, second)| first.end <= second.start) {
                    pairs.push((first.affix, second.affix, waba));
                }
            }
        }
    }
    pairs.sort_unstable();
    let mut patterns = vec![Pattern::Any];
    let mut matched = vec![(0..).take(accounts.len()).collect::<Vec<u32>>()];
    for chunk in pairs.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let (first, second) = (chunk[0].0 as usize, chunk[0].1 as usize);
        // A pair that matches as many as one of its parts is no narrower.
        let is_narrower = chunk.len() < members[first].len() && chunk.len() < members[second].len();
        if chunk.len() >= support && is_narrower {
            patterns.push(Pattern::Both(affixes[first], affixes[second]));
            matched.push(chunk.iter().map(|(_, _, waba)| *waba).collect());
        }
    }
    for (affix, members) in affixes.into_iter().zip(members) {
        if members.len() >= support {
            patterns.push(Pattern::One(affix));
            matched.push(members);
        }
    }
    (patterns, matched)
}

/// Returns the affixes of a name that are bounded by the borders of words, with their places.
fn affixes_of(name: &str) -> Vec<(Affix<'_>, usize, usize)> {
    let words = words(name);
    let mut found = Vec::new();
    let length = words.len();
    for (index, (start, end)) in words.iter().copied().enumerate() {
        let before = name[..start].chars().next_back().map(char::len_utf8);
        let after = name[end..].chars().next().map(char::len_utf8);
        let (from, to) = (start - before.unwrap_or(0), end + after.unwrap_or(0));
        if let Some(text) = name.get(..to).filter(|_| index < WORDS && after.is_some() && to < name.len())
            && words.first().is_some_and(|first| first.0 == 0)
            && !text.starts_with('!')
        {
            found.push((Affix::Prefix(text), 0, to));
        }
        if let Some(text) =
            name.get(from..).filter(|_| length - index <= WORDS && before.is_some() && from > 0)
            && words.last().is_some_and(|last| last.1 == name.len())
        {
            found.push((Affix::Suffix(text), from, name.len()));
        }
        if before.is_some() && after.is_some() {
            found.push((Affix::Infix(&name[from..to]), from, to));
        }
    }
    found.retain(|(affix, ..)| !affix.text().contains(['*', '?']));
    found
}

/// Returns the places of the words of a name: runs of letters and digits.
fn words(name: &str) -> Vec<(usize, usize)> {
    let mut words = Vec::new();
    let mut start = None;
    for (index, c) in name.char_indices() {
        match (start, c.is_alphanumeric()) {
            (None, true) => start = Some(index),
            (Some(from), false) => {
                words.push((from, index));
                start = None;
            }
            (None, false) | (Some(_), true) => {}
        }
    }
    words.extend(start.map(|from| (from, name.len())));
    words
}
