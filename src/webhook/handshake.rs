//! The handshake by which Meta verifies a subscription: the answer is the challenge, if the verify token is right.

use crate::mac;
use secrecy::{ExposeSecret, SecretString};

/// The longest challenge. Meta sends about ten digits; the rest is a margin.
const LONGEST_CHALLENGE: usize = 256;

/// The query of a handshake.
#[derive(Debug)]
struct Query {
    mode: String,
    verify_token: SecretString,
    challenge: String,
}

impl Query {
    /// Parses a query that has each key exactly once. Other keys are ignored.
    fn parse(text: &str) -> Option<Self> {
        let only = |name: &str| {
            let mut values = form_urlencoded::parse(text.as_bytes()).filter(|(key, _)| key == name);
            let (_, value) = values.next()?;
            values.next().is_none().then_some(value)
        };
        Some(Self {
            mode: only("hub.mode")?.into_owned(),
            verify_token: SecretString::from(only("hub.verify_token")?.into_owned()),
            challenge: only("hub.challenge")?.into_owned(),
        })
    }
}

/// Returns the challenge of a query, if its verify token is the given one.
///
/// Only digits, ASCII letters, `-`, `_`, `.` and `~` can be in a challenge, so that nothing that is sent back means anything
/// to whoever shows it.
pub(super) fn challenge(
    query: &str,
    verify_token: &SecretString,
    app_secret: &SecretString,
) -> Option<String> {
    let query = Query::parse(query)?;
    // Comparing tags takes the same time for all tokens, of whatever length.
    let tag = mac::tag(app_secret, verify_token.expose_secret().as_bytes());
    let is_right = mac::is_tag(app_secret, query.verify_token.expose_secret().as_bytes(), &tag);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    let length = query.challenge.len();
    let is_bounded = (1..=LONGEST_CHALLENGE).contains(&length) && query.challenge.bytes().all(is_plain);
    (is_right && query.mode == "subscribe" && is_bounded).then_some(query.challenge)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(query: &str) -> Option<String> {
        challenge(query, &SecretString::from("verify me + twice"), &SecretString::from("app secret"))
    }

    const TOKEN: &str = "hub.verify_token=verify+me+%2B%20twice";

    #[test]
    fn the_challenge_is_the_answer_to_the_right_token() {
        let query = format!("hub.mode=subscribe&{TOKEN}&hub.challenge=1158201444");
        assert_eq!(answered(&query).as_deref(), Some("1158201444"));
        let other_order = format!("x=1&hub.challenge=a-b_c.d~E&x=2&{TOKEN}&hub.mode=subscribe");
        assert_eq!(answered(&other_order).as_deref(), Some("a-b_c.d~E"));
        let longest = "9".repeat(LONGEST_CHALLENGE);
        let query = format!("hub.mode=subscribe&{TOKEN}&hub.challenge={longest}");
        assert_eq!(answered(&query), Some(longest));
    }

    #[test]
    fn anything_else_has_no_answer() {
        let long = "9".repeat(LONGEST_CHALLENGE + 1);
        for query in [
            String::new(),
            format!("{TOKEN}&hub.challenge=1"),
            format!("hub.mode=subscribe&{TOKEN}"),
            String::from("hub.mode=subscribe&hub.challenge=1"),
            String::from("hub.mode=subscribe&hub.verify_token=&hub.challenge=1"),
            String::from("hub.mode=subscribe&hub.verify_token=verify+me&hub.challenge=1"),
            format!("hub.mode=subscribe&{TOKEN}e&hub.challenge=1"),
            format!("hub.mode=subscribe&{TOKEN}%00&hub.challenge=1"),
            format!("hub.mode=unsubscribe&{TOKEN}&hub.challenge=1"),
            format!("hub.mode=subscribe&{TOKEN}&{TOKEN}&hub.challenge=1"),
            format!("hub.mode=subscribe&hub.mode=subscribe&{TOKEN}&hub.challenge=1"),
            format!("hub.mode=subscribe&{TOKEN}&hub.challenge=1&hub.challenge=2"),
            format!("hub.mode=subscribe&{TOKEN}&hub.challenge="),
            format!("hub.mode=subscribe&{TOKEN}&hub.challenge=%3Cscript%3E"),
            format!("hub.mode=subscribe&{TOKEN}&hub.challenge=1%0d%0aX:1"),
            format!("hub.mode=subscribe&{TOKEN}&hub.challenge=%E2%80%AE1"),
            format!("hub.mode=subscribe&{TOKEN}&hub.challenge={long}"),
            format!("HUB.MODE=subscribe&{TOKEN}&hub.challenge=1"),
        ] {
            assert_eq!(answered(&query), None, "{query}");
        }
    }
}
