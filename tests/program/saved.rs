//! Saved plans: shown anywhere, applied exactly as they are, and refused if live access or the manifests changed.

use super::Place;
use super::remote::Remote;
use crate::support::{key, tasks};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::path::PathBuf;
use wabacl::documents::saved;
use wabacl::model::{Change, Glob, TaskSet};
use wabacl::proposal::Proposal;

/// Applies a saved plan against the emulator.
fn apply(remote: &Remote, options: &str) -> super::Ran {
    let url = remote.emulator.url();
    remote.place.run(&format!("apply plan.json --graph-url {url} --today 2026-11-23 {options}"))
}

/// Saves a plan of the quickstart.
async fn saved() -> Remote {
    let remote = Remote::start(Vec::new()).await;
    remote.run("plan --out plan.json").ends(0).says("The plan is saved as plan.json.");
    remote
}

impl Place {
    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Forges a saved plan. Its digest matches.
    fn forge(&self, edit: impl FnOnce(&mut Proposal)) {
        let mut saved = saved::load(&self.file("plan.json")).unwrap();
        edit(&mut saved);
        saved::save(&saved, &self.file("plan.json")).unwrap();
    }
}

#[test]
fn show_prints_what_plan_printed() {
    let place = Place::new();
    for format in ["text", "json", "diff", "markdown", "html", "github"] {
        let planned = place.emulated(&format!("plan --out plan.json --format {format}")).ends(0);
        let shown = place.run(&format!("show plan.json --format {format}")).ends(0);
        assert_eq!(shown.stdout, planned.stdout, "{format}");
    }
    let text = place.read("plan.json");
    assert!(!text.contains("not-a-secret") && !text.contains("EMULATED"), "no token is in it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_of_format_1_is_shown_and_applied() {
    let remote = Remote::start(Vec::new()).await;
    let old = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/files/saved-plan-1.0.json");
    std::fs::copy(old, remote.place.file("plan.json")).unwrap();
    let timeless = |document: &str| {
        let mut document: Value = serde_json::from_str(document).unwrap();
        document["created_at"] = Value::Null;
        document
    };
    let planned = timeless(&remote.place.emulated("plan --format json").ends(0).stdout);
    let shown = remote.place.run("show plan.json --format json").ends(0).stdout;
    let mut shown = timeless(&shown.replace("examples/quickstart/", ""));
    // Format 1 has no live names, and knows fewer kinds of users.
    for part in ["changes", "unmanaged", "notices", "manifest_digest", "summary", "tool"] {
        shown[part] = planned[part].clone();
    }
    assert_eq!(shown, planned);
    apply(&remote, "--max-plan-age 1000weeks").ends(0).says("Applied: 7 of 7 changes.");
    remote.run("drift").ends(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_the_saved_plan_is_applied_and_nobody_is_asked() {
    let remote = saved().await;
    apply(&remote, "").ends(0).says("Applied: 7 of 7 changes.");
    assert_eq!(remote.writes(), 7);
    remote.run("drift").ends(0);
    let ran = apply(&remote, "").ends(3).says("the plan is stale: 7 of its 7 changes no longer match");
    ran.says("deploy-bot (1972385232742147) on acme-us")
        .says("now:     MANAGE_TEMPLATES, VIEW_COST, VIEW_TEMPLATES");
    assert_eq!(remote.writes(), 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_that_went_stale_is_refused_whole_with_what_moved() {
    let remote = saved().await;
    remote.emulator.assign(key("102290129340402", "1972385232742147"), tasks("DEVELOP"));
    for options in ["", "--format json", "--manifest access"] {
        let ran = apply(&remote, options).ends(3);
        ran.says("deploy-bot (1972385232742147) on acme-us (102290129340402)")
            .says("VIEW_TEMPLATES")
            .says("DEVELOP");
    }
    assert_eq!(remote.writes(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_whose_grant_has_expired_since_is_stale() {
    let remote = saved().await;
    let url = remote.emulator.url();
    let ran = remote.place.run(&format!("apply plan.json --graph-url {url} --today 2100-01-01")).ends(3);
    ran.says("campaign-sender (1972385232742151) on acme-us").says("grants[3] has expired on 2099-12-31");
    assert_eq!(remote.writes(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_guards_judge_again_by_who_holds_what_now() {
    let remote = saved().await;
    // Everybody else who could send messages there has gone.
    let leaves = key("102290129340398", "1972385232742163");
    for (key, _) in remote.emulator.world().assignments().iter() {
        if key.waba == leaves.waba && key.user != leaves.user {
            remote.emulator.assign(key, TaskSet::EMPTY);
        }
    }
    apply(&remote, "").ends(3).says("Refused: min-holders");
    assert_eq!(remote.writes(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_is_good_for_some_time() {
    let remote = saved().await;
    let made = |ago: SignedDuration| move |saved: &mut Proposal| saved.made = Timestamp::now() - ago;
    remote.place.forge(made(SignedDuration::from_hours(8 * 24)));
    apply(&remote, "").ends(3).says("the plan is 192 hours old").says("--max-plan-age");
    apply(&remote, "--max-plan-age 2weeks").ends(0);
    remote.place.forge(made(SignedDuration::from_hours(-1)));
    apply(&remote, "").ends(3).says("from the future");
    apply(&remote, "--max-plan-age soon").ends(64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_plan_gains_nothing_where_the_manifests_are_asked() {
    type Forge = fn(&mut Proposal);
    let forgeries: [(&str, Forge); 7] = [
        ("more tasks", |saved| saved.plan.changes[1].after = tasks("FULL_CONTROL")),
        ("a change more", |saved| {
            let key = key("102290129340398", "1972385232742141");
            let change = Change {
                key,
                before: tasks("MANAGE"),
                after: TaskSet::EMPTY,
                ..saved.plan.changes[0].clone()
            };
            saved.plan.changes.insert(0, change);
        }),
        ("a change less", |saved| _ = saved.plan.changes.pop()),
        ("the same change twice", |saved| {
            let again = saved.plan.changes[0].clone();
            saved.plan.changes.insert(0, again);
        }),
        ("another before", |saved| saved.plan.changes[0].before = tasks("MESSAGING")),
        ("another business", |saved| saved.plan.business = "11".parse().unwrap()),
        ("partial", |saved| saved.plan.selection.wabas.push(Glob::new("acme-*"))),
    ];
    for (what, forge) in forgeries {
        let remote = saved().await;
        remote.place.forge(forge);
        let ran = apply(&remote, "--manifest access");
        assert_eq!((ran.code, remote.writes()), (Some(3), 0), "{what}: {ran}");
    }
    // What only the file says of guards and holders counts for nothing.
    let remote = saved().await;
    remote.place.edit(
        "access/users.yaml",
        "roles:",
        "guards: { protected_users: [summer-campaign] }\n\nroles:",
    );
    remote.place.forge(|saved| saved.policy = wabacl::model::Policy::default());
    apply(&remote, "--manifest access").ends(3).says("protected-user");
    assert_eq!(remote.writes(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_manifests_that_agree_the_plan_is_applied() {
    let remote = saved().await;
    apply(&remote, "--manifest access").ends(0).says("Applied: 7 of 7 changes.");
    remote.run("drift").ends(0);
}

#[test]
fn a_plan_that_cannot_be_saved_or_read_is_an_error() {
    let place = Place::new();
    place
        .emulated("plan --out missing/plan.json")
        .ends(1)
        .says("Plan: 4 to assign")
        .says("cannot be written");
    place.run("show missing.json").ends(1).says("cannot be read");
    place.write("other.json", "{\"a\": 1}");
    place.run("show other.json").ends(1).says("other.json is not a saved plan");
    place.emulated("plan --out plan.json").ends(0);
    let text = place.read("plan.json");
    place.write("newer.json", &text.replace("\"format_version\":\"2.", "\"format_version\":\"2.9"));
    place.run("show newer.json").ends(3).says("was made by a newer version of wabacl");
    place.forge(|saved| saved.made_by = String::from("0.0.9"));
    place.run("show plan.json").ends(0).says("warning: the plan was made by wabacl 0.0.9, and this is");
    place.edit("plan.json", "MESSAGING", "FULL_CONTROL");
    place
        .run("show plan.json")
        .ends(3)
        .says("was altered: the digest does not match")
        .says("create a new plan");
    place.emulated("apply --manifest access").ends(64).says("--manifest needs a saved plan");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_is_known_by_its_content_whatever_its_name_and_layout() {
    let remote = Remote::start(Vec::new()).await;
    remote.run("plan --out tfplan").ends(0);
    let document: Value = serde_json::from_str(&remote.place.read("tfplan")).unwrap();
    // The keys are sorted, and white space is added, as `jq -S` does.
    remote.place.write("sorted", &serde_json::to_string_pretty(&document).unwrap());
    remote.place.run("show sorted").ends(0);
    let url = remote.emulator.url();
    remote.place.run(&format!("apply sorted --graph-url {url}")).ends(0).says("Applied: 7 of 7 changes.");
}

#[cfg(unix)]
#[test]
fn a_plan_is_written_to_standard_output_and_through_what_is_no_file() {
    let place = Place::new();
    let ran = place.emulated("plan --out -").ends(0);
    place.write("piped", &ran.stdout);
    place.run("show piped").ends(0).says("Plan: ");
    assert!(ran.stderr.contains("Plan: ") && !place.file("-").exists(), "{ran}");
    std::os::unix::fs::symlink("/dev/null", place.file("null")).unwrap();
    place.emulated("plan --out null").ends(0);
    place.emulated("drift --out null --format json").ends(2);
    assert!(place.file("null").is_symlink(), "it is written through, and not replaced");
}
