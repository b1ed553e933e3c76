//! `wabacl journal` on journals of version 2 that were written by hand: crashes, hostile names and broken lines.

use super::json::fits;
use super::{Place, Ran};
use serde_json::{Value, json};

/// Makes a place with a state folder with a journal of the business 98.
fn with_journal(lines: &[Value]) -> Place {
    let lines: Vec<String> = lines.iter().map(Value::to_string).chain([String::new()]).collect();
    with_text(&lines.join("\n"))
}

fn with_text(text: &str) -> Place {
    let place = Place::new();
    std::fs::create_dir_all(place.folder.path().join("state/98")).unwrap();
    place.write("state/98/journal.jsonl", text);
    place
}

fn shown(place: &Place, options: &str) -> Ran {
    place.run(&format!("journal --state-dir state {options}")).ends(0)
}

/// Returns a line of a run, with more fields.
fn line(kind: &str, run: &str, more: &Value) -> Value {
    let mut line = json!({ "v": 2, "kind": kind, "at": "2026-11-23T10:00:00.123Z", "run": run });
    line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    line
}

fn run(id: &str) -> Value {
    line(
        "run",
        id,
        &json!({
            "business": "98", "acting_user": { "id": "12", "name": "ci-admin" },
            "by": { "user": "runner", "host": "build-7", "pid": 4711 }, "version": "0.1.0",
            "plan_digest": "sha256:01", "manifest_digest": "sha256:02", "waivers": ["max-removals"]
        }),
    )
}

fn intent(run: &str, number: u32, name: &str) -> Value {
    line(
        "intent",
        run,
        &json!({
            "write": number,
            "change": {
                "action": "change", "waba": { "id": "500", "name": name }, "user": { "id": "11", "name": name },
                "before": ["DEVELOP", name], "after": ["DEVELOP", "MANAGE"], "admin": false,
                "because": [
                    { "grant": "grants[2]", "name": name, "file": "access.yaml", "line": 31, "column": 5, "reason": name }
                ],
                "gone": {
                    "prune": "declared",
                    "lines": [{ "why": "declared", "file": "users.yaml", "line": 7, "column": 3 }]
                }
            }
        }),
    )
}

fn outcome(run: &str, number: u32, word: &str, more: &Value) -> Value {
    let mut line = line("outcome", run, &json!({ "write": number, "outcome": word }));
    line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    line
}

fn end(run: &str, in_flight: u32) -> Value {
    line("end", run, &json!({ "writes": 1, "done": 1, "not_done": 0, "in_flight": in_flight }))
}

/// A run that crashed with two writes in flight, one of which the next run settled.
fn crashed() -> Vec<Value> {
    vec![
        run("first"),
        intent("first", 1, "acme"),
        outcome("first", 1, "applied", &json!({ "traces": ["AbC"] })),
        intent("first", 2, "acme"),
        intent("first", 3, "acme"),
        run("second"),
        line(
            "settled",
            "second",
            &json!({ "of": "first", "write": 2, "found": ["DEVELOP", "MANAGE"], "how": "took-effect" }),
        ),
        intent("second", 1, "acme"),
        outcome("second", 1, "failed", &json!({ "error": "(#200) no permission" })),
        end("second", 1),
    ]
}

#[test]
fn writes_and_their_outcomes_are_shown() {
    insta::assert_snapshot!(shown(&with_journal(&crashed()), "").to_string(), @r#"
    exit 0
    --- stdout
    Business 98

    Run first at 2026-11-23T10:00:00.123Z by ci-admin (12)
      process 4711 of runner on build-7 with wabacl 0.1.0
      plan sha256:01
      manifests sha256:02
      waived max-removals
      ~ acme (11) on acme (500) DEVELOP +MANAGE -acme
          by grants[2] "acme" at access.yaml:31 (acme)
          not granted to the user declared at users.yaml:7 (prune: declared)
          applied trace AbC
      ~ acme (11) on acme (500) DEVELOP +MANAGE -acme
          by grants[2] "acme" at access.yaml:31 (acme)
          not granted to the user declared at users.yaml:7 (prune: declared)
          it took effect, as a later run read: found DEVELOP MANAGE by run second
      ~ acme (11) on acme (500) DEVELOP +MANAGE -acme
          by grants[2] "acme" at access.yaml:31 (acme)
          not granted to the user declared at users.yaml:7 (prune: declared)
          in flight since 2026-11-23T10:00:00.123Z: its result is unknown
      no end on record: it crashed, was killed, or is still running

    Run second at 2026-11-23T10:00:00.123Z by ci-admin (12)
      process 4711 of runner on build-7 with wabacl 0.1.0
      plan sha256:01
      manifests sha256:02
      waived max-removals
      ~ acme (11) on acme (500) DEVELOP +MANAGE -acme
          by grants[2] "acme" at access.yaml:31 (acme)
          not granted to the user declared at users.yaml:7 (prune: declared)
          failed: (#200) no permission
      ended at 2026-11-23T10:00:00.123Z: 1 done, 0 not done

    Journal: 2 runs, 4 writes, 1 in flight.
    A write in flight may have taken effect; the next apply reads the WABA to find out.
    --- stderr
    "#);
}

#[test]
fn a_missing_journal_is_reported() {
    let place = Place::new();
    place.run("journal").ends(0).says("There is no journal in ").says(".local/state/wabacl");
    shown(&place, "").says("There is no journal in state.");
    shown(&with_journal(&crashed()), "--business 99")
        .says("There is no journal of the business 99 in state.");
    let empty = fits("journal", &shown(&place, "--format json").stdout);
    assert_eq!(empty["journals"], json!([]));
    shown(&with_text(""), "").says("Journal: 0 runs, 0 writes.");
}

#[test]
fn the_default_state_folder_is_that_of_the_system() {
    let place = with_journal(&crashed());
    let below = place.folder.path().join("below");
    std::fs::create_dir(&below).unwrap();
    std::fs::rename(place.folder.path().join("state"), below.join("wabacl")).unwrap();
    let place = place.set("XDG_STATE_HOME", below.to_str().unwrap());
    place.run("journal").ends(0).says("Run second");
}

#[test]
fn last_limits_the_runs() {
    let mut lines = crashed();
    lines.extend([run("third"), intent("third", 1, "acme")]);
    lines.extend([outcome("third", 1, "applied", &json!({})), end("third", 1)]);
    let place = with_journal(&lines);
    // The first run has a write in flight and is always shown.
    shown(&place, "--last 1").says("Run third").never_says("Run second").says("Run first");
    shown(&place, "--last 2").says("Run third").says("Run second").says("1 in flight");
}

#[test]
fn broken_lines_are_reported_and_the_others_are_shown() {
    let good: Vec<String> = crashed().iter().map(ToString::to_string).collect();
    let text = format!("{}\nnonsense \u{1b}[31m\n{{\"v\":7,\"kind\":\"x\"}}\n{{\"v\":2,", good.join("\n"));
    let place = with_text(&text);
    shown(&place, "")
        .says("Could not be read: line 11: it is not a line of a journal")
        .says("Could not be read: line 12: it is of version 7")
        .says("Line 13, the last one, was cut off")
        .says("Journal: 2 runs, 4 writes, 1 in flight.")
        .never_says("\u{1b}");
    let document = fits("journal", &shown(&place, "--format json").stdout);
    assert_eq!(
        (&document["journals"][0]["torn"], &document["summary"]["broken_lines"]),
        (&json!(13), &json!(2))
    );
}

#[test]
fn an_apply_stops_at_a_line_that_it_cannot_read() {
    for (text, why) in [
        ("nonsense\n", "it is not a line of a journal"),
        ("{\"v\":7,\"kind\":\"x\"}\n", "it is of version 7, and this program reads versions 1 and 2"),
    ] {
        let place = Place::new();
        std::fs::create_dir_all(place.folder.path().join("state/9876543210987654")).unwrap();
        place.write("state/9876543210987654/journal.jsonl", text);
        let apply = || place.emulated("apply --auto-approve --state-dir state");
        let stopped =
            apply().ends(1).says("error: reading the journal").says("line 1 of the journal").says(why);
        assert!(stopped.stderr.contains("move the file away, and plan again"), "{stopped}");
        assert_eq!(place.read("state/9876543210987654/journal.jsonl"), text, "nothing was written");
        place.remove("state/9876543210987654/journal.jsonl");
        apply().ends(0);
    }
}

#[test]
fn every_entry_is_in_the_document() {
    let document = fits("journal", &shown(&with_journal(&crashed()), "--format json").stdout);
    let runs = &document["journals"][0]["runs"];
    assert_eq!(document["journals"][0]["business"], "98");
    assert_eq!(runs[0]["writes"][0]["outcome"]["traces"], json!(["AbC"]));
    assert_eq!(runs[0]["writes"][1]["settled"]["how"], "took-effect");
    assert_eq!(runs[0]["writes"][2]["in_flight"], true);
    let change = &runs[0]["writes"][2]["change"];
    assert_eq!(
        (&change["because"][0]["grant"], &change["because"][0]["column"]),
        (&json!("grants[2]"), &json!(5))
    );
    assert_eq!(runs[0]["end"], Value::Null);
    assert_eq!(runs[1]["writes"][0]["outcome"]["error"], "(#200) no permission");
    assert_eq!(runs[1]["end"]["done"], 1);
    assert_eq!(
        document["summary"],
        json!({
            "runs": 2, "writes": 4, "in_flight": 1, "broken_lines": 0,
            "left_out": { "runs": 0, "writes": 0, "in_flight": 0 }
        })
    );
}

#[test]
fn names_begin_no_line_and_cannot_steer_a_terminal() {
    for name in ["::error::x", "##[error]x", "\u{1b}[31mred\u{202e}", "two\n::error::lines", "", "x "] {
        let name = format!("{name} ").repeat(20);
        let mut lines = vec![run(&name), intent(&name, 1, &name), intent(&name, 2, &name)];
        lines[0]["by"] = json!({ "user": name, "host": name, "pid": 1 });
        lines[0]["acting_user"]["name"] = name.clone().into();
        lines[0]["waivers"] = json!([name]);
        lines[0]["origin"] = json!({ "actor": name, "run_url": name, name.clone(): name });
        lines[0]["plan_digest"] = name.clone().into();
        lines.push(outcome(&name, 1, "unknown", &json!({ "error": name, "traces": [name] })));
        lines.push(line(&name, &name, &json!({})));
        lines.push(end(&name, 1));
        lines[5]["stopped"] = name.clone().into();
        let place = with_journal(&lines);
        for options in ["", "--format json", "--format csv"] {
            let ran = shown(&place, options);
            for line in ran.stdout.lines() {
                let begin = line.trim_start();
                assert!(!begin.starts_with("::error") && !begin.starts_with("red"), "{line:?}\n{ran}");
                assert!(!line.contains("##"), "{line:?}\n{ran}");
            }
            ran.never_says("\u{1b}").never_says("\u{202e}");
        }
        fits("journal", &shown(&place, "--format json").stdout);
    }
}

#[test]
fn a_journal_of_version_1_is_shown() {
    let place = with_text(include_str!("../files/journal-1.jsonl"));
    insta::assert_snapshot!(shown(&place, "").to_string(), @r#"
    exit 0
    --- stdout
    Business 98

    Run 20261125T221942Z-abe28979 at 2026-11-25T22:19:42.439Z by CI Admin (1972385232742140)
      process 4711 of runner on build-7 with wabacl 0.1.0
      plan sha256:80dd1ff8c86f4047a63f21768825038348c99e6cceb2756a5fd56aa8dc7f3cc4
      manifests sha256:59611e3f3f5d6f8cb1087673e7fd5c51aea5df3d9d1658576b25bd97bf08bdcd
      waived max-removals
      - summer-campaign (1972385232742163) on acme-eu (102290129340398) -MANAGE_TEMPLATES -MESSAGING
          expired: grants[4] "summer campaign" at examples/quickstart/access/access.yaml:45 (MKT-77) (prune: declared)
          applied trace A693dc27b5d015fac4eeb00
      ~ deploy-bot (1972385232742147) on acme-us (102290129340402) VIEW_TEMPLATES +MANAGE_TEMPLATES +VIEW_COST
          by grants[2] "template releases" at examples/quickstart/access/access.yaml:33
          applied trace A5760da64543f86b3643672
      ~ deploy-bot (1972385232742147) on globex (104996122399160) MANAGE_TEMPLATES VIEW_COST VIEW_TEMPLATES -DEVELOP
          by grants[2] "template releases" at examples/quickstart/access/access.yaml:33
          not granted to the user declared at examples/quickstart/access/users.yaml:8 (prune: declared)
          applied trace A06b36a2310a7b818fcde26
      + reporting (1972385232742158) on marketing (106540352242930) +VIEW_COST +VIEW_INSIGHTS
          by grants[5] "reporting everywhere" at examples/quickstart/access/access.yaml:52
          stored differently: VIEW_COST trace Ad8d44e794025d06f953801
      + reporting (1972385232742158) on Initech Shop (109876123400001) +VIEW_COST +VIEW_INSIGHTS
          by grants[5] "reporting everywhere" at examples/quickstart/access/access.yaml:52
          applied trace Ade0892cae64622fb45231d
      + campaign-sender (1972385232742151) on acme-us (102290129340402) +MESSAGING
          by grants[3] "campaigns" at examples/quickstart/access/access.yaml:38 (OPS-1234)
          it took effect, as a later run read: found MESSAGING by run 20261125T222006Z-43012351
      + reporting (1972385232742158) on acme-us (102290129340402) +VIEW_COST +VIEW_INSIGHTS
          by grants[5] "reporting everywhere" at examples/quickstart/access/access.yaml:52
          in flight since 2026-11-25T22:19:42.561Z: its result is unknown
      no end on record: it crashed, was killed, or is still running

    Run 20261125T222006Z-43012351 at 2026-11-25T22:20:06.07Z by CI Admin (1972385232742140)
      process 4711 of runner on build-7 with wabacl 0.1.0
      plan sha256:9e37926253aed7297f6d45e1659b1208cb2479f9f782e140030c84410606d7b3
      manifests sha256:59611e3f3f5d6f8cb1087673e7fd5c51aea5df3d9d1658576b25bd97bf08bdcd
      ended at 2026-11-25T22:20:06.095Z: 0 done, 0 not done

    Could not be read: line 14: it is not a line of a journal: EOF while parsing a string at column 36

    Journal: 2 runs, 7 writes, 1 in flight.
    A write in flight may have taken effect; the next apply reads the WABA to find out.
    --- stderr
    "#);
    let document = fits("journal", &shown(&place, "--format json").stdout);
    let change = &document["journals"][0]["runs"][0]["writes"][0]["change"];
    assert_eq!(change["gone"]["lines"][0]["grant"]["reason"], "MKT-77");
    assert_eq!(change["gone"]["lines"][0]["grant"]["column"], Value::Null);
}

#[test]
fn a_journal_that_cannot_be_read_is_an_error() {
    let place = with_journal(&[]);
    place.write("file", "");
    place.run("journal --state-dir file").ends(1).says("the folder file cannot be used").says("--state-dir");
}

/// A journal with a run of each of three days: one of `ann` and `bob` on two WABAs, one that wrote nothing, and one of `ann`.
fn three_days() -> Place {
    let on = |line: Value, day: u32| {
        let mut line = line;
        line["at"] = format!("2026-11-{day}T10:00:00Z").into();
        line
    };
    let write = |run: &str, number: u32, [user, waba]: [&str; 2], name: [&str; 2]| {
        let mut line = intent(run, number, "");
        line["change"]["user"] = json!({ "id": user, "name": name[0] });
        line["change"]["waba"] = json!({ "id": waba, "name": name[1] });
        line["change"]["because"] = json!([]);
        line["change"]["before"] = json!(["DEVELOP"]);
        line
    };
    let (ann, bob) = (["11", "500"], ["1972385232742147", "501"]);
    let applied =
        |run: &str, number: u32| outcome(run, number, "applied", &json!({ "traces": ["T1", "T2"] }));
    let mut first = run("first");
    first["origin"] = json!({ "actor": "@dora", "commit": "0a1b2c3", "ticket": "OPS-1" });
    with_journal(&[
        on(first, 21),
        on(write("first", 1, ann, ["ann", "acme-eu"]), 21),
        on(applied("first", 1), 21),
        on(write("first", 2, bob, ["=bob", "globex"]), 21),
        on(end("first", 1), 21),
        on(run("second"), 22),
        on(end("second", 1), 22),
        on(run("third"), 23),
        on(write("third", 1, ann, ["ann", "acme-us"]), 23),
        on(outcome("third", 1, "failed", &json!({ "error": "(#200) no permission" })), 23),
        on(end("third", 1), 23),
    ])
}

/// Returns the runs with the numbers of their writes, and what is left out.
fn taken(place: &Place, options: &str) -> (String, Value) {
    let document = fits("journal", &shown(place, &format!("{options} --format json")).stdout);
    let runs = document["journals"][0]["runs"].as_array().unwrap().iter().map(|run| {
        let writes = run["writes"].as_array().unwrap().iter().map(|write| write["number"].to_string());
        format!("{}: {}", run["id"].as_str().unwrap(), writes.collect::<Vec<_>>().join(" "))
    });
    (runs.collect::<Vec<_>>().join(", "), document["summary"]["left_out"].clone())
}

#[test]
fn filters_take_runs_and_writes_and_count_what_they_leave_out() {
    let place = three_days();
    let left = |runs: u32, writes: u32, in_flight: u32| json!({ "runs": runs, "writes": writes, "in_flight": in_flight });
    for (options, runs, left_out) in [
        ("", "first: 1 2, second: , third: 1", left(0, 0, 0)),
        ("--since 2026-11-22", "second: , third: 1", left(1, 2, 1)),
        ("--until 2026-11-22", "first: 1 2, second: ", left(1, 1, 0)),
        ("--since 2026-11-21T12:00:00+02:00 --until 2026-11-21T10:00:01Z", "first: 1 2", left(2, 1, 0)),
        ("--since 2026-11-22 --until 2026-11-22", "second: ", left(2, 3, 1)),
        ("--user ann", "first: 1, third: 1", left(1, 1, 1)),
        ("--user 1972385232742147", "first: 2", left(2, 2, 0)),
        ("--user ann --waba acme-us", "third: 1", left(2, 2, 1)),
        ("--waba acme-* --waba 501", "first: 1 2, third: 1", left(1, 0, 0)),
        ("--run second --run third", "second: , third: 1", left(1, 2, 1)),
        ("--user ann --last 1", "third: 1", left(2, 2, 1)),
        ("--last 1", "first: 1 2, third: 1", left(1, 0, 0)),
    ] {
        assert_eq!(taken(&place, options), (runs.to_owned(), left_out), "{options}");
    }
    let document = fits("journal", &shown(&place, "--user ann --since 2026-11-22 --format json").stdout);
    assert_eq!(
        document["filter"],
        json!({ "since": "2026-11-22", "users": ["ann"], "wabas": [], "runs": [] })
    );
    shown(&place, "--user ann")
        .says("Journal: 2 runs, 2 writes.\nNot shown: 1 run, 1 write, 1 of them in flight.\n");
    shown(&place, "--user ann --run first").says("\nNot shown: 2 runs, 2 writes, 1 of them in flight.\n");
    shown(&place, "--waba acme-eu --waba acme-us --waba globex").says("\nNot shown: 1 run.\n");
    shown(&place, "--run first --user ann --waba nothing").says("Not shown: 3 runs");
    shown(&place, "--until 2020-01-01")
        .says("--- stdout\nJournal: 0 runs, 0 writes.\nNot shown: 3 runs, 3 writes, 1 of them in flight.\n--- stderr\n");
}

#[test]
fn what_no_write_can_match_is_said() {
    let place = three_days();
    let journal = |options: &str| place.run(&format!("journal --state-dir state {options}"));
    journal("--run thrid")
        .ends(1)
        .says("error: no journal has a run `thrid`")
        .says("hint: did you mean `third`?");
    journal("--run x").ends(1).says("shows the ids of all runs");
    journal("--since 2026-11-23 --until 2026-11-22")
        .ends(64)
        .says("--since 2026-11-23 is not before --until 2026-11-22");
    journal("--since 2026-11-23T10:00:00Z --until 2026-11-23T10:00:00Z").ends(64);
    journal("--since 23.11.2026").ends(64).says("neither a day (2027-03-31) nor an instant");
    journal("--user anne").ends(0).says("no write in the journal is for --user `anne`; did you mean `ann`?");
    journal("--waba acme-ue --format csv").ends(0).says("for --waba `acme-ue`; did you mean `acme-");
    journal("--user ann --until 2020-01-01").ends(0).never_says("warning");
}

#[test]
fn a_table_has_a_row_for_each_write_without_formulas() {
    insta::assert_snapshot!(shown(&three_days(), "--format csv --waba acme-eu --waba globex").to_string(), @r#"
    exit 0
    --- stdout
    "business","run","run_at","acting_user_id","acting_user","os_user","host","version","actor","approver","commit","pull_request","run_url","origin","waivers","plan_digest","manifest_digest","write","at","action","waba_id","waba","user_id","user","before","after","gained","lost","why","outcome","outcome_at","found","error","traces","settled","settled_at","settled_by"
    "'98","first","2026-11-21T10:00:00Z","'12","ci-admin","runner","build-7","0.1.0","'@dora","","'0a1b2c3","","","ticket=OPS-1","max-removals","sha256:01","sha256:02","1","2026-11-21T10:00:00Z","change","'500","acme-eu","'11","ann","DEVELOP","DEVELOP MANAGE","MANAGE","","not granted to the user declared at users.yaml:7 (prune: declared)","applied","2026-11-21T10:00:00Z","","","T1; T2","","",""
    "'98","first","2026-11-21T10:00:00Z","'12","ci-admin","runner","build-7","0.1.0","'@dora","","'0a1b2c3","","","ticket=OPS-1","max-removals","sha256:01","sha256:02","2","2026-11-21T10:00:00Z","change","'501","globex","'1972385232742147","'=bob","DEVELOP","DEVELOP MANAGE","MANAGE","","not granted to the user declared at users.yaml:7 (prune: declared)","","","","","","in-flight","",""
    --- stderr
    Not shown: 2 runs, 1 write.
    "#);
    shown(&three_days(), "--format csv").says("1 run without writes has no row.\n").never_says("Not shown");
    let place = with_text(&format!("{}\nnonsense\n", run("first")));
    shown(&place, "--format csv").says("warning: 1 line of the journal could not be read");
}
