//! The JSON Schema of the emulator's file, compared with the program's verdicts.

use super::crowded;
use jsonschema::Validator;
use serde_json::Value;
use wabacl::emulator::{World, WorldError, schema};

fn validator() -> Validator {
    jsonschema::draft202012::new(&serde_json::from_str(&schema()).unwrap()).unwrap()
}

fn quickstart() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/quickstart/live.yaml");
    std::fs::read_to_string(path).unwrap()
}

/// Returns the example in `docs/emulator.md`.
fn documented() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/emulator.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (_, after) = page.split_once("<!-- file: world.yaml -->\n```yaml\n").unwrap();
    after.split_once("```").unwrap().0.to_owned()
}

fn is_valid(validator: &Validator, yaml: &str) -> bool {
    let value: Value = serde_saphyr::from_str(yaml).unwrap();
    validator.is_valid(&value)
}

#[test]
fn the_schema_accepts_the_worlds_of_examples_and_tests() {
    let validator = validator();
    let worlds = [
        quickstart(),
        documented(),
        include_str!("../files/live.yaml").to_owned(),
        crowded(3),
        super::WORLD.to_owned(),
        crate::applying::WORLD.to_owned(),
        crate::client::WORLD.to_owned(),
        crate::sdk::document::WORLD.to_owned(),
    ];
    for text in worlds {
        let world = World::from_yaml(&text).unwrap();
        assert!(is_valid(&validator, &text), "{text}");
        assert!(is_valid(&validator, &world.to_yaml()), "the state file of: {text}");
    }
}

#[test]
fn the_schema_and_the_program_reject_the_same_worlds() {
    let validator = validator();
    for (from, to) in [
        ("businesses:", "business:"),
        ("owned_by: 4510000000000017", "owner: 4510000000000017"),
        ("id: 102290129340398", "id: 0"),
        ("id: 102290129340398", "id: waba"),
        ("id: 102290129340398", "id: '0102'"),
        ("name: Acme Europe", "name: [Acme Europe]"),
        ("    name: Acme Europe\n", ""),
        ("listed: false", "listed: 7"),
        ("listed: false", "hidden: true"),
        ("tasks: [MANAGE] }", "tasks: MANAGE }"),
        ("permissions: [MANAGE_TEMPLATES, VIEW_COST]", "permission: []"),
        ("- { token: quickstart-not-a-secret, user: 1972385232742140 }", "- { user: 1972385232742140 }"),
        ("user: 1972385232742140 }", "user: 1972385232742140, expires_at: -1 }"),
        ("    name: Acme Europe\n", "    name: Acme Europe\n    unreadable: { code: 200 }\n"),
        (
            "    name: Acme Europe\n",
            "    name: Acme Europe\n    unreadable: { status: 200, code: 1, message: x }\n",
        ),
        ("app: {", "snapshot: { business: 9876543210987654 }\napp: {"),
    ] {
        let text = quickstart().replacen(from, to, 1);
        assert_ne!(text, quickstart(), "{from}");
        assert!(World::from_yaml(&text).is_err(), "the program accepts `{to}`");
        assert!(!is_valid(&validator, &text), "the schema accepts `{to}`");
    }
}

#[test]
fn the_program_checks_references_that_no_schema_can_express() {
    let validator = validator();
    for (from, to, expected) in [
        ("owned_by: 4510000000000017", "owned_by: 1", "no business with the id 1 is declared"),
        ("solution: 770000000000001", "solution: 1", "no solution with the id 1 is declared"),
        ("user: 1972385232742141", "user: 1", "no user with the id 1 is declared"),
        (
            "user: 1972385232742147",
            "user: 1972385232742141",
            "the user 1972385232742141 has two entries on the WABA 102290129340398",
        ),
        ("id: 4510000000000025", "id: 4510000000000017", "the business 4510000000000017 is declared twice"),
    ] {
        let text = quickstart().replacen(from, to, 1);
        assert!(is_valid(&validator, &text), "{to}");
        let WorldError { message, line, .. } = World::from_yaml(&text).unwrap_err();
        assert_eq!(message, expected);
        assert!(line > 0, "{message}");
    }
}
