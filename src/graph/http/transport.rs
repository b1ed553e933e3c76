//! Sends a call, or a batch of calls, and reads the response up to a limit.

use super::address;
use super::proxy;
use super::request::ApiCall;
use super::response::{self, ApiHeaders, ApiResponse};
use super::secrets::Secrets;
use super::wire::BatchItem;
use crate::clock::Clock;
use crate::graph::error::GraphError;
use crate::graph::settings::Settings;
use crate::redact;
use crate::store::LeaseGuard;
use reqwest::{Client, Method, RequestBuilder, Response, Url, redirect};
use secrecy::ExposeSecret;
use serde_json::Value;
use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The connections to the API with one token. All runs share them.
#[derive(Debug)]
pub(in crate::graph) struct HttpClient {
    client: Client,
    base: Url,
    secrets: Secrets,
    body_limit: usize,
    request_timeout: Duration,
    clock: Clock,
    /// The version that is asked for.
    version: String,
    /// Whether another version has answered.
    other_version: AtomicBool,
}

impl HttpClient {
    /// Creates a client. Reads the CA file, if there is one; sends nothing.
    ///
    /// # Errors
    ///
    /// [`GraphError::Settings`].
    pub(in crate::graph) fn new(settings: &Settings) -> Result<Self, GraphError> {
        let base = address::base(&settings.graph_url, &settings.graph_version)?;
        let mut client = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(settings.connect_timeout)
            .default_headers(address::headers(&settings.token)?)
            .user_agent(concat!("wabacl/", env!("CARGO_PKG_VERSION")));
        if address::is_loopback(&base) {
            client = client.no_proxy();
        } else {
            proxy::check_environment()?;
        }
        if let Some(path) = &settings.ca_file {
            for certificate in address::certificates(path)? {
                client = client.add_root_certificate(certificate);
            }
        }
        let client = client
            .build()
            .map_err(|error| GraphError::settings_because("the HTTP client could not be created", error))?;
        Ok(Self {
            client,
            secrets: Secrets::new(&settings.token, settings.app_secret.as_ref()),
            base,
            body_limit: settings.body_limit,
            request_timeout: settings.request_timeout,
            clock: settings.clock.clone(),
            version: settings.graph_version.clone(),
            other_version: AtomicBool::new(false),
        })
    }

    /// Returns a request for a call that is not part of a batch.
    fn request(&self, call: &ApiCall) -> RequestBuilder {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .expect("the base address has a path")
            .pop_if_empty()
            .extend(call.path.split('/'));
        let request = self.client.request(call.method.clone(), url).query(&call.query);
        match &call.body {
            Some(body) => request.json(body),
            None => request,
        }
    }

    fn batch_request(&self, calls: &[&ApiCall]) -> RequestBuilder {
        let items: Vec<Value> = calls.iter().map(|call| call.batch_item(&self.base)).collect();
        let mut url = self.base.clone();
        url.path_segments_mut().expect("the base address has a path").push("");
        self.client.post(url).form(&[("batch", Value::from(items).to_string())])
    }

    /// Warns, once, if another version of the API answers than the one that was asked for.
    fn compare_version(&self, headers: &ApiHeaders) {
        let Some(version) = headers.version.as_deref().filter(|version| *version != self.version) else {
            return;
        };
        if !self.other_version.swap(true, Ordering::Relaxed) {
            let asked = &self.version;
            tracing::warn!(
                "version {version} of the API answers, and {asked} was asked for: Meta may have ended {asked}; pass \
                 another one with --graph-version"
            );
        }
    }

    /// Sends a request and reads its response: status, headers and body. `what` describes it in the log.
    async fn exchange(&self, request: RequestBuilder, what: &str) -> Result<RawResponse, GraphError> {
        let request = match self.secrets.proof() {
            Some(proof) => request.query(&[("appsecret_proof", proof.expose_secret())]),
            None => request,
        };
        let started = self.clock.elapsed();
        let exchange = self.clock.working(async {
            let response = request.send().await.map_err(send_error)?;
            let status = response.status().as_u16();
            let headers = ApiHeaders::of_response(response.headers());
            Ok(RawResponse { status, headers, body: self.read_body(response).await? })
        });
        let timed_out = GraphError::TimedOut { after: self.request_timeout };
        let response: Result<RawResponse, GraphError> =
            self.clock.within(self.request_timeout, exchange).await.ok_or(timed_out)?;
        let response = response?;
        self.compare_version(&response.headers);
        let took = self.clock.elapsed().saturating_sub(started);
        tracing::debug!("{what}: HTTP {}, {} bytes, {took:.0?}", response.status, response.body.len());
        Ok(response)
    }

    async fn read_body(&self, mut response: Response) -> Result<Vec<u8>, GraphError> {
        let status = response.status();
        if status.is_redirection() {
            return Err(GraphError::Redirect { status: status.as_u16() });
        }
        let broken =
            |error: reqwest::Error| GraphError::ConnectionBroken { source: Arc::new(error.without_url()) };
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if bytes.len() + chunk.len() > self.body_limit {
                return Err(GraphError::TooLarge { limit: self.body_limit });
            }
            bytes.extend_from_slice(&chunk);
        }
        // Here foreign text enters: what echoes a secret goes no further.
        Ok(match redact::bytes(&bytes) {
            Cow::Borrowed(_) => bytes,
            Cow::Owned(redacted) => redacted,
        })
    }
}

/// A response before it is checked.
struct RawResponse {
    status: u16,
    headers: ApiHeaders,
    body: Vec<u8>,
}

/// Classifies a request without a response: if it was never sent, a write cannot have taken effect.
fn send_error(error: reqwest::Error) -> GraphError {
    let error = error.without_url();
    let was_not_sent = error.is_connect() || error.is_builder();
    let source = Arc::new(error);
    if was_not_sent { GraphError::Unreachable { source } } else { GraphError::ConnectionBroken { source } }
}

/// The calls that a transport may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::graph) enum Permission {
    /// GET only, and batches of GET items.
    ReadOnly,
    /// All calls.
    ReadWrite,
}

/// The result of a request, and the headers of its response.
pub(in crate::graph) type WithHeaders<T> = (Result<T, GraphError>, ApiHeaders);

/// The right to send some kinds of calls, with a count of the calls sent.
#[derive(Debug)]
pub(in crate::graph) struct Transport {
    http: Arc<HttpClient>,
    permission: Permission,
    requests: AtomicU64,
    calls: AtomicU64,
    guard: OnceLock<LeaseGuard>,
}

impl Transport {
    pub(in crate::graph) fn new(http: Arc<HttpClient>, permission: Permission) -> Self {
        let (requests, calls, guard) = (AtomicU64::new(0), AtomicU64::new(0), OnceLock::new());
        Self { http, permission, requests, calls, guard }
    }

    /// Lets a lease decide whether a request may leave. Only the first one is kept.
    pub(in crate::graph) fn guard_by(&self, guard: LeaseGuard) {
        let _ = self.guard.set(guard);
    }

    /// Returns whether a request may leave now.
    pub(in crate::graph) async fn may_send(&self) -> bool {
        match self.guard.get() {
            Some(guard) => guard.may_send().await,
            None => true,
        }
    }

    pub(in crate::graph) fn secrets(&self) -> &Secrets {
        &self.http.secrets
    }

    /// Returns the number of requests sent.
    pub(in crate::graph) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Returns the number of calls sent. The API counts each item of a batch as a call.
    pub(in crate::graph) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Sends one call as a request of its own.
    pub(in crate::graph) async fn send(&self, call: &ApiCall) -> WithHeaders<ApiResponse> {
        let sent = async {
            self.permit(&[call])?;
            let what = format!("{} /{}", call.method, call.path);
            self.http.exchange(self.http.request(call), &what).await
        };
        match sent.await {
            Err(error) => (Err(error), ApiHeaders::default()),
            Ok(RawResponse { status, headers, body }) => (response::check(status, body, &headers), headers),
        }
    }

    /// Sends calls as one request. Each has a result of its own; a call without a response is
    /// [`GraphError::NoBatchItem`].
    pub(in crate::graph) async fn send_batch(
        &self,
        calls: &[&ApiCall],
    ) -> WithHeaders<Vec<Result<ApiResponse, GraphError>>> {
        let sent = async {
            self.permit(calls)?;
            let what = format!("batch of {}", calls.len());
            self.http.exchange(self.http.batch_request(calls), &what).await
        };
        let RawResponse { status, mut headers, body } = match sent.await {
            Err(error) => return (Err(error), ApiHeaders::default()),
            Ok(response) => response,
        };
        let items = response::check(status, body, &headers)
            .and_then(|response| response.parse::<Vec<Option<BatchItem>>>());
        let items = match items {
            Ok(items) if items.len() == calls.len() => items,
            Ok(items) => {
                let what = format!("{} items for a batch of {}", items.len(), calls.len());
                return (Err(GraphError::UnexpectedResponse { status, what }), headers);
            }
            Err(error) => return (Err(error), headers),
        };
        let check = |item: Option<BatchItem>| {
            let item = item.ok_or(GraphError::NoBatchItem)?;
            let item_headers = ApiHeaders::of_batch_item(&item);
            headers.merge(&item_headers);
            let body = item.body.unwrap_or_default().into_bytes();
            response::check(item.code, body, &item_headers)
        };
        let results = items.into_iter().map(check).collect();
        (Ok(results), headers)
    }

    /// Checks that calls may be sent, and counts them.
    fn permit(&self, calls: &[&ApiCall]) -> Result<(), GraphError> {
        let is_read = calls.iter().all(|call| call.method == Method::GET);
        if self.permission == Permission::ReadOnly && !is_read {
            return Err(GraphError::ReadOnly);
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.calls.fetch_add(calls.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}
