//! The emulator's responses against Meta's own OpenAPI document. The test is skipped without the document.

use reqwest::Client;
use serde_json::{Value, json};
use std::path::Path;
use wabacl::emulator::{Emulator, Options, World};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/graph-api/openapi.yaml");

pub(crate) const WORLD: &str = "
app: { id: 70 }
businesses:
  - id: 10
    name: Us
    system_users: [{ id: 100, name: admin, role: ADMIN }, { id: 101, name: bot }]
    people: [{ id: 110, name: Ana }]
  - { id: 20, name: Them }
solutions:
  - { id: 80, name: Joint, owner_app: 70, owner_permissions: [MESSAGING] }
wabas:
  - { id: 500, name: Ours, owned_by: 10, assigned: [{ user: 101, tasks: [MANAGE] }, { user: 110, tasks: [DEVELOP] }] }
  - { id: 501, name: More, owned_by: 10 }
  - { id: 502, name: Theirs, owned_by: 20, solution: 80, shared_with: [{ business: 10, permitted_tasks: [DEVELOP] }] }
tokens:
  - { token: of-admin, user: 100 }
";

const WABA: &str = "id,name,ownership_type,owner_business_info,on_behalf_of_business_info,is_shared_with_partners,\
                    account_review_status,status";

/// A call, and the path and status of its response in the document.
struct Case {
    call: (&'static str, String),
    path: &'static str,
    status: &'static str,
}

fn cases() -> Vec<Case> {
    let case = |method, call: String, path, status| Case { call: (method, call), path, status };
    let of_business = "/{Version}/{Business-ID}";
    let owned = "/{Version}/{Business-ID}/owned_whatsapp_business_accounts";
    let client = "/{Version}/{Business-ID}/client_whatsapp_business_accounts";
    let assigned = "/{Version}/{User-ID}/assigned_whatsapp_business_accounts";
    let users = "/{Version}/{WhatsApp-Business-Account-ID}/assigned_users";
    let rows = "500/assigned_users?business=10&fields=id,name,user_type,business,tasks";
    let nested = "assigned_users.business(10){id,name}";
    vec![
        case("GET", "10?fields=id,name".into(), of_business, "200"),
        case("GET", format!("10/owned_whatsapp_business_accounts?limit=1&fields={WABA}"), owned, "200"),
        case("GET", format!("10/owned_whatsapp_business_accounts?fields={WABA},{nested}"), owned, "200"),
        case("GET", "20/owned_whatsapp_business_accounts".into(), owned, "404"),
        case(
            "GET",
            format!("10/client_whatsapp_business_accounts?fields={WABA},permitted_tasks"),
            client,
            "200",
        ),
        case("GET", "101/assigned_whatsapp_business_accounts?fields=id,name,status".into(), assigned, "200"),
        case("GET", format!("{rows}&limit=1&summary=total_count"), users, "200"),
        case("GET", "500/assigned_users".into(), users, "400"),
        case("POST", "500/assigned_users?user=101&tasks=[\"DEVELOP\"]".into(), users, "200"),
        case("POST", "500/assigned_users?user=101&tasks=[\"FLY\"]".into(), users, "400"),
        case("DELETE", "500/assigned_users?user=101".into(), users, "200"),
        case("DELETE", "500/assigned_users?user=101".into(), users, "404"),
        case("GET", format!("500?fields={WABA}"), "/{Version}/{WABA-ID}", "200"),
        case("GET", "999".into(), "/{Version}/{WABA-ID}", "400"),
        case(
            "GET",
            "502/solutions?fields=id,name,status,status_for_pending_request,owner_app,owner_permissions"
                .into(),
            "/{Version}/{WABA-ID}/solutions",
            "200",
        ),
        case(
            "GET",
            "80?fields=id,name,status,status_for_pending_request,owner_app,owner_permissions".into(),
            "/{Version}/{Solution-ID}",
            "200",
        ),
    ]
}

/// Returns the document's schema of a response, with the components that it refers to.
fn schema(document: &Value, case: &Case) -> Value {
    let method = case.call.0.to_lowercase();
    let answers = &document["paths"][case.path][method.as_str()]["responses"];
    let schema = &answers[case.status]["content"]["application/json"]["schema"];
    assert!(schema.is_object(), "the document has no {} of {method} {}", case.status, case.path);
    json!({ "allOf": [schema], "components": document["components"] })
}

#[tokio::test]
async fn responses_match_metas_document() {
    if !Path::new(DOCUMENT).is_file() {
        eprintln!("SKIPPED: {DOCUMENT} is not there");
        return;
    }
    let text = std::fs::read_to_string(DOCUMENT).unwrap();
    let options = serde_saphyr::options! { budget: None };
    let document: Value = serde_saphyr::from_str_with_options(&text, options).unwrap();
    let world = World::from_yaml(WORLD).unwrap();
    let emulator = Emulator::start(world, Options::default()).await.unwrap();
    let client = Client::builder().no_proxy().build().unwrap();
    let mut wrong = Vec::new();
    for case in cases() {
        let (method, call) = &case.call;
        let request = client.request(method.parse().unwrap(), format!("{}/v23.0/{call}", emulator.url()));
        let response = request.bearer_auth("of-admin").send().await.unwrap();
        let is_good = response.status().is_success();
        assert_eq!(is_good, case.status == "200", "{method} {call}: {}", response.status());
        let answer: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        let validator = jsonschema::validator_for(&schema(&document, &case)).unwrap();
        let errors = validator.iter_errors(&answer);
        wrong.extend(errors.map(|error| format!("{method} {call}: {}: {error}", error.instance_path())));
    }
    assert_eq!(wrong, [""; 0]);
    emulator.shutdown().await;
}
