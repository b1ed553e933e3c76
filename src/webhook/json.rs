//! Reads the few fields of a delivery that matter, within bounds: whatever the body holds, little of it is kept.
//!
//! Types are not checked here: one field of an unexpected kind must not hide the other events of the same body.

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Deserializer as Json;
use std::cell::Cell;
use std::fmt;

/// The keys that are read, at any level.
const KEYS: [&str; 9] =
    ["object", "entry", "id", "changes", "field", "value", "event", "waba_info", "waba_id"];

/// The depth of the deepest field that is read: `entry[].changes[].value.waba_info.waba_id`.
const DEPTH: u8 = 8;

/// The longest text that is kept. An id has at most 20 digits, and the longest name of an event 42 letters.
const LONGEST_TEXT: usize = 64;

/// How many items of lists are read. Meta's documents: a body has at most 1,000 updates. Each is an entry with one change.
const MOST_ITEMS: usize = 2_000;

/// A part of a body.
#[derive(Debug)]
pub(super) enum Node {
    /// A short text, or a whole number.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// An object; only the keys that are read.
    Object(Vec<(&'static str, Node)>),
    /// Anything else.
    Other,
}

/// A body, and whether some of it was left out because of the bounds.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) root: Node,
    pub(super) is_cut: bool,
}

impl Document {
    /// Parses a body.
    ///
    /// # Errors
    ///
    /// If it is not JSON.
    pub(super) fn parse(body: &[u8]) -> serde_json::Result<Self> {
        let bounds = Bounds { items: Cell::new(MOST_ITEMS), is_cut: Cell::new(false) };
        let mut json = Json::from_slice(body);
        let root = Seed { bounds: &bounds, depth: DEPTH }.read(&mut json)?;
        json.end()?;
        Ok(Self { root, is_cut: bounds.is_cut.get() })
    }
}

impl Node {
    /// Returns the value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        let Self::Object(fields) = self else { return None };
        fields.iter().find(|(name, _)| *name == key).map(|(_, node)| node)
    }

    /// Returns the text at a key.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        match self.get(key)? {
            Self::Text(text) => Some(text),
            Self::List(_) | Self::Object(_) | Self::Other => None,
        }
    }

    /// Returns the items of the list at a key.
    pub(super) fn list(&self, key: &str) -> &[Node] {
        match self.get(key) {
            Some(Self::List(items)) => items,
            Some(Self::Text(_) | Self::Object(_) | Self::Other) | None => &[],
        }
    }
}

/// What is left of the bounds of a body.
struct Bounds {
    items: Cell<usize>,
    is_cut: Cell<bool>,
}

/// Reads a node, at most `depth` levels of it.
#[derive(Clone, Copy)]
struct Seed<'b> {
    bounds: &'b Bounds,
    depth: u8,
}

impl Seed<'_> {
    fn read<'de, D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        if self.depth == 0 {
            return IgnoredAny::deserialize(deserializer).map(|_| Node::Other);
        }
        deserializer.deserialize_any(self)
    }

    fn below(self) -> Self {
        Self { depth: self.depth - 1, ..self }
    }
}

impl<'de> serde::de::DeserializeSeed<'de> for Seed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        self.read(deserializer)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Node, E> {
        Ok(Node::Text(number.to_string()))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Node, E> {
        let is_short = text.len() <= LONGEST_TEXT;
        Ok(if is_short { Node::Text(text.to_owned()) } else { Node::Other })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let (mut items, left) = (Vec::new(), &self.bounds.items);
        while left.get() > 0 {
            let Some(item) = list.next_element_seed(self.below())? else { return Ok(Node::List(items)) };
            left.set(left.get().saturating_sub(1));
            items.push(item);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            self.bounds.is_cut.set(true);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut fields: Vec<(&'static str, Node)> = Vec::new();
        while let Some(Key(key)) = map.next_key()? {
            if let Some(key) = key.filter(|key| fields.iter().all(|(name, _)| name != key)) {
                fields.push((key, map.next_value_seed(self.below())?));
            } else {
                map.next_value::<IgnoredAny>()?;
                // The second value of a key could name another WABA.
                self.bounds.is_cut.set(self.bounds.is_cut.get() || key.is_some());
            }
        }
        Ok(Node::Object(fields))
    }
}

/// A key of an object, if it is one that is read.
struct Key(Option<&'static str>);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl Visitor<'_> for Keys {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Key, E> {
                Ok(Key(KEYS.into_iter().find(|key| *key == text)))
            }
        }
        deserializer.deserialize_str(Keys)
    }
}
