//! The HTTP server: it records each call, admits it, applies its fault, and passes it to the API.
//!
//! `lifecycle` starts and stops the server, `handler` receives requests, `perform` handles a call, `state` holds what
//! requests share, `event_log` records what happened, `world_page` shows and changes the world, `response` and `connection` produce the bytes or close the
//! connection.

mod connection;
mod event_log;
mod handler;
mod lifecycle;
mod perform;
mod response;
mod state;
mod world_page;

pub use event_log::{ForeignChange, LoggedCall, LoggedRead, LoggedWrite};

pub(super) use lifecycle::Server;
pub(super) use state::ServerState;
