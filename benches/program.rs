//! The whole program against the emulator in a process of its own, and a peer: Meta's SDK, one call at a time.
//!
//! `cargo bench --bench program`
//!
//! WABAs with 20 system users each, 5 % of the pairs differing, half of the WABAs owned and half shared, or all on
//! one list. The model of time: 50 ms for each request, 2 ms more for each further item of a batch, 0.5 ms for each
//! nested list. It plans by each strategy, applies, and looks for drift, and asserts the number of calls. The peer
//! reads 1,000 WABAs; it needs a Python that can import `facebook_business` (`WABACL_PYTHON`, or `python3`); without
//! one its part is left out, and says so.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts are far below 2^52, and not below 0"
)]

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

/// The cases: how many WABAs, and on how many lists.
const CASES: [(u64, Lists); 4] =
    [(100, Lists::Two), (1_000, Lists::Two), (10_000, Lists::Two), (10_000, Lists::One)];
/// How many WABAs the peer reads.
const PEER_WABAS: u64 = 1_000;
/// The business that owns what is shared.
const OTHER: u64 = 9_876_543_210_000_001;
/// Whose token it is: an admin, whom Meta's lists do not show.
const ADMIN: u64 = 1_972_385_999_999_999;
const TOKEN: &str = "benchmark-not-a-secret";
/// How many calls a plan may make besides those for the WABAs.
const CALLS_ASIDE: u64 = 30;
/// How long one of the programs may take before the benchmark gives up.
const PATIENCE: Duration = Duration::from_secs(600);

/// On how many lists the WABAs are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lists {
    One,
    Two,
}

fn main() {
    println!("| WABAs | lists | | API calls | requests | wall time | peak memory |");
    println!("|---|---|---|---|---|---|---|");
    for (wabas, lists) in CASES {
        case(wabas, lists);
    }
}

fn case(wabas: u64, lists: Lists) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let folder = folder.path();
    fs::write(folder.join("live.yaml"), world(wabas, lists)).expect("the world can be written");
    let declared = manifest(Shape::Factored, wabas);
    let declared = match lists {
        Lists::One => declared,
        // Those of odd number are on the other list.
        Lists::Two => declared.lines().map(shared).collect(),
    };
    fs::write(folder.join("access.yaml"), declared).expect("the manifest can be written");
    let emulator = Emulator::start(&folder.join("live.yaml"));
    let pages = wabas.div_ceil(100);
    for strategy in ["auto", "nested", "batch", "direct"] {
        let plan = wabacl(&emulator, folder, &["plan", "--read-strategy", strategy], strategy);
        row(wabas, lists, &format!("`plan`, {strategy}"), &plan);
        let most = if strategy == "nested" { pages + pages.div_ceil(20) } else { wabas + pages };
        assert!(plan.calls <= most + CALLS_ASIDE, "{strategy}: a plan made {} calls", plan.calls);
    }
    if wabas == PEER_WABAS {
        match peer(&emulator, folder, wabas) {
            Ok(peer) => row(wabas, lists, "facebook-business, one at a time", &peer),
            Err(why) => println!("| {wabas} | {lists:?} | the peer was left out: {why} | | | | |"),
        }
    }
    let apply = wabacl(&emulator, folder, &["apply", "--auto-approve"], "apply");
    row(wabas, lists, "`apply`", &apply);
    // Exits with something else than 0 where anything is left to do.
    let drift = wabacl(&emulator, folder, &["drift"], "drift");
    row(wabas, lists, "`drift` afterwards", &drift);
    let pairs = || (0..wabas).flat_map(|waba| (0..USERS).map(move |user| (waba, user)));
    let differs = |waba: u64, user: u64| live_tasks(waba, user) != tasks(user);
    let changed = pairs().filter(|(waba, user)| differs(*waba, *user)).count() as u64;
    let touched = (0..wabas).filter(|waba| (0..USERS).any(|user| differs(*waba, user))).count() as u64;
    let most = drift.calls + 2 * touched + changed;
    assert_eq!(apply.calls, most, "apply reads what it touches twice, and writes each changed pair once");
    assert!(!folder.join("live.state.yaml").exists(), "what the emulator writes would be measured too");
}

/// Says of a WABA of odd number that it is shared; other lines of a manifest stay as they are.
fn shared(line: &str) -> String {
    let shared =
        if line.starts_with("  us-") { line.replace("{ id:", "{ shared: admin, id:") } else { line.into() };
    shared + "\n"
}

/// What one program did.
struct Took {
    calls: u64,
    requests: u64,
    seconds: f64,
    megabytes: Option<f64>,
}

fn row(wabas: u64, lists: Lists, name: &str, took: &Took) {
    let Took { calls, requests, seconds, megabytes } = took;
    let peak = megabytes.map_or_else(String::new, |peak| format!("{peak:.0} MB"));
    println!("| {wabas} | {lists:?} | {name} | {calls} | {requests} | {seconds:.2} s | {peak} |");
}

/// Runs `wabacl` and gives what it took; it must exit with 0.
fn wabacl(emulator: &Emulator, folder: &Path, verb: &[&str], state: &str) -> Took {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wabacl"));
    command
        .args(verb)
        .arg(folder.join("access.yaml"))
        .args(["--color", "never", "--today", "2026-11-23", "--graph-url", &emulator.url])
        // Each run has budgets of its own: this measures no waiting for the next hour.
        .arg("--state-dir")
        .arg(folder.join("state").join(state))
        .env("WABACL_TOKEN", TOKEN)
        .env_remove("WABACL_APP_SECRET");
    let (seconds, output) = run(command, folder);
    let line = output.talk.lines().find(|line| line.starts_with("Cost: "));
    let line = line.unwrap_or_else(|| panic!("{verb:?} did not tell its cost: {}", output.talk));
    let numbers: Vec<u64> = line.split(' ').flat_map(str::parse).collect();
    let [calls, requests, ..] = numbers.as_slice() else { panic!("no numbers in {line}") };
    Took { calls: *calls, requests: *requests, seconds, megabytes: output.megabytes }
}

/// Reads everything with the peer, which tells its calls and seconds itself.
fn peer(emulator: &Emulator, folder: &Path, expected: u64) -> Result<Took, String> {
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
    assert!((wabas - expected as f64).abs() < 0.5, "the peer saw {wabas} WABAs");
    let calls = calls.round() as u64;
    Ok(Took { calls, requests: calls, seconds: *seconds, megabytes: None })
}

/// What a program printed.
struct Printed {
    product: String,
    talk: String,
    /// Its peak memory, where the system tells.
    megabytes: Option<f64>,
}

/// Runs a program to its end, with its output in files: a full pipe would hold it up.
fn run(mut command: Command, folder: &Path) -> (f64, Printed) {
    let (stdout, stderr) = (folder.join("stdout"), folder.join("stderr"));
    command.stdin(Stdio::null());
    command.stdout(File::create(&stdout).expect("a file for the output can be made"));
    command.stderr(File::create(&stderr).expect("a file for the log can be made"));
    let start = Instant::now();
    let mut running = Running(command.spawn().expect("the program starts"));
    let mut megabytes = None;
    let status = loop {
        megabytes = peak(running.0.id()).or(megabytes);
        if let Some(status) = running.0.try_wait().expect("a child can be waited for") {
            break status;
        }
        assert!(start.elapsed() < PATIENCE, "{command:?} takes longer than {PATIENCE:?}");
        thread::sleep(Duration::from_millis(2));
    };
    let seconds = start.elapsed().as_secs_f64();
    let read = |path: &Path| fs::read_to_string(path).expect("what was printed can be read");
    let printed = Printed { product: read(&stdout), talk: read(&stderr), megabytes };
    assert!(status.success(), "{command:?} ended with {status}:\n{}", printed.talk);
    (seconds, printed)
}

/// Gives the peak memory of a process so far, in MB; the last look before its end counts.
fn peak(process: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes / 1024.0)
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
            .args(["emulator", "--ephemeral", "--latency", "50", "--item-latency", "2"])
            .args(["--nested-latency", "0.5", "--state"])
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
fn world(wabas: u64, lists: Lists) -> String {
    let mut text = format!("businesses:\n  - id: {BUSINESS}\n    name: Northwind Messaging\n");
    let _ = writeln!(
        text,
        "    system_users:\n      - {{ id: {ADMIN}, name: CI Admin, role: ADMIN, listed: false }}"
    );
    for user in 0..USERS {
        let _ = writeln!(text, "      - {{ id: {}, name: bot-{user} }}", user_id(user));
    }
    let _ = writeln!(text, "  - {{ id: {OTHER}, name: Partner }}");
    let _ = writeln!(text, "tokens:\n  - {{ token: {TOKEN}, user: {ADMIN} }}\nwabas:");
    for waba in 0..wabas {
        let whose = match lists {
            Lists::Two if waba % 2 == 1 => {
                format!("owned_by: {OTHER}\n    shared_with: [{{ business: {BUSINESS} }}]")
            }
            Lists::One | Lists::Two => format!("owned_by: {BUSINESS}"),
        };
        let _ =
            writeln!(text, "  - id: {}\n    name: WABA {waba}\n    {whose}\n    assigned:", waba_id(waba));
        for user in 0..USERS {
            let held: Vec<_> = live_tasks(waba, user).names().map(str::to_owned).collect();
            if !held.is_empty() {
                let _ = writeln!(text, "      - {{ user: {}, tasks: [{}] }}", user_id(user), held.join(", "));
            }
        }
    }
    text
}
