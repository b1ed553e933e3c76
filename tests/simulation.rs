//! Plays fifty seeds of the simulation. `just simulation` plays thousands.

#[path = "../examples/simulate/simulation/mod.rs"]
mod seeds;

use seeds::{Counts, Promise, play, quick_folder};

/// How many seeds are played in each of two tests, which run side by side.
const SEEDS: u64 = 25;

/// Plays some seeds; every promise has to be kept, and enough has to happen for that to mean anything.
fn holds(seeds: std::ops::Range<u64>) {
    let folder = quick_folder();
    let mut counts = Counts::default();
    for seed in seeds {
        let played = play(seed, &folder).unwrap();
        assert_eq!(played.breaches, [], "cargo run --release --example simulate -- --seed {seed}");
        counts.add(&played.counts);
    }
    let Counts { killed, interrupted, refused, writes, unknown, foreign, converged, .. } = counts;
    assert!(killed > SEEDS / 5 && interrupted > SEEDS / 20 && refused > SEEDS / 5, "{counts:?}");
    assert!(writes > SEEDS * 4 && unknown > SEEDS / 20 && foreign > SEEDS / 20, "{counts:?}");
    assert!(converged > SEEDS / 2, "{counts:?}");
}

#[test]
fn every_promise_is_kept_under_faults_and_kills() {
    holds(0..SEEDS);
}

#[test]
fn and_with_other_seeds() {
    holds(SEEDS..2 * SEEDS);
}

#[test]
fn a_seed_repeats_exactly() {
    let folder = quick_folder();
    for seed in [103, 1359, 4711] {
        assert_eq!(play(seed, &folder).unwrap(), play(seed, &folder).unwrap());
    }
}

#[test]
fn each_promise_has_a_line_of_its_own() {
    let lines: std::collections::BTreeSet<String> = Promise::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(lines.len(), 7);
}
