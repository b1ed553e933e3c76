//! Ends the process if it does not end by itself after a signal or the deadline, whatever blocks.
//!
//! A write to a pipe that nobody reads, or opening a pipe that nobody writes, blocks the thread that handles signals
//! otherwise. The watchdog has a thread and a runtime of its own.

use super::exit::Exit;
use super::failure::Failure;
use super::log;
use super::signals::{Signals, after};
use crate::apply::Shutdown;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

/// How long a run may take to end by itself. A guess: cancelling takes milliseconds, saving an emulator's state a second.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long the last message may take. A guess: writing to a terminal or a file takes less.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// The shutdown of the apply that is going on, with its grace period.
static APPLYING: Mutex<Option<(Shutdown, Duration)>> = Mutex::new(None);

/// How a signal ends a run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Watch {
    /// The run handles signals, and the watchdog only helps. With the longest duration of the run, if it has a limit.
    Handled(Option<Duration>),
    /// At once, with this message: the run calls no API.
    AtOnce(&'static str),
}

/// Starts the watchdog.
pub(crate) fn start(watched: Watch) -> Result<(), Failure> {
    let failed = |error| Failure::failed("starting the program", error);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let (started, listening) = mpsc::channel();
    thread::spawn(move || {
        runtime.block_on(async move {
            match Signals::listen() {
                Ok(signals) => {
                    let _ = started.send(Ok(()));
                    watch(signals, watched).await;
                }
                Err(failure) => _ = started.send(Err(failure)),
            }
        });
    });
    listening.recv().map_err(|error| Failure::failed("starting the program", error))?
}

/// Lets what is in flight finish after a signal or the deadline.
pub(crate) fn applies(shutdown: &Shutdown, grace: Duration) {
    *APPLYING.lock().unwrap_or_else(PoisonError::into_inner) = Some((shutdown.clone(), grace));
}

/// Notes that no apply is going on any more.
pub(crate) fn applied() {
    *APPLYING.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

async fn watch(mut signals: Signals, watched: Watch) {
    let timeout = match watched {
        Watch::Handled(timeout) => timeout,
        Watch::AtOnce(message) => {
            signals.next().await;
            exit("info", message, Exit::Interrupted);
        }
    };
    let deadline = async {
        match timeout {
            Some(timeout) => tokio::time::sleep(timeout).await,
            None => std::future::pending().await,
        }
    };
    let interrupted = tokio::select! {
        () = signals.next() => true,
        () = deadline => false,
    };
    let grace = APPLYING.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|(_, grace)| *grace);
    tokio::select! {
        () = tokio::time::sleep(grace.unwrap_or_default() + PATIENCE) => {}
        // A second signal asks for the end at once.
        () = signals.next() => tokio::time::sleep(PATIENCE).await,
    }
    end(interrupted);
}

fn end(interrupted: bool) -> ! {
    let applying = APPLYING.lock().unwrap_or_else(PoisonError::into_inner).take();
    let wrote = applying.as_ref().is_some_and(|(shutdown, _)| shutdown.wrote());
    let code = match applying {
        Some((shutdown, _)) if interrupted || wrote => after(&shutdown),
        Some(_) | None if interrupted => Exit::Interrupted,
        Some(_) | None => Exit::Failed,
    };
    let why = if interrupted { "the program was interrupted" } else { "the run exceeded --timeout" };
    let wrote =
        if wrote { "writes were sent: plan again to see what is live" } else { "nothing was written" };
    let message = format!("{why}, and did not end in time: does anybody read its output? ({wrote})");
    exit("error", &message, code)
}

/// Ends the process with a message. If the message cannot be written in time, it is lost.
fn exit(level: &'static str, message: &str, code: Exit) -> ! {
    let (said, done) = mpsc::channel();
    let message = message.to_owned();
    thread::spawn(move || {
        match level {
            "error" if !log::is_json() => log::line(level, &format!("error: {message}")),
            _ => log::line(level, &message),
        }
        let _ = said.send(());
    });
    let _ = done.recv_timeout(LAST_WORDS);
    std::process::exit(code.code().into());
}
