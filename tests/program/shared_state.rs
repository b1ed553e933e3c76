//! A state that machines share, in a folder with the layout of an object store.

use super::remote::Remote;
use super::{Place, Ran};
use crate::support::until;
use std::time::Duration;

/// Leases end 60 times as fast.
const QUICK: (&str, &str) = ("WABACL_TEST_LEASE_SPEED", "60");

/// Returns the option for the state of a place.
fn state(place: &Place) -> String {
    format!("--state objects://{}/objects", place.folder.path().display())
}

#[test]
fn applies_on_two_machines_share_journal_and_inventory() {
    let place = Place::new();
    let state = state(&place);
    place.emulated(&format!("apply --auto-approve {state}")).ends(0).says("Applied: 7 of 7 changes.");
    place.emulated(&format!("apply --auto-approve {state}")).ends(0).says("No changes.");
    place.run(&format!("journal {state}")).ends(0).says("Journal: 1 run, 7 writes.").never_says("in flight");
    let shown = place.run(&format!("state show {state}")).ends(0);
    shown.says("Business 9876543210987654").says("lease:     free since").says("in flight: 0 writes");
    place.run(&format!("state check {state}")).ends(0).says("of concurrent puts of one object, one succeeds");
    assert!(place.read("objects/9876543210987654/sets/default.json").contains("\"set\":\"default\""));
    assert!(!place.folder.path().join(".local").join("state/wabacl/9876543210987654/journal.jsonl").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lease_of_a_killed_run_is_taken_over_and_its_writes_are_settled() {
    let mut remote = Remote::slow(Duration::from_millis(50)).await;
    remote.place = remote.place.set(QUICK.0, QUICK.1);
    let apply = format!("apply --concurrency 1 --auto-approve {}", state(&remote.place));
    let mut child = remote.spawn(&apply);
    until(|| remote.writes() >= 3).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let refused = remote.run(&format!("{apply} --no-wait")).ends(3);
    refused.says("another apply for the business 9876543210987654 is running: run 2");
    let shown = remote.place.run(&format!("state show {}", state(&remote.place))).ends(0);
    shown.says("held by run 2").says("another run takes over after 120 s of silence");
    let ran = remote.run(&apply).ends(0);
    ran.says("Waiting for another apply").says("An earlier apply left").says("in flight:");
    let journal = remote.place.run(&format!("journal {}", state(&remote.place))).ends(0);
    journal.says("Journal: 2 runs,").never_says("in flight since");
    remote.run(&format!("drift {}", state(&remote.place))).ends(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_whose_lease_was_taken_away_stops() {
    let remote = Remote::slow(Duration::from_millis(200)).await;
    let state = state(&remote.place);
    let child = remote.spawn(&format!("apply --concurrency 1 --auto-approve {state}"));
    until(|| remote.writes() >= 1).await;
    let shown = remote.place.run(&format!("state show {state}")).ends(0).stdout;
    let run = shown.split("held by run ").nth(1).and_then(|rest| rest.split(',').next()).unwrap().to_owned();
    let other = remote.place.run(&format!("state release --run {run}x {state}")).ends(3);
    other.says("holds no lease");
    let released = remote.place.run(&format!("state release --run {run} {state}")).ends(0);
    released.says("is taken away").says("can send writes for up to 30 more seconds");
    let ran = Ran::from(child.wait_with_output().unwrap()).ends(4);
    ran.says("another run has taken the lease of this one").says("not attempted");
    assert!(remote.writes() < 7, "{}", remote.writes());
    remote.run(&format!("apply --auto-approve {state}")).ends(0).says("An earlier apply left");
}

#[test]
fn without_its_store_a_plan_goes_on_and_an_apply_does_nothing() {
    let place = Place::new()
        .set("AWS_ENDPOINT", "http://127.0.0.1:9")
        .set("AWS_ALLOW_HTTP", "true")
        .set("AWS_ACCESS_KEY_ID", "test")
        .set("AWS_SECRET_ACCESS_KEY", "secretOfThisTest");
    let plan = place.emulated("plan --state s3://bucket/prefix").ends(0);
    plan.says("the shared state cannot be read").says("Plan: ").never_says("secretOfThisTest");
    let apply = place.emulated("apply --auto-approve --state s3://bucket/prefix").ends(1);
    apply.says("making sure that no other apply runs").never_says("Applied").never_says("secretOfThisTest");
    place.emulated("drift --state s3://bucket/prefix").ends(2).says("the shared state cannot be read");
}

#[test]
fn a_state_moves_into_a_store_and_the_old_place_names_it() {
    let place = Place::new();
    let (old, new) = (place.folder.path().join("old"), state(&place));
    let from = format!("--state-dir {}", old.display());
    place.emulated(&format!("apply --auto-approve {from}")).ends(0);
    let before = place.run(&format!("journal {from}")).ends(0).stdout;
    let urls = format!("file://{} {}", old.display(), new.trim_start_matches("--state "));
    let moved = place.run(&format!("state migrate {urls}")).ends(0);
    moved
        .says("read back and compared")
        .says("Copied along: 0 saved plans, and the counts of ")
        .says("Set WABACL_STATE to objects://");
    for refused in ["apply --auto-approve", "plan", "drift", "report"] {
        let refused = place.emulated(&format!("{refused} {from}")).ends(1);
        refused.says("has moved to objects://").says("name the new place with --state or WABACL_STATE");
    }
    place.run(&format!("journal {from}")).ends(0).says("the state has moved to objects://");
    place.run(&format!("state show {from}")).ends(0).says("moved to:  objects://");
    assert_eq!(place.run(&format!("journal {new}")).ends(0).stdout, before);
    place.emulated(&format!("apply --auto-approve {new}")).ends(0).says("No changes.");
    place.run(&format!("state migrate {urls}")).ends(0).says("moved earlier");
    place.run(&format!("state migrate {urls}2")).ends(1).says("has moved to objects://");
    let nowhere = format!("state migrate file://{}/none {urls}", place.folder.path().display());
    place.run(nowhere.rsplit_once(' ').unwrap().0).ends(1).says("there is no state in");
}

#[test]
fn a_reviewed_plan_waits_in_the_state_and_the_applied_one_is_kept() {
    let place = Place::new();
    let (state, folder) = (state(&place), place.folder.path().join("objects/9876543210987654"));
    place.run(&format!("show --last-applied {state}")).ends(1).says("there is no state in objects://");
    place.emulated(&format!("plan --save one {state}")).ends(0).says("as one: sha256:");
    place.emulated(&format!("apply --reviewed two {state}")).ends(3).says("there is no reviewed plan `two`");
    // It is a file like any other to somebody who may write there.
    let plan = std::fs::read_dir(folder.join("plans")).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(&plan).unwrap();
    std::fs::write(&plan, text.replacen("acme-eu", "acme-ex", 1)).unwrap();
    place.emulated(&format!("apply --reviewed one {state}")).ends(3).says("was altered");
    std::fs::write(&plan, "[").unwrap();
    place.emulated(&format!("apply --reviewed one {state}")).ends(1).says("is not a saved plan");
    std::fs::write(&plan, &text).unwrap();
    // The plan of another state of the manifests is not applied.
    place.edit("access/access.yaml", "tasks: [MESSAGING]", "tasks: [MESSAGING, VIEW_COST]");
    place
        .emulated(&format!("apply --reviewed one {state}"))
        .ends(3)
        .says("the manifests now ask for something else");
    place.emulated(&format!("plan --save one {state}")).ends(0);
    place
        .emulated(&format!("apply --reviewed one {state}"))
        .ends(3)
        .says("2 plans are named `one`, and they differ");
    place.edit("access/access.yaml", "tasks: [MESSAGING, VIEW_COST]", "tasks: [MESSAGING]");
    place.emulated(&format!("plan --save three {state}")).ends(0);
    place.emulated(&format!("apply --reviewed three {state}")).ends(0).says("Applied: 7 of 7 changes.");
    place.run(&format!("show --last-applied {state}")).ends(0).says(" to assign, ");
    for (wrong, says) in [
        ("plan --save one", "--save needs a state that machines share"),
        ("apply --reviewed one", "--reviewed needs a state that machines share"),
        ("apply --newest --auto-approve", "--reviewed <NAME>"),
        ("plan --save ../one", "expected up to 150 letters"),
    ] {
        place.emulated(wrong).ends(64).says(says);
    }
    place.run("show --last-applied --state-dir here").ends(64).says("which keeps no plans");
}

#[test]
fn drift_starts_from_the_plan_that_was_applied_last() {
    let place = Place::new();
    let state = state(&place);
    place.emulated(&format!("apply --auto-approve {state}")).ends(0);
    place.edit("access/access.yaml", "tasks: [MESSAGING]", "tasks: [MESSAGING, VIEW_COST]");
    let merged = place.emulated(&format!("drift {state}")).ends(2);
    // Without the plan, only the journal could tell.
    std::fs::remove_dir_all(place.folder.path().join("objects/9876543210987654/plans")).unwrap();
    let without = place.emulated(&format!("drift {state}")).ends(2);
    merged.says("VIEW_COST").says("where the manifests changed");
    without.says("VIEW_COST");
}

#[test]
fn old_parts_of_a_journal_are_shown_before_they_are_removed() {
    let place = Place::new();
    let state = state(&place);
    place.emulated(&format!("apply --auto-approve {state}")).ends(0);
    let shown = place.run(&format!("state prune --keep 400d {state}")).ends(0);
    shown
        .says("Business 9876543210987654: 0 objects of the journal can be removed.")
        .says("Nothing was removed");
    place
        .run(&format!("state prune --keep 400d --delete {state}"))
        .ends(0)
        .says("0 objects of the journal removed.");
    place.run(&format!("state prune --keep 7d {state}")).ends(64).says("--keep is shorter than 30 days");
    place.run("state prune --keep 400d --state-dir here").ends(64).says("is a folder of this machine");
}

#[test]
fn calls_are_counted_for_other_machines() {
    let place = Place::new();
    let state = state(&place);
    place.emulated(&format!("plan --read-strategy direct {state}")).ends(0);
    let hours = std::fs::read_dir(place.folder.path().join("objects/9876543210987654/calls")).unwrap();
    let files = hours.flat_map(|hour| std::fs::read_dir(hour.unwrap().path()).unwrap());
    let text: String = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    assert!(text.lines().count() > 3 && text.lines().all(|line| line.split('\t').count() == 3), "{text}");
}

#[test]
fn a_journal_with_a_gap_is_refused() {
    let place = Place::new();
    let state = state(&place);
    place.emulated(&format!("apply --auto-approve {state}")).ends(0);
    let journal = place.folder.path().join("objects/9876543210987654/journal");
    std::fs::remove_file(journal.join("00000000000000000002.jsonl")).unwrap();
    let gap = "9876543210987654/journal/00000000000000000002.jsonl cannot be used: it is missing";
    place.run(&format!("state check {state}")).ends(1).says(gap);
    std::fs::remove_file(place.folder.path().join("objects/9876543210987654/head.json")).unwrap();
    place.emulated(&format!("apply --auto-approve {state}")).ends(1).says(gap);
}

#[test]
fn the_state_comes_from_the_environment_and_never_holds_a_key() {
    let place = Place::new();
    let url = format!("objects://{}/objects", place.folder.path().display());
    let place = place.set("WABACL_STATE", &url);
    place.run("journal").ends(0).says("There is no journal in objects://");
    place.run("journal --state s3://key:secret@bucket/a").ends(64).says("they come from the environment");
    let place = place.set("WABACL_STATE", "nonsense");
    place.run("journal").ends(64).says("WABACL_STATE is `nonsense`: expected a URL");
}
