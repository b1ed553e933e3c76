//! The HTTP endpoint: nothing but `/webhook`.
//!
//! Each answer says as little as possible: a stranger learns no more than that something listens.

use super::events::{Delivery, Due};
use super::handshake;
use super::secrets::Secrets;
use super::signature::{HEADER, Signature};
use crate::clock::Clock;
use crate::listener::{Limits, Listener, Method, Request, Response, StatusCode};
use crate::text;
use std::fmt::Display;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The path.
pub const PATH: &str = "/webhook";

/// The longest body. Meta's documents: payloads can be up to 3 MB. A lower limit would refuse deliveries that Meta then
/// repeats for 7 days.
pub const LONGEST_BODY: usize = 3 * 1024 * 1024;

/// The limits of the listener. Guesses: Meta's server or a reverse proxy sends some kilobytes at once.
pub const LIMITS: Limits = Limits {
    connections: 64,
    head: 16 * 1024,
    headers: 64,
    bodies: 16 * 1024 * 1024,
    head_time: Duration::from_secs(5),
    body_time: Duration::from_secs(10),
    answer_time: Duration::from_secs(10),
};

/// How long the sink may take. A guess: longer than one put into a store with its retries takes nearly always; Meta repeats a
/// delivery that is not answered.
const SINK_TIME: Duration = Duration::from_secs(8);

/// The pause between two warnings of one kind: strangers decide how often there is a reason. A guess.
const WARN_PAUSE: Duration = Duration::from_secs(60);

/// What the endpoint has seen since it began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Deliveries that were accepted: signed, understood, and handed to the sink if they concern access.
    pub accepted: u64,
    /// Events about access in accepted deliveries.
    pub events: u64,
    /// Other events in accepted deliveries.
    pub ignored: u64,
    /// Deliveries without the right signature.
    pub unsigned: u64,
    /// Deliveries with a body that is too long, too slow, breaks off, or is signed and not JSON.
    pub refused: u64,
    /// Deliveries that the sink did not take. Meta repeats them.
    pub failed: u64,
    /// Handshakes with the right verify token.
    pub verified: u64,
    /// Handshakes that were refused.
    pub unverified: u64,
}

/// The counts that all connections share.
#[derive(Debug, Default)]
struct Counters {
    accepted: AtomicU64,
    events: AtomicU64,
    ignored: AtomicU64,
    unsigned: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
    verified: AtomicU64,
    unverified: AtomicU64,
}

/// The endpoint, before it is served.
#[derive(Debug)]
pub struct Webhook {
    secrets: Secrets,
    counters: Arc<Counters>,
    /// Warnings that the app secret or the verify token may be wrong.
    signature_warnings: Occasional,
    handshake_warnings: Occasional,
}

/// Something that is reported at most once in [`WARN_PAUSE`].
#[derive(Debug, Default)]
struct Occasional(Mutex<Option<Duration>>);

impl Occasional {
    fn is_due(&self, clock: &Clock) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = clock.elapsed();
        let is_due = last.is_none_or(|last| now >= last.saturating_add(WARN_PAUSE));
        if is_due {
            *last = Some(now);
        }
        is_due
    }
}

impl Webhook {
    /// Makes the endpoint.
    pub fn new(secrets: Secrets) -> Self {
        let (signature_warnings, handshake_warnings) = Default::default();
        Self { secrets, counters: Arc::default(), signature_warnings, handshake_warnings }
    }

    /// Returns a function that returns the counts, also while the endpoint is served.
    pub fn counts(&self) -> impl Fn() -> Counts + Clone + Send + Sync + 'static {
        let counters = Arc::clone(&self.counters);
        move || counters.read()
    }

    /// Answers requests until `stop` is ready, and finishes those in flight.
    ///
    /// `sink` takes what a delivery makes due, and is ready once that is safe: then Meta gets 200. If it fails or takes longer
    /// than 8 s, Meta gets 503 and repeats the delivery. It is not called for a delivery that concerns no access.
    pub async fn serve<S, F, E>(self, listener: Listener, sink: S, stop: impl Future<Output = ()>)
    where
        S: Fn(Due) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Display,
    {
        let (clock, webhook) = (listener.clock().clone(), Arc::new(self));
        let handler = move |request| {
            let (webhook, sink, clock) = (Arc::clone(&webhook), sink.clone(), clock.clone());
            async move {
                let sink = async |due| match clock.within(SINK_TIME, sink(due)).await {
                    Some(taken) => taken.map_err(|error| error.to_string()),
                    None => Err(format!("it took longer than {} s", SINK_TIME.as_secs())),
                };
                webhook.answer(request, sink, &clock).await
            }
        };
        listener.serve(handler, stop).await;
    }

    async fn answer(
        &self,
        request: Request,
        sink: impl AsyncFnOnce(Due) -> Result<(), String>,
        clock: &Clock,
    ) -> Response {
        if request.path() != PATH {
            return Response::empty(StatusCode::NOT_FOUND);
        }
        match *request.method() {
            Method::GET => self.verify(request.query(), clock),
            Method::POST => self.receive(request, sink, clock).await,
            _ => Response::not_allowed("GET, POST"),
        }
    }

    /// Answers the handshake of a subscription.
    fn verify(&self, query: &str, clock: &Clock) -> Response {
        let Secrets { app_secret, verify_token } = &self.secrets;
        let Some(challenge) = handshake::challenge(query, verify_token, app_secret) else {
            add(&self.counters.unverified, 1);
            if self.handshake_warnings.is_due(clock) {
                tracing::warn!(
                    "a handshake of the webhook was refused; if it was Meta's, the verify token differs from the one in the \
                     App Dashboard"
                );
            }
            return Response::empty(StatusCode::FORBIDDEN);
        };
        add(&self.counters.verified, 1);
        tracing::info!("the webhook's subscription was verified");
        Response::text(StatusCode::OK, "text/plain", challenge)
    }

    /// Answers a delivery. Nothing is read without a signature, nothing is parsed without the right one.
    async fn receive(
        &self,
        request: Request,
        sink: impl AsyncFnOnce(Due) -> Result<(), String>,
        clock: &Clock,
    ) -> Response {
        let counters = &self.counters;
        let Some(signature) = request.header(HEADER).and_then(Signature::parse) else {
            add(&counters.unsigned, 1);
            return Response::empty(StatusCode::UNAUTHORIZED);
        };
        let body = match request.body(LONGEST_BODY).await {
            Ok(body) => body,
            Err(error) => {
                add(&counters.refused, 1);
                return Response::empty(error.status());
            }
        };
        if !signature.is_of(&body, &self.secrets.app_secret) {
            add(&counters.unsigned, 1);
            if self.signature_warnings.is_due(clock) {
                tracing::warn!(
                    "a delivery of the webhook has a wrong signature and was refused; if it was Meta's, the app secret is \
                     that of another app, or a proxy changes bodies"
                );
            }
            return Response::empty(StatusCode::UNAUTHORIZED);
        }
        let Ok(delivery) = Delivery::parse(&body) else {
            add(&counters.refused, 1);
            tracing::warn!("a signed delivery of the webhook is not JSON");
            return Response::empty(StatusCode::BAD_REQUEST);
        };
        drop(body);
        let Delivery { due, events, ignored } = delivery;
        if !due.is_empty() {
            tracing::debug!(
                wabas = due.wabas.len(),
                everything = due.everything,
                "the webhook made WABAs due"
            );
            if let Err(why) = sink(due).await {
                add(&counters.failed, 1);
                let why = text::escape(&why).into_owned();
                tracing::warn!(why, "a delivery of the webhook was not taken; Meta repeats it");
                return Response::empty(StatusCode::SERVICE_UNAVAILABLE);
            }
        }
        for (counter, by) in
            [(&counters.accepted, 1), (&counters.events, events), (&counters.ignored, ignored)]
        {
            add(counter, by);
        }
        Response::empty(StatusCode::OK)
    }
}

fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

impl Counters {
    fn read(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            accepted: read(&self.accepted),
            events: read(&self.events),
            ignored: read(&self.ignored),
            unsigned: read(&self.unsigned),
            refused: read(&self.refused),
            failed: read(&self.failed),
            verified: read(&self.verified),
            unverified: read(&self.unverified),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_cannot_fill_the_log() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let clock = Clock::simulated(jiff::Timestamp::UNIX_EPOCH);
        let warned = runtime.block_on(async {
            let count = async {
                let (warnings, mut warned) = (Occasional::default(), 0);
                for _ in 0..119 {
                    warned += usize::from(warnings.is_due(&clock)) + usize::from(warnings.is_due(&clock));
                    clock.sleep(Duration::from_secs(1)).await;
                }
                warned
            };
            clock.run(count).await
        });
        assert_eq!(warned, 2);
    }
}
