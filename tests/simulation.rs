//! Plays fifty seeds of the simulation. `just simulation` plays thousands.

#[path = "../examples/simulate/simulation/mod.rs"]
mod seeds;

use seeds::{Counts, Promise, play, quick_folder};

/// The number of seeds: as many as keep `cargo test` short.
const SEEDS: u64 = 50;

/// Plays a range of seeds and returns what happened in them. Every promise must be kept.
fn play_all(seeds: std::ops::Range<u64>) -> Counts {
    let folder = quick_folder();
    let mut counts = Counts::default();
    for seed in seeds {
        let played = play(seed, &folder).unwrap();
        assert_eq!(played.breaches, [], "cargo run --release --example simulate -- --seed {seed}");
        counts.add(&played.counts);
    }
    counts
}

/// Enough must happen for kept promises to prove something: the thresholds are well below the averages of 2,000 seeds.
#[test]
fn every_promise_is_kept_under_faults_and_kills() {
    let other_half = std::thread::spawn(|| play_all(SEEDS / 2..SEEDS));
    let mut counts = play_all(0..SEEDS / 2);
    counts.add(&other_half.join().unwrap());
    let Counts { killed, interrupted, refused, writes, unknown, foreign, converged, shared, lost, .. } =
        counts;
    assert!(killed > SEEDS / 5 && interrupted > SEEDS / 20 && refused > SEEDS / 5, "{counts:?}");
    assert!(writes > SEEDS * 3 && unknown > SEEDS / 20 && foreign > SEEDS / 20, "{counts:?}");
    assert!(converged > SEEDS / 2, "{counts:?}");
    assert!(shared > SEEDS / 4 && lost > 0, "{counts:?}");
}

#[test]
fn a_seed_repeats_exactly() {
    let folder = quick_folder();
    for seed in [103, 1359, 4711, 4713] {
        assert_eq!(play(seed, &folder).unwrap(), play(seed, &folder).unwrap());
    }
}

#[test]
fn each_promise_has_a_line_of_its_own() {
    let lines: std::collections::BTreeSet<String> = Promise::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(lines.len(), Promise::ALL.len());
}
