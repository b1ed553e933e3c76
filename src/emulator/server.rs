//! The server: takes requests off the wire, lets them wait, and answers each call in them.

use super::answer::{Answer, Content};
use super::batch::Batch;
use super::call_log::Call;
use super::connection::Switch;
use super::fault::{FaultKind, Place};
use super::refusal::Refusal;
use super::request::{DEFAULT_VERSION, Request};
use super::shared::Shared;
use axum::extract::{ConnectInfo, State};
use axum::http::header::ACCEPT_ENCODING;
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use fastrand::Rng;
use std::sync::Arc;
use std::time::Duration;

/// A call with all that is decided about it when it comes.
pub(super) struct Incoming {
    pub(super) request: Request,
    pub(super) arrived: Duration,
    pub(super) fault: Option<FaultKind>,
}

/// What a request comes to.
enum Job {
    /// Nothing: it cannot be read, or asks for too much.
    Refused {
        version: String,
        refusal: Refusal,
    },
    Call(Incoming),
    Batch {
        outer: Incoming,
        items: Vec<Result<Incoming, Refusal>>,
        /// The order in which the items take effect, which is nobody's business.
        order: Vec<usize>,
        with_headers: bool,
    },
}

/// Handles one request.
pub(super) async fn handle(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(switch): ConnectInfo<Switch>,
    request: axum::extract::Request,
) -> Response {
    let (parts, body) = request.into_parts();
    shared.record().requests += 1;
    let compresses = accepts_gzip(&parts.headers) && shared.play().compresses();
    let arrived = shared.clock.elapsed();
    let read = Request::read(&parts, body).await;
    let (job, latency) = match read {
        Ok(request) => take(&shared, request, arrived),
        Err(refusal) => {
            note(&shared, &parts.method, parts.uri.path().to_owned());
            (Job::Refused { version: DEFAULT_VERSION.to_owned(), refusal }, Duration::ZERO)
        }
    };
    wait(&shared, latency).await;
    let answer = settle(&shared, job).await;
    wait(&shared, shared.latency.nested(answer.lists)).await;
    let now = shared.clock.elapsed();
    for subject in &answer.told {
        shared.meter().told(*subject, now);
    }
    answer.into_response(&switch, compresses)
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("gzip"))
}

/// Holds a request back. Where there is nothing to wait for, no clock is troubled.
async fn wait(shared: &Shared, duration: Duration) {
    if !duration.is_zero() {
        shared.clock.hold(duration).await;
    }
}

/// Takes note of the calls in a request, and decides what shall go wrong with them and how long they take.
fn take(shared: &Shared, request: Request, arrived: Duration) -> (Job, Duration) {
    let mut rng = shared.play().draw(&request);
    let batch = match Batch::of(&request) {
        Ok(batch) => batch,
        Err(refusal) => {
            note(shared, &request.method, request.location());
            let latency = shared.play().latency(&mut rng, &shared.latency, 1);
            return (Job::Refused { version: request.version, refusal }, latency);
        }
    };
    let calls = batch.as_ref().map_or(1, |batch| batch.items.len());
    let latency = shared.play().latency(&mut rng, &shared.latency, calls);
    let Some(Batch { items, with_headers }) = batch else {
        return (Job::Call(come(shared, request, arrived, Place::Request, &mut rng)), latency);
    };
    let mut order: Vec<usize> = (0..items.len()).collect();
    rng.shuffle(&mut order);
    let outer = come(shared, request, arrived, Place::Batch, &mut rng);
    let item = |item: Result<Request, Refusal>| {
        let item = item?;
        let mut rng = shared.play().draw(&item);
        Ok(come(shared, item, arrived, Place::Item, &mut rng))
    };
    let items = items.into_iter().map(item).collect();
    (Job::Batch { outer, items, order, with_headers }, latency)
}

fn note(shared: &Shared, method: &Method, path: String) {
    shared.record().calls.push(Call { method: method.to_string(), path });
}

/// Takes note of a call, and decides what shall go wrong with it.
fn come(shared: &Shared, request: Request, arrived: Duration, place: Place, rng: &mut Rng) -> Incoming {
    let path = request.location();
    let struck = shared.faults.strike(&request.method, &path, place).cloned();
    let fault = struck.or_else(|| shared.play().fault(rng, &request, place));
    if place != Place::Batch {
        match request.ids() {
            Some(ids) => {
                for id in ids {
                    note(shared, &request.method, format!("/{}/{id}", request.version));
                }
            }
            None => note(shared, &request.method, path),
        }
        shared.meter().arrive(request.managed_waba(), arrived);
    }
    Incoming { request, arrived, fault }
}

/// Answers off the threads that serve connections where a write has to wait for the disk.
async fn settle(shared: &Arc<Shared>, job: Job) -> Answer {
    let only_reads = matches!(&job, Job::Call(call) if call.request.method == Method::GET);
    if shared.state_file.is_none() || only_reads {
        return run(shared, job);
    }
    let on_its_own = Arc::clone(shared);
    let task = tokio::task::spawn_blocking(move || run(&on_its_own, job));
    task.await.unwrap_or_else(|_| shared.refuse(DEFAULT_VERSION, &Refusal::not_kept()))
}

fn run(shared: &Shared, job: Job) -> Answer {
    match job {
        Job::Refused { version, refusal } => shared.refuse(&version, &refusal),
        Job::Call(call) => shared.perform(&call),
        Job::Batch { outer, items, order, with_headers } => {
            shared.perform_batch(&outer, |shared| run_items(shared, &items, &order, with_headers))
        }
    }
}

/// Answers the items of a batch in one order, and puts the answers into the other.
fn run_items(
    shared: &Shared,
    items: &[Result<Incoming, Refusal>],
    order: &[usize],
    with_headers: bool,
) -> Answer {
    let mut whole = Answer::plain(200, Content::Lost);
    let mut answers = vec![serde_json::Value::Null; items.len()];
    for at in order {
        let answer = match &items[*at] {
            Ok(call) => shared.perform(call),
            Err(refusal) => shared.refuse(DEFAULT_VERSION, refusal),
        };
        whole.lists += answer.lists;
        whole.told.extend(&answer.told);
        answers[*at] = answer.into_item(with_headers);
    }
    whole.content = Content::Json(serde_json::Value::Array(answers).to_string());
    whole
}
