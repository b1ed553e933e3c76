//! Plays the protocol of a shared state: many seeds by chance, and every order of two processes on a small instance.
//!
//! ```console
//! $ cargo run --release --example state -- --seeds 20000
//! $ cargo run --release --example state -- --explore 6
//! ```

#![allow(clippy::print_stdout, reason = "it is there to print")]

mod model;

use clap::Parser;
use model::explore::{Explored, explore, small};
use model::random::{Counts, play};
use model::{Breach, Promise};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Instant;

/// Plays the protocol of a shared state
#[derive(Debug, Parser)]
struct Args {
    /// How many seeds
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Plays every order of two processes instead: on instances with at most so many seconds
    #[arg(long, value_name = "SECONDS")]
    explore: Option<u64>,
}

/// The instances that are explored: how often the store may fail, and how many processes may be killed.
const INSTANCES: [(u32, u32); 4] = [(0, 0), (0, 1), (1, 0), (1, 1)];

fn main() -> ExitCode {
    let args = Args::parse();
    let is_good = match args.explore {
        Some(seconds) => explore_all(seconds),
        None => play_all(&args),
    };
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn explore_all(seconds: u64) -> bool {
    INSTANCES.into_iter().all(|(faults, kills)| {
        let start = Instant::now();
        let explored = explore(&small(faults, kills, seconds));
        println!("{faults} faults, {kills} kills, {seconds} s: {:.1?}", start.elapsed());
        match explored {
            Ok(Explored { worlds, ends, takeovers }) => {
                println!("  kept: {worlds} worlds, {ends} of them ends, {takeovers} with a takeover");
                true
            }
            Err(((promise, what), path)) => {
                println!("  BROKEN: {}: {what}", promise.text());
                for action in path {
                    println!("    {action:?}");
                }
                false
            }
        }
    })
}

fn play_all(args: &Args) -> bool {
    let start = Instant::now();
    let mut broken: BTreeMap<Promise, Vec<u64>> = BTreeMap::new();
    let mut counts = Counts::default();
    for seed in args.from..args.from + args.seeds {
        let played: Result<Counts, Breach> = play(seed, |_| ());
        match played {
            Ok(played) => counts.add(&played),
            Err((promise, what)) => {
                println!("seed {seed}: {what}");
                broken.entry(promise).or_default().push(seed);
            }
        }
    }
    for promise in Promise::ALL {
        match broken.get(&promise) {
            None => println!("kept    {}", promise.text()),
            Some(seeds) => println!("BROKEN  {}: {} seeds", promise.text(), seeds.len()),
        }
    }
    println!("{counts:?}");
    println!("{} seeds in {:.1?}", args.seeds, start.elapsed());
    broken.is_empty()
}
