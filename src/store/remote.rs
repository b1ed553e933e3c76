//! The state in an object store: names, marker, self-test, leases, inventories.

use super::error::JournalError;
use super::identity;
use super::inventory::Inventory;
use super::known_parts::KnownParts;
use super::lease::{Abandoned, ChainLease, Driver};
use super::lock::{Attempt, Holder, Note};
use super::objects::Objects;
use super::write::moment;
use crate::chain::{Acquire, Acquired, Ask, Body, Claim, Forced, Header, Release, Timing, split};
use crate::clock::Clock;
use crate::model::BusinessId;
use crate::text::escape;
use futures_util::future::join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// The object that says that a prefix holds a state, and that its store was tested.
const MARKER: &str = "wabacl.json";

/// The folder of what the self-test puts.
pub(super) const SELF_TESTS: &str = "self-test";

/// The version of the layout.
const VERSION: u32 = 1;

/// The self-test: so many rounds of so many concurrent puts of one name. Measured: a store that lets two of them win once
/// shows it in the first round nearly always.
const ROUNDS: usize = 3;
const PUTS: usize = 16;

/// The longest time in which the hint for readers is written. Without it, they only read more.
const HINT: Duration = Duration::from_secs(5);

/// The marker.
#[derive(Debug, Serialize, Deserialize)]
struct Marker {
    format: String,
    v: u32,
    /// The URL that was tested.
    store: String,
    /// The URL of the place to which all of the state has moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    moved_to: Option<String>,
}

/// How a lease is taken.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Taking<'a> {
    /// Whether to wait while another run holds it.
    pub(super) wait: bool,
    /// The URL from which a journal is copied.
    pub(super) copies_from: Option<&'a str>,
    /// Whether it is taken to move a journal away: then others may have moved before.
    pub(super) to_move: bool,
}

/// A hint where the chain ends. It may be old.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Head {
    /// A position that exists.
    pub(super) seq: u64,
    /// Up to this position, no write is in flight.
    pub(super) settled_to: u64,
    /// The position of the newest checkpoint.
    #[serde(default)]
    pub(super) checkpoint: u64,
}

/// The state in an object store.
#[derive(Debug, Clone)]
pub(super) struct Remote {
    pub(super) objects: Objects,
    /// The folder in which this machine counts its calls.
    call_log: Option<PathBuf>,
    abandoned: Abandoned,
    pub(super) known_parts: KnownParts,
}

/// The lease of a business, as anybody sees it.
#[derive(Debug, Clone)]
pub struct LeaseState {
    /// The object at the end of the chain; `None` if there is none.
    pub last: Option<Header>,
    /// The holder.
    pub holder: Holder,
}

/// Returns the name of the object at a position.
pub(super) fn position_name(business: BusinessId, at: u64) -> String {
    format!("{business}/journal/{}", file_name(at))
}

fn file_name(at: u64) -> String {
    format!("{at:020}.jsonl")
}

/// Returns the positions of a chain after one, in order.
pub(super) async fn positions(
    objects: &Objects,
    business: BusinessId,
    after: u64,
) -> Result<Vec<u64>, JournalError> {
    let names = objects.list(&format!("{business}/journal"), Some(&file_name(after))).await?;
    Ok(names
        .iter()
        .filter_map(|name| name.strip_suffix(".jsonl")?.parse().ok())
        .filter(|at| *at > after)
        .collect())
}

/// Returns the current moment for a header.
pub(super) fn moment_text(clock: &Clock) -> String {
    moment(clock.now()).0.to_string()
}

/// Returns an id for a run.
pub(super) fn run_id(now: Timestamp) -> String {
    format!("{}-{:08x}", now.strftime("%Y%m%dT%H%M%SZ"), fastrand::u32(..))
}

fn head_name(business: BusinessId) -> String {
    format!("{business}/head.json")
}

/// Writes the hint where the chain ends, from positions that are known; 0 is none. Returns the hint, if it is written.
pub(super) async fn note_head(
    objects: &Objects,
    business: BusinessId,
    known: Head,
    clock: &Clock,
) -> Option<Head> {
    let noted = clock.within(HINT, async {
        let before = head(objects, business).await?;
        let head = Head {
            seq: known.seq.max(before.seq),
            settled_to: known.settled_to.max(before.settled_to),
            checkpoint: known.checkpoint.max(before.checkpoint),
        };
        objects.put(&head_name(business), &json(&head)).await.map(|()| head)
    });
    match noted.await {
        Some(Ok(head)) => return Some(head),
        Some(Err(error)) => tracing::debug!("the hint where the journal ends is not written: {error}"),
        None => tracing::debug!("the hint where the journal ends is not written in time"),
    }
    None
}

/// Reads the hint. What is not one is as good as none.
pub(super) async fn head(objects: &Objects, business: BusinessId) -> Result<Head, JournalError> {
    let body = objects.get(&head_name(business)).await?;
    let head: Option<Head> = body.and_then(|body| serde_json::from_slice(&body).ok());
    Ok(head.filter(|head| head.settled_to <= head.seq).unwrap_or_default())
}

fn json(value: &impl Serialize) -> Body {
    serde_json::to_vec(value).expect("it can be written as JSON").into()
}

impl Remote {
    pub(super) fn new(objects: Objects, call_log: Option<PathBuf>) -> Self {
        Self { objects, call_log, abandoned: Abandoned::default(), known_parts: KnownParts::default() }
    }

    pub(super) fn location(&self) -> String {
        self.objects.location()
    }

    pub(super) fn objects(&self) -> &Objects {
        &self.objects
    }

    pub(super) fn url(&self) -> &str {
        self.objects.url()
    }

    pub(super) fn call_log(&self) -> Option<&PathBuf> {
        self.call_log.as_ref()
    }

    /// Checks that the store keeps the condition of a put, unless that was found out before.
    async fn check_store(&self, taking: Taking<'_>) -> Result<(), JournalError> {
        let location = self.location();
        let Some(marker) = self.marker().await? else {
            self.test_store().await?;
            return self.objects.create(MARKER, &json(&Marker::new(location, None))).await.map(drop);
        };
        if let Some(to) = marker.moved_to.filter(|_| !taking.to_move) {
            return Err(JournalError::Moved { location, to: escape(&to).into_owned() });
        }
        // The objects may have been copied from another store.
        if marker.store == location { Ok(()) } else { self.test_store().await }
    }

    async fn marker(&self) -> Result<Option<Marker>, JournalError> {
        let Some(marker) = self.objects.get(MARKER).await? else { return Ok(None) };
        match serde_json::from_slice::<Marker>(&marker) {
            Ok(marker) if marker.format == "wabacl-state" && marker.v == VERSION => Ok(Some(marker)),
            Ok(_) | Err(_) => Err(JournalError::OtherLayout { location: self.location() }),
        }
    }

    /// Notes that all of the state has moved.
    pub(super) async fn mark_moved(&self, to: &str) -> Result<(), JournalError> {
        self.objects.put(MARKER, &json(&Marker::new(self.location(), Some(to.to_owned())))).await
    }

    /// Checks that the state has not moved as a whole.
    pub(super) async fn check_not_moved(&self) -> Result<(), JournalError> {
        match self.marker().await?.and_then(|marker| marker.moved_to) {
            Some(to) => Err(JournalError::Moved { location: self.location(), to: escape(&to).into_owned() }),
            None => Ok(()),
        }
    }

    /// Puts objects at the same time under one name. Exactly one of them must win.
    pub(super) async fn test_store(&self) -> Result<(), JournalError> {
        for round in 0..ROUNDS {
            let name = format!("{SELF_TESTS}/{:016x}-{round}", fastrand::u64(..));
            let bodies: Vec<Body> = (0..PUTS).map(|put| json(&format!("put {put}"))).collect();
            let puts = join_all(bodies.iter().map(|body| self.objects.create(&name, body))).await;
            let winners: Vec<&Body> = puts
                .iter()
                .zip(&bodies)
                .filter(|(put, _)| matches!(put, Ok(true)))
                .map(|(_, body)| body)
                .collect();
            let stored = self.objects.get(&name).await?;
            let is_kept = match (&*winners, &stored) {
                ([winner], Some(stored)) => *winner == stored,
                // The answer to the winner was lost.
                ([], Some(stored)) => puts.iter().any(Result::is_err) && bodies.contains(stored),
                _ => false,
            };
            if winners.is_empty() && stored.is_none() {
                // Nothing was put at all, so an error says why.
                puts.into_iter().find_map(Result::err).map_or(Ok(()), Err)?;
            }
            if !is_kept {
                let (location, won) = (self.location(), winners.len());
                return Err(JournalError::NotConditional { location, won, puts: PUTS });
            }
        }
        Ok(())
    }

    /// Takes the lease of a business.
    pub(super) async fn take(
        &self,
        business: BusinessId,
        taking: Taking<'_>,
        clock: &Clock,
    ) -> Result<Attempt<ChainLease>, JournalError> {
        self.check_store(taking).await?;
        let hint = self.hint(business).await?;
        let claim = Claim { copies_from: taking.copies_from.map(str::to_owned), ..claim(clock) };
        let timing = Timing::default();
        let mut driver = Driver::new(&self.objects, business, clock, &timing);
        let mut acquire = Acquire::new(claim.clone(), hint, taking.wait, clock.elapsed(), timing);
        let (mut put_at, mut put) = (None, clock.stamp());
        loop {
            let ask = acquire.ask();
            if let Ask::Put(at, _) = ask
                && put_at != Some(at)
            {
                (put_at, put) = (Some(at), clock.stamp());
            }
            let answer = driver.perform(ask).await;
            let Some(acquired) = acquire.answer(answer, clock.elapsed()) else { continue };
            let acquired = if driver.is_stale { Acquired::Unsettled } else { acquired };
            return match acquired {
                Acquired::Taken { at, from, .. } => {
                    if let Some(from) = from {
                        tracing::warn!(
                            "run {} has been silent for too long; its lease is taken over",
                            from.run
                        );
                    }
                    let context = (timing, &self.abandoned);
                    let lease = ChainLease::taken(&self.objects, business, (&claim, at, put), clock, context);
                    if at == 1 && !taking.to_move {
                        // The state may have moved as a whole since it was checked. From now on a migration sees this business.
                        self.check_not_moved().await?;
                    }
                    Ok(Attempt::Taken(lease))
                }
                Acquired::Held(last) => Ok(Attempt::Held(self.holder(business, &last).await)),
                failed @ (Acquired::Unsettled
                | Acquired::Gap(_)
                | Acquired::Bad(..)
                | Acquired::Moved(_)
                | Acquired::Incomplete(_)
                | Acquired::NotEmpty) => Err(self.failed(business, failed, driver.error)),
            };
        }
    }

    pub(super) fn failed(
        &self,
        business: BusinessId,
        failed: Acquired,
        error: Option<JournalError>,
    ) -> JournalError {
        let location = self.location();
        match failed {
            Acquired::Gap(at) => {
                let object = position_name(business, at);
                JournalError::Chain { location, object, why: String::from("it is missing") }
            }
            Acquired::Bad(at, why) => {
                JournalError::Chain { location, object: position_name(business, at), why: why.to_string() }
            }
            Acquired::Moved(to) => JournalError::Moved { location, to: escape(&to).into_owned() },
            Acquired::Incomplete(header) => self.incomplete(&header),
            Acquired::NotEmpty => JournalError::NotEmpty { location, business },
            Acquired::Unsettled | Acquired::Held(_) | Acquired::Taken { .. } => error.unwrap_or({
                JournalError::Store { location, doing: "reading", why: String::from("there was no answer") }
            }),
        }
    }

    /// Returns the error of a journal that is an incomplete copy, by its last object.
    pub(super) fn incomplete(&self, last: &Header) -> JournalError {
        let from = escape(last.copies_from.as_deref().unwrap_or_default()).into_owned();
        JournalError::Incomplete { location: self.location(), from }
    }

    /// Returns who holds a lease, by the object that took it. What cannot be read is not known.
    async fn holder(&self, business: BusinessId, last: &Header) -> Holder {
        let taken = match last.holder {
            Some(_) => Some(last.clone()),
            None => match self.objects.get(&position_name(business, last.term)).await {
                Ok(Some(body)) => split(last.term, &body).ok().map(|(header, _)| header),
                Ok(None) | Err(_) => None,
            },
        };
        let note = taken.and_then(|header| serde_json::from_value::<Note<'_>>(header.holder?).ok());
        Holder { run: Some(last.run.as_str().into()), ..note.map(Note::read).unwrap_or_default() }
    }

    /// Returns the lease of a business.
    pub(super) async fn lease(&self, business: BusinessId) -> Result<LeaseState, JournalError> {
        let hint = self.hint(business).await?;
        let found = positions(&self.objects, business, hint).await?;
        let tail = found.last().copied().unwrap_or(hint);
        if tail == 0 {
            return Ok(LeaseState { last: None, holder: Holder::default() });
        }
        let (last, _) = self.part(business, tail).await?;
        let holder = self.holder(business, &last).await;
        Ok(LeaseState { last: Some(last), holder })
    }

    /// Takes the lease of a business away from a run.
    pub(super) async fn force_release(
        &self,
        business: BusinessId,
        run: &str,
        clock: &Clock,
    ) -> Result<Forced, JournalError> {
        let hint = self.hint(business).await?;
        let timing = Timing::default();
        let mut driver = Driver::new(&self.objects, business, clock, &timing);
        let mut release = Release::new(claim(clock), run.to_owned(), hint, clock.elapsed(), timing);
        loop {
            let answer = driver.perform(release.ask()).await;
            match release.answer(answer, clock.elapsed()) {
                None => {}
                Some(Forced::Failed(failed)) => return Err(self.failed(business, failed, driver.error)),
                Some(done) => return Ok(done),
            }
        }
    }

    /// Releases the leases that were dropped before anything was sent.
    pub(super) async fn release_abandoned(&self) {
        let abandoned =
            std::mem::take(&mut *self.abandoned.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        for chain in abandoned {
            chain.give_up().await;
        }
    }

    /// Returns the businesses with a journal, by id.
    pub(super) async fn businesses(&self) -> Result<Vec<BusinessId>, JournalError> {
        let mut businesses: Vec<BusinessId> =
            self.objects.folders().await?.iter().filter_map(|name| name.parse().ok()).collect();
        businesses.sort_unstable();
        Ok(businesses)
    }

    /// Reads the inventories of all sets of a business.
    pub(super) async fn inventories(&self, business: BusinessId) -> Result<Vec<Inventory>, JournalError> {
        let folder = format!("{business}/sets");
        let mut inventories = Vec::new();
        for name in self.objects.list(&folder, None).await? {
            let object = format!("{folder}/{name}");
            let Some(body) = self.objects.get(&object).await? else { continue };
            let inventory = Inventory::parse(&body, business).map_err(|error| {
                let (location, why) = (self.location(), error.to_string());
                JournalError::Chain { location, object, why }
            })?;
            inventories.push(inventory);
        }
        Ok(inventories)
    }

    /// Replaces the inventory of a set.
    pub(super) async fn save_inventory(
        &self,
        business: BusinessId,
        inventory: &Inventory,
        at: Timestamp,
    ) -> Result<(), JournalError> {
        let name = format!("{business}/sets/{}.json", inventory.set.as_str());
        self.objects.put(&name, &inventory.to_bytes(business, at).into()).await
    }
}

impl Marker {
    fn new(store: String, moved_to: Option<String>) -> Self {
        Self { format: String::from("wabacl-state"), v: VERSION, store, moved_to }
    }
}

fn claim(clock: &Clock) -> Claim {
    let now = clock.now();
    let note = Note { by: identity::am_i(), since: moment(now) };
    let holder = serde_json::to_value(&note).expect("a note can be written as JSON");
    Claim { run: run_id(now), at: moment_text(clock), holder, copies_from: None }
}
