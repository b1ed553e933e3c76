//! A simulation: random worlds, manifests and faults from a seed, with the process killed at random points. After every
//! run, its promises are checked.
//!
//! Client and emulator talk over real HTTP and share a simulated clock, on one thread: a seed that fails repeats
//! exactly.

mod case;
mod check;
mod run;

use case::{Case, End, Way};
use check::Checks;
pub(crate) use check::{Breach, Promise};
use run::{LATER, Setup, Trail};
use std::cell::{Cell, RefCell};
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use wabacl::apply::{Shutdown, ShutdownReason};
use wabacl::clock::Clock;
use wabacl::emulator::{Emulator, Options, Script, World};
use wabacl::store::{MemoryFaults, MemoryObjects, Objects, StateStore};

/// The time at which every simulation begins.
const BEGIN: &str = "2026-11-23T10:00:00Z";
/// A longer grace period than any run needs.
const PATIENT: Duration = Duration::from_secs(60);

/// The result of a seed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Played {
    /// The promises that were broken.
    pub(crate) breaches: Vec<Breach>,
    /// How much happened. A simulation in which little happens proves little.
    pub(crate) counts: Counts,
    /// Everything that happened, in order.
    pub(crate) story: Vec<String>,
}

/// How often something happened.
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
    /// Runs with a state that machines share, and those of them whose lease or record failed.
    pub(crate) shared: u64,
    pub(crate) lost: u64,
}

impl Counts {
    /// Adds the counts of another seed.
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
        self.shared += other.shared;
        self.lost += other.lost;
    }
}

/// Plays a seed to its end. Files are created below `folder` and removed again.
pub(crate) fn play(seed: u64, folder: &Path) -> io::Result<Played> {
    play_with_log(seed, folder).map(|(played, _)| played)
}

/// Plays a seed to its end, and returns the log too.
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
    let clock = Clock::simulated(BEGIN.parse().expect("a timestamp"));
    let played = tracing::subscriber::with_default(subscriber, || {
        runtime.block_on(clock.run(play_here(seed, &clock, state.path(), &log)))
    });
    // Writes to the disk must be finished before the folder is removed.
    drop(runtime);
    Ok((played, log.text()))
}

/// Describes the case of a seed.
#[allow(dead_code, reason = "tests have no use for it")]
pub(crate) fn describe(seed: u64) -> String {
    let Case { world, manifest, script, limits, waivers, runs, .. } = Case::from_seed(seed);
    format!("{world}---\n{manifest}---\n{script:?}\n{limits:?}\n{waivers:?}\n{runs:?}\n---")
}

/// Returns a folder for many small files, in memory if the system has one.
pub(crate) fn quick_folder() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if tempfile::tempdir_in(&memory).is_ok() { memory } else { std::env::temp_dir() }
}

/// Where the runs of a seed keep their state: a folder, or an object store in memory that fails at times.
pub(crate) struct Place<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) objects: Option<Arc<MemoryObjects>>,
}

impl<'a> Place<'a> {
    /// Every fourth seed plays a state that machines share.
    fn of_seed(seed: u64, folder: &'a Path, clock: &Clock) -> Self {
        let faults = MemoryFaults {
            failed: 2,
            answer_lost: 2,
            late: 2,
            latency: Duration::from_millis(300),
            seed,
            ..MemoryFaults::default()
        };
        let objects = (seed % 4 == 1).then(|| Arc::new(MemoryObjects::new(clock.clone(), faults)));
        Self { folder, objects }
    }

    /// Returns the state as a new process sees it.
    pub(crate) fn state(&self) -> StateStore {
        match &self.objects {
            Some(objects) => StateStore::objects(Objects::memory(Arc::clone(objects)), None),
            None => StateStore::folder(self.folder),
        }
    }

    /// Makes the store fail no more, or as before.
    pub(crate) fn set_calm(&self, is_calm: bool) {
        if let Some(objects) = &self.objects {
            objects.set_calm(is_calm);
        }
    }
}

async fn play_here(seed: u64, clock: &Clock, state_dir: &Path, log: &Log) -> Played {
    let case = Case::from_seed(seed);
    let place = &Place::of_seed(seed, state_dir, clock);
    let world = World::from_yaml(&case.world).unwrap_or_else(|error| panic!("{error}\n{}", case.world));
    let trap = trap();
    let elsewhere = trap.local_addr().expect("a listener has an address");
    let script = Script { redirect_to: Some(format!("http://{elsewhere}/")), ..case.script.clone() };
    let options = Options { clock: clock.clone(), script: Some(script), ..Options::default() };
    let emulator = Emulator::start(world, options).await.expect("the emulator starts");
    run::remember(&case, place).await;
    let mut checks = Checks::new(&case, &emulator, place);
    let mut jitter = seed;
    let timeout = Cell::new(case.limits.timeout);
    let mut go = async |end: End, way: Way| {
        emulator.client_restarted();
        jitter = jitter.wrapping_add(1);
        let (url, clock, state) = (emulator.url(), clock.clone(), place.state());
        let setup = Setup { case: &case, url, clock, state, state_dir, jitter, way, timeout: timeout.get() };
        checks.begin();
        let trail = RefCell::default();
        play_run(&setup, end, &trail).await;
        let trail = trail.into_inner();
        checks.end(end, &trail).await;
        trail
    };
    let whole = Way::WHOLE;
    for (end, way) in case.runs.clone() {
        go(end, way).await;
    }
    go(End::Itself, whole.clone()).await;
    // From here on there are no faults: what began comes to its end, and then there is nothing left to do.
    emulator.set_script(None);
    // A store that many share takes its time without faults, too.
    timeout.set(None);
    place.set_calm(true);
    clock.sleep(LATER).await;
    let last = go(End::Itself, whole.clone()).await;
    place.set_calm(true);
    clock.sleep(LATER).await;
    let after = go(End::Itself, whole).await;
    checks.converged(&last, &after).await;
    checks.secrets(&log.text());
    checks.nothing_elsewhere(trap);
    let played = checks.finish();
    emulator.shutdown().await;
    played
}

/// Returns the listener to which redirects lead: one for the process, so that a seed repeats exactly.
fn trap() -> &'static TcpListener {
    static TRAP: OnceLock<TcpListener> = OnceLock::new();
    TRAP.get_or_init(|| {
        let trap = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        trap.set_nonblocking(true).expect("a listener need not block");
        trap
    })
}

async fn play_run(setup: &Setup<'_>, end: End, trail: &RefCell<Trail>) {
    let clock = &setup.clock;
    let shutdown = |grace| Shutdown::new(clock.clone(), grace);
    match end {
        End::Itself => setup.run(&shutdown(PATIENT), trail).await,
        End::Interrupt(moment, grace) => {
            let shutdown = shutdown(grace);
            let interrupt = async {
                clock.sleep(moment).await;
                shutdown.request(ShutdownReason::Interrupted);
                std::future::pending::<()>().await;
            };
            tokio::select! {
                biased;
                () = setup.run(&shutdown, trail) => {}
                () = interrupt => {}
            }
        }
        End::Kill(moment) => {
            let shutdown = shutdown(PATIENT);
            tokio::select! {
                biased;
                () = setup.run(&shutdown, trail) => {}
                () = clock.sleep(moment) => {}
            }
        }
    }
}

/// Keeps what is logged.
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
