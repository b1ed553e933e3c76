//! Runs that are killed, and runs at the same time: the journal and the lock between them.

use super::Ran;
use super::remote::Remote;
use crate::support::until;
use std::process::Child;
use std::time::Duration;

/// Applies one call after another.
const APPLY: &str = "apply --concurrency 1 --auto-approve";

/// Starts an apply against a slow emulator, and gives both once so many writes were sent.
async fn half_way(writes: usize) -> (Child, Remote) {
    let remote = Remote::slow(Duration::from_millis(50)).await;
    let child = remote.spawn(APPLY);
    until(|| remote.writes() >= writes).await;
    (child, remote)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_kill_the_next_apply_tells_what_was_in_flight_and_finishes_the_work() {
    for writes in [1, 3, 6] {
        killed_after(writes).await;
    }
}

async fn killed_after(writes: usize) {
    let (mut child, remote) = half_way(writes).await;
    let place = &remote.place;
    child.kill().unwrap();
    child.wait().unwrap();
    place.run("journal").ends(0).says("in flight since");
    let ran = remote.run(&format!("{APPLY} --no-wait")).ends(0);
    ran.says("An earlier apply left").says("in flight:").says("it had no effect: found");
    place.run("journal").ends(0).says("it had no effect, as a later run read").never_says("in flight since");
    remote.run("drift").ends(0);
    // Each write that the emulator saw stands in the journal.
    let journal = place.read(".local/state/wabacl/9876543210987654/journal.jsonl");
    let intents = journal.lines().filter(|line| line.contains("\"kind\":\"intent\"")).count();
    assert!(intents >= remote.writes(), "{intents} intents, {} writes", remote.writes());
    assert!(!journal.contains("quickstart-not-a-secret"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_apply_is_refused_or_waits() {
    let (child, remote) = half_way(1).await;
    let pid = child.id();
    let ran = remote.run(&format!("{APPLY} --no-wait")).ends(3);
    ran.says("another apply for the business 9876543210987654 is running").says(&format!("process {pid}"));
    let second = remote.run(APPLY).ends(0);
    second.says("Waiting for another apply for the business 9876543210987654").says("No changes.");
    Ran::from(child.wait_with_output().unwrap()).ends(0).says("Applied: 7 of 7 changes.");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_that_cannot_be_written_stops_an_apply_before_its_first_write() {
    let remote = Remote::start(Vec::new()).await;
    // A file stands where the folder should be.
    remote.place.write("state", "");
    remote.run(&format!("{APPLY} --state-dir state")).ends(1).never_says("Applied:");
    assert_eq!(remote.writes(), 0);
    remote.run("plan --state-dir state").ends(1).says("reading what was declared earlier");
}
