//! Reads that try again: an object, or a list to its end. Shared by everything that reads.

use super::address::wrong;
use super::answer::Answer;
use super::call::Call;
use super::dispatch::{Dispatch, Travelled};
use super::error::GraphError;
use super::governor::Governor;
use super::settings::{ReadStrategy, Settings};
use super::transport::{Access, Transport};
use super::wire::{Page, Paging};
use crate::clock::Clock;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The longest pause before a retry.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// The longest pause before the first retry.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The most pages of one list: at 100 rows a page, a million rows.
const PAGES: usize = 10_000;

/// One side of the client, reading or writing, with the governor that both share.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) transport: Arc<Transport>,
    pub(super) governor: Arc<Governor>,
    pub(super) clock: Clock,
    dispatch: Dispatch,
    retries: u32,
    jitter: Mutex<fastrand::Rng>,
}

impl Client {
    pub(super) fn new(
        settings: &Settings,
        access: Access,
        governor: Option<Arc<Governor>>,
    ) -> Result<Self, GraphError> {
        if settings.waba_calls_per_hour == 0 {
            return Err(wrong("a WABA needs at least one call an hour"));
        }
        let transport = Arc::new(Transport::new(settings, access)?);
        let governor = governor.unwrap_or_else(|| Arc::new(Governor::new(settings)));
        let together = settings.read_strategy != ReadStrategy::Direct;
        let clock = settings.clock.clone();
        Ok(Self {
            dispatch: Dispatch::new(Arc::clone(&transport), Arc::clone(&governor), clock.clone(), together),
            transport,
            governor,
            clock,
            retries: settings.retries,
            jitter: Mutex::new(settings.jitter.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed)),
        })
    }

    /// Sends a call once, and alone where a batch brought it back unanswered.
    pub(super) async fn once(&self, mut call: Call) -> Result<Answer, GraphError> {
        loop {
            if let Some(waba) = call.waba {
                self.governor.take(waba).await?;
            }
            match self.dispatch.send(call.clone()).await {
                Travelled::Answered(answer) => return answer,
                Travelled::Back => call.alone = true,
            }
        }
    }

    /// Sends nothing more.
    pub(super) fn close(&self) {
        self.dispatch.close();
    }

    /// Reads one object. Passing faults are tried again, a bounded number of times and each after a pause with
    /// full jitter; what was throttled as soon as the governor lets it.
    pub(super) async fn get<T: DeserializeOwned>(&self, call: Call) -> Result<T, GraphError> {
        let mut longest = FIRST_PAUSE;
        let mut left = self.retries;
        loop {
            let answer = self.once(call.clone()).await;
            match answer.and_then(|answer| self.transport.parse(&answer)) {
                Err(error @ GraphError::Throttled { .. }) => {
                    tracing::debug!("{}: {error}", call.path);
                }
                Err(error) if error.is_passing() && left > 0 => {
                    left -= 1;
                    let pause = longest.mul_f64(self.random());
                    tracing::info!("{}: {error}; once more in {pause:.1?}", call.path);
                    self.clock.sleep(pause).await;
                    longest = (longest * 2).min(LONGEST_PAUSE);
                }
                settled => return settled,
            }
            self.governor.note_retry();
        }
    }

    /// Reads a list to its end: whole, or not at all.
    pub(super) async fn list<T: DeserializeOwned>(&self, call: &Call) -> Result<Vec<T>, GraphError> {
        self.rest(call, Vec::new(), &mut Pages::default()).await
    }

    /// Reads a list on from where `pages` is to its end, behind the rows that are there already.
    pub(super) async fn rest<T: DeserializeOwned>(
        &self,
        call: &Call,
        mut rows: Vec<T>,
        pages: &mut Pages,
    ) -> Result<Vec<T>, GraphError> {
        loop {
            let page: Page<T> = self.get(call.clone().after(pages.after())).await?;
            rows.extend(page.data);
            if !pages.turn(page.paging)? {
                return Ok(rows);
            }
        }
    }

    fn random(&self) -> f64 {
        self.jitter.lock().unwrap_or_else(PoisonError::into_inner).f64()
    }
}

/// Where in a list one is.
///
/// The end is where `paging.next` is absent, not where a page is short. `next` itself holds the token and is never
/// followed; a cursor that comes a second time is an error.
#[derive(Debug, Default)]
pub(super) struct Pages {
    after: Option<String>,
    seen: BTreeSet<String>,
}

impl Pages {
    /// Returns the cursor behind which the next page begins.
    pub(super) fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// Goes on to the next page; `false` where there is none.
    pub(super) fn turn(&mut self, paging: Option<Paging>) -> Result<bool, GraphError> {
        let Some(paging) = paging.filter(|paging| paging.next) else { return Ok(false) };
        let Some(cursor) = paging.cursors.and_then(|cursors| cursors.after) else {
            return Err(broken("a page says that there is a next one, but gives no cursor"));
        };
        if !self.seen.insert(cursor.clone()) {
            return Err(broken("the same cursor came twice"));
        }
        if self.seen.len() >= PAGES {
            return Err(broken("it does not end"));
        }
        self.after = Some(cursor);
        Ok(true)
    }
}

pub(super) fn broken(what: &str) -> GraphError {
    GraphError::BrokenList { what: what.into() }
}
