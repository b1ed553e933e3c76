//! The client of Meta's Graph API. Its public types are those of the model; JSON stays in `http`.
//!
//! A [`Reader`] can only read, by its type and again in its transport; a [`Writer`] exists for `apply` only. A list is
//! complete or an error. This module must not know manifests, plans, or how anything is shown.
//!
//! From the outside in: `client` gives each run its `reader` and its writer (`write`); `read` reads directory and
//! assignments; `retry` retries; `batch` puts calls into batches; `limits` decides when a request may be sent; `http`
//! sends it.

mod batch;
mod client;
mod error;
mod http;
mod limits;
mod read;
mod reader;
mod retry;
mod settings;
#[cfg(all(test, feature = "emulator"))]
mod tests;
mod token;
mod write;

pub use client::GraphClient;
pub use error::{ApiError, Estimate, GraphError};
pub use read::{DirectoryRequest, ObserveRequest, PrefetchedAssignments, UserSides, WabaAssignments};
pub use reader::Reader;
pub use settings::{META_HOST, ReadStrategy, RunSettings, Settings, check_address, check_secret};
pub use token::{Me, TokenInfo};
pub use write::Writer;
