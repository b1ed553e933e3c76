//! A simulation: random worlds, manifests and faults from a seed, with the process killed at random points, and
//! what must hold after every run.
//!
//! Client and emulator talk over real HTTP and share a simulated clock, on one thread: a seed that fails repeats
//! exactly.

mod case;
mod check;
mod run;

use case::{Case, End};
use check::Checks;
pub(crate) use check::{Breach, Promise};
use run::{LATER, Place, Trail};
use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use wabacl::apply::{Stop, StopReason};
use wabacl::clock::Clock;
use wabacl::emulator::{Emulator, Options, World};

/// When every simulation begins.
const BEGIN: &str = "2026-11-23T10:00:00Z";
/// More grace than any run needs.
const PATIENT: Duration = Duration::from_secs(60);

/// What came of a seed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Played {
    /// What did not hold.
    pub(crate) breaches: Vec<Breach>,
    /// How much happened: what a simulation without it would prove nothing of.
    pub(crate) counts: Counts,
    /// All that happened, in order.
    pub(crate) story: Vec<String>,
}

/// How much happened.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) runs: u64,
    pub(crate) killed: u64,
    pub(crate) interrupted: u64,
    pub(crate) refused: u64,
    pub(crate) calls: u64,
    pub(crate) writes: u64,
    pub(crate) unknown: u64,
    pub(crate) foreign: u64,
    pub(crate) converged: u64,
}

impl Counts {
    /// Adds those of another seed.
    pub(crate) fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.killed += other.killed;
        self.interrupted += other.interrupted;
        self.refused += other.refused;
        self.calls += other.calls;
        self.writes += other.writes;
        self.unknown += other.unknown;
        self.foreign += other.foreign;
        self.converged += other.converged;
    }
}

/// Plays a seed to its end. Files go below `folder`, which is left as it was found.
pub(crate) fn play(seed: u64, folder: &Path) -> io::Result<Played> {
    play_with_log(seed, folder).map(|(played, _)| played)
}

/// Plays a seed to its end, and gives all that was logged with what came of it.
pub(crate) fn play_with_log(seed: u64, folder: &Path) -> io::Result<(Played, String)> {
    let state = tempfile::tempdir_in(folder)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .without_time()
        .with_writer(log.clone())
        .finish();
    let clock = Clock::simulated(BEGIN.parse().expect("a moment"));
    let played = tracing::subscriber::with_default(subscriber, || {
        runtime.block_on(clock.run(play_here(seed, &clock, state.path(), &log)))
    });
    // What is still on its way to the disk has to be done before the folder goes.
    drop(runtime);
    Ok((played, log.text()))
}

/// Shows what a seed brings.
#[allow(dead_code, reason = "tests have no use for it")]
pub(crate) fn describe(seed: u64) -> String {
    let Case { world, manifest, script, limits, waivers, ends, .. } = Case::from_seed(seed);
    format!("{world}---\n{manifest}---\n{script:?}\n{limits:?}\n{waivers:?}\n{ends:?}\n---")
}

/// Gives a folder for many small files: in memory, where the system has such a place.
pub(crate) fn quick_folder() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if tempfile::tempdir_in(&memory).is_ok() { memory } else { std::env::temp_dir() }
}

async fn play_here(seed: u64, clock: &Clock, state_dir: &Path, log: &Log) -> Played {
    let case = Case::from_seed(seed);
    let world = World::from_yaml(&case.world).unwrap_or_else(|error| panic!("{error}\n{}", case.world));
    let options = Options { clock: clock.clone(), script: Some(case.script.clone()), ..Options::default() };
    let emulator = Emulator::start(world, options).await.expect("the emulator starts");
    let mut checks = Checks::new(&case, &emulator, state_dir);
    let mut jitter = seed;
    let mut go = async |end: End| {
        emulator.newcomer();
        jitter = jitter.wrapping_add(1);
        let place = Place { case: &case, url: emulator.url(), clock: clock.clone(), state_dir, jitter };
        checks.begin();
        let trail = RefCell::default();
        play_run(&place, end, &trail).await;
        let trail = trail.into_inner();
        checks.end(end, &trail);
        trail
    };
    for end in &case.ends {
        go(*end).await;
    }
    go(End::Itself).await;
    // From here on all is well: what was begun comes to its end, and after that there is nothing left to do.
    emulator.set_script(None);
    clock.sleep(LATER).await;
    let last = go(End::Itself).await;
    clock.sleep(LATER).await;
    let after = go(End::Itself).await;
    checks.converged(&last, &after);
    checks.secrets(&log.text());
    let played = checks.finish();
    emulator.shutdown().await;
    played
}

async fn play_run(place: &Place<'_>, end: End, trail: &RefCell<Trail>) {
    let clock = &place.clock;
    match end {
        End::Itself => place.run(&Stop::by(clock.clone(), PATIENT), trail).await,
        End::Interrupt(moment, grace) => {
            let stop = Stop::by(clock.clone(), grace);
            let interrupt = async {
                clock.sleep(moment).await;
                stop.stop(StopReason::Interrupted);
                std::future::pending::<()>().await;
            };
            tokio::select! {
                biased;
                () = place.run(&stop, trail) => {}
                () = interrupt => {}
            }
        }
        End::Kill(moment) => {
            let stop = Stop::by(clock.clone(), PATIENT);
            tokio::select! {
                biased;
                () = place.run(&stop, trail) => {}
                () = clock.sleep(moment) => {}
            }
        }
    }
}

/// What is logged, kept.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        let text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&text).into_owned()
    }
}

impl io::Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl tracing_subscriber::fmt::MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
