//! Drift for somebody who did not make the change: what differs, since when, and whose doing it is.

use super::Place;
use super::remote::Remote;
use crate::support::{key, tasks};

/// Applies the quickstart, keeps its plan, and has somebody change something by hand.
async fn moved() -> Remote {
    let remote = Remote::start(Vec::new()).await;
    remote.run("plan --out applied.json").ends(0);
    remote.run("apply --auto-approve").ends(0);
    remote.emulator.assign(key("102290129340402", "1972385232742147"), tasks("VIEW_TEMPLATES FULL_CONTROL"));
    remote
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_tells_what_should_be_and_what_should_not_since_when() {
    let remote = moved().await;
    let ran = remote.run("drift").ends(2).says("Drift: 0 missing, 1 different, 0 too many");
    let ran = ran.says("should have MANAGE_TEMPLATES, VIEW_COST and should not have FULL_CONTROL");
    ran.says("last written at ").says("MANAGE_TEMPLATES, VIEW_COST, VIEW_TEMPLATES\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_tells_drift_from_work_in_progress() {
    let remote = moved().await;
    // The manifests move as well, elsewhere.
    remote.place.edit("access/access.yaml", "tasks: [analyst]", "tasks: [analyst, VIEW_TEMPLATES]");
    let ran = remote.run("drift --since applied.json").ends(2);
    let ran = ran.says("drift: live access moved since the last apply");
    ran.says("in progress: the manifests moved since the last apply, live access did not");
    let json = remote.run("drift --since applied.json --format json").ends(2);
    json.says("\"moved\":\"live\"").says("\"moved\":\"manifests\"");
    // By the journal alone only what that run wrote can be told.
    let journal = remote.place.run("journal --format json").ends(0).stdout;
    let digest = journal.split("\"plan_digest\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let ran = remote.run(&format!("drift --since {digest}")).ends(2).says("drift: live access moved");
    ran.says("cannot be told");
    remote.run("drift --since sha256:00").ends(1).says("neither these manifests nor any run in the journal");
    remote.run("drift --since missing.json").ends(1).says("cannot be read");
}

#[test]
fn access_that_a_deleted_declaration_left_behind_can_turn_it_red() {
    let place = Place::new();
    place.emulated("apply --auto-approve").ends(0);
    place.emulated("drift").ends(0).says("undeclared system user legacy-import");
    place.emulated("drift --fail-on undeclared").ends(2);
}

#[test]
fn grants_that_end_soon_are_listed() {
    let place = Place::new();
    place.edit("access/access.yaml", "until: 2099-12-31", "until: 2026-12-01");
    let ran = place.emulated("drift --expiring 14d").ends(2).says("Ending soon: 1 grant.");
    ran.says("grants[3] \"campaigns\" at access/access.yaml:38 until 2026-12-01 (OPS-1234): 4 assignments");
    place.emulated("drift --expiring 7d").ends(2).says("Ending soon: 0 grants.");
    place.emulated("drift --expiring 14d --format json").says("\"assignments\":4");
    place.emulated("drift --expiring soon").ends(64);
}

#[test]
fn metrics_are_written_whole_and_keep_the_last_success() {
    let place = Place::new();
    place.emulated("drift --format prometheus --out drift.prom --expiring 14d").ends(2);
    let text = place.read("drift.prom");
    for line in [
        "# TYPE wabacl_drift_changes gauge",
        "wabacl_drift_changes{business=\"9876543210987654\",action=\"assign\"} 4",
        "wabacl_unmanaged_assignments{business=\"9876543210987654\",why=\"undeclared\"} 2",
        "wabacl_unreadable_wabas{business=\"9876543210987654\"} 0",
        "wabacl_expiring_grants{business=\"9876543210987654\"} 0",
    ] {
        assert!(text.lines().any(|has| has == line), "{line}: {text}");
    }
    let success = |text: &str| {
        text.lines()
            .find(|line| line.starts_with("wabacl_last_success_timestamp_seconds{"))
            .unwrap()
            .to_owned()
    };
    // A run that cannot read everything takes over when the last one could.
    let stamp = "wabacl_last_success_timestamp_seconds{business=\"9876543210987654\"} 12345";
    place.write("drift.prom", &text.replace(&success(&text), stamp));
    place.edit("access/access.yaml", "  support: {", "  gone: { id: 999 }\n  support: {");
    place.emulated("drift --format prometheus --out drift.prom").ends(4);
    assert_eq!(success(&place.read("drift.prom")), stamp);
}
