//! The server: takes requests off the wire, gives them to the API, keeps what they change, and plays faults.

use super::api::{self, Reply};
use super::fault::{FaultKind, Faults, Instead};
use super::line::Switch;
use super::refusal::Refusal;
use super::request::Request;
use super::world::World;
use super::{Call, state_file};
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

/// What all requests share.
pub(super) struct Shared {
    pub(super) base: String,
    pub(super) latency: Duration,
    pub(super) state_file: Option<PathBuf>,
    pub(super) faults: Faults,
    world: RwLock<World>,
    calls: Mutex<Vec<Call>>,
    state_error: Mutex<Option<String>>,
    traces: AtomicU64,
}

impl Shared {
    pub(super) fn new(
        world: World,
        base: String,
        latency: Duration,
        state_file: Option<PathBuf>,
        faults: Faults,
    ) -> Self {
        Self {
            base,
            latency,
            state_file,
            faults,
            world: RwLock::new(world),
            calls: Mutex::default(),
            state_error: Mutex::default(),
            traces: AtomicU64::new(0),
        }
    }

    // A panic while a lock was held is a failed request, not the end of the emulator: nothing leaves the
    // state half-changed, so the locks are taken whether or not they are poisoned.

    pub(super) fn world(&self) -> RwLockReadGuard<'_, World> {
        self.world.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn world_mut(&self) -> RwLockWriteGuard<'_, World> {
        self.world.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn calls(&self) -> MutexGuard<'_, Vec<Call>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn state_error(&self) -> MutexGuard<'_, Option<String>> {
        self.state_error.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers a request, and keeps what it changes.
    fn answer(&self, request: &Request, fault: Option<&FaultKind>) -> Result<Value, Refusal> {
        let mut answer = if request.method == axum::http::Method::GET {
            match api::reply(&self.world(), &self.base, request)? {
                Reply::Tell(answer) => answer,
                Reply::Store(..) => return Err(Refusal::unknown_object("get", &request.path.join("/"))),
            }
        } else {
            self.write(request, fault)?
        };
        if let Some(fault) = fault {
            fault.spoil(&mut answer, request.param("after"));
        }
        Ok(answer)
    }

    /// Checks and stores a write under one lock; where it cannot be kept on disk, it never happened.
    fn write(&self, request: &Request, fault: Option<&FaultKind>) -> Result<Value, Refusal> {
        let mut world = self.world_mut();
        let (key, mut tasks) = match api::reply(&world, &self.base, request)? {
            Reply::Tell(answer) => return Ok(answer),
            Reply::Store(key, tasks) => (key, tasks),
        };
        if let Some(extra) = fault.and_then(FaultKind::extra) {
            tasks.extend(extra);
        }
        let before = world.assign(key, tasks);
        let kept =
            self.state_file.as_deref().map_or(Ok(()), |path| state_file::write(path, &world.to_yaml()));
        *self.state_error() = kept.as_ref().err().map(ToString::to_string);
        if let Err(error) = kept {
            world.assign(key, before);
            tracing::error!(%error, "a write was refused");
            return Err(Refusal::not_kept());
        }
        Ok(json!({ "success": true }))
    }

    /// Makes up a trace id, as Meta's look.
    fn trace(&self) -> String {
        let number = self.traces.fetch_add(1, Ordering::Relaxed);
        let digest = Sha256::digest(number.to_be_bytes());
        digest.iter().take(11).fold("A".to_owned(), |text, byte| text + &format!("{byte:02x}"))
    }
}

/// Handles one request.
pub(super) async fn handle(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(switch): ConnectInfo<Switch>,
    request: axum::extract::Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    shared.calls().push(Call { method: parts.method.to_string(), path: path.clone() });
    let fault = shared.faults.strike(&parts.method, &path).cloned();
    if !shared.latency.is_zero() {
        tokio::time::sleep(shared.latency).await;
    }
    let read = Request::read(&parts, body).await;
    let version = read.as_ref().map_or("v25.0", |request| &request.version).to_owned();
    let answer = match (fault.as_ref().and_then(FaultKind::instead), read) {
        (Some(Instead::Tell(answer)), _) => Ok(answer),
        (Some(Instead::Refuse(refusal)), _) | (None, Err(refusal)) => Err(refusal),
        (Some(Instead::Close), _) => return cut(&switch),
        (Some(Instead::Html(status)), _) => return html(status),
        (Some(Instead::Redirect(to)), _) => return redirect(&to),
        (Some(Instead::Endless), _) => return endless(),
        (None, Ok(request)) => settle(&shared, request, fault.clone()).await,
    };
    match fault {
        Some(FaultKind::CloseAfterEffect) => cut(&switch),
        Some(FaultKind::TruncatedBody) => truncated(&render(&shared, &path, &version, answer).0),
        _ => {
            let (body, mut response) = render(&shared, &path, &version, answer);
            *response.body_mut() = body.into();
            response
        }
    }
}

/// Answers off the threads that serve connections where a write has to wait for the disk.
async fn settle(shared: &Arc<Shared>, request: Request, fault: Option<FaultKind>) -> Result<Value, Refusal> {
    if shared.state_file.is_none() || request.method == axum::http::Method::GET {
        return shared.answer(&request, fault.as_ref());
    }
    let shared = Arc::clone(shared);
    let task = tokio::task::spawn_blocking(move || shared.answer(&request, fault.as_ref()));
    task.await.unwrap_or_else(|_| Err(Refusal::not_kept()))
}

/// Gives the body of an answer, and the response that it goes into.
fn render(shared: &Shared, path: &str, version: &str, answer: Result<Value, Refusal>) -> (String, Response) {
    let trace = shared.trace();
    let (status, body) = match answer {
        Ok(body) => (200, body),
        Err(refusal) => (refusal.status, refusal.envelope(&trace)),
    };
    let mut response = empty(status);
    let used = shared.calls().len() * 100 / 5000;
    let headers = [
        ("content-type", "application/json; charset=UTF-8".to_owned()),
        ("facebook-api-version", version.to_owned()),
        ("x-fb-trace-id", trace),
        ("x-app-usage", json!({ "call_count": 0, "total_time": 0, "total_cputime": 0 }).to_string()),
        ("x-business-use-case-usage", business_usage(path, used)),
    ];
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    (body.to_string(), response)
}

/// Gives how much of its calls the first id of a path has used, in percent of what an hour allows.
fn business_usage(path: &str, used: usize) -> String {
    let id = path.split('/').find(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    json!({ id.unwrap_or("0"): [{
        "type": "whatsapp_business_management",
        "call_count": used.min(100),
        "total_cputime": 0,
        "total_time": 0,
        "estimated_time_to_regain_access": 0,
    }] })
    .to_string()
}

fn empty(status: u16) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

fn cut(switch: &Switch) -> Response {
    switch.cut();
    empty(200)
}

fn html(status: u16) -> Response {
    let mut response = empty(status);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    *response.body_mut() = "<html><body><h1>Sorry, something went wrong.</h1></body></html>".into();
    response
}

fn redirect(to: &str) -> Response {
    let mut response = empty(302);
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(header::LOCATION, to);
    }
    response
}

/// Announces the whole body and sends half of it.
fn truncated(body: &str) -> Response {
    let mut response = empty(200);
    response.headers_mut().insert(header::CONTENT_LENGTH, body.len().into());
    let half = Bytes::copy_from_slice(body.as_bytes().get(..body.len() / 2).unwrap_or_default());
    let rest = stream::once(async {
        // While this waits, the server sends what it has; an error at once would take that with it.
        tokio::task::yield_now().await;
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
    });
    *response.body_mut() = Body::from_stream(stream::iter([Ok(half)]).chain(rest));
    response
}

/// Begins a list and goes on for as long as anybody reads.
fn endless() -> Response {
    let mut response = empty(200);
    let head = stream::once(async { Bytes::from_static(b"{\"data\":[") });
    let rest = stream::repeat_with(|| Bytes::from_static(&[b' '; 8192]));
    *response.body_mut() = Body::from_stream(head.chain(rest).map(Ok::<_, std::convert::Infallible>));
    response
}
