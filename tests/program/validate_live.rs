//! `wabacl validate --live`: manifests against the system users and WABAs of the business.

use super::Place;

/// Runs `validate` on the quickstart and the emulator, for the day for which the quickstart was written.
fn validate(place: &Place, options: &str) -> super::Ran {
    place.emulated(&format!("validate --live {options}"))
}

#[test]
fn right_manifests_are_found_in_the_business() {
    let place = Place::new();
    let ran = validate(&place, "").ends(0);
    ran.says("Valid: 5 system users, 5 WABAs, 6 grants.\nIn the business: 5 system users, 6 WABAs in scope, 0 not found.\n");
    assert!(!place.folder.path().join("live.state.yaml").exists(), "nothing is written");
}

#[test]
fn what_is_not_found_is_named_with_its_line() {
    let place = Place::new();
    place.edit("access/users.yaml", "Ops Lead: {} ", "Ops Lead: { name: Ops Leed } ");
    place.edit("access/users.yaml", "{ id: 1972385232742147 }", "{ id: 1972385232742148 }");
    place.edit("access/access.yaml", "id: 106540352242930", "id: 106540352242931");
    let ran = validate(&place, "").ends(4);
    ran.says("unknown-user-name")
        .says("did you mean `Ops Lead`?")
        .says("unknown-user-id")
        .says("the WABA `marketing` (106540352242931) is on neither list of the business, and cannot be read by its id")
        .says("access/access.yaml:14:20")
        .says("In the business: 3 system users, 5 WABAs in scope, 3 not found.");
    let document: serde_json::Value =
        serde_json::from_str(&validate(&place, "--format json").ends(4).stdout).unwrap();
    let codes: Vec<&str> = document["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| found["code"].as_str().unwrap())
        .collect();
    assert!(codes.contains(&"unknown-waba-id"), "{codes:?}");
    place.run("validate access --today 2026-11-23").ends(0).never_says("unknown-");
}

#[test]
fn what_contradicts_the_business_is_an_error() {
    let place = Place::new();
    place.edit(
        "access/access.yaml",
        "support: { id: 106540352242922,",
        "support: { id: 106540352242922, shared: admin,",
    );
    place.edit("access/access.yaml", "\"Initech *\"", "\"Inittech *\"");
    validate(&place, "").ends(1).says("shared-contradicted").says("discovers-nothing").never_says("Valid:");
    place.edit("access/access.yaml", "version: 1", "version: 2");
    validate(&place, "").ends(1).says("version").never_says("shared-contradicted");
}

#[test]
fn tests_are_judged_on_discovered_wabas_too() {
    let place = Place::new();
    let test = "version: 1\ntests: [{ name: nobody reads Initech, tasks: [VIEW_COST], labels: { origin: discovered }, only: [] }]\n";
    place.write("access/tests.yaml", test);
    place.run("validate access --today 2026-11-23").ends(0);
    validate(&place, "").ends(3).says("nobody reads Initech");
}

#[test]
fn only_lists_are_read() {
    let place = Place::new();
    let ran = validate(&place, "-v");
    // Two lists of WABAs, the system users, the token, and the solution of one WABA.
    ran.ends(0).says("calls").never_says("assigned_users");
    place.emulated("validate").ends(64).says("--emulate needs --live");
    place.run("validate access --live").ends(1).says("there is no access token");
}
