//! Answers: what a call came to, as a response on the wire or as one item of a batch's answer.

use super::connection::Switch;
use super::limit::Subject;
use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use std::io::Write as _;

const HTML: &str = "<html><body><h1>Sorry, something went wrong.</h1></body></html>";

/// What a call came to.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content: Content,
    pub(super) headers: Vec<(&'static str, String)>,
    /// How many nested lists it holds.
    pub(super) lists: usize,
    /// Whom it tells to be throttled.
    pub(super) told: Vec<Subject>,
}

/// What an answer holds.
pub(super) enum Content {
    Json(String),
    /// What a proxy says in the API's place.
    Html,
    /// It is announced whole, and breaks off half-way.
    HalfOf(String),
    /// It never ends.
    Endless,
    /// It is to be had elsewhere.
    At(String),
    /// There is no answer.
    Lost,
}

impl Answer {
    /// Makes an answer that says no more than this.
    pub(super) fn plain(status: u16, content: Content) -> Self {
        Self { status, content, headers: Vec::new(), lists: 0, told: Vec::new() }
    }

    /// Takes the answer, or half of it, away from its caller.
    pub(super) fn lose(&mut self, content: impl FnOnce(String) -> Content) {
        if let Content::Json(text) = &mut self.content {
            self.content = content(std::mem::take(text));
        }
        self.told.clear();
    }

    /// Returns the answer as an item of a batch's.
    pub(super) fn into_item(self, with_headers: bool) -> Value {
        let body = match self.content {
            Content::Json(text) => text,
            Content::Html => HTML.to_owned(),
            Content::HalfOf(text) => half(&text),
            Content::At(_) | Content::Endless => String::new(),
            Content::Lost => return Value::Null,
        };
        let mut item = json!({ "code": self.status, "body": body });
        if with_headers {
            let headers = self.headers.into_iter();
            item["headers"] = headers.map(|(name, value)| json!({ "name": name, "value": value })).collect();
        }
        item
    }

    /// Returns the answer as a response, and cuts the line where there is none.
    pub(super) fn into_response(self, switch: &Switch, compresses: bool) -> Response {
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
                compressed(&text).into()
            }
            Content::Json(text) => Body::from(text),
            Content::Html => {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
                HTML.into()
            }
            Content::HalfOf(text) => {
                headers.insert(header::CONTENT_LENGTH, text.len().into());
                breaking_off(half(&text))
            }
            Content::Endless => endless(),
            Content::At(place) => {
                if let Ok(place) = HeaderValue::from_str(&place) {
                    headers.insert(header::LOCATION, place);
                }
                Body::empty()
            }
            Content::Lost => {
                switch.cut();
                Body::empty()
            }
        };
        *response.body_mut() = body;
        response
    }
}

fn compressed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).expect("memory takes any text");
    encoder.finish().expect("memory takes any text")
}

/// Returns the first half of a text.
fn half(text: &str) -> String {
    text.chars().take(text.chars().count() / 2).collect()
}

/// Sends this and no more.
fn breaking_off(text: String) -> Body {
    let rest = stream::once(async {
        // While this waits, the server sends what it has; an error at once would take that with it.
        tokio::task::yield_now().await;
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
    });
    Body::from_stream(stream::iter([Ok(Bytes::from(text))]).chain(rest))
}

/// Begins a list and goes on for as long as anybody reads.
fn endless() -> Body {
    let head = stream::once(async { Bytes::from_static(b"{\"data\":[") });
    let rest = stream::repeat_with(|| Bytes::from_static(&[b' '; 8192]));
    Body::from_stream(head.chain(rest).map(Ok::<_, std::convert::Infallible>))
}
