//! `wabacl undo`: a plan that takes an earlier run back, shown, saved, refused and applied like any other.

use super::json::fits;
use super::remote::Remote;
use super::{Place, Ran};
use serde_json::Value;

/// Returns the runs of the journal, the oldest first.
fn runs(place: &Place, state: &str) -> Vec<Value> {
    let journal = place.run(&format!("journal {state} --format json")).ends(0).stdout;
    let document: Value = serde_json::from_str(&journal).unwrap();
    document["journals"][0]["runs"].as_array().unwrap().clone()
}

/// Returns the id of the last run.
fn last_run(place: &Place) -> String {
    runs(place, "--state-dir live.state").last().unwrap()["id"].as_str().unwrap().to_owned()
}

/// Guards that let a run of the small quickstart be taken back.
const GUARDS: &str = "version: 1\nguards: { max_removals_percent: 100 }\n";

/// The quickstart with these guards.
fn quickstart() -> Place {
    let place = Place::new();
    place.write("access/guards.yaml", GUARDS);
    place
}

/// Applies the quickstart, and returns the place with the id of the run.
fn applied() -> (Place, String) {
    let place = quickstart();
    place
        .emulated("apply --auto-approve --origin commit=0a1b2c3d --origin actor=ann")
        .ends(0)
        .says("Applied: 7 of 7 changes.");
    let run = last_run(&place);
    (place, run)
}

/// Runs `undo` on the quickstart.
fn undo(place: &Place, run: &str, options: &str) -> Ran {
    place.run(&format!("undo {run} access --today 2026-11-23 --emulate live.yaml {options}"))
}

/// Returns what a plan would change, without its time.
fn planned(place: &Place) -> Value {
    let document: Value = serde_json::from_str(&place.emulated("plan --format json").ends(0).stdout).unwrap();
    document["changes"].clone()
}

/// Replaces what is different in each run of the tests.
fn stable(ran: &Ran, place: &Place, run: &str) -> String {
    let known = runs(place, "--state-dir live.state");
    let at = known.iter().find(|known| known["id"] == run).unwrap()["at"].as_str().unwrap().to_owned();
    let shown = format!("exit {:?}\n{}", ran.code, ran.stdout);
    shown.replace(run, "RUN").replace(&at[..16].replace('T', " "), "2026-11-23 10:00")
}

/// Changes the tasks of an assignment of the saved state of the emulator: something that happens outside.
fn outside(place: &Place, from: &str, to: &str) {
    place.edit("live.state.yaml", from, to);
}

#[test]
fn a_run_is_taken_back_and_that_is_taken_back_too() {
    let place = quickstart();
    let before = planned(&place);
    place.emulated("apply --auto-approve").ends(0);
    let run = last_run(&place);
    undo(&place, &run, "--detailed-exitcode").ends(2);
    let saved = undo(&place, &run, "--out undo.json").ends(0).says("The plan is saved as undo.json.");
    assert_eq!(runs(&place, "--state-dir live.state").len(), 1, "undo writes nothing");
    assert_eq!(planned(&place), serde_json::json!([]));
    let shown = place.run("show undo.json").ends(0);
    assert_eq!(shown.stdout, saved.stdout);
    place
        .run("apply undo.json --emulate live.yaml --today 2026-11-23")
        .ends(0)
        .says("Applied: 7 of 7 changes.");
    assert_eq!(planned(&place), before, "live access is what it was");
    // The later run says what it is, and no output takes it for a change of the manifests.
    let undoing = last_run(&place);
    let journal = place.run("journal --state-dir live.state --last 1").ends(0);
    journal.says(&format!("undo of run {run}")).never_says("manifests sha256:");
    place.emulated("drift").ends(2).says("as before the plan: never applied here, or undone");
    place.run("explain deploy-bot acme-us --emulate live.yaml --today 2026-11-23").ends(0).says(&undoing);
    // What was taken back is not taken back again; but the undo can be.
    undo(&place, &run, "").ends(0).says("Nothing to take back; 7 left alone.").says(&undoing);
    undo(&place, &undoing, "--out redo.json").ends(0);
    place
        .run("apply redo.json --emulate live.yaml --today 2026-11-23")
        .ends(0)
        .says("Applied: 7 of 7 changes.");
    assert_eq!(planned(&place), serde_json::json!([]));
}

#[test]
fn every_format_names_the_run_what_is_left_alone_and_what_asks_for_the_opposite() {
    let (place, run) = applied();
    outside(&place, "user: 1972385232742151, tasks: [MESSAGING]", "user: 1972385232742151, tasks: [MANAGE]");
    insta::assert_snapshot!(stable(&undo(&place, &run, ""), &place, &run), @r#"
    exit Some(0)
    Policy that is not the default, or changed:
      ! guards.max_removals_percent is 100 (default: 25)

    - reporting = Reporting (prod) (1972385232742158) on acme-us = Acme Americas (102290129340402): -VIEW_COST -VIEW_INSIGHTS; to take back run RUN
    - reporting = Reporting (prod) (1972385232742158) on marketing = Northwind Marketing (106540352242930): -VIEW_COST -VIEW_INSIGHTS; to take back run RUN
    - reporting = Reporting (prod) (1972385232742158) on Initech Shop (109876123400001): -VIEW_COST -VIEW_INSIGHTS; to take back run RUN
    ~ deploy-bot on acme-us = Acme Americas (102290129340402): VIEW_TEMPLATES -MANAGE_TEMPLATES -VIEW_COST; to take back run RUN
    + summer-campaign on acme-eu = Acme Europe (102290129340398): +MANAGE_TEMPLATES +MESSAGING; to take back run RUN
    ~ deploy-bot on globex = Globex (104996122399160): MANAGE_TEMPLATES VIEW_COST VIEW_TEMPLATES +DEVELOP; to take back run RUN

    Not managed: 5 assignments (5 holders of other businesses).

    Left alone, and not taken back:
      . campaign-sender on acme-us = Acme Americas (102290129340402) holds MANAGE now, and the run left MESSAGING

    Note: this is for 2026-11-23, and not for the time at which it was made

    ! reporting = Reporting (prod) (1972385232742158) loses everything on 3 WABAs by the undo
    ! deploy-bot loses tasks on 1 WABA

    Asked for again by the manifests:
      ! summer-campaign on acme-eu = Acme Europe (102290129340398) is changed again by the next apply: expired: grants[4] "summer campaign" at access/access.yaml:45 until 2026-03-31 (MKT-77) (prune: declared)
        revert the commit that asks for this, too
      ! deploy-bot on acme-us = Acme Americas (102290129340402) is changed again by the next apply: by grants[2] "template releases" at access/access.yaml:33
        revert the commit that asks for this, too
      ! reporting = Reporting (prod) (1972385232742158) on 3 WABAs: acme-us = Acme Americas (102290129340402), marketing = Northwind Marketing (106540352242930), Initech Shop (109876123400001) is changed again by the next apply: by grants[5] "reporting everywhere" at access/access.yaml:52
        revert the commit that asks for this, too
      ! deploy-bot on globex = Globex (104996122399160) is changed again by the next apply: by grants[2] "template releases" at access/access.yaml:33 and not granted to the user declared at access/users.yaml:8 (prune: declared)
        revert the commit that asks for this, too

    Undo: takes back run RUN of 2026-11-23 10:00 UTC from actor ann, commit 0a1b2c3d

    Plan: 1 to assign, 2 to change, 3 to revoke, 12 unchanged; 1 left alone.
    Applying it takes 16 API calls: 6 writes, and 10 reads of 5 WABAs.
    "#);
    for format in ["markdown", "html", "github"] {
        let shown = undo(&place, &run, &format!("--format {format}")).ends(0);
        shown.says(&run).says("MANAGE").says("access/access.yaml:33").says("revert the commit");
    }
    undo(&place, &run, "--format diff").ends(0).says(&run);
    let plan = fits("plan", &undo(&place, &run, "--format json --out undo.json").ends(0).stdout);
    assert_eq!((&plan["undo"]["run"], &plan["partial"]), (&run.clone().into(), &true.into()));
    assert_eq!(
        (&plan["undo"]["origin"]["commit"], &plan["manifest_digest"]),
        (&"0a1b2c3d".into(), &"".into())
    );
    assert_eq!(plan["undo"]["left_alone"][0]["why"], "moved");
    assert_eq!(plan["undo"]["asked_again"][1]["because"][0]["file"], "access/access.yaml");
    let saved = fits("saved-plan", &place.read("undo.json"));
    assert_eq!(saved["undo"], plan["undo"]);
    for format in ["text", "json", "markdown", "html", "diff", "github"] {
        let planned = undo(&place, &run, &format!("--format {format} --out undo.json")).ends(0);
        assert_eq!(place.run(&format!("show undo.json --format {format}")).ends(0).stdout, planned.stdout);
    }
}

#[test]
fn a_part_of_a_run_is_taken_back() {
    let (place, run) = applied();
    let shown = undo(&place, &run, "--waba acme-us --out undo.json").ends(0);
    shown.says("narrowed by --waba acme-us").never_says("globex");
    undo(&place, &run, "--waba 102290129340402").ends(0).says("acme-us");
    undo(&place, &run, "--waba acme-uk").ends(1).says("the run wrote on no WABA that matches `acme-uk`");
    place.run("apply undo.json --emulate live.yaml --today 2026-11-23").ends(0);
    let left = undo(&place, &run, "--format json").ends(0).stdout;
    let left: Value = serde_json::from_str(&left).unwrap();
    assert!(!left["changes"].as_array().unwrap().is_empty());
}

#[test]
fn the_guards_of_the_manifests_hold_and_the_default_ones_without() {
    let (place, run) = applied();
    place.write(
        "access/guards.yaml",
        "version: 1\nguards: { protected_users: [deploy-bot], max_removals: 2 }\n",
    );
    let refused = undo(&place, &run, "--out undo.json").ends(3);
    refused.says("Refused: protected-user").says("Refused: max-removals").says("guards.max_removals is 2");
    let apply = |options: &str| {
        place.run(&format!("apply undo.json --emulate live.yaml --today 2026-11-23 {options}"))
    };
    apply("").ends(3).says("Refused: protected-user");
    assert_eq!(runs(&place, "--state-dir live.state").len(), 1);
    undo(&place, &run, "--no-new-access --waive protected-user --waive max-removals")
        .ends(3)
        .says("Refused: no-new-access");
    undo(&place, &run, "--waive protected-user --waive max-removals").ends(0).says("Waived:");
    // Those of the manifests do not hold without them.
    place.write("access/broken.yaml", "version: 1\nnonsense: 1\n");
    undo(&place, &run, "").ends(1).says("nonsense");
    undo(&place, &run, "--without-manifests")
        .ends(3)
        .says("Refused: max-removals")
        .never_says("protected-user");
    let without = undo(&place, &run, "--without-manifests --waive max-removals --out undo.json").ends(0);
    without.says("without manifests: only the default guards hold");
    // They hold where they are given to apply.
    place.remove("access/broken.yaml");
    apply("--manifest access").ends(3).says("Refused: protected-user");
    place.write("access/guards.yaml", GUARDS);
    apply("--manifest access").ends(0).says("Applied: 7 of 7 changes.");
}

#[test]
fn a_saved_undo_is_refused_where_something_moved_or_the_journal_has_another_run() {
    let (place, run) = applied();
    undo(&place, &run, "--out undo.json").ends(0);
    let apply = |options: &str| {
        place.run(&format!("apply undo.json --emulate live.yaml --today 2026-11-23 {options}"))
    };
    apply("--manifest access --state-dir elsewhere").ends(1).says(&format!("no journal has a run `{run}`"));
    outside(&place, "user: 1972385232742151, tasks: [MESSAGING]", "user: 1972385232742151, tasks: [MANAGE]");
    apply("").ends(3).says("the plan is stale: 1 of its 7 changes");
    apply("--manifest access").ends(3).says("the plan is stale");
    let text = place.read("undo.json");
    place.write("undo.json", &text.replacen(&run, "20200101T000000Z-00000000", 1));
    apply("").ends(3).says("the digest does not match");
}

#[test]
fn what_cannot_be_taken_back_is_named_and_ends_in_4() {
    let (place, run) = applied();
    let users = place.read("live.state.yaml");
    let gone: Vec<&str> = users.lines().filter(|line| !line.contains("1972385232742147")).collect();
    place.write("live.state.yaml", &format!("{}\n", gone.join("\n")));
    place.edit("access/users.yaml", "  deploy-bot: { id: 1972385232742147 }\n", "");
    place.edit("access/access.yaml", "users: [deploy-bot]", "users: [reporting]");
    let shown = undo(&place, &run, "").ends(4);
    shown.says("deploy-bot").says("is no system user of the business any more");
}

#[test]
fn a_waba_that_is_gone_is_named_and_ends_in_4() {
    let (place, run) = applied();
    let world = place.read("live.state.yaml").replace("106540352242930", "106540352242931");
    place.write("live.state.yaml", &world);
    for options in ["", "--without-manifests --waive max-removals"] {
        let shown = undo(&place, &run, options).ends(4);
        shown
            .says("Could not be read, and not planned: 1 WABA.")
            .says("marketing")
            .says("1 WABA could not be read");
    }
    // The rest can be taken back all the same.
    undo(&place, &run, "--out undo.json").ends(4);
    let applied = place.run("apply undo.json --emulate live.yaml --today 2026-11-23").ends(4);
    applied.says("Applied: 6 of 6 changes.");
}

#[test]
fn a_run_that_is_unknown_or_wrote_nothing() {
    let (place, run) = applied();
    let wrong = run.replacen('2', "3", 1);
    undo(&place, &wrong, "")
        .ends(1)
        .says(&format!("no journal has a run `{wrong}`"))
        .says(&format!("did you mean `{run}`?"));
    place
        .run(&format!("undo {run} access --state-dir elsewhere --emulate live.yaml"))
        .ends(1)
        .says("`wabacl journal` shows");
    place.run(&format!("undo {run} access --emulate live.yaml --waba")).ends(64);
    place.edit("access/users.yaml", "9876543210987654", "9876543210987655");
    undo(&place, &run, "").ends(1).says("no journal has a run");
}

#[test]
fn a_user_cannot_claim_that_a_run_is_an_undo() {
    let place = Place::new();
    place
        .emulated("apply --auto-approve --origin undo_of=x")
        .ends(64)
        .says("`undo_of` is set by `wabacl undo`");
}

#[test]
fn a_shared_state_has_the_run_as_well() {
    let place = quickstart();
    let state = format!("--state objects://{}/objects", place.folder.path().display());
    place.emulated(&format!("apply --auto-approve {state}")).ends(0);
    let run = runs(&place, &state)[0]["id"].as_str().unwrap().to_owned();
    undo(&place, &run, &format!("{state} --out undo.json")).ends(0);
    place
        .run(&format!("apply undo.json --emulate live.yaml --today 2026-11-23 --manifest access {state}"))
        .ends(0);
    assert_eq!(runs(&place, &state).len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn undo_reads_only_the_wabas_of_the_run_and_writes_nothing() {
    let remote = Remote::start(Vec::new()).await;
    remote.run("apply --auto-approve --waba acme-us --state-dir live.state").ends(0);
    let (run, writes) = (last_run(&remote.place), remote.writes());
    let url = remote.emulator.url();
    let before = remote.emulator.calls().len();
    let words = format!(
        "undo {run} access --today 2026-11-23 --graph-url {url} --state-dir live.state --read-strategy direct"
    );
    remote.place.run(&words).ends(0).says("Undo: ");
    let calls = remote.emulator.calls();
    let lists: Vec<&str> = calls[before..]
        .iter()
        .map(|call| call.path.as_str())
        .filter(|path| path.contains("assigned_users"))
        .collect();
    assert_eq!(lists.len(), 1, "{lists:?}");
    assert!(lists[0].contains("102290129340402"), "{lists:?}");
    assert_eq!(remote.writes(), writes);
}

/// A journal with the run of the quickstart and two later ones, which wrote nothing. Returns the id of the first.
fn three_runs() -> (Place, String) {
    let (place, run) = applied();
    let journal = "live.state/9876543210987654/journal.jsonl";
    let mut text = place.read(journal);
    let begin = text.lines().next().unwrap().to_owned();
    for later in ["20260101T000000Z-aaaa", "20260101T000000Z-abbb"] {
        let line = begin.replace(&run, later).replace("\"ann\"", "\"a\\u001b[31mnn\"");
        text.push_str(&line);
        text.push('\n');
    }
    place.write(journal, &text);
    (place, run)
}

#[test]
fn a_run_is_named_by_the_beginning_of_its_id_or_as_the_last_that_wrote() {
    let (place, run) = three_runs();
    let whole = undo(&place, &run, "").ends(0).says("Undo: takes back run");
    for beginning in [&run[..run.len() - 1], &run[..15]] {
        assert_eq!(undo(&place, beginning, "").ends(0).stdout, whole.stdout);
    }
    for last in ["undo --last access", "undo --last", "undo --without-manifests --last"] {
        let ran = place.run(&format!("{last} --today 2026-11-23 --emulate live.yaml --waive max-removals"));
        ran.ends(0).says(&format!("takes back run {run}"));
    }
    undo(&place, "20260101T000000Z-", "")
        .ends(1)
        .says("error: 2 runs have an id that begins with `20260101T000000Z-`")
        .says("\n  - 20260101T000000Z-aaaa at 20")
        .says("Z by CI Admin (1972385232742140) for a\\u{1b}[31mnn: 0 writes, no end on record\n  - ")
        .says("\n  hint: give more of the id\n");
    undo(&place, "202", "").ends(1).says("error: no journal has a run `202`").says("at least 4 characters");
}

#[test]
fn a_saved_undo_and_a_lease_are_of_a_whole_id() {
    let (place, run) = applied();
    undo(&place, &run[..12], "--out undo.json").ends(0);
    let saved: Value = serde_json::from_str(&place.read("undo.json")).unwrap();
    assert_eq!(saved["undo"]["run"], run.as_str());
    place
        .run("apply undo.json --manifest access --emulate live.yaml --today 2026-11-23")
        .ends(0)
        .says("Applied: 7 of 7 changes.");
}

#[test]
fn the_journal_shows_a_run_by_the_beginning_of_its_id() {
    let (place, run) = three_runs();
    let journal = |id: &str| place.run(&format!("journal --state-dir live.state --run {id} --format json"));
    let document = fits("journal", &journal(&run[..15]).ends(0).stdout);
    assert_eq!(document["filter"]["runs"], serde_json::json!([run]));
    assert_eq!(document["journals"][0]["runs"][0]["id"], run.as_str());
    journal("2026")
        .ends(1)
        .says("error: 3 runs have an id that begins with `2026`")
        .says(&format!("\n  - {run} at "));
    journal("202").ends(1).says("no journal has a run `202`");
}

/// Returns a world with many WABAs on which `ops`, who is not declared, holds `DEVELOP`, with the assignments that follow; and the
/// manifest for it.
fn many(wabas: usize, assigned: &str) -> (String, String) {
    let ids = || (0..wabas).map(|number| (number, 1000 + number));
    let in_world = ids().map(|(number, id)| {
        format!("  - {{ id: {id}, name: W{number}, owned_by: 100, assigned: [{{ user: 13, tasks: [DEVELOP] }}{assigned}] }}\n")
    });
    let in_manifest = ids().map(|(number, id)| format!("  w{number}: {{ id: {id} }}\n"));
    let world = format!(
        "app: {{ id: 1 }}
businesses:
  - id: 100
    name: Biz
    system_users:
      - {{ id: 10, name: ci, role: ADMIN, listed: false }}
      - {{ id: 12, name: bot }}
      - {{ id: 13, name: ops }}
tokens: [{{ token: t, user: 10 }}]
wabas:
{}",
        in_world.collect::<Vec<_>>().concat()
    );
    let manifest = format!(
        "version: 1
business: 100
undeclared: allow
system_users: {{ ci: {{ by_role: true }}, bot: {{ id: 12 }} }}
grants: []
wabas:
{}",
        in_manifest.collect::<Vec<_>>().concat()
    );
    (world, manifest)
}

#[test]
fn taking_back_40_revocations_is_not_refused_for_them_and_taking_back_40_grants_counts_40_losses() {
    let (world, manifest) = many(60, ", { user: 12, tasks: [DEVELOP] }");
    let manifest = manifest.replace("grants: []", "guards: { max_removals_percent: 100 }\ngrants:\n  - { users: [bot], tasks: [DEVELOP], wabas: ['w*'] }");
    let place = Place::of(&world, &manifest);
    let shrunk = manifest.replace("wabas: ['w*']", "wabas: ['w?', 'w1?']");
    place.write("access/access.yaml", &shrunk);
    let run = |words: &str| place.run(&format!("{words} --emulate live.yaml"));
    run("apply access --auto-approve").ends(0).says("Applied: 40 of 40 changes.");
    // The limit of 50 is for the 40 of the last 24 hours together with what a plan takes.
    place.write("access/access.yaml", &shrunk.replace("wabas: ['w?', 'w1?']", "wabas: ['w?']"));
    run("apply access --auto-approve").ends(0).says("Applied: 10 of 10 changes.");
    place.write("access/access.yaml", &shrunk.replace("wabas: ['w?', 'w1?']", "wabas: ['w1']"));
    run("plan access").ends(3).says("after 50 in the last 24 hours, the limit is 50");
    // To take the 40 back, no waiver is needed, although 50 were lost a moment ago.
    place.write("access/access.yaml", &shrunk);
    let first = journal_runs(&place)[0].clone();
    run(&format!("undo {first} access --out undo.json")).ends(0).never_says("Refused");
    run("apply undo.json").ends(0).says("Applied: 40 of 40 changes.");
    // They count no more, and taking back what gave 40 takes 40: with the 10 of before they are at the limit.
    let undoing = journal_runs(&place).last().unwrap().clone();
    run(&format!("undo {undoing} access")).ends(0);
    place.write(
        "access/access.yaml",
        &shrunk.replace("max_removals_percent: 100", "max_removals: 49, max_removals_percent: 100"),
    );
    run(&format!("undo {undoing} access"))
        .ends(3)
        .says("Refused: max-removals: 40 of 60 assignments (estimated: not all WABAs were read) would lose tasks, after 10 in the last 24 hours, the limit is 49");
}

/// Returns the ids of the runs in the journal of the business 100.
fn journal_runs(place: &Place) -> Vec<String> {
    let runs = runs(place, "--state-dir live.state");
    runs.iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect()
}
