//! `report`: every holder with its grants and its last write, the changes of a period, what differs from a snapshot, and a cover
//! whose numbers add up.

use super::Place;
use super::json::fits;
use serde_json::Value;
use std::io::{Cursor, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

const ASKED: &str = "access --today 2026-11-23 --emulate live.yaml";

/// Names that try to be formulas, markup or commands.
const HOSTILE: [&str; 6] =
    ["=1+1", "+1", "-1", "@SUM(A1)", "</script><script>window.hacked=1</script>", "\u{202e}gnp.exe"];

fn number(document: &Value, key: &str) -> u64 {
    document[key].as_u64().unwrap()
}

fn sum(document: &Value, keys: &[&str]) -> u64 {
    keys.iter().map(|key| number(document, key)).sum()
}

/// Returns the lines of a table, without its head.
fn rows(table: &str) -> Vec<&str> {
    table.lines().skip(1).collect()
}

#[test]
fn the_numbers_add_up_and_each_holder_has_its_grants_and_its_write() {
    let place = Place::new();
    place.emulated("apply --auto-approve --origin commit=0a1b2c3d --origin approver=bob").ends(0);
    let json = place.run(&format!("report {ASKED} --format json")).ends(0);
    let document = fits("access-report", &json.stdout);
    let (holders, summary) = (document["holders"].as_array().unwrap(), &document["summary"]);
    let all = holders.len() as u64;
    assert_eq!(number(summary, "holders"), all);
    assert_eq!(sum(summary, &["declared", "other_system_users", "people", "others"]), all);
    assert_eq!(sum(summary, &["managed", "unmanaged"]), all);
    assert_eq!(sum(summary, &["assignments", "by_role"]), all);
    assert_eq!(sum(summary, &["reviewed", "changed_since_review", "never_reviewed"]), all);
    assert_eq!(number(summary, "never_reviewed"), all);
    let wabas = sum(summary, &["wabas_read", "wabas_unreadable", "wabas_left_out"]);
    assert_eq!((wabas, number(summary, "wabas")), (6, 6));
    let of = |waba: &str, user: &str| {
        let fits = |row: &&Value| row["waba"]["name"] == waba && row["user"]["name"] == user;
        holders.iter().find(fits).unwrap()
    };
    let sender = of("acme-us", "campaign-sender");
    assert_eq!((&sender["holds"], &sender["granted"]), (&serde_json::json!(["MESSAGING"]), &true.into()));
    assert_eq!(
        (&sender["granted_by"][0]["line"], &sender["granted_by"][0]["reason"]),
        (&38.into(), &"OPS-1234".into())
    );
    let origin = serde_json::json!({ "commit": "0a1b2c3d", "approver": "bob" });
    assert_eq!((&sender["last_write"]["origin"], &sender["as_written"]), (&origin, &true.into()));
    assert_eq!((&sender["proof"], &sender["managed"]), (&"read-back".into(), &true.into()));
    let admin = of("acme-us", "CI Admin");
    assert_eq!(
        (&admin["by_role"], &admin["privileged"], &admin["granted"]),
        (&true.into(), &true.into(), &false.into())
    );
    let person = of("support", "Tom Becker");
    assert_eq!((&person["standing"], &person["own"]), (&"person".into(), &true.into()));
    assert_eq!((&person["kind"], &person["managed"]), (&"person".into(), &false.into()));
    assert_eq!((&document["source"], document.get("period")), (&"emulator".into(), None));
}

#[test]
fn a_table_has_a_row_for_each_holder_and_says_what_is_missing() {
    let place = Place::new();
    place.edit(
        "access/access.yaml",
        "  marketing: { id: 106540352242930,",
        "  marketing: { id: 106540352242999,",
    );
    let asked = format!("report {ASKED} --waba support --waba marketing");
    let table = place.run(&asked).ends(4);
    let mut lines = table.stdout.lines();
    assert!(lines.next().unwrap().starts_with("\"business\",\"waba_id\",\"waba\","), "{table}");
    let sender = "\"'9876543210987654\",\"'106540352242922\",\"support\",\"Northwind Support\",\"'1972385232742151\",\
                  \"campaign-sender\",\"\",\"system-user\",\"declared\",\"true\",\"true\",\"MESSAGING\",\"false\",\"false\",\
                  \"true\",\"grants[3] access/access.yaml:38\",\"false\",\"OPS-1234\",\"2099-12-31\",\"\",\"\",\"\",\"\",\"\",\
                  \"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\"";
    assert_eq!(lines.clone().count(), 5);
    assert!(lines.any(|line| line == sender), "{table}");
    table
        .says("could not be read: WABA marketing (106540352242999): ")
        .says("1 of 6 WABAs read, 4 left out. 5 rows: 3 of declared system users, 1 of other ones, 1 of people, 0 of others; 3 managed, 3 privileged, 3 granted.");
    let missing = place.run(&format!("{asked} --table unreadable")).ends(4);
    assert!(
        rows(&missing.stdout)[0].starts_with("\"waba\",\"'106540352242999\",\"marketing\","),
        "{missing}"
    );
}

#[test]
fn changes_of_a_period_have_their_proof() {
    let place = Place::new();
    place.emulated("apply --auto-approve --origin pull_request=https://example.com/pull/12").ends(0);
    let changes = |options: &str| place.run(&format!("report {ASKED} --table changes {options}"));
    let all = changes("--since 2020-01-01").ends(0);
    assert_eq!(rows(&all.stdout).len(), 7);
    assert!(rows(&all.stdout).iter().all(|row| row.contains("\"read-back\"") && row.contains("pull/12")));
    let all =
        all.says("7 changes in 1 run: 7 shown by a read, 0 accepted and not listed, 0 of unknown outcome.");
    assert_eq!(all.stdout, changes("--until 2999-12-31").ends(0).stdout);
    assert_eq!(rows(&changes("--until 2020-01-01").ends(0).stdout), [""; 0]);
    assert_eq!(rows(&changes("--since 2020-01-01 --waba globex").ends(0).stdout).len(), 1);
    changes("--since 2020-01-02 --until 2020-01-01").ends(64).says("is not before");
    changes("").ends(64).says("--table changes needs --since or --until");
    let json = place.run(&format!("report {ASKED} --format json --since 2020-01-01")).ends(0);
    let period = &fits("access-report", &json.stdout)["period"];
    let summary = &period["summary"];
    let parts = ["proven", "accepted_not_listed", "otherwise", "without_effect", "unknown"];
    assert_eq!((sum(summary, &parts), number(summary, "changes")), (7, 7));
    assert_eq!(period["changes"][0]["proven_by"], period["changes"][0]["run"]);
}

#[test]
fn a_journal_that_cannot_be_read_is_a_gap() {
    let place = Place::new();
    place.emulated("apply --auto-approve").ends(0);
    let journal = "live.state/9876543210987654/journal.jsonl";
    let text = place.read(journal);
    let all = rows(&place.run(&format!("report {ASKED}")).ends(0).stdout).len();
    place.write(journal, &format!("{text}broken\n"));
    place
        .run(&format!("report {ASKED}"))
        .ends(4)
        .says("could not be read: 1 line of the journal: writes or outcomes are missing; `wabacl journal` shows the lines");
    place.remove(journal);
    std::fs::create_dir(place.folder.path().join(journal)).unwrap();
    // The report is written all the same, and says what it lacks; so does an answer that uses the journal.
    assert_eq!(rows(&place.run(&format!("report {ASKED}")).ends(4).stdout).len(), all);
    let unread =
        "journal.jsonl cannot be read: it is not a regular file; last writes, proofs and changes are missing";
    place
        .run(&format!("report {ASKED} --table unreadable"))
        .ends(4)
        .says("could not be read: the journal: ")
        .says(unread);
    let document = fits("access-report", &place.run(&format!("report {ASKED} --format json")).ends(4).stdout);
    assert!(document["journal"]["error"].as_str().unwrap().contains("journal.jsonl cannot be read"));
    assert!(place.run(&format!("report {ASKED} --format html")).ends(4).stdout.contains(unread));
    place.run("who-can MANAGE --emulate live.yaml").ends(0);
    place.run("explain deploy-bot globex --emulate live.yaml").says("journal.jsonl cannot be read");
    // What writes, or judges by the journal, does without it no more than before.
    place.emulated("plan").ends(1).says("journal.jsonl cannot be read");
}

#[test]
fn what_no_run_explains_since_a_snapshot_is_outside() {
    let place = Place::new();
    place.run("snapshot --business 9876543210987654 --emulate live.yaml --out before.yaml").ends(0);
    place.emulated("apply --auto-approve").ends(0);
    let compare = |options: &str| place.run(&format!("report {ASKED} --baseline before.yaml {options}"));
    let differences = compare("--table differences").ends(0);
    assert_eq!(rows(&differences.stdout).len(), 7);
    differences.says("7 differences from the snapshot; 0 changed outside of all runs.");
    let from = "user: 1972385232742151, tasks: [MESSAGING]";
    place.edit("live.state.yaml", from, "user: 1972385232742151, tasks: [MANAGE, MESSAGING]");
    let json = compare("--format json").ends(0);
    let baseline = &fits("access-report", &json.stdout)["baseline"];
    assert_eq!((number(baseline, "outside"), number(baseline, "compared")), (4, 6));
    let gained = &baseline["differences"][0]["outside"][0]["gained"];
    assert_eq!(*gained, serde_json::json!(["MANAGE"]));
    place.run(&format!("report {ASKED} --baseline live.yaml")).ends(1).says("does not say when it was taken");
    place.run(&format!("report {ASKED} --table differences")).ends(64).says("needs --baseline");
    let later = place.read("before.yaml").replace("taken: 20", "taken: 29");
    place.write("before.yaml", &later);
    compare("").ends(1).says("is newer than live access");
}

/// Writes a workbook of a world with hostile names, and returns its folder.
fn hostile_workbook() -> Place {
    let users: Vec<String> = (11..)
        .zip(HOSTILE)
        .map(|(id, name)| format!("      - {{ id: {id}, name: {} }}", Value::from(name)))
        .collect();
    let assigned: Vec<String> =
        (11..17).map(|id| format!("      - {{ user: {id}, tasks: [MESSAGING] }}")).collect();
    let world = format!(
        "app: {{ id: 1 }}\nbusinesses:\n  - id: 9876543210987654\n    name: Biz\n    system_users:\n      \
         - {{ id: 10, name: ci, role: ADMIN, listed: false }}\n{}\nwabas:\n  - id: 106540352242922\n    name: \"=HYPERLINK(1)\"\n    \
         owned_by: 9876543210987654\n    assigned:\n{}\ntokens: [{{ token: t, user: 10 }}]\n",
        users.join("\n"),
        assigned.join("\n")
    );
    let manifest = "version: 1\nbusiness: 9876543210987654\nwabas: { one: { id: 106540352242922 } }\n\
                    ignored_users: [11, 12, 13, 14, 15, 16]\n";
    let place = Place::of(&world, manifest);
    place.run("report access --emulate live.yaml --format xlsx --out report.xlsx --since 2020-01-01").ends(0);
    place
}

#[test]
fn a_workbook_has_ids_as_texts_and_no_formula() {
    let place = hostile_workbook();
    let bytes = std::fs::read(place.folder.path().join("report.xlsx")).unwrap();
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut part = |name: &str| {
        let mut text = String::new();
        archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
        text
    };
    let book = part("xl/workbook.xml");
    for name in ["Cover", "Access", "Changes", "Unreadable"] {
        assert!(book.contains(&format!("<sheet name=\"{name}\"")), "{book}");
    }
    let access = part("xl/worksheets/sheet2.xml");
    assert!(!access.contains("<f>"), "{access}");
    assert!(
        access.contains("<pane ySplit=\"1\"") && access.contains("<autoFilter ref=\"A1:AG8\"/>"),
        "{access}"
    );
    for text in ["106540352242922", "=1+1", "+1", "-1", "@SUM(A1)", "=HYPERLINK(1)", "\\u{202e}gnp.exe"] {
        let cell = format!("t=\"inlineStr\"><is><t>{text}</t></is></c>");
        assert!(access.contains(&cell), "{text} in {access}");
    }
    let mode = place.folder.path().join("report.xlsx").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let refused = place.run("report access --emulate live.yaml --format xlsx").ends(64);
    refused.says("--format xlsx needs --out FILE");
}

/// `LibreOffice` is large, so the test is skipped where it is missing.
#[test]
fn libreoffice_shows_each_text_of_a_workbook_as_it_is() {
    let place = hostile_workbook();
    let folder = place.folder.path();
    // Token 12 of the filter is the sheet: Access.
    let converted = Command::new("soffice")
        .arg(format!("-env:UserInstallation=file://{}", folder.join("office").display()))
        .args([
            "--headless",
            "--convert-to",
            "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,2",
        ])
        .args(["--outdir", "."])
        .arg("report.xlsx")
        .current_dir(folder)
        .output();
    if converted.is_err() {
        eprintln!("SKIPPED: there is no soffice");
        return;
    }
    let text = std::fs::read_to_string(folder.join("report-Access.csv")).unwrap();
    assert_eq!(text.lines().count(), 8, "{text}");
    for cell in ["106540352242922", "=HYPERLINK(1)", "=1+1", "+1", "-1", "@SUM(A1)", "\\u{202e}gnp.exe"] {
        assert!(text.contains(&format!(",{cell},")), "{cell} in {text}");
    }
}

#[test]
fn the_page_holds_names_only_as_data() {
    let place = hostile_workbook();
    place.run("report access --emulate live.yaml --format html --out report.html").ends(0);
    let page = place.read("report.html");
    assert_eq!(page.matches("<script").count(), 2, "the data, and the script");
    assert_eq!(page.matches("</script>").count(), 2);
    assert!(page.contains("\\u003c/script>\\u003cscript>window.hacked=1") && !page.contains('\u{202e}'));
    let between = |start: &str, end: &str| page.split_once(start).unwrap().1.split_once(end).unwrap().0;
    let hash = |text: &str| {
        let digest = <sha2::Sha256 as sha2::Digest>::digest(text);
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, digest)
    };
    let policy = between("Content-Security-Policy content=\"", "\"");
    for (element, directive) in [("style", "style-src"), ("script", "script-src")] {
        let content = between(&format!("<{element}>"), &format!("</{element}>"));
        let allowed = format!("{directive} 'sha256-{}'", hash(content));
        assert!(policy.contains(&allowed), "{policy} lacks {allowed}");
    }
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(Path::new(&place.folder.path().join("report.html")).metadata().unwrap().len() < 60_000);
}
