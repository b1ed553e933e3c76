//! Runs that are killed, and runs at the same time: the journal and the lock between them.

use super::{Place, Ran};
use crate::support::until;
use std::process::Child;
use std::time::Duration;
use wabacl::emulator::{Emulator, Latency, Options, World};

/// Starts an apply of the quickstart against a slow emulator, and gives both once so many writes were sent.
async fn half_way(place: &Place, writes: usize) -> (Child, Emulator) {
    let world = World::from_yaml(&place.read("live.yaml")).unwrap();
    let latency = Latency { request: Duration::from_millis(50), ..Latency::default() };
    let emulator = Emulator::start(world, Options { latency, ..Options::default() }).await.unwrap();
    let child = place.command(&words("apply", &emulator, "--auto-approve")).spawn().unwrap();
    let sent = || emulator.calls().iter().filter(|call| call.method != "GET").count();
    until(|| sent() >= writes).await;
    (child, emulator)
}

fn words(verb: &str, emulator: &Emulator, options: &str) -> String {
    let url = emulator.url();
    format!(
        "{verb} access --today 2026-11-23 --read-strategy direct --concurrency 1 --graph-url {url} {options}"
    )
}

fn place() -> Place {
    Place::new().set("WABACL_TOKEN", "quickstart-not-a-secret")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_kill_the_next_apply_tells_what_was_in_flight_and_finishes_the_work() {
    for writes in [1, 3, 6] {
        killed_after(writes).await;
    }
}

async fn killed_after(writes: usize) {
    let place = place();
    let (mut child, emulator) = half_way(&place, writes).await;
    child.kill().unwrap();
    child.wait().unwrap();
    place.run("journal").ends(0).says("in flight since");
    let ran = place.run(&words("apply", &emulator, "--auto-approve --no-wait")).ends(0);
    ran.says("An earlier apply left").says("in flight:").says("it had no effect: found");
    place.run("journal").ends(0).says("it had no effect, as a later run read").never_says("in flight since");
    place.run(&words("drift", &emulator, "")).ends(0);
    // Each write that the emulator saw stands in the journal.
    let journal = place.read(".local/state/wabacl/9876543210987654/journal.jsonl");
    let intents = journal.lines().filter(|line| line.contains("\"kind\":\"intent\"")).count();
    let sent = emulator.calls().iter().filter(|call| call.method != "GET").count();
    assert!(intents >= sent, "{intents} intents, {sent} writes");
    assert!(!journal.contains("quickstart-not-a-secret"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_apply_is_refused_or_waits() {
    let place = place();
    let (child, emulator) = half_way(&place, 1).await;
    let pid = child.id();
    let ran = place.run(&words("apply", &emulator, "--auto-approve --no-wait")).ends(3);
    ran.says("another apply for the business 9876543210987654 runs").says(&format!("process {pid}"));
    let second = place.run(&words("apply", &emulator, "--auto-approve")).ends(0);
    second.says("Waiting for another apply for the business 9876543210987654").says("No changes.");
    Ran::from(child.wait_with_output().unwrap()).ends(0).says("Applied: 7 of 7 changes.");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_that_cannot_be_written_stops_an_apply_before_its_first_write() {
    let place = place();
    let world = World::from_yaml(&place.read("live.yaml")).unwrap();
    let emulator = Emulator::start(world, Options::default()).await.unwrap();
    // A file stands where the folder should be.
    place.write("state", "");
    let ran = place.run(&words("apply", &emulator, "--auto-approve --state-dir state")).ends(1);
    ran.never_says("Applied:");
    assert!(emulator.writes().is_empty());
    // Planning writes nothing, so that it only forgets what it used.
    place.run(&words("plan", &emulator, "--state-dir state")).ends(0);
}
