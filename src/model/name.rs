//! Names that come from elsewhere, and how they are shown without harm.

use std::borrow::Cow;
use std::fmt;

/// A name as the API or a manifest gives it, kept to the code point.
///
/// Names are foreign text: [`fmt::Display`] shows what could steer a terminal or a pipeline as visible
/// escapes (see [`visible`]); only [`Name::as_str`] gives the raw text, for comparing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Name(Box<str>);

impl Name {
    /// Keeps a text as a name.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// Gives the raw text, for comparing and never for showing.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Lets a map by names be asked with a text; the order of names is the order of their texts.
impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&visible(&self.0))
    }
}

/// Shows a foreign text so that it cannot steer a terminal: each control character, line or paragraph
/// separator, invisible format character and bidirectional control becomes `\u{…}` (`\n`, `\r` and `\t`
/// as themselves).
///
/// Nor can it steer a pipeline that takes `##[…]` and `##vso[…]` anywhere in a line of its log for a command:
/// two hashes never stand side by side. What is shown so is shown the same by a second pass.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains("##") && !text.chars().any(steers) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if steers(c) {
            shown.extend(c.escape_default());
        } else if c == '#' && shown.ends_with('#') {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// How many near names are suggested at most.
const SUGGESTIONS: usize = 3;

/// Gives the candidates that a word may have been meant for, nearest first: the one that differs in case only,
/// or else those that are written nearly like it.
pub fn near<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    match candidates.iter().copied().find(|candidate| candidate.eq_ignore_ascii_case(word)) {
        Some(same) => vec![same],
        None => similar::get_close_matches(word, &candidates, SUGGESTIONS, 0.6),
    }
}

/// Tells whether a character changes how others are shown, or shows as nothing at all.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_shown_as_an_escape() {
        assert_eq!(visible("Acme 株式会社 🚀"), "Acme 株式会社 🚀");
        assert_eq!(visible("a\u{1b}[31m\nb\u{202e}c\u{200b}"), "a\\u{1b}[31m\\nb\\u{202e}c\\u{200b}");
        assert_eq!(format!("[{:>4}]", Name::from("a")), "[   a]");
    }

    #[test]
    fn what_steers_a_pipeline_is_broken_up() {
        assert_eq!(visible("#1 ##[error] ###vso[x]"), "#1 #\\u{23}[error] #\\u{23}#vso[x]");
        assert_eq!(visible(&visible("##\n")), "#\\u{23}\\n");
    }
}
