//! What events make due: in this process, and through a shared state in the others.

use crate::clock::Clock;
use crate::model::{BusinessId, WabaId};
use crate::reconcile::Mode;
use crate::store::{DueItem, DueObjects, JournalError, OpenEvent, StateStore};
use crate::webhook::{Due, Inbox, QueueSettings};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// How often the shared state is listed.
pub(super) const LISTED: Duration = Duration::from_secs(1);

/// How long an event that another replica received and did not hand over may stay open before this one does it. A guess: a
/// round of one WABA takes two seconds.
const FALLBACK: Duration = Duration::from_secs(15);

/// What is due because of events.
#[derive(Debug)]
pub struct DueWabas {
    inbox: Inbox,
    state: StateStore,
    clock: Clock,
    /// Whether rounds of this process apply what is due.
    applies: bool,
    known: Mutex<Known>,
    /// Wakes deliveries that wait for the business.
    has_business: Notify,
}

#[derive(Debug, Default)]
struct Known {
    business: Option<BusinessId>,
    /// The events that this process received or took, by what they are about.
    mine: BTreeMap<DueItem, OpenEvent>,
    /// Since when each event of others is open.
    since: BTreeMap<(DueItem, String), Duration>,
}

impl DueWabas {
    /// Makes it empty.
    pub fn new(state: StateStore, clock: Clock, mode: Mode) -> Self {
        let inbox = Inbox::new(QueueSettings::default(), clock.clone());
        let applies = mode == Mode::Apply;
        Self { inbox, state, clock, applies, known: Mutex::default(), has_business: Notify::new() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // No step leaves it in an intermediate state, so a poisoned lock is harmless.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what a delivery makes due. Once this is ready, it is safe: in a shared state, other replicas would do it. Until the first
    /// manifests are read, nobody knows of which business it is, so a delivery waits for that, and the webhook answers 503 if it takes
    /// too long.
    ///
    /// Without a shared state it is in memory. If the process ends, the first round of the next one reads everything.
    ///
    /// # Errors
    ///
    /// If the shared state cannot be written.
    pub async fn receive(&self, due: Due) -> Result<(), JournalError> {
        if self.state.is_shared() {
            let business = self.business().await;
            let id = format!("{:016x}", fastrand::u64(..));
            let event = OpenEvent { id, is_handed_over: !self.applies };
            // What waits is stored already.
            let fresh = self.inbox.not_waiting(&due);
            let events: BTreeMap<DueItem, OpenEvent> =
                items(&fresh).map(|item| (item, event.clone())).collect();
            self.state.put_due(business, &events, false).await?;
            if !self.applies {
                return Ok(());
            }
            self.known().mine.extend(events);
        }
        self.inbox.add(&due);
        Ok(())
    }

    /// Returns the business of the manifests, once it is known.
    async fn business(&self) -> BusinessId {
        loop {
            let known = self.has_business.notified();
            tokio::pin!(known);
            // Before the look, so that nothing is missed between both.
            known.as_mut().enable();
            if let Some(business) = self.known().business {
                return business;
            }
            known.await;
        }
    }

    /// Returns how many WABAs wait.
    pub fn waiting(&self) -> usize {
        self.inbox.waiting()
    }

    /// Waits until something is due, and takes it.
    pub(super) async fn next(&self, objects: &mut DueObjects) -> Due {
        let listing = async {
            if !self.state.is_shared() || !self.applies {
                return std::future::pending::<()>().await;
            }
            loop {
                self.list(objects).await;
                self.clock.sleep(LISTED).await;
            }
        };
        tokio::select! {
            biased;
            due = self.inbox.next() => due,
            () = listing => Due::default(),
        }
    }

    /// Adds what other replicas hand over, or leave open for too long.
    async fn list(&self, objects: &mut DueObjects) {
        let Some(business) = self.known().business else { return };
        if let Err(error) = self.state.read_due(business, objects).await {
            tracing::debug!("what is due in the shared state cannot be read: {error}");
            return;
        }
        let now = self.clock.elapsed();
        let mut known = self.known();
        let mut due = Due::default();
        let mut since = BTreeMap::new();
        for (item, event) in objects.open() {
            if known.mine.get(&item).is_some_and(|mine| mine.id == event.id) {
                continue;
            }
            let key = (item, event.id.clone());
            let first = known.since.get(&key).copied().unwrap_or(now);
            if event.is_handed_over || now.saturating_sub(first) >= FALLBACK {
                known.mine.insert(item, event.clone());
                add(&mut due, item);
            } else {
                since.insert(key, first);
            }
        }
        known.since = since;
        drop(known);
        if !due.is_empty() {
            self.inbox.add(&due);
        }
    }

    /// Notes that a whole round begins, so everything that waits is done with it. Returns what that is.
    pub(super) fn begin_whole(&self) -> BTreeMap<DueItem, OpenEvent> {
        self.inbox.note_whole_round();
        self.known().mine.clone()
    }

    /// Notes the business of the manifests.
    pub(super) fn set_business(&self, business: BusinessId) {
        self.known().business = Some(business);
        self.has_business.notify_waiters();
    }

    /// Notes the business of manifests before they are planned, unless one is known.
    pub(super) fn learn_business(&self, business: BusinessId) {
        self.known().business.get_or_insert(business);
        self.has_business.notify_waiters();
    }

    /// Returns the events about some WABAs that this process knows.
    pub(super) fn events(&self, wabas: &BTreeSet<WabaId>) -> BTreeMap<DueItem, OpenEvent> {
        let known = self.known();
        let event = |waba: &WabaId| {
            let item = DueItem::Waba(*waba);
            Some((item, known.mine.get(&item)?.clone()))
        };
        wabas.iter().filter_map(event).collect()
    }

    /// Notes that events are done, also for the other replicas.
    pub(super) async fn done(&self, events: &BTreeMap<DueItem, OpenEvent>) {
        let business = {
            let mut known = self.known();
            known.mine.retain(|item, mine| events.get(item) != Some(mine));
            known.business
        };
        if let Some(business) = business.filter(|_| !events.is_empty())
            && let Err(error) = self.state.put_due(business, events, true).await
        {
            tracing::info!("another replica may repeat a round: {error}");
        }
    }

    /// Repeats what is due later. `is_handed_over` also asks the other replicas to do it.
    pub(super) async fn repeat(&self, wabas: &BTreeSet<WabaId>, is_handed_over: bool) {
        if is_handed_over {
            let mut events = self.events(wabas);
            for event in events.values_mut() {
                event.is_handed_over = true;
            }
            let business = self.known().business;
            if let Some(business) = business.filter(|_| !events.is_empty())
                && let Err(error) = self.state.put_due(business, &events, false).await
            {
                tracing::info!("a round could not be handed over: {error}");
            }
        }
        self.inbox.put_back(&Due { wabas: wabas.clone(), everything: false });
    }
}

fn items(due: &Due) -> impl Iterator<Item = DueItem> {
    let all = due.everything.then_some(DueItem::All);
    due.wabas.iter().copied().map(DueItem::Waba).chain(all)
}

fn add(due: &mut Due, item: DueItem) {
    match item {
        DueItem::All => due.everything = true,
        DueItem::Waba(waba) => _ = due.wabas.insert(waba),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MemoryFaults, MemoryObjects, Objects};
    use std::sync::Arc;

    fn business() -> BusinessId {
        "10".parse().unwrap()
    }

    fn waba() -> WabaId {
        "500".parse().unwrap()
    }

    fn due() -> Due {
        Due { wabas: [waba()].into(), everything: false }
    }

    /// Returns the ids of the open events in a store.
    async fn stored(state: &StateStore) -> Vec<String> {
        let mut objects = DueObjects::default();
        state.read_due(business(), &mut objects).await.unwrap();
        objects.open().map(|(_, event)| event.id.clone()).collect()
    }

    #[test]
    fn a_delivery_before_the_first_plan_is_stored_before_it_is_answered() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let clock = Clock::simulated(jiff::Timestamp::UNIX_EPOCH);
        let play = async {
            let objects = Arc::new(MemoryObjects::new(clock.clone(), MemoryFaults::default()));
            let state = StateStore::objects(Objects::memory(objects), None);
            let replica = || DueWabas::new(state.clone(), clock.clone(), Mode::Apply);
            let (early, other) = (replica(), replica());
            assert!(clock.within(Duration::from_secs(8), early.receive(due())).await.is_none());
            assert_eq!(stored(&state).await, [""; 0], "Meta repeats it");
            let manifests = async {
                clock.sleep(Duration::from_secs(3)).await;
                early.learn_business(business());
            };
            let (received, ()) = tokio::join!(early.receive(due()), manifests);
            received.unwrap();
            assert_eq!(stored(&state).await.len(), 1);
            // The process is killed here, and another replica does it.
            drop(early);
            other.set_business(business());
            let mut objects = DueObjects::default();
            assert_eq!(other.next(&mut objects).await, due());
        };
        runtime.block_on(async { clock.run(play).await });
    }

    #[test]
    fn a_delivery_that_is_repeated_is_stored_once_for_each_round() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let clock = Clock::simulated(jiff::Timestamp::UNIX_EPOCH);
        let play = async {
            let objects = Arc::new(MemoryObjects::new(clock.clone(), MemoryFaults::default()));
            let state = StateStore::objects(Objects::memory(objects), None);
            let wabas = DueWabas::new(state.clone(), clock.clone(), Mode::Apply);
            wabas.set_business(business());
            wabas.receive(due()).await.unwrap();
            let first = stored(&state).await;
            for _ in 0..100 {
                wabas.receive(due()).await.unwrap();
            }
            assert_eq!(stored(&state).await, first, "they wait for the same round");
            let mut objects = DueObjects::default();
            assert_eq!(wabas.next(&mut objects).await, due());
            let events = wabas.events(&due().wabas);
            // It arrives while the round runs, and may be newer than what the round reads.
            wabas.receive(due()).await.unwrap();
            let second = stored(&state).await;
            assert!(second.len() == 1 && second != first, "{second:?}");
            wabas.done(&events).await;
            assert_eq!(stored(&state).await, second, "it is not done with the first round");
            assert_eq!(wabas.next(&mut objects).await, due());
            wabas.done(&wabas.events(&due().wabas)).await;
            assert_eq!(stored(&state).await, [""; 0]);
        };
        runtime.block_on(async { clock.run(play).await });
    }
}
