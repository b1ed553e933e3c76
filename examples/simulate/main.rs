//! Plays many seeds of the simulation, and prints one line for each promise.
//!
//! ```console
//! $ cargo run --release --example simulate -- --seeds 20000
//! $ cargo run --release --example simulate -- --seed 4711     # one seed again, with all that happened
//! ```

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is there to print")]

mod simulation;

use clap::Parser;
use simulation::{Breach, Counts, Played, Promise, describe, play, play_with_log, quick_folder};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// How many failing seeds of a promise are named.
const MOST_NAMED: usize = 5;

/// Plays the simulation with many seeds
#[derive(Debug, Parser)]
struct Args {
    /// How many seeds
    #[arg(long, default_value_t = 1_000)]
    seeds: u32,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Plays this one alone, and prints all that happened, with its log on stderr
    #[arg(long)]
    seed: Option<u64>,
    /// How many are played at a time (the number of processors)
    #[arg(long)]
    threads: Option<usize>,
}

fn main() -> io::Result<ExitCode> {
    let args = Args::parse();
    let folder = quick_folder();
    let good = match args.seed {
        Some(seed) => one(seed, &folder)?,
        None => many(&args, &folder)?,
    };
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn one(seed: u64, folder: &Path) -> io::Result<bool> {
    let (Played { breaches, counts, story }, log) = play_with_log(seed, folder)?;
    eprint!("{log}");
    println!("{}\n{}\n{counts:?}", describe(seed), story.join("\n"));
    for Breach { promise, what } in &breaches {
        println!("BROKEN: {promise}: {what}");
    }
    Ok(breaches.is_empty())
}

fn many(args: &Args, folder: &Path) -> io::Result<bool> {
    let threads = args.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, Into::into));
    let next = AtomicU64::new(args.from);
    let end = args.from + u64::from(args.seeds);
    let broken: Mutex<BTreeMap<Promise, Vec<u64>>> = Mutex::default();
    let counts: Mutex<Counts> = Mutex::default();
    let start = Instant::now();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1))
            .map(|_| {
                scope.spawn(|| {
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= end {
                            return Ok(());
                        }
                        let played = play(seed, folder)?;
                        counts.lock().expect("no worker panics while it counts").add(&played.counts);
                        let mut broken = broken.lock().expect("no worker panics while it counts");
                        for breach in played.breaches {
                            let seeds = broken.entry(breach.promise).or_default();
                            if seeds.last() != Some(&seed) {
                                seeds.push(seed);
                            }
                        }
                    }
                })
            })
            .collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a worker came to its end"))
    })
    .map_err(|error: io::Error| error)?;
    let broken = broken.into_inner().expect("no worker panicked");
    for promise in Promise::ALL {
        match broken.get(&promise) {
            None => println!("kept    {promise}"),
            Some(seeds) => {
                let named: Vec<String> = seeds.iter().take(MOST_NAMED).map(ToString::to_string).collect();
                println!("BROKEN  {promise}: {} seeds, such as {}", seeds.len(), named.join(", "));
            }
        }
    }
    let counts = counts.into_inner().expect("no worker panicked");
    let each = start.elapsed().div_f64(f64::from(args.seeds.max(1)));
    eprintln!("{counts:?}");
    eprintln!("{} seeds, {each:.1?} each", args.seeds);
    Ok(broken.is_empty())
}
