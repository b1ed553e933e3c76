//! How long answers take. It must not know what is asked.

use std::time::Duration;

/// The least share of a long tail that is drawn: so none is longer than a thousand times its scale.
const RAREST: f64 = 1e-6;

/// How long an answer takes, on the emulator's clock; zero where nothing else is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Latency {
    /// For each HTTP request.
    pub request: Duration,
    /// For each item of a batch behind the first.
    pub item: Duration,
    /// For each nested list that an answer holds.
    pub nested: Duration,
    /// The scale of a long tail: each request takes so much longer on average, half of them less than 0.42 of it,
    /// one in a hundred 9 times as much.
    pub tail: Duration,
}

impl Latency {
    /// Returns how long a request with so many calls takes before it is looked at; `chance` is between 0 and 1 and
    /// says where in the tail it falls.
    pub(super) fn before(&self, calls: usize, chance: f64) -> Duration {
        let further = u32::try_from(calls.saturating_sub(1)).unwrap_or(u32::MAX);
        let tail = self.tail.mul_f64(chance.max(RAREST).powf(-0.5) - 1.0);
        self.request + self.item.saturating_mul(further) + tail
    }

    /// Returns how long the nested lists of an answer take.
    pub(super) fn nested(&self, lists: usize) -> Duration {
        self.nested.saturating_mul(u32::try_from(lists).unwrap_or(u32::MAX))
    }
}

/// So long for each request, and no more for anything in it.
impl From<Duration> for Latency {
    fn from(request: Duration) -> Self {
        Self { request, ..Self::default() }
    }
}
