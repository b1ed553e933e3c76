//! WABAs that an event made due, for the other replicas: one object each for the last event and for the last one that is done.
//!
//! Both are overwritten, and only the one who receives events writes the first: so no event is lost between a read and a
//! write, on a store without conditional overwrites. A process lists them and gets only what has changed.

use super::JournalError;
use super::objects::Objects;
use crate::chain::Body;
use crate::model::{BusinessId, WabaId};
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The name in the place of a WABA: everything is due.
const ALL: &str = "all";

/// How many objects are read or written at a time. A guess: as many as parts of the journal.
const AT_A_TIME: usize = 16;

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DueItem {
    /// All of the scope.
    All,
    /// A WABA.
    Waba(WabaId),
}

impl DueItem {
    fn name(self) -> String {
        match self {
            Self::All => ALL.to_owned(),
            Self::Waba(waba) => waba.to_string(),
        }
    }

    fn parse(name: &str) -> Option<Self> {
        if name == ALL { Some(Self::All) } else { name.parse().ok().map(Self::Waba) }
    }
}

/// An event that no replica has noted as done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenEvent {
    /// The id of the event.
    pub id: String,
    /// Whether another replica has to do it: the one that received it cannot write.
    pub is_handed_over: bool,
}

/// The object of an event.
#[derive(Debug, Serialize, Deserialize)]
struct EventObject {
    v: u32,
    event: String,
    #[serde(default)]
    handed_over: bool,
}

/// What a process knows of the objects.
#[derive(Debug, Default)]
pub struct DueObjects {
    /// The version of each object that was read.
    versions: BTreeMap<String, Body>,
    events: BTreeMap<DueItem, OpenEvent>,
    done: BTreeMap<DueItem, String>,
}

impl DueObjects {
    /// Returns the events that no replica has noted as done.
    pub fn open(&self) -> impl Iterator<Item = (DueItem, &OpenEvent)> {
        let is_open = |item: &DueItem, event: &OpenEvent| self.done.get(item) != Some(&event.id);
        self.events
            .iter()
            .filter(move |(item, event)| is_open(item, event))
            .map(|(item, event)| (*item, event))
    }

    /// Lists the objects, and reads those that have changed.
    pub(super) async fn update(
        &mut self,
        objects: &Objects,
        business: BusinessId,
    ) -> Result<(), JournalError> {
        let folder = folder(business);
        let listed = objects.list_versions(&folder).await?;
        let is_new = |(name, version): &(String, Body)| self.versions.get(name) != Some(version);
        let changed: Vec<(String, Body)> = listed.into_iter().filter(is_new).collect();
        let read = stream::iter(changed)
            .map(|(name, version)| {
                let object = format!("{folder}/{name}");
                async move { objects.get(&object).await.map(|body| (name, version, body)) }
            })
            .buffered(AT_A_TIME);
        let read: Vec<_> = read.collect().await;
        for found in read {
            let (name, version, body) = found?;
            self.note(&name, body.as_ref());
            self.versions.insert(name, version);
        }
        Ok(())
    }

    /// Notes an object. What is none of ours is left alone.
    fn note(&mut self, name: &str, body: Option<&Body>) {
        let Some(object) = body.and_then(|body| serde_json::from_slice::<EventObject>(body).ok()) else {
            return;
        };
        let Some((item, kind)) =
            name.split_once('.').and_then(|(item, kind)| Some((DueItem::parse(item)?, kind)))
        else {
            return;
        };
        match kind {
            "json" => {
                let event = OpenEvent { id: object.event, is_handed_over: object.handed_over };
                self.events.insert(item, event);
            }
            "done.json" => _ = self.done.insert(item, object.event),
            _ => {}
        }
    }
}

/// Puts the objects of events, or notes them as done.
pub(super) async fn put(
    objects: &Objects,
    business: BusinessId,
    events: &BTreeMap<DueItem, OpenEvent>,
    is_done: bool,
) -> Result<(), JournalError> {
    let end = if is_done { "done.json" } else { "json" };
    let object = |(item, event): (&DueItem, &OpenEvent)| {
        let object =
            EventObject { v: 1, event: event.id.clone(), handed_over: event.is_handed_over && !is_done };
        let body: Body = serde_json::to_vec(&object).expect("it can be written as JSON").into();
        (format!("{}/{}.{end}", folder(business), item.name()), body)
    };
    let bodies: Vec<(String, Body)> = events.iter().map(object).collect();
    let puts = stream::iter(bodies).map(|(name, body)| async move { objects.put(&name, &body).await });
    let results: Vec<Result<(), JournalError>> = puts.buffered(AT_A_TIME).collect().await;
    results.into_iter().collect()
}

fn folder(business: BusinessId) -> String {
    format!("{business}/due")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::store::{MemoryFaults, MemoryObjects};
    use std::sync::Arc;

    fn event(id: &str, is_handed_over: bool) -> OpenEvent {
        OpenEvent { id: id.to_owned(), is_handed_over }
    }

    #[tokio::test]
    async fn an_event_is_open_until_that_very_event_is_done() {
        let memory = MemoryObjects::new(Clock::real(), MemoryFaults::default());
        let objects = Objects::memory(Arc::new(memory));
        let business: BusinessId = "10".parse().unwrap();
        let waba = DueItem::Waba("500".parse().unwrap());
        let one = |item, id| BTreeMap::from([(item, event(id, true))]);
        let mut known = DueObjects::default();
        known.update(&objects, business).await.unwrap();
        assert_eq!(known.open().count(), 0);
        put(&objects, business, &one(waba, "a"), false).await.unwrap();
        put(&objects, business, &one(DueItem::All, "b"), false).await.unwrap();
        known.update(&objects, business).await.unwrap();
        let open: Vec<_> = known.open().map(|(item, open)| (item, open.clone())).collect();
        assert_eq!(open, [(DueItem::All, event("b", true)), (waba, event("a", true))]);
        // Another event comes while the first one is being done.
        put(&objects, business, &one(waba, "c"), false).await.unwrap();
        put(&objects, business, &one(waba, "a"), true).await.unwrap();
        put(&objects, business, &one(DueItem::All, "b"), true).await.unwrap();
        known.update(&objects, business).await.unwrap();
        let open: Vec<_> = known.open().map(|(item, open)| (item, open.clone())).collect();
        assert_eq!(open, [(waba, event("c", true))]);
        objects.put("10/due/nonsense.json", &Body::from(&b"{}"[..])).await.unwrap();
        objects.put("10/due/501.json", &Body::from(&b"nonsense"[..])).await.unwrap();
        known.update(&objects, business).await.unwrap();
        assert_eq!(known.open().count(), 1, "what is none of ours is left alone");
    }
}
