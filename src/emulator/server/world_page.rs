//! `/emulator/world`: the world itself, which no API has. Tests and people read it and change it here.

use super::state::ServerState;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::Response;
use serde_json::json;
use std::sync::Arc;

/// The path. The API has no version with this name.
pub(super) const PATH: &str = "/emulator/world";
/// The maximum length of a body in bytes. A guess: some ten thousand WABAs.
const MAX_BODY: usize = 16 << 20;

/// Handles GET, which returns the world as YAML, and POST, which replaces or adds the entries of the body.
pub(super) async fn handle(state: Arc<ServerState>, parts: Parts, body: Body) -> Response {
    // A web page in a browser can send requests to this machine, and must not change the world.
    if parts.headers.contains_key(ORIGIN) {
        return error(StatusCode::FORBIDDEN, "requests from web pages are refused");
    }
    if parts.method == Method::GET {
        state.apply_foreign_changes();
        let text = state.world().to_yaml();
        return response(StatusCode::OK, "application/yaml", text);
    }
    if parts.method != Method::POST {
        return error(StatusCode::METHOD_NOT_ALLOWED, "only GET and POST are possible");
    }
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return error(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long");
    };
    let text = String::from_utf8_lossy(&body).into_owned();
    let update = tokio::task::spawn_blocking(move || state.update(&text));
    match update.await {
        Ok(Ok(())) => response(StatusCode::OK, "application/json", json!({ "success": true }).to_string()),
        Ok(Err(why)) => error(StatusCode::BAD_REQUEST, &why),
        Err(_) => error(StatusCode::INTERNAL_SERVER_ERROR, "the world could not be changed"),
    }
}

fn error(status: StatusCode, message: &str) -> Response {
    let message = format!("The wabacl emulator: {message}");
    response(status, "application/json", json!({ "error": { "message": message } }).to_string())
}

fn response(status: StatusCode, kind: &'static str, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
