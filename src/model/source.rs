//! Positions in the texts that the user wrote.

use std::collections::{BTreeMap, BTreeSet};

/// The number of a text in [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SourceId(pub u32);

/// A position in a source: line and column from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// The source.
    pub source: SourceId,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

/// A value with its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Its position.
    pub at: Position,
}

/// A text with its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The path as given, or as found below a given folder, with `/` between parts.
    pub path: String,
    /// The whole text.
    pub text: String,
}

/// A table that a text names: its number, or why it cannot be read.
pub type NamedTable = Result<SourceId, String>;

/// The texts of one manifest, and the tables that they name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sources {
    texts: Vec<Source>,
    /// The tables by the text that names them, and the name that it uses.
    tables: BTreeMap<(SourceId, String), NamedTable>,
}

impl Sources {
    /// Adds a text and returns its number.
    ///
    /// # Panics
    ///
    /// If there are more than `u32::MAX` texts.
    pub fn add(&mut self, path: impl Into<String>, text: impl Into<String>) -> SourceId {
        let id = SourceId(u32::try_from(self.texts.len()).expect("fewer than 2^32 files"));
        self.texts.push(Source { path: path.into(), text: text.into() });
        id
    }

    /// Returns each text with its number, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        (0..).map(SourceId).zip(&self.texts)
    }

    /// Puts another text in the place of one.
    pub fn set_text(&mut self, id: SourceId, text: String) {
        if let Some(source) = self.texts.get_mut(id.0 as usize) {
            source.text = text;
        }
    }

    /// Records the table that a text names, or why it cannot be read.
    pub fn add_table(&mut self, of: SourceId, name: impl Into<String>, table: NamedTable) {
        self.tables.insert((of, name.into()), table);
    }

    /// Returns the table that a text names; `None` if it was not looked for.
    pub fn table(&self, of: SourceId, name: &str) -> Option<&NamedTable> {
        self.tables.get(&(of, name.to_owned()))
    }

    /// Returns the texts that are no tables, each with its number.
    pub fn manifests(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        let tables: BTreeSet<SourceId> =
            self.tables.values().filter_map(|table| table.as_ref().ok().copied()).collect();
        self.iter().filter(move |(id, _)| !tables.contains(id))
    }

    /// Returns the text with a number.
    pub fn get(&self, id: SourceId) -> Option<&Source> {
        self.texts.get(id.0 as usize)
    }

    /// Returns the sources with their paths and without their text.
    #[must_use]
    pub fn paths(&self) -> Self {
        let path = |source: &Source| Source { path: source.path.clone(), text: String::new() };
        Self { texts: self.texts.iter().map(path).collect(), tables: BTreeMap::new() }
    }

    /// Returns the path of a text, `?` if no text has this number.
    pub fn path(&self, id: SourceId) -> &str {
        self.get(id).map_or("?", |source| &source.path)
    }
}
