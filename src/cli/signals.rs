//! SIGINT and SIGTERM.

use super::exit::Exit;
use super::failure::Failure;
use super::interrupt;
use super::terminal::Terminal;
use crate::apply::{Shutdown, ShutdownReason};
use std::future::Future;
use std::io;

/// Both signals. A signal that arrives while nothing waits for it is not lost.
pub(crate) struct Signals(system::Signals);

impl Signals {
    /// Starts listening.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let listening: io::Result<_> = system::Signals::listen();
        listening.map(Self).map_err(|error| Failure::failed("listening for signals", error))
    }

    /// Waits for the next signal.
    pub(crate) async fn next(&mut self) {
        self.0.next().await;
    }

    /// Runs work that writes nothing. If a signal arrives first, describes where the work was.
    pub(crate) async fn unless<T>(&mut self, work: impl Future<Output = T>) -> Result<T, String> {
        // When the work is dropped, it is nowhere any more.
        tokio::pin!(work);
        tokio::select! {
            result = &mut work => Ok(result),
            () = self.0.next() => Err(interrupt::nothing_written()),
        }
    }

    /// Runs work that writes. The first signal requests the shutdown and calls `say`, the second one ends it at once.
    pub(crate) async fn shut_down<T>(
        &mut self,
        work: impl Future<Output = T>,
        shutdown: &Shutdown,
        say: impl FnOnce(),
    ) -> Result<T, Exit> {
        tokio::pin!(work);
        tokio::select! {
            // A signal that has already arrived is handled before the first write.
            biased;
            () = self.0.next() => {
                shutdown.request(ShutdownReason::Interrupted);
                say();
            }
            result = &mut work => return Ok(result),
        }
        tokio::select! {
            result = &mut work => Ok(result),
            () = self.0.next() => Err(after(shutdown)),
        }
    }
}

/// Runs work that writes nothing. A signal ends it at once.
pub(crate) async fn ends_at_once(
    work: impl Future<Output = Result<Exit, Failure>>,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    Signals::listen()?.unless(work).await.unwrap_or_else(|place| {
        terminal.say(&place);
        Ok(Exit::Interrupted)
    })
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
