//! Ends a run early: what is in flight may finish, nothing new is sent.

use crate::clock::Clock;
use crate::model::{AssignmentKey, WabaId};
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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

/// The calls that are in flight, or about to be sent, in the order in which they began.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InFlight {
    /// The assignments that are being written.
    pub writes: Vec<AssignmentKey>,
    /// The WABAs that are being read.
    pub reads: Vec<WabaId>,
}

/// A call that is in flight until this is dropped.
pub(super) struct CallGuard<'a> {
    shutdown: &'a Shutdown,
    call: Call,
}

enum Call {
    Write(AssignmentKey),
    Read(WabaId),
}

impl Drop for CallGuard<'_> {
    fn drop(&mut self) {
        let InFlight { writes, reads } = &mut *self.shutdown.calls();
        match self.call {
            Call::Write(key) => remove(writes, &key),
            Call::Read(waba) => remove(reads, &waba),
        }
    }
}

fn remove<T: PartialEq>(calls: &mut Vec<T>, call: &T) {
    if let Some(at) = calls.iter().position(|other| other == call) {
        calls.remove(at);
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
    in_flight: Arc<Mutex<InFlight>>,
    grace: Duration,
    clock: Clock,
}

impl Shutdown {
    /// Makes a shutdown that nobody has requested yet. `clock` measures the grace period.
    pub fn new(clock: Clock, grace: Duration) -> Self {
        let request = Arc::new(watch::Sender::new(None));
        Self { request, writes: Arc::default(), in_flight: Arc::default(), grace, clock }
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

    /// Returns what a shutdown waits for.
    pub fn in_flight(&self) -> InFlight {
        self.calls().clone()
    }

    /// Notes that a write is in flight, until the guard is dropped.
    pub(super) fn writing(&self, key: AssignmentKey) -> CallGuard<'_> {
        self.calls().writes.push(key);
        CallGuard { shutdown: self, call: Call::Write(key) }
    }

    /// Notes that a WABA is being read, until the guard is dropped.
    pub(super) fn reading(&self, waba: WabaId) -> CallGuard<'_> {
        self.calls().reads.push(waba);
        CallGuard { shutdown: self, call: Call::Read(waba) }
    }

    fn calls(&self) -> MutexGuard<'_, InFlight> {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_in_flight_until_its_guard_is_dropped() {
        let shutdown = Shutdown::new(Clock::real(), Duration::ZERO);
        let (waba, user) = ("500".parse().expect("an id"), "1".parse().expect("an id"));
        let key = AssignmentKey { waba, user };
        let (write, read) = (shutdown.writing(key), shutdown.reading(waba));
        drop(shutdown.reading(waba));
        assert_eq!(shutdown.in_flight(), InFlight { writes: vec![key], reads: vec![waba] });
        drop(write);
        assert_eq!(shutdown.in_flight(), InFlight { writes: Vec::new(), reads: vec![waba] });
        drop(read);
        assert_eq!(shutdown.in_flight(), InFlight::default());
    }
}
