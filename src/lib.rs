//! Access to WhatsApp Business Accounts (WABAs) as code.

pub mod apply;
pub mod cli;
pub mod diagnostic;
pub mod digest;
#[cfg(feature = "emulator")]
pub mod emulator;
pub mod graph;
pub mod guard;
pub mod manifest;
pub mod model;
pub mod plan;
pub mod render;
pub mod resolve;
pub mod sources;
