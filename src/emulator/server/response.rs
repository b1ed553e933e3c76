//! Responses to calls, as an HTTP response or as an item of a batch's response.

use super::connection::DropFlag;
use crate::emulator::faults::LimitScope;
use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use std::io::Write as _;

/// The error page of a proxy.
const HTML: &str = "<html><body><h1>Sorry, something went wrong.</h1></body></html>";

/// The response to a call.
pub(crate) struct CallResponse {
    pub(crate) status: u16,
    pub(crate) content: Content,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The number of nested lists.
    pub(crate) nested_lists: usize,
    /// The scopes whose throttling the response announces.
    pub(crate) announces: Vec<LimitScope>,
}

/// The content of a response.
pub(crate) enum Content {
    Json(String),
    /// The error page of a proxy.
    Html,
    /// The first half of the text, with the `Content-Length` of the whole text.
    Truncated(String),
    /// A body that never ends.
    Endless,
    /// A redirect to a URL.
    Redirect(String),
    /// No response: the connection closes.
    Lost,
}

impl CallResponse {
    /// Makes a response without headers.
    pub(crate) fn new(status: u16, content: Content) -> Self {
        Self { status, content, headers: Vec::new(), nested_lists: 0, announces: Vec::new() }
    }

    /// Replaces JSON content by content that does not reach the client whole.
    pub(crate) fn damage(&mut self, content: impl FnOnce(String) -> Content) {
        if let Content::Json(text) = &mut self.content {
            self.content = content(std::mem::take(text));
        }
        self.announces.clear();
    }

    /// Returns the item for the response of a batch.
    pub(crate) fn into_item(self, with_headers: bool) -> Value {
        let body = match self.content {
            Content::Json(text) => text,
            Content::Html => HTML.to_owned(),
            Content::Truncated(text) => first_half(&text),
            Content::Redirect(_) | Content::Endless => String::new(),
            Content::Lost => return Value::Null,
        };
        let mut item = json!({ "code": self.status, "body": body });
        if with_headers {
            let headers = self.headers.into_iter();
            item["headers"] = headers.map(|(name, value)| json!({ "name": name, "value": value })).collect();
        }
        item
    }

    /// Returns the HTTP response. Drops the connection if there is none.
    pub(crate) fn into_response(self, flag: &DropFlag, compresses: bool) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        let body = match self.content {
            Content::Json(text) if compresses => {
                headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                compress(&text).into()
            }
            Content::Json(text) => Body::from(text),
            Content::Html => {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
                HTML.into()
            }
            Content::Truncated(text) => {
                headers.insert(header::CONTENT_LENGTH, text.len().into());
                interrupted_body(first_half(&text))
            }
            Content::Endless => endless_body(),
            Content::Redirect(url) => {
                if let Ok(url) = HeaderValue::from_str(&url) {
                    headers.insert(header::LOCATION, url);
                }
                Body::empty()
            }
            Content::Lost => {
                flag.set();
                Body::empty()
            }
        };
        *response.body_mut() = body;
        response
    }
}

fn compress(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).expect("writing to memory cannot fail");
    encoder.finish().expect("writing to memory cannot fail")
}

fn first_half(text: &str) -> String {
    text.chars().take(text.chars().count() / 2).collect()
}

/// Returns a body that sends the text and then breaks the connection.
fn interrupted_body(text: String) -> Body {
    let rest = stream::once(async {
        // The server sends the text while this task yields. An immediate error would discard it.
        tokio::task::yield_now().await;
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
    });
    Body::from_stream(stream::iter([Ok(Bytes::from(text))]).chain(rest))
}

/// Returns a body that starts a list and sends spaces for as long as the client reads.
fn endless_body() -> Body {
    let head = stream::once(async { Bytes::from_static(b"{\"data\":[") });
    let rest = stream::repeat_with(|| Bytes::from_static(&[b' '; 8192]));
    Body::from_stream(head.chain(rest).map(Ok::<_, std::convert::Infallible>))
}
