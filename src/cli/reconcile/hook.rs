//! The webhook of a reconciler: an address of its own, and what its events make due.

use super::{Args, pages};
use crate::cli::connection;
use crate::cli::failure::Failure;
use crate::engine::{DueWabas, ReconcileSettings};
use crate::listener::Listener;
use crate::webhook::{self, Counts, Due, Webhook};
use std::net::SocketAddr;
use std::sync::Arc;

/// A webhook that listens, before it is served.
pub(super) struct Hook {
    listener: Listener,
    webhook: Webhook,
    due: Arc<DueWabas>,
}

/// Returns the counts of a webhook, and how many WABAs wait for their round.
pub(super) type HookCounts = Box<dyn Fn() -> (Counts, usize) + Send + Sync>;

impl Hook {
    /// Reads the secrets, and listens on the address of `--webhook-listen`.
    pub(super) async fn bind(
        address: SocketAddr,
        args: &Args,
        settings: &ReconcileSettings,
    ) -> Result<Self, Failure> {
        let file = args.webhook_verify_token_file.as_deref();
        let webhook = Webhook::new(connection::webhook_secrets(&args.connection, file)?);
        let due = DueWabas::new(settings.state.clone(), settings.clock.clone(), settings.mode);
        let listener = pages::bind(address, webhook::LIMITS).await?;
        Ok(Self { listener, webhook, due: Arc::new(due) })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Returns what its events make due.
    pub(super) fn due(&self) -> Arc<DueWabas> {
        Arc::clone(&self.due)
    }

    pub(super) fn counts(&self) -> HookCounts {
        let (counts, due) = (self.webhook.counts(), self.due());
        Box::new(move || (counts(), due.waiting()))
    }

    /// Receives events. Meta gets its answer once they are safe.
    pub(super) async fn serve(self) {
        let Self { listener, webhook, due } = self;
        let sink = move |events: Due| {
            let due = Arc::clone(&due);
            async move { due.receive(events).await }
        };
        webhook.serve(listener, sink, std::future::pending()).await;
    }
}
