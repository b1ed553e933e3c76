//! The whole program against the emulator in a process of its own, and a peer: Meta's SDK, one call at a time.
//!
//! `cargo bench --bench program`
//!
//! 1,000 WABAs with 20 system users each, 5 % of the pairs differing, 50 ms before each answer. It plans, reads
//! everything with the peer, applies, and looks for drift, and asserts the number of calls of each. The peer
//! needs a Python that can import `facebook_business` (`WABACL_PYTHON`, or `python3`); without one its part is
//! left out, and says so.

#[allow(dead_code, reason = "the other benchmarks use the rest of the room")]
mod support;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use support::{BUSINESS, Shape, USERS, live_tasks, manifest, tasks, user_id, waba_id};

const WABAS: u64 = 1_000;
const LATENCY_MS: u64 = 50;
const CONCURRENCY: u64 = 10;
/// Whose token it is: an admin, whom Meta's lists do not show.
const ADMIN: u64 = 1_972_385_999_999_999;
const TOKEN: &str = "benchmark-not-a-secret";
/// How many calls a plan may make besides one for each WABA.
const CALLS_ASIDE: u64 = 30;
/// How many times faster than the peer a plan is at least.
const TIMES_FASTER: f64 = 8.0;
/// How long one of the programs may take before the benchmark gives up.
const PATIENCE: Duration = Duration::from_secs(300);

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let folder = folder.path();
    fs::write(folder.join("live.yaml"), world()).expect("the world can be written");
    fs::write(folder.join("access.yaml"), manifest(Shape::Factored, WABAS))
        .expect("the manifest can be written");
    let emulator = Emulator::start(&folder.join("live.yaml"));

    let plan = wabacl(&emulator, folder, &["plan"]);
    let peer = peer(&emulator, folder);
    let apply = wabacl(&emulator, folder, &["apply", "--auto-approve"]);
    // Exits with something else than 0 where anything is left to do.
    let drift = wabacl(&emulator, folder, &["drift"]);

    println!("| | reads | writes | wall time | calls a second |");
    println!("|---|---|---|---|---|");
    for (name, took) in [("`plan`", &plan), ("`apply`", &apply), ("`drift` afterwards", &drift)] {
        row(name, took);
    }
    match &peer {
        Ok(peer) => row("facebook-business, one at a time", peer),
        Err(why) => println!("\nThe peer was left out: {why}"),
    }
    check_calls(&plan, &apply, &drift);
    if let Ok(peer) = peer {
        let times = peer.seconds / plan.seconds;
        println!("\n`plan` is {times:.1} times faster than the peer.");
        assert!(times >= TIMES_FASTER, "a plan is to be {TIMES_FASTER} times faster than the peer");
    }
}

/// What one program did.
struct Took {
    reads: u64,
    writes: u64,
    seconds: f64,
}

fn row(name: &str, took: &Took) {
    let Took { reads, writes, seconds } = took;
    let rate = (reads + writes) as f64 / seconds;
    println!("| {name} | {reads} | {writes} | {seconds:.2} s | {rate:.0} |");
}

/// Makes sure that no call was made that was not needed.
fn check_calls(plan: &Took, apply: &Took, drift: &Took) {
    let pairs = || (0..WABAS).flat_map(|waba| (0..USERS).map(move |user| (waba, user)));
    let differs = |waba: u64, user: u64| live_tasks(waba, user) != tasks(user);
    let changed = pairs().filter(|(waba, user)| differs(*waba, *user)).count() as u64;
    let touched = (0..WABAS).filter(|waba| (0..USERS).any(|user| differs(*waba, user))).count() as u64;
    println!("\n{changed} pairs on {touched} WABAs differed.");
    assert!(plan.reads <= WABAS + CALLS_ASIDE, "a plan made {} reads", plan.reads);
    assert_eq!((plan.writes, drift.writes), (0, 0), "only apply writes");
    assert_eq!(drift.reads, plan.reads, "drift reads what plan reads");
    assert_eq!(apply.writes, changed, "apply writes each changed pair once");
    assert_eq!(apply.reads, plan.reads + 2 * touched, "apply reads each WABA it touches before and after");
}

/// Runs `wabacl` and gives what it took; it must exit with 0.
fn wabacl(emulator: &Emulator, folder: &Path, verb: &[&str]) -> Took {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wabacl"));
    command
        .args(verb)
        .arg(folder.join("access.yaml"))
        .args(["-v", "--color", "never", "--today", "2026-11-23", "--graph-url", &emulator.url])
        .args(["--concurrency", &CONCURRENCY.to_string()])
        .env("WABACL_TOKEN", TOKEN)
        .env_remove("WABACL_APP_SECRET");
    let (seconds, output) = run(command, folder);
    let line = output.talk.lines().find(|line| line.contains("requests sent"));
    let line = line.unwrap_or_else(|| panic!("{verb:?} did not tell its requests: {}", output.talk));
    let number = |field: &str| {
        let value = line.split_whitespace().find_map(|word| word.strip_prefix(field));
        value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {field} in {line}"))
    };
    Took { reads: number("reads="), writes: number("writes="), seconds }
}

/// Reads everything with the peer, which tells its calls and seconds itself.
fn peer(emulator: &Emulator, folder: &Path) -> Result<Took, String> {
    let python = std::env::var("WABACL_PYTHON").unwrap_or_else(|_| String::from("python3"));
    let import = Command::new(&python).args(["-c", "import facebook_business"]).output();
    if !import.is_ok_and(|output| output.status.success()) {
        return Err(format!("{python} cannot import facebook_business"));
    }
    let mut command = Command::new(python);
    command
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/one_at_a_time.py"))
        .env("WABACL_PEER_URL", &emulator.url)
        .env("WABACL_PEER_TOKEN", TOKEN)
        .env("WABACL_PEER_BUSINESS", BUSINESS.to_string())
        .env("NO_PROXY", "127.0.0.1");
    let (_, output) = run(command, folder);
    let numbers: Vec<f64> = output.product.split_whitespace().flat_map(str::parse).collect();
    let [wabas, _, calls, seconds] = numbers.as_slice() else {
        panic!("the peer prints four numbers, not {:?}", output.product)
    };
    assert!((wabas - WABAS as f64).abs() < 0.5, "the peer saw {wabas} WABAs");
    Ok(Took { reads: calls.round() as u64, writes: 0, seconds: *seconds })
}

/// What a program printed.
struct Printed {
    product: String,
    talk: String,
}

/// Runs a program to its end, with its output in files: a full pipe would hold it up.
fn run(mut command: Command, folder: &Path) -> (f64, Printed) {
    let (stdout, stderr) = (folder.join("stdout"), folder.join("stderr"));
    command.stdin(Stdio::null());
    command.stdout(File::create(&stdout).expect("a file for the output can be made"));
    command.stderr(File::create(&stderr).expect("a file for the log can be made"));
    let start = Instant::now();
    let mut running = Running(command.spawn().expect("the program starts"));
    let status = loop {
        if let Some(status) = running.0.try_wait().expect("a child can be waited for") {
            break status;
        }
        assert!(start.elapsed() < PATIENCE, "{command:?} takes longer than {PATIENCE:?}");
        thread::sleep(Duration::from_millis(2));
    };
    let seconds = start.elapsed().as_secs_f64();
    let read = |path: &Path| fs::read_to_string(path).expect("what was printed can be read");
    let printed = Printed { product: read(&stdout), talk: read(&stderr) };
    assert!(status.success(), "{command:?} ended with {status}:\n{}", printed.talk);
    (seconds, printed)
}

/// A process that does not outlive this one's interest in it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Where it has ended already there is nothing to kill.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `wabacl emulator` in its own process.
struct Emulator {
    url: String,
    _process: Running,
}

impl Emulator {
    fn start(state: &Path) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_wabacl"))
            .args(["emulator", "--ephemeral", "--latency", &LATENCY_MS.to_string(), "--state"])
            .arg(state)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn();
        let mut process = Running(child.expect("the emulator starts"));
        let stdout = process.0.stdout.take().expect("its output was asked for");
        let mut url = String::new();
        BufReader::new(stdout).read_line(&mut url).expect("the emulator prints its address");
        assert!(!url.is_empty(), "the emulator ended before it printed its address");
        Self { url: url.trim_end().to_owned(), _process: process }
    }
}

/// Writes the world of the emulator: the manifest's, but for the pairs that differ.
fn world() -> String {
    let mut text = format!("businesses:\n  - id: {BUSINESS}\n    name: Northwind Messaging\n");
    let _ = writeln!(
        text,
        "    system_users:\n      - {{ id: {ADMIN}, name: CI Admin, role: ADMIN, listed: false }}"
    );
    for user in 0..USERS {
        let _ = writeln!(text, "      - {{ id: {}, name: bot-{user} }}", user_id(user));
    }
    let _ = writeln!(text, "tokens:\n  - {{ token: {TOKEN}, user: {ADMIN} }}\nwabas:");
    for waba in 0..WABAS {
        let _ = writeln!(
            text,
            "  - id: {}\n    name: WABA {waba}\n    owned_by: {BUSINESS}\n    assigned:",
            waba_id(waba)
        );
        for user in 0..USERS {
            let held: Vec<_> = live_tasks(waba, user).names().map(str::to_owned).collect();
            if !held.is_empty() {
                let _ = writeln!(text, "      - {{ user: {}, tasks: [{}] }}", user_id(user), held.join(", "));
            }
        }
    }
    text
}
