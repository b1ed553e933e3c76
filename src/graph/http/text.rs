//! Repairs the text of a response that is not quite JSON: a name can hold half of a surrogate pair, or broken UTF-8.

/// The length of an escape such as `\\ud83d`.
const ESCAPE: usize = 6;

/// Replaces what no JSON parser accepts inside of strings by the replacement character U+FFFD.
pub(super) fn repaired(body: Vec<u8>) -> Vec<u8> {
    let mut body = String::from_utf8(body)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
        .into_bytes();
    let mut at = 0;
    while let Some(offset) = body.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b'\\')) {
        at += offset;
        at += match (unit(&body, at), unit(&body, at + ESCAPE)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 2 * ESCAPE,
            (Some(0xD800..=0xDFFF), _) => {
                body[at + 2..at + ESCAPE].copy_from_slice(b"fffd");
                ESCAPE
            }
            (Some(_), _) => ESCAPE,
            (None, _) => 2,
        };
    }
    body
}

/// Returns the UTF-16 unit that is escaped at a position.
fn unit(body: &[u8], at: usize) -> Option<u16> {
    let digits = body.get(at..at + ESCAPE)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lone_surrogates_and_broken_utf8_are_replaced() {
        for (text, expected) in [
            (&br#""spare \ud83d""#[..], r#""spare \ufffd""#),
            (br#""\ud83d\ude00 \u00e9 \n""#, r#""\ud83d\ude00 \u00e9 \n""#),
            (br#""\ude00\ud83d\ud83d\ude00""#, r#""\ufffd\ufffd\ud83d\ude00""#),
            (br#""an escaped backslash: \\ud83d""#, r#""an escaped backslash: \\ud83d""#),
            (br#""\uD83D\u0041""#, r#""\ufffd\u0041""#),
            (b"\"a\xffb\"", "\"a\u{fffd}b\""),
            (br#""\ud8"#, r#""\ud8"#),
            (b"\\", "\\"),
        ] {
            assert_eq!(String::from_utf8(repaired(text.to_vec())).unwrap(), expected);
        }
    }
}
