//! SIGINT and SIGTERM, sent where the emulator sees that the program has come so far.

#![cfg(unix)]

use super::remote::Remote;
use super::{Place, Ran};
use crate::support::until;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use wabacl::emulator::LoggedCall;

/// Sends a signal to a process that is still running.
fn send(signal: &str, to: &Child) {
    let sent = Command::new("kill").args([format!("-{signal}"), to.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Starts an apply, sends signals once the emulator has seen such a call, and waits for the end.
async fn interrupted(options: &str, method: &str, path: &str, signals: &[&str]) -> (Ran, usize) {
    let remote = Remote::slow(Duration::from_millis(300)).await;
    let child = remote.spawn(&format!("apply --auto-approve --concurrency 1 {options}"));
    let is_it = |call: &LoggedCall| call.method == method && call.path.ends_with(path);
    until(|| remote.emulator.calls().iter().any(is_it)).await;
    for signal in signals {
        send(signal, &child);
    }
    let ran = Ran::from(child.wait_with_output().unwrap());
    (ran, remote.writes())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_before_any_write_ends_the_run_with_130() {
    for signal in ["INT", "TERM"] {
        let (ran, writes) = interrupted("", "GET", "/system_users", &[signal]).await;
        let ran = ran.ends(130).says("Interrupted while reading WABAs: nothing was written.");
        assert_eq!((&*ran.stdout, writes), ("", 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_flight_may_finish_and_the_rest_is_not_attempted() {
    let (ran, writes) = interrupted("--grace 60 --waba acme-us", "POST", "/assigned_users", &["INT"]).await;
    ran.ends(4)
        .says("Interrupted: no further change is begun. Waiting up to 60 s for 1 write (")
        .says(" on acme-us). Interrupt again to end at once.")
        .says("Applied: 1 of 3 changes, 2 not attempted.")
        .says("the run was interrupted")
        .never_says("unknown");
    assert_eq!(writes, 1, "the write that was in flight, and none after it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_flight_after_the_grace_time_is_unknown() {
    let (ran, writes) = interrupted("--grace 0 --waba acme-us", "POST", "/assigned_users", &["TERM"]).await;
    ran.ends(4).says("unknown").says("the run was interrupted while the write was in flight");
    assert_eq!(writes, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_the_run_at_once() {
    let signals = ["INT", "TERM"];
    let (ran, writes) = interrupted("--grace 60 --waba acme-us", "POST", "/assigned_users", &signals).await;
    ran.ends(4).says("Ended at once: the outcome of requests in flight is unknown.").never_says("Applied:");
    assert_eq!(writes, 1);
}

#[test]
fn the_emulator_serves_until_it_is_interrupted() {
    let place = Place::new().set("WABACL_TOKEN", "quickstart-not-a-secret");
    let mut child = place.command("emulator --world live.yaml").spawn().unwrap();
    let mut url = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let words = |verb: &str| format!("{verb} access --today 2026-11-23 --graph-url {url}");
    place.run(&format!("{} --auto-approve", words("apply"))).ends(0).says("Applied: 7 of 7 changes.");
    place.run(&words("drift")).ends(0);
    send("TERM", &child);
    let stopped = Ran::from(child.wait_with_output().unwrap()).ends(130).says("The emulator is listening");
    stopped.says("Interrupted: the emulator has stopped, and its state is in live.state.yaml.");
    // What was written is there for the next start, from a process of its own or embedded.
    place.emulated("drift").ends(0);
}

/// Starts a verb whose output goes to a pipe that is full and that nobody reads, and waits until it has something to print.
#[cfg(target_os = "linux")]
fn blocked(remote: &Remote, words: &str) -> (Child, std::io::PipeReader) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    // The capacity of a pipe on Linux.
    writer.write_all(&vec![b' '; 64 * 1024]).unwrap();
    let mut child = remote.command(words).stdout(writer).spawn().unwrap();
    let mut cost = BufReader::new(child.stderr.as_mut().unwrap()).lines();
    cost.next().unwrap().unwrap();
    (child, reader)
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signals_and_the_deadline_hold_while_nobody_reads_the_output() {
    let remote = Remote::start(Vec::new()).await;
    let runs = [
        ("plan -v", Some("TERM"), 130),
        ("drift -v", Some("INT"), 130),
        ("apply -v --auto-approve", Some("TERM"), 130),
        ("plan -v --timeout 1", None, 1),
    ];
    let started = runs.map(|(words, signal, code)| (blocked(&remote, words), signal, words, code));
    for ((child, _), signal, ..) in &started {
        if let Some(signal) = signal {
            send(signal, child);
        }
    }
    for ((mut child, _reader), _, words, code) in started {
        assert_eq!(child.wait().unwrap().code(), Some(code), "{words}");
    }
    assert_eq!(remote.writes(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_verb_that_reads_says_where_it_was() {
    for (verb, path, place) in [
        ("plan", "/assigned_users", "reading WABAs"),
        ("drift", "/debug_token", "checking the token"),
        ("apply --auto-approve", "/debug_token", "checking the token"),
    ] {
        let remote = Remote::slow(Duration::from_millis(300)).await;
        let child = remote.spawn(&format!("{verb} --concurrency 1"));
        until(|| remote.emulator.calls().iter().any(|call| call.path.ends_with(path))).await;
        send("TERM", &child);
        let ran = Ran::from(child.wait_with_output().unwrap()).ends(130);
        ran.says(&format!("Interrupted while {place}: nothing was written."));
        assert_eq!(remote.writes(), 0);
    }
}

#[test]
fn a_verb_that_calls_no_api_says_that_it_wrote_nothing() {
    let place = Place::new();
    let mut command = place.command("validate -");
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    // The program listens for signals before it reads. What it reads is more than a pipe holds.
    let input = child.stdin.as_mut().unwrap();
    input.write_all(&vec![b'#'; 256 * 1024]).unwrap();
    send("INT", &child);
    Ran::from(child.wait_with_output().unwrap()).ends(130).says("Interrupted: nothing was written.");
}

#[test]
fn a_signal_holds_while_a_secret_does_not_come() {
    let place = Place::new();
    let pipe = place.folder.path().join("token");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let child = place.command("whoami --token-file token").spawn().unwrap();
    // Opening the pipe waits until the program has opened it too.
    let open = std::fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    send("TERM", &child);
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    drop(open);
}
