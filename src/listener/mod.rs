//! A small HTTP/1 server for the program's own addresses, with bounds on connections, time and memory.
//!
//! A connection has one request: that keeps its time bounded as a whole. What is too slow is closed, the body of a
//! request is read only if the handler asks for it, and up to the limit that the handler names. This module knows no paths
//! and no content. TLS is left to a reverse proxy.
//!
//! ```no_run
//! use wabacl::clock::Clock;
//! use wabacl::listener::{Limits, Listener, Method, Response, StatusCode};
//!
//! # async fn listen() -> std::io::Result<()> {
//! let address = "127.0.0.1:8080".parse().expect("an address");
//! let listener = Listener::bind(address, Limits::default(), Clock::real()).await?;
//! println!("listening on {}", listener.address());
//! let handler = |request: wabacl::listener::Request| async move {
//!     match (request.method(), request.path()) {
//!         (&Method::GET, "/healthz") => Response::text(StatusCode::OK, "text/plain", "ok\n"),
//!         _ => Response::empty(StatusCode::NOT_FOUND),
//!     }
//! };
//! let stop = async { /* until a signal */ };
//! listener.serve(handler, stop).await;
//! # Ok(())
//! # }
//! ```

mod body;
mod connection;
mod exchange;
#[cfg(test)]
mod tests;

pub use body::{Body, BodyError};
pub use exchange::{Request, Response};
pub use hyper::body::Bytes;
pub use hyper::{Method, StatusCode, header};

use crate::clock::Clock;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How long the listener waits after an error of the system, such as too many open files. A guess.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// What the connections of a listener may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many connections are open at a time; further ones wait in the queue of the system.
    pub connections: usize,
    /// The size of the request line with the headers, in bytes; at least 8 KiB.
    pub head: usize,
    /// The number of headers.
    pub headers: usize,
    /// How many bytes of bodies all connections together have in memory.
    pub bodies: usize,
    /// The time from the connection to the end of the headers.
    pub head_time: Duration,
    /// The time for the body.
    pub body_time: Duration,
    /// The time for the handler without the body, and for the client to read the answer.
    pub answer_time: Duration,
}

impl Default for Limits {
    /// Guesses: a reverse proxy sends a request of some kilobytes at once, and there is one Meta and one Prometheus.
    fn default() -> Self {
        Self {
            connections: 64,
            head: 16 * 1024,
            headers: 64,
            bodies: 16 * 1024 * 1024,
            head_time: Duration::from_secs(5),
            body_time: Duration::from_secs(10),
            answer_time: Duration::from_secs(30),
        }
    }
}

/// A socket that listens, before it is served.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    limits: Limits,
    clock: Clock,
}

impl Listener {
    /// Listens on an address. Nothing is answered before [`Listener::serve`].
    ///
    /// # Errors
    ///
    /// If the system refuses to listen on the address.
    pub async fn bind(address: SocketAddr, limits: Limits, clock: Clock) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address, limits, clock })
    }

    /// Returns the address, with the port that the system chose if none was given.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the clock that measures the limits.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Answers requests by a handler until `stop` is ready; then accepts no more, and waits for those in flight. Their
    /// number and time are bounded by the limits. Dropping the future closes all connections.
    pub async fn serve<H, F>(self, handler: H, stop: impl Future<Output = ()>)
    where
        H: Fn(Request) -> F + Clone + Send + 'static,
        F: Future<Output = Response> + Send + 'static,
    {
        let Self { socket, address: _, limits, clock } = self;
        let slots = Arc::new(Semaphore::new(limits.connections));
        let bodies = Arc::new(Semaphore::new(limits.bodies));
        let mut connections = JoinSet::new();
        let mut stop = pin!(stop);
        loop {
            let accepted = async {
                // The semaphore is never closed, so there is always a permit.
                let slot = Arc::clone(&slots).acquire_owned().await.ok();
                (accept(&socket, &clock).await, slot)
            };
            tokio::select! {
                biased;
                () = &mut stop => break,
                Some(ended) = connections.join_next() => note_panic(ended),
                (stream, slot) = accepted => {
                    let (clock, bodies, handler) = (clock.clone(), Arc::clone(&bodies), handler.clone());
                    connections.spawn(async move {
                        connection::serve(stream, limits, clock, bodies, handler).await;
                        drop(slot);
                    });
                }
            }
        }
        drop(socket);
        while let Some(ended) = connections.join_next().await {
            note_panic(ended);
        }
    }
}

/// Reports a handler that panicked. Its connection is closed; the others go on.
fn note_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection ended by a fault of the program");
    }
}

/// Accepts a connection. An error of the system passes, or concerns a connection that is gone already.
async fn accept(socket: &TcpListener, clock: &Clock) -> TcpStream {
    loop {
        match socket.accept().await {
            Ok((stream, _)) => {
                // The answer is one small packet.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "cannot set TCP_NODELAY");
                }
                return stream;
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                clock.sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
