//! Talks to Meta's Graph API, and hands out and takes in the model's types only.
//!
//! A [`Reader`] can only read, by its type and again in its transport; a [`Writer`] is made for `apply` alone.
//! Lists are whole or they are failures. What the wire looks like stays in this room; it must not know
//! manifests, plans, or how anything is shown.

mod directory;
mod error;
mod observe;
mod settings;
#[cfg(all(test, feature = "emulator"))]
mod tests;
mod token;
mod transport;
mod wire;
mod write;

pub use directory::DirectoryRequest;
pub use error::{ApiError, GraphError};
pub use observe::ReadRequest;
pub use settings::Settings;
pub use token::{Me, TokenInfo};
pub use write::Writer;

use std::sync::Arc;
use transport::{Access, Transport};

/// Reads from the API. Clones share one connection pool and one count of calls.
#[derive(Debug, Clone)]
pub struct Reader {
    transport: Arc<Transport>,
    concurrency: usize,
}

impl Reader {
    /// Makes a reader; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`GraphError::Settings`] where an address, a version, a secret or the CA file cannot be used.
    pub fn connect(settings: &Settings) -> Result<Self, GraphError> {
        let transport = Arc::new(Transport::new(settings, Access::Read)?);
        Ok(Self { transport, concurrency: settings.concurrency.max(1) })
    }

    /// Gives the number of requests that were sent so far, retries included.
    pub fn calls(&self) -> u64 {
        self.transport.calls()
    }
}
