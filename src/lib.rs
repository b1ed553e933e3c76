//! Access to WhatsApp Business Accounts (WABAs) as code.

pub mod diagnostic;
pub mod guard;
pub mod manifest;
pub mod model;
pub mod render;
