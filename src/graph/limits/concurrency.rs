//! Limits the requests in flight, and adapts the limit to the responses.
//!
//! The limit grows while responses are quick, and halves when the API shows strain: it grows by one with each response
//! at first, and by one with each round of responses after the first sign of strain.

use std::time::Duration;

/// The first limit. A guess: with doubling, the default maximum of 16 is reached after two rounds.
const FIRST_LIMIT: f64 = 4.0;
/// How many times slower than the quickest of its kind a response may be and still count as quick. A guess.
const QUICK_FACTOR: u32 = 3;
/// How much slower than that a response may be in any case. A guess: on a local emulator, scheduling alone takes
/// milliseconds.
const QUICK_MARGIN: Duration = Duration::from_millis(20);
/// How long the quickest response is remembered. A guess: a process that runs for days sees its network change.
const MEMORY: Duration = Duration::from_secs(10 * 60);

/// The kinds of requests, whose response times are compared with their own kind only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::graph) enum RequestKind {
    Single,
    Batch,
}

#[derive(Debug)]
pub(super) struct Concurrency {
    limit: f64,
    max: f64,
    in_flight: usize,
    /// Whether the limit still doubles with each round of responses.
    doubling: bool,
    /// When the limit was halved. Responses to earlier requests do not halve it again.
    halved: Duration,
    /// The quickest response of each kind, and when it came.
    quickest: [Option<(Duration, Duration)>; 2],
}

impl Concurrency {
    pub(super) fn new(max: usize) -> Self {
        let max = to_f64(max.max(1));
        Self {
            limit: FIRST_LIMIT.min(max),
            max,
            in_flight: 0,
            doubling: true,
            halved: Duration::ZERO,
            quickest: [None; 2],
        }
    }

    /// Counts one more request in flight, unless the limit is reached.
    pub(super) fn acquire(&mut self) -> bool {
        let is_free = to_f64(self.in_flight) + 1.0 <= self.limit;
        self.in_flight += usize::from(is_free);
        is_free
    }

    pub(super) fn release(&mut self) {
        self.in_flight -= 1;
    }

    /// Notes a response without signs of strain.
    pub(super) fn note_success(&mut self, kind: RequestKind, now: Duration, took: Duration) {
        let quickest = &mut self.quickest[kind as usize];
        let best = match *quickest {
            Some((best, at)) if best <= took && now.saturating_sub(at) < MEMORY => best,
            Some(_) | None => quickest.insert((took, now)).0,
        };
        if took <= best * QUICK_FACTOR + QUICK_MARGIN {
            let step = if self.doubling { 1.0 } else { 1.0 / self.limit };
            self.limit = (self.limit + step).min(self.max);
        } else {
            self.doubling = false;
        }
    }

    /// Notes a failure or high usage: halves the limit, once for all requests that were in flight.
    pub(super) fn note_strain(&mut self, now: Duration, took: Duration) {
        self.doubling = false;
        if now.saturating_sub(took) >= self.halved {
            self.limit = (self.limit / 2.0).max(1.0);
            self.halved = now;
        }
    }

    /// Notes that the API throttles calls: begins again with one request at a time.
    pub(super) fn note_throttled(&mut self) {
        self.limit = 1.0;
        self.doubling = true;
    }
}

#[allow(clippy::cast_precision_loss, reason = "there are never so many requests")]
fn to_f64(requests: usize) -> f64 {
    requests as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    /// Returns how many requests can be in flight.
    fn limit(concurrency: &mut Concurrency) -> usize {
        let free = std::iter::from_fn(|| concurrency.acquire().then_some(())).count();
        (0..free).for_each(|_| concurrency.release());
        free
    }

    #[test]
    fn the_limit_doubles_while_responses_are_quick_and_stops_at_the_maximum() {
        let mut concurrency = Concurrency::new(16);
        assert_eq!(limit(&mut concurrency), 4);
        for _ in 0..4 {
            concurrency.note_success(RequestKind::Single, MS(100), MS(100));
        }
        assert_eq!(limit(&mut concurrency), 8);
        for _ in 0..50 {
            concurrency.note_success(RequestKind::Single, MS(200), MS(100));
        }
        assert_eq!(limit(&mut concurrency), 16);
    }

    #[test]
    fn strain_halves_the_limit_once_for_the_requests_in_flight() {
        let mut concurrency = Concurrency::new(16);
        (0..12).for_each(|_| concurrency.note_success(RequestKind::Single, MS(100), MS(100)));
        concurrency.note_strain(MS(300), MS(100));
        concurrency.note_strain(MS(310), MS(100));
        assert_eq!(limit(&mut concurrency), 8);
        concurrency.note_strain(MS(500), MS(100));
        assert_eq!(limit(&mut concurrency), 4);
        concurrency.note_success(RequestKind::Single, MS(600), MS(100));
        assert_eq!(limit(&mut concurrency), 4, "one more after a round of responses");
        concurrency.note_throttled();
        assert_eq!(limit(&mut concurrency), 1);
    }

    #[test]
    fn slow_responses_do_not_raise_the_limit_until_the_quickest_is_forgotten() {
        let mut concurrency = Concurrency::new(16);
        concurrency.note_success(RequestKind::Single, MS(0), MS(10));
        let slow = MS(51);
        concurrency.note_success(RequestKind::Single, MS(100), slow);
        assert_eq!(limit(&mut concurrency), 5);
        concurrency.note_success(RequestKind::Batch, MS(100), slow);
        assert_eq!(limit(&mut concurrency), 5, "no longer doubling");
        for second in 0..10 {
            concurrency.note_success(RequestKind::Single, MEMORY + MS(second * 1000), slow);
        }
        assert_eq!(limit(&mut concurrency), 6);
    }
}
