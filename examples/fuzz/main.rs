//! Plays mutated inputs against the parsers, and prints one line for each target.
//!
//! ```console
//! $ cargo run --release --example fuzz -- --seconds 30
//! $ cargo run --release --example fuzz -- journal --seed 4711 --from 1234 --runs 1     # one input again
//! ```
//!
//! It is a plain loop in the process, without coverage: libFuzzer needs a nightly compiler.

#![allow(clippy::print_stdout, reason = "it is there to print")]

mod fuzzing;

use clap::Parser;
use fuzzing::{Corpus, Fuzzer, Most, Target};
use peak_alloc::PeakAlloc;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{io, thread};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// How often the run number is looked at, and after how many looks at the same number the input counts as one that never
/// ends: half a minute. A guess: the slowest input takes a tenth of a second. Looks are counted, not time, because a machine
/// that stands still must not count as an input that does not end.
const LOOKS: (Duration, u32) = (Duration::from_millis(50), 600);

/// Plays mutated inputs against the parsers
#[derive(Debug, Parser)]
struct Args {
    /// The targets (all of them)
    targets: Vec<Target>,
    /// How long each target is played
    #[arg(long, default_value_t = 30, conflicts_with = "runs")]
    seconds: u64,
    /// How many inputs of each target are played
    #[arg(long)]
    runs: Option<u64>,
    /// The number of the first input
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// The seed (random)
    #[arg(long)]
    seed: Option<u64>,
    /// The folder of the input that is played. The input of a fault stays there
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/target/fuzz"))]
    folder: PathBuf,
}

fn main() -> io::Result<ExitCode> {
    let args = Args::parse();
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..));
    std::fs::create_dir_all(&args.folder)?;
    let corpus = Corpus::read()?;
    let targets = if args.targets.is_empty() { Target::ALL.to_vec() } else { args.targets.clone() };
    let mut good = true;
    for target in targets {
        let mut fuzzer = Fuzzer::new(target, &corpus, seed, args.from, &args.folder);
        fuzzer.limit_memory(HEAP);
        good &= play(&mut fuzzer, &args)?;
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Plays a target to the end of its time or its runs, or to its first fault. Returns whether there was none.
fn play(fuzzer: &mut Fuzzer<'_>, args: &Args) -> io::Result<bool> {
    let (target, seed, file) = (fuzzer.target, fuzzer.seed, fuzzer.file.clone());
    let number = AtomicU64::new(args.from);
    let end = Instant::now() + Duration::from_secs(args.seconds);
    let goes_on = |number: u64| match args.runs {
        Some(runs) => number < args.from.saturating_add(runs),
        None => Instant::now() < end,
    };
    let fault = thread::scope(|scope| {
        let player = scope.spawn(|| -> io::Result<Option<String>> {
            while goes_on(fuzzer.next) {
                number.store(fuzzer.next, Ordering::Relaxed);
                if let Err(fault) = fuzzer.play()? {
                    return Ok(Some(fault));
                }
            }
            Ok(None)
        });
        let (mut last, mut looks) = (args.from, 0);
        while !player.is_finished() {
            thread::sleep(LOOKS.0);
            let now = number.load(Ordering::Relaxed);
            looks = if now == last { looks + 1 } else { 0 };
            last = now;
            if looks > LOOKS.1 {
                println!("{target}: FAULT: seed {seed}, input {now}: it does not end; {}", file.display());
                std::process::exit(1);
            }
        }
        player.join().expect("panics of a target are caught")
    })?;
    let (runs, accepted) = (fuzzer.next - args.from, fuzzer.accepted);
    let Most { output, memory, time } = fuzzer.most;
    println!(
        "{target}: {runs} runs, {accepted} accepted; the most: {} ms, {memory} % of the memory and {output} % of the output \
         that are allowed (seed {seed})",
        time.as_millis()
    );
    match &fault {
        None if runs > 0 => std::fs::remove_file(&file)?,
        None => {}
        Some(fault) => println!("{target}: FAULT: input {}: {fault}; {}", fuzzer.next - 1, file.display()),
    }
    Ok(fault.is_none())
}
