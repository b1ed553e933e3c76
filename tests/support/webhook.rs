//! What Meta's side of the webhook does: it signs events and posts them.

use secrecy::SecretString;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wabacl::webhook::{self, Secrets};

/// The app secret. It is long and unique, so a search for it has no false matches.
pub(crate) const APP_SECRET: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

/// The verify token.
pub(crate) const VERIFY_TOKEN: &str = "verifyTokenOfTheWebhook-0123456789";

/// Returns the secrets of the endpoint under test.
pub(crate) fn secrets() -> Secrets {
    Secrets::new(Some(APP_SECRET.into()), Some(VERIFY_TOKEN.into())).unwrap()
}

/// Returns the body with an event about a WABA.
pub(crate) fn event(event: &str, waba: &str) -> String {
    let info = format!("{{\"waba_id\":\"{waba}\",\"owner_business_id\":\"20\"}}");
    let change =
        format!("{{\"field\":\"account_update\",\"value\":{{\"event\":\"{event}\",\"waba_info\":{info}}}}}");
    format!(
        "{{\"object\":\"whatsapp_business_account\",\
         \"entry\":[{{\"id\":\"10\",\"time\":1744823932,\"changes\":[{change}]}}]}}"
    )
}

/// Returns the value of the header with the signature of a body.
pub(crate) fn signature(body: &str) -> String {
    webhook::sign(body.as_bytes(), &SecretString::from(APP_SECRET))
}

/// Returns a request that posts a body with a signature.
pub(crate) fn request(body: &str, signature: &str) -> String {
    let length = body.len();
    format!(
        "POST /webhook HTTP/1.1\r\nHost: hooks.example.com\r\nContent-Type: application/json\r\n\
         X-Hub-Signature-256: {signature}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

/// Signs a body, posts it, and returns the status of the answer.
pub(crate) async fn deliver(to: SocketAddr, body: &str) -> u16 {
    send(to, &request(body, &signature(body))).await.0
}

/// Sends a request as it is, and returns the status and the body of the answer.
pub(crate) async fn send(to: SocketAddr, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    answer(stream).await
}

/// Reads the answer, and returns its status and its body. The endpoint closes the connection after it.
pub(crate) async fn answer(mut stream: TcpStream) -> (u16, String) {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").expect("an answer has a head");
    let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).expect("a status");
    (status.parse().unwrap(), body.to_owned())
}
