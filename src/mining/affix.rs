//! Parts of names that begin and end at the borders of words: what globs are made of.
//!
//! A word is a run of letters, or a run of digits, and a capital letter begins a new one: `acme-eu01` has the words `acme`,
//! `eu` and `01`, `AcmeBerlin` has `Acme` and `Berlin`. A part holds the characters next to its words where these are neither
//! letters nor digits (`acme-`). Where it does not (`acme` of `acme01`, or of `acme-eu` and `acme_eu`), the glob matches longer
//! words as well (`acmeco`), and these count as its names.

use std::hash::{BuildHasher as _, RandomState};

/// How many words at the start, and how many at the end of a name a glob can hold. A guess: names of customers have seldom
/// more.
const WORDS: usize = 3;

/// A part of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Affix<'a> {
    /// What names begin with.
    Prefix(&'a str),
    /// What names hold after the start and before the end.
    Infix(&'a str),
    /// What names end with.
    Suffix(&'a str),
}

/// Where a part is in a name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl<'a> Affix<'a> {
    pub(super) fn text(self) -> &'a str {
        match self {
            Self::Prefix(text) | Self::Infix(text) | Self::Suffix(text) => text,
        }
    }

    /// Returns the first place in a name at which the part is.
    pub(super) fn place(self, name: &str) -> Option<Place> {
        let length = self.text().len();
        let start = match self {
            Self::Prefix(_) => Some(0),
            Self::Infix(text) => name.find(text),
            Self::Suffix(_) => name.len().checked_sub(length),
        };
        let place = |start: usize| {
            Some(Place { start: u32::try_from(start).ok()?, end: u32::try_from(start + length).ok()? })
        };
        start.and_then(place)
    }

    /// Returns whether the glob matches words that begin like the last one of the part.
    fn is_open(self) -> bool {
        match self {
            Self::Prefix(text) | Self::Infix(text) => text.ends_with(char::is_alphanumeric),
            Self::Suffix(_) => false,
        }
    }
}

/// The parts of many names, in order, each with the names that have it, ascending.
#[derive(Debug, Default)]
pub(super) struct Affixes<'a> {
    pub(super) all: Vec<Affix<'a>>,
    pub(super) members: Vec<Vec<u32>>,
}

impl<'a> Affixes<'a> {
    /// Finds the parts that at least `support` names have.
    pub(super) fn of(names: &[&'a str], support: usize) -> Self {
        let mut closed = Self::default();
        let mut open: Vec<(Affix<'a>, Vec<u32>)> = Vec::new();
        for (affix, members) in shared(names) {
            if affix.is_open() {
                open.push((affix, members));
            } else if members.len() >= support {
                closed.all.push(affix);
                closed.members.push(members);
            }
        }
        let is_needed = |(affix, members): &(Affix<'a>, Vec<u32>)| {
            closed.longer(*affix).all(|longer| closed.members[longer].len() < members.len())
        };
        open.retain(is_needed);
        let order = if open.is_empty() { Vec::new() } else { by_text(names) };
        let mut found: Vec<(Affix<'a>, Vec<u32>)> = Vec::new();
        for (affix, mut members) in open {
            match affix {
                Affix::Prefix(text) => {
                    let start = order.partition_point(|waba| names[*waba as usize] < text);
                    let with =
                        order[start..].iter().take_while(|waba| names[**waba as usize].starts_with(text));
                    members = with.copied().collect();
                }
                Affix::Infix(text) => {
                    let at_end = closed.longer(Affix::Suffix(text));
                    let longer =
                        closed.longer(affix).chain(at_end).flat_map(|longer| &closed.members[longer]);
                    members.extend(longer);
                }
                Affix::Suffix(_) => {}
            }
            members.sort_unstable();
            members.dedup();
            if members.len() >= support {
                found.push((affix, members));
            }
        }
        found.extend(closed.all.into_iter().zip(closed.members));
        found.sort_unstable_by_key(|(affix, _)| *affix);
        let (all, members) = found.into_iter().unzip();
        Self { all, members }
    }

    /// Returns the numbers of the parts of the same kind that begin with a part.
    fn longer(&self, affix: Affix<'a>) -> impl Iterator<Item = usize> {
        let start = self.all.partition_point(|other| *other < affix);
        let is_longer = move |number: &usize| match (affix, self.all[*number]) {
            (Affix::Prefix(text), Affix::Prefix(other))
            | (Affix::Infix(text), Affix::Infix(other))
            | (Affix::Suffix(text), Affix::Suffix(other)) => other.starts_with(text),
            _ => false,
        };
        (start..self.all.len()).take_while(is_longer)
    }
}

/// Returns the parts that several names have, in order, each with the names, ascending.
fn shared<'a>(names: &[&'a str]) -> Vec<(Affix<'a>, Vec<u32>)> {
    // Most parts are in one name only, so they are counted by their hashes first.
    let state = RandomState::new();
    let mut of_name = Vec::new();
    let mut hashes: Vec<(u64, u32, u32)> = Vec::with_capacity(names.len() * 6);
    for (waba, name) in (0..).zip(names) {
        affixes_of(name, &mut of_name);
        hashes.extend((0..).zip(&of_name).map(|(number, affix)| (state.hash_one(affix), waba, number)));
    }
    hashes.sort_unstable();
    let mut found = Vec::new();
    for chunk in hashes.chunk_by(|a, b| a.0 == b.0) {
        let mut members: Vec<u32> = chunk.iter().map(|(_, waba, _)| *waba).collect();
        members.dedup();
        if members.len() > 1 {
            let (_, waba, number) = chunk[0];
            affixes_of(names[waba as usize], &mut of_name);
            found.extend(of_name.get(number as usize).map(|affix| (*affix, members)));
        }
    }
    found.sort_unstable_by_key(|(affix, _)| *affix);
    found
}

/// Returns the numbers of names in the order of their texts.
fn by_text(names: &[&str]) -> Vec<u32> {
    // The first bytes decide nearly always.
    let first = |name: &str| {
        let mut bytes = [0; 16];
        let length = name.len().min(bytes.len());
        bytes[..length].copy_from_slice(&name.as_bytes()[..length]);
        u128::from_be_bytes(bytes)
    };
    let mut keys: Vec<(u128, u32)> = names.iter().map(|name| first(name)).zip(0..).collect();
    keys.sort_unstable_by(|a, b| {
        a.0.cmp(&b.0).then_with(|| names[a.1 as usize].cmp(names[b.1 as usize])).then(a.1.cmp(&b.1))
    });
    keys.into_iter().map(|(_, waba)| waba).collect()
}

/// Collects the parts of a name.
fn affixes_of<'a>(name: &'a str, found: &mut Vec<Affix<'a>>) {
    found.clear();
    let words = words(name);
    let count = words.len();
    for (index, (start, end)) in words.iter().copied().enumerate() {
        let before = name[..start].chars().next_back();
        let after = name[end..].chars().next();
        let is_border = |c: &char| !c.is_alphanumeric();
        // With the character before and after, unless another word is there.
        let from = start - before.filter(is_border).map_or(0, char::len_utf8);
        let to = end + after.filter(is_border).map_or(0, char::len_utf8);
        let is_number = name[start..].starts_with(char::is_numeric);
        let is_open = to == end;
        if index < WORDS && words[0].0 == 0 && !name.starts_with('!') {
            if !is_open && to < name.len() {
                found.push(Affix::Prefix(&name[..to]));
            }
            // A number may go on anywhere, and only the first word is worth a second glob.
            if !is_number && (index == 0 || (is_open && after.is_some())) {
                found.push(Affix::Prefix(&name[..end]));
            }
        }
        let is_bounded = from < start || name[start..].starts_with(char::is_uppercase);
        if before.is_none() || !is_bounded {
            continue;
        }
        if after.is_some() && !(is_open && is_number) {
            found.push(Affix::Infix(&name[from..to]));
        }
        if count - index <= WORDS && words[count - 1].1 == name.len() && from > 0 {
            found.push(Affix::Suffix(&name[from..]));
        }
    }
    found.retain(|affix| !affix.text().contains(['*', '?']));
}

/// Returns the places of the words of a name.
fn words(name: &str) -> Vec<(usize, usize)> {
    let mut words: Vec<(usize, usize)> = Vec::new();
    let mut chars = name.char_indices().peekable();
    let mut before: Option<char> = None;
    while let Some((index, c)) = chars.next() {
        let next = chars.peek().map(|(_, next)| *next);
        if c.is_alphanumeric() {
            let end = index + c.len_utf8();
            match words.last_mut().filter(|_| before.is_some_and(|before| !is_border(before, c, next))) {
                Some(word) => word.1 = end,
                None => words.push((index, end)),
            }
        }
        before = Some(c);
    }
    words
}

/// Returns whether a word begins with a letter or digit after another character. A row of capital letters is one word, but
/// for its last letter where small ones follow: `HTTPServer`.
fn is_border(before: char, c: char, next: Option<char>) -> bool {
    !before.is_alphanumeric()
        || before.is_numeric() != c.is_numeric()
        || (c.is_uppercase() && (!before.is_uppercase() || next.is_some_and(char::is_lowercase)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the parts that at least two names have, as globs, with the numbers of the names.
    fn shown(names: &[&str]) -> Vec<String> {
        let Affixes { all, members } = Affixes::of(names, 2);
        let glob = |affix: &Affix<'_>| match affix {
            Affix::Prefix(text) => format!("{text}*"),
            Affix::Infix(text) => format!("*{text}*"),
            Affix::Suffix(text) => format!("*{text}"),
        };
        all.iter().zip(members).map(|(affix, members)| format!("{} {members:?}", glob(affix))).collect()
    }

    #[test]
    fn parts_begin_and_end_at_the_borders_of_words() {
        let names = ["acme-eu-1", "acme-eu-2", "globex-eu-1", "acme-us-2"];
        assert_eq!(
            shown(&names),
            [
                "acme-* [0, 1, 3]",
                "acme-eu-* [0, 1]",
                "*-eu-* [0, 1, 2]",
                "*-1 [0, 2]",
                "*-2 [1, 3]",
                "*-eu-1 [0, 2]"
            ]
        );
    }

    #[test]
    fn numbers_and_capital_letters_begin_words() {
        assert_eq!(shown(&["acme01", "acme02", "globex01"]), ["acme* [0, 1]"]);
        assert_eq!(
            shown(&["AcmeBerlin", "AcmeParis", "GlobexBerlin", "GlobexHTTPParis"]),
            ["Acme* [0, 1]", "Globex* [2, 3]", "*Berlin [0, 2]", "*Paris [1, 3]"]
        );
        assert_eq!(shown(&["x-eu1-a", "y-eu2-b"]), ["*-eu* [0, 1]"]);
    }

    #[test]
    fn a_glob_without_a_border_counts_all_names_that_it_matches() {
        // `acme*` is one glob for two borders, but gives on `acmeco` as well.
        let names = ["acme-eu", "acme_us", "acmeco-eu", "acmeco-us", "acme"];
        let found = shown(&names);
        assert!(found.contains(&"acme* [0, 1, 2, 3, 4]".to_owned()), "{found:?}");
        // One border: no second glob.
        let found = shown(&["acme-eu", "acme-us", "acmeco-eu"]);
        assert!(!found.iter().any(|glob| glob.starts_with("acme*")), "{found:?}");
    }

    #[test]
    fn hostile_names_make_no_globs_that_a_manifest_refuses() {
        let names =
            ["!acme-eu-1", "!acme-eu-2", "*-x-1", "*-x-2", "", "-", "ß1", "ß2", "a\u{301}b-c", "a\u{301}b-d"];
        let found = shown(&names);
        assert!(found.iter().all(|glob| !glob.starts_with('!') && !glob.contains("**")), "{found:?}");
        assert!(found.contains(&"ß* [6, 7]".to_owned()), "{found:?}");
    }
}
