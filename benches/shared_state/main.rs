//! An apply of 10,000 changes with its state in S3 beside one with its state in a local folder.
//!
//! `WABACL_MOTO=…/moto_server cargo bench --bench shared_state`
//!
//! The world is the one of `program` with 10,000 WABAs on two lists. S3 is moto behind a proxy that holds back each request for 50 ms.
//! Both are measured in turn, and the fastest run of each counts: what else the machine does only makes a run slower. It fails if the
//! shared state takes more than 1.2 times as long. Without `WABACL_MOTO` nothing is measured, and it says so.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[allow(dead_code, reason = "the other benchmarks use the rest")]
#[path = "../support/mod.rs"]
mod support;

#[path = "../program/process.rs"]
mod process;
mod proxy;
#[allow(dead_code, reason = "the benchmark of the program uses the rest")]
#[path = "../program/world.rs"]
mod world;

use process::{Emulator, Took, wabacl_with};
use proxy::Proxy;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use support::BUSINESS;

const TOKEN: &str = "benchmark-not-a-secret";
/// Whose token it is.
const ADMIN: u64 = 1_972_385_999_999_999;
const WABAS: u64 = 10_000;
/// How long the proxy holds back a request.
const PUT: Duration = Duration::from_millis(50);
/// How many times each is measured.
const ROUNDS: usize = 3;
/// The longest time of the shared state, in times of the local one.
const WANTED: f64 = 1.2;

/// On how many lists the WABAs are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "the world of the other benchmark has both")]
enum Lists {
    One,
    Two,
}

/// A server that ends with the benchmark.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // If it has ended already, there is nothing to kill.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn main() -> ExitCode {
    let Some(moto) = std::env::var_os("WABACL_MOTO") else {
        println!("Nothing is measured: WABACL_MOTO does not name a moto_server.");
        return ExitCode::SUCCESS;
    };
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let folder = folder.path();
    let write = |name: &str, text: String| fs::write(folder.join(name), text).expect("a file can be written");
    write("live.yaml", world::world(WABAS, Lists::Two));
    write("access.yaml", world::declared(WABAS, Lists::Two));
    let (_server, address) = start_moto(Path::new(&moto));
    let proxy = Proxy::start(address, PUT);
    let mut fastest = [f64::MAX; 2];
    println!("| state | API calls | requests | wall time | peak memory |");
    println!("|---|---|---|---|---|");
    for round in 0..ROUNDS {
        let local = folder.join(format!("local-{round}")).display().to_string();
        let shared = format!("s3://state/round-{round}");
        for (index, state) in [["--state-dir", &*local], ["--state", &*shared]].into_iter().enumerate() {
            let took = apply(folder, state, &proxy.url());
            let Took { calls, requests, seconds, megabytes } = took;
            let peak = megabytes.map_or_else(String::new, |peak| format!("{peak:.0} MB"));
            println!(
                "| {} | {calls} | {requests} | {seconds:.2} s | {peak} |",
                ["local folder", "S3"][index]
            );
            fastest[index] = fastest[index].min(seconds);
        }
    }
    let ratio = fastest[1] / fastest[0];
    println!("\nS3 takes {ratio:.2} times as long as the local folder; wanted: at most {WANTED}.");
    println!("{} requests to S3 were held back for {PUT:?} each.", proxy.requests());
    if ratio <= WANTED { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Applies 10,000 changes in a world that is as it was at the beginning.
fn apply(folder: &Path, state: [&str; 2], s3: &str) -> Took {
    let emulator = Emulator::start(&folder.join("live.yaml"));
    // The counts of calls begin anew, so nothing waits for the next hour.
    let machine = tempfile::tempdir_in(folder).expect("a temporary folder can be made");
    let machine = machine.path().display().to_string();
    let variables = [
        ("AWS_ENDPOINT", s3),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("XDG_STATE_HOME", &*machine),
    ];
    let took = wabacl_with(&emulator, folder, &["apply", "--auto-approve", state[0], state[1]], &variables);
    let changes = world::differing(WABAS).count();
    assert_eq!(changes, 10_000, "the figure is about so many changes");
    took
}

/// Starts moto on a free port, and makes the bucket.
fn start_moto(program: &Path) -> (Server, SocketAddr) {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let address = free.expect("a port is free");
    let child = Command::new(program)
        .args(["-H", "127.0.0.1", "-p", &address.port().to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let server = Server(child.expect("moto starts"));
    let start = Instant::now();
    while !make_bucket(address) {
        assert!(start.elapsed() < Duration::from_secs(30), "moto does not answer");
        std::thread::sleep(Duration::from_millis(100));
    }
    (server, address)
}

fn make_bucket(address: SocketAddr) -> bool {
    let request =
        format!("PUT /state HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    let mut answer = String::new();
    stream.write_all(request.as_bytes()).is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
}
