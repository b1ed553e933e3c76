//! Chance that repeats: what is drawn for a call depends on a seed, on the call, and on how often that same call
//! came before, and never on what else happens.

use std::collections::BTreeMap;

/// Draws for calls, and counts them for it.
#[derive(Debug, Default)]
pub(super) struct Chance {
    seed: u64,
    seen: BTreeMap<u64, u64>,
}

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, seen: BTreeMap::new() }
    }

    /// Returns the source of all that is drawn for a call that comes now.
    pub(super) fn draw(&mut self, call: &str) -> fastrand::Rng {
        let call = hash(self.seed, call.as_bytes());
        let times = self.seen.entry(call).or_default();
        *times += 1;
        fastrand::Rng::with_seed(hash(call, &times.to_be_bytes()))
    }
}

/// Returns a number that depends on all of this and looks like none of it (FNV-1a, and a mixer at its end).
pub(super) fn hash(seed: u64, bytes: &[u8]) -> u64 {
    let start = seed ^ 0xcbf2_9ce4_8422_2325;
    let mut hash =
        bytes.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
