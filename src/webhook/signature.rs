//! The signature of a delivery: the HMAC-SHA256 of its body, with the app secret as key.

use crate::mac;
use secrecy::SecretString;

/// The header with the signature.
pub const HEADER: &str = "x-hub-signature-256";

/// How the value of the header begins.
const PREFIX: &[u8] = b"sha256=";

/// A signature that was sent. It proves nothing before [`Signature::is_of`].
#[derive(Debug, Clone, Copy)]
pub struct Signature([u8; mac::LENGTH]);

impl Signature {
    /// Parses the value of the header: `sha256=` and 64 hexadecimal digits.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let digits = value.strip_prefix(PREFIX)?;
        let mut tag = [0; mac::LENGTH];
        if digits.len() != 2 * tag.len() {
            return None;
        }
        for (byte, pair) in tag.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Self(tag))
    }

    /// Returns whether this is the signature of a body. The time of the comparison does not depend on the signature.
    pub fn is_of(&self, body: &[u8], app_secret: &SecretString) -> bool {
        mac::is_tag(app_secret, body, &self.0)
    }
}

/// Returns the value of the header for a body, as Meta sends it.
pub fn sign(body: &[u8], app_secret: &SecretString) -> String {
    format!("sha256={}", mac::hex(app_secret, body))
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"{\"entry\":[]}";

    fn secret() -> SecretString {
        SecretString::from("0123456789abcdef0123456789abcdef")
    }

    #[test]
    fn a_body_has_the_signature_that_openssl_computes() {
        // printf '{"entry":[]}' | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef
        let signed = sign(BODY, &secret());
        assert_eq!(signed, "sha256=813cf09fed9f8eb4ebe6634d2739169e848c66f3833e8838e705511bea627036");
        assert!(Signature::parse(signed.as_bytes()).unwrap().is_of(BODY, &secret()));
    }

    #[test]
    fn another_body_secret_or_digit_is_refused() {
        let signed = sign(BODY, &secret());
        let signature = Signature::parse(signed.as_bytes()).unwrap();
        assert!(!signature.is_of(b"{\"entry\":[ ]}", &secret()));
        assert!(!signature.is_of(b"", &secret()));
        assert!(!signature.is_of(BODY, &SecretString::from("0123456789abcdef0123456789abcdee")));
        for at in PREFIX.len()..signed.len() {
            let mut other = signed.clone().into_bytes();
            other[at] = if other[at] == b'0' { b'1' } else { b'0' };
            assert!(!Signature::parse(&other).unwrap().is_of(BODY, &secret()), "{at}");
        }
    }

    #[test]
    fn what_is_no_signature_is_not_compared() {
        let signed = sign(BODY, &secret());
        let digits = &signed[PREFIX.len()..];
        for value in [
            String::new(),
            digits.to_owned(),
            String::from("sha256="),
            format!("sha1={digits}"),
            format!("SHA256={digits}"),
            format!("sha256= {digits}"),
            format!("sha256={digits}0"),
            format!("sha256={}", &digits[1..]),
            format!("sha256={}g", &digits[1..]),
            format!("sha256={}+", &digits[1..]),
            format!("sha256={digits},sha256={digits}"),
        ] {
            assert!(Signature::parse(value.as_bytes()).is_none(), "{value}");
        }
        assert!(Signature::parse(&[0xff; 71]).is_none());
        let upper = format!("sha256={}", digits.to_uppercase());
        assert!(Signature::parse(upper.as_bytes()).unwrap().is_of(BODY, &secret()));
    }
}
