//! How short and how fast an import is: estates that are made here, and real access data.
//!
//! `cargo bench --bench import`
//!
//! Each estate is made from a seed: true grants, WABAs with mostly regular names, hidden tiers, and a share of wrong
//! assignments. Times are processor time where Linux tells it, so that other programs count little. `WABACL_ROLE_MINING` names a folder with data sets of pairs of a user and a
//! permission, one in a line; without it that part is left out. It fails where a target is missed.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![allow(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]

mod estate;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::Instant;
use wabacl::import::{ImportOptions, Imported, Lines};
use wabacl::model::{
    AdminRole, AssignmentKey, Directory, DirectoryWaba, Edge, Estate, Name, Observed, State, SystemUser,
    TaskSet, UserId, WabaId,
};
use wabacl::{engine, import, mining};

#[global_allocator]
static PEAK: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

/// The estate that a child process imports: `tiers 10000 15`.
const CHILD: &str = "WABACL_BENCH_CASE";
/// The folder with data sets.
const ROLE_MINING: &str = "WABACL_ROLE_MINING";
const SEED: u64 = 12;
const RUNS: usize = 5;
/// How many times the time ten times the WABAs may take.
const MOST_GROWTH: f64 = 11.0;

fn main() {
    if let Ok(case) = std::env::var(CHILD) {
        return child(&case);
    }
    println!(
        "| estate | assignments | grants | roles | rules | labels | labelled WABAs | exceptions | all lines | import | with proof | peak memory | precision | recall |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    let mut missed = Vec::new();
    let mut times: BTreeMap<(usize, usize), f64> = BTreeMap::new();
    // Sizes are run by turns, so that a machine that gets busy does not decide how the time grows.
    for noise in [0, 5, 10, 15, 20] {
        for wabas in [1_000, 10_000, 100_000] {
            let taken = run(&format!("tiers {wabas} {noise}"));
            times.insert((noise, wabas), taken.import);
            missed.extend(taken.check(wabas, noise));
        }
    }
    for ((noise, wabas), seconds) in times.iter().filter(|((_, wabas), _)| *wabas > 10_000) {
        let growth = seconds / times[&(*noise, wabas / 10)];
        if growth > MOST_GROWTH {
            missed.push(format!(
                "{wabas} WABAs with {noise} per mille take {growth:.1} times as long as a tenth"
            ));
        }
    }
    for noise in [0, 15] {
        run(&format!("customers 10000 {noise}"));
    }
    match std::env::var(ROLE_MINING) {
        Ok(folder) => missed.extend(data_sets(Path::new(&folder))),
        Err(_) => println!("\nReal data is left out: {ROLE_MINING} is not set."),
    }
    assert!(missed.is_empty(), "missed: {missed:#?}");
}

/// What the import of an estate gave.
struct Taken {
    lines: Lines,
    import: f64,
    precision: f64,
    recall: f64,
}

impl Taken {
    /// Returns the targets that are missed.
    fn check(&self, wabas: usize, noise: usize) -> Vec<String> {
        let lines = &self.lines;
        let written = lines.grants + lines.roles + lines.rules + lines.labels;
        let mut missed = Vec::new();
        let mut require = |holds: bool, what: &str| {
            if !holds {
                missed.push(format!("{what}, for {wabas} WABAs and {noise} per mille"));
            }
        };
        if wabas == 10_000 {
            require(written <= 120, "at most 120 lines of grants, roles, rules and labels");
            require(self.import <= 1.0, "at most a second");
            require(noise != 0 || lines.all <= 1_500, "at most 1,500 lines");
            require(noise != 15 || lines.all <= 2_800, "at most 2,800 lines");
        }
        if noise > 0 {
            require(self.precision >= 0.95, "a precision of 95 %");
            // Of 1,000 WABAs, some kinds are too few to compare.
            require(wabas < 10_000 || self.recall >= 0.95, "a recall of 95 %");
        }
        missed
    }
}

/// Runs a case in a process of its own, so that its peak memory is its own, and prints its row.
fn run(case: &str) -> Taken {
    let program = std::env::current_exe().expect("the benchmark knows its program");
    let output = Command::new(program).env(CHILD, case).output().expect("the benchmark runs itself");
    let text = String::from_utf8(output.stdout).expect("figures are text");
    assert!(output.status.success(), "{case}: {}", String::from_utf8_lossy(&output.stderr));
    let (row, figures) = text.split_once('\n').expect("a row and the figures");
    println!("{row}");
    let figures: Vec<f64> =
        figures.split_whitespace().map(|figure| figure.parse().expect("a number")).collect();
    let count = |index: usize| -> usize { format!("{:.0}", figures[index]).parse().expect("a count") };
    let lines = Lines {
        grants: count(0),
        roles: count(1),
        rules: count(2),
        labels: count(3),
        all: count(4),
        ..Lines::default()
    };
    Taken { lines, import: figures[5], precision: figures[6], recall: figures[7] }
}

fn child(case: &str) {
    let words: Vec<&str> = case.split(' ').collect();
    let number = |index: usize| words[index].parse::<usize>().expect("a number");
    let made = match words[0] {
        "tiers" => estate::tiers(number(1), number(2), SEED),
        _ => estate::customers(number(1), number(2), SEED),
    };
    let live = live(&made);
    PEAK.reset_peak_usage();
    let mut seconds = f64::MAX;
    let mut imported = None;
    for _ in 0..RUNS {
        // Freeing what the run before has made is no part of a run.
        drop(imported.take());
        let taken = timed(|| imported = Some(import::import(&live, ImportOptions::default())));
        seconds = seconds.min(taken);
    }
    let imported = imported.expect("there was a run");
    let proved = timed(|| {
        engine::import_estate(&live, ImportOptions::default()).expect("the import is exact");
    });
    let memory = PEAK.peak_usage_as_mb();
    let (precision, recall) = accuracy(&made, &imported);
    let lines = imported.lines;
    let counts =
        [lines.grants, lines.roles, lines.rules, lines.labels, lines.wabas, lines.exceptions, lines.all];
    let counts = counts.map(|count| count.to_string()).join(" | ");
    println!(
        "| {case} | {} | {counts} | {seconds:.2} s | {proved:.2} s | {memory:.0} MB | {precision:.3} | {recall:.3} |",
        made.assignments
    );
    let Lines { grants, labels, all, .. } = lines;
    println!("{grants} {} {} {labels} {all} {seconds} {precision} {recall}", lines.roles, lines.rules);
}

/// Returns how long something takes that runs in this thread, in seconds.
fn timed(run: impl FnOnce()) -> f64 {
    let (began, processor) = (Instant::now(), processor_time());
    run();
    match (processor, processor_time()) {
        (Some(before), Some(after)) => after - before,
        _ => began.elapsed().as_secs_f64(),
    }
}

/// Returns for how long this thread has run, in seconds; `None` where the system does not tell it.
fn processor_time() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: f64 = text.split(' ').next()?.parse().ok()?;
    Some(nanoseconds / 1e9)
}

/// Compares the suspected mistakes with those that were made.
fn accuracy(made: &estate::Estate, imported: &Imported) -> (f64, f64) {
    let key = |(waba, user): &(usize, usize)| AssignmentKey { waba: waba_id(*waba), user: user_id(*user) };
    let true_ones: BTreeSet<AssignmentKey> = made.mistakes.iter().map(key).collect();
    let suspected = imported.deviations.iter().filter(|deviation| deviation.is_suspected());
    let found: BTreeSet<AssignmentKey> = suspected.map(|deviation| deviation.key).collect();
    let both = found.intersection(&true_ones).count() as f64;
    let share = |of: usize| if of == 0 { 1.0 } else { both / of as f64 };
    (share(found.len()), share(true_ones.len()))
}

fn waba_id(number: usize) -> WabaId {
    (102_290_000_000_000 + number).to_string().parse().expect("an id")
}

fn user_id(number: usize) -> UserId {
    (1_972_385_000_000_000 + number).to_string().parse().expect("an id")
}

/// Returns an estate as the API reports it.
fn live(made: &estate::Estate) -> Estate {
    let user = |(number, name): (usize, &String)| {
        (user_id(number), SystemUser { name: Name::from(name.as_str()), role: AdminRole::Employee })
    };
    let waba = |(number, account): (usize, &estate::Account)| {
        let edge = if account.is_client { Edge::Client } else { Edge::Owned };
        let name = Name::from(account.name.as_str());
        (waba_id(number), DirectoryWaba { name, edge, permitted_tasks: None, solution_messaging: None })
    };
    let row = |((waba, user), tasks): (&(usize, usize), &Vec<&str>)| {
        (AssignmentKey { waba: waba_id(*waba), user: user_id(*user) }, TaskSet::from_names(tasks))
    };
    let state: State = made.held.iter().map(row).collect();
    let directory = Directory {
        business: "1".parse().expect("an id"),
        system_users: made.users.iter().enumerate().map(user).collect(),
        wabas: made.accounts.iter().enumerate().map(waba).collect(),
    };
    Estate::of(directory, Observed { state, ..Observed::default() })
}

/// The best measures that are published, and with how many roles.
const PUBLISHED: [(&str, usize); 4] = [("hc", 268), ("domino", 754), ("emea", 7_280), ("apj", 4_867)];

/// Decomposes each data set of a folder, and returns the targets that are missed.
fn data_sets(folder: &Path) -> Vec<String> {
    println!("\n| data set | roles | measure | published | time |");
    println!("|---|---|---|---|---|");
    let mut missed = Vec::new();
    for name in
        ["hc", "domino", "emea", "apj", "fire1", "fire2", "customer", "americas_small", "americas_large"]
    {
        let Ok(text) = std::fs::read_to_string(folder.join(format!("{name}.txt"))) else { continue };
        let mut rows: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for line in text.lines() {
            let pair: Vec<u32> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
            rows.entry(pair[0]).or_default().push(pair[1]);
        }
        let rows: Vec<Vec<u32>> = rows.into_values().collect();
        let began = Instant::now();
        let found = mining::decompose(&rows);
        let seconds = began.elapsed().as_secs_f64();
        let measure = mining::measure(&found);
        let published = PUBLISHED.iter().find(|(known, _)| *known == name).map(|(_, measure)| *measure);
        let shown = published.map_or_else(String::new, |measure| measure.to_string());
        println!("| {name} | {} | {measure} | {shown} | {seconds:.1} s |", found.len());
        if published.is_some_and(|published| measure > published) {
            missed.push(format!("{name}: {measure}"));
        }
    }
    missed
}
