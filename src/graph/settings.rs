//! Settings of the client: what all runs of a process share, and what belongs to one run.

use super::error::GraphError;
use super::http;
use crate::clock::Clock;
use crate::store::SharedCalls;
use secrecy::{ExposeSecret, SecretString};
use std::path::PathBuf;
use std::time::Duration;

/// How assignments are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReadStrategy {
    /// Prefers speed while the predicted usage of every known limit stays below half, and few calls beyond that.
    #[default]
    Auto,
    /// Nested in the lists of WABAs: the fewest calls.
    Nested,
    /// WABA by WABA, up to 50 calls in one request: the fewest requests in flight.
    Batch,
    /// WABA by WABA, one request for each.
    Direct,
}

/// The connection to the API, and the limits that all runs of the process share. Its `Debug` shows no secrets.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address of the API, without the version. Plain HTTP is allowed to this machine only.
    pub graph_url: String,
    /// The version: `v` and two numbers.
    pub graph_version: String,
    /// The access token.
    pub token: SecretString,
    /// The app secret. If set, `appsecret_proof` is sent.
    pub app_secret: Option<SecretString>,
    /// A PEM file with additional root certificates.
    pub ca_file: Option<PathBuf>,
    /// The most requests in flight at a time, from 1.
    pub concurrency: usize,
    /// The most calls for one WABA in any hour, from 1.
    pub waba_calls_per_hour: u32,
    /// The folder of the call log, which all processes share. Without it, calls are counted in memory only.
    pub call_log: Option<PathBuf>,
    /// The calls on other machines that share a state, if there is one. They count as well.
    pub shared_calls: Option<SharedCalls>,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long one request may take, including its response.
    pub request_timeout: Duration,
    /// The limit of a response in bytes, after decompression.
    pub body_limit: usize,
    /// The clock.
    pub clock: Clock,
}

impl Settings {
    /// Returns the defaults for a token.
    ///
    /// - 200 calls an hour for a WABA: Meta's documented limit for an app without traffic.
    /// - 16 requests in flight: 16 batches of 50 calls; `benches/README.md` has the times.
    /// - 10 s to connect, 60 s for a request: guesses. A nested page of 100 WABAs takes seconds.
    /// - 32 MiB for a response: a guess, about ten times a nested page of 100 WABAs with 100 holders each.
    pub fn new(token: SecretString) -> Self {
        Self {
            graph_url: String::from("https://graph.facebook.com"),
            graph_version: String::from("v25.0"),
            token,
            app_secret: None,
            ca_file: None,
            concurrency: 16,
            waba_calls_per_hour: 200,
            call_log: None,
            shared_calls: None,
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(60),
            body_limit: 32 * 1024 * 1024,
            clock: Clock::real(),
        }
    }
}

/// The host of Meta's Graph API.
pub const META_HOST: &str = "graph.facebook.com";

/// Checks the address of an API, and returns its host; `None` if it is this machine.
///
/// # Errors
///
/// [`GraphError::Settings`] if the URL or the version cannot be used.
pub fn check_address(url: &str, version: &str) -> Result<Option<String>, GraphError> {
    let base = http::base(url, version)?;
    Ok(base.host_str().filter(|_| !http::is_loopback(&base)).map(str::to_owned))
}

/// Returns whether a secret consists of visible ASCII characters, as every token and app secret does.
pub fn check_secret(secret: &SecretString) -> bool {
    http::is_visible_ascii(secret.expose_secret())
}

/// The settings of one run.
#[derive(Debug, Clone)]
pub struct RunSettings {
    /// How assignments are read.
    pub read_strategy: ReadStrategy,
    /// How long the run waits in total because of limits.
    pub max_wait: Duration,
    /// How long the run may take in total.
    pub timeout: Option<Duration>,
    /// How often a read is retried after a transient error.
    pub retries: u32,
    /// The seed of the pauses before retries. Without it, they differ each time.
    pub jitter: Option<u64>,
}

impl Default for RunSettings {
    /// 15 minutes of waiting and 4 retries, both guesses: the waits of a throttled API grow to 8 minutes, and five
    /// attempts with their pauses span some seconds.
    fn default() -> Self {
        Self {
            read_strategy: ReadStrategy::Auto,
            max_wait: Duration::from_secs(15 * 60),
            timeout: None,
            retries: 4,
            jitter: None,
        }
    }
}
