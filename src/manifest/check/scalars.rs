//! Interprets the text of a scalar: an id, a name, a word, a number, a day or an instant.

use super::Checker;
use crate::diagnostic;
use crate::manifest::scalar::{BooleanText, IdText, NameText, ScalarText, TimeText};
use crate::model::{At, IdError, Name, TimeLimit};
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

    pub(super) fn time(&mut self, time: &TimeText) -> Option<At<TimeLimit>> {
        let at = self.at(time.location);
        let value = time.text.parse().ok();
        if value.is_none() {
            self.report(diagnostic::bad_date(at, &time.text));
        }
        value.map(|value| At { value, at })
    }

    /// Returns when an entry begins and ends. It must be in force at some time.
    pub(super) fn period(
        &mut self,
        from: Option<TimeText>,
        until: Option<TimeText>,
    ) -> [Option<At<TimeLimit>>; 2] {
        let [from, until] = [from, until].map(|time| time.and_then(|time| self.time(&time)));
        if let (Some(from), Some(until)) = (from, until)
            && until.value.end() <= from.value.start()
        {
            self.report(diagnostic::never_in_force(until.at, from.value, until.value));
        }
        [from, until]
    }
}
