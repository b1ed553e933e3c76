//! Random generators that depend on a seed, a call and the number of equal calls before it.
//!
//! Different calls do not influence each other, so that a run can be repeated whatever their order.

use std::collections::BTreeMap;

/// Derives a random generator for each call.
#[derive(Debug, Default)]
pub(crate) struct CallRngs {
    seed: u64,
    /// The number of calls so far, by the hash of the call.
    seen: BTreeMap<u64, u64>,
}

impl CallRngs {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, seen: BTreeMap::new() }
    }

    /// Counts a call and returns its generator. `call` is equal for equal calls.
    pub(crate) fn next(&mut self, call: &str) -> fastrand::Rng {
        let call = hash(self.seed, call.as_bytes());
        let count = self.seen.entry(call).or_default();
        *count += 1;
        fastrand::Rng::with_seed(hash(call, &count.to_be_bytes()))
    }
}

/// Returns a seeded hash of the bytes: FNV-1a, followed by the finalizer of `SplitMix64`.
pub(crate) fn hash(seed: u64, bytes: &[u8]) -> u64 {
    let start = seed ^ 0xcbf2_9ce4_8422_2325;
    let mut hash =
        bytes.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
