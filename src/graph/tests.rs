//! What the emulator and this module's public face cannot show: that a reader's transport refuses to write, and
//! answers that repeat the token.

use super::call::Call;
use super::transport::{Access, Transport};
use super::wire::Assignment;
use super::{GraphError, Reader, Settings};
use crate::emulator::{Emulator, Options, World};
use reqwest::Method;
use serde_json::json;

const WORLD: &str = "
businesses: [{ id: 10, name: Us, system_users: [{ id: 100, name: admin, role: ADMIN }, { id: 101, name: bot }] }]
wabas: [{ id: 500, name: A, owned_by: 10 }]
";

#[tokio::test]
async fn a_reader_cannot_write_even_where_its_transport_is_asked_to() {
    let emulator = Emulator::start(World::from_yaml(WORLD).unwrap(), Options::default()).await.unwrap();
    let mut settings = Settings::new(emulator.issue_token(None).unwrap());
    settings.graph_url = emulator.url();
    let reader = Reader::connect(&settings).unwrap();
    let body = Assignment { user: String::from("101"), tasks: vec![String::from("DEVELOP")] };
    let call = |method| Call { method, body: Some(body.clone()), ..Call::get("500/assigned_users", &[]) };
    let transport = &reader.client.transport;
    for method in [Method::POST, Method::DELETE, Method::PUT, Method::PATCH] {
        let sent = transport.alone(&call(method.clone())).await.0;
        assert!(matches!(sent, Err(GraphError::ReadOnly)), "{method}: {sent:?}");
        let batch = [&call(Method::GET), &call(method.clone())];
        let sent = transport.batch(&batch).await.0;
        assert!(matches!(sent, Err(GraphError::ReadOnly)), "{method} in a batch: {sent:?}");
    }
    assert_eq!(emulator.calls(), []);
    assert_eq!(reader.calls(), 0);
    // The same words do write where writing is allowed: it is the access that stops them.
    let transport = Transport::new(&settings, Access::Write).unwrap();
    transport.alone(&call(Method::POST)).await.0.unwrap();
    assert_eq!(emulator.world().assignments().len(), 1);
}

/// Returns a reader, with a token that an address cannot hold as it is, to which every answer is this one.
async fn answered(status: u16, body: String) -> Reader {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let mut settings = Settings::new(ECHOED.into());
    settings.graph_url = format!("http://{}", listener.local_addr().expect("an address"));
    settings.retries = 0;
    let status = axum::http::StatusCode::from_u16(status).expect("a status");
    let app = axum::Router::new().fallback(move || async move { (status, body) });
    tokio::spawn(async move { axum::serve(listener, app).await });
    Reader::connect(&settings).expect("good settings")
}

const ECHOED: &str = "70|EAA/echoed+token";

#[tokio::test]
async fn a_token_that_an_answer_repeats_is_shown_nowhere() {
    let said = format!("Malformed access token {ECHOED}");
    let told = json!({ "data": { "is_valid": false, "error": { "message": said } } });
    let info = answered(200, told.to_string()).await.token_info().await.unwrap();
    assert_eq!(info.error.as_deref(), Some("Malformed access token [token]"));

    let traced = json!({ "error": { "message": null, "code": 190, "fbtrace_id": format!("A-{ECHOED}") } });
    let error = answered(400, traced.to_string()).await.token_info().await.unwrap_err();
    assert!(matches!(error, GraphError::TokenDead(_)), "{error:?}");
    assert!(error.to_string().ends_with("(code 190, trace A-[token])"), "{error}");

    let page = "<p>/v25.0/debug_token?input_token=70%7CEAA%2Fechoed%2Btoken is not here</p>";
    let error = answered(404, page.into()).await.token_info().await.unwrap_err();
    assert!(
        error.to_string().ends_with("<p>/v25.0/debug_token?input_token=[token] is not here</p>"),
        "{error}"
    );
}

#[tokio::test]
async fn what_meta_would_tell_a_person_is_told_where_it_says_more() {
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
        (json!(7), json!(format!("Bad token {ECHOED}")), " – Bad token [token]"),
    ];
    for (title, text, told) in cases {
        let error = json!({ "message": "(#100) Invalid parameter", "code": 100, "error_user_title": title, "error_user_msg": text });
        let error = answered(400, json!({ "error": error }).to_string()).await.me().await.unwrap_err();
        let expected = format!("the API refused the call: (#100) Invalid parameter{told} (code 100)");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn an_empty_token_is_refused_at_once() {
    let error = Reader::connect(&Settings::new("".into())).unwrap_err();
    assert_eq!(error.to_string(), "the access token is empty");
}
