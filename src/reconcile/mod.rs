//! When a reconciler runs its next round, whether what it found is news, and whether it is ready.
//!
//! Everything here is pure: what happened goes in, what comes next comes out. Times are those of a clock that only runs
//! forward, since it began. The engine runs the rounds.

#[cfg(test)]
mod tests;

use std::time::Duration;

/// The pause after the first failed round. A guess: what passes by itself, such as a restart of a proxy, takes seconds.
const FIRST_RETRY: Duration = Duration::from_secs(5);

/// The most doublings of that pause. It only avoids an overflow: the interval is the limit.
const MAX_DOUBLINGS: u32 = 16;

/// The longest pause after a round that found the lease held: as long as a lease lives without its holder.
const LEASE: Duration = Duration::from_secs(120);

/// A reconciler is not ready once its last complete read is older than so many intervals. A guess: one round may fail.
const FRESH_INTERVALS: u32 = 3;

/// The time that is added to those intervals. A guess: a round of 100,000 WABAs takes a minute.
const FRESH_MARGIN: Duration = Duration::from_secs(60);

/// What a round does with the plan that it makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It writes nothing.
    Observe,
    /// It takes away what has expired, and writes nothing else.
    Expired,
    /// It applies the plan.
    Apply,
}

impl Mode {
    /// Returns the word for it in outputs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Expired => "expired",
            Self::Apply => "apply",
        }
    }
}

/// How a round ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoundEnd {
    /// Live access is as the manifests ask for.
    InSync,
    /// Live access differs, and the mode leaves that as it is.
    Drift,
    /// Every change was applied.
    Applied,
    /// Some WABAs could not be read, or some changes were not applied as planned.
    Partial,
    /// The guards refuse the plan. It waits for other manifests or a waiver in them.
    Refused {
        /// The digest of the plan.
        digest: String,
    },
    /// Another run holds the lease of the business.
    Held,
    /// The manifests have errors, and there are no earlier ones.
    NoManifests,
    /// There is no token, or the API does not accept it.
    TokenRefused,
    /// Meta asks to wait for longer than a round may wait.
    Throttled,
    /// Something else failed.
    Failed,
    /// The process was asked to end.
    Interrupted,
}

impl RoundEnd {
    /// The words of all ends, for metrics that begin with zero.
    pub const WORDS: [&'static str; 11] = [
        "in-sync",
        "drift",
        "applied",
        "partial",
        "refused",
        "held",
        "no-manifests",
        "token-refused",
        "throttled",
        "failed",
        "interrupted",
    ];

    /// Returns the word for it in outputs.
    pub const fn word(&self) -> &'static str {
        Self::WORDS[match self {
            Self::InSync => 0,
            Self::Drift => 1,
            Self::Applied => 2,
            Self::Partial => 3,
            Self::Refused { .. } => 4,
            Self::Held => 5,
            Self::NoManifests => 6,
            Self::TokenRefused => 7,
            Self::Throttled => 8,
            Self::Failed => 9,
            Self::Interrupted => 10,
        }]
    }

    /// Returns whether the round did what it had to. A refused plan waits for people, so repeating the round sooner is of no
    /// use.
    pub const fn is_success(&self) -> bool {
        match self {
            Self::InSync | Self::Drift | Self::Applied | Self::Refused { .. } => true,
            Self::Partial
            | Self::Held
            | Self::NoManifests
            | Self::TokenRefused
            | Self::Throttled
            | Self::Failed
            | Self::Interrupted => false,
        }
    }

    /// Returns whether live access was read.
    pub const fn has_read(&self) -> bool {
        matches!(self, Self::Partial | Self::Held) || self.is_success()
    }
}

/// What a round read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All of the scope.
    Whole,
    /// Some WABAs.
    Some,
}

/// What is known after the rounds so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// The number of rounds in a row that did not succeed.
    pub failures: u32,
    /// The plan that the guards refuse, and since when.
    pub refused: Option<(String, Duration)>,
    /// When a round last read all of the scope.
    pub last_read: Option<Duration>,
    /// When a round of all of the scope last succeeded.
    pub last_success: Option<Duration>,
    /// How the last round ended.
    pub last: Option<RoundEnd>,
}

/// What comes after a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next {
    /// The pause before the next round.
    pub wait: Duration,
    /// Whether the round ended otherwise than the one before.
    pub is_news: bool,
}

/// How often rounds run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The pause after a round that succeeded. No pause is longer.
    pub interval: Duration,
    /// The longest time of a round. A round that takes longer is stuck.
    pub longest: Duration,
}

impl Pace {
    /// Notes the end of a round, and returns what comes next.
    ///
    /// `now` is when it ended. `random` is from 0 up to 1: pauses after failures differ, so that replicas do not repeat
    /// theirs at the same moment.
    pub fn next(
        &self,
        standing: &mut Standing,
        end: RoundEnd,
        extent: Extent,
        now: Duration,
        random: f64,
    ) -> Next {
        let is_news = standing.last.as_ref() != Some(&end);
        if extent == Extent::Whole {
            standing.failures = if end.is_success() { 0 } else { standing.failures.saturating_add(1) };
            if end.has_read() {
                standing.last_read = Some(now);
            }
            if end.is_success() {
                standing.last_success = Some(now);
            }
            if let RoundEnd::Refused { digest } = &end {
                let earlier = standing.refused.take().filter(|(known, _)| known == digest);
                standing.refused = earlier.or_else(|| Some((digest.clone(), now)));
            } else if end.has_read() {
                standing.refused = None;
            }
        }
        let wait = if end == RoundEnd::Held {
            self.interval.min(LEASE)
        } else if end.is_success() {
            self.interval
        } else {
            self.retry(standing.failures, random)
        };
        standing.last = Some(end);
        Next { wait, is_news }
    }

    /// Returns the pause after so many failures in a row: twice as long each time, between half and all of it, and never
    /// longer than the interval.
    fn retry(&self, failures: u32, random: f64) -> Duration {
        let doublings = failures.saturating_sub(1).min(MAX_DOUBLINGS);
        let longest = FIRST_RETRY.saturating_mul(1 << doublings).min(self.interval);
        longest.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
    }

    /// Returns why the reconciler is not ready, if it is not.
    ///
    /// It is ready once a round has read all of the scope, while that is recent, and while manifests and token can be used.
    pub fn unready(&self, standing: &Standing, now: Duration) -> Option<&'static str> {
        let fresh = self.interval.saturating_mul(FRESH_INTERVALS).saturating_add(FRESH_MARGIN);
        match (&standing.last, standing.last_read) {
            (Some(RoundEnd::TokenRefused), _) => Some("the token cannot be used"),
            (Some(RoundEnd::NoManifests), _) => {
                Some("the manifests have errors, and there are no earlier ones")
            }
            (_, None) => Some("no round has read live access yet"),
            (_, Some(read)) if now.saturating_sub(read) > fresh => {
                Some("the last read of live access is too old")
            }
            (_, Some(_)) => None,
        }
    }

    /// Returns whether a round that began at a moment is stuck.
    pub fn is_stuck(&self, began: Duration, now: Duration) -> bool {
        now.saturating_sub(began) > self.longest
    }
}
