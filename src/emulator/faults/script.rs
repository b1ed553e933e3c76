//! Scripts: random faults from a seed.

use super::latency::Latency;
use super::rates::Rates;
use super::seeded_rng::hash;
use crate::model::{UserId, WabaId};
use fastrand::Rng;
use std::collections::BTreeSet;
use std::time::Duration;

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// Random faults from a seed.
///
/// The fault of a call depends on the seed, on the call, and on the number of equal calls before it. It does not depend
/// on the order of different calls.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Script {
    /// The seed.
    pub seed: u64,
    /// How often each fault happens.
    pub rates: Rates,
    /// The latency, added to that of the emulator's options.
    pub latency: Latency,
    /// When all tokens expire, counted from the start of the script.
    pub tokens_expire_after: Option<Duration>,
    /// The share of WABAs whose assignments can neither be read nor written. A seed always selects the same WABAs.
    pub forbidden_wabas: f64,
    /// The average time between changes that somebody else makes to assignments.
    pub foreign_change_interval: Option<Duration>,
    /// Users whose assignments nobody else changes, in addition to ADMIN system users.
    pub protected_users: BTreeSet<UserId>,
    /// Whether responses are compressed for clients that accept it.
    pub gzip: bool,
    /// The URL to which redirects lead; by default a port on which nothing listens.
    pub redirect_to: Option<String>,
}

impl Script {
    /// Makes a script of a seed: its severity as well as each fault.
    pub fn from_seed(seed: u64) -> Self {
        let mut rng = Rng::with_seed(hash(seed, b"script"));
        let base = Self {
            seed,
            latency: Latency {
                request: MILLISECOND * rng.u32(1..200),
                tail: MILLISECOND * rng.u32(1..300),
                ..Latency::default()
            },
            gzip: rng.bool(),
            ..Self::default()
        };
        match rng.u8(..10) {
            0 | 1 => base,
            2..=4 => Self { rates: Rates::flaky(&mut rng), ..base },
            5 => Self { rates: Rates::busy(&mut rng), ..base },
            6 | 7 => Self { rates: Rates::odd(&mut rng), ..base },
            _ => base.hostile(&mut rng),
        }
    }

    /// Adds a little of everything that can go wrong.
    fn hostile(self, rng: &mut Rng) -> Self {
        Self {
            rates: Rates::hostile(rng),
            tokens_expire_after: rng.bool().then(|| SECOND * rng.u32(1..60)),
            forbidden_wabas: if rng.bool() { 0.2 * rng.f64() } else { 0.0 },
            foreign_change_interval: rng.bool().then(|| MILLISECOND * rng.u32(200..20_000)),
            ..self
        }
    }

    /// Returns whether the assignments of a WABA can neither be read nor written.
    pub(crate) fn forbids(&self, waba: WabaId) -> bool {
        let seed = hash(hash(self.seed, b"forbidden"), &waba.number().to_be_bytes());
        self.forbidden_wabas > 0.0 && Rng::with_seed(seed).f64() < self.forbidden_wabas
    }
}
