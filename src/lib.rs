//! Access to WhatsApp Business Accounts (WABAs) as code.

pub mod diagnostic;
#[cfg(feature = "emulator")]
pub mod emulator;
pub mod guard;
pub mod manifest;
pub mod model;
