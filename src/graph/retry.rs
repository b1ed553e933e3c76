//! Sends calls, and retries reads after transient errors.

use super::batch::{Batcher, CallOutcome};
use super::error::GraphError;
use super::http::{ApiCall, ApiResponse, BadRow, PageCursor, PageOfRows, Transport};
use super::limits::RunLimits;
use super::settings::{ReadStrategy, RunSettings};
use serde::de::DeserializeOwned;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The longest pause before the first retry. A guess: a few round trips.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause before any retry. A guess: longer ones would hold up a run more than a new run would.
const MAX_PAUSE: Duration = Duration::from_secs(8);

/// Sends the calls of one handle, a reader or a writer.
#[derive(Debug)]
pub(super) struct Retrier {
    pub(super) transport: Arc<Transport>,
    pub(super) limits: Arc<RunLimits>,
    batcher: Batcher,
    retries: u32,
    jitter: Mutex<fastrand::Rng>,
}

impl Retrier {
    pub(super) fn new(transport: Transport, limits: Arc<RunLimits>, settings: &RunSettings) -> Self {
        let transport = Arc::new(transport);
        let batching = settings.read_strategy != ReadStrategy::Direct;
        Self {
            batcher: Batcher::new(Arc::clone(&transport), Arc::clone(&limits), batching),
            transport,
            limits,
            retries: settings.retries,
            jitter: Mutex::new(settings.jitter.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed)),
        }
    }

    /// Sends a call once. If its batch is rejected, sends it individually; if its budget is spent, waits.
    pub(super) async fn send_once(&self, mut call: ApiCall) -> Result<ApiResponse, GraphError> {
        loop {
            match (self.batcher.send(call.clone()).await, call.waba) {
                (CallOutcome::Done(result), _) => return result,
                (CallOutcome::Unbatched, _) => call.unbatched = true,
                (CallOutcome::BudgetSpent(wait), Some(waba)) => {
                    self.limits.wait_for_budget(waba, wait).await?;
                }
                (CallOutcome::WabaPaused, Some(waba)) => self.limits.wait_for_waba(waba).await?,
                (CallOutcome::BudgetSpent(_) | CallOutcome::WabaPaused, None) => {
                    return Err(GraphError::NotSent);
                }
            }
        }
    }

    /// Fails the calls that wait, and all further ones, with [`GraphError::NotSent`].
    pub(super) fn close(&self) {
        self.batcher.close();
    }

    /// Reads one object.
    pub(super) async fn get<T: DeserializeOwned>(&self, call: ApiCall) -> Result<T, GraphError> {
        self.read(call, |response| response.parse()).await
    }

    /// Reads one page of a list.
    pub(super) async fn page<T: DeserializeOwned>(&self, call: ApiCall) -> Result<PageOfRows<T>, GraphError> {
        self.read(call, |response| response.parse_page()).await
    }

    /// Sends a read, and parses its response.
    ///
    /// Transient errors are retried a limited number of times, each after a pause with full jitter. A throttled call is
    /// retried as soon as the limits permit it.
    async fn read<T>(
        &self,
        call: ApiCall,
        read: impl Fn(ApiResponse) -> Result<T, GraphError>,
    ) -> Result<T, GraphError> {
        let mut max_pause = FIRST_PAUSE;
        let mut retries_left = self.retries;
        loop {
            match self.send_once(call.clone()).await.and_then(&read) {
                Err(error @ GraphError::Throttled { .. }) => {
                    tracing::debug!("{}: {error}", call.path);
                }
                Err(error) if error.is_transient() && retries_left > 0 => {
                    retries_left -= 1;
                    let pause = max_pause.mul_f64(self.random());
                    tracing::info!("{}: {error}; retry in {pause:.1?}", call.path);
                    self.limits.clock().sleep(pause).await;
                    max_pause = (max_pause * 2).min(MAX_PAUSE);
                }
                result => return result,
            }
            self.limits.note_retry();
        }
    }

    /// Reads a list to its end.
    ///
    /// # Errors
    ///
    /// Besides those of a read, [`GraphError::UnknownForm`] for the first row that cannot be read.
    pub(super) async fn list<T: DeserializeOwned>(&self, call: &ApiCall) -> Result<Vec<T>, GraphError> {
        self.rest_of_list(call, Vec::new(), PageCursor::default(), |bad| Err(bad.into())).await
    }

    /// Reads the rest of a list, after the rows that were read already. `on_bad_row` decides about rows that cannot be
    /// read.
    pub(super) async fn rest_of_list<T: DeserializeOwned>(
        &self,
        call: &ApiCall,
        mut rows: Vec<T>,
        mut cursor: PageCursor,
        mut on_bad_row: impl FnMut(BadRow) -> Result<(), GraphError>,
    ) -> Result<Vec<T>, GraphError> {
        loop {
            let page = self.page(call.clone().after(cursor.after())).await?;
            let on_page = page.rows.len() + page.bad.len();
            page.bad.into_iter().try_for_each(&mut on_bad_row)?;
            rows.extend(page.rows);
            if !cursor.advance(on_page, page.paging)? {
                return Ok(rows);
            }
        }
    }

    fn random(&self) -> f64 {
        self.jitter.lock().unwrap_or_else(PoisonError::into_inner).f64()
    }
}
