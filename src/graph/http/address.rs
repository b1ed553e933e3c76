//! The base address, the headers and the certificates of requests.

use crate::graph::error::GraphError;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use std::net::IpAddr;
use std::path::Path;

/// Returns the base address, including the version.
pub(in crate::graph) fn base(url: &str, version: &str) -> Result<Url, GraphError> {
    if !is_version(version) {
        return Err(GraphError::settings("--graph-version must be `v` and two numbers, such as v25.0"));
    }
    let mut base = Url::parse(url)
        .map_err(|error| GraphError::settings_because("--graph-url is not a valid URL", error))?;
    if !base.username().is_empty() || base.password().is_some() {
        return Err(GraphError::settings(
            "--graph-url must not contain a user or a password: both would appear in logs",
        ));
    }
    match base.scheme() {
        "https" => {}
        "http" if is_loopback(&base) => {}
        "http" => {
            return Err(GraphError::settings(
                "--graph-url must be https; plain HTTP is allowed to this machine only (127.0.0.1, localhost)",
            ));
        }
        _ => return Err(GraphError::settings("--graph-url must be https or http")),
    }
    base.set_query(None);
    base.set_fragment(None);
    match base.path_segments_mut() {
        Ok(mut segments) => _ = segments.pop_if_empty().push(version),
        Err(()) => return Err(GraphError::settings("--graph-url has no path")),
    }
    Ok(base)
}

fn is_version(version: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let numbers = version.strip_prefix('v').and_then(|numbers| numbers.split_once('.'));
    numbers.is_some_and(|(major, minor)| is_number(major) && is_number(minor))
}

/// Returns whether an address is on this machine.
pub(in crate::graph) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Returns the headers that carry the token.
pub(super) fn headers(token: &SecretString) -> Result<HeaderMap, GraphError> {
    if token.expose_secret().is_empty() {
        return Err(GraphError::settings("the access token is empty"));
    }
    let value = format!("Bearer {}", token.expose_secret());
    let value = HeaderValue::from_str(&value).ok().filter(|_| is_visible_ascii(token.expose_secret()));
    let mut value = value.ok_or_else(|| {
        GraphError::settings(
            "the access token contains a character that no token has, such as a line break or an invisible one",
        )
    })?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(AUTHORIZATION, value)]))
}

/// Returns whether a text consists of visible ASCII characters, as every token and app secret does.
pub(in crate::graph) fn is_visible_ascii(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Reads the certificates of a PEM file.
pub(super) fn certificates(path: &Path) -> Result<Vec<reqwest::Certificate>, GraphError> {
    let shown = crate::text::escape(&path.display().to_string()).into_owned();
    let pem = std::fs::read(path).map_err(|error| {
        GraphError::settings_because(format!("--ca-file {shown} could not be read"), error)
    })?;
    let certificates = reqwest::Certificate::from_pem_bundle(&pem)
        .map_err(|error| GraphError::settings_because(format!("--ca-file {shown} is not PEM"), error))?;
    if certificates.is_empty() {
        return Err(GraphError::settings(format!("--ca-file {shown} contains no certificate")));
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_with_an_invisible_character_is_refused_without_showing_it() {
        for token in ["\u{feff}EAAB", "EAA\u{200b}B", "EAA B", "EAA\u{a0}", "EAA\tB", "EAÄ", "EAA\u{7f}"] {
            let error = headers(&SecretString::from(token)).unwrap_err().to_string();
            assert!(error.contains("a character that no token has") && !error.contains("EA"), "{error}");
        }
        assert!(headers(&SecretString::from("EAAB|x_-.")).is_ok());
    }

    #[test]
    fn plain_http_is_allowed_to_this_machine_only() {
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
