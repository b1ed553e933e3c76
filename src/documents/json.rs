//! Writes JSON that is safe to show.
//!
//! Text is written unchanged. Characters that could steer a terminal or a pipeline are written as JSON escapes, so that
//! a reader of the JSON gets the original text back.

use crate::text::escape_json;
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use std::io::{self, Write};

/// Writes compact JSON. A string fragment is the text between two characters that JSON itself escapes.
struct SafeFormatter;

impl Formatter for SafeFormatter {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, to: &mut W, fragment: &str) -> io::Result<()> {
        to.write_all(escape_json(fragment).as_bytes())
    }
}

/// Writes a value as compact JSON without a line feed.
///
/// # Errors
///
/// If the writer fails.
pub(crate) fn write(value: &impl Serialize, to: impl Write) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(to, SafeFormatter))?;
    Ok(())
}

/// Writes a document: a value as compact JSON with a line feed at the end.
///
/// # Errors
///
/// If the writer fails.
pub(crate) fn write_document(value: &impl Serialize, mut to: impl Write) -> io::Result<()> {
    write(value, &mut to)?;
    to.write_all(b"\n")
}

/// Returns a value as a line of compact JSON with a line feed at the end.
pub(crate) fn line(value: &impl Serialize) -> String {
    let mut line = Vec::new();
    write_document(value, &mut line).expect("writing to memory cannot fail, and keys are strings");
    String::from_utf8(line).expect("JSON is UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::escape;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn the_json_is_safe_and_the_text_comes_back(key in ".*", text in "(#|\\PC|.)*") {
            let value = BTreeMap::from([(key, vec![text])]);
            let json = line(&value);
            prop_assert_eq!(serde_json::from_str::<BTreeMap<String, Vec<String>>>(&json).unwrap(), value);
            prop_assert_eq!(escape(json.trim_end()), json.trim_end());
        }
    }
}
