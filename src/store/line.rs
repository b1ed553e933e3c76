//! The lines of a journal as they stand in the file: structs of their own, so that a change of the core never
//! changes what was written. Knows JSON, and nothing of files.

use super::error::JournalError;
use crate::text::escape;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// The version of the format. A reader skips, and tells, lines of another one.
pub(super) const VERSION: u32 = 1;

/// No line is longer than this, in bytes.
pub(super) const LINE_LIMIT: usize = 1024 * 1024;

macro_rules! lines {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        pub(super) struct $name { $($(#[$field_doc])* pub(super) $field: $type,)* }
    )*};
}

/// An entry: one line of JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum Line {
    /// A run begins.
    Run(RunLine),
    /// A write is about to be sent.
    Intent(IntentLine),
    /// What became of a write is known.
    Outcome(OutcomeLine),
    /// What became of an earlier run's write was found out by reading.
    Settled(SettledLine),
    /// A run ends.
    End(EndLine),
}

lines! {
    /// What every line says, whatever else it holds.
    Mark {
        v: u32,
        kind: String,
    }
    RunLine {
        v: u32,
        at: String,
        run: String,
        business: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        acting_user: Option<Named>,
        by: By,
        version: String,
        plan_digest: String,
        manifest_digest: String,
        waivers: Vec<String>,
    }
    Named {
        id: String,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        name: String,
    }
    /// Who runs a process, and where.
    By {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host: Option<String>,
        pid: u32,
    }
    IntentLine {
        v: u32,
        at: String,
        run: String,
        write: u64,
        waba: Named,
        user: Named,
        /// For people; a reader goes by `before` and `after`.
        action: String,
        /// The tasks by the API's names, to the letter.
        before: Vec<String>,
        after: Vec<String>,
        why: Vec<Grant>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gone: Option<Gone>,
        /// How many grants and lines were left out of `why` and `gone`.
        #[serde(default, skip_serializing_if = "is_zero")]
        more: u64,
    }
    Grant {
        #[serde(rename = "grant")]
        path: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        file: String,
        line: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    }
    Gone {
        prune: PruneWord,
        lines: Vec<GoneLine>,
    }
    GoneLine {
        why: GoneWord,
        file: String,
        line: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        grant: Option<Grant>,
    }
    OutcomeLine {
        v: u32,
        at: String,
        run: String,
        write: u64,
        outcome: OutcomeWord,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stored: Option<Vec<String>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        found: Option<Vec<String>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        traces: Vec<String>,
    }
    SettledLine {
        v: u32,
        at: String,
        /// The run that read.
        run: String,
        /// The run that wrote.
        of: String,
        write: u64,
        found: Vec<String>,
        how: SettledWord,
    }
    EndLine {
        v: u32,
        at: String,
        run: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stopped: Option<String>,
        /// Intents of this run.
        writes: u64,
        done: u64,
        not_done: u64,
        /// Writes in the whole journal that are still in flight: with none, nobody has to look for them.
        in_flight: u64,
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($word:ident,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub(super) enum $name { $($word,)* }
    )*};
}

words! {
    PruneWord { None, Declared, All, }
    GoneWord { Expired, Declared, Undeclared, }
    /// The words of a report.
    OutcomeWord {
        Applied,
        AlreadySo,
        AcceptedNotListed,
        StoredDifferently,
        Moved,
        Failed,
        Unknown,
        NotAttempted,
    }
    SettledWord { TookEffect, NoEffect, Different, }
}

impl Line {
    /// Returns the line as it is written, with its line feed.
    ///
    /// Tasks stand in it to the letter, as they are compared later; what could steer a terminal in them is
    /// escaped as JSON does it.
    pub(super) fn to_text(&self) -> Result<String, JournalError> {
        let json = serde_json::to_string(self).expect("strings, numbers and lists are plain JSON");
        let mut text = escaped(json);
        text.push('\n');
        if text.len() > LINE_LIMIT {
            return Err(JournalError::TooLong { bytes: text.len(), limit: LINE_LIMIT });
        }
        Ok(text)
    }

    /// Reads a line; the error tells people what is wrong with it, and may hold foreign text.
    pub(super) fn from_text(text: &[u8]) -> Result<Self, String> {
        // It is one line, whichever its number in the file.
        let told = |error: serde_json::Error| error.to_string().replace(" at line 1 column", " at column");
        let mark: Mark = serde_json::from_slice(text)
            .map_err(|error| format!("it is no entry of a journal: {}", told(error)))?;
        if mark.v != VERSION {
            return Err(format!("it is of version {}, and this program reads version {VERSION}", mark.v));
        }
        serde_json::from_slice(text)
            .map_err(|error| format!("it is no entry `{}`: {}", mark.kind, told(error)))
    }
}

/// Escapes what is no plain text. Outside of its strings JSON holds nothing of that kind.
fn escaped(json: String) -> String {
    if escape(&json).len() == json.len() {
        return json;
    }
    let mut text = String::with_capacity(json.len() + 64);
    let mut utf8 = [0; 4];
    let mut utf16 = [0; 2];
    for c in json.chars() {
        if escape(c.encode_utf8(&mut utf8)).len() == c.len_utf8() {
            text.push(c);
        } else {
            for unit in c.encode_utf16(&mut utf16) {
                // Writing into a string cannot fail.
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
    text
}
