//! The clock: the current moment, and how to wait.
//!
//! The client and the emulator of one test share a clock, so an hour's budget and a minute's pause end for both at once.
//! This module must not know what is waited for.
//!
//! A clock runs at real speed, a number of times faster, or as a *simulation*. A simulated clock stands still while a
//! request is being worked on, and jumps to the next timer when all tasks wait. One timer fires at a time, in the order
//! of their deadlines, so the result does not depend on the speed of the machine.

mod simulated;

use jiff::{SignedDuration, Timestamp};
use simulated::{InFlight, Simulation};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// A clock. Clones are the same clock.
#[derive(Debug, Clone)]
pub struct Clock {
    begun: Timestamp,
    kind: ClockKind,
}

/// A moment of a clock.
#[derive(Debug, Clone, Copy)]
pub struct Stamp {
    elapsed: Duration,
    wall: Option<SystemTime>,
}

impl Stamp {
    /// Returns the time since the clock began.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }
}

#[derive(Debug, Clone)]
enum ClockKind {
    Real { since: Instant, speed: f64 },
    Simulated(Arc<Simulation>),
}

impl Clock {
    /// Returns a clock at real speed.
    pub fn real() -> Self {
        Self::scaled(1.0)
    }

    /// Returns a clock that is `speed` times as fast as real time; a speed below 1 counts as 1.
    pub fn scaled(speed: f64) -> Self {
        let kind = ClockKind::Real { since: Instant::now(), speed: speed.max(1.0) };
        Self { begun: Timestamp::now(), kind }
    }

    /// Returns a simulated clock that begins at a moment. It moves only inside [`Clock::run`], on a runtime with one
    /// thread.
    pub fn simulated(begun: Timestamp) -> Self {
        Self { begun, kind: ClockKind::Simulated(Arc::default()) }
    }

    /// Returns the time since the clock began.
    pub fn elapsed(&self) -> Duration {
        match &self.kind {
            ClockKind::Real { since, speed } => since.elapsed().mul_f64(*speed),
            ClockKind::Simulated(simulation) => simulation.elapsed(),
        }
    }

    /// Returns a stamp of this moment, for [`Clock::age`].
    pub fn stamp(&self) -> Stamp {
        let wall = match &self.kind {
            // Wall time says nothing about a faster clock.
            ClockKind::Real { speed, .. } if *speed <= 1.0 => Some(SystemTime::now()),
            ClockKind::Real { .. } | ClockKind::Simulated(_) => None,
        };
        Stamp { elapsed: self.elapsed(), wall }
    }

    /// Returns how long ago a stamp was made, including the time for which the machine was suspended: the longer one of
    /// what the monotonic clock and the wall clock report.
    pub fn age(&self, stamp: &Stamp) -> Duration {
        let monotonic = self.elapsed().saturating_sub(stamp.elapsed);
        let wall = stamp.wall.and_then(|wall| SystemTime::now().duration_since(wall).ok());
        monotonic.max(wall.unwrap_or_default())
    }

    /// Returns the current moment.
    pub fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.elapsed()).unwrap_or(SignedDuration::MAX);
        self.begun.saturating_add(elapsed).unwrap_or(Timestamp::MAX)
    }

    /// Waits for a time.
    pub async fn sleep(&self, duration: Duration) {
        match &self.kind {
            ClockKind::Real { speed, .. } => tokio::time::sleep(duration.div_f64(*speed)).await,
            ClockKind::Simulated(simulation) => simulation.sleep(duration).await,
        }
    }

    /// Runs work with a timeout, and returns `None` if it takes longer.
    ///
    /// A faster clock does not shorten the timeout: it would cut off work that is only as slow as the machine.
    pub async fn within<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        let timeout = async {
            match &self.kind {
                ClockKind::Real { .. } => tokio::time::sleep(limit).await,
                ClockKind::Simulated(simulation) => simulation.sleep(limit).await,
            }
        };
        tokio::select! {
            biased;
            done = work => Some(done),
            () = timeout => None,
        }
    }

    /// Runs work that takes real time, such as a request. A simulated clock stands still meanwhile.
    pub async fn working<T>(&self, work: impl Future<Output = T>) -> T {
        let in_flight = match &self.kind {
            ClockKind::Real { .. } => None,
            ClockKind::Simulated(simulation) => Some(InFlight::new(simulation)),
        };
        let done = work.await;
        if let Some(in_flight) = in_flight {
            in_flight.finish();
        }
        done
    }

    /// Runs work that blocks, such as file I/O, on another thread. The work continues if the future is dropped.
    ///
    /// In a simulation the work runs at once on this thread, so the order of events does not depend on the machine.
    ///
    /// # Errors
    ///
    /// If the work panics, or the runtime shuts down.
    pub async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, tokio::task::JoinError> {
        match &self.kind {
            ClockKind::Real { .. } => tokio::task::spawn_blocking(work).await,
            ClockKind::Simulated(_) => Ok(work()),
        }
    }

    /// Waits on the server's side of [`Clock::working`]: a simulated clock may move while the server delays a response.
    pub async fn hold(&self, duration: Duration) {
        match &self.kind {
            ClockKind::Real { .. } => self.sleep(duration).await,
            ClockKind::Simulated(simulation) => simulation.hold(duration).await,
        }
    }

    /// Runs a future, and moves a simulated clock until the future is done.
    pub async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        match &self.kind {
            ClockKind::Real { .. } => work.await,
            ClockKind::Simulated(simulation) => {
                tokio::select! {
                    biased;
                    done = work => done,
                    never = simulation.drive() => match never {},
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
