//! SIGINT and SIGTERM.

use super::exit::Exit;
use super::failure::Failure;
use crate::apply::{Stop, StopReason};
use std::future::Future;

/// Runs work that writes nothing: a signal ends it at once.
pub(crate) async fn ends_at_once(work: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    unless_signalled(work).await.unwrap_or(Ok(Exit::Interrupted))
}

/// Runs work that writes nothing; `None` where a signal came first.
pub(crate) async fn unless_signalled<T>(work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        result = work => Some(result),
        () = signalled() => None,
    }
}

/// Runs work that writes: the first signal stops it by the switch, the second ends it at once.
pub(crate) async fn stops<T>(work: impl Future<Output = T>, stop: &Stop) -> Result<T, Exit> {
    tokio::pin!(work);
    tokio::select! {
        result = &mut work => return Ok(result),
        () = signalled() => stop.stop(StopReason::Interrupted),
    }
    tokio::select! {
        result = &mut work => Ok(result),
        () = signalled() => Err(after(stop)),
    }
}

/// Gives the exit code of a run that was interrupted.
pub(crate) fn after(stop: &Stop) -> Exit {
    if stop.wrote() { Exit::Partial } else { Exit::Interrupted }
}

#[cfg(unix)]
async fn signalled() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        // Without a handler the system's own default ends the process.
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn signalled() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
