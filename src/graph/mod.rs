//! Talks to Meta's Graph API, and hands out and takes in the model's types only.
//!
//! A [`Reader`] can only read, by its type and again in its transport; a [`Writer`] is made for `apply` alone.
//! Lists are whole or they are failures. What the wire looks like stays in this module; it must not know
//! manifests, plans, or how anything is shown.
//!
//! From the outside in: `directory`, `survey`, `lists` and `observe` say what is read, `strategy` how; `client`
//! tries again; `dispatch` lets calls travel together; `governor` says how much and when, with a `budget` for each
//! WABA; `transport` sends.

mod address;
mod answer;
mod budget;
mod call;
mod client;
mod directory;
mod dispatch;
mod error;
mod governor;
mod holders;
mod lists;
mod observe;
mod settings;
mod strategy;
mod survey;
mod tally;
#[cfg(all(test, feature = "emulator"))]
mod tests;
mod token;
mod transport;
mod wire;
mod write;

pub use directory::DirectoryRequest;
pub use error::{ApiError, GraphError};
pub use lists::Read;
pub use observe::ReadRequest;
pub use settings::{ReadStrategy, Settings};
pub use survey::ReadAhead;
pub use token::{Me, TokenInfo};
pub use write::Writer;

use crate::model::Cost;
use client::Client;
use std::sync::Arc;
use transport::Access;

/// Reads from the API. Clones share connections, governor and counts.
#[derive(Debug, Clone)]
pub struct Reader {
    client: Arc<Client>,
    strategy: ReadStrategy,
}

impl Reader {
    /// Makes a reader; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`GraphError::Settings`] where an address, a version, a secret or the CA file cannot be used.
    pub fn connect(settings: &Settings) -> Result<Self, GraphError> {
        let client = Arc::new(Client::new(settings, Access::Read, None)?);
        Ok(Self { client, strategy: settings.read_strategy })
    }

    /// Returns the number of calls that were made so far, retries included.
    pub fn calls(&self) -> u64 {
        self.client.transport.sent().1
    }

    /// Returns what reading has cost so far, and waiting for reader and writer.
    pub fn cost(&self) -> Cost {
        let (requests, calls) = self.client.transport.sent();
        let governor = &self.client.governor;
        let (retries, waited, usage) = (governor.retries(), governor.waited(), governor.usage());
        Cost { requests, calls, retries, waited, usage }
    }
}
