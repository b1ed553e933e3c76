//! How a run is told to end before its end.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Why a run ends before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopReason {
    /// Somebody asked: SIGINT or SIGTERM.
    Interrupted,
    /// Nothing more can succeed: the token is no good.
    Fatal(String),
}

/// The switch that ends a run; clones share it.
///
/// What is in flight may finish for the grace time, counted from the moment of the stop; nothing new is sent.
#[derive(Debug, Clone)]
pub struct Stop {
    reason: Arc<watch::Sender<Option<(StopReason, Instant)>>>,
    wrote: Arc<AtomicBool>,
    grace: Duration,
}

impl Stop {
    /// Makes a switch that lets what is in flight finish for `grace`.
    pub fn new(grace: Duration) -> Self {
        Self { reason: Arc::new(watch::Sender::new(None)), wrote: Arc::default(), grace }
    }

    /// Ends the run; the first reason stays.
    pub fn stop(&self, reason: StopReason) {
        self.reason.send_if_modified(|current| {
            let first = current.is_none();
            if first {
                *current = Some((reason, Instant::now()));
            }
            first
        });
    }

    /// Gives the reason, where the run was ended.
    pub fn reason(&self) -> Option<StopReason> {
        self.reason.borrow().as_ref().map(|(reason, _)| reason.clone())
    }

    /// Says for people that the run was ended and why; `None` where it was not.
    pub(super) fn ended(&self) -> Option<String> {
        self.reason().map(|reason| match reason {
            StopReason::Interrupted => String::from("the run was interrupted"),
            StopReason::Fatal(error) => format!("the run was stopped: {error}"),
        })
    }

    /// Tells whether any write was sent.
    pub fn wrote(&self) -> bool {
        self.wrote.load(Ordering::SeqCst)
    }

    pub(super) fn note_write(&self) {
        self.wrote.store(true, Ordering::SeqCst);
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
                Some(since) => tokio::time::sleep_until(since + self.grace).await,
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
