//! Running programs: their output, their time and their peak memory.

use super::{BUSINESS, TOKEN};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long one of the programs may take before the benchmark gives up.
const PATIENCE: Duration = Duration::from_secs(900);

/// What one program took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Took {
    pub(super) calls: u64,
    pub(super) requests: u64,
    pub(super) seconds: f64,
    /// Its peak memory, where the system tells.
    pub(super) megabytes: Option<f64>,
}

/// Runs `wabacl` with a state in a folder of this name, and gives what it took; it must exit with 0.
#[allow(dead_code, reason = "the benchmark of a shared state has states of its own")]
pub(super) fn wabacl(emulator: &Emulator, folder: &Path, arguments: &[&str], state: &str) -> Took {
    // Each run has budgets of its own: this measures no waiting for the next hour.
    let state = folder.join("state").join(state).display().to_string();
    wabacl_with(emulator, folder, &[arguments, &["--state-dir", &state]].concat(), &[])
}

/// Runs `wabacl` with variables in its environment, and gives what it took; it must exit with 0.
pub(super) fn wabacl_with(
    emulator: &Emulator,
    folder: &Path,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> Took {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wabacl"));
    command
        .args(arguments)
        .arg(folder.join("access.yaml"))
        .args(["--color", "never", "--today", "2026-11-23", "--graph-url", &emulator.url])
        .env("WABACL_TOKEN", TOKEN)
        .env_remove("WABACL_APP_SECRET")
        .envs(variables.iter().copied());
    let (seconds, output) = run(command, folder);
    let line = output.talk.lines().find(|line| line.starts_with("Cost: "));
    let line = line.unwrap_or_else(|| panic!("{arguments:?} did not tell its cost: {}", output.talk));
    let numbers: Vec<u64> = line.split(' ').flat_map(str::parse).collect();
    let [calls, requests, ..] = numbers.as_slice() else { panic!("no numbers in {line}") };
    Took { calls: *calls, requests: *requests, seconds, megabytes: output.megabytes }
}

/// What a peer says of itself.
#[allow(dead_code, reason = "the benchmark of a shared state has no peer")]
pub(super) struct Peer {
    pub(super) took: Took,
    /// The WABAs that it saw, or the writes that it made.
    pub(super) things: u64,
    /// The assignments that it read.
    pub(super) rows: u64,
}

/// Gives the Python that can import the SDK.
#[allow(dead_code, reason = "the benchmark of a shared state has no peer")]
pub(super) fn python() -> Result<String, String> {
    let python = std::env::var("WABACL_PYTHON").unwrap_or_else(|_| String::from("python3"));
    let import = Command::new(&python).args(["-c", "import facebook_business"]).output();
    if import.is_ok_and(|output| output.status.success()) {
        Ok(python)
    } else {
        Err(format!("{python} cannot import facebook_business"))
    }
}

/// Runs the peer, which tells its calls and seconds itself.
#[allow(dead_code, reason = "the benchmark of a shared state has no peer")]
pub(super) fn peer(python: &str, emulator: &Emulator, folder: &Path, arguments: &[&str]) -> Peer {
    let mut command = Command::new(python);
    command
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/sdk.py"))
        .args(arguments)
        .env("WABACL_PEER_URL", &emulator.url)
        .env("WABACL_PEER_TOKEN", TOKEN)
        .env("WABACL_PEER_BUSINESS", BUSINESS.to_string())
        .env("NO_PROXY", "127.0.0.1");
    let (_, output) = run(command, folder);
    let fields: Vec<&str> = output.product.split_whitespace().collect();
    let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
    let seconds = fields.get(4).and_then(|field| field.parse().ok());
    let (Some(things), Some(rows), Some(calls), Some(requests), Some(seconds)) =
        (number(0), number(1), number(2), number(3), seconds)
    else {
        panic!("the peer prints five numbers, not {:?}", output.product)
    };
    Peer { took: Took { calls, requests, seconds, megabytes: output.megabytes }, things, rows }
}

/// What a program printed.
struct Printed {
    product: String,
    talk: String,
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
pub(super) struct Emulator {
    url: String,
    _process: Running,
}

impl Emulator {
    pub(super) fn start(state: &Path) -> Self {
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
