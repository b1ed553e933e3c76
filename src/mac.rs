//! HMAC-SHA256: the `appsecret_proof` of a call, and the signature of a webhook.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// The length of a tag in bytes.
pub const LENGTH: usize = 32;

fn keyed(secret: &SecretString, message: &[u8]) -> Hmac<Sha256> {
    let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.expose_secret().as_bytes());
    let mut mac = mac.expect("HMAC takes a key of any length");
    mac.update(message);
    mac
}

/// Returns the tag of a message, with the secret as key.
pub fn tag(secret: &SecretString, message: &[u8]) -> [u8; LENGTH] {
    keyed(secret, message).finalize().into_bytes().into()
}

/// Returns the tag of a message in lower-case hexadecimal.
pub fn hex(secret: &SecretString, message: &[u8]) -> String {
    tag(secret, message).iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Returns whether a tag is that of a message. The time of the comparison does not depend on the tag.
pub fn is_tag(secret: &SecretString, message: &[u8], tag: &[u8; LENGTH]) -> bool {
    keyed(secret, message).verify_slice(tag).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 4231, case 2.
    #[test]
    fn a_tag_is_the_hmac_of_the_message_with_the_secret_as_key() {
        let (secret, message) = (SecretString::from("Jefe"), b"what do ya want for nothing?");
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex(&secret, message), expected);
        let mut tag = tag(&secret, message);
        assert!(is_tag(&secret, message, &tag));
        for at in [0, LENGTH - 1] {
            tag[at] ^= 1;
            assert!(!is_tag(&secret, message, &tag));
            tag[at] ^= 1;
        }
        assert!(!is_tag(&secret, b"what do ya want for nothing!", &tag));
        assert!(!is_tag(&SecretString::from("jefe"), message, &tag));
    }
}
