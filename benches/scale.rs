//! How the pure core grows, what memory it takes, and a peer for scale: octoDNS, YAML against YAML.
//!
//! `cargo bench --bench scale`
//!
//! Each case runs in a process of its own, so that its peak memory is its own; of five runs the quickest
//! counts. The peer needs a Python that can import `octodns` (`WABACL_PYTHON`, or `python3`); without one its
//! part is left out, and says so. Times are of this machine; only their ratios mean something elsewhere. It
//! fails where a target is missed.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![allow(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]

mod support;

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;
use support::{Shape, case, core};

/// Tells a child process which case to run: `factored 1000`.
const CHILD: &str = "WABACL_BENCH_CASE";
const RUNS: usize = 5;
/// How many records, and assignments, the peer is compared at.
const PEER_SIZE: u64 = 10_000;

/// How many times the time ten times the work may take.
const MOST_GROWTH: f64 = 11.0;

/// How much memory the largest case of a shape may take, in megabytes.
fn most_mb(shape: Shape) -> f64 {
    match shape {
        Shape::Factored => 400.0,
        Shape::Explicit => 200.0,
    }
}

/// How many times faster per assignment than the peer a shape is at least.
fn times_faster(shape: Shape) -> f64 {
    match shape {
        Shape::Factored => 100.0,
        Shape::Explicit => 30.0,
    }
}

/// What one run took.
#[derive(Clone, Copy)]
struct Taken {
    seconds: f64,
    peak_mb: f64,
}

fn main() {
    if let Ok(case) = std::env::var(CHILD) {
        return child(&case);
    }
    println!("| shape | assignments | time | per assignment | times the one before | peak memory |");
    println!("|---|---|---|---|---|---|");
    let (mut at_peer_size, mut missed) = (Vec::new(), Vec::new());
    for (shape, sizes) in [
        (Shape::Factored, &[1_000, 10_000, 100_000, 1_000_000][..]),
        (Shape::Explicit, &[1_000, 10_000, 100_000][..]),
    ] {
        let mut before: Option<f64> = None;
        for &size in sizes {
            let taken = best(shape, size);
            let growth = before.map(|before| taken.seconds / before);
            let times = growth.map_or_else(String::new, |growth| format!("{growth:.1}"));
            let each = taken.seconds / size as f64;
            println!(
                "| {shape:?} | {size} | {:.1} ms | {:.2} µs | {times} | {:.0} MB |",
                taken.seconds * 1e3,
                each * 1e6,
                taken.peak_mb
            );
            if growth.is_some_and(|growth| growth > MOST_GROWTH) {
                missed.push(format!("{shape:?} {size} takes {times} times the one before"));
            }
            if taken.peak_mb > most_mb(shape) {
                missed.push(format!("{shape:?} {size} takes {:.0} MB", taken.peak_mb));
            }
            before = Some(taken.seconds);
            if size == PEER_SIZE {
                at_peer_size.push((shape, each));
            }
        }
    }
    match peer() {
        Ok(each) => {
            println!("\noctoDNS, {PEER_SIZE} records: {:.0} µs a record", each * 1e6);
            for (shape, ours) in at_peer_size {
                let times = each / ours;
                println!("{shape:?}: {times:.0} times faster per assignment");
                if times < times_faster(shape) {
                    missed.push(format!("{shape:?} is only {times:.0} times faster than the peer"));
                }
            }
        }
        Err(why) => println!("\nThe peer was left out: {why}"),
    }
    assert!(missed.is_empty(), "targets missed: {missed:#?}");
}

fn best(shape: Shape, size: u64) -> Taken {
    let exe = std::env::current_exe().expect("a process knows its own program");
    let mut best = Taken { seconds: f64::INFINITY, peak_mb: 0.0 };
    for _ in 0..RUNS {
        let output = Command::new(&exe)
            .env(CHILD, format!("{shape:?} {size}"))
            .output()
            .expect("the benchmark starts itself again");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout);
        let mut numbers =
            text.split_whitespace().map(|word| word.parse::<f64>().expect("the child prints numbers"));
        let (seconds, peak_mb) = (numbers.next().expect("a time"), numbers.next().expect("a peak"));
        best.peak_mb = best.peak_mb.max(peak_mb);
        best.seconds = best.seconds.min(seconds);
    }
    best
}

fn child(name: &str) {
    let (shape, size) = name.split_once(' ').expect("the parent names a shape and a size");
    let shape = if shape == "Factored" { Shape::Factored } else { Shape::Explicit };
    let size: u64 = size.parse().expect("the parent names a size");
    let case = case(shape, size);
    let start = Instant::now();
    let (plan, length) = core(&case);
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(plan.changes.len() as u64, size / 20, "5 % of the pairs differ");
    assert!(length > 0);
    println!("{seconds} {}", peak_mb());
}

/// Gives the peak memory of this process in megabytes, as the kernel tells it; 0 where it does not.
fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok())
        .map_or(0.0, |kib| kib * 1024.0 / 1e6)
}

/// Plans as many records with octoDNS; gives the seconds for each.
fn peer() -> Result<f64, String> {
    let python = std::env::var("WABACL_PYTHON").unwrap_or_else(|_| String::from("python3"));
    let import = Command::new(&python).args(["-c", "import octodns"]).output();
    if !import.is_ok_and(|output| output.status.success()) {
        return Err(format!("{python} cannot import octodns"));
    }
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    write_zones(folder.path()).map_err(|error| error.to_string())?;
    let mut seconds = f64::INFINITY;
    for _ in 0..RUNS {
        let start = Instant::now();
        let output = Command::new(&python)
            .args(["-m", "octodns.cmds.sync", "--config-file", "config.yaml", "--force"])
            .current_dir(folder.path())
            .output()
            .map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let log =
            String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        if !log.contains("Creates=") {
            return Err(format!("it planned nothing: {log}"));
        }
        seconds = seconds.min(start.elapsed().as_secs_f64());
    }
    Ok(seconds / PEER_SIZE as f64)
}

/// Writes a zone as the source, and the same with 5 % of its records differing as the target.
fn write_zones(folder: &Path) -> std::io::Result<()> {
    let provider =
        "class: octodns.provider.yaml.YamlProvider\n    default_ttl: 300\n    enforce_order: false";
    std::fs::write(
        folder.join("config.yaml"),
        format!(
            "providers:\n  source:\n    {provider}\n    directory: ./source\n  target:\n    {provider}\n    directory: ./target\nzones:\n  example.com.:\n    sources: [source]\n    targets: [target]\n"
        ),
    )?;
    for side in ["source", "target"] {
        let mut zone = String::from("---\n");
        for record in 0..PEER_SIZE {
            let differs = side == "target" && record % 20 == 7;
            if differs && record % 40 == 7 {
                continue;
            }
            let octet = if differs { 2 } else { 1 };
            let _ = writeln!(zone, "r{record:07}:\n  type: A\n  value: 192.0.2.{octet}");
        }
        std::fs::create_dir_all(folder.join(side))?;
        std::fs::write(folder.join(side).join("example.com.yaml"), zone)?;
    }
    Ok(())
}
