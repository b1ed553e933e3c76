//! The proxy variables. One that is wrong is an error: without a proxy, the token could leave a network that has one.

use crate::graph::error::GraphError;
use reqwest::Url;
use std::env::{self, VarError};

/// The variables that name a proxy for HTTPS. The HTTP client takes the first one that is set in each line.
const VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// Checks the proxy variables of the environment, because the HTTP client ignores one that it cannot read.
pub(super) fn check_environment() -> Result<(), GraphError> {
    VARIABLES.into_iter().try_for_each(|name| match env::var(name) {
        Ok(value) if !is_proxy(&value) => Err(malformed(name)),
        Err(VarError::NotUnicode(_)) => Err(malformed(name)),
        Ok(_) | Err(VarError::NotPresent) => Ok(()),
    })
}

/// The value can hold a password, so it is not shown.
fn malformed(name: &str) -> GraphError {
    GraphError::settings(format!(
        "{name} is not the address of a proxy, such as http://proxy.example.com:3128"
    ))
}

/// Returns whether the HTTP client uses a value: `http://`, `https://` or no scheme, with a host. An empty value means no
/// proxy.
fn is_proxy(value: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
    let full = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
    let host_follows = full.split_once("://").is_some_and(|(_, rest)| !rest.starts_with('/'));
    let parsed =
        || Url::parse(&full).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    value.is_empty() || (value.bytes().all(allowed) && host_follows && parsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_that_the_client_would_ignore_is_an_error() {
        for good in
            ["", "http://proxy:3128", "https://u:p%40@proxy", "proxy:3128", "http://[::1]:1/", "10.0.0.1:1"]
        {
            assert!(is_proxy(good), "{good}");
        }
        for bad in [
            " ",
            "http://proxy :1",
            "http:///proxy",
            "http://",
            "socks5://proxy",
            "proxy:x",
            "http:proxy",
            "http://a^b",
        ] {
            assert!(!is_proxy(bad), "{bad}");
        }
    }
}
