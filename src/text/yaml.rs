//! Writes text as YAML that reads back as the same text.

use super::escape;
use std::fmt::Write as _;

/// Plain words that YAML 1.1 or 1.2 reads as something else than text.
const RESERVED: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];

/// Writes text as a YAML scalar: plain where that is safe in any place, or else in double quotes.
///
/// Characters that [`escape`] would replace are written as YAML escapes: nothing is lost, and
/// nothing can control a terminal or a pipeline.
pub(crate) fn scalar(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

fn is_plain(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        && !RESERVED.contains(&text.to_ascii_lowercase().as_str())
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            quoted.extend(['\\', c]);
        } else if (c == '#' && quoted.ends_with('#'))
            || escape(c.encode_utf8(&mut [0; 4])).len() > c.len_utf8()
        {
            // Writing to a string cannot fail.
            let _ = write!(quoted, "\\U{:08x}", u32::from(c));
        } else {
            quoted.push(c);
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_unambiguous_words_are_plain() {
        assert_eq!(scalar("VIEW_COST"), "VIEW_COST");
        for (text, written) in [("No", r#""No""#), ("", r#""""#), ("1", r#""1""#), ("a: b", r#""a: b""#)] {
            assert_eq!(scalar(text), written);
        }
        assert_eq!(scalar("a \"##\"\n"), "\"a \\\"#\\U00000023\\\"\\U0000000a\"");
    }

    proptest! {
        #[test]
        fn every_text_reads_back_and_is_harmless(text in "\\PC*|.*|[#\"\\\\\u{1b}\u{202e}\u{e0001}\n a-z:{}\\[\\],-]*") {
            let written = scalar(&text);
            prop_assert_eq!(escape(&written), &*written);
            prop_assert_eq!(serde_saphyr::from_str::<String>(&written).unwrap(), text);
        }
    }
}
