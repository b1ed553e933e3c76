//! The origin of a run: the commit, the pull request, the run of a pipeline, and who started and approved it.

use super::Name;
use crate::text::{is_web_address, suggest};
use std::collections::BTreeMap;
use std::str::FromStr;

/// The keys that have a meaning of their own, with what they are called, in the order in which they are shown.
const KNOWN: [(&str, &str); 6] = [
    ("actor", "actor"),
    ("approver", "approved by"),
    ("commit", "commit"),
    ("pull_request", "pull request"),
    ("run_url", "pipeline run"),
    (UNDO_OF, "undo of run"),
];

/// The key with the run that a run takes back. Only this program sets it.
const UNDO_OF: &str = "undo_of";

/// The longest key and the longest value, in characters. Guesses: addresses of pipelines have about 100.
const LONGEST_KEY: usize = 32;
const LONGEST_VALUE: usize = 400;

/// The most entries. A guess: pipelines know far fewer.
const MOST: usize = 20;

/// Where a run comes from, by key. What a journal records is foreign text, like names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin(BTreeMap<Name, Name>);

/// One entry of an origin. An empty value removes the entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginEntry {
    key: Name,
    value: Name,
}

/// What an entry of an origin is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OriginLabel<'a> {
    /// Words for an entry with a meaning of its own.
    Known(&'static str),
    /// The key of another entry, which is foreign text in a journal.
    Other(&'a Name),
}

/// Why a text is no entry of an origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// It has no `=`.
    #[error("expected KEY=VALUE, such as pull_request=https://example.com/pull/12")]
    NoValue,
    /// The key has another form.
    #[error(
        "a key has small letters, digits and `_`, begins with a letter, and has at most {LONGEST_KEY} characters"
    )]
    Key,
    /// The key is nearly one that has a meaning of its own.
    #[error("did you mean the key `{0}`?")]
    Similar(&'static str),
    /// The value exceeds the limit.
    #[error("the value of `{0}` exceeds the limit of {LONGEST_VALUE} characters")]
    TooLong(Name),
    /// The value of `commit` is something else.
    #[error("`commit` is 7 to 64 hexadecimal digits")]
    Commit,
    /// The value is an address that cannot be shown as a link.
    #[error(
        "`{0}` is an address that begins with https:// or http://, without spaces and without a user name"
    )]
    Address(Name),
    /// The key is not for users.
    #[error("`{UNDO_OF}` is set by `wabacl undo`, and only there")]
    Reserved,
    /// There are more entries than a run may have.
    #[error("an origin has at most {MOST} entries")]
    TooMany,
}

impl OriginEntry {
    /// Returns the key.
    pub fn key(&self) -> &Name {
        &self.key
    }

    /// Checks an entry.
    ///
    /// # Errors
    ///
    /// If the key or the value has another form.
    pub fn new(key: &str, value: &str) -> Result<Self, OriginError> {
        if key == UNDO_OF {
            return Err(OriginError::Reserved);
        }
        check_key(key)?;
        let key = Name::from(key);
        let is_address = match key.as_str() {
            "run_url" => true,
            _ => value.contains("://"),
        };
        if value.chars().count() > LONGEST_VALUE {
            Err(OriginError::TooLong(key))
        } else if value.is_empty() {
            Ok(Self { key, value: Name::default() })
        } else if key.as_str() == "commit" && !is_commit(value) {
            Err(OriginError::Commit)
        } else if is_address && !is_web_address(value) {
            Err(OriginError::Address(key))
        } else {
            Ok(Self { key, value: Name::from(value) })
        }
    }
}

fn check_key(key: &str) -> Result<(), OriginError> {
    let known = || KNOWN.iter().map(|(known, _)| *known);
    if known().any(|known| known == key) {
        return Ok(());
    }
    // A misspelled key would be recorded, and missed by whoever looks for the right one.
    if let Some(similar) = suggest(key, known()).first() {
        return Err(OriginError::Similar(similar));
    }
    let is_form = key.starts_with(|c: char| c.is_ascii_lowercase())
        && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if is_form && key.len() <= LONGEST_KEY { Ok(()) } else { Err(OriginError::Key) }
}

fn is_commit(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Parses `KEY=VALUE`.
impl FromStr for OriginEntry {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let (key, value) = text.split_once('=').ok_or(OriginError::NoValue)?;
        Self::new(key, value)
    }
}

impl Origin {
    /// Makes it from what a journal has recorded. Nothing is checked.
    pub fn recorded(entries: impl IntoIterator<Item = (Name, Name)>) -> Self {
        Self(entries.into_iter().collect())
    }

    /// Sets an entry, replaces the one with its key, or removes that if the value is empty.
    ///
    /// # Errors
    ///
    /// [`OriginError::TooMany`] if there are too many entries.
    pub fn set(&mut self, entry: OriginEntry) -> Result<(), OriginError> {
        let OriginEntry { key, value } = entry;
        if value.as_str().is_empty() {
            self.0.remove(&key);
        } else if self.0.len() >= MOST && !self.0.contains_key(&key) {
            return Err(OriginError::TooMany);
        } else {
            self.0.insert(key, value);
        }
        Ok(())
    }

    /// Sets the run that this one takes back.
    pub fn set_undo_of(&mut self, run: Name) {
        self.0.insert(Name::from(UNDO_OF), run);
    }

    /// Returns the run that this one takes back, if it takes one back.
    pub fn undo_of(&self) -> Option<&Name> {
        self.get(UNDO_OF)
    }

    /// Returns a value.
    pub fn get(&self, key: &str) -> Option<&Name> {
        self.0.get(key)
    }

    /// Returns whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the entries by key.
    pub fn entries(&self) -> impl Iterator<Item = (&Name, &Name)> {
        self.0.iter()
    }

    /// Returns what each entry is called and its value: first those with a meaning of their own.
    pub fn labelled(&self) -> impl Iterator<Item = (OriginLabel<'_>, &Name)> {
        let known = KNOWN.iter().filter_map(|(key, label)| Some((OriginLabel::Known(label), self.get(key)?)));
        let others = self.others().map(|(key, value)| (OriginLabel::Other(key), value));
        known.chain(others)
    }

    /// Returns the entries without a meaning of their own.
    pub fn others(&self) -> impl Iterator<Item = (&Name, &Name)> {
        self.0.iter().filter(|(key, _)| KNOWN.iter().all(|(known, _)| *known != key.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> OriginError {
        text.parse::<OriginEntry>().unwrap_err()
    }

    #[test]
    fn entries_are_checked() {
        for right in [
            "commit=0a1b2c3",
            "commit=",
            "pull_request=https://example.com/o/r/pull/12",
            "pull_request=!12",
            "run_url=http://ci.example:8080/job/1?a=b&c#d",
            "actor=Ann O'Hara",
            "approver=株式会社",
            "ticket=OPS-1",
            "a=b=c",
        ] {
            assert!(right.parse::<OriginEntry>().is_ok(), "{right}");
        }
        assert_eq!(error("actor"), OriginError::NoValue);
        for key in ["", "1a", "_a", "A", "a b", "a-b", "a\n", &"a".repeat(33)] {
            assert_eq!(error(&format!("{key}=x")), OriginError::Key, "{key}");
        }
        assert_eq!(error("pull-request=12"), OriginError::Similar("pull_request"));
        assert_eq!(error("Commit=0a1b2c3"), OriginError::Similar("commit"));
        assert_eq!(error("run_uri=x"), OriginError::Similar("run_url"));
        assert_eq!(error("undo_of=x"), OriginError::Reserved);
        for commit in ["main", "0a1b2c", "0a1b2cg", &"a".repeat(65)] {
            assert_eq!(error(&format!("commit={commit}")), OriginError::Commit, "{commit}");
        }
        for address in
            ["x", "javascript:alert(1)", "ftp://a/b", "https://u:p@a/b", "https://a/ b", "https://"]
        {
            assert_eq!(
                error(&format!("run_url={address}")),
                OriginError::Address("run_url".into()),
                "{address}"
            );
        }
        assert_eq!(error("ticket=ftp://a/b"), OriginError::Address("ticket".into()));
        assert!(format!("actor={}", "é".repeat(400)).parse::<OriginEntry>().is_ok());
        assert_eq!(error(&format!("actor={}", "é".repeat(401))), OriginError::TooLong("actor".into()));
    }

    #[test]
    fn a_later_entry_replaces_an_earlier_one_and_an_empty_one_removes_it() {
        let mut origin = Origin::default();
        let mut set = |text: &str| origin.set(text.parse().unwrap());
        for text in ["ticket=A", "actor=a", "commit=0a1b2c3", "actor=b", "commit=", "area=x"] {
            assert_eq!(set(text), Ok(()), "{text}");
        }
        let (actor, ticket) = ("b".into(), "A".into());
        let labelled: Vec<_> = origin.labelled().collect();
        assert_eq!(
            labelled,
            [
                (OriginLabel::Known("actor"), &actor),
                (OriginLabel::Other(&"area".into()), &"x".into()),
                (OriginLabel::Other(&"ticket".into()), &ticket),
            ]
        );
    }

    #[test]
    fn the_number_of_entries_is_limited() {
        let mut origin = Origin::default();
        for number in 0..20 {
            assert_eq!(origin.set(format!("x{number}=a").parse().unwrap()), Ok(()));
        }
        assert_eq!(origin.set("actor=a".parse().unwrap()), Err(OriginError::TooMany));
        assert_eq!(origin.set("x7=b".parse().unwrap()), Ok(()));
        assert_eq!(origin.set("x8=".parse().unwrap()), Ok(()));
        assert_eq!(origin.set("actor=a".parse().unwrap()), Ok(()));
    }
}
