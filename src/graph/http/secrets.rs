//! The secrets of a connection.

use crate::{mac, redact};
use secrecy::{ExposeSecret, SecretString};

/// The token and the proof that is computed of it.
#[derive(Debug)]
pub(in crate::graph) struct Secrets {
    token: SecretString,
    /// The `appsecret_proof`, if there is an app secret.
    proof: Option<SecretString>,
}

impl Secrets {
    /// Protects all of them: no output of this process shows them from now on.
    pub(super) fn new(token: &SecretString, app_secret: Option<&SecretString>) -> Self {
        let proof = app_secret.map(|secret| proof(secret, token));
        redact::protect("token", token);
        for (label, secret) in [("app secret", app_secret), ("proof", proof.as_ref())] {
            if let Some(secret) = secret {
                redact::protect(label, secret);
            }
        }
        Self { token: token.clone(), proof }
    }

    /// Returns the token, for the one call that must carry it in its address (`debug_token`).
    pub(in crate::graph) fn token(&self) -> &SecretString {
        &self.token
    }

    pub(super) fn proof(&self) -> Option<&SecretString> {
        self.proof.as_ref()
    }
}

/// Returns the `appsecret_proof`: the lower-case hexadecimal HMAC-SHA256 of the token, with the app secret as key.
fn proof(secret: &SecretString, token: &SecretString) -> SecretString {
    SecretString::from(mac::hex(secret, token.expose_secret().as_bytes()))
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
