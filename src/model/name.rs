//! Names from manifests and the API.

use crate::text::escape;
use std::fmt;

/// A name from the API or a manifest, unchanged.
///
/// Names are foreign text: [`fmt::Display`] shows what could steer a terminal or a pipeline as visible
/// escapes (see [`escape`]); only [`Name::as_str`] returns the raw text, for comparing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Name(Box<str>);

impl Name {
    /// Makes a name from a text.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// Returns the raw text, for comparison. Outputs must escape it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Allows look-ups by text in maps of names. Names are ordered by their texts.
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
        f.pad(&escape(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_escaped_and_padded() {
        assert_eq!(format!("[{:>4}] {}", Name::from("a"), Name::from("b\n")), "[   a] b\\n");
    }
}
