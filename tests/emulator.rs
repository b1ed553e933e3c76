//! The emulator over real HTTP, asked as any client would ask it.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic as the test may")]

mod batch;
mod limits;
mod nested;
mod script;

use reqwest::{Client, Method, RequestBuilder, Response};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::PathBuf;
use wabacl::emulator::{Emulator, EmulatorError, Fault, FaultKind, LoggedCall, Options, TokenError, World};
use wabacl::model::{AssignmentKey, Task, TaskSet};

const LIST: &str = "500/assigned_users?business=10&fields=id,name,user_type,business,tasks";

/// Business 10 owns WABA 500 and has 501 (limited) and 502 (through a solution) shared; 30 is a stranger's.
const WORLD: &str = "
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

/// A started emulator with a client of it.
struct Played {
    emulator: Emulator,
    client: Client,
}

impl Played {
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

    /// Posts a form to the root.
    fn form(&self, pairs: &[(&str, &str)]) -> RequestBuilder {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let request = self.ask(Method::POST, "").header("content-type", "application/x-www-form-urlencoded");
        request.body(body)
    }

    async fn get(&self, path: &str) -> Value {
        told(self.ask(Method::GET, path)).await
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        told(self.ask(Method::POST, path).json(&body)).await
    }

    /// Gives what a user holds on a WABA, by name, as the world has it.
    fn held(&self, waba: &str, user: &str) -> String {
        let key = key(waba, user);
        self.emulator.world().assignments().get(key).map(ToString::to_string).unwrap_or_default()
    }
}

fn key(waba: &str, user: &str) -> AssignmentKey {
    AssignmentKey { waba: waba.parse().unwrap(), user: user.parse().unwrap() }
}

/// Sends a request and gives the answer's body with its status: `{"status": …, …}`.
async fn told(request: RequestBuilder) -> Value {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let mut body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    body["status"] = status.into();
    body
}

/// Gives status, code, subcode and message of an error.
fn refusal(answer: &Value) -> String {
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
async fn a_list_holds_what_was_asked_for_and_nothing_else() {
    let played = Played::start().await;
    let answer = played.get(LIST).await;
    let row = json!({
        "id": "101", "name": "bot", "user_type": "SYSTEM_USER",
        "business": { "id": "10", "name": "Us" }, "tasks": ["MANAGE", "NEW_TASK"],
    });
    assert_eq!(answer["data"][1], row);
    assert_eq!(answer["data"][2]["user_type"], "ROBOT_USER");
    assert!(answer["paging"]["cursors"]["after"].is_string(), "cursors stand on the last page too");
    assert_eq!(answer["paging"].get("next"), None);
    let answer = played.get("500/assigned_users?business=10&fields=tasks&summary=total_count").await;
    assert_eq!(answer["data"][0], json!({ "id": "100", "tasks": ["DEVELOP", "VIEW_COST"] }));
    assert_eq!(answer["summary"], json!({ "total_count": 3 }));
    assert_eq!(played.get("500/assigned_users?business=30").await, json!({ "data": [], "status": 200 }));
    let answer = played.get("500/assigned_users").await;
    assert_eq!(refusal(&answer), "400 100 null: (#100) The parameter business is required");
    let answer = played.get("500/assigned_users?business=10&fields=shoe").await;
    assert!(refusal(&answer).contains("nonexisting field (shoe)"), "{answer}");
    played.emulator.shutdown().await;
}

#[tokio::test]
async fn all_three_encodings_of_tasks_replace_the_whole_set() {
    let played = Played::start().await;
    let path = "500/assigned_users";
    let answer = played.post(path, json!({ "user": "101", "tasks": ["DEVELOP"] })).await;
    assert_eq!(answer, json!({ "success": true, "status": 200 }));
    assert_eq!(played.held("500", "101"), "DEVELOP");
    let form = |body: &'static str| {
        let request = played.client.post(format!("{}/{path}", played.emulator.url()));
        request.header("content-type", "application/x-www-form-urlencoded").body(body)
    };
    let body = "user=101&tasks[0]=MANAGE&tasks[1]=VIEW_COST&access_token=of-admin";
    assert_eq!(told(form(body)).await["success"], true);
    assert_eq!(played.held("500", "101"), "MANAGE, VIEW_COST");
    let body = "user=101&tasks=%5B%22MESSAGING%22%5D&access_token=of-admin";
    assert_eq!(told(form(body)).await["success"], true);
    assert_eq!(played.held("500", "101"), "MESSAGING");
    let answer = told(played.ask(Method::DELETE, "500/assigned_users?user=101")).await;
    assert_eq!(answer["success"], true);
    assert_eq!(played.held("500", "101"), "");
    let answer = told(played.ask(Method::DELETE, "500/assigned_users?user=101")).await;
    assert!(refusal(&answer).starts_with("404 803"), "{answer}");
}

#[tokio::test]
async fn a_write_that_the_api_would_refuse_changes_nothing() {
    let played = Played::start().await;
    let before = played.emulator.world().assignments().clone();
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
        let answer = played.post(&format!("{path}/assigned_users"), body).await;
        assert!(refusal(&answer).starts_with(expected), "{} should be {expected}", refusal(&answer));
    }
    let too_many = vec!["MANAGE"; 17];
    let answer = played.post("500/assigned_users", json!({ "user": "101", "tasks": too_many })).await;
    assert!(refusal(&answer).starts_with("400 100"), "{answer}");
    let request = played.ask(Method::POST, "10/system_users");
    assert!(refusal(&told(request).await).starts_with("400 100 33"));
    assert_eq!(*played.emulator.world().assignments(), before);
}

#[tokio::test]
async fn only_a_good_token_of_an_admin_writes() {
    let played = Played::start().await;
    let path = format!("{}/v25.0/500/assigned_users?business=10&access_token=", played.emulator.url());
    for (token, expected) in [
        ("", "401 104 null: An access token is required"),
        ("nobody", "400 190 null: Invalid OAuth access token"),
        ("over", "401 190 463: Error validating access token: Session has expired"),
        ("narrow", "403 200 null: (#200) Requires whatsapp_business_management permission"),
        ("of-theirs", "400 100 33: Unsupported get request."),
    ] {
        let answer = told(played.client.get(format!("{path}{token}"))).await;
        assert!(refusal(&answer).starts_with(expected), "{} should be {expected}", refusal(&answer));
    }
    let body = json!({ "user": "101", "tasks": ["DEVELOP"] });
    let answer = told(played.client.post(format!("{path}of-bot")).json(&body)).await;
    assert!(refusal(&answer).starts_with("403 200"), "{answer}");
    assert_eq!(told(played.client.get(format!("{path}of-bot"))).await["status"], 200, "reading is allowed");
}

#[tokio::test]
async fn with_an_app_secret_each_call_must_prove_that_it_is_known() {
    let world = WORLD.replace("app: { id: 70 }", "app: { id: 70, secret: key }");
    let played = Played::with(&world, Options::default()).await;
    assert!(refusal(&played.get("me").await).starts_with("400 104"));
    assert!(refusal(&played.get("me?appsecret_proof=00").await).starts_with("400 104 null: Invalid"));
    // printf of-admin | openssl dgst -sha256 -hmac key
    let proof = "78f917467e3473b80da7b9173fcbfc12da0a290e1c0c9ea7e636fcd47f8170bd";
    let answer = played.get(&format!("me?appsecret_proof={proof}")).await;
    assert_eq!(answer, json!({ "id": "100", "name": "admin", "status": 200 }));
}

#[tokio::test]
async fn an_admin_may_be_accepted_and_not_listed() {
    let played = Played::start().await;
    let answer = played.post("500/assigned_users", json!({ "user": "102", "tasks": ["DEVELOP"] })).await;
    assert_eq!(answer["success"], true);
    assert_eq!(played.held("500", "102"), "DEVELOP");
    let rows = played.get(LIST).await;
    assert!(rows["data"].as_array().unwrap().iter().all(|row| row["id"] != "102"), "{rows}");
    let answer = played.get("102/assigned_whatsapp_business_accounts").await;
    assert_eq!(answer["data"], json!([]));
}

#[tokio::test]
async fn the_edges_tell_what_there_is() {
    let played = Played::start().await;
    let answer = played.get("10/system_users?fields=id,name,role").await;
    assert_eq!(answer["data"][0], json!({ "id": "100", "name": "admin", "role": "ADMIN" }));
    assert_eq!(answer["data"].as_array().unwrap().len(), 3);
    let answer = played.get("10/owned_whatsapp_business_accounts?fields=id,name").await;
    assert_eq!(answer["data"], json!([{ "id": "500", "name": "Ours" }]));
    let answer = played.get("10/client_whatsapp_business_accounts?fields=id,name,permitted_tasks").await;
    let rows = json!([
        { "id": "501", "name": "Limited", "permitted_tasks": ["DEVELOP"] },
        { "id": "502", "name": "Joined" },
    ]);
    assert_eq!(answer["data"], rows);
    let answer = played.get("101/assigned_whatsapp_business_accounts?fields=id,tasks").await;
    assert_eq!(answer["data"], json!([{ "id": "500", "tasks": ["MANAGE", "NEW_TASK"] }]));
    let answer = played.get("502?fields=name,owner_business_info{name}").await;
    assert_eq!(answer["owner_business_info"], json!({ "id": "20", "name": "Them" }));
    let answer = played.get("502/solutions?fields=id,owner_app,owner_permissions").await;
    let row = json!({ "id": "80", "owner_app": { "id": "71" }, "owner_permissions": ["MESSAGING"] });
    assert_eq!(answer["data"], json!([row]));
    let answer = played.get("80?fields=partners{partner_app,partner_permissions,status}").await;
    let partner =
        json!({ "partner_app": { "id": "70" }, "partner_permissions": ["MANAGE"], "status": "ACCEPTED" });
    assert_eq!(answer["partners"]["data"], json!([partner]));
    assert_eq!(played.get("10?fields=id,name").await["name"], "Us");
    assert!(refusal(&played.get("20").await).starts_with("400 100 33"));
    assert!(refusal(&played.get("10/shoes").await).starts_with("400 2500"));
}

#[tokio::test]
async fn a_token_is_told_about() {
    let played = Played::start().await;
    let data = played.get("debug_token?input_token=of-bot").await["data"].clone();
    assert_eq!(
        (&data["user_id"], &data["app_id"], &data["is_valid"]),
        (&json!("101"), &json!("70"), &json!(true))
    );
    assert_eq!(data["scopes"], json!(["business_management", "whatsapp_business_management"]));
    let data = played.get("debug_token?input_token=over").await["data"].clone();
    assert_eq!((&data["is_valid"], &data["expires_at"]), (&json!(false), &json!(1)));
    let data = played.get("debug_token?input_token=nobody").await["data"].clone();
    assert_eq!((&data["is_valid"], &data["error"]["code"]), (&json!(false), &json!(190)));
    let issued = played.emulator.issue_token(None).unwrap();
    let request = played.client.get(format!("{}/me", played.emulator.url()));
    assert_eq!(told(request.bearer_auth(issued.expose_secret())).await["id"], "100");
    assert!(!played.emulator.world().to_yaml().contains(issued.expose_secret()));
    let nobody = "9".parse().unwrap();
    assert_eq!(played.emulator.issue_token(Some(nobody)).unwrap_err(), TokenError::UnknownUser(nobody));
}

/// A world with WABA 501 and this many system users on it, from id 1000.
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
async fn pages_follow_one_another_and_miss_nobody() {
    let played = Played::with(&crowded(230), Options::default()).await;
    let path = "501/assigned_users?business=10&fields=id";
    assert_eq!(played.get(path).await["data"].as_array().unwrap().len(), 25);
    let (mut ids, mut sizes, mut after) = (Vec::new(), Vec::new(), String::new());
    loop {
        let page = played.get(&format!("{path}&limit=100&after={after}")).await;
        let rows = page["data"].as_array().unwrap();
        sizes.push(rows.len());
        ids.extend(rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()));
        after = page["paging"]["cursors"]["after"].as_str().unwrap().to_owned();
        let Some(next) = page["paging"]["next"].as_str() else { break };
        assert!(next.contains("access_token=of-admin") && next.contains(&after), "{next}");
        let followed = told(played.client.get(next)).await;
        let wanted = played.get(&format!("{path}&limit=100&after={after}")).await;
        assert_eq!(followed["data"], wanted["data"]);
    }
    let expected: Vec<String> = (1000..1230).map(|id| id.to_string()).collect();
    assert_eq!((ids, sizes), (expected, vec![100, 100, 30]));
    let before = played.get(&format!("{path}&limit=1&before={after}")).await;
    assert_eq!(before["data"], json!([{ "id": "1228" }]));
    assert_eq!(played.get(&format!("{path}&after={after}")).await["data"], json!([]));
    for wrong in ["limit=0", "limit=101", "limit=x", "after=3", "after=é"] {
        assert!(refusal(&played.get(&format!("{path}&{wrong}")).await).starts_with("400 100"), "{wrong}");
    }
    let elsewhere = format!("500/assigned_users?business=10&after={after}");
    assert!(refusal(&played.get(&elsewhere).await).starts_with("400 100"), "a cursor is of one list");
}

#[tokio::test]
async fn answers_carry_metas_headers_and_calls_are_counted() {
    let played = Played::start().await;
    let response: Response = played.ask(Method::GET, LIST).send().await.unwrap();
    assert_eq!(response.headers()["facebook-api-version"], "v25.0");
    let usage: Value =
        serde_json::from_str(response.headers()["x-business-use-case-usage"].to_str().unwrap()).unwrap();
    assert_eq!(usage["500"][0]["type"], "whatsapp_business_management");
    played.get("me").await;
    let expected = [("GET", "/v25.0/500/assigned_users"), ("GET", "/v25.0/me")];
    let call = |(method, path): (&str, &str)| LoggedCall { method: method.into(), path: path.into() };
    assert_eq!(played.emulator.calls(), expected.map(call));
}

#[tokio::test]
async fn the_state_file_is_the_world_and_a_write_that_it_cannot_take_never_happened() {
    let folder = tempfile::tempdir().unwrap();
    let file: PathBuf = folder.path().join("live.state.yaml");
    let options = Options { state_file: Some(file.clone()), ..Options::default() };
    let played = Played::with(WORLD, options).await;
    played.post("500/assigned_users", json!({ "user": "101", "tasks": ["DEVELOP"] })).await;
    let kept = World::from_yaml(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(kept.assignments(), played.emulator.world().assignments());
    assert_eq!(played.emulator.state_error(), None);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
    drop(folder);
    let answer = played.post("500/assigned_users", json!({ "user": "101", "tasks": ["MANAGE"] })).await;
    assert!(refusal(&answer).starts_with("500 2 null"), "{answer}");
    assert_eq!(played.held("500", "101"), "DEVELOP");
    let error = played.emulator.state_error().unwrap();
    assert!(error.contains("live.state.yaml") && error.contains("No such file"), "{error}");
}

#[tokio::test]
async fn what_others_change_is_seen() {
    let played = Played::start().await;
    played.emulator.assign(key("500", "101"), TaskSet::from([Task::Develop]));
    assert_eq!(played.get(LIST).await["data"][1]["tasks"], json!(["DEVELOP"]));
}

#[tokio::test]
async fn faults_without_an_answer() {
    for (what, held) in
        [(FaultKind::CloseConnection, "MANAGE, NEW_TASK"), (FaultKind::CloseAfterEffect, "DEVELOP")]
    {
        let played = Played::faulty(Fault::new(what).on("POST").hits(0..1)).await;
        let body = json!({ "user": "101", "tasks": ["DEVELOP"] });
        let sent = played.ask(Method::POST, "500/assigned_users").json(&body).send().await;
        assert!(sent.is_err(), "{sent:?}");
        assert_eq!(played.held("500", "101"), held);
        assert_eq!(played.post("500/assigned_users", body).await["success"], true, "it happened once");
    }
    let played = Played::faulty(Fault::new(FaultKind::TruncatedBody)).await;
    let response = played.ask(Method::GET, LIST).send().await.unwrap();
    assert!(response.text().await.is_err());
}

#[tokio::test]
async fn faults_with_another_answer() {
    let error = FaultKind::GraphError {
        status: 400,
        code: 80007,
        subcode: Some(7),
        message: "slow down".into(),
        is_transient: true,
    };
    let played = Played::faulty(Fault::new(error).at("500/assigned_users")).await;
    let answer = played.get(LIST).await;
    assert_eq!(
        (refusal(&answer).as_str(), &answer["error"]["is_transient"]),
        ("400 80007 7: slow down", &json!(true))
    );
    assert_eq!(played.get("me").await["status"], 200, "it is confined to its path");

    let played = Played::faulty(Fault::new(FaultKind::HtmlError(502))).await;
    let response = played.ask(Method::GET, "me").send().await.unwrap();
    assert_eq!(response.status(), 502);
    assert!(response.text().await.unwrap().starts_with("<html>"));

    let played = Played::faulty(Fault::new(FaultKind::Redirect("http://localhost:1/".into()))).await;
    let response = played.ask(Method::GET, "me").send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["location"]),
        (302, &"http://localhost:1/".parse().unwrap())
    );

    let played = Played::faulty(Fault::new(FaultKind::EndlessBody)).await;
    let mut response = played.ask(Method::GET, "me").send().await.unwrap();
    let mut length = 0;
    while length < 1 << 20 {
        length += response.chunk().await.unwrap().unwrap().len();
    }
}

#[tokio::test]
async fn faults_in_lists_and_writes() {
    let played = Played::faulty(Fault::new(FaultKind::RowsWithoutTasks)).await;
    assert_eq!(played.get(LIST).await["data"][1].get("tasks"), None);

    let played = Played::faulty(Fault::new(FaultKind::EmptyList)).await;
    assert_eq!(played.get(LIST).await, json!({ "data": [], "status": 200 }));

    let played = Played::faulty(Fault::new(FaultKind::RepeatedCursor)).await;
    let first = played.get(LIST).await["paging"].clone();
    let after = first["cursors"]["after"].as_str().unwrap();
    let second = played.get(&format!("{LIST}&after={after}")).await["paging"].clone();
    assert!(second["next"].is_string());
    assert_eq!(second["cursors"]["after"], after);

    let body = json!({ "user": "101", "tasks": ["DEVELOP"] });
    for (what, success, held) in [
        (FaultKind::SuccessFalse, false, "MANAGE, NEW_TASK"),
        (FaultKind::Ignored, true, "MANAGE, NEW_TASK"),
        (FaultKind::ExtraStored([Task::ViewCost].into()), true, "DEVELOP, VIEW_COST"),
    ] {
        let played = Played::faulty(Fault::new(what).on("POST")).await;
        assert_eq!(played.post("500/assigned_users", body.clone()).await["success"], success);
        assert_eq!(played.held("500", "101"), held);
    }
}

#[tokio::test]
async fn nobody_else_can_reach_it() {
    let options = Options { listen: "0.0.0.0:0".parse().unwrap(), ..Options::default() };
    let refused = Emulator::start(World::default(), options).await.err().unwrap();
    assert!(matches!(refused, EmulatorError::NotLoopback(_)), "{refused}");
}

#[test]
fn a_world_is_read_and_written_and_an_error_has_its_place() {
    let world = World::from_yaml(&WORLD.replace("name: Joint,", "name: Joint, status: DRAFT,")).unwrap();
    let text = world.to_yaml();
    assert!(text.contains("status: DRAFT"), "{text}");
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
fn the_quickstart_is_a_world() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/quickstart/live.yaml");
    let world = World::from_yaml(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(world.admin().unwrap().to_string(), "1972385232742140");
}
