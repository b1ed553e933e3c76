//! The emulator over real HTTP, as any client uses it.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic as the test may")]

mod batch;
mod limits;
mod nested;
mod schema;
mod script;

use reqwest::{Client, Method, RequestBuilder, Response};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;
use wabacl::clock::Clock;
use wabacl::emulator::{Emulator, EmulatorError, Fault, FaultKind, LoggedCall, Options, TokenError, World};
use wabacl::model::{AssignmentKey, Task, TaskSet};

const LIST: &str = "500/assigned_users?business=10&fields=id,name,user_type,business,tasks";

/// Business 10 owns WABA 500. WABAs 501 (limited tasks) and 502 (through a solution) are shared with it; 503 is not.
pub(crate) const WORLD: &str = "
app: { id: 70 }
businesses:
  - id: '10'
    name: Us
    system_users:
      - { id: 100, name: admin, role: ADMIN }
      - { id: 101, name: bot }
      - { id: 102, name: quiet, role: ADMIN, listed: false }
    people:
      - { id: 110, name: Ana }
      - { id: 111, name: Odd, user_type: ROBOT_USER }
  - { id: 20, name: Them, system_users: [{ id: 200, name: theirs, role: ADMIN }] }
  - { id: 30, name: Strangers, system_users: [{ id: 300, name: stranger }] }
solutions:
  - { id: 80, name: Joint, owner_app: 71, owner_permissions: [MESSAGING], partners: [{ app: 70, permissions: [MANAGE] }] }
wabas:
  - id: 500
    name: Ours
    owned_by: 10
    assigned:
      - { user: 100, tasks: [VIEW_COST, DEVELOP] }
      - { user: 101, tasks: [MANAGE, NEW_TASK] }
      - { user: 111, tasks: [MESSAGING] }
  - { id: 501, name: Limited, owned_by: 20, shared_with: [{ business: 10, permitted_tasks: [DEVELOP] }] }
  - { id: 502, name: Joined, owned_by: 20, solution: 80, shared_with: [{ business: 10 }] }
  - { id: 503, name: Strange, owned_by: 30 }
tokens:
  - { token: of-admin, user: 100 }
  - { token: of-bot, user: 101 }
  - { token: of-theirs, user: 200 }
  - { token: over, user: 100, expires_at: 1 }
  - { token: narrow, user: 100, scopes: [business_management] }
";

/// A running emulator with a client.
struct Running {
    emulator: Emulator,
    client: Client,
}

impl Running {
    async fn with(world: &str, options: Options) -> Self {
        let world = World::from_yaml(world).unwrap();
        let emulator = Emulator::start(world, options).await.unwrap();
        let redirect = reqwest::redirect::Policy::none();
        let client = Client::builder().no_proxy().redirect(redirect).build().unwrap();
        Self { emulator, client }
    }

    async fn start() -> Self {
        Self::with(WORLD, Options::default()).await
    }

    async fn faulty(fault: Fault) -> Self {
        Self::with(WORLD, Options { faults: vec![fault], ..Options::default() }).await
    }

    fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}/v25.0/{path}", self.emulator.url())).bearer_auth("of-admin")
    }

    /// Returns a POST of a form to the root.
    fn form(&self, pairs: &[(&str, &str)]) -> RequestBuilder {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let request = self.ask(Method::POST, "").header("content-type", "application/x-www-form-urlencoded");
        request.body(body)
    }

    async fn get(&self, path: &str) -> Value {
        send(self.ask(Method::GET, path)).await
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        send(self.ask(Method::POST, path).json(&body)).await
    }

    /// Returns the names of a user's tasks on a WABA.
    fn held(&self, waba: &str, user: &str) -> String {
        let key = key(waba, user);
        self.emulator.world().assignments().get(key).map(ToString::to_string).unwrap_or_default()
    }
}

fn key(waba: &str, user: &str) -> AssignmentKey {
    AssignmentKey { waba: waba.parse().unwrap(), user: user.parse().unwrap() }
}

/// Sends a request and returns the response's body with the status in it: `{"status": …, …}`.
async fn send(request: RequestBuilder) -> Value {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let mut body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    body["status"] = status.into();
    body
}

/// Returns status, code, subcode and message of an error response.
fn error_text(answer: &Value) -> String {
    let error = &answer["error"];
    assert!(error["fbtrace_id"].is_string(), "{answer}");
    format!(
        "{} {} {}: {}",
        answer["status"],
        error["code"],
        error["error_subcode"],
        error["message"].as_str().unwrap()
    )
}

#[tokio::test]
async fn a_list_contains_the_selected_fields_only() {
    let running = Running::start().await;
    let answer = running.get(LIST).await;
    let row = json!({
        "id": "101", "name": "bot", "user_type": "SYSTEM_USER",
        "business": { "id": "10", "name": "Us" }, "tasks": ["MANAGE", "NEW_TASK"],
    });
    assert_eq!(answer["data"][1], row);
    assert_eq!(answer["data"][2]["user_type"], "ROBOT_USER");
    assert!(answer["paging"]["cursors"]["after"].is_string(), "the last page has cursors too");
    assert_eq!(answer["paging"].get("next"), None);
    let answer = running.get("500/assigned_users?business=10&fields=tasks&summary=total_count").await;
    assert_eq!(answer["data"][0], json!({ "id": "100", "tasks": ["DEVELOP", "VIEW_COST"] }));
    assert_eq!(answer["summary"], json!({ "total_count": 3 }));
    assert_eq!(running.get("500/assigned_users?business=30").await, json!({ "data": [], "status": 200 }));
    let answer = running.get("500/assigned_users").await;
    assert_eq!(error_text(&answer), "400 100 null: (#100) The parameter business is required");
    let answer = running.get("500/assigned_users?business=10&fields=shoe").await;
    assert!(error_text(&answer).contains("nonexisting field (shoe)"), "{answer}");
    running.emulator.shutdown().await;
}

#[tokio::test]
async fn tasks_in_any_encoding_replace_the_whole_set() {
    let running = Running::start().await;
    let path = "500/assigned_users";
    let answer = running.post(path, json!({ "user": "101", "tasks": ["DEVELOP"] })).await;
    assert_eq!(answer, json!({ "success": true, "status": 200 }));
    assert_eq!(running.held("500", "101"), "DEVELOP");
    let form = |body: &'static str| {
        let request = running.client.post(format!("{}/{path}", running.emulator.url()));
        request.header("content-type", "application/x-www-form-urlencoded").body(body)
    };
    let body = "user=101&tasks[0]=MANAGE&tasks[1]=VIEW_COST&access_token=of-admin";
    assert_eq!(send(form(body)).await["success"], true);
    assert_eq!(running.held("500", "101"), "MANAGE, VIEW_COST");
    for (body, stored) in [
        ("user=101&tasks=%5B%22MESSAGING%22%5D", "MESSAGING"),
        ("user=101&tasks=['MANAGE', 'DEVELOP']", "DEVELOP, MANAGE"),
        ("user=101&tasks[]=VIEW_COST&tasks[]=DEVELOP", "DEVELOP, VIEW_COST"),
        ("user=101&tasks%5B%5D=MESSAGING", "MESSAGING"),
        ("user=101&method=delete", ""),
        ("user=101&tasks=[\"DEVELOP\"]", "DEVELOP"),
    ] {
        let request = running.ask(Method::POST, path);
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        assert_eq!(send(request).await["success"], true, "{body}");
        assert_eq!(running.held("500", "101"), stored, "{body}");
    }
    // As `curl -F` sends it.
    let part = |name: &str, value: &str| {
        format!("--x1\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let body = format!("{}{}--x1--\r\n", part("user", "101"), part("tasks", "['MANAGE']"));
    let request = running.ask(Method::POST, path).header("content-type", "multipart/form-data; boundary=x1");
    assert_eq!(send(request.body(body)).await["success"], true);
    assert_eq!(running.held("500", "101"), "MANAGE");
    let answer = send(running.ask(Method::DELETE, "500/assigned_users?user=101")).await;
    assert_eq!(answer["success"], true);
    assert_eq!(running.held("500", "101"), "");
    let answer = send(running.ask(Method::DELETE, "500/assigned_users?user=101")).await;
    assert!(error_text(&answer).starts_with("404 803"), "{answer}");
}

#[tokio::test]
async fn a_rejected_write_changes_nothing() {
    let running = Running::start().await;
    let before = running.emulator.world().assignments().clone();
    for (path, body, expected) in [
        ("500", json!({ "tasks": ["MANAGE"] }), "400 100 null: (#100) The parameter user is required"),
        ("500", json!({ "user": "101" }), "400 100 null: (#100) The parameter tasks is required"),
        ("500", json!({ "user": "101", "tasks": [] }), "400 100 null: (#100) Param tasks must hold between"),
        (
            "500",
            json!({ "user": "101", "tasks": ["MANAGE", "X"] }),
            "400 100 null: (#100) Param tasks[1] must be one of {DEVELOP, FULL_CONTROL, MANAGE,",
        ),
        (
            "501",
            json!({ "user": "101", "tasks": ["MANAGE"] }),
            "400 100 null: (#100) Param tasks[0] must be one of {DEVELOP} - got",
        ),
        (
            "502",
            json!({ "user": "101", "tasks": ["MANAGE"] }),
            "400 100 null: (#100) Param tasks[0] must be one of {DEVELOP, MANAGE_BILLING,",
        ),
        ("500", json!({ "user": "999", "tasks": ["MANAGE"] }), "400 100 1752100: "),
        ("500", json!({ "user": "300", "tasks": ["MANAGE"] }), "400 100 1752100: "),
        (
            "500",
            json!({ "user": "100", "tasks": ["MANAGE"] }),
            "403 200 null: (#200) You cannot raise your own",
        ),
        ("503", json!({ "user": "101", "tasks": ["MANAGE"] }), "400 100 33: Unsupported post request."),
        ("777", json!({ "user": "101", "tasks": ["MANAGE"] }), "400 100 33: Unsupported post request."),
    ] {
        let answer = running.post(&format!("{path}/assigned_users"), body).await;
        assert!(error_text(&answer).starts_with(expected), "{} should be {expected}", error_text(&answer));
    }
    let too_many = vec!["MANAGE"; 17];
    let answer = running.post("500/assigned_users", json!({ "user": "101", "tasks": too_many })).await;
    assert!(error_text(&answer).starts_with("400 100"), "{answer}");
    for (method, path, expected) in [
        (Method::POST, "10/owned_whatsapp_business_accounts", "501 2500"),
        (Method::POST, "500", "501 2500"),
        (Method::DELETE, "777", "400 100 33"),
    ] {
        let answer = send(running.ask(method, path)).await;
        assert!(error_text(&answer).starts_with(expected), "{path}: {answer}");
    }
    assert_eq!(*running.emulator.world().assignments(), before);
}

#[tokio::test]
async fn only_a_valid_token_of_an_admin_can_write() {
    let running = Running::start().await;
    let path = format!("{}/v25.0/500/assigned_users?business=10&access_token=", running.emulator.url());
    for (token, expected) in [
        ("", "401 104 null: An access token is required"),
        ("nobody", "400 190 null: Invalid OAuth access token"),
        ("over", "401 190 463: Error validating access token: Session has expired"),
        ("narrow", "403 200 null: (#200) Requires whatsapp_business_management permission"),
        ("of-theirs", "400 100 33: Unsupported get request."),
    ] {
        let answer = send(running.client.get(format!("{path}{token}"))).await;
        assert!(error_text(&answer).starts_with(expected), "{} should be {expected}", error_text(&answer));
    }
    let body = json!({ "user": "101", "tasks": ["DEVELOP"] });
    let answer = send(running.client.post(format!("{path}of-bot")).json(&body)).await;
    assert!(error_text(&answer).starts_with("403 200"), "{answer}");
    assert_eq!(
        send(running.client.get(format!("{path}of-bot"))).await["status"],
        200,
        "reading needs no admin"
    );
}

#[tokio::test]
async fn an_app_secret_requires_a_proof_with_each_call() {
    let world = WORLD.replace("app: { id: 70 }", "app: { id: 70, secret: key }");
    let running = Running::with(&world, Options::default()).await;
    let answer = running.get("me").await;
    assert!(error_text(&answer).starts_with("400 100 null: API calls from the server require"), "{answer}");
    assert_eq!(answer["error"]["type"], "GraphMethodException");
    assert!(error_text(&running.get("me?appsecret_proof=00").await).starts_with("400 100 null: Invalid"));
    // printf of-admin | openssl dgst -sha256 -hmac key
    let proof = "78f917467e3473b80da7b9173fcbfc12da0a290e1c0c9ea7e636fcd47f8170bd";
    let answer = running.get(&format!("me?appsecret_proof={proof}")).await;
    assert_eq!(answer, json!({ "id": "100", "name": "admin", "status": 200 }));
}

#[tokio::test]
async fn an_unlisted_admin_can_be_assigned_and_does_not_appear_in_lists() {
    let running = Running::start().await;
    let answer = running.post("500/assigned_users", json!({ "user": "102", "tasks": ["DEVELOP"] })).await;
    assert_eq!(answer["success"], true);
    assert_eq!(running.held("500", "102"), "DEVELOP");
    let rows = running.get(LIST).await;
    assert!(rows["data"].as_array().unwrap().iter().all(|row| row["id"] != "102"), "{rows}");
    let answer = running.get("102/assigned_whatsapp_business_accounts").await;
    assert_eq!(answer["data"], json!([]));
}

#[tokio::test]
async fn edges_and_nodes_return_the_world() {
    let running = Running::start().await;
    let answer = running.get("10/system_users?fields=id,name,role").await;
    assert_eq!(answer["data"][0], json!({ "id": "100", "name": "admin", "role": "ADMIN" }));
    assert_eq!(answer["data"].as_array().unwrap().len(), 3);
    let answer = running.get("10/owned_whatsapp_business_accounts?fields=id,name").await;
    assert_eq!(answer["data"], json!([{ "id": "500", "name": "Ours" }]));
    let answer = running.get("10/client_whatsapp_business_accounts?fields=id,name,permitted_tasks").await;
    let rows = json!([
        { "id": "501", "name": "Limited", "permitted_tasks": ["DEVELOP"] },
        { "id": "502", "name": "Joined" },
    ]);
    assert_eq!(answer["data"], rows);
    let answer = running.get("101/assigned_whatsapp_business_accounts?fields=id,tasks").await;
    assert_eq!(answer["data"], json!([{ "id": "500", "tasks": ["MANAGE", "NEW_TASK"] }]));
    let answer = running.get("502?fields=name,owner_business_info{name}").await;
    assert_eq!(answer["owner_business_info"], json!({ "id": "20", "name": "Them" }));
    let answer = running.get("502/solutions?fields=id,owner_app,owner_permissions").await;
    let row = json!({ "id": "80", "owner_app": { "id": "71" }, "owner_permissions": ["MESSAGING"] });
    assert_eq!(answer["data"], json!([row]));
    let answer = running.get("80?fields=partners{partner_app,partner_permissions,status}").await;
    let partner =
        json!({ "partner_app": { "id": "70" }, "partner_permissions": ["MANAGE"], "status": "ACCEPTED" });
    assert_eq!(answer["partners"]["data"], json!([partner]));
    assert_eq!(running.get("10?fields=id,name").await["name"], "Us");
    assert!(error_text(&running.get("20").await).starts_with("400 100 33"));
    assert!(error_text(&running.get("777/shoes").await).starts_with("400 100 33"));
    let answer = running.get("500/message_templates").await;
    let expected = "501 2500 null: The wabacl emulator does not play GET /500/message_templates.";
    assert!(error_text(&answer).starts_with(expected), "{answer}");
}

#[tokio::test]
async fn me_stands_for_the_user_of_the_token() {
    let running = Running::start().await;
    let answer = running.get("me/businesses").await;
    assert_eq!(answer["data"], json!([{ "id": "10", "name": "Us" }]));
    let answer = running.get("me/assigned_whatsapp_business_accounts?fields=id,tasks").await;
    assert_eq!(answer["data"], json!([{ "id": "500", "tasks": ["DEVELOP", "VIEW_COST"] }]));
    let answer = running.get("500/assigned_users?business=10").await;
    let row = json!({ "id": "100", "name": "admin", "user_type": "SYSTEM_USER", "tasks": ["DEVELOP", "VIEW_COST"] });
    assert_eq!(answer["data"][0], row, "`tasks` is a default field");
}

#[tokio::test]
async fn only_versions_that_exist_answer() {
    let running = Running::start().await;
    for (version, expected) in [("v26.0", Some("v26.0")), ("v12.0", Some("v21.0")), ("v99.0", None)] {
        let url = format!("{}/{version}/me", running.emulator.url());
        let response = running.client.get(url).bearer_auth("of-admin").send().await.unwrap();
        let answered = response.headers()["facebook-api-version"].to_str().unwrap().to_owned();
        let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        match expected {
            Some(expected) => assert_eq!((answered.as_str(), &body["id"]), (expected, &json!("100"))),
            None => assert_eq!(body["error"]["message"], "Unknown path components: /me"),
        }
    }
}

/// The steps of onboarding a customer: a new system user, a WABA that becomes shared, its app, access.
#[tokio::test]
async fn a_customer_can_be_onboarded() {
    let running = Running::start().await;
    let created = running.post("10/system_users", json!({ "name": "new bot", "role": "EMPLOYEE" })).await;
    let user = created["id"].as_str().unwrap().to_owned();
    let node = running.get(&user).await;
    assert_eq!(node, json!({ "id": user, "name": "new bot", "role": "EMPLOYEE", "status": 200 }));
    assert_eq!(running.get("10/business_users?fields=name").await["data"][0]["name"], "Ana");
    let refused = running.client.post(format!("{}/10/system_users", running.emulator.url()));
    assert!(error_text(&send(refused.bearer_auth("of-bot")).await).starts_with("403 200"));

    let update = json!({
        "wabas": [{
            "id": "504", "name": "Customer", "owned_by": "20", "shared_with": [{ "business": "10" }],
            "status": "ACTIVE", "account_review_status": "PENDING", "currency": "EUR", "country": "DE",
            "phone_numbers": [{ "id": "600", "display_phone_number": "+49 30 1", "verified_name": "Customer" }],
        }],
        "tokens": [{ "token": "of-new", "user": user }],
    });
    let path = format!("{}/emulator/world", running.emulator.url());
    let answer = send(running.client.post(&path).json(&update)).await;
    assert_eq!(answer, json!({ "success": true, "status": 200 }));
    let fields = "account_review_status,currency,country,timezone_id,business_verification_status";
    let answer = running.get(&format!("504?fields={fields}")).await;
    assert_eq!(
        answer,
        json!({
            "id": "504", "account_review_status": "PENDING", "currency": "EUR", "country": "DE",
            "timezone_id": "1", "business_verification_status": "verified", "status": 200,
        })
    );
    let phones = running.get("504/phone_numbers?fields=display_phone_number,unheard_of").await;
    assert_eq!(phones["data"], json!([{ "id": "600", "display_phone_number": "+49 30 1" }]));

    assert_eq!(running.post("504/subscribed_apps", json!({})).await["success"], true);
    let apps = running.get("504/subscribed_apps").await;
    assert_eq!(apps["data"][0]["whatsapp_business_api_data"]["id"], "70");
    let write = json!({ "user": user, "tasks": ["DEVELOP"] });
    assert_eq!(running.post("504/assigned_users", write).await["success"], true);
    let me = format!("{}/me/assigned_whatsapp_business_accounts", running.emulator.url());
    let mine = send(running.client.get(me).bearer_auth("of-new")).await;
    assert_eq!(mine["data"][0]["id"], "504");
    let apps = send(running.ask(Method::DELETE, "504/subscribed_apps")).await;
    assert_eq!(
        (apps["success"].as_bool(), running.get("504/subscribed_apps").await["data"].clone()),
        (Some(true), json!([]))
    );
}

#[tokio::test]
async fn an_update_of_the_world_is_whole_or_refused() {
    let running = Running::start().await;
    let before = running.emulator.world().to_yaml();
    for update in
        ["wabas: [{ id: 500, name: X, owned_by: 99 }]", "shoes: []", "tokens: [{ token: t, user: 99 }]"]
    {
        running.emulator.update(update).unwrap_err();
        assert_eq!(running.emulator.world().to_yaml(), before, "{update}");
    }
    let path = format!("{}/emulator/world", running.emulator.url());
    let foreign = running.client.post(&path).header("origin", "https://example.com").body("wabas: []");
    assert_eq!(foreign.send().await.unwrap().status(), 403, "no web page can change it");
    let shown = running.client.get(&path).send().await.unwrap().text().await.unwrap();
    assert_eq!(shown, before);
    running.emulator.update("businesses: [{ id: 10, name: Us, people: [{ id: 112, name: Bo }] }]").unwrap();
    let token = running.emulator.issue_token(None).unwrap();
    running.emulator.update("wabas: [{ id: 505, name: Late, owned_by: 10 }]").unwrap();
    let world = running.emulator.world();
    assert_eq!(world.assignments().on("500".parse().unwrap()).count(), 3, "others stay");
    let me = running.client.get(format!("{}/me", running.emulator.url())).bearer_auth(token.expose_secret());
    assert_eq!(send(me).await["id"], "100", "issued tokens stay");
}

#[tokio::test]
async fn debug_token_describes_tokens() {
    let running = Running::start().await;
    let data = running.get("debug_token?input_token=of-bot").await["data"].clone();
    assert_eq!(
        (&data["user_id"], &data["app_id"], &data["is_valid"]),
        (&json!("101"), &json!("70"), &json!(true))
    );
    assert_eq!(data["scopes"], json!(["business_management", "whatsapp_business_management"]));
    let data = running.get("debug_token?input_token=over").await["data"].clone();
    assert_eq!((&data["is_valid"], &data["expires_at"]), (&json!(false), &json!(1)));
    let data = running.get("debug_token?input_token=nobody").await["data"].clone();
    assert_eq!((&data["is_valid"], &data["error"]["code"]), (&json!(false), &json!(190)));
    let issued = running.emulator.issue_token(None).unwrap();
    let request = running.client.get(format!("{}/me", running.emulator.url()));
    assert_eq!(send(request.bearer_auth(issued.expose_secret())).await["id"], "100");
    assert!(!running.emulator.world().to_yaml().contains(issued.expose_secret()));
    let nobody = "9".parse().unwrap();
    assert_eq!(running.emulator.issue_token(Some(nobody)).unwrap_err(), TokenError::UnknownUser(nobody));
}

/// Returns a world in which WABA 501 has this number of system users, from id 1000.
fn crowded(users: usize) -> String {
    let (mut entries, mut rows) = (String::new(), String::new());
    for id in 1000..1000 + users {
        writeln!(entries, "      - {{ id: {id}, name: user {id} }}").unwrap();
        writeln!(rows, "      - {{ user: {id}, tasks: [DEVELOP] }}").unwrap();
    }
    WORLD
        .replace("    people:\n      - { id: 110", &format!("{entries}    people:\n      - {{ id: 110"))
        .replace("  - { id: 501, ", &format!("  - id: 501\n    assigned:\n{rows}    "))
        .replace(
            "name: Limited, owned_by: 20, shared_with: [{ business: 10, permitted_tasks: [DEVELOP] }] }",
            "name: Limited\n    owned_by: 20\n    shared_with: [{ business: 10 }]",
        )
}

#[tokio::test]
async fn pages_cover_the_whole_list_once() {
    let running = Running::with(&crowded(230), Options::default()).await;
    let path = "501/assigned_users?business=10&fields=id";
    assert_eq!(running.get(path).await["data"].as_array().unwrap().len(), 25);
    let (mut ids, mut sizes, mut after) = (Vec::new(), Vec::new(), String::new());
    loop {
        let page = running.get(&format!("{path}&limit=100&after={after}")).await;
        let rows = page["data"].as_array().unwrap();
        sizes.push(rows.len());
        ids.extend(rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()));
        after = page["paging"]["cursors"]["after"].as_str().unwrap().to_owned();
        let Some(next) = page["paging"]["next"].as_str() else { break };
        assert!(next.contains("access_token=of-admin") && next.contains(&after), "{next}");
        let followed = send(running.client.get(next)).await;
        let wanted = running.get(&format!("{path}&limit=100&after={after}")).await;
        assert_eq!(followed["data"], wanted["data"]);
    }
    let expected: Vec<String> = (1000..1230).map(|id| id.to_string()).collect();
    assert_eq!((ids, sizes), (expected, vec![100, 100, 30]));
    let before = running.get(&format!("{path}&limit=1&before={after}")).await;
    assert_eq!(before["data"], json!([{ "id": "1228" }]));
    assert_eq!(running.get(&format!("{path}&after={after}")).await["data"], json!([]));
    for wrong in ["limit=0", "limit=101", "limit=x", "after=3", "after=é"] {
        assert!(error_text(&running.get(&format!("{path}&{wrong}")).await).starts_with("400 100"), "{wrong}");
    }
    let elsewhere = format!("500/assigned_users?business=10&after={after}");
    assert!(
        error_text(&running.get(&elsewhere).await).starts_with("400 100"),
        "a cursor is valid on one list only"
    );
}

#[tokio::test]
async fn responses_have_metas_headers_and_calls_are_logged() {
    let running = Running::start().await;
    let response: Response = running.ask(Method::GET, LIST).send().await.unwrap();
    assert_eq!(response.headers()["facebook-api-version"], "v25.0");
    let usage: Value =
        serde_json::from_str(response.headers()["x-business-use-case-usage"].to_str().unwrap()).unwrap();
    assert_eq!(usage["500"][0]["type"], "whatsapp_business_management");
    running.get("me").await;
    let expected = [("GET", "/v25.0/500/assigned_users"), ("GET", "/v25.0/me")];
    let call = |(method, path): (&str, &str)| LoggedCall { method: method.into(), path: path.into() };
    assert_eq!(running.emulator.calls(), expected.map(call));
}

#[tokio::test]
async fn the_state_file_follows_each_write_and_a_write_fails_without_it() {
    let folder = tempfile::tempdir().unwrap();
    let file: PathBuf = folder.path().join("live.state.yaml");
    let options = Options { state_file: Some(file.clone()), ..Options::default() };
    let running = Running::with(WORLD, options).await;
    running.post("500/assigned_users", json!({ "user": "101", "tasks": ["DEVELOP"] })).await;
    let kept = World::from_yaml(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(kept.assignments(), running.emulator.world().assignments());
    assert_eq!(running.emulator.state_error(), None);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file remains");
    drop(folder);
    let answer = running.post("500/assigned_users", json!({ "user": "101", "tasks": ["MANAGE"] })).await;
    assert!(error_text(&answer).starts_with("500 2 null"), "{answer}");
    assert_eq!(running.held("500", "101"), "DEVELOP");
    let error = running.emulator.state_error().unwrap();
    assert!(error.contains("live.state.yaml") && error.contains("No such file"), "{error}");
}

#[tokio::test]
async fn assign_changes_the_world_without_a_request() {
    let running = Running::start().await;
    running.emulator.assign(key("500", "101"), TaskSet::from([Task::Develop]));
    assert_eq!(running.get(LIST).await["data"][1]["tasks"], json!(["DEVELOP"]));
}

#[tokio::test]
async fn faults_without_a_response() {
    for (what, held) in
        [(FaultKind::CloseConnection, "MANAGE, NEW_TASK"), (FaultKind::CloseAfterEffect, "DEVELOP")]
    {
        let running = Running::faulty(Fault::new(what).on("POST").hits(0..1)).await;
        let body = json!({ "user": "101", "tasks": ["DEVELOP"] });
        let sent = running.ask(Method::POST, "500/assigned_users").json(&body).send().await;
        assert!(sent.is_err(), "{sent:?}");
        assert_eq!(running.held("500", "101"), held);
        assert_eq!(running.post("500/assigned_users", body).await["success"], true, "the fault happens once");
    }
    let running = Running::faulty(Fault::new(FaultKind::TruncatedBody)).await;
    let response = running.ask(Method::GET, LIST).send().await.unwrap();
    assert!(response.text().await.is_err());
}

#[tokio::test]
async fn faults_that_replace_the_response() {
    let error = FaultKind::GraphError {
        status: 400,
        code: 80007,
        subcode: Some(7),
        message: "slow down".into(),
        is_transient: true,
    };
    let running = Running::faulty(Fault::new(error).at("500/assigned_users")).await;
    let answer = running.get(LIST).await;
    assert_eq!(
        (error_text(&answer).as_str(), &answer["error"]["is_transient"]),
        ("400 80007 7: slow down", &json!(true))
    );
    assert_eq!(running.get("me").await["status"], 200, "the fault is limited to its path");

    let running = Running::faulty(Fault::new(FaultKind::HtmlError(502))).await;
    let response = running.ask(Method::GET, "me").send().await.unwrap();
    assert_eq!(response.status(), 502);
    assert!(response.text().await.unwrap().starts_with("<html>"));

    let running = Running::faulty(Fault::new(FaultKind::Redirect("http://localhost:1/".into()))).await;
    let response = running.ask(Method::GET, "me").send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["location"]),
        (302, &"http://localhost:1/".parse().unwrap())
    );

    let running = Running::faulty(Fault::new(FaultKind::EndlessBody)).await;
    let mut response = running.ask(Method::GET, "me").send().await.unwrap();
    let mut length = 0;
    while length < 1 << 20 {
        length += response.chunk().await.unwrap().unwrap().len();
    }
}

#[tokio::test]
async fn faults_that_distort_lists_and_writes() {
    let running = Running::faulty(Fault::new(FaultKind::RowsWithoutTasks)).await;
    assert_eq!(running.get(LIST).await["data"][1].get("tasks"), None);

    let running = Running::faulty(Fault::new(FaultKind::EmptyList)).await;
    assert_eq!(running.get(LIST).await, json!({ "data": [], "status": 200 }));

    let running = Running::faulty(Fault::new(FaultKind::RepeatedCursor)).await;
    let first = running.get(LIST).await["paging"].clone();
    let after = first["cursors"]["after"].as_str().unwrap();
    let second = running.get(&format!("{LIST}&after={after}")).await["paging"].clone();
    assert!(second["next"].is_string());
    assert_eq!(second["cursors"]["after"], after);

    let body = json!({ "user": "101", "tasks": ["DEVELOP"] });
    for (what, success, held) in [
        (FaultKind::SuccessFalse, false, "MANAGE, NEW_TASK"),
        (FaultKind::Ignored, true, "MANAGE, NEW_TASK"),
        (FaultKind::ExtraStored([Task::ViewCost].into()), true, "DEVELOP, VIEW_COST"),
        (FaultKind::StoredInstead([Task::ViewCost].into()), true, "VIEW_COST"),
    ] {
        let running = Running::faulty(Fault::new(what).on("POST")).await;
        assert_eq!(running.post("500/assigned_users", body.clone()).await["success"], success);
        assert_eq!(running.held("500", "101"), held);
    }
}

#[tokio::test]
async fn a_removal_can_stay_visible_for_a_while() {
    let clock = Clock::simulated("2026-11-23T00:00:00Z".parse().unwrap());
    let faults = vec![Fault::new(FaultKind::StaleAfterRemoval(Duration::from_secs(5)))];
    let options = Options { clock: clock.clone(), faults, ..Options::default() };
    let running = Running::with(WORLD, options).await;
    let listed = async || running.get(LIST).await["data"].as_array().unwrap().len();
    let answer = send(running.ask(Method::DELETE, "500/assigned_users?user=101")).await;
    assert_eq!((answer["success"].as_bool(), running.held("500", "101")), (Some(true), String::new()));
    clock.run(clock.sleep(Duration::from_secs(4))).await;
    assert_eq!(listed().await, 3);
    clock.run(clock.sleep(Duration::from_secs(1))).await;
    assert_eq!(listed().await, 2);
}

#[tokio::test]
async fn each_write_is_logged_with_the_holders_before_it() {
    let running = Running::start().await;
    running.post("500/assigned_users", json!({ "user": "102", "tasks": ["MANAGE"] })).await;
    send(running.ask(Method::DELETE, "500/assigned_users?user=101")).await;
    send(running.ask(Method::DELETE, "500/assigned_users?user=101")).await;
    let writes = running.emulator.writes();
    let counts = writes.iter().map(|write| write.count(|tasks| tasks.contains(Task::Manage)));
    assert_eq!(counts.collect::<Vec<_>>(), [(1, 2), (2, 1), (1, 1)], "before and after");
    assert_eq!(writes.iter().map(|write| write.holders.len()).collect::<Vec<_>>(), [3, 4, 3]);
}

#[tokio::test]
async fn it_listens_on_loopback_only() {
    let options = Options { listen: "0.0.0.0:0".parse().unwrap(), ..Options::default() };
    let refused = Emulator::start(World::default(), options).await.err().unwrap();
    assert!(matches!(refused, EmulatorError::NotLoopback(_)), "{refused}");
}

#[test]
fn a_world_survives_yaml_and_errors_have_positions() {
    let world = World::from_yaml(&WORLD.replace("name: Joint,", "name: Joint, status: DRAFT,")).unwrap();
    let text = world.to_yaml();
    assert!(text.contains("status: \"DRAFT\""), "{text}");
    let again = World::from_yaml(&text).unwrap();
    assert_eq!((again.to_yaml(), again.assignments()), (text, world.assignments()));
    assert!(!format!("{world:?}").contains("of-admin"));
    for (from, to, expected) in [
        (
            "user: 101, tasks: [MANAGE",
            "user: 109, tasks: [MANAGE",
            "line 23, column 17: no user with the id 109",
        ),
        ("  - { id: 501,", "  - { id: 500,", "line 25, column 11: the WABA 500 is declared twice"),
        ("owned_by: 10", "owned_by: 0102", "line 20, column 15: `0102` is not an id: it begins with a zero"),
        ("name: Ours", "nmae: Ours", "line 19, column 5: unknown field `nmae`"),
    ] {
        let error = World::from_yaml(&WORLD.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error} should be {expected}");
    }
}

#[test]
fn the_quickstart_is_a_valid_world() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/quickstart/live.yaml");
    let world = World::from_yaml(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(world.admin().unwrap().to_string(), "1972385232742140");
}

/// 2,000 maps, each in the next one, overflowed the stack in the place of a key.
#[test]
fn a_world_that_nests_too_deep_is_an_error() {
    let nested = |depth| format!("businesses: [{{ id: 10,{}1", r#"{"a":"#.repeat(depth));
    assert_eq!(World::from_yaml(&nested(2_000)).unwrap_err().message, "recursion limit exceeded");
    assert_ne!(World::from_yaml(&nested(2)).unwrap_err().message, "recursion limit exceeded");
}
