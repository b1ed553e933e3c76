//! The first line of an object of the chain.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// The version of the format.
const VERSION: u32 = 1;

/// Why an object was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// The lease was free, and is taken.
    Take,
    /// The lease was held by a run that is silent, and is taken.
    Takeover,
    /// The holder records journal lines.
    Write,
    /// The holder shows that it is alive.
    Beat,
    /// The lease is free. With the last lines of its holder.
    Release,
    /// The lease is free, because somebody took it away from its holder.
    ForcedRelease,
    /// The holder copies lines of another journal.
    Import,
    /// The journal has moved to another place. Nothing follows.
    Moved,
}

impl What {
    /// Returns whether the lease is free after such an object.
    pub fn is_free(self) -> bool {
        matches!(self, Self::Release | Self::ForcedRelease)
    }

    /// Returns whether the tenure of its run ends with such an object.
    pub fn is_last(self) -> bool {
        self.is_free() || self == Self::Moved
    }
}

/// The first line of an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Header {
    /// The position in the chain, from 1.
    pub seq: u64,
    /// The run that put it.
    pub run: String,
    /// Why.
    pub what: What,
    /// The position at which this run took the lease.
    pub term: u64,
    /// When its body was made, by the clock of its machine. For people: the protocol compares no clocks.
    pub at: String,
    /// How long the chain must stand still before the lease may be taken over.
    pub lease: Duration,
    /// The holder, in the object that takes the lease.
    pub holder: Option<Value>,
    /// The place from which the run copies a journal. While the last object names one, the copy is incomplete, and only a run
    /// that copies from there may take the lease.
    pub copies_from: Option<String>,
    /// The place to which the journal has moved.
    pub moved_to: Option<String>,
}

/// The line as JSON.
#[derive(Serialize, Deserialize)]
struct Line {
    kind: String,
    v: u32,
    seq: u64,
    run: String,
    what: What,
    term: u64,
    at: String,
    lease_seconds: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    holder: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    copies_from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    moved_to: Option<String>,
}

/// Why an object cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSegment {
    /// Its version is newer.
    #[error("it is of version {0}, and this program reads version {VERSION}")]
    Newer(u32),
    /// It is something else.
    #[error("it is not a part of a journal: {0}")]
    Other(String),
}

impl Header {
    /// Returns an object: this line, and journal lines that each end in a line feed.
    ///
    /// # Panics
    ///
    /// Never: a header can always be written as JSON.
    pub fn with_lines(&self, lines: &[u8]) -> Vec<u8> {
        let line = Line {
            kind: String::from("segment"),
            v: VERSION,
            seq: self.seq,
            run: self.run.clone(),
            what: self.what,
            term: self.term,
            at: self.at.clone(),
            lease_seconds: self.lease.as_secs(),
            holder: self.holder.clone(),
            copies_from: self.copies_from.clone(),
            moved_to: self.moved_to.clone(),
        };
        let mut body = serde_json::to_vec(&line).expect("a header can be written as JSON");
        body.push(b'\n');
        body.extend_from_slice(lines);
        body
    }
}

/// Splits an object into its header and its journal lines. Lines after an incomplete one cannot follow.
///
/// # Errors
///
/// [`BadSegment`] if it does not begin with a header of a known version for this position.
pub fn split(at: u64, body: &[u8]) -> Result<(Header, &[u8]), BadSegment> {
    let other = |why: &str| BadSegment::Other(why.to_owned());
    let feed = body.iter().position(|byte| *byte == b'\n').ok_or_else(|| other("it has no first line"))?;
    let (first, lines) = (&body[..feed], &body[feed + 1..]);
    let value: Value = serde_json::from_slice(first).map_err(|error| other(&error.to_string()))?;
    let version = value.get("v").and_then(Value::as_u64).ok_or_else(|| other("it has no version"))?;
    if version != u64::from(VERSION) {
        return Err(BadSegment::Newer(u32::try_from(version).unwrap_or(u32::MAX)));
    }
    let line: Line = serde_json::from_value(value).map_err(|error| other(&error.to_string()))?;
    if line.kind != "segment" || line.seq != at {
        return Err(other("its position is not that of its name"));
    }
    if !lines.is_empty() && !lines.ends_with(b"\n") {
        return Err(other("its last line is incomplete"));
    }
    if (line.what == What::Moved) != line.moved_to.is_some() {
        return Err(other("it does not say where the journal has moved"));
    }
    let Line { seq, run, what, term, at, lease_seconds, holder, copies_from, moved_to, .. } = line;
    let lease = Duration::from_secs(lease_seconds);
    Ok((Header { seq, run, what, term, at, lease, holder, copies_from, moved_to }, lines))
}
