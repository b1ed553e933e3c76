//! The secrets of the webhook.

use crate::redact;
use secrecy::{ExposeSecret, SecretString};

/// The shortest verify token. Shorter secrets are not removed from what leaves the program, and can be guessed.
const SHORTEST_TOKEN: usize = 12;

/// The secrets without which nothing is answered.
#[derive(Debug, Clone)]
pub struct Secrets {
    /// The key of the signatures.
    pub(super) app_secret: SecretString,
    /// What Meta sends in the handshake, as it was entered in the App Dashboard.
    pub(super) verify_token: SecretString,
}

/// Why there can be no webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Without the app secret, anybody could send events.
    #[error("the webhook needs the app secret, by which the signatures of events are checked")]
    NoAppSecret,
    /// Without a verify token, Meta cannot verify the subscription.
    #[error("the webhook needs a verify token, by which Meta verifies the subscription")]
    NoVerifyToken,
    /// The verify token is too short.
    #[error("the verify token of the webhook has fewer than {SHORTEST_TOKEN} characters")]
    ShortVerifyToken,
}

impl SecretError {
    /// Returns what to do.
    pub fn hint(self) -> &'static str {
        match self {
            Self::NoAppSecret => {
                "set WABACL_APP_SECRET, or give --app-secret-file; it is in the App Dashboard under App settings > Basic"
            }
            Self::NoVerifyToken | Self::ShortVerifyToken => {
                "choose a random text, for example `openssl rand -hex 32`, set WABACL_WEBHOOK_VERIFY_TOKEN or give \
                 --webhook-verify-token-file, and enter the same text in the App Dashboard"
            }
        }
    }
}

impl Secrets {
    /// Takes the secrets, and protects them: no output of this process shows them from now on.
    ///
    /// # Errors
    ///
    /// If one is missing or unsafe.
    pub fn new(
        app_secret: Option<SecretString>,
        verify_token: Option<SecretString>,
    ) -> Result<Self, SecretError> {
        let is_empty = |secret: &SecretString| secret.expose_secret().is_empty();
        let app_secret = app_secret.filter(|secret| !is_empty(secret)).ok_or(SecretError::NoAppSecret)?;
        let verify_token =
            verify_token.filter(|secret| !is_empty(secret)).ok_or(SecretError::NoVerifyToken)?;
        if verify_token.expose_secret().len() < SHORTEST_TOKEN {
            return Err(SecretError::ShortVerifyToken);
        }
        redact::protect("app secret", &app_secret);
        redact::protect("verify token", &verify_token);
        Ok(Self { app_secret, verify_token })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_no_webhook_without_its_secrets() {
        let secret = |text: &str| Some(SecretString::from(text));
        let made = |app, token| Secrets::new(app, token).map(drop);
        assert_eq!(made(None, secret("a long verify token")), Err(SecretError::NoAppSecret));
        assert_eq!(made(secret(""), secret("a long verify token")), Err(SecretError::NoAppSecret));
        assert_eq!(made(secret("secret"), None), Err(SecretError::NoVerifyToken));
        assert_eq!(made(secret("secret"), secret("")), Err(SecretError::NoVerifyToken));
        assert_eq!(made(secret("secret"), secret("12345678901")), Err(SecretError::ShortVerifyToken));
        assert_eq!(made(secret("secret"), secret("123456789012")), Ok(()));
    }

    #[test]
    fn secrets_are_not_shown() {
        let (app_secret, token) =
            ("appSecret_of_secrets_rs_0123456789", "verifyToken_of_secrets_rs_0123456789");
        let secrets = Secrets::new(Some(app_secret.into()), Some(token.into())).unwrap();
        let shown = format!("{secrets:?}");
        assert!(!shown.contains(app_secret) && !shown.contains(token), "{shown}");
        let echo = format!("{app_secret} {token}");
        assert_eq!(redact::text(&echo), "(redacted app secret) (redacted verify token)");
    }
}
