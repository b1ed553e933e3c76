//! Start and shutdown of the HTTP server.

use super::connection::{DropFlag, DroppableListener};
use super::handler;
use super::state::ServerState;
use crate::emulator::options::Options;
use crate::emulator::world::World;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How long a shutdown waits for requests in flight. A guess: a person who interrupts the emulator waits no longer.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// A running HTTP server. Dropping it ends the server.
pub(crate) struct Server {
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

impl Server {
    /// Starts a server on the address in the options.
    ///
    /// # Errors
    ///
    /// If the system refuses to listen on the address.
    pub(crate) async fn start(world: World, options: Options) -> io::Result<(Self, Arc<ServerState>)> {
        let listener = TcpListener::bind(options.listen).await?;
        let base_url = format!("http://{}", listener.local_addr()?);
        let state = Arc::new(ServerState::new(world, base_url, options));
        let service = axum::Router::new()
            .fallback(handler::handle)
            .with_state(Arc::clone(&state))
            .into_make_service_with_connect_info::<DropFlag>();
        let (stop, stopped) = oneshot::channel::<()>();
        let serve = axum::serve(DroppableListener(listener), service).with_graceful_shutdown(async {
            // Dropping the sender completes the receiver with an error, which ends the server as well.
            let _ = stopped.await;
        });
        let task = tokio::spawn(async move { serve.await });
        Ok((Self { stop, task }, state))
    }

    /// Ends the server. Waits up to [`SHUTDOWN_TIMEOUT`] for requests in flight.
    pub(crate) async fn shutdown(self) {
        let Self { stop, mut task } = self;
        drop(stop);
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, &mut task).await.is_err() {
            task.abort();
        }
    }
}
