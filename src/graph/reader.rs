//! The handle for reading.

use super::retry::Retrier;
use super::settings::RunSettings;
use crate::clock::Clock;
use crate::model::Cost;
use std::sync::Arc;

/// Reads from the API in one run. Clones share the limits of the run and its counts.
#[derive(Debug, Clone)]
pub struct Reader {
    pub(super) retrier: Arc<Retrier>,
    pub(super) run: RunSettings,
}

impl Reader {
    /// Returns the clock of the run.
    pub fn clock(&self) -> &Clock {
        self.retrier.limits.clock()
    }

    /// Returns the number of calls so far, including retries.
    pub fn calls(&self) -> u64 {
        self.retrier.transport.calls()
    }

    /// Returns the cost of reading so far, and the waiting of the whole run.
    pub fn cost(&self) -> Cost {
        let Retrier { transport, limits, .. } = &*self.retrier;
        Cost {
            requests: transport.requests(),
            calls: transport.calls(),
            retries: limits.retries(),
            waited: limits.waited(),
            usage: limits.usage(),
        }
    }
}
