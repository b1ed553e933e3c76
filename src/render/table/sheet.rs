//! The cells of a table that is written as CSV and as a spreadsheet.

use crate::text::{csv_id, csv_text, escape};
use jiff::Timestamp;
use serde::Serialize;
use std::borrow::Cow;
use std::fmt::Display;

/// A cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TableCell {
    /// A text that may be foreign. It is not escaped yet.
    Text(String),
    /// An id, a digest or a commit, which a spreadsheet must not take for a number.
    Id(String),
    /// A number of this program.
    Number(usize),
}

/// A table: its columns with their widths in characters, and its rows.
pub(crate) struct ReportSheet<'a> {
    /// What it is called.
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [Column],
    /// The number of rows.
    pub(crate) length: usize,
    pub(crate) rows: Box<dyn Iterator<Item = Vec<TableCell>> + 'a>,
}

/// A column: what it is called, and its width in characters. The widths are guesses at usual contents.
pub(crate) type Column = (&'static str, u8);

impl TableCell {
    /// Returns a cell with nothing in it.
    pub(super) const fn empty() -> Self {
        Self::Text(String::new())
    }

    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn id(id: impl Display) -> Self {
        Self::Id(id.to_string())
    }

    /// Returns the id, or nothing.
    pub(super) fn id_or_empty(id: Option<impl Display>) -> Self {
        id.map_or_else(Self::empty, Self::id)
    }

    /// Returns the text of a value, or nothing.
    pub(super) fn text_or_empty(text: Option<impl AsRef<str>>) -> Self {
        text.map_or_else(Self::empty, |text| Self::text(text.as_ref()))
    }

    pub(super) fn time(at: Option<Timestamp>) -> Self {
        at.map_or_else(Self::empty, |at| Self::text(at.to_string()))
    }

    pub(super) fn flag(flag: bool) -> Self {
        Self::text(flag.to_string())
    }

    /// Returns the word that JSON documents have for a value.
    pub(super) fn word(of: impl Serialize) -> Self {
        Self::Text(super::word(of))
    }

    /// Returns the word that JSON documents have for a value, as a text.
    pub(crate) fn of_word(of: impl Serialize) -> String {
        super::word(of)
    }

    /// Returns several texts as one cell.
    pub(super) fn list<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Self {
        let mut all = String::new();
        for text in texts {
            if !all.is_empty() {
                all.push_str("; ");
            }
            all.push_str(text.as_ref());
        }
        Self::Text(all)
    }

    /// Returns the cell for CSV.
    pub(super) fn to_csv(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => csv_text(text),
            Self::Id(id) => csv_id(escape(id)).into(),
            Self::Number(number) => number.to_string().into(),
        }
    }

    /// Returns the text to show, escaped.
    pub(crate) fn shown(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) | Self::Id(text) => escape(text),
            Self::Number(number) => number.to_string().into(),
        }
    }
}
