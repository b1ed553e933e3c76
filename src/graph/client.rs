//! The client: its connections and limits, from which runs get their handles.

use super::error::GraphError;
use super::http::{HttpClient, Permission, Transport};
use super::limits::Limiter;
use super::reader::Reader;
use super::retry::Retrier;
use super::settings::{RunSettings, Settings};
use super::write::Writer;
use crate::clock::Clock;
use std::sync::Arc;

/// A client of the Graph API for one token.
///
/// Runs that follow one another, or run at the same time, share its connections and limits. What belongs to a run (its
/// deadline, how long it may wait, its cost) belongs to the reader and writer of the run.
#[derive(Debug, Clone)]
pub struct GraphClient {
    http: Arc<HttpClient>,
    limiter: Arc<Limiter>,
    is_local: bool,
}

impl GraphClient {
    /// Creates a client. Sends nothing, but reads the CA file, if there is one.
    ///
    /// # Errors
    ///
    /// [`GraphError::Settings`] if an address, a version, a secret or the CA file cannot be used.
    pub fn new(settings: &Settings) -> Result<Self, GraphError> {
        Ok(Self {
            http: Arc::new(HttpClient::new(settings)?),
            limiter: Arc::new(Limiter::new(settings)?),
            is_local: settings.graph_url.starts_with("http://"),
        })
    }

    /// Creates a client with other secrets. Both share their limits, so what the API asked for stays in force.
    ///
    /// # Errors
    ///
    /// As for [`GraphClient::new`].
    pub fn renewed(&self, settings: &Settings) -> Result<Self, GraphError> {
        let http = Arc::new(HttpClient::new(settings)?);
        let is_local = settings.graph_url.starts_with("http://");
        Ok(Self { http, limiter: Arc::clone(&self.limiter), is_local })
    }

    /// Returns whether the API is on this machine: plain HTTP is allowed to no other.
    pub fn is_local(&self) -> bool {
        self.is_local
    }

    /// Returns the clock of the settings.
    pub fn clock(&self) -> &Clock {
        self.limiter.clock()
    }

    /// Begins a run, and returns its reader.
    pub fn reader(&self, run: &RunSettings) -> Reader {
        let transport = Transport::new(Arc::clone(&self.http), Permission::ReadOnly);
        let retrier = Retrier::new(transport, Arc::new(self.limiter.begin_run(run)), run);
        Reader { retrier: Arc::new(retrier), run: run.clone() }
    }

    /// Returns the writer of a run, with the limits of its reader.
    pub fn writer(&self, reader: &Reader) -> Writer {
        let transport = Transport::new(Arc::clone(&self.http), Permission::ReadWrite);
        let limits = Arc::clone(&reader.retrier.limits);
        Writer { retrier: Retrier::new(transport, limits, &reader.run) }
    }
}
