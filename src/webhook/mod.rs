//! Meta's webhook: events that say that the access of a WABA may have changed.
//!
//! `signature`, `handshake`, `events` (with `json`) and `queue` are pure; `endpoint` answers requests and `inbox` waits. An
//! event is a reason to read a WABA, and never evidence of who has access. This module does not know what a round does.
//!
//! ```no_run
//! use std::sync::Arc;
//! use wabacl::clock::Clock;
//! use wabacl::listener::{Limits, Listener};
//! use wabacl::webhook::{self, Due, Inbox, QueueSettings, Secrets, Webhook};
//!
//! # async fn run(app_secret: Option<secrecy::SecretString>, verify_token: Option<secrecy::SecretString>)
//! #     -> Result<(), Box<dyn std::error::Error>> {
//! let clock = Clock::real();
//! let secrets = Secrets::new(app_secret, verify_token)?; // an error says what to set
//! let inbox = Arc::new(Inbox::new(QueueSettings::default(), clock.clone()));
//! let webhook = Webhook::new(secrets);
//! let counts = webhook.counts(); // for metrics, at any time
//! let sink = {
//!     let inbox = Arc::clone(&inbox);
//!     // Meta gets its 200 once this is done, so put it first where it survives this process.
//!     move |due: Due| {
//!         let inbox = Arc::clone(&inbox);
//!         async move { inbox.add(&due); Ok::<(), std::io::Error>(()) }
//!     }
//! };
//! let listener = Listener::bind("0.0.0.0:8443".parse()?, webhook::LIMITS, clock).await?;
//! let serving = webhook.serve(listener, sink, async { /* until a signal */ });
//! let rounds = async {
//!     loop {
//!         let due: Due = inbox.next().await; // these WABAs, or a whole round
//!         // Read, plan and apply. If that fails: inbox.put_back(&due).
//!     }
//! };
//! tokio::select! { () = serving => {}, () = rounds => {} }
//! # Ok(())
//! # }
//! ```

mod endpoint;
mod events;
mod handshake;
mod inbox;
mod json;
mod queue;
mod secrets;
mod signature;

pub use endpoint::{Counts, LIMITS, LONGEST_BODY, PATH, Webhook};
pub use events::{Delivery, Due, NotJson};
pub use inbox::Inbox;
pub use queue::{Queue, QueueSettings};
pub use secrets::{SecretError, Secrets};
pub use signature::{HEADER, Signature, sign};
