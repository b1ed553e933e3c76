//! Access to WhatsApp Business Accounts (WABAs) as code.

pub mod diagnostic;
pub mod digest;
pub mod guard;
pub mod manifest;
pub mod model;
pub mod plan;
pub mod resolve;
