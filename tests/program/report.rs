//! `report`: every holder with its grants and its last write, and a cover whose numbers add up.

use super::Place;
use super::json::fits;
use serde_json::Value;

const ASKED: &str = "access --today 2026-11-23 --emulate live.yaml";

fn number(document: &Value, key: &str) -> u64 {
    document["summary"][key].as_u64().unwrap()
}

#[test]
fn the_numbers_add_up_and_each_holder_has_its_grants_and_its_write() {
    let place = Place::new();
    place.emulated("apply --auto-approve --origin commit=0a1b2c3d --origin approver=bob").ends(0);
    let json = place.run(&format!("report {ASKED} --format json")).ends(0);
    let document = fits("access-report", &json.stdout);
    let holders = document["holders"].as_array().unwrap();
    let sum = |keys: &[&str]| keys.iter().map(|key| number(&document, key)).sum::<u64>();
    assert_eq!(sum(&["declared", "other_system_users", "people", "others"]), holders.len() as u64);
    assert_eq!(number(&document, "holders"), holders.len() as u64);
    assert_eq!(sum(&["wabas_read", "wabas_unreadable"]), number(&document, "wabas"));
    assert_eq!(document["wabas"].as_array().unwrap().len() as u64, number(&document, "wabas"));
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
    let admin = of("acme-us", "CI Admin");
    assert_eq!(
        (&admin["by_role"], &admin["privileged"], &admin["granted"]),
        (&true.into(), &true.into(), &false.into())
    );
    let person = of("support", "Tom Becker");
    assert_eq!((&person["standing"], &person["own"]), (&"person".into(), &true.into()));
}

#[test]
fn a_table_has_a_row_for_each_holder_and_says_what_is_missing() {
    let place = Place::new();
    place.edit(
        "access/access.yaml",
        "  marketing: { id: 106540352242930,",
        "  marketing: { id: 106540352242999,",
    );
    let table = place.run(&format!("report {ASKED} --waba support --waba marketing")).ends(4);
    let mut lines = table.stdout.lines();
    assert!(lines.next().unwrap().starts_with("\"business\",\"waba_id\",\"waba\","), "{table}");
    let sender = "\"'9876543210987654\",\"'106540352242922\",\"support\",\"Northwind Support\",\"'1972385232742151\",\
                  \"campaign-sender\",\"\",\"declared\",\"true\",\"MESSAGING\",\"false\",\"false\",\"true\",\
                  \"grants[3] access/access.yaml:38\",\"false\",\"OPS-1234\",\"2099-12-31\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\"";
    assert_eq!(lines.clone().count(), 5);
    assert!(lines.any(|line| line == sender), "{table}");
    table
        .says("could not be read: WABA 106540352242999: ")
        .says("1 of 2 WABAs read. 5 rows: 3 of declared system users, 1 of other ones, 1 of people, 0 of others; 3 privileged, 3 granted.");
}
