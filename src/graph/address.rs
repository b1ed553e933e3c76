//! Where requests go and what goes with each of them: the base address, the headers, the proof, the certificates.

use super::error::GraphError;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use std::sync::Arc;

/// Makes an error of settings that cannot be used.
pub(super) fn wrong(what: impl Into<String>) -> GraphError {
    GraphError::Settings { what: what.into(), source: None }
}

pub(super) fn wrong_because(
    what: impl Into<String>,
    error: impl std::error::Error + Send + Sync + 'static,
) -> GraphError {
    GraphError::Settings { what: what.into(), source: Some(Arc::new(error)) }
}

/// Returns the base address, version included.
pub(super) fn base(url: &str, version: &str) -> Result<Url, GraphError> {
    let mut parts = version.strip_prefix('v').unwrap_or_default().split('.');
    let number =
        |part: Option<&str>| part.is_some_and(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
    if !(number(parts.next()) && number(parts.next()) && parts.next().is_none()) {
        return Err(wrong("--graph-version is not `v` and two numbers, such as v25.0"));
    }
    let mut base = Url::parse(url).map_err(|error| wrong_because("--graph-url is no address", error))?;
    if !base.username().is_empty() || base.password().is_some() {
        return Err(wrong("--graph-url holds a user or a password, which would be shown in logs"));
    }
    match base.scheme() {
        "https" => {}
        "http" if is_loopback(&base) => {}
        "http" => {
            return Err(wrong(
                "--graph-url is plain HTTP; that goes only to this machine (127.0.0.1, localhost)",
            ));
        }
        _ => return Err(wrong("--graph-url is neither https nor http")),
    }
    base.set_query(None);
    base.set_fragment(None);
    match base.path_segments_mut() {
        Ok(mut segments) => _ = segments.pop_if_empty().push(version),
        Err(()) => return Err(wrong("--graph-url has no path")),
    }
    Ok(base)
}

/// Returns whether an address is on this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Returns the headers that carry the token.
pub(super) fn headers(token: &SecretString) -> Result<HeaderMap, GraphError> {
    if token.expose_secret().is_empty() {
        return Err(wrong("the access token is empty"));
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
        .map_err(|_| wrong("the access token holds characters that no token has, such as a line break"))?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(AUTHORIZATION, value)]))
}

pub(super) fn certificates(path: &std::path::Path) -> Result<Vec<reqwest::Certificate>, GraphError> {
    let shown = crate::text::escape(&path.display().to_string()).into_owned();
    let pem = std::fs::read(path)
        .map_err(|error| wrong_because(format!("--ca-file {shown} could not be read"), error))?;
    let certificates = reqwest::Certificate::from_pem_bundle(&pem)
        .map_err(|error| wrong_because(format!("--ca-file {shown} is not PEM"), error))?;
    if certificates.is_empty() {
        return Err(wrong(format!("--ca-file {shown} holds no certificate")));
    }
    Ok(certificates)
}

/// Returns a token as it would stand in an address.
pub(super) fn encoded(base: &Url, token: &SecretString) -> SecretString {
    let mut url = base.clone();
    url.query_pairs_mut().clear().append_key_only(token.expose_secret());
    SecretString::from(url.query().unwrap_or_default())
}

/// Returns the proof that the caller knows the app's secret: the lower-case hexadecimal HMAC-SHA256 of the token.
pub(super) fn proof(secret: &SecretString, token: &SecretString) -> SecretString {
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
        let proof = proof(
            &SecretString::from("key"),
            &SecretString::from("The quick brown fox jumps over the lazy dog"),
        );
        assert_eq!(proof.expose_secret(), "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8");
    }

    #[test]
    fn plain_http_goes_to_this_machine_alone() {
        for good in
            ["https://graph.facebook.com", "http://127.0.0.1:1", "http://localhost/x", "http://[::1]:1"]
        {
            assert!(base(good, "v25.0").is_ok(), "{good}");
        }
        for bad in
            ["http://graph.facebook.com", "ftp://localhost", "localhost", "https://u:p@graph.facebook.com"]
        {
            assert!(base(bad, "v25.0").is_err(), "{bad}");
        }
        for version in ["25.0", "v25", "v25.0.1", "v.0", "latest", "v25.0/x"] {
            assert!(base("https://graph.facebook.com", version).is_err(), "{version}");
        }
    }
}
