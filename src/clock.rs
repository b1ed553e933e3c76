//! Time as a value: what moment it is, and how waiting is done.
//!
//! The client and the emulator of one test share a clock, so that an hour's budget and a minute's pause are over
//! for both at once. It must not know what is waited for.
//!
//! A clock goes at the world's pace, so many times faster, or as a *simulation*: then it stands still while any
//! request is being worked on, and leaps to the next moment at which somebody wants to wake when all are waiting.
//! One sleeper wakes at a time, in the order of their moments, so that what happens does not depend on how quick
//! the machine is.

mod simulation;

use jiff::{SignedDuration, Timestamp};
use simulation::{Simulation, Under};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A clock; clones are the same clock.
#[derive(Debug, Clone)]
pub struct Clock {
    begun: Timestamp,
    pace: Pace,
}

#[derive(Debug, Clone)]
enum Pace {
    World { since: Instant, faster: f64 },
    Simulated(Arc<Simulation>),
}

impl Clock {
    /// Goes as the world does.
    pub fn real() -> Self {
        Self::scaled(1.0)
    }

    /// Goes so many times faster than the world; a factor below 1 counts as 1.
    pub fn scaled(faster: f64) -> Self {
        let pace = Pace::World { since: Instant::now(), faster: faster.max(1.0) };
        Self { begun: Timestamp::now(), pace }
    }

    /// Makes a simulation's clock that stands at this moment. It goes only under [`Clock::run`], on a runtime with
    /// one thread.
    pub fn simulated(begun: Timestamp) -> Self {
        Self { begun, pace: Pace::Simulated(Arc::default()) }
    }

    /// Returns how long this clock has been going.
    pub fn elapsed(&self) -> Duration {
        match &self.pace {
            Pace::World { since, faster } => since.elapsed().mul_f64(*faster),
            Pace::Simulated(simulation) => simulation.elapsed(),
        }
    }

    /// Returns the moment that it is.
    pub fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.elapsed()).unwrap_or(SignedDuration::MAX);
        self.begun.saturating_add(elapsed).unwrap_or(Timestamp::MAX)
    }

    /// Waits.
    pub async fn sleep(&self, duration: Duration) {
        match &self.pace {
            Pace::World { faster, .. } => tokio::time::sleep(duration.div_f64(*faster)).await,
            Pace::Simulated(simulation) => simulation.sleep(duration).await,
        }
    }

    /// Waits for work, but no longer than this; `None` where it took longer.
    ///
    /// A clock that is only faster than the world does not shorten this: it would cut off what is merely as slow
    /// as the machine.
    pub async fn within<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        let over = async {
            match &self.pace {
                Pace::World { .. } => tokio::time::sleep(limit).await,
                Pace::Simulated(simulation) => simulation.sleep(limit).await,
            }
        };
        tokio::select! {
            biased;
            done = work => Some(done),
            () = over => None,
        }
    }

    /// Does something that takes the machine's time and none of this clock's, such as a request. A simulation's clock
    /// stands still meanwhile.
    pub async fn working<T>(&self, work: impl Future<Output = T>) -> T {
        let under = match &self.pace {
            Pace::World { .. } => None,
            Pace::Simulated(simulation) => Some(Under::way(simulation)),
        };
        let done = work.await;
        if let Some(under) = under {
            under.finish();
        }
        done
    }

    /// Does work that holds its thread up, such as waiting for the disk, on another thread; it goes on where the wait is
    /// given up. In a simulation it is done here and now, so that what comes first does not depend on the machine.
    ///
    /// # Errors
    ///
    /// Where the work panics, or the runtime ends.
    pub async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, tokio::task::JoinError> {
        match &self.pace {
            Pace::World { .. } => tokio::task::spawn_blocking(work).await,
            Pace::Simulated(_) => Ok(work()),
        }
    }

    /// Waits on the other side of such work: while a server holds a request back, a simulation's clock may go on.
    pub async fn hold(&self, duration: Duration) {
        match &self.pace {
            Pace::World { .. } => self.sleep(duration).await,
            Pace::Simulated(simulation) => simulation.hold(duration).await,
        }
    }

    /// Runs something in this time: a simulation's clock goes for as long as it takes.
    pub async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        match &self.pace {
            Pace::World { .. } => work.await,
            Pace::Simulated(simulation) => {
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
