//! How long responses take.

use std::time::Duration;

/// The lower bound of the random number for the tail: no latency exceeds a thousand times [`Latency::tail`]. A guess.
const MIN_TAIL_RANDOM: f64 = 1e-6;

/// The latency of responses on the emulator's clock. All parts are zero by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Latency {
    /// For each HTTP request.
    pub request: Duration,
    /// For each item of a batch after the first.
    pub item: Duration,
    /// For each nested list in a response.
    pub nested: Duration,
    /// The scale of a long tail, added to each request: 1 on average, below 0.42 for half of the requests, above 9 for
    /// one in a hundred.
    pub tail: Duration,
}

impl Latency {
    /// Returns how long a request with `calls` calls takes before it is handled. `random` is between 0 and 1 and
    /// selects the position in the tail.
    pub(crate) fn before(&self, calls: usize, random: f64) -> Duration {
        let further = u32::try_from(calls.saturating_sub(1)).unwrap_or(u32::MAX);
        let tail = self.tail.mul_f64(random.max(MIN_TAIL_RANDOM).powf(-0.5) - 1.0);
        self.request + self.item.saturating_mul(further) + tail
    }

    /// Returns how long the nested lists of a response take.
    pub(crate) fn nested(&self, lists: usize) -> Duration {
        self.nested.saturating_mul(u32::try_from(lists).unwrap_or(u32::MAX))
    }
}

/// The same latency for each request, whatever it contains.
impl From<Duration> for Latency {
    fn from(request: Duration) -> Self {
        Self { request, ..Self::default() }
    }
}
