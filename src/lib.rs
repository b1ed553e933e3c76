//! Access to WhatsApp Business Accounts (WABAs) as code.

pub mod apply;
pub mod diagnostic;
pub mod digest;
pub mod graph;
pub mod guard;
pub mod manifest;
pub mod model;
pub mod plan;
pub mod resolve;
pub mod sources;
