//! The behaviour of the API apart from faults, limits and recording.
//!
//! `endpoints` routes a request. It parses nothing and stores nothing: a request arrives as an [`ApiRequest`], and a
//! write leaves as a [`Reply`] that the caller stores.

mod assigned_users;
mod auth;
mod batch;
mod context;
mod endpoints;
mod fields;
mod multipart;
mod nested;
mod paging;
mod query;
mod rejection;
mod request;
mod users;
mod version;
mod wabas;

pub(super) use auth::Caller;
pub(super) use batch::RequestBatch;
pub(super) use context::{Context, Reply, Write};
pub(super) use endpoints::reply;
pub(super) use rejection::Rejection;
pub(super) use request::{ApiRequest, DEFAULT_VERSION};
pub(super) use version::answering;
