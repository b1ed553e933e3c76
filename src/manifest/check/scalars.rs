//! Interprets the text of a scalar: an id, a name, a word, a number, a date.

use super::Checker;
use crate::diagnostic;
use crate::manifest::scalar::{BooleanText, DateText, IdText, NameText, ScalarText};
use crate::model::{At, IdError, Name};
use jiff::civil::Date;
use std::str::FromStr;

const BOOLEANS: [(&str, bool); 2] = [("true", true), ("false", false)];

impl Checker<'_> {
    pub(super) fn id<T>(&mut self, id: &IdText) -> Option<At<T>>
    where
        T: FromStr<Err = IdError>,
    {
        let at = self.at(id.location);
        match id.text.parse() {
            Ok(value) => Some(At { value, at }),
            Err(why) => {
                self.report(diagnostic::bad_id(at, &id.text, why));
                None
            }
        }
    }

    /// Returns the value of `key`, a text that must not be empty.
    pub(super) fn name(&mut self, name: NameText, key: &str) -> Option<At<Name>> {
        let at = self.at(name.location);
        if name.text.is_empty() {
            self.report(diagnostic::missing_value(at, key));
            return None;
        }
        Some(At { value: Name::new(name.text), at })
    }

    /// Returns the value of one of these words.
    pub(super) fn word<T: Copy>(
        &mut self,
        word: impl Into<ScalarText>,
        words: &[(&str, T)],
    ) -> Option<At<T>> {
        let ScalarText { text, location } = word.into();
        let at = self.at(location);
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(At { value: *value, at });
        }
        let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        self.report(diagnostic::bad_word(at, &text, &words));
        None
    }

    pub(super) fn boolean(&mut self, boolean: BooleanText) -> Option<At<bool>> {
        self.word(boolean, &BOOLEANS)
    }

    /// Returns a number in a range, which `range` describes for the message.
    pub(super) fn number<T: FromStr>(
        &mut self,
        number: impl Into<ScalarText>,
        range: &str,
        in_range: impl Fn(&T) -> bool,
    ) -> Option<At<T>> {
        let ScalarText { text, location } = number.into();
        let at = self.at(location);
        let value = text.parse().ok().filter(in_range);
        if value.is_none() {
            self.report(diagnostic::bad_number(at, &text, range));
        }
        value.map(|value| At { value, at })
    }

    pub(super) fn date(&mut self, date: &DateText) -> Option<At<Date>> {
        let at = self.at(date.location);
        // The parser would also accept other forms, such as 20270331.
        let has_form =
            date.text.len() == 10 && date.text.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
        let value = date.text.parse().ok().filter(|_| has_form);
        if value.is_none() {
            self.report(diagnostic::bad_date(at, &date.text));
        }
        value.map(|value| At { value, at })
    }
}
