//! How the API is reached.

use crate::time::Time;
use secrecy::SecretString;
use std::path::PathBuf;
use std::time::Duration;

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
    /// How many WABAs are read at a time, from 1.
    pub concurrency: usize,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long one request may take, its answer read to the end.
    pub request_timeout: Duration,
    /// How long an answer may be, in bytes, after decompression.
    pub body_limit: usize,
    /// How often a read is tried again on a passing fault.
    pub retries: u32,
    /// How waiting is done.
    pub time: Time,
}

impl Settings {
    /// Gives the defaults, with a token: Meta's own address, v25.0, 10 WABAs at a time, 10 s to connect, 60 s
    /// a request, answers of at most 32 MiB, 4 retries.
    pub fn new(token: SecretString) -> Self {
        Self {
            graph_url: String::from("https://graph.facebook.com"),
            graph_version: String::from("v25.0"),
            token,
            app_secret: None,
            ca_file: None,
            concurrency: 10,
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(60),
            body_limit: 32 * 1024 * 1024,
            retries: 4,
            time: Time::real(),
        }
    }
}
