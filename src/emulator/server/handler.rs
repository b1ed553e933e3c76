//! The HTTP handler: parses a request, records its calls, draws their faults, and waits for the latency.

use super::connection::DropFlag;
use super::event_log::LoggedCall;
use super::perform::IncomingCall;
use super::response::{CallResponse, Content};
use super::state::ServerState;
use super::world_page;
use crate::emulator::api::{ApiRequest, DEFAULT_VERSION, Rejection, RequestBatch};
use crate::emulator::faults::CallKind;
use axum::extract::{ConnectInfo, State};
use axum::http::header::ACCEPT_ENCODING;
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use fastrand::Rng;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// A parsed HTTP request.
enum Job {
    /// A request that cannot be parsed, or a batch that is too long.
    Rejected {
        version: String,
        rejection: Rejection,
    },
    Single(IncomingCall),
    Batch {
        batch: IncomingCall,
        items: Vec<Result<IncomingCall, Rejection>>,
        /// The order in which the items take effect: random, because clients must not rely on it.
        order: Vec<usize>,
        with_headers: bool,
    },
}

/// Handles an HTTP request.
pub(crate) async fn handle(
    State(state): State<Arc<ServerState>>,
    ConnectInfo(flag): ConnectInfo<DropFlag>,
    request: axum::extract::Request,
) -> Response {
    let (parts, body) = request.into_parts();
    if parts.uri.path() == world_page::PATH {
        return world_page::handle(state, parts, body).await;
    }
    state.log().requests += 1;
    let compresses = accepts_gzip(&parts.headers) && state.script().compresses();
    let arrived = state.clock.elapsed();
    let (job, latency) = match ApiRequest::read(&parts, body).await {
        Ok(request) => schedule(&state, request, arrived),
        Err(rejection) => {
            record(&state, &parts.method, parts.uri.path().to_owned());
            (Job::Rejected { version: DEFAULT_VERSION.to_owned(), rejection }, Duration::ZERO)
        }
    };
    wait(&state, latency).await;
    let response = run(&state, job).await;
    wait(&state, state.latency.nested(response.nested_lists)).await;
    let now = state.clock.elapsed();
    for scope in &response.announces {
        state.limiter().record_announcement(*scope, now);
    }
    response.into_response(&flag, compresses)
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("gzip"))
}

/// Waits for a latency. Without one, the clock is not asked: a simulated clock would count a waiting task.
async fn wait(state: &ServerState, duration: Duration) {
    if !duration.is_zero() {
        state.clock.hold(duration).await;
    }
}

/// Records the calls in a request, and draws their faults and the latency.
fn schedule(state: &ServerState, request: ApiRequest, arrived: Duration) -> (Job, Duration) {
    let mut rng = state.script().rng(&request);
    let batch = match RequestBatch::parse(&request) {
        Ok(batch) => batch,
        Err(rejection) => {
            record(state, &request.method, request.location());
            let latency = state.script().latency(&mut rng, &state.latency, 1);
            return (Job::Rejected { version: request.version, rejection }, latency);
        }
    };
    let calls = batch.as_ref().map_or(1, |batch| batch.items.len());
    let latency = state.script().latency(&mut rng, &state.latency, calls);
    let Some(RequestBatch { items, with_headers }) = batch else {
        return (Job::Single(accept(state, request, arrived, CallKind::Single, &mut rng)), latency);
    };
    let mut order: Vec<usize> = (0..items.len()).collect();
    rng.shuffle(&mut order);
    let batch = accept(state, request, arrived, CallKind::Batch, &mut rng);
    let items = items.into_iter().map(|item| {
        let item = item?;
        let mut rng = state.script().rng(&item);
        Ok(accept(state, item, arrived, CallKind::BatchItem, &mut rng))
    });
    (Job::Batch { batch, items: items.collect(), order, with_headers }, latency)
}

fn record(state: &ServerState, method: &Method, path: String) {
    state.log().calls.push(LoggedCall { method: method.to_string(), path });
}

/// Records a call, and chooses its fault.
fn accept(
    state: &ServerState,
    request: ApiRequest,
    arrived: Duration,
    kind: CallKind,
    rng: &mut Rng,
) -> IncomingCall {
    let path = request.location();
    let fault = state.faults.next_for(&request.method, &path, kind).cloned();
    let fault = fault.or_else(|| state.script().fault(rng, &request, kind));
    if kind != CallKind::Batch {
        record(state, &request.method, path);
        if let Some(waba) = request.charged_waba() {
            state.limiter().record_arrival(waba, arrived);
        }
    }
    IncomingCall { request, arrived, fault }
}

/// Runs a job. If a write has to wait for the disk, the job runs on a thread that may block.
async fn run(state: &Arc<ServerState>, job: Job) -> CallResponse {
    let only_reads = matches!(&job, Job::Single(call) if call.request.method == Method::GET);
    if state.state_file.is_none() || only_reads {
        return run_blocking(state, job);
    }
    let shared = Arc::clone(state);
    let task = tokio::task::spawn_blocking(move || run_blocking(&shared, job));
    task.await.unwrap_or_else(|_| state.reject(DEFAULT_VERSION, &Rejection::state_not_saved()))
}

fn run_blocking(state: &ServerState, job: Job) -> CallResponse {
    match job {
        Job::Rejected { version, rejection } => state.reject(&version, &rejection),
        Job::Single(call) => state.perform(&call),
        Job::Batch { batch, items, order, with_headers } => {
            state.perform_batch(&batch, |state| run_items(state, &items, &order, with_headers))
        }
    }
}

/// Performs the items of a batch in `order`. The response lists them in the order of the request.
fn run_items(
    state: &ServerState,
    items: &[Result<IncomingCall, Rejection>],
    order: &[usize],
    with_headers: bool,
) -> CallResponse {
    let mut whole = CallResponse::new(200, Content::Lost);
    let mut responses = vec![Value::Null; items.len()];
    for index in order {
        let response = match &items[*index] {
            Ok(call) => state.perform(call),
            Err(rejection) => state.reject(DEFAULT_VERSION, rejection),
        };
        whole.nested_lists += response.nested_lists;
        whole.announces.extend(&response.announces);
        responses[*index] = response.into_item(with_headers);
    }
    whole.content = Content::Json(Value::Array(responses).to_string());
    whole
}
