//! How the API is reached, and how much of it may be used.

use crate::clock::Clock;
use secrecy::SecretString;
use std::path::PathBuf;
use std::time::Duration;

/// How assignments are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReadStrategy {
    /// As quick as it can be while the predicted use stays below half of every known limit, and as sparing as it can
    /// be beyond.
    #[default]
    Auto,
    /// Nested in the lists of WABAs: the fewest calls.
    Nested,
    /// WABA by WABA, up to 50 in one request: the fewest requests at a time.
    Batch,
    /// WABA by WABA, a request for each.
    Direct,
}

/// How the API is reached, and with which secrets. Its `Debug` shows none of them.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address of the API, without a version; plain HTTP only to this machine.
    pub graph_url: String,
    /// The version: `v` and two numbers.
    pub graph_version: String,
    /// The access token.
    pub token: SecretString,
    /// The app secret; with one, `appsecret_proof` is sent.
    pub app_secret: Option<SecretString>,
    /// A PEM file with one more root certificate.
    pub ca_file: Option<PathBuf>,
    /// How many requests are sent at a time at most, from 1.
    pub concurrency: usize,
    /// How assignments are read.
    pub read_strategy: ReadStrategy,
    /// How many calls are made for one WABA in any hour, from 1.
    pub waba_calls_per_hour: u32,
    /// The folder in which runs note their calls of the last hour for one another; without one they do not.
    pub budget_dir: Option<PathBuf>,
    /// How long a run waits in all because of limits.
    pub max_wait: Duration,
    /// When the run ends, by [`Clock::elapsed`].
    pub deadline: Option<Duration>,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long one request may take, its answer read to the end.
    pub request_timeout: Duration,
    /// How long an answer may be, in bytes, after decompression.
    pub body_limit: usize,
    /// How often a read is tried again on a passing fault.
    pub retries: u32,
    /// The seed of the pauses before retries; without one they differ each time.
    pub jitter: Option<u64>,
    /// The clock.
    pub clock: Clock,
}

impl Settings {
    /// Returns the defaults, with a token: Meta's own address, v25.0, 16 requests at a time, 200 calls an hour for a
    /// WABA, 15 min of waiting, 10 s to connect, 60 s a request, answers of at most 32 MiB, 4 retries.
    pub fn new(token: SecretString) -> Self {
        Self {
            graph_url: String::from("https://graph.facebook.com"),
            graph_version: String::from("v25.0"),
            token,
            app_secret: None,
            ca_file: None,
            concurrency: 16,
            read_strategy: ReadStrategy::Auto,
            waba_calls_per_hour: 200,
            budget_dir: None,
            max_wait: Duration::from_secs(15 * 60),
            deadline: None,
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(60),
            body_limit: 32 * 1024 * 1024,
            retries: 4,
            jitter: None,
            clock: Clock::real(),
        }
    }
}
