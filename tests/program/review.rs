//! `wabacl review`: a table goes out to reviewers, and comes back with their decisions.

use super::{Place, Ran};
use serde_json::Value;

fn review(place: &Place, options: &str) -> Ran {
    place.run(&format!("review access --today 2026-11-23 --emulate live.yaml {options}"))
}

/// Writes a table of the quickstart in which everything stays.
fn kept(place: &Place) -> String {
    review(place, "--start table.csv").ends(0).says("29 rows to review in table.csv");
    let table = place.read("table.csv").replace("\"\",\"\",\"\",\"row-", "\"keep\",\"Ann\",\"\",\"row-");
    place.write("table.csv", &table);
    table
}

/// Returns a table in which the rows with a text get another decision and a note.
fn decided(table: &str, row: &str, decision: &str) -> String {
    let rows = table.lines().map(|line| {
        if line.contains(row) { line.replace("\"keep\",\"Ann\",\"\"", decision) } else { line.to_owned() }
    });
    rows.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_review_goes_out_and_comes_back_with_what_to_end() {
    let place = Place::new();
    let table = kept(&place);
    let table = decided(&table, "\"acme-us\",\"'1972385232742147\"", "\"END\",\"Bob\",\"left the team\"");
    let table = decided(&table, "\"legacy-import\"", "\"end\",\"Bob\",\"who is it?\"");
    place.write("table.csv", &table);
    let taken = review(&place, "--take table.csv").ends(0);
    insta::assert_snapshot!(taken.stdout, @r#"
    To end:
      - deploy-bot (1972385232742147) on acme-us = Acme Americas (102290129340402): VIEW_TEMPLATES
          decided by Bob (left the team)
          given by grants[2] "template releases" at access/access.yaml:33 - about 1 user and 3 WABAs; without it, 3 assignments lose tasks
      - legacy-import (1972385232742199) on globex = Globex (104996122399160): VIEW_COST
          decided by Bob (who is it?)
          no manifest manages it: declare the user without a grant, or remove it in Business Settings
      - legacy-import (1972385232742199) on marketing = Northwind Marketing (106540352242930): MESSAGING
          decided by Bob (who is it?)
          no manifest manages it: declare the user without a grant, or remove it in Business Settings

    Review: 29 rows, 26 to keep, 3 to end; by Ann (26), Bob (3).
    "#);
    taken.says("The review is written to reviews/2026-Q4.yaml.");
    let text = place.read("reviews/2026-Q4.yaml");
    let document: Value = serde_saphyr::from_str(&text).unwrap();
    super::json::fits("review", &document.to_string());
    assert_eq!(
        (&document["summary"]["rows"], &document["decisions"][0]["reviewer"]),
        (&29.into(), &"Bob".into())
    );
    assert_eq!(document["decisions"][0]["lines"][0]["file"], "access/access.yaml");
    let last = review(&place, "--last").ends(0).says("Last review: reviews/2026-Q4.yaml of");
    last.says("29 rows, 26 to keep, 3 to end; by Ann (26), Bob (3).")
        .says("Of those to end, 3 still hold something.")
        .says("Live access is as it was reviewed.");
    // A report shows it, too.
    let report = place.run("report access --today 2026-11-23 --emulate live.yaml --format json").ends(0);
    let document = super::json::fits("access-report", &report.stdout);
    assert_eq!(
        (&document["last_review"]["still_held"], &document["last_review"]["current"]),
        (&3.into(), &true.into())
    );
    assert_eq!(document["last_review"]["reviewers"][1]["name"], "Bob");
    report
        .says("Last review: reviews/2026-Q4.yaml of")
        .says("26 to keep, 3 to end; 3 still hold something; access is as reviewed.");
    place
        .run("report access --today 2026-11-23 --emulate live.yaml --format html")
        .ends(0)
        .says("reviews/2026-Q4.yaml");
    // A review is not overwritten.
    review(&place, "--take table.csv").ends(1).says("reviews/2026-Q4.yaml exists already");
    review(&place, "--take table.csv --out second.yaml").ends(0);
    place.edit("live.yaml", "      - { user: 1972385232742199, tasks: [VIEW_COST] }                                     # legacy-import\n", "");
    let later = review(&place, "--last --emulate-fresh").ends(0);
    later.says("Of those to end, 2 still hold something.").says("Live access is not as it was reviewed.");
    place.write("reviews/other.yaml", "a: [\n");
    review(&place, "--last").ends(4).says("warning: this is no review: reviews/other.yaml:");
    review(&place, "--last --reviews elsewhere").ends(0).says("There is no review of the business");
    assert_ne!(place.read("live.yaml"), Place::new().read("live.yaml"), "that was not wabacl");
}

#[test]
fn what_moved_since_the_table_was_written_is_named_and_ends_in_4() {
    let place = Place::new();
    kept(&place);
    place.edit(
        "live.yaml",
        "user: 1972385232742151, tasks: [MESSAGING]",
        "user: 1972385232742151, tasks: [MANAGE]",
    );
    place.edit("live.yaml", "      - { user: 1972385232742158, tasks: [VIEW_COST, VIEW_INSIGHTS] }                      # Reporting (prod)\n      - { user: 1972385232742163", "      - { user: 1972385232742163");
    let taken = review(&place, "--take table.csv").ends(4);
    taken
        .says("campaign-sender (1972385232742151) on acme-eu")
        .says("MESSAGING was reviewed; now it holds MANAGE")
        .says("it holds nothing any more");
}

#[test]
fn a_table_that_is_wrong_is_refused_with_lines_and_writes_nothing() {
    let place = Place::new();
    let table = kept(&place);
    place.write("table.csv", &decided(&table, "\"acme-us\",\"'1972385232742147\"", "\"maybe\",\"Bob\",\"\""));
    let refused = review(&place, "--take table.csv").ends(1);
    refused
        .says("error[review-decision]: `maybe` is no decision")
        .says("--> table.csv:")
        .says("the table has 1 error");
    place.write("table.csv", &table.replace("\"'102290129340402\"", "\"1.0229E+14\""));
    review(&place, "--take table.csv").ends(1).says("a spreadsheet made a number of it");
    let lines: Vec<&str> = table.lines().collect();
    place.write("table.csv", &lines[..20].join("\n"));
    review(&place, "--take table.csv").ends(1).says("10 of the 29 rows of the report are missing");
    std::fs::write(place.folder.path().join("table.csv"), b"decision\n\xfc\n").unwrap();
    review(&place, "--take table.csv").ends(1).says("table.csv is not UTF-8").says("CSV UTF-8");
    assert!(!place.folder.path().join("reviews").exists());
    review(&place, "").ends(64);
    review(&place, "--start a.csv --take b.csv").ends(64);
}

#[test]
fn names_in_a_table_are_harmless_and_so_is_a_note_in_the_review() {
    let place = Place::new();
    place.edit("live.yaml", "Acme Americas", "=HYPERLINK(1)");
    let table = kept(&place);
    assert!(!table.contains("\"="), "no cell is a formula");
    place.write(
        "table.csv",
        &decided(
            &table,
            "\"acme-us\",\"'1972385232742147\"",
            "\"end\",\"::error::x\",\"\u{1b}[31m\u{202e}\"",
        ),
    );
    let taken = review(&place, "--take table.csv").ends(0);
    taken.never_says("\u{1b}").never_says("\n::error").never_says("\u{202e}");
    let text = place.read("reviews/2026-Q4.yaml");
    assert!(!text.contains('\u{1b}') && !text.contains("\n::"), "{text}");
}

/// The cells of the review in the row of a user on a WABA: of CSV, and the same of JSON.
fn reviewed(place: &Place, waba: &str, user: &str) -> [String; 3] {
    let asked = "report access --today 2026-11-23 --emulate live.yaml";
    let table = place.run(asked).stdout;
    let row = table
        .lines()
        .find(|row| row.contains(&format!("\"'{waba}\"")) && row.contains(&format!("\"'{user}\"")));
    let cells: Vec<&str> = row.unwrap().split("\",\"").collect();
    let [state, by, at, note] = cells[cells.len() - 4..] else { panic!("a row has more cells") };
    let csv = [state, by, note.trim_end_matches('"')].map(str::to_owned);
    let json = super::json::fits("access-report", &place.run(&format!("{asked} --format json")).stdout);
    let rows = json["holders"].as_array().unwrap();
    let row = rows.iter().find(|row| row["waba"]["id"] == waba && row["user"]["id"] == user).unwrap();
    let text = |name: &str| row["review"][name].as_str().unwrap_or_default().to_owned();
    assert_eq!(csv, ["state", "reviewer", "note"].map(text));
    assert_eq!(at, text("taken_at"));
    csv
}

#[test]
fn a_report_says_of_each_row_what_its_last_review_decided() {
    let [acme, globex] = ["102290129340398", "104996122399160"];
    let [deploy, sender, legacy] = ["1972385232742147", "1972385232742151", "1972385232742199"];
    let place = Place::new();
    assert_eq!(reviewed(&place, acme, deploy), ["", "", ""], "never reviewed");
    let table = kept(&place);
    place.write("table.csv", &decided(&table, "\"legacy-import\"", "\"end\",\"Bob\",\"who is it?\""));
    review(&place, "--take table.csv").ends(0);
    let document: Value = serde_saphyr::from_str(&place.read("reviews/2026-Q4.yaml")).unwrap();
    super::json::fits("review", &document.to_string());
    assert_eq!(document["kept"][0]["reviewer"], "Ann");
    assert_eq!(reviewed(&place, acme, deploy), ["keep", "Ann", ""]);
    assert_eq!(reviewed(&place, globex, legacy), ["end", "Bob", "who is it?"]);
    let report =
        |options: &str| place.run(&format!("report access --today 2026-11-23 --emulate live.yaml {options}"));
    report("").ends(0).says("29 rows: 29 reviewed as they are, 0 changed since, 0 never reviewed.");
    // What the row holds is not what was decided about any more, and nobody has decided about a new row.
    place.edit(
        "live.yaml",
        "user: 1972385232742151, tasks: [MESSAGING]",
        "user: 1972385232742151, tasks: [MANAGE]",
    );
    place.edit("live.yaml", "      - { user: 1972385232744010, tasks: [DEVELOP] } ", "      - { user: 1972385232744010, tasks: [DEVELOP] }\n      - { user: 1972385232743001, tasks: [DEVELOP] } ");
    assert_eq!(reviewed(&place, acme, sender), ["changed-since", "Ann", ""]);
    assert_eq!(reviewed(&place, acme, "1972385232743001"), ["", "", ""]);
    let summary = super::json::fits("access-report", &report("--format json").stdout)["summary"].clone();
    let number = |name: &str| summary[name].as_u64().unwrap();
    assert_eq!(number("never_reviewed"), 1);
    assert_eq!(number("reviewed") + number("changed_since_review"), 29);
    report("").says(&format!(
        "30 rows: {} reviewed as they are, {} changed since, 1 never reviewed.",
        number("reviewed"),
        number("changed_since_review")
    ));
    let page = report("--format html").stdout;
    assert!(
        page.contains("+ never reviewed</th><td>1</td>") && page.contains("to end, by Bob at 20"),
        "{page}"
    );
    // A later review of a part counts for that part.
    review(&place, "--start part.csv --waba acme-eu").ends(0);
    let part = place.read("part.csv").replace("\"\",\"\",\"\",\"row-", "\"keep\",\"Eve\",\"checked\",\"row-");
    place.write("part.csv", &part);
    review(&place, "--take part.csv --waba acme-eu --out reviews/2026-Q4b.yaml").ends(0);
    assert_eq!(reviewed(&place, acme, sender), ["keep", "Eve", "checked"]);
    assert_eq!(reviewed(&place, globex, legacy), ["end", "Bob", "who is it?"]);
    // A review that cannot be read could have been about any row.
    place.write("reviews/other.yaml", "a: [\n");
    report("").ends(4).says("could not be read: a review: reviews/other.yaml: ");
    report("--table unreadable").ends(4).says("\"review\",\"\",\"\",\"reviews/other.yaml: ");
    let document = super::json::fits("access-report", &report("--format json").ends(4).stdout);
    assert!(document["unread_reviews"][0].as_str().unwrap().starts_with("reviews/other.yaml: "));
}
