//! Access tests: on what the manifests ask for, after a plan, and live.

use super::Place;
use super::json::fits;

const WORLD: &str = world! {"    people: [{ id: 90, name: Ana }]
wabas:
  - { id: 1001, name: One, owned_by: 100, assigned: [{ user: 11, tasks: [MANAGE] }, { user: 12, tasks: [MESSAGING] }] }
  - { id: 1002, name: Two, owned_by: 100, assigned: [{ user: 11, tasks: [MANAGE] }, { user: 12, tasks: [MESSAGING] }] }
tokens: [{ token: t, user: 10 }]
"};

const HEAD: &str = "version: 1
business: 100
system_users: { ci: { by_role: true }, ops: { id: 11 }, bot: { id: 12 } }
wabas: { one: { id: 1001 }, two: { id: 1002 } }
grants:
  - { users: [ops], tasks: [MANAGE], wabas: ['*'], reason: R-1 }
  - { users: [bot], tasks: [MESSAGING], wabas: ['*'], reason: R-2 }
";

const TESTS: &str = "tests:
  - { name: managed by Ops, tasks: [MANAGE], only: [ops, ci] }
  - { name: no sender pays, never_together: [MESSAGING, MANAGE_BILLING] }
  - { name: bots need a reason, users: [bot], require: [reason] }
  - { name: somebody sends, tasks: [MESSAGING], at_least: 2 }
";

pub(super) fn place() -> Place {
    Place::of(WORLD, &format!("{HEAD}{TESTS}"))
}

#[test]
fn a_plan_that_breaks_a_test_is_refused_until_it_is_waived() {
    let place = place();
    place.trial("plan").ends(0).says("matches the manifests");
    place.edit("access/access.yaml", "[MESSAGING], wabas", "[MESSAGING, MANAGE_BILLING], wabas");
    let refused = place.trial("plan").ends(3);
    refused
        .says("Refused: test: the test `no sender pays` at access/access.yaml:10 would fail on `one`: `bot` would hold MESSAGING and MANAGE_BILLING together")
        .says("Refused: test: the test `no sender pays` at access/access.yaml:10 would fail on `two`:");
    let document = fits("plan", &place.trial("plan --format json").ends(3).stdout);
    assert_eq!(
        (&document["violations"][0]["code"], &document["tests"][1]["verdict"]),
        (&"test".into(), &"fail".into())
    );
    place
        .trial("plan --waive test=one")
        .ends(3)
        .says("on `two`")
        .never_says("Refused: test: the test `no sender pays` at access/access.yaml:10 would fail on `one`");
    let waived = |place: &Place, name: &str| {
        let mut command = place.command("plan access --emulate live.yaml --waive");
        super::Ran::from(command.arg(format!("test={name}")).output().unwrap())
    };
    waived(&place, "no sender pays").ends(0).says("Waived: test:");
    waived(&place, "no sender payed").ends(1).says("did you mean `no sender pays`?");
    // A saved plan is judged again, and keeps its tests.
    place.trial("plan --out plan.json").ends(3);
    place.run("apply plan.json --emulate live.yaml").ends(3).says("Refused: test: the test `no sender pays`");
    place.run("apply plan.json --emulate live.yaml --manifest access").ends(3).says("Refused: test:");
}

#[test]
fn a_test_that_fails_already_is_a_note_in_a_plan_and_fails_drift() {
    let place = place();
    place.edit(
        "live.yaml",
        "{ user: 12, tasks: [MESSAGING] }] }\n  - { id: 1002",
        "{ user: 12, tasks: [MESSAGING] }, { user: 90, tasks: [MANAGE] }] }\n  - { id: 1002",
    );
    let note = "Note: the test managed by Ops at access/access.yaml:9 fails already, and this plan does not make it worse: `Ana` (90) would hold MANAGE, and is not in `only`, on `one`";
    place.trial("plan").ends(0).says(note);
    place.trial("apply --auto-approve").ends(0);
    let drift = place.trial("drift").ends(3);
    drift
        .says("! the test managed by Ops at access/access.yaml:9 fails: `Ana` (90) holds MANAGE, and is not in `only`, on `one`")
        .says("Nothing to change; 1 access test fails.")
        .never_says("No drift");
    for format in ["markdown", "html", "github"] {
        place.trial(&format!("drift --format {format}")).ends(3).says("managed by Ops");
    }
    place.trial("drift --format prometheus").ends(3).says("wabacl_drift_failed_tests{business=\"100\"} 1\n");
    let document = fits("plan", &place.trial("drift --format json").ends(3).stdout);
    assert_eq!(document["tests"][0]["breaches"][0]["user"], serde_json::json!({ "id": "90", "name": "Ana" }));
    place.trial("test --at live").ends(3).says("FAIL      managed by Ops");
    place
        .trial("test --at after")
        .ends(0)
        .says("NOTICE    managed by Ops")
        .says("Tests, after the plan: 1 failing already, 3 passed.");
}

#[test]
fn what_the_manifests_ask_for_is_judged_without_the_api() {
    let place = place();
    let passed = place.run("test access").ends(0);
    passed.says("PASS      bots need a reason").says("Tests, on what the manifests ask for: 4 passed.");
    place.run("validate access").ends(0).says("Tests, on what the manifests ask for: 4 passed.");
    place.edit("access/access.yaml", ", reason: R-2", "");
    let failed = place.run("validate access").ends(3);
    failed.says("error[failed-test]: the test `bots need a reason` failed: `bot` holds access by grants[1] at access/access.yaml:7, which has no `reason`, on 2 WABAs: `one`, `two`");
    let document = fits("diagnostics", &place.run("validate access --format json").ends(3).stdout);
    assert_eq!(document["diagnostics"][0]["code"], "failed-test");
    let document = fits("tests", &place.run("test access --format json").ends(3).stdout);
    assert_eq!((&document["state"], &document["summary"]["failed"]), (&"desired".into(), &1.into()));
    assert_eq!(document["tests"][2]["breaches"][0]["grants"][0]["grant"], "grants[1]");
    let github = place.run("test access --format github").ends(3);
    assert!(
        github.stdout.starts_with("::error file=access/access.yaml,line=11,col=5,title=failed-test::"),
        "{github}"
    );
    let sarif: serde_json::Value =
        serde_json::from_str(&place.run("test access --format sarif").ends(3).stdout).unwrap();
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "failed-test");
    // An error of the manifests comes first.
    place.edit("access/access.yaml", "users: [bot], require", "users: [bto], require");
    place.run("validate access").ends(1).says("`bto` is not declared");
    place.run("test access").ends(1);
}

#[test]
fn junit_has_a_case_for_each_test_and_escapes_names() {
    let place = place();
    place.edit("access/access.yaml", "name: no sender pays", "name: \"<a> & \\\"b\\\" \\u202e\"");
    place.edit("access/access.yaml", ", reason: R-2", "");
    let junit = place.run("test access --format junit").ends(3).stdout;
    assert!(junit.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"wabacl\" tests=\"4\" failures=\"1\" errors=\"0\" time=\"0\">\n"), "{junit}");
    assert!(junit.contains("<testcase name=\"&lt;a&gt; &amp; &quot;b&quot; \\u{202e}\""), "{junit}");
    assert!(
        junit.contains("<failure type=\"failed\" message=\"&#96;bot&#96; holds access by grants[1]"),
        "{junit}"
    );
    assert_eq!(junit.matches("<testcase ").count(), 4);
}

#[test]
fn a_waba_that_cannot_be_read_makes_tests_undecided() {
    let place = place();
    place.edit("access/access.yaml", "two: { id: 1002 }", "two: { id: 1002 }, three: { id: 1003 }");
    let undecided = place.trial("test --at live").ends(4);
    undecided.says("UNDECIDED managed by Ops").says("could not be read: `three`");
    place.trial("plan").ends(4).says(
        "Note: the test managed by Ops at access/access.yaml:9 is undecided: could not be read: `three`",
    );
    place.trial("drift").ends(4).says("is undecided: could not be read: `three`");
    place.trial("test --at live --format junit").ends(4).says("<error type=\"undecided\"");
}

#[test]
fn a_user_that_is_not_found_makes_its_tests_undecided() {
    let place = place();
    place.edit("access/access.yaml", "bot: { id: 12 }", "bot: { name: robot }");
    let undecided = place.trial("test --at live").ends(4);
    undecided.says("UNDECIDED bots need a reason").says("the system user `bot` was not found");
    place.run("test access").ends(0);
}

#[test]
fn what_changed_about_tests_stands_at_the_top() {
    let place = place();
    std::fs::create_dir(place.folder.path().join("base")).unwrap();
    place.write("base/access.yaml", &place.read("access/access.yaml"));
    place.edit("access/access.yaml", "only: [ops, ci]", "only: [ops, ci, bot]");
    let shown = place.trial("plan --previous base").ends(0);
    shown.says("! tests.managed by Ops changes from MANAGE only: ops, ci to MANAGE only: ops, ci, bot");
}

#[test]
fn usage_of_test() {
    let place = place();
    place.run("test access --previous base").ends(64).says("--previous needs --at after");
    place.run("test access --at now").ends(64);
    place.write("access/access.yaml", HEAD);
    place.run("test access").ends(0).says("Tests: the manifests have none.");
}

#[test]
fn the_example_works() {
    let place = Place::new();
    let access = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/tests/access");
    let run = |words: &str| place.run(&format!("{words} {} --today 2026-11-23", access.display()));
    run("test").ends(0).says("Tests, on what the manifests ask for: 5 passed.").never_says("warning");
    run("test --at live --emulate live.yaml").ends(3).says("Tests, live: 2 failed, 3 passed.");
    run("plan --emulate live.yaml")
        .ends(0)
        .says("the waiver `test=no sender edits templates` at")
        .says("covers nothing");
}

#[test]
fn tests_that_change_between_plan_and_apply_are_judged_as_they_are_then() {
    let place = place();
    place.write("access/access.yaml", HEAD);
    place.edit("access/access.yaml", "[MESSAGING], wabas", "[MESSAGING, MANAGE_BILLING], wabas");
    place.trial("plan --out plan.json").ends(0);
    let apply = || place.run("apply plan.json --emulate live.yaml --manifest access");
    // The digests of manifests and plan are the same with the tests.
    place.write("access/tests.yaml", &format!("version: 1\n{TESTS}"));
    place.run("show plan.json").ends(0).never_says("Refused");
    apply().ends(3).says("Refused: test: the test `no sender pays` at access/tests.yaml:4");
    // A plan that was refused because of a test is applied once the test is gone, and no sooner.
    place.trial("plan --out plan.json").ends(3);
    place.remove("access/tests.yaml");
    apply().ends(0).says("Applied: 2 of 2 changes.");
}
