//! Positions in the texts that the user wrote.

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

/// The texts of one manifest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sources(Vec<Source>);

impl Sources {
    /// Adds a text and returns its number.
    ///
    /// # Panics
    ///
    /// If there are more than `u32::MAX` texts.
    pub fn add(&mut self, path: impl Into<String>, text: impl Into<String>) -> SourceId {
        let id = SourceId(u32::try_from(self.0.len()).expect("fewer than 2^32 files"));
        self.0.push(Source { path: path.into(), text: text.into() });
        id
    }

    /// Returns each text with its number, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        (0..).map(SourceId).zip(&self.0)
    }

    /// Returns the text with a number.
    pub fn get(&self, id: SourceId) -> Option<&Source> {
        self.0.get(id.0 as usize)
    }

    /// Returns the sources with their paths and without their text.
    #[must_use]
    pub fn paths(&self) -> Self {
        let path = |source: &Source| Source { path: source.path.clone(), text: String::new() };
        Self(self.0.iter().map(path).collect())
    }

    /// Returns the path of a text, `?` if no text has this number.
    pub fn path(&self, id: SourceId) -> &str {
        self.get(id).map_or("?", |source| &source.path)
    }
}
