//! Limits how long one run waits in total because of limits.

use std::time::Duration;

#[derive(Debug)]
pub(super) struct Patience {
    max_wait: Duration,
    /// The total of all waits so far, including the current ones to their end.
    total: Duration,
    /// The moment up to which waits are counted. Waits that overlap count once.
    counted: Duration,
}

impl Patience {
    pub(super) fn new(max_wait: Duration) -> Self {
        Self { max_wait, total: Duration::ZERO, counted: Duration::ZERO }
    }

    /// Counts a wait, and returns whether the run may wait for so long. If not, nothing is counted.
    pub(super) fn spend(&mut self, since: Duration, until: Duration) -> bool {
        let total = self.total + until.saturating_sub(since.max(self.counted));
        let is_enough = total <= self.max_wait;
        if is_enough {
            self.total = total;
            self.counted = self.counted.max(until);
        }
        is_enough
    }

    /// Returns how long the run has waited until now.
    pub(super) fn waited(&self, now: Duration) -> Duration {
        self.total.saturating_sub(self.counted.saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn waits_that_overlap_count_once() {
        let mut patience = Patience::new(S(100));
        assert!(patience.spend(S(0), S(60)));
        assert!(patience.spend(S(0), S(60)), "the same wait again");
        assert!(patience.spend(S(30), S(90)));
        assert_eq!(patience.waited(S(50)), S(50));
        assert!(!patience.spend(S(100), S(111)));
        assert!(patience.spend(S(100), S(110)));
        assert_eq!(patience.waited(S(110)), S(100));
        assert!(!patience.spend(S(200), S(201)));
    }
}
