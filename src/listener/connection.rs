//! One connection: its request, its answer, and its end.

use super::{Limits, Request, Response};
use crate::clock::Clock;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, Semaphore};

/// How much is read after the answer, and how long. Closing a connection with unread bytes resets it, and a reset can
/// discard an answer that the client has not read yet. Guesses: a reverse proxy stops sending once it has an answer.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 256 * 1024;

/// Answers the request of a connection, and closes it.
pub(super) async fn serve<S, H, F>(
    stream: S,
    limits: Limits,
    clock: Clock,
    bodies: Arc<Semaphore>,
    handler: H,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Fn(Request) -> F + Send + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    let head = Arc::new(Notify::new());
    let service = {
        let (head, clock) = (Arc::clone(&head), clock.clone());
        service_fn(move |request: hyper::Request<Incoming>| {
            head.notify_one();
            let request = Request::new(request, limits.body_time, clock.clone(), Arc::clone(&bodies));
            let answer = handler(request);
            async move { Ok::<_, Infallible>(answer.await.into_inner()) }
        })
    };
    let connection = http1::Builder::new()
        .keep_alive(false)
        // A client that closes its side has still sent a whole request.
        .half_close(true)
        .max_buf_size(limits.head)
        .max_headers(limits.headers)
        .serve_connection(TokioIo::new(stream), service)
        .without_shutdown();
    let mut connection = pin!(connection);
    let begun = clock.within(limits.head_time, async {
        tokio::select! {
            biased;
            ended = &mut connection => Some(ended),
            () = head.notified() => None,
        }
    });
    let ended = match begun.await {
        Some(Some(ended)) => Some(ended),
        Some(None) => clock.within(limits.body_time + limits.answer_time, connection).await,
        None => None,
    };
    match ended {
        Some(Ok(parts)) => linger(parts.io.into_inner(), &clock).await,
        // The peer decides how often this is logged, so it is no warning.
        Some(Err(error)) => tracing::debug!(%error, "a connection ended early"),
        None => tracing::debug!("a connection took too long"),
    }
}

/// Closes a connection after the client has had the time to read the answer.
async fn linger(mut stream: impl AsyncRead + AsyncWrite + Unpin, clock: &Clock) {
    let rest = async {
        if stream.shutdown().await.is_err() {
            return;
        }
        let (mut buffer, mut left) = ([0; 4096], LINGER_BYTES);
        while left > 0 {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(read) => left = left.saturating_sub(read),
            }
        }
    };
    clock.within(LINGER, rest).await;
}
