//! SIGINT and SIGTERM.

use super::exit::Exit;
use super::failure::Failure;
use crate::apply::{Shutdown, ShutdownReason};
use std::future::Future;
use std::io;

/// The two signals, listened for since this was made: one that comes while nobody waits is not lost.
pub(crate) struct Signals(system::Signals);

impl Signals {
    /// Starts to listen.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let listening: io::Result<_> = system::Signals::listen();
        listening.map(Self).map_err(|error| Failure::failed("listening for signals", error))
    }

    /// Runs work that writes nothing; `None` where a signal came first.
    pub(crate) async fn unless<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            result = work => Some(result),
            () = self.0.next() => None,
        }
    }

    /// Runs work that writes: the first signal stops it by the switch, the second ends it at once.
    pub(crate) async fn shut_down<T>(
        &mut self,
        work: impl Future<Output = T>,
        shutdown: &Shutdown,
    ) -> Result<T, Exit> {
        tokio::pin!(work);
        tokio::select! {
            // A signal that is already there comes before the first write.
            biased;
            () = self.0.next() => shutdown.request(ShutdownReason::Interrupted),
            result = &mut work => return Ok(result),
        }
        tokio::select! {
            result = &mut work => Ok(result),
            () = self.0.next() => Err(after(shutdown)),
        }
    }
}

/// Runs work that writes nothing: a signal ends it at once.
pub(crate) async fn ends_at_once(work: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    Signals::listen()?.unless(work).await.unwrap_or(Ok(Exit::Interrupted))
}

/// Returns the exit code of a run that was interrupted.
pub(crate) fn after(shutdown: &Shutdown) -> Exit {
    if shutdown.wrote() { Exit::Partial } else { Exit::Interrupted }
}

#[cfg(unix)]
mod system {
    use std::io;
    use tokio::signal::unix::{Signal, SignalKind, signal};

    pub(super) struct Signals {
        interrupt: Signal,
        terminate: Signal,
    }

    impl Signals {
        pub(super) fn listen() -> io::Result<Self> {
            Ok(Self {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
            })
        }

        pub(super) async fn next(&mut self) {
            tokio::select! {
                _ = self.interrupt.recv() => {}
                _ = self.terminate.recv() => {}
            }
        }
    }
}

#[cfg(windows)]
mod system {
    use std::io;
    use tokio::signal::windows::{CtrlC, ctrl_c};

    pub(super) struct Signals(CtrlC);

    impl Signals {
        pub(super) fn listen() -> io::Result<Self> {
            ctrl_c().map(Self)
        }

        pub(super) async fn next(&mut self) {
            self.0.recv().await;
        }
    }
}
