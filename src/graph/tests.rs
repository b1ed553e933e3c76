//! Tests that need more than the public API and the emulator: a write through a reader's transport, and responses that
//! contain the token.

use super::http::wire::AssignmentBody;
use super::http::{ApiCall, HttpClient, Permission, Transport};
use super::{GraphClient, GraphError, Reader, RunSettings, Settings};
use crate::emulator::{Emulator, Options, World};
use crate::model::Name;
use reqwest::Method;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const WORLD: &str = "
businesses: [{ id: 10, name: Us, system_users: [{ id: 100, name: admin, role: ADMIN }, { id: 101, name: bot }] }]
wabas: [{ id: 500, name: A, owned_by: 10 }]
";

#[tokio::test]
async fn the_transport_of_a_reader_rejects_writes() {
    let emulator = Emulator::start(World::from_yaml(WORLD).unwrap(), Options::default()).await.unwrap();
    let mut settings = Settings::new(emulator.issue_token(None).unwrap());
    settings.graph_url = emulator.url();
    let reader = GraphClient::new(&settings).unwrap().reader(&RunSettings::default());
    let body = AssignmentBody { user: String::from("101"), tasks: vec![String::from("DEVELOP")] };
    let call =
        |method| ApiCall { method, body: Some(body.clone()), ..ApiCall::get("500/assigned_users", &[]) };
    let transport = &reader.retrier.transport;
    for method in [Method::POST, Method::DELETE, Method::PUT, Method::PATCH] {
        let sent = transport.send(&call(method.clone())).await.0;
        assert!(matches!(sent, Err(GraphError::ReadOnly)), "{method}: {sent:?}");
        let batch = [&call(Method::GET), &call(method.clone())];
        let sent = transport.send_batch(&batch).await.0;
        assert!(matches!(sent, Err(GraphError::ReadOnly)), "{method} in a batch: {sent:?}");
    }
    assert_eq!(emulator.calls(), []);
    assert_eq!(reader.calls(), 0);
    // The same call succeeds with permission to write.
    let http = Arc::new(HttpClient::new(&settings).unwrap());
    let transport = Transport::new(http, Permission::ReadWrite);
    transport.send(&call(Method::POST)).await.0.unwrap();
    assert_eq!(emulator.world().assignments().len(), 1);
}

/// Returns a reader that receives the same response to every request. Its token has characters that a URL encodes.
async fn reader_receiving(status: u16, body: String) -> Reader {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let mut settings = Settings::new(ECHOED.into());
    settings.graph_url = format!("http://{}", listener.local_addr().expect("an address"));
    let status = axum::http::StatusCode::from_u16(status).expect("a status");
    let app = axum::Router::new().fallback(move || async move { (status, body) });
    tokio::spawn(async move { axum::serve(listener, app).await });
    let run = RunSettings { retries: 0, max_wait: Duration::ZERO, ..RunSettings::default() };
    GraphClient::new(&settings).expect("good settings").reader(&run)
}

const ECHOED: &str = "70|EAA/echoed+token";

#[tokio::test]
async fn a_token_in_a_response_is_redacted() {
    let message = format!("Malformed access token {ECHOED}");
    let body = json!({ "data": { "is_valid": false, "error": { "message": message } } });
    let info = reader_receiving(200, body.to_string()).await.token_info().await.unwrap();
    assert_eq!(info.error.as_deref(), Some("Malformed access token (redacted token)"));

    let traced = json!({ "error": { "message": null, "code": 190, "fbtrace_id": format!("A-{ECHOED}") } });
    let error = reader_receiving(400, traced.to_string()).await.token_info().await.unwrap_err();
    assert!(matches!(error, GraphError::InvalidToken(_)), "{error:?}");
    assert!(error.to_string().ends_with("(code 190, trace A-(redacted token))"), "{error}");

    let page = "<p>/v25.0/debug_token?input_token=70%7CEAA%2Fechoed%2Btoken is not here</p>";
    let error = reader_receiving(404, page.into()).await.token_info().await.unwrap_err();
    assert!(
        error.to_string().ends_with("<p>/v25.0/debug_token?input_token=(redacted token) is not here</p>"),
        "{error}"
    );
}

#[tokio::test]
async fn the_texts_for_end_users_are_shown_if_they_add_to_the_message() {
    let cases = [
        (
            json!("No such user"),
            json!("It was \u{1b}[31mremoved."),
            " – No such user: It was \\u{1b}[31mremoved.",
        ),
        (json!("invalid parameter."), json!("Ask your admin"), " – Ask your admin"),
        (json!("No such user"), json!("There is no such user here."), " – There is no such user here."),
        (json!("No such user"), json!(null), " – No such user"),
        (json!(" "), json!("Invalid Parameter"), ""),
        (json!(7), json!(format!("Bad token {ECHOED}")), " – Bad token (redacted token)"),
    ];
    for (title, text, shown) in cases {
        let error = json!({ "message": "(#100) Invalid parameter", "code": 100, "error_user_title": title, "error_user_msg": text });
        let error =
            reader_receiving(400, json!({ "error": error }).to_string()).await.me().await.unwrap_err();
        let expected = format!("the API rejected the call: (#100) Invalid parameter{shown} (code 100)");
        assert_eq!(error.to_string(), expected);
    }
}

/// Returns the error of a read that gets this response.
async fn error_of(status: u16, body: impl ToString) -> GraphError {
    reader_receiving(status, body.to_string()).await.me().await.expect_err("the response is an error")
}

#[tokio::test]
async fn a_missing_proof_is_fatal_whatever_its_code() {
    for code in [100, 104] {
        let message = "API calls from the server require an appsecret_proof argument";
        let error = json!({ "error": { "message": message, "type": "GraphMethodException", "code": code } });
        let error = error_of(400, error).await;
        assert!(matches!(error, GraphError::InvalidProof(_)) && error.is_fatal(), "{error:?}");
        assert!(error.hint().unwrap().contains("WABACL_APP_SECRET"));
    }
}

#[tokio::test]
async fn code_0_is_a_dead_token_by_its_type_and_an_absent_code_is_not_0() {
    let error = |code: serde_json::Value, kind: &str| {
        let error = json!({ "error": { "message": "no", "type": kind, "code": code } });
        error_of(400, error)
    };
    let dead = error(json!(0), "AuthException").await;
    assert!(matches!(dead, GraphError::InvalidToken(_)) && dead.is_fatal(), "{dead:?}");
    for (code, kind) in [(json!(0), "OAuthException"), (json!(null), "AuthException")] {
        let alive = error(code, kind).await;
        assert!(matches!(alive, GraphError::BadRequest(_)), "{alive:?}");
    }
    let error = error(json!(null), "AuthException").await;
    assert_eq!(error.to_string(), "the API rejected the call: no", "it shows no code");
}

#[tokio::test]
async fn a_page_with_status_429_is_throttling_and_one_with_200_is_from_elsewhere() {
    let GraphError::ThrottledTooLong { api, .. } = error_of(429, "<html>Slow down</html>").await else {
        panic!("it is not throttling")
    };
    assert_eq!(api.to_string(), "HTTP 429: <html>Slow down</html>");
    let error = error_of(200, "<html>Welcome</html>").await;
    let expected = "the response (HTTP 200) is not from the Graph API: <html>Welcome</html>";
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn half_a_surrogate_pair_in_a_name_is_replaced() {
    let me = reader_receiving(200, r#"{"id":"1","name":"spare \ud83d"}"#.into()).await.me().await.unwrap();
    assert_eq!(me.name, Name::from("spare \u{fffd}"));
}

#[test]
fn an_empty_token_is_rejected_by_the_settings() {
    let error = GraphClient::new(&Settings::new("".into())).unwrap_err();
    assert_eq!(error.to_string(), "the access token is empty");
}
