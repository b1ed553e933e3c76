//! `who-can`: who holds what, live, as desired and after the plan.

use super::json::fits;
use super::{Place, Ran};

fn holders(ran: &Ran) -> Vec<String> {
    let document = fits("who-can", &ran.stdout);
    let holder = |holder: &serde_json::Value| {
        let name = |of: &str| holder[of]["name"].as_str().unwrap().to_owned();
        let lines = holder["granted_by"].as_array().unwrap().iter();
        let lines: Vec<String> =
            lines.map(|grant| format!(" {}:{}", grant["file"].as_str().unwrap(), grant["line"])).collect();
        let marks = [("by_role", " by role"), ("desired", " desired")];
        let marks = marks.iter().filter(|(key, _)| holder[key] == true).map(|(_, mark)| *mark);
        let marks: String = marks.collect();
        format!(
            "{} {} {}{marks}{}",
            name("waba"),
            name("user"),
            holder["standing"].as_str().unwrap(),
            lines.concat()
        )
    };
    document["holders"].as_array().unwrap().iter().map(holder).collect()
}

/// Asks on the quickstart, for the day for which it was written.
fn ask(place: &Place, words: &str) -> Ran {
    let (tasks, options) = words.split_once(' ').unwrap_or((words, ""));
    place.run(&format!("who-can {tasks} access --today 2026-11-23 {options}"))
}

const EMULATED: &str = "--emulate live.yaml";

#[test]
fn people_other_businesses_admins_by_role_and_wider_tasks_count() {
    let place = Place::new();
    let json = "--format json --waba acme-eu --waba support";
    let live = ask(&place, &format!("MESSAGING {EMULATED} {json}")).ends(0);
    assert_eq!(
        holders(&live),
        [
            "acme-eu CI Admin undeclared by role",
            "acme-eu Ops Lead declared desired access/access.yaml:23",
            "acme-eu campaign-sender declared desired access/access.yaml:38",
            "acme-eu summer-campaign declared",
            "acme-eu Ana Ruiz other-business",
            "support CI Admin undeclared by role",
            "support Ops Lead declared desired access/access.yaml:23",
            "support campaign-sender declared desired access/access.yaml:38",
            "support Tom Becker person",
        ]
    );
    let after = ask(
        &place,
        &format!("MESSAGING {EMULATED} {json} --at after --who business --except summer-campaign"),
    );
    let after = holders(&after.ends(0));
    assert!(
        !after.iter().any(|holder| holder.contains("summer-campaign") || holder.contains("Ana")),
        "{after:?}"
    );
    assert_eq!(after.len(), 7, "with the person of the business: {after:?}");
    let roles = ask(&place, &format!("template-editor,VIEW_COST {EMULATED} --waba acme-* --format json"));
    assert_eq!(
        holders(&roles.ends(0)),
        [
            "acme-eu CI Admin undeclared by role",
            "acme-eu deploy-bot declared desired access/access.yaml:33",
            "acme-us CI Admin undeclared by role",
        ]
    );
}

#[test]
fn the_desired_state_needs_no_api() {
    let place = Place::new();
    let desired = ask(&place, "MANAGE --at desired --waba acme-eu").ends(0);
    assert_eq!(
        desired.stdout,
        ". Ops Lead MANAGE on acme-eu (102290129340398); by grants[0] \"ops on gold\" at access/access.yaml:23\n\n\
         Desired: 1 user holds MANAGE, on 1 of 1 WABA.\n"
    );
    // The id of Ops Lead is not known, so none is shown.
    let json = ask(&place, "MANAGE --at desired --waba acme-eu --format json").ends(0);
    assert_eq!(
        fits("who-can", &json.stdout)["holders"][0]["user"],
        serde_json::json!({ "name": "Ops Lead" })
    );
    let all = ask(&place, "VIEW_COST --at desired").ends(4);
    all.says("1 discover rule was not followed").says("on 5 of 5 WABAs.");
}

#[test]
fn a_check_fails_with_2_and_a_wabas_that_cannot_be_read_with_4() {
    let place = Place::new();
    let check = |words: &str| ask(&place, &format!("{words} {EMULATED}"));
    check("MANAGE_USERS --waba globex --except=1972385232742140 --except=1972385232745001 --fail-if-any")
        .ends(2)
        .says("Ops Lead");
    check("DEVELOP --waba marketing --who business --except=1972385232742140 --fail-if-any")
        .ends(0)
        .says("nobody holds DEVELOP on 1 WABA");
    check("DEVELOP --labels tier=gold --except=1972385232742140 --fail-if-none")
        .ends(2)
        .says("Nobody on 3 WABAs: acme-us");
    check("MANAGE --labels tier=gold,tier=silver,region=eu --fail-if-none").ends(0).says("on 1 of 1 WABA.");
    place.edit(
        "access/access.yaml",
        "  marketing: { id: 106540352242930,",
        "  marketing: { id: 106540352242999,",
    );
    check("MANAGE --fail-if-any").ends(4).says("Could not be read: 1 WABA.").says("; 1 not read.");
}

#[test]
fn names_that_mean_nothing_are_errors_with_suggestions() {
    let place = Place::new();
    for (words, error, hint) in [
        ("MESAGING --at desired", "`MESAGING` is neither a task nor a role", "did you mean `MESSAGING`?"),
        ("template-edtor --at desired", "neither a task nor a role", "did you mean `template-editor`?"),
        ("MANAGE --at desired --labels tier=golf", "the labels `tier=golf`", "did you mean `tier=gold`?"),
        ("MANAGE --at desired --waba acme-ue", "matches `acme-ue`", "did you mean `acme-eu` or `acme-us`?"),
        ("MANAGE --at desired --except Ops", "no user is named `Ops`", "give a name of the manifests"),
    ] {
        ask(&place, words).ends(1).says(error).says(hint);
    }
    ask(&place, "MANAGE --labels gold").ends(64).says("expected KEY=VALUE");
    ask(&place, "MANAGE --fail-if-any --fail-if-none").ends(64);
}

#[test]
fn an_answer_becomes_an_access_test() {
    let place = Place::new();
    let asked =
        ask(&place, &format!("MESSAGING {EMULATED} --waba support --labels tier=gold --as-test")).ends(0);
    assert_eq!(
        asked.stdout,
        "tests:\n  - name: \"who holds MESSAGING on support, tier: gold\"\n    tasks: [MESSAGING]\n    wabas: [support]\n    \
         labels: { tier: gold }\n    who: everybody\n    only:\n      - 1972385232742140   # CI Admin: admin by its role\n      \
         - \"Ops Lead\"\n      - campaign-sender\n      - 1972385232743001   # Tom Becker: person\n"
    );
    let own = "DEVELOP --at desired --waba acme-* --who business --as-test --except deploy-bot";
    ask(&place, own).ends(4).says("    who: business\n    only:\n      - deploy-bot\n");
    let somebody =
        ask(&place, "MANAGE,MESSAGING --at desired --waba support --fail-if-none --as-test").ends(0);
    somebody
        .says("    tasks: [MANAGE, MESSAGING]\n    wabas: [support]\n    who: everybody\n    at_least: 1\n");
    ask(&place, "MANAGE,MESSAGING --at desired --as-test")
        .ends(64)
        .says("--as-test needs one task, or --any");
    ask(&place, "MANAGE --at desired --as-test --format json").ends(64);
}

#[test]
fn an_answer_becomes_a_table_without_formulas() {
    let place = Place::new();
    place.edit("live.yaml", "name: Tom Becker", "name: \"=Tom\"");
    let table =
        ask(&place, &format!("MESSAGING {EMULATED} --waba support --format csv --except=1972385232742140"))
            .ends(0);
    assert_eq!(
        table.stdout,
        "\"waba_id\",\"waba\",\"waba_live_name\",\"user_id\",\"user\",\"user_live_name\",\"standing\",\"own\",\"holds\",\
         \"by_role\",\"desired\",\"granted_by\"\n\
         \"'106540352242922\",\"support\",\"Northwind Support\",\"'1972385232742141\",\"Ops Lead\",\"\",\"declared\",\"true\",\
         \"MANAGE\",\"false\",\"true\",\"grants[0] access/access.yaml:23\"\n\
         \"'106540352242922\",\"support\",\"Northwind Support\",\"'1972385232742151\",\"campaign-sender\",\"\",\"declared\",\
         \"true\",\"MESSAGING\",\"false\",\"true\",\"grants[3] access/access.yaml:38\"\n\
         \"'106540352242922\",\"support\",\"Northwind Support\",\"'1972385232743001\",\"'=Tom\",\"\",\"person\",\"true\",\
         \"MANAGE\",\"false\",\"false\",\"\"\n"
    );
}
