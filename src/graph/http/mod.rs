//! Sends calls over HTTP, once, and parses responses. Nothing here retries, waits for a limit, or knows an endpoint.

mod address;
mod paging;
mod proxy;
mod request;
mod response;
mod rows;
mod secrets;
mod text;
mod transport;
pub(super) mod wire;

pub(super) use address::{base, is_loopback, is_visible_ascii};
pub(super) use paging::PageCursor;
pub(super) use request::ApiCall;
pub(super) use response::{ApiHeaders, ApiResponse};
pub(super) use rows::{BadRow, PageOfRows};
pub(super) use transport::{HttpClient, Permission, Transport};
