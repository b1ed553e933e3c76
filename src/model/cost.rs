//! The cost of a run in calls to the API.

use std::time::Duration;

/// The cost of a run so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// The number of HTTP requests.
    pub requests: u64,
    /// The number of calls as Meta counts them: a batch counts as its calls.
    pub calls: u64,
    /// The number of calls that were sent again.
    pub retries: u64,
    /// The time spent waiting because of limits.
    pub waited: Duration,
    /// The highest reported use of any limit, in percent.
    pub usage: Option<u32>,
}
