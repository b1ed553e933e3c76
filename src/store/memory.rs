//! A store of objects in memory, with the faults of real ones, for tests.

use super::objects::ListEntry;
use crate::chain::Body;
use crate::clock::Clock;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A store of objects in memory.
#[derive(Debug)]
pub struct MemoryObjects {
    clock: Clock,
    state: Arc<Mutex<MemoryState>>,
    faults: MemoryFaults,
}

/// How often a store in memory fails, each in percent of its requests, and how long it takes.
#[derive(Debug, Clone, Copy, Default)]
pub struct MemoryFaults {
    /// Requests that do nothing and have no answer.
    pub failed: u8,
    /// Requests that are done, and whose answer is lost.
    pub answer_lost: u8,
    /// Puts without an answer that are done up to a minute later.
    pub late: u8,
    /// Whether a put that may only create replaces what is there, as some stores do.
    pub ignores_condition: bool,
    /// The longest time of a request.
    pub latency: Duration,
    /// The seed.
    pub seed: u64,
}

#[derive(Debug, Default)]
struct MemoryState {
    objects: BTreeMap<String, (Body, Timestamp)>,
    random: fastrand::Rng,
    is_down: bool,
    is_calm: bool,
    /// The number of requests after which all fail.
    down_after: Option<u64>,
    /// The requests that nobody has taken yet.
    requests: Vec<String>,
}

/// What happens to a request.
enum Fate {
    Done,
    Failed,
    AnswerLost,
    Late(Duration),
}

impl MemoryObjects {
    /// Makes an empty store.
    pub fn new(clock: Clock, faults: MemoryFaults) -> Self {
        let random = fastrand::Rng::with_seed(faults.seed);
        let state = MemoryState { random, ..MemoryState::default() };
        Self { clock, state: Arc::new(Mutex::new(state)), faults }
    }

    /// Makes all requests fail, or none any more.
    pub fn set_down(&self, is_down: bool) {
        self.state().is_down = is_down;
    }

    /// Makes no request fail, or as many as before.
    pub fn set_calm(&self, is_calm: bool) {
        self.state().is_calm = is_calm;
    }

    /// Returns all objects with their names.
    pub fn contents(&self) -> Vec<(String, Body)> {
        self.state().objects.iter().map(|(name, (body, _))| (name.clone(), Arc::clone(body))).collect()
    }

    /// Returns the requests since the last call, each as `kind name`.
    pub fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state().requests)
    }

    /// Makes all requests fail after a number of further ones.
    pub fn set_down_after(&self, requests: u64) {
        self.state().down_after = Some(requests);
    }

    /// Returns whether requests remain after which all would fail.
    #[cfg(test)]
    pub(super) fn stays_up(&self) -> bool {
        self.state().down_after.take().is_some()
    }

    fn state(&self) -> MutexGuard<'_, MemoryState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn request(&self, kind: &str, name: &str) -> Fate {
        let MemoryFaults { failed, answer_lost, late, latency, .. } = self.faults;
        let (roll, takes, delay, is_down, is_calm) = {
            let state = &mut *self.state();
            state.requests.push(format!("{kind} {name}"));
            match &mut state.down_after {
                Some(0) => (state.is_down, state.down_after) = (true, None),
                Some(requests) => *requests -= 1,
                None => {}
            }
            let (roll, share) = (state.random.u8(0..100), state.random.f64());
            let delay = Duration::from_secs(state.random.u64(0..60));
            (roll, latency.mul_f64(share), delay, state.is_down, state.is_calm)
        };
        self.clock.sleep(takes).await;
        if is_calm && !is_down {
            Fate::Done
        } else if is_down || roll < failed {
            Fate::Failed
        } else if roll < failed + answer_lost {
            Fate::AnswerLost
        } else if roll < failed + answer_lost + late {
            Fate::Late(delay)
        } else {
            Fate::Done
        }
    }

    async fn change(
        &self,
        (kind, name): (&str, &str),
        change: impl FnOnce(&mut BTreeMap<String, (Body, Timestamp)>, Timestamp) -> bool + Send + 'static,
    ) -> Result<bool, String> {
        match self.request(kind, name).await {
            Fate::Done => Ok(change(&mut self.state().objects, self.clock.now())),
            Fate::Failed => Err(no_answer()),
            Fate::AnswerLost => {
                change(&mut self.state().objects, self.clock.now());
                Err(no_answer())
            }
            Fate::Late(delay) => {
                let (clock, state) = (self.clock.clone(), Arc::clone(&self.state));
                tokio::spawn(async move {
                    clock.sleep(delay).await;
                    let objects = &mut state.lock().unwrap_or_else(PoisonError::into_inner).objects;
                    change(objects, clock.now());
                });
                Err(no_answer())
            }
        }
    }

    pub(super) async fn create(&self, name: &str, body: &Body) -> Result<bool, String> {
        let (key, body, ignores_condition) = (name.to_owned(), body.clone(), self.faults.ignores_condition);
        self.change(("create", name), move |objects, now| {
            let is_free = ignores_condition || !objects.contains_key(&key);
            if is_free {
                objects.insert(key, (body, now));
            }
            is_free
        })
        .await
    }

    pub(super) async fn put(&self, name: &str, body: &Body) -> Result<(), String> {
        let (key, body) = (name.to_owned(), body.clone());
        let put = self.change(("put", name), move |objects, now| objects.insert(key, (body, now)).is_none());
        put.await.map(drop)
    }

    pub(super) async fn get(&self, name: &str) -> Result<Option<Body>, String> {
        match self.request("get", name).await {
            Fate::Done => Ok(self.state().objects.get(name).map(|(body, _)| body.clone())),
            Fate::Failed | Fate::AnswerLost | Fate::Late(_) => Err(no_answer()),
        }
    }

    pub(super) async fn list(&self, folder: &str, after: Option<&str>) -> Result<Vec<ListEntry>, String> {
        match self.request("list", folder).await {
            Fate::Done => {}
            Fate::Failed | Fate::AnswerLost | Fate::Late(_) => return Err(no_answer()),
        }
        let prefix = format!("{folder}/");
        let from = format!("{prefix}{}", after.unwrap_or_default());
        let state = self.state();
        let found = state.objects.range::<String, _>((Bound::Excluded(&from), Bound::Unbounded));
        let found = found.map_while(|(name, object)| Some((name.strip_prefix(&prefix)?, object)));
        let entry = |(name, (body, put)): (&str, &(Body, Timestamp))| ListEntry {
            name: name.to_owned(),
            version: body.clone(),
            put: Some(*put),
        };
        Ok(found.filter(|(name, _)| !name.contains('/')).map(entry).collect())
    }

    pub(super) async fn list_below(&self, folder: &str) -> Result<Vec<(String, Timestamp)>, String> {
        match self.request("list", folder).await {
            Fate::Done => {}
            Fate::Failed | Fate::AnswerLost | Fate::Late(_) => return Err(no_answer()),
        }
        let prefix = format!("{folder}/");
        let state = self.state();
        let below = state.objects.range(prefix.clone()..);
        let below = below.map_while(|(name, (_, put))| Some((name.strip_prefix(&prefix)?.to_owned(), *put)));
        Ok(below.collect())
    }

    pub(super) async fn delete(&self, name: &str) -> Result<(), String> {
        let key = name.to_owned();
        self.change(("delete", name), move |objects, _| objects.remove(&key).is_some()).await.map(drop)
    }

    pub(super) fn folders(&self) -> Vec<String> {
        let state = self.state();
        let folders = state.objects.keys().filter_map(|name| Some(name.split_once('/')?.0.to_owned()));
        folders.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

fn no_answer() -> String {
    String::from("there was no answer")
}
