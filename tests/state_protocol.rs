//! Plays the protocol of a shared state: some seeds, and the smallest instance in every order. `just state` plays more.

#[path = "../examples/state/model/mod.rs"]
mod model;

use model::explore::{explore, small};
use model::random::{Counts, play};
use model::{Config, Promise, Prune};
use std::time::Duration;

/// The number of seeds: as many as keep `cargo test` short.
const SEEDS: u64 = 60;

#[test]
fn every_promise_is_kept_under_faults_pauses_and_kills() {
    let mut counts = Counts::default();
    for seed in 0..SEEDS {
        match play(seed, |_| ()) {
            Ok(played) => counts.add(&played),
            Err(breach) => {
                panic!("cargo run --release --example state -- --from {seed} --seeds 1: {breach:?}")
            }
        }
    }
    // Enough must happen for kept promises to prove something.
    let Counts { writes, faults, kills, pauses, takeovers, settled, .. } = counts;
    assert!(writes > SEEDS * 5 && faults > SEEDS && kills > SEEDS / 4 && pauses > SEEDS, "{counts:?}");
    assert!(takeovers > SEEDS / 10 && settled > SEEDS / 5, "{counts:?}");
    assert!(counts.removed > SEEDS * 2, "{counts:?}");
}

#[test]
fn every_order_of_two_processes_keeps_the_promises() {
    let explored = explore(&small(0, 0, 2)).expect("no promise is broken");
    assert!(explored.worlds > 10_000 && explored.ends > 0 && explored.takeovers > 100, "{explored:?}");
}

/// Returns whether a promise breaks within some seeds.
fn breaks(change: impl Fn(&mut Config)) -> Option<Promise> {
    (0..200).find_map(|seed| play(seed, &change).err()).map(|(promise, _)| promise)
}

#[test]
fn a_lease_that_is_too_short_breaks_a_promise() {
    // Shorter than the silence between two beats.
    assert_eq!(breaks(|config| config.timing.lease = Duration::from_secs(5)), Some(Promise::OneWriter));
    let mut config = small(0, 0, 2);
    config.timing.lease = Duration::from_secs(1);
    let ((promise, _), _) = explore(&config).expect_err("the second process reads too early");
    assert_eq!(promise, Promise::OneWriter);
}

#[test]
fn a_store_that_overwrites_breaks_a_promise() {
    assert!(breaks(|config| config.is_conditional = false).is_some());
    let mut config = small(0, 0, 2);
    config.is_conditional = false;
    explore(&config).expect_err("both processes hold the lease");
}

#[test]
fn a_removal_of_recent_positions_breaks_a_promise() {
    let recent = Prune { keep: Duration::from_secs(20), positions: 0 };
    assert!(breaks(|config| config.prune = Some(recent)).is_some());
}

#[test]
fn a_removal_of_old_positions_breaks_a_promise_if_a_run_may_sleep_for_longer() {
    assert!(breaks(|config| config.timing.stale = Duration::from_secs(1_000_000)).is_some());
}
