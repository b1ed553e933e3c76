//! Snapshots of live access: what is in them, what works on them, and what they may never do.

use super::remote::Remote;
use super::{Place, Ran};
use crate::support::refuses;
use serde_json::Value;
use wabacl::emulator::{Emulator, Fault, FaultKind, Options, World};

/// The token that the quickstart's world knows.
const TOKEN: &str = "quickstart-not-a-secret";

impl Place {
    /// Copies the live state of the quickstart to `copy.yaml`.
    fn copied(options: &str) -> Self {
        let place = Self::new();
        place.snapshot(&format!("--emulate live.yaml --out copy.yaml {options}")).ends(0);
        place
    }

    fn snapshot(&self, options: &str) -> Ran {
        self.run(&format!("snapshot --business 9876543210987654 {options}"))
    }

    /// Runs a verb on the quickstart and the copy, for the day for which the quickstart was written.
    fn on_copy(&self, words: &str) -> Ran {
        let (verb, options) = words.split_once(' ').unwrap_or((words, ""));
        self.run(&format!("{verb} access --today 2026-11-23 --emulate copy.yaml {options}"))
    }
}

#[test]
fn a_plan_on_the_copy_is_that_on_the_original_and_says_how_old_the_copy_is() {
    let place = Place::copied("");
    let document = |text: String| -> Value {
        let mut document: Value = serde_json::from_str(&text).unwrap();
        document["created_at"] = Value::Null;
        document
    };
    let original = document(place.emulated("plan --format json").ends(0).stdout);
    let mut copied = document(place.on_copy("plan --format json").ends(0).stdout);
    let snapshot = copied.as_object_mut().unwrap().remove("snapshot").unwrap();
    assert_eq!(copied, original);
    assert_eq!(snapshot["business"], "9876543210987654");
    assert_eq!((&snapshot["changed"], &snapshot["without_names"]), (&false.into(), &false.into()));
    // As if it had been taken nine hours ago.
    let taken: jiff::Timestamp = snapshot["taken"].as_str().unwrap().parse().unwrap();
    let earlier = taken - jiff::SignedDuration::from_hours(9);
    place.edit("copy.yaml", &format!("taken: {taken}"), &format!("taken: {earlier}"));
    let age = format!("as of the snapshot of {earlier}, 9 hours old; it cannot be applied to the API");
    for format in ["text", "diff", "markdown", "html", "github"] {
        let age = if format == "html" {
            age.replace(&earlier.to_string(), &format!("<time>{earlier},</time>"))
                .replace(",</time>,", ",</time>")
        } else {
            age.clone()
        };
        place.on_copy(&format!("plan --format {format}")).ends(0).says(&age);
        place.on_copy(&format!("drift --format {format}")).ends(2).says(&age);
        place.emulated(&format!("plan --format {format}")).ends(0).never_says("as of the snapshot");
    }
    let told = format!("warning: live access is as of the snapshot of {earlier}, 9 hours old\n");
    let ran = place.run("whoami --emulate copy.yaml").ends(0);
    assert!(ran.stderr.starts_with(&told), "{ran}");
    let series = format!(
        "wabacl_drift_snapshot_timestamp_seconds{{business=\"9876543210987654\"}} {}",
        earlier.as_second()
    );
    place.on_copy("drift --format prometheus").ends(2).says(&series);
}

#[test]
fn a_snapshot_is_for_its_owner_only_and_holds_no_token() {
    let place = Place::copied("");
    let text = place.read("copy.yaml");
    assert!(
        !text.contains("not-a-secret") && !text.contains("EMULATED") && !text.contains("tokens:"),
        "{text}"
    );
    assert!(text.contains("name: \"Tom Becker\"") && text.contains("name: \"Initech\""), "{text}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = place.folder.path().join("copy.yaml").metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let printed = place.snapshot("--emulate copy.yaml").ends(0);
    assert_eq!(printed.stdout, text, "a copy of the copy is the same");
    assert!(
        printed.stderr.contains("The snapshot has 7 system users, 6 WABAs and 23 assignments."),
        "{}",
        printed.stderr
    );
    let refused = place.snapshot("--emulate copy.yaml --out copy.yaml").ends(64);
    refused.says("--out names the file of --emulate, which is never written");
}

#[test]
fn without_names_people_and_other_businesses_are_ids() {
    let place = Place::copied("--without-names");
    let text = place.read("copy.yaml");
    for name in ["Tom Becker", "Ana Ruiz", "acme-crm", "Acme GmbH", "name: \"Initech\""] {
        assert!(!text.contains(name), "{name}: {text}");
    }
    for name in ["CI Admin", "deploy-bot", "Acme Europe", "Northwind Messaging", "1972385232743001"] {
        assert!(text.contains(name), "{name}: {text}");
    }
    place.on_copy("plan").ends(0).says("Plan: 4 to assign, 2 to change, 1 to revoke");
}

#[test]
fn what_the_api_refuses_is_unknown_in_the_copy_too() {
    let place = Place::new();
    let closed = "    name: Northwind Support\n    unreadable: { status: 403, code: 200, message: (#200) no access }\n";
    place.edit("live.yaml", "    name: Northwind Support\n", closed);
    let ran = place.snapshot("--emulate live.yaml --out copy.yaml").ends(4);
    ran.says("Unknown: WABA Northwind Support (106540352242922): ")
        .says("(#200) no access (code 200")
        .says("(its access is unknown)");
    let gap = "Northwind Support (106540352242922)";
    let original = place.emulated("plan").ends(4).says("not permitted: (#200) no access (code 200");
    original.says("Could not be read, and not planned: 1 WABA.").says("support");
    place.on_copy("plan").ends(4).says("not permitted: (#200) no access (code 200");
    place.snapshot("--emulate copy.yaml --out again.yaml").ends(4).says(gap);
    assert_eq!(place.read("again.yaml"), place.read("copy.yaml"));
}

#[test]
fn a_rehearsal_changes_the_copy_and_a_newer_snapshot_does_not_continue_it() {
    let place = Place::copied("");
    place.on_copy("apply --auto-approve").ends(0).says("Applied: 7 of 7 changes.");
    place.on_copy("drift").ends(0).says("changed by an emulator since");
    assert!(place.read("copy.yaml").contains("business: 9876543210987654"));
    let text = place.read("copy.yaml");
    let taken = text.split_once("taken: ").and_then(|(_, rest)| rest.split_once(',')).unwrap().0;
    place.edit("copy.yaml", taken, "2026-11-01T00:00:00Z");
    let ran = place.on_copy("drift").ends(1);
    ran.says("copy.state.yaml continues another snapshot than the one in copy.yaml").says("--emulate-fresh");
    place
        .on_copy("drift --emulate-fresh")
        .ends(2)
        .says("as of the snapshot of 2026-11-01T00:00:00Z")
        .never_says("changed by an emulator");
}

/// An emulator that does not say that it is one, as Meta's API.
async fn api() -> Remote {
    Remote::of(Place::new(), TOKEN, Options { marked: false, ..Options::default() }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_from_a_copy_is_refused_by_the_api_and_the_other_way_round() {
    let api = api().await;
    let url = api.emulator.url();
    let place = &api.place;
    place.snapshot(&format!("--graph-url {url} --out copy.yaml")).ends(0);
    let apply = |options: &str| place.run(&format!("apply plan.json --today 2026-11-23 {options}"));
    for (made, world) in [("a snapshot", "copy.yaml"), ("an emulator's state", "live.yaml")] {
        place.run(&format!("plan access --today 2026-11-23 --emulate {world} --out plan.json")).ends(0);
        for manifest in ["", "--manifest access"] {
            let ran = apply(&format!("--graph-url {url} {manifest}")).ends(3);
            ran.says(&format!("the plan was made from {made}, and this is the API; nothing was written"));
        }
    }
    assert_eq!(api.writes(), 0);
    api.run("plan --out plan.json").ends(0);
    for (here, world) in [("a snapshot", "copy.yaml"), ("an emulator's state", "live.yaml")] {
        for manifest in ["", "--manifest access"] {
            let ran = apply(&format!("--emulate {world} {manifest}")).ends(3);
            ran.says(&format!("the plan was made from the API, and this is {here}; nothing was written"));
        }
    }
    apply(&format!("--graph-url {url}")).ends(0).says("Applied: 7 of 7 changes.");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emulator_serves_a_copy_to_other_clients_as_a_copy() {
    let place = Place::copied("");
    let emulator = Emulator::start(World::from_yaml(&place.read("copy.yaml")).unwrap(), Options::default())
        .await
        .unwrap();
    let token = emulator.issue_token(None).unwrap();
    let place = place.set("WABACL_TOKEN", secrecy::ExposeSecret::expose_secret(&token));
    let ran = place.run(&format!("plan access --today 2026-11-23 --graph-url {}", emulator.url())).ends(0);
    ran.says("as of the snapshot of");
}

#[test]
fn a_diff_tells_what_came_went_and_changed() {
    let place = Place::copied("");
    let same = place.snapshot("--emulate live.yaml --diff copy.yaml --detailed-exitcode").ends(0);
    assert!(same.stdout.ends_with("\nNo differences.\n"), "{}", same.stdout);
    for (from, to) in [
        ("name: deploy-bot", "name: release-bot"),
        (
            "id: 1972385232742163, name: summer-campaign",
            "id: 1972385232742163, name: summer-campaign, role: ADMIN",
        ),
        (
            "    name: Northwind Support\n",
            "    name: Northwind Help\n    unreadable: { code: 200, message: no }\n",
        ),
        (
            "      - { user: 1972385232742147, tasks: [VIEW_TEMPLATES] }",
            "      - { user: 1972385232742147, tasks: [VIEW_COST] }",
        ),
        (
            "    owned_by: 4510000000000033\n    shared_with:\n      - { business: 9876543210987654, permitted_tasks: *admin }\n",
            "    owned_by: 4510000000000033\n",
        ),
        (
            "\ntokens:",
            "  - id: 700\n    name: \"New ##[group]\"\n    owned_by: 9876543210987654\n    assigned:\n      - { user: 1972385232743001, tasks: [MANAGE] }\n\ntokens:",
        ),
    ] {
        place.edit("live.yaml", from, to);
    }
    let ran = place.snapshot("--emulate live.yaml --diff copy.yaml --detailed-exitcode").ends(4);
    let (_, listed) = ran.stdout.split_once("\n\n").unwrap();
    insta::assert_snapshot!(listed, @r"
    ~ system user release-bot (1972385232742147): was named deploy-bot
    ~ system user summer-campaign (1972385232742163): role EMPLOYEE is now ADMIN

    + WABA New #\u{23}[group] (700), owned by the business, with 1 assignment
    ~ WABA Northwind Help (106540352242922): was named Northwind Support
    - WABA Initech Shop (109876123400001), shared with the business, with 1 assignment

    + person Tom Becker (1972385232743001) on New #\u{23}[group] (700): +MANAGE
    ~ system user release-bot (1972385232742147) on Acme Americas (102290129340402): +VIEW_COST -VIEW_TEMPLATES
    - user of another business Bill Lumbergh (1972385232746001) on Initech Shop (109876123400001): -MANAGE

    ? WABA Northwind Help (106540352242922): access is not known in the newer snapshot, so it is not compared

    Differences: 2 system users, 3 WABAs, 3 assignments; access on 1 WABA not compared.
    ");
    let ran = place.snapshot("--emulate live.yaml --diff copy.yaml --format json").ends(4);
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    let schema = serde_json::from_str(&wabacl::documents::schema::snapshot_diff()).unwrap();
    jsonschema::validate(&schema, &document).unwrap();
    assert_eq!(document["access"].as_array().unwrap().len(), 3);
    assert_eq!(document["unknown"][0]["new"], true);
    assert!(!place.folder.path().join("live.state.yaml").exists());
    place.edit("copy.yaml", "9876543210987654", "9876543210987655");
    let ran = place.snapshot("--emulate live.yaml --diff copy.yaml").ends(1);
    ran.says("the snapshot of --diff does not have the business 9876543210987654");
}

#[test]
fn the_business_of_a_file_need_not_be_given() {
    let place = Place::copied("");
    place.run("snapshot --emulate copy.yaml --out again.yaml").ends(0);
    assert_eq!(place.read("again.yaml"), place.read("copy.yaml"));
    place.run("snapshot --emulate copy.yaml --diff again.yaml --detailed-exitcode").ends(0);
    place.run("snapshot --out other.yaml").ends(64).says("--business is missing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_breaks_off_makes_no_snapshot_and_says_what_to_do() {
    // The list of system users, and one of WABAs, break off after their first page.
    for path in ["/system_users", "/client_whatsapp_business_accounts"] {
        let place = Place::new();
        place.write("copy.yaml", "as it was");
        let broken = Fault::new(refuses(400, 100, None)).at(path).hits(1..usize::MAX);
        let short = Fault::new(FaultKind::ShortPage(1)).at(path);
        let options = Options { faults: vec![broken, short], ..Options::default() };
        let remote = Remote::of(place, TOKEN, options).await;
        let url = remote.emulator.url();
        let words = format!(
            "snapshot --business 9876543210987654 --graph-url {url} --read-strategy direct --out copy.yaml"
        );
        let ran = remote.place.run(&words).ends(1);
        ran.says("no snapshot was made: with a part of a list, the rest would look as if it were gone; copy.yaml stays as it was")
            .says(&format!("the list /9876543210987654{path} could not be read"))
            .says("hint: ");
        assert_eq!(remote.place.read("copy.yaml"), "as it was");
    }
}
