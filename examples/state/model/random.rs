//! Plays the model by chance, from a seed, with the times of the program.

use super::process::{Life, Process};
use super::{Action, Breach, Config, Fate, Promise, Prune, World};
use std::time::Duration;
use wabacl::chain::Timing;

/// How often something happened.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) writes: u64,
    pub(crate) faults: u64,
    pub(crate) kills: u64,
    pub(crate) pauses: u64,
    pub(crate) takeovers: u64,
    pub(crate) settled: u64,
    pub(crate) objects: u64,
    pub(crate) removed: u64,
    pub(crate) stray: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, other: &Self) {
        self.writes += other.writes;
        self.faults += other.faults;
        self.kills += other.kills;
        self.pauses += other.pauses;
        self.takeovers += other.takeovers;
        self.settled += other.settled;
        self.objects += other.objects;
        self.removed += other.removed;
        self.stray += other.stray;
    }
}

/// Returns an instance with the times of the program.
pub(crate) fn config(random: &mut fastrand::Rng) -> Config {
    // In half of the plays, what is older than twice the longest silence is removed; clocks differ by 5 %.
    let stale = Duration::from_secs(random.u64(150..400));
    let prune = random.bool().then(|| Prune { keep: stale * 22 / 10, positions: random.u64(0..5) });
    let timing = if prune.is_some() { Timing { stale, ..Timing::default() } } else { Timing::default() };
    Config {
        timing,
        request: Duration::from_secs(60),
        tick: Duration::from_secs(1),
        writes: random.u32(1..40),
        batch: random.u32(1..10),
        faults: random.u32(0..60),
        kills: random.u32(0..4),
        limit: Duration::from_secs(random.u64(200..if prune.is_some() { 6_000 } else { 2_000 })),
        is_conditional: true,
        runs: if prune.is_some() { 12 } else { 4 },
        prune,
    }
}

/// Plays a seed to its end.
///
/// # Errors
///
/// The promise that is broken.
pub(crate) fn play(seed: u64, change: impl FnOnce(&mut Config)) -> Result<Counts, Breach> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut config = config(&mut random);
    change(&mut config);
    let processes = (0..random.usize(2..6)).map(|number| {
        // Clocks begin anywhere, and one is up to 5 % faster or slower than another.
        Process::new(number, &config, Duration::from_secs(random.u64(0..100_000)), random.u32(975..=1025))
    });
    let mut world = World::new(processes.collect(), &config);
    let mut counts = Counts::default();
    // How many things happen within a second, how often a process is stopped, and how often the store fails.
    let (pace, pause, fault) = (random.u32(2..30), random.f64() * 0.01, random.f64() * 0.3);
    while world.now < config.limit {
        step(&mut world, &config, &mut random, (pace, fault), &mut counts)?;
        if random.f64() < pause {
            let process = random.usize(0..world.processes.len());
            // Where something is removed, some sleep for longer than it is kept.
            let longest = if config.prune.is_some() && random.u8(0..3) == 0 { 2_000 } else { 300 };
            world.processes[process].paused_until = world.now + Duration::from_secs(random.u64(1..longest));
            counts.pauses += 1;
        }
    }
    finish(&mut world, &mut config, &mut random, &mut counts)?;
    (counts.objects, counts.removed) = (world.objects.len() as u64, world.removed);
    counts.stray = world.stray.len() as u64;
    counts.writes = world.seen.len() as u64;
    Ok(counts)
}

/// Does one thing, or lets time pass.
fn step(
    world: &mut World,
    config: &Config,
    random: &mut fastrand::Rng,
    (pace, fault): (u32, f64),
    counts: &mut Counts,
) -> Result<(), Breach> {
    let actions = world.actions(config);
    let is_over = world.requests.iter().any(|request| request.until <= world.now);
    if !is_over && (actions.is_empty() || random.u32(0..pace) == 0) {
        return world.act(Action::Tick, config);
    }
    let is_due = |action: &&Action| {
        matches!(action, Action::Arrive(request) | Action::Drop(request)
            if world.requests[*request].until <= world.now)
    };
    let due: Vec<Action> = actions.iter().filter(is_due).copied().collect();
    let action = random.choice(if is_over { &due } else { &actions }).copied().unwrap_or(Action::Tick);
    let is_fault = matches!(action, Action::Store(_, fate) if fate != Fate::Done);
    let rare = if is_fault {
        fault
    } else if matches!(action, Action::Kill(_) | Action::Prune(_)) {
        0.01
    } else if matches!(action, Action::Drop(_) | Action::Land(_)) {
        // Most requests arrive, and most late puts are late.
        0.1
    } else {
        1.0
    };
    if !is_over && random.f64() >= rare {
        return Ok(());
    }
    counts.faults += u64::from(is_fault);
    counts.kills += u64::from(matches!(action, Action::Kill(_)));
    if let Action::Settle(process) = action {
        let open = world.ledger.in_flight.len() as u64;
        counts.settled += open;
        counts.takeovers += u64::from(open > 0);
        debug_assert!(matches!(world.processes[process].life, Life::Holding(_)));
    }
    world.act(action, config)
}

/// Lets a new process run alone to its end, without faults.
fn finish(
    world: &mut World,
    config: &mut Config,
    random: &mut fastrand::Rng,
    counts: &mut Counts,
) -> Result<(), Breach> {
    let number = world.processes.len();
    for process in &mut world.processes {
        process.life = Life::Over;
    }
    (world.faults, world.kills, config.runs, config.writes) = (0, 0, 2, 0);
    // Removing what it is told to exist, before it looks, is a fault too: it would end, and the next run would go on.
    config.prune = None;
    let mut last = Process::new(number, config, Duration::ZERO, 1000);
    // Its first run is not played: it would begin at the beginning of time.
    last.begin_again(config, world.now, world.removed);
    config.limit = world.now + Duration::from_secs(3_600);
    world.processes.push(last);
    while !world.processes[number].is_over() {
        if world.now >= config.limit {
            return Err((Promise::Convergence, String::from("the last run does not end")));
        }
        step(world, config, random, (5, 0.0), counts)?;
    }
    world.check_end()
}
