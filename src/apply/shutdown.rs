//! How a run is told to end before its end.

use crate::clock::Clock;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// Why a run ends before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopReason {
    /// Somebody asked: SIGINT or SIGTERM.
    Interrupted,
    /// Nothing more can succeed: the token is no good, or the journal cannot be written.
    Fatal(String),
    /// Meta asks to wait for longer than the run may.
    Later(String),
    /// The time for the whole run is up.
    OutOfTime(String),
}

/// The switch that ends a run; clones share it.
///
/// What is in flight may finish for the grace time, counted from the moment of the stop; nothing new is sent.
#[derive(Debug, Clone)]
pub struct Stop {
    /// Why, and when by the clock.
    reason: Arc<watch::Sender<Option<(StopReason, Duration)>>>,
    /// How many writes were sent, or are about to be.
    writes: Arc<AtomicUsize>,
    grace: Duration,
    clock: Clock,
}

impl Stop {
    /// Makes a switch that lets what is in flight finish for `grace`.
    pub fn new(grace: Duration) -> Self {
        Self::by(Clock::real(), grace)
    }

    /// Makes a switch that counts the grace time by a clock.
    pub fn by(clock: Clock, grace: Duration) -> Self {
        Self { reason: Arc::new(watch::Sender::new(None)), writes: Arc::default(), grace, clock }
    }

    /// Ends the run; the first reason stays.
    pub fn stop(&self, reason: StopReason) {
        let now = self.clock.elapsed();
        self.reason.send_if_modified(|current| {
            let first = current.is_none();
            if first {
                *current = Some((reason, now));
            }
            first
        });
    }

    /// Returns the reason, where the run was ended.
    pub fn reason(&self) -> Option<StopReason> {
        self.reason.borrow().as_ref().map(|(reason, _)| reason.clone())
    }

    /// Says for people that the run was ended and why; `None` where it was not.
    pub(super) fn ended(&self) -> Option<String> {
        self.reason().map(|reason| match reason {
            StopReason::Interrupted => String::from("the run was interrupted"),
            StopReason::Fatal(error) | StopReason::Later(error) | StopReason::OutOfTime(error) => {
                format!("the run was stopped: {error}")
            }
        })
    }

    /// Returns whether any write was sent.
    pub fn wrote(&self) -> bool {
        self.writes.load(Ordering::SeqCst) > 0
    }

    /// Notes a write before it is sent: from then on nobody can say that nothing was written.
    pub(super) fn note_write(&self) {
        self.writes.fetch_add(1, Ordering::SeqCst);
    }

    /// Takes note that a write was held back after all.
    pub(super) fn note_held_back(&self) {
        self.writes.fetch_sub(1, Ordering::SeqCst);
    }

    /// Waits until the run is ended.
    pub(super) async fn stopped(&self) {
        // The switch is held by `self`, so the wait ends by a stop alone.
        let _ = self.reason.subscribe().wait_for(Option::is_some).await;
    }

    /// Waits for some work, but after a stop no longer than the rest of the grace time; `None` then.
    pub(super) async fn within<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut reason = self.reason.subscribe();
        let patience = async {
            let since = match reason.wait_for(Option::is_some).await {
                Ok(stopped) => stopped.as_ref().map(|(_, since)| *since),
                Err(_) => None,
            };
            match since {
                Some(since) => {
                    let left = (since + self.grace).saturating_sub(self.clock.elapsed());
                    self.clock.sleep(left).await;
                }
                // The switch is held by `self`, so this cannot be; waiting for the work is right then.
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            done = work => Some(done),
            () = patience => None,
        }
    }
}
