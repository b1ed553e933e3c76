//! Ends a run early: what is in flight may finish, nothing new is sent.

use crate::clock::Clock;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// Why a run ends early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShutdownReason {
    /// SIGINT or SIGTERM.
    Interrupted,
    /// No further call can succeed: the token is dead, or the journal cannot be written.
    Fatal(String),
    /// Meta asks to wait for longer than the run may wait.
    Throttled(String),
    /// The deadline of the whole run has passed.
    OutOfTime(String),
}

impl fmt::Display for ShutdownReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interrupted => f.write_str("interrupted"),
            Self::Fatal(why) | Self::Throttled(why) | Self::OutOfTime(why) => f.write_str(why),
        }
    }
}

/// Ends a run early. Clones share their state.
///
/// What is in flight may finish within the grace period, which starts with the request; nothing new is sent.
#[derive(Debug, Clone)]
pub struct Shutdown {
    /// The reason, and when it was given by the clock.
    request: Arc<watch::Sender<Option<(ShutdownReason, Duration)>>>,
    /// The number of writes that were sent or are about to be.
    writes: Arc<AtomicUsize>,
    grace: Duration,
    clock: Clock,
}

impl Shutdown {
    /// Makes a shutdown that nobody has requested yet. `clock` measures the grace period.
    pub fn new(clock: Clock, grace: Duration) -> Self {
        Self { request: Arc::new(watch::Sender::new(None)), writes: Arc::default(), grace, clock }
    }

    /// Ends the run. The first reason stays.
    pub fn request(&self, reason: ShutdownReason) {
        let now = self.clock.elapsed();
        self.request.send_if_modified(|current| {
            let first = current.is_none();
            if first {
                *current = Some((reason, now));
            }
            first
        });
    }

    /// Returns the reason, if the run is being ended.
    pub fn reason(&self) -> Option<ShutdownReason> {
        self.request.borrow().as_ref().map(|(reason, _)| reason.clone())
    }

    /// Returns a sentence with the reason, if the run is being ended.
    pub(super) fn explanation(&self) -> Option<String> {
        self.reason().map(|reason| match reason {
            ShutdownReason::Interrupted => String::from("the run was interrupted"),
            ShutdownReason::Fatal(why) | ShutdownReason::Throttled(why) | ShutdownReason::OutOfTime(why) => {
                format!("the run was stopped: {why}")
            }
        })
    }

    /// Returns whether any write was sent.
    pub fn wrote(&self) -> bool {
        self.writes.load(Ordering::SeqCst) > 0
    }

    /// Counts a write before it is sent. From then on it may have taken effect.
    pub(super) fn count_write(&self) {
        self.writes.fetch_add(1, Ordering::SeqCst);
    }

    /// Removes a write from the count that was not sent after all.
    pub(super) fn uncount_write(&self) {
        self.writes.fetch_sub(1, Ordering::SeqCst);
    }

    /// Waits until the shutdown is requested.
    pub async fn requested(&self) {
        // `self` holds the sender, so only a request ends the wait.
        let _ = self.request.subscribe().wait_for(Option::is_some).await;
    }

    /// Waits for some work; after a request, only for the rest of the grace period, then returns `None`.
    pub(super) async fn within<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut request = self.request.subscribe();
        let grace = async {
            let since = match request.wait_for(Option::is_some).await {
                Ok(requested) => requested.as_ref().map(|(_, since)| *since),
                Err(_) => None,
            };
            match since {
                Some(since) => {
                    let left = (since + self.grace).saturating_sub(self.clock.elapsed());
                    self.clock.sleep(left).await;
                }
                // Cannot happen, since `self` holds the sender.
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            done = work => Some(done),
            () = grace => None,
        }
    }
}
