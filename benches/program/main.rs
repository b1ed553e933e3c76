//! The whole program against the emulator in a process of its own, and beside it what scripts over Meta's SDK take.
//!
//! `cargo bench --bench program`
//!
//! WABAs with 20 system users each, 5 % of the pairs differing, half of the WABAs owned and half shared, or all on
//! one list. The model of time: 50 ms for each request, 2 ms more for each further item of a batch, 0.5 ms for each
//! nested list. It prints two tables, what everything took and how that compares with what is wanted, and fails where
//! something falls short. The peers need a Python that can import `facebook_business` (`WABACL_PYTHON`, or
//! `python3`); without one they are left out, and it says so.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]

#[allow(dead_code, reason = "the other benchmarks use the rest of the room")]
#[path = "../support/mod.rs"]
mod support;

mod process;
mod world;

use process::{Emulator, Peer, Took, peer, python, wabacl};
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use support::{BUSINESS, USERS};

/// The cases: how many WABAs, and on how many lists.
const CASES: [(u64, Lists); 4] =
    [(100, Lists::Two), (1_000, Lists::Two), (10_000, Lists::Two), (10_000, Lists::One)];
/// The most WABAs that the slowest peer reads: beyond that it would take minutes to say the same.
const ONE_BY_ONE: u64 = 1_000;
/// Whose token it is: an admin, whom Meta's lists do not show.
const ADMIN: u64 = 1_972_385_999_999_999;
/// The ways to read, with the names of their rows.
const STRATEGIES: [(&str, &str, &str); 4] = [
    ("auto", "`plan`, auto", "`apply`, auto"),
    ("nested", "`plan`, nested", "`apply`, nested"),
    ("batch", "`plan`, batch", "`apply`, batch"),
    ("direct", "`plan`, direct", "`apply`, direct"),
];
const TOKEN: &str = "benchmark-not-a-secret";
/// How many calls a plan may make besides those for the WABAs.
const CALLS_ASIDE: u64 = 30;

/// On how many lists the WABAs are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lists {
    One,
    Two,
}

/// What the runs of one case took.
struct Case {
    wabas: u64,
    lists: Lists,
    rows: Vec<(&'static str, Took)>,
}

/// A figure beside what is wanted of it.
struct Target {
    what: String,
    wanted: String,
    got: String,
    is_met: bool,
}

fn main() -> ExitCode {
    let python = python();
    if let Err(why) = &python {
        println!("The peers are left out: {why}.\n");
    }
    println!("| WABAs | lists | | API calls | requests | wall time | peak memory |");
    println!("|---|---|---|---|---|---|---|");
    let cases = CASES.map(|(wabas, lists)| {
        let mut case = Case { wabas, lists, rows: Vec::new() };
        case.play(python.as_deref().ok());
        case
    });
    println!("\n| | wanted | got |\n|---|---|---|");
    let mut all_met = true;
    for Target { what, wanted, got, is_met } in targets(&cases) {
        println!("| {what} | {wanted} | {got}{} |", if is_met { "" } else { ": MISSED" });
        all_met &= is_met;
    }
    if all_met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Case {
    fn play(&mut self, python: Option<&str>) {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let folder = folder.path();
        let write =
            |name: &str, text: String| fs::write(folder.join(name), text).expect("a file can be written");
        write("live.yaml", world::world(self.wabas, self.lists));
        write("access.yaml", world::declared(self.wabas, self.lists));
        write("writes.json", world::writes(self.wabas));
        let emulator = Emulator::start(&folder.join("live.yaml"));
        for (strategy, plan, _) in STRATEGIES {
            let took = wabacl(&emulator, folder, &["plan", "--read-strategy", strategy], strategy);
            self.row(plan, took);
        }
        if let Some(python) = python {
            self.peers_read(python, &emulator, folder);
            // It changes what the emulator holds, so that it has one of its own.
            let peer =
                peer(python, &Emulator::start(&folder.join("live.yaml")), folder, &["write", &path(folder)]);
            assert_eq!(peer.things, world::differing(self.wabas).count() as u64, "each pair is written once");
            self.row("SDK, 10 threads, only the writes", peer.took);
        }
        drop(emulator);
        for (strategy, _, apply) in STRATEGIES {
            self.apply(folder, strategy, apply);
        }
        assert!(!folder.join("live.state.yaml").exists(), "what the emulator writes would be measured too");
    }

    /// Applies what differs, in a world that is as it was, and makes sure that nothing is left to do.
    fn apply(&mut self, folder: &Path, strategy: &str, name: &'static str) {
        let emulator = Emulator::start(&folder.join("live.yaml"));
        let how = ["--read-strategy", strategy];
        let state = format!("apply-{strategy}");
        let apply = wabacl(&emulator, folder, &[&["apply", "--auto-approve"], &how[..]].concat(), &state);
        self.row(name, apply);
        // Exits with something else than 0 where anything is left to do.
        let drift = wabacl(&emulator, folder, &[&["drift"], &how[..]].concat(), &format!("drift-{strategy}"));
        let changed = world::differing(self.wabas).count() as u64;
        let mut touched: Vec<u64> = world::differing(self.wabas).map(|(waba, _)| waba).collect();
        touched.dedup();
        let most = drift.calls + 2 * touched.len() as u64 + changed;
        assert_eq!(apply.calls, most, "apply reads what it touches twice, and writes each changed pair once");
    }

    fn peers_read(&mut self, python: &str, emulator: &Emulator, folder: &Path) {
        for (name, how) in
            [("SDK, one at a time", "one"), ("SDK, 10 threads", "threads"), ("SDK, batches of 50", "batches")]
        {
            if how == "one" && self.wabas > ONE_BY_ONE {
                continue;
            }
            let Peer { took, things, rows } = peer(python, emulator, folder, &[how]);
            let held = (self.wabas * USERS).saturating_sub(missing(self.wabas));
            assert_eq!((things, rows), (self.wabas, held), "{name}: it saw something else");
            self.row(name, took);
        }
    }

    /// Prints what a run took, and keeps it.
    fn row(&mut self, name: &'static str, took: Took) {
        let Took { calls, requests, seconds, megabytes } = took;
        let peak = megabytes.map_or_else(String::new, |peak| format!("{peak:.0} MB"));
        let (wabas, lists) = (self.wabas, self.lists);
        println!("| {wabas} | {lists:?} | {name} | {calls} | {requests} | {seconds:.2} s | {peak} |");
        self.rows.push((name, took));
    }

    fn get(&self, name: &str) -> Option<&Took> {
        self.rows.iter().find(|(of, _)| *of == name).map(|(_, took)| took)
    }

    fn is(&self) -> String {
        format!(
            "{} WABAs on {} list{}",
            self.wabas,
            if self.lists == Lists::One { "one" } else { "two" },
            if self.lists == Lists::One { "" } else { "s" }
        )
    }

    /// Tells how many times faster one thing is than another, where both were done.
    fn faster(&self, quick: &str, slow: &str, wanted: f64) -> Option<Target> {
        let ratio = self.get(slow)?.seconds / self.get(quick)?.seconds;
        Some(Target {
            what: format!("{}: {quick} against {slow}", self.is()),
            wanted: format!("{wanted:.0} times faster"),
            got: format!("{ratio:.1} times"),
            is_met: ratio >= wanted,
        })
    }

    /// Compares a plan's calls with the fewest that there can be.
    fn calls(&self, name: &str, most: u64) -> Option<Target> {
        let calls = self.get(name)?.calls;
        let what = format!("{}: API calls of {name}", self.is());
        Some(Target {
            what,
            wanted: format!("at most {most}"),
            got: calls.to_string(),
            is_met: calls <= most,
        })
    }
}

/// Gives where the emulator finds what the peer shall write.
fn path(folder: &Path) -> String {
    folder.join("writes.json").display().to_string()
}

/// Gives how many pairs hold nothing in the live world.
fn missing(wabas: u64) -> u64 {
    world::differing(wabas).filter(|(waba, user)| support::live_tasks(*waba, *user).is_empty()).count() as u64
}

/// Compares what was measured with what is wanted.
fn targets(cases: &[Case]) -> Vec<Target> {
    let mut all = Vec::new();
    for case in cases {
        let pages = case.wabas.div_ceil(100);
        all.extend(case.calls("`plan`, nested", pages + pages / 20 + CALLS_ASIDE));
        all.extend(case.calls("`plan`, auto", case.wabas + pages + CALLS_ASIDE));
        if case.wabas < 10_000 {
            continue;
        }
        let times = if case.lists == Lists::One { 8.0 } else { 12.0 };
        all.extend(case.faster("`plan`, auto", "SDK, 10 threads", times));
        all.extend(case.faster("`plan`, auto", "SDK, batches of 50", 5.0));
        all.extend(case.faster("`apply`, auto", "SDK, 10 threads, only the writes", 3.0));
        all.extend(case.rows.iter().filter(|(name, _)| name.starts_with("`plan`")).filter_map(
            |(name, took)| {
                let peak = took.megabytes?;
                Some(Target {
                    what: format!("{}: peak memory of {name}", case.is()),
                    wanted: "at most 80 MB".into(),
                    got: format!("{peak:.0} MB"),
                    is_met: peak <= 80.0,
                })
            },
        ));
    }
    for pair in cases.windows(2).filter(|pair| pair[1].wabas == 10 * pair[0].wabas) {
        for name in ["`plan`, auto", "`apply`, auto"] {
            let (Some(small), Some(large)) = (pair[0].get(name), pair[1].get(name)) else { continue };
            let times = large.seconds / small.seconds;
            all.push(Target {
                what: format!("{name} of {} WABAs against {}", pair[1].wabas, pair[0].wabas),
                wanted: "at most 11 times the time".into(),
                got: format!("{times:.1} times"),
                is_met: times <= 11.0,
            });
        }
    }
    all
}
