//! A fuzzer: inputs that are mutated from the files of this repository, and the functions that must withstand them.
//!
//! An input depends on the seed and its number only, so each can be played again alone.

pub(crate) mod api;
mod corpus;
mod mutate;
mod panics;
mod target;

pub(crate) use corpus::Corpus;
pub(crate) use target::Target;

use mutate::mutated;
use peak_alloc::PeakAlloc;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, io};

/// The largest input, in bytes. A guess: far more than the largest file of the corpus.
pub(crate) const INPUT_LIMIT: usize = 64 * 1024;

/// How many bytes a target may print for its input, and how many more for each byte of it. Guesses: 1,000 diagnostics
/// quote their lines, each line is shortened, and each control character is printed as an escape of 6 bytes.
const OUTPUT_LIMIT: (usize, usize) = (2 * 1024 * 1024, 64);

/// How many bytes a target may allocate at a time for its input, and how many more for each byte of it. Measured: aliases
/// of aliases in a manifest take 1,500 for each byte, and 1,000 diagnostics of a small table 11 MB.
const MEMORY_LIMIT: (usize, usize) = (32 * 1024 * 1024, 2_048);

/// The most that inputs took: it tells how near the limits are.
#[derive(Debug, Default)]
pub(crate) struct Most {
    /// Shares of the limits for output and memory, in percent.
    pub(crate) output: usize,
    pub(crate) memory: usize,
    pub(crate) time: Duration,
}

/// Plays inputs of one target.
pub(crate) struct Fuzzer<'a> {
    pub(crate) target: Target,
    pub(crate) seed: u64,
    /// The number of the next input.
    pub(crate) next: u64,
    /// The number of inputs that were accepted, at least in part.
    pub(crate) accepted: u64,
    /// The file of the current input. It is there also when an input ends the process.
    pub(crate) file: PathBuf,
    corpus: &'a Corpus,
    /// The allocator of the process, if it counts.
    heap: Option<PeakAlloc>,
    /// The most that an input took so far.
    pub(crate) most: Most,
}

impl<'a> Fuzzer<'a> {
    pub(crate) fn new(target: Target, corpus: &'a Corpus, seed: u64, from: u64, folder: &Path) -> Self {
        let file = folder.join(target.file_name());
        Self { target, seed, next: from, accepted: 0, file, corpus, heap: None, most: Most::default() }
    }

    /// Limits memory too. `heap` must be the allocator of the process, and nothing else may use much of it.
    #[allow(dead_code, reason = "the tests run at the same time")]
    pub(crate) fn limit_memory(&mut self, heap: PeakAlloc) {
        self.heap = Some(heap);
    }

    /// Plays the next input. The inner error describes a fault.
    pub(crate) fn play(&mut self) -> io::Result<Result<(), String>> {
        let mut rng =
            fastrand::Rng::with_seed(self.seed.wrapping_add(self.next.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        self.next += 1;
        let input = mutated(&mut rng, self.corpus.of(self.target));
        write_private(&self.file, &input)?;
        let before = self.heap.map_or(0, |heap| {
            heap.reset_peak_usage();
            heap.current_usage()
        });
        let begun = Instant::now();
        let played = match catch_unwind(AssertUnwindSafe(|| self.target.run(&self.file))) {
            Ok(played) => played,
            Err(panic) => return Ok(Err(format!("a panic: {}", message(&*panic)))),
        };
        self.most.time = self.most.time.max(begun.elapsed());
        let limit = OUTPUT_LIMIT.0 + OUTPUT_LIMIT.1 * input.len();
        self.most.output = self.most.output.max(100 * played.printed / limit);
        if played.printed > limit {
            let (printed, bytes) = (played.printed, input.len());
            return Ok(Err(format!("{printed} bytes are printed for {bytes}, the limit is {limit}")));
        }
        let peak = self.heap.map_or(0, |heap| heap.peak_usage().saturating_sub(before));
        let limit = MEMORY_LIMIT.0 + MEMORY_LIMIT.1 * input.len();
        self.most.memory = self.most.memory.max(100 * peak / limit);
        if peak > limit {
            let bytes = input.len();
            return Ok(Err(format!("{peak} bytes are allocated for {bytes}, the limit is {limit}")));
        }
        self.accepted += u64::from(played.accepted);
        Ok(Ok(()))
    }
}

/// Writes a file that only its owner may read or write, as journals must be.
fn write_private(file: &Path, input: &[u8]) -> io::Result<()> {
    use io::Write as _;
    let mut options = wabacl::files::owner_only();
    options.write(true).create(true).truncate(true).open(file)?.write_all(input)
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message")
}

/// Returns the corpus's own inputs, unchanged, for a test that they are accepted.
#[allow(dead_code, reason = "only tests use it")]
pub(crate) fn accepted_unchanged(target: Target, corpus: &Corpus, folder: &Path) -> io::Result<usize> {
    let file = folder.join(target.file_name());
    let mut accepted = 0;
    for input in corpus.of(target) {
        write_private(&file, input)?;
        accepted += usize::from(target.run(&file).accepted);
    }
    fs::remove_file(file)?;
    Ok(accepted)
}
