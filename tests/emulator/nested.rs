//! Lists of assignments nested in lists of WABAs.

use super::{Running, WORLD, crowded, error_text};
use serde_json::{Value, json};
use wabacl::emulator::{Fault, FaultKind, Options};

const OWNED: &str = "10/owned_whatsapp_business_accounts?fields=id,name";
const CLIENT: &str = "10/client_whatsapp_business_accounts?fields=id,permitted_tasks";
const ROWS: &str = "{id,name,user_type,business,tasks}";

#[tokio::test]
async fn a_page_of_wabas_contains_their_assignments() {
    let running = Running::start().await;
    let page = running.get(&format!("{OWNED},assigned_users.business(10).limit(100){ROWS}")).await;
    let nested = &page["data"][0]["assigned_users"];
    let direct = running.get(super::LIST).await;
    assert_eq!((&nested["data"], &nested["paging"]), (&direct["data"], &direct["paging"]));
    assert_eq!(page["data"][0]["name"], "Ours");
    let page = running.get(&format!("{CLIENT},assigned_users.business(10){{id}}")).await;
    let rows = json!([{ "id": "501", "permitted_tasks": ["DEVELOP"] }, { "id": "502" }]);
    assert_eq!(page["data"], rows, "a WABA without assignments has no key");
    let page = running.get(&format!("{OWNED},assigned_users.business(30){{id}}")).await;
    assert_eq!(page["data"], json!([{ "id": "500", "name": "Ours" }]), "a business that does not match");
    let node = running.get("500?fields=assigned_users.limit(1).business(10){tasks}").await;
    assert_eq!(node["assigned_users"]["data"], json!([{ "id": "100", "tasks": ["DEVELOP", "VIEW_COST"] }]));
    let unasked = running.get("500?fields=assigned_users.business(10)").await;
    let row = json!({ "id": "100", "name": "admin", "user_type": "SYSTEM_USER", "tasks": ["DEVELOP", "VIEW_COST"] });
    assert_eq!(unasked["assigned_users"]["data"][0], row);
}

#[tokio::test]
async fn cursors_of_nested_lists_are_valid_on_the_edge() {
    let running = Running::with(&crowded(130), Options::default()).await;
    let page = running.get(&format!("{CLIENT},assigned_users.business(10).limit(100){{id}}")).await;
    let nested = &page["data"][0]["assigned_users"];
    assert_eq!(nested["data"].as_array().unwrap().len(), 100);
    let after = nested["paging"]["cursors"]["after"].as_str().unwrap();
    let next = nested["paging"]["next"].as_str().unwrap();
    assert!(next.contains("/v25.0/501/assigned_users?access_token=of-admin&business=10&fields=id"), "{next}");
    let rest =
        running.get(&format!("501/assigned_users?business=10&fields=id&limit=100&after={after}")).await;
    let rows = rest["data"].as_array().unwrap();
    assert_eq!((rows.len(), &rows[29]["id"]), (30, &json!("1129")));
    let inside = format!("501?fields=assigned_users.business(10).limit(100).after({after}){{id}}");
    let node = running.get(&inside).await;
    assert_eq!(node["assigned_users"]["data"], rest["data"]);
    assert_eq!(node["assigned_users"]["paging"].get("next"), None);
}

#[tokio::test]
async fn one_invalid_part_fails_the_whole_request() {
    let running = Running::start().await;
    for (fields, expected) in [
        ("assigned_users{id}", "400 100 null: (#100) The parameter business is required"),
        ("assigned_users.business(10).limit(101){id}", "400 100 null: (#100) Param limit"),
        (
            "assigned_users.business(10){shoe}",
            "400 100 null: (#100) Tried accessing nonexisting field (shoe)",
        ),
        ("assigned_users.business(10", "400 100 null: (#100) Syntax error"),
        ("assigned_users.business(10)x{id}", "400 100 null: (#100) Syntax error"),
    ] {
        let answer = running.get(&format!("{OWNED},{fields}")).await;
        assert!(error_text(&answer).starts_with(expected), "{} should be {expected}", error_text(&answer));
    }
    let running = Running::with(WORLD, Options { nesting: false, ..Options::default() }).await;
    let answer = running.get(&format!("{OWNED},assigned_users.business(10){{id}}")).await;
    let expected = "400 100 null: (#100) Tried accessing nonexisting field (assigned_users) on node type \
                    (WhatsAppBusinessAccount)";
    assert_eq!(error_text(&answer), expected);
    assert_eq!(running.get(OWNED).await["status"], 200);
}

#[tokio::test]
async fn a_response_with_too_many_rows_is_refused() {
    let all = format!("{CLIENT},assigned_users.business(10).limit(100){{id}}");
    for (max_rows, status) in [(22, 200), (21, 500)] {
        let running = Running::with(&crowded(20), Options { max_rows, ..Options::default() }).await;
        let answer = running.get(&all).await;
        assert_eq!(answer["status"], status, "2 WABAs, 20 rows on one: {answer}");
        if status == 500 {
            assert!(
                error_text(&answer).starts_with("500 1 null: Please reduce the amount of data"),
                "{answer}"
            );
        }
    }
}

#[tokio::test]
async fn faults_that_distort_nested_lists() {
    let nested = format!("{OWNED},assigned_users.business(10){ROWS}");
    let seen = async |what| {
        let running = Running::faulty(Fault::new(what)).await;
        running.get(&nested).await
    };
    let answer = seen(FaultKind::RefusedNesting).await;
    assert!(error_text(&answer).contains("nonexisting field (assigned_users)"), "{answer}");
    assert!(error_text(&seen(FaultKind::TooMuchData).await).starts_with("500 1 null"));
    assert_eq!(seen(FaultKind::NothingNested).await["data"][0].get("assigned_users"), None);
    let answer = seen(FaultKind::RowsWithoutTasks).await;
    let rows: &Value = &answer["data"][0]["assigned_users"]["data"];
    assert!(rows.as_array().unwrap().iter().all(|row| row["name"].is_string() && row.get("tasks").is_none()));
}

#[tokio::test]
async fn a_short_or_empty_page_can_have_a_next_page() {
    let short = Fault::new(FaultKind::ShortPage(1)).at("500/assigned_users").hits(0..1);
    let empty = Fault::new(FaultKind::ShortPage(0)).at("500/assigned_users").hits(1..3);
    let options = Options { faults: vec![short, empty], ..Options::default() };
    let running = Running::with(WORLD, options).await;
    let (mut sizes, mut cursors, mut after) = (Vec::new(), Vec::new(), String::new());
    loop {
        let page = running.get(&format!("{}&after={after}", super::LIST)).await;
        sizes.push(page["data"].as_array().unwrap().len());
        after = page["paging"]["cursors"]["after"].as_str().unwrap().to_owned();
        assert!(!cursors.contains(&after), "each cursor is new");
        cursors.push(after.clone());
        if page["paging"].get("next").is_none() {
            break;
        }
    }
    assert_eq!(sizes, [1, 0, 0, 2]);
}
