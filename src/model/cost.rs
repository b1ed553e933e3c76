//! What a run costs at the API.

use std::time::Duration;

/// What a run has cost so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// HTTP requests that were sent.
    pub requests: u64,
    /// Calls in them, as the API counts: a batch is as many as it holds.
    pub calls: u64,
    /// Calls that were sent again.
    pub retries: u64,
    /// How long was waited because of limits.
    pub waited: Duration,
    /// The highest share of any limit that an answer told, in percent.
    pub usage: Option<u32>,
}
