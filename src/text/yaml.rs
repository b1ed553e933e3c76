//! Writes text as YAML that reads back as the same text.

use super::escape;
use serde_json::Value;
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

/// Returns a JSON value as YAML in block style, with a line feed at its end. The fields in `order` come first, in that order, and
/// others by name.
pub(crate) fn block(value: &serde_json::Value, order: &[&str]) -> String {
    let mut text = String::new();
    write_block(value, order, 0, &mut text);
    text
}

fn write_block(value: &Value, order: &[&str], indent: usize, text: &mut String) {
    match value {
        Value::Object(fields) => {
            let position = |key: &str| order.iter().position(|known| *known == key).unwrap_or(order.len());
            let mut fields: Vec<(&String, &Value)> = fields.iter().collect();
            fields.sort_by_key(|(key, _)| (position(key), *key));
            for (index, (key, value)) in fields.into_iter().enumerate() {
                // The first field of an element of a list stands behind its dash.
                if index > 0 || text.is_empty() || text.ends_with('\n') {
                    text.extend(std::iter::repeat_n(' ', indent));
                }
                text.push_str(&scalar(key));
                text.push(':');
                write_value(value, order, indent, text);
            }
        }
        Value::Array(elements) => {
            for element in elements {
                text.extend(std::iter::repeat_n(' ', indent));
                text.push_str("- ");
                match element {
                    Value::Object(fields) if !fields.is_empty() => {
                        write_block(element, order, indent + 2, text);
                    }
                    Value::Null
                    | Value::Bool(_)
                    | Value::Number(_)
                    | Value::String(_)
                    | Value::Array(_)
                    | Value::Object(_) => {
                        text.push_str(&flow(element));
                        text.push('\n');
                    }
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            text.push_str(&flow(value));
            text.push('\n');
        }
    }
}

/// Writes what follows a key: on its line if it is short, or else below it.
fn write_value(value: &Value, order: &[&str], indent: usize, text: &mut String) {
    let is_nested = |value: &Value| value.is_object() || value.is_array();
    let is_block = match value {
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(elements) => elements.iter().any(is_nested),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    };
    if is_block {
        text.push('\n');
        write_block(value, order, indent + 2, text);
    } else {
        text.push(' ');
        text.push_str(&flow(value));
        text.push('\n');
    }
}

/// Returns a value on one line.
fn flow(value: &Value) -> String {
    match value {
        Value::String(string) => scalar(string),
        Value::Array(elements) => {
            format!("[{}]", elements.iter().map(flow).collect::<Vec<_>>().join(", "))
        }
        Value::Object(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(key, value)| format!("{}: {}", scalar(key), flow(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
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

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[a-z:#\" \n-]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[a-z: ]{1,5}", inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    #[test]
    fn a_block_has_its_fields_in_order() {
        let json = serde_json::json!({
            "b": [{ "y": 1, "x": [] }, { "x": {}, "y": ["p", "q"] }], "a": { "c": "no" }, "z": "last"
        });
        assert_eq!(
            block(&json, &["z", "y"]),
            "z: last\na:\n  c: \"no\"\nb:\n  - \"y\": 1\n    x: []\n  - \"y\": [p, q]\n    x: {}\n"
        );
    }

    proptest! {
        #[test]
        fn every_block_reads_back(json in proptest::collection::btree_map("[a-z]{1,4}", any_json(), 1..4)) {
            let json = Value::Object(json.into_iter().collect());
            let written = block(&json, &["b", "a"]);
            prop_assert_eq!(serde_saphyr::from_str::<Value>(&written).unwrap(), json, "{}", written);
        }

        #[test]
        fn every_text_reads_back_and_is_harmless(text in "\\PC*|.*|[#\"\\\\\u{1b}\u{202e}\u{e0001}\n a-z:{}\\[\\],-]*") {
            let written = scalar(&text);
            prop_assert_eq!(escape(&written), &*written);
            prop_assert_eq!(serde_saphyr::from_str::<String>(&written).unwrap(), text);
        }
    }
}
