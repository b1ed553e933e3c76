//! The secrets of a connection, and their removal from texts of the API.

use hmac::{Hmac, KeyInit, Mac};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// The token and what is derived from it.
#[derive(Debug)]
pub(in crate::graph) struct Secrets {
    token: SecretString,
    /// The token as a URL encodes it.
    encoded_token: SecretString,
    /// The `appsecret_proof`, if there is an app secret.
    proof: Option<SecretString>,
}

impl Secrets {
    pub(super) fn new(token: &SecretString, app_secret: Option<&SecretString>) -> Self {
        Self {
            token: token.clone(),
            encoded_token: url_encoded(token),
            proof: app_secret.map(|secret| proof(secret, token)),
        }
    }

    /// Returns the token, for the one call that must carry it in its address (`debug_token`).
    pub(in crate::graph) fn token(&self) -> &SecretString {
        &self.token
    }

    pub(super) fn proof(&self) -> Option<&SecretString> {
        self.proof.as_ref()
    }

    /// Removes the secrets from a text of the API. Only complete secrets are found: redact before shortening.
    pub(in crate::graph) fn redact(&self, text: &str) -> String {
        let secrets = [(Some(&self.token), "[token]"), (Some(&self.encoded_token), "[token]")];
        let secrets = secrets.into_iter().chain([(self.proof.as_ref(), "[proof]")]);
        secrets.fold(text.to_owned(), |text, (secret, name)| match secret {
            Some(secret) => text.replace(secret.expose_secret(), name),
            None => text,
        })
    }
}

fn url_encoded(token: &SecretString) -> SecretString {
    let mut url = Url::parse("http://localhost").expect("the address is valid");
    url.query_pairs_mut().append_key_only(token.expose_secret());
    SecretString::from(url.query().unwrap_or_default())
}

/// Returns the `appsecret_proof`: the lower-case hexadecimal HMAC-SHA256 of the token, with the app secret as key.
fn proof(secret: &SecretString, token: &SecretString) -> SecretString {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.expose_secret().as_bytes())
        .expect("HMAC takes a key of any length");
    mac.update(token.expose_secret().as_bytes());
    let digits =
        mac.finalize().into_bytes().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    SecretString::from(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proof_is_the_hmac_of_the_token_with_the_secret_as_key() {
        let token = SecretString::from("The quick brown fox jumps over the lazy dog");
        let proof = proof(&SecretString::from("key"), &token);
        assert_eq!(proof.expose_secret(), "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8");
    }
}
