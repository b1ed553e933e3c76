//! A request, and the answer to it.

use super::body::{self, Body, BodyError};
use super::{Bytes, Method, StatusCode};
use crate::clock::Clock;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// A request, of which the head is read.
pub struct Request {
    inner: hyper::Request<Incoming>,
    body_time: Duration,
    clock: Clock,
    bodies: Arc<Semaphore>,
}

impl fmt::Debug for Request {
    /// Leaves the query and the headers out: they hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (method, path) = (self.method(), self.path());
        f.debug_struct("Request").field("method", method).field("path", &path).finish_non_exhaustive()
    }
}

impl Request {
    pub(super) fn new(
        inner: hyper::Request<Incoming>,
        body_time: Duration,
        clock: Clock,
        bodies: Arc<Semaphore>,
    ) -> Self {
        Self { inner, body_time, clock, bodies }
    }

    /// Returns the method.
    pub fn method(&self) -> &Method {
        self.inner.method()
    }

    /// Returns the path as it was sent, without the query.
    pub fn path(&self) -> &str {
        self.inner.uri().path()
    }

    /// Returns the query as it was sent; empty if there is none.
    pub fn query(&self) -> &str {
        self.inner.uri().query().unwrap_or_default()
    }

    /// Returns the value of a header that is there exactly once.
    pub fn header(&self, name: &'static str) -> Option<&[u8]> {
        let mut values = self.inner.headers().get_all(name).iter();
        let value = values.next()?;
        values.next().is_none().then_some(value.as_bytes())
    }

    /// Reads the body, of at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// If it is longer, too slow, breaks off, or too many bodies are being read. [`BodyError::status`] answers the client.
    pub async fn body(self, limit: usize) -> Result<Body, BodyError> {
        body::read(self.inner.into_body(), limit, self.body_time, &self.clock, &self.bodies).await
    }
}

/// An answer.
#[derive(Debug)]
pub struct Response(hyper::Response<Full<Bytes>>);

impl Response {
    /// Makes an answer without a body.
    pub fn empty(status: StatusCode) -> Self {
        let mut response = hyper::Response::new(Full::default());
        *response.status_mut() = status;
        Self(response)
    }

    /// Makes an answer with a body that no browser takes for another kind, and that no proxy keeps.
    pub fn text(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Self {
        let mut response = Self::empty(status);
        *response.0.body_mut() = Full::new(body.into());
        response
            .with(CONTENT_TYPE, HeaderValue::from_static(kind))
            .with(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))
            .with(CACHE_CONTROL, HeaderValue::from_static("no-store"))
    }

    /// Makes the answer to a method that a path does not have. `methods` are those that it has, separated by commas.
    pub fn not_allowed(methods: &'static str) -> Self {
        Self::empty(StatusCode::METHOD_NOT_ALLOWED).with(ALLOW, HeaderValue::from_static(methods))
    }

    /// Adds a header.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers_mut().insert(name, value);
        self
    }

    /// Returns the status.
    pub fn status(&self) -> StatusCode {
        self.0.status()
    }

    pub(super) fn into_inner(self) -> hyper::Response<Full<Bytes>> {
        self.0
    }
}
