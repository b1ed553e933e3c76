//! Pauses that the API asks for, for all calls or for those of one WABA. None of them is sent during a pause.

use crate::graph::error::{ApiError, Estimate};
use std::time::Duration;

/// The first pause if the API does not say how long. A guess: Meta's headers count in minutes, so a minute is the
/// shortest estimate that they can give.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
/// The most doublings of the pause. A guess: 17 hours, more than any run waits.
const MAX_DOUBLINGS: u32 = 10;

/// A pause, and why the API asks for it.
#[derive(Debug, Clone)]
pub(super) struct Pause {
    pub(super) since: Duration,
    pub(super) until: Duration,
    pub(super) estimate: Estimate,
    pub(super) api: ApiError,
}

impl Pause {
    /// Returns how long the pause still takes.
    pub(super) fn remaining(&self, now: Duration) -> Duration {
        self.until.saturating_sub(now)
    }
}

/// The current pause, if any.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    pause: Option<Pause>,
    /// How many pauses there were without a success in between.
    in_a_row: u32,
}

impl Pauses {
    /// Returns the pause in which a moment is.
    pub(super) fn pause(&self, now: Duration) -> Option<&Pause> {
        self.pause.as_ref().filter(|pause| now < pause.until)
    }

    /// Begins a pause, or extends the current one, and returns whether it is a new one.
    ///
    /// Without a `wait`, each further pause in a row is twice as long. A request that was in flight when the pause
    /// began does not show that the pause was too short.
    pub(super) fn begin(&mut self, now: Duration, wait: Option<Duration>, api: &ApiError) -> bool {
        let current = self.pause(now).cloned();
        let doublings = if current.is_some() { 0 } else { self.in_a_row.min(MAX_DOUBLINGS) };
        let estimate = if wait.is_some() { Estimate::Meta } else { Estimate::Own };
        let until = now.saturating_add(wait.unwrap_or_else(|| FIRST_PAUSE * 2_u32.pow(doublings)));
        let is_new = current.is_none();
        self.in_a_row += u32::from(is_new);
        self.pause = Some(match current {
            Some(pause) if pause.until >= until => pause,
            Some(pause) => Pause { until, estimate, ..pause },
            None => Pause { since: now, until, estimate, api: api.clone() },
        });
        is_new
    }

    /// Notes a response without signs of strain.
    pub(super) fn note_success(&mut self) {
        self.in_a_row = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    fn api() -> ApiError {
        let message = String::from("slow down");
        ApiError { status: 400, code: Some(4), subcode: None, message, explanation: None, trace: None }
    }

    fn until(pauses: &Pauses, now: Duration) -> Option<Duration> {
        pauses.pause(now).map(|pause| pause.until)
    }

    #[test]
    fn a_pause_is_as_long_as_the_api_says_and_can_be_extended() {
        let mut pauses = Pauses::default();
        assert!(pauses.begin(S(10), Some(S(30)), &api()));
        assert!(!pauses.begin(S(20), Some(S(5)), &api()));
        assert_eq!(until(&pauses, S(39)), Some(S(40)), "the longer wait counts");
        assert!(!pauses.begin(S(20), None, &api()));
        assert_eq!(until(&pauses, S(79)), Some(S(80)));
        assert_eq!(until(&pauses, S(80)), None);
    }

    #[test]
    fn pauses_in_a_row_double_until_a_success() {
        let mut pauses = Pauses::default();
        for (now, end) in [(0, 60), (60, 180), (180, 420)] {
            assert!(pauses.begin(S(now), None, &api()));
            assert_eq!(until(&pauses, S(now)), Some(S(end)));
        }
        pauses.note_success();
        pauses.begin(S(420), None, &api());
        assert_eq!(until(&pauses, S(420)), Some(S(480)));
    }
}
