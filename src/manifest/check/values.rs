//! What the text of a scalar means: an id, a word, a number, a day.

use super::Check;
use crate::diagnostic;
use crate::manifest::scalar::{Flag, Id, Text, Word};
use crate::model::{At, IdError, Name};
use jiff::civil::Date;
use std::str::FromStr;

/// The words that a flag can be.
const FLAGS: [(&str, bool); 2] = [("true", true), ("false", false)];

impl Check<'_> {
    pub(super) fn id<T>(&mut self, id: &Id) -> Option<At<T>>
    where
        T: FromStr<Err = IdError>,
    {
        let at = self.at(id.spot);
        match id.text.parse() {
            Ok(value) => Some(At { value, at }),
            Err(why) => {
                self.say(diagnostic::bad_id(at, &id.text, why));
                None
            }
        }
    }

    /// Takes a text of the user's own, which is never empty.
    pub(super) fn said(&mut self, word: Word, key: &str) -> Option<At<Name>> {
        let at = self.at(word.spot);
        if word.text.is_empty() {
            self.say(diagnostic::missing_value(at, key));
            return None;
        }
        Some(At { value: Name::new(word.text), at })
    }

    pub(super) fn word<T: Copy>(&mut self, word: impl Into<Text>, words: &[(&str, T)]) -> Option<At<T>> {
        let Text { text, spot } = word.into();
        let at = self.at(spot);
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(At { value: *value, at });
        }
        let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        self.say(diagnostic::bad_word(at, &text, &words));
        None
    }

    pub(super) fn flag(&mut self, flag: Flag) -> Option<At<bool>> {
        self.word(flag, &FLAGS)
    }

    pub(super) fn number<T: FromStr>(
        &mut self,
        number: &Text,
        range: &str,
        fits: impl Fn(&T) -> bool,
    ) -> Option<At<T>> {
        let at = self.at(number.spot);
        let value = number.text.parse().ok().filter(fits);
        if value.is_none() {
            self.say(diagnostic::bad_number(at, &number.text, range));
        }
        value.map(|value| At { value, at })
    }

    pub(super) fn day(&mut self, day: &Text) -> Option<At<Date>> {
        let at = self.at(day.spot);
        // Only the one form: the parser would take others, such as 20270331.
        let is_form =
            day.text.len() == 10 && day.text.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
        let value = day.text.parse().ok().filter(|_| is_form);
        if value.is_none() {
            self.say(diagnostic::bad_date(at, &day.text));
        }
        value.map(|value| At { value, at })
    }
}
