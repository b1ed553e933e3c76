//! The lines of a journal. Each is a JSON object; what they share with other documents is described there.
//!
//! This program writes version 2 and reads versions 1 and 2, in one file too. This module does not know files.

use super::error::JournalError;
use crate::documents::json;
use crate::documents::parts::{
    ChangeEntry, GoneEntry, GrantEntry, OriginEntries, RunnerEntry, UserEntry, WabaEntry, with_outcome,
};
use crate::documents::values::{AsText, Tasks};
use crate::documents::words::{ActionWord, SettledWord};
use crate::model::BusinessId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The version of the lines that this program writes. A reader skips and reports lines of a version that it does not
/// know. Fields may be added to a line, but not to the parts of documents in it, without a new version.
pub(super) const VERSION: u32 = 2;

/// The version before. Its text is escaped, and it has neither columns nor the last days of grants.
const OLD_VERSION: u32 = 1;

/// The longest line, in bytes.
pub(super) const LINE_LIMIT: usize = 1024 * 1024;

macro_rules! lines {
    ($($(#[$doc:meta])* $name:ident<$life:lifetime> { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        pub(super) struct $name<$life> { $($(#[$field_doc])* pub(super) $field: $type,)* }
    )*};
}

/// A line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum Line<'a> {
    /// A run begins.
    Run(RunLine<'a>),
    /// A write is about to be sent.
    Intent(IntentLine<'a>),
    /// The outcome of a write is known.
    Outcome(OutcomeLine<'a>),
    /// A write of an earlier run was settled by reading.
    Settled(SettledLine<'a>),
    /// A run ends.
    End(EndLine<'a>),
    /// The journal has moved to another place, and ends here.
    Moved(MovedLine<'a>),
    /// What follows is a summary of earlier lines, which were removed.
    Checkpoint(CheckpointLine),
}

/// The fields that lines of all versions have.
#[derive(Deserialize)]
struct Mark {
    v: u32,
    kind: String,
}

lines! {
    RunLine<'a> {
        v: u32,
        at: AsText<Timestamp>,
        run: Cow<'a, str>,
        business: AsText<BusinessId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        acting_user: Option<UserEntry<'a>>,
        by: RunnerEntry<'a>,
        /// Lines of earlier programs have none.
        #[serde(default, skip_serializing_if = "OriginEntries::is_empty")]
        origin: OriginEntries<'a>,
        version: Cow<'a, str>,
        plan_digest: Cow<'a, str>,
        manifest_digest: Cow<'a, str>,
        waivers: Vec<Cow<'a, str>>,
    }
    IntentLine<'a> {
        v: u32,
        at: AsText<Timestamp>,
        run: Cow<'a, str>,
        write: u64,
        change: ChangeEntry<'a>,
        /// The number of grants and lines that are left out of the change.
        #[serde(default, skip_serializing_if = "is_zero")]
        more: u64,
    }
    SettledLine<'a> {
        v: u32,
        at: AsText<Timestamp>,
        /// The run that read.
        run: Cow<'a, str>,
        /// The run that wrote.
        of: Cow<'a, str>,
        write: u64,
        found: Tasks,
        how: SettledWord,
    }
    EndLine<'a> {
        v: u32,
        at: AsText<Timestamp>,
        run: Cow<'a, str>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stopped: Option<Cow<'a, str>>,
        /// The number of intents of this run.
        writes: u64,
        done: u64,
        not_done: u64,
        /// The number of writes in the whole journal that are still in flight. If it is 0, nobody has to look for them.
        in_flight: u64,
    }
    MovedLine<'a> {
        v: u32,
        at: AsText<Timestamp>,
        /// The URL of the state.
        to: Cow<'a, str>,
    }
}

with_outcome! {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    OutcomeLine {
        v: u32,
        at: AsText<Timestamp>,
        run: Cow<'a, str>,
        write: u64,
        ..outcome,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        traces: Vec<Cow<'a, str>>,
    }
}

/// An intent of version 1.
#[derive(Deserialize)]
struct OldIntentLine<'a> {
    v: u32,
    at: AsText<Timestamp>,
    run: Cow<'a, str>,
    write: u64,
    waba: WabaEntry<'a>,
    user: UserEntry<'a>,
    action: ActionWord,
    before: Tasks,
    after: Tasks,
    why: Vec<GrantEntry<'a>>,
    gone: Option<GoneEntry<'a>>,
    #[serde(default)]
    more: u64,
}

/// The first line of a summary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct CheckpointLine {
    pub(super) v: u32,
    /// The newest time of the lines that it replaces.
    pub(super) at: AsText<Timestamp>,
    /// The last position of the lines that it replaces.
    pub(super) up_to: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Line<'_> {
    /// Returns the line as text, with a line feed.
    pub(super) fn to_text(&self) -> Result<String, JournalError> {
        let text = json::line(self);
        if text.len() > LINE_LIMIT {
            return Err(JournalError::TooLong { bytes: text.len(), limit: LINE_LIMIT });
        }
        Ok(text)
    }

    /// Reads a line.
    pub(super) fn from_text(text: &[u8]) -> Result<Line<'static>, LineError> {
        // serde_json counts lines from the start of this one.
        let shown = |error: &serde_json::Error| error.to_string().replace(" at line 1 column", " at column");
        let mark: Mark = serde_json::from_slice(text).map_err(|error| {
            let why = format!("it is not a line of a journal: {}", shown(&error));
            if error.is_eof() { LineError::Cut(why) } else { LineError::Corrupt(why) }
        })?;
        let line = match (mark.v, &*mark.kind) {
            (OLD_VERSION, "intent") => serde_json::from_slice(text).map(|old| Line::Intent(renewed(old))),
            (OLD_VERSION | VERSION, _) => serde_json::from_slice(text),
            (other, _) => return Err(LineError::Newer(other)),
        };
        line.map_err(|error| {
            LineError::Corrupt(format!("it is not a line `{}`: {}", mark.kind, shown(&error)))
        })
    }
}

/// Why a line cannot be read. The text may contain text of the file.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    /// It was cut off when its process crashed, so nothing that it announces was sent.
    #[error("{0}")]
    Cut(String),
    /// It is of a version that this program does not know.
    #[error("it is of version {0}, and this program reads versions {OLD_VERSION} and {VERSION}")]
    Newer(u32),
    /// It is something else.
    #[error("{0}")]
    Corrupt(String),
}

/// Returns an intent of version 1 as one of version 2.
fn renewed(old: OldIntentLine<'_>) -> IntentLine<'_> {
    let change = ChangeEntry {
        action: old.action,
        waba: old.waba,
        user: old.user,
        before: old.before,
        after: old.after,
        because: old.why,
        gone: old.gone,
        blocked: None,
        admin: false,
        steps: Vec::new(),
        drift: None,
    };
    IntentLine { v: old.v, at: old.at, run: old.run, write: old.write, change, more: old.more }
}
