//! JSON output: it is valid against its schema, lossless, and the same for the same inputs.

use super::Place;
use serde_json::Value;

/// Checks a document against its schema and returns it.
#[track_caller]
pub(super) fn fits(schema: &str, document: &str) -> Value {
    let path = format!("{}/schema/{schema}.schema.json", env!("CARGO_MANIFEST_DIR"));
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let document: Value = serde_json::from_str(document).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert_eq!(errors, [] as [String; 0]);
    document
}

#[test]
fn every_document_is_valid_against_its_schema() {
    let place = Place::new();
    let plan = fits("plan", &place.emulated("plan --format json --out plan.json").ends(0).stdout);
    let saved = fits("saved-plan", &place.read("plan.json"));
    assert_eq!((&saved["changes"], &saved["summary"]), (&plan["changes"], &plan["summary"]));
    assert_eq!(plan["summary"]["assign"], 4);
    assert_eq!(plan["acting_user"]["name"], "CI Admin");
    fits("plan", &place.emulated("drift --format json").ends(2).stdout);
    let refused = place.emulated("plan --format json --waive self").ends(0);
    fits("plan", &refused.stdout);
    let report = fits("report", &place.emulated("apply --format json --auto-approve").ends(0).stdout);
    assert_eq!(report["changes"].as_array().unwrap().len(), 7);
    let nothing = fits("report", &place.emulated("apply --format json --auto-approve").ends(0).stdout);
    assert_eq!(nothing["changes"], Value::Array(Vec::new()));
    fits("diagnostics", &place.run("validate access --format json").ends(0).stdout);
    place.write("access/broken.yaml", "version: 1\nnonsense: 1\n");
    let broken = fits("diagnostics", &place.run("validate access --format json").ends(1).stdout);
    assert_eq!(broken["diagnostics"][0]["file"], "access/broken.yaml", "{broken}");
}

#[test]
fn names_are_written_unchanged_and_cannot_steer_a_pipeline() {
    let place = Place::new();
    place.edit("access/access.yaml", "reason: OPS-1234", "reason: \"Initech ## Shop \\x1b[31m\"");
    place.emulated("plan --out plan.json").ends(0);
    let documents = [
        place.emulated("plan --format json").ends(0).stdout,
        place.read("plan.json"),
        place.run("show plan.json --format json").ends(0).stdout,
        place.emulated("apply --format json --auto-approve --state-dir state").ends(0).stdout,
        place.run("journal --state-dir state --format json").ends(0).stdout,
        place.read("state/9876543210987654/journal.jsonl"),
    ];
    for document in documents {
        assert!(!document.contains("##") && !document.contains('\u{1b}'), "{document}");
        let lines = document.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        assert!(
            lines.map(|line| strings(&line)).any(|all| all.contains(&"Initech ## Shop \u{1b}[31m".into()))
        );
    }
}

/// Returns all strings in a value.
fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().flat_map(strings).collect(),
        Value::Object(fields) => fields.values().flat_map(strings).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// Returns a document without the moment at which it was made.
fn timeless(document: &str) -> String {
    let (before, after) = document.split_once("\"created_at\":\"").unwrap();
    let (_, after) = after.split_once('"').unwrap();
    format!("{before}{after}")
}

#[test]
fn two_runs_write_the_same_bytes() {
    let place = Place::new();
    let json = |words: &str| timeless(&place.emulated(words).stdout);
    assert_eq!(json("plan --format json"), json("plan --format json --concurrency 1"));
    assert_eq!(place.emulated("plan -v").stdout, place.emulated("plan -v").stdout);
    // The order of files does not matter either.
    let ordered = |paths: &str| {
        let words = format!("plan {paths} --today 2026-11-23 --emulate live.yaml --format json");
        timeless(&place.run(&words).ends(0).stdout)
    };
    assert_eq!(
        ordered("access/access.yaml access/users.yaml"),
        ordered("access/users.yaml access/access.yaml")
    );
    let reports = [(); 2].map(|()| {
        let mut report: Value = serde_json::from_str(
            &place.emulated("apply --format json --auto-approve --emulate-fresh").ends(0).stdout,
        )
        .unwrap();
        let own = ["created_at", "run"].map(|field| report.as_object_mut().unwrap().remove(field));
        assert!(own.iter().all(Option::is_some));
        report
    });
    assert_eq!(reports[0], reports[1]);
}
