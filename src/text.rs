//! Text that comes from outside: how it is escaped, shortened, and compared with what was meant.
//!
//! Names, error messages and task names come from manifests, files and the API. They can hold control characters,
//! bidirectional overrides and commands for a pipeline's log. Every output passes them through [`escape`].

pub(crate) mod cells;
pub(crate) mod yaml;

use std::borrow::Cow;
use std::fmt::{Display, Write as _};

/// The most suggestions for one misspelled word. A guess: more than three are no longer a help.
const SUGGESTIONS: usize = 3;

/// How alike a suggestion must be, from 0 to 1; Python's `difflib` uses the same default.
const SIMILARITY: f32 = 0.6;

/// Replaces each character that could control a terminal or a pipeline with a visible escape.
///
/// Control characters, line and paragraph separators, invisible format characters and bidirectional controls become
/// `\u{…}` (`\n`, `\r` and `\t` keep their short form). Some pipelines read `##[…]` and `##vso[…]` anywhere in a
/// line of their log as a command, so two hashes never stand side by side. Escaping twice changes nothing more.
pub fn escape(text: &str) -> Cow<'_, str> {
    if is_plain(text) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_control(c) {
            escaped.extend(c.escape_default());
        } else if c == '#' && escaped.ends_with('#') {
            escaped.extend(c.escape_unicode());
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// Writes the characters that [`escape`] would replace as JSON escapes, so that no information is lost.
///
/// `json` is JSON text without insignificant white space, or a part of a JSON string. Outside of strings JSON has no
/// such characters.
pub fn escape_json(json: &str) -> Cow<'_, str> {
    if is_plain(json) {
        return Cow::Borrowed(json);
    }
    let mut escaped = String::with_capacity(json.len() + 64);
    for c in json.chars() {
        if is_control(c) || (c == '#' && escaped.ends_with('#')) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// Returns a number with its noun.
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// The longest foreign text that a message quotes, in characters. A guess: Meta's longest messages list all tasks.
pub const MAX_QUOTE: usize = 500;

/// Returns the first `limit` characters of a text, with `…` at the end if it is longer.
pub fn shorten(text: &str, limit: usize) -> Cow<'_, str> {
    match text.char_indices().nth(limit) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// Returns the code points of the characters that are not ASCII, such as `U+0301`, if there are any. Names that look the same
/// can differ in these.
pub fn code_points(raw: &str) -> Option<String> {
    let points: Vec<String> =
        raw.chars().filter(|c| !c.is_ascii()).map(|c| format!("U+{:04X}", u32::from(c))).collect();
    (!points.is_empty()).then(|| points.join(" "))
}

/// Returns up to three candidates that a misspelled word may stand for, the most similar first.
///
/// If a candidate differs only in case, it is the only suggestion.
pub fn suggest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    match candidates.iter().copied().find(|candidate| candidate.eq_ignore_ascii_case(word)) {
        Some(same) => vec![same],
        None => similar::get_close_matches(word, &candidates, SUGGESTIONS, SIMILARITY),
    }
}

/// Returns whether a text is the address of a page: `https://` or `http://` with a host, in characters that end no link in
/// Markdown or HTML, and without a user name, which could be a secret.
pub fn is_web_address(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
        return false;
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_inert = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&()*+,;=%".contains(c);
    !host.is_empty() && !host.contains('@') && rest.chars().all(is_inert) && !rest.contains("##")
}

/// Returns a text as a cell of a CSV file that a spreadsheet can open: escaped, and with an apostrophe before what it would
/// take for a formula. [`csv_value`] removes that.
///
/// Write all cells in quotes: in some countries a spreadsheet splits unquoted cells at `;`, and the rest could be a formula.
pub fn csv_text(text: &str) -> Cow<'_, str> {
    let escaped = escape(text);
    // Google Sheets and LibreOffice also take the wide forms.
    let is_formula = |c: char| "=+-@'\u{ff1d}\u{ff0b}\u{ff0d}\u{ff20}".contains(c);
    if escaped.trim_start().starts_with(is_formula) { Cow::Owned(format!("'{escaped}")) } else { escaped }
}

/// Returns an id or a commit as a cell of a CSV file, with an apostrophe before it: spreadsheets round numbers of more than 15
/// digits, take `12e34` for a number, and save what they show. [`csv_value`] removes the apostrophe.
pub fn csv_id(id: impl Display) -> String {
    format!("'{id}")
}

/// Returns the value of a cell that [`csv_text`] or [`csv_id`] made.
pub fn csv_value(cell: &str) -> &str {
    cell.strip_prefix('\'').unwrap_or(cell)
}

fn is_plain(text: &str) -> bool {
    !text.contains("##") && !text.chars().any(is_control)
}

/// Returns whether a character changes how others are shown, or is invisible.
fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_controls_are_escaped() {
        assert_eq!(escape("Acme 株式会社 🚀"), "Acme 株式会社 🚀");
        assert_eq!(escape("a\u{1b}[31m\nb\u{202e}c\u{200b}"), "a\\u{1b}[31m\\nb\\u{202e}c\\u{200b}");
    }

    #[test]
    fn pipeline_commands_are_broken_up() {
        assert_eq!(escape("#1 ##[error] ###vso[x]"), "#1 #\\u{23}[error] #\\u{23}#vso[x]");
        assert_eq!(escape(&escape("##\n")), "#\\u{23}\\n");
    }

    #[test]
    fn json_escapes_lose_nothing() {
        let text = "Initech ## Shop\u{202e}\u{e0001}\u{1b} \"#\" ###";
        let json = escape_json(&serde_json::Value::from(text).to_string()).into_owned();
        assert_eq!(escape(&json), json, "nothing is left to escape");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }

    #[test]
    fn only_addresses_of_pages_are_linked() {
        for right in
            ["https://example.com", "http://ci.example:8080/a-b_c/1?x=1&y=%20#z", "https://[::1]/(a)"]
        {
            assert!(is_web_address(right), "{right}");
        }
        for wrong in [
            "",
            "https://",
            "https:///x",
            "HTTPS://a",
            "javascript:alert(1)",
            "//a",
            "https://u:p@a/",
            "https://a/ b",
            "https://a/<b>",
            "https://a/\"b",
            "https://a/`b",
            "https://a/b|c",
            "https://a/\u{202e}",
            "https://é/",
            "https://a/##[x]",
        ] {
            assert!(!is_web_address(wrong), "{wrong}");
        }
    }

    #[test]
    fn no_cell_is_a_formula_or_a_rounded_number() {
        for (text, cell) in [
            ("acme-eu", "acme-eu"),
            ("=1+1", "'=1+1"),
            (" =1+1", "' =1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("'x", "''x"),
            ("a=b", "a=b"),
            ("\t=1", "\\t=1"),
            ("\r\n=1", "\\r\\n=1"),
            ("", ""),
        ] {
            assert_eq!(csv_text(text), cell);
            assert_eq!(csv_value(cell), escape(text));
        }
        assert_eq!(csv_id(1_972_385_232_742_147_u64), "'1972385232742147");
        assert_eq!(csv_value("'1972385232742147"), "1972385232742147");
    }

    #[test]
    fn a_text_is_shortened_by_characters() {
        assert_eq!(shorten("株式会社", 4), "株式会社");
        assert_eq!(shorten("株式会社", 2), "株式…");
    }

    #[test]
    fn a_word_that_differs_in_case_is_the_only_suggestion() {
        assert_eq!(suggest("eu-SHOP", ["eu-shops", "eu-shop"]), ["eu-shop"]);
        assert_eq!(suggest("eu-shp", ["us", "eu-shops", "eu-shop"]), ["eu-shop", "eu-shops"]);
    }
}
