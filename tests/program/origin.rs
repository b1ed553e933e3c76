//! What a run comes from: by the environment of a pipeline, and by `--origin`.

use super::Place;
use super::json::fits;
use serde_json::{Value, json};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A place in the environment of a run on GitHub.
fn on_github() -> Place {
    Place::new()
        .set("GITHUB_ACTIONS", "true")
        .set("GITHUB_SERVER_URL", "https://github.example")
        .set("GITHUB_REPOSITORY", "o/r")
        .set("GITHUB_SHA", COMMIT)
        .set("GITHUB_REF", "refs/heads/main")
        .set("GITHUB_RUN_ID", "34")
        .set("GITHUB_ACTOR", "ann")
}

fn last_run(place: &Place) -> Value {
    let journal = fits("journal", &place.run("journal --state-dir live.state --format json").ends(0).stdout);
    journal["journals"][0]["runs"].as_array().unwrap().last().unwrap().clone()
}

#[test]
fn a_run_of_a_pipeline_is_traced_in_journal_report_and_drift() {
    let place = on_github();
    let options = "apply --auto-approve --format json --origin pull_request=https://github.example/o/r/pull/12 --origin actor=bob --origin ticket=OPS-1";
    let report = fits("report", &place.emulated(options).ends(0).stdout);
    let expected = json!({
        "actor": "bob", "commit": COMMIT, "pull_request": "https://github.example/o/r/pull/12",
        "run_url": "https://github.example/o/r/actions/runs/34", "ticket": "OPS-1"
    });
    let run = last_run(&place);
    assert_eq!((&report["origin"], &run["origin"]), (&expected, &expected));
    assert_eq!(report["run"], run["id"]);
    let shown = place.run("journal --state-dir live.state").ends(0);
    shown.says(&format!(
        "\n  actor bob\n  commit {COMMIT}\n  pull request https://github.example/o/r/pull/12\n  \
         pipeline run https://github.example/o/r/actions/runs/34\n  | ticket OPS-1\n  plan sha256:"
    ));
    place.by_hand();
    let drift = fits("plan", &place.emulated("drift --format json").ends(2).stdout);
    assert_eq!(drift["changes"][0]["drift"]["last_write"]["origin"], expected);
    let origin = format!(
        "; origin: actor bob, commit {COMMIT}, pull request https://github.example/o/r/pull/12, pipeline run "
    );
    place.emulated("drift").ends(2).says(&origin);
    let link = "pull request <https://github.example/o/r/pull/12>, pipeline run <";
    place
        .emulated("drift --format markdown")
        .ends(2)
        .says(&format!("origin: actor `bob,` commit `{COMMIT},` {link}"));
}

#[test]
fn the_text_of_an_apply_says_what_the_run_comes_from() {
    let place = on_github().set("GITHUB_ACTOR", "::error::x");
    place
        .emulated("apply --auto-approve --origin run_url= --origin commit=")
        .ends(0)
        .says("\nOrigin: actor ::error::x\n");
    assert_eq!(last_run(&place)["origin"], json!({ "actor": "::error::x" }));
    let place = Place::new();
    place.emulated("apply --auto-approve").ends(0).never_says("Origin:");
    assert_eq!(last_run(&place)["origin"], Value::Null);
}

#[test]
fn an_origin_that_cannot_be_one_is_wrong_usage() {
    let place = Place::new();
    for (given, message) in [
        ("actor", "expected KEY=VALUE"),
        ("pull-request=12", "did you mean the key `pull_request`?"),
        ("run_url=javascript:x", "`run_url` is an address that begins with https:// or http://"),
        ("commit=main", "`commit` is 7 to 64 hexadecimal digits"),
        ("actor=a --origin actor=b", "the key `actor` is given twice"),
    ] {
        place.emulated(&format!("apply --auto-approve --origin {given}")).ends(64).says(message);
    }
    place.run("journal --state-dir live.state").ends(0).says("There is no journal");
}

#[test]
fn no_secret_is_recorded_and_what_a_pipeline_says_wrongly_is_left_out() {
    let token = "EAAGm0PX4ZCpsBAKZCq1ZBfakeToken0123456789";
    let place =
        on_github().set("WABACL_TOKEN", token).set("GITHUB_SHA", "main").set("GITHUB_SERVER_URL", "ftp://x");
    let ran = place.emulated(&format!("apply --auto-approve --origin ticket=x-{token}")).ends(0);
    ran.says("Origin: actor ann, ticket x-(redacted").never_says(token);
    let journal = place.read("live.state/9876543210987654/journal.jsonl");
    assert!(!journal.contains(token) && journal.contains("(redacted"), "{journal}");
    let origin = &last_run(&place)["origin"];
    assert_eq!((&origin["commit"], &origin["run_url"]), (&Value::Null, &Value::Null));
    assert_eq!(origin["actor"], "ann");
}
