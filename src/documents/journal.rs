//! The journal document: the runs of `apply` and their writes, by business.

use super::parts::{
    ChangeEntry, OriginEntries, OutcomeParts, RunnerEntry, Tool, UserEntry, WabaEntry, documents, text,
    with_outcome,
};
use super::values::{AsText, Tasks};
use super::words::SettledWord;
use super::{FORMAT_VERSION, json};
use crate::model::{
    BusinessId, Histories, History, HistoryFilter, LeftOut, RecordedOutcome, RecordedRun, RecordedWrite,
    RunEnd, Settled, Sources, TimeLimit,
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io;

documents! {
    /// The journals of `apply`.
    JournalDocument<'a> {
        /// The version of the format.
        format_version: Cow<'a, str>,
        /// The program that wrote the document.
        tool: Tool<'a>,
        /// What the document is limited to; absent if it is not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        filter: Option<FilterEntry<'a>>,
        /// The journals, by business.
        journals: Vec<JournalEntry<'a>>,
        /// The numbers of all journals.
        summary: JournalSummary,
    }
    /// What a document is limited to. A write is listed if it fits one value of each kind that is given.
    FilterEntry<'a> {
        /// The first day or instant; absent if there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<AsText<TimeLimit>>,
        /// The last day, or the instant before which; absent if there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<AsText<TimeLimit>>,
        /// Names or ids of users.
        users: Vec<Cow<'a, str>>,
        /// Globs on names or ids of WABAs.
        wabas: Vec<Cow<'a, str>>,
        /// Ids of runs.
        runs: Vec<Cow<'a, str>>,
    }
    /// The journal of a business.
    JournalEntry<'a> {
        /// The id of the business portfolio.
        business: AsText<BusinessId>,
        /// The runs, oldest first.
        runs: Vec<RunEntry<'a>>,
        /// The first hundred lines that could not be read.
        broken: Vec<BrokenEntry<'a>>,
        /// The number of the last line if it is incomplete: its run crashed, or is writing it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        torn: Option<u64>,
        /// When the record begins, if earlier parts were removed: of these, the last write of each assignment is left.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        begins_at: Option<AsText<Timestamp>>,
        /// The URL of the state to which the journal has moved; absent if it has not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        moved_to: Option<Cow<'a, str>>,
    }
    /// A run of `apply`.
    RunEntry<'a> {
        /// The id of the run.
        id: Cow<'a, str>,
        /// When it began, in UTC.
        at: AsText<Timestamp>,
        /// The system user whose token was used; absent if it was not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        acting_user: Option<UserEntry<'a>>,
        /// The process that ran it.
        by: RunnerEntry<'a>,
        /// What the run comes from; absent if nothing is known.
        #[serde(default, skip_serializing_if = "OriginEntries::is_empty")]
        origin: OriginEntries<'a>,
        /// The version of the program.
        version: Cow<'a, str>,
        /// The digest of the plan.
        plan_digest: Cow<'a, str>,
        /// The digest of what the manifests meant.
        manifest_digest: Cow<'a, str>,
        /// The waivers that were given.
        waivers: Vec<Cow<'a, str>>,
        /// The writes, in order.
        writes: Vec<WriteEntry<'a>>,
        /// How the run ended; absent if it crashed, was killed, or still runs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        end: Option<EndEntry<'a>>,
    }
    /// How a run ended.
    EndEntry<'a> {
        /// When, in UTC.
        at: AsText<Timestamp>,
        /// Why the run stopped early; absent if it did not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stopped: Option<Cow<'a, str>>,
        /// Changes that were then as planned.
        done: u64,
        /// Changes that were not, or whose outcome was not known.
        not_done: u64,
    }
    /// A write, from the moment before it was sent.
    WriteEntry<'a> {
        /// The number of the write in the run, from 1.
        number: u64,
        /// When it was about to be sent, in UTC.
        at: AsText<Timestamp>,
        /// The change.
        change: ChangeEntry<'a>,
        /// The number of grants and lines that the journal leaves out of the change.
        more: u64,
        /// Whether neither an outcome nor a later read is recorded.
        in_flight: bool,
        /// The outcome; absent if none is recorded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outcome: Option<RecordedOutcomeEntry<'a>>,
        /// What a later run found by reading; absent if none did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        settled: Option<SettledEntry<'a>>,
    }
    /// What a later run found by reading about a write that was in flight.
    SettledEntry<'a> {
        /// When, in UTC.
        at: AsText<Timestamp>,
        /// The id of the later run.
        run: Cow<'a, str>,
        /// The tasks that the user held then.
        found: Tasks,
        /// What that means for the write.
        how: SettledWord,
    }
    /// A line that could not be read.
    BrokenEntry<'a> {
        /// The number of the line, from 1.
        line: u64,
        /// Why.
        why: Cow<'a, str>,
    }
    /// The numbers of the journals in the document.
    JournalSummary {
        /// Runs.
        runs: usize,
        /// Writes.
        writes: usize,
        /// Writes for which neither an outcome nor a later read is recorded.
        in_flight: usize,
        /// Lines that could not be read.
        broken_lines: usize,
        /// What is left out by the filter, or by the limit on the number of runs.
        left_out: LeftOutEntry,
    }
    /// What is left out of the journals.
    LeftOutEntry {
        /// Whole runs.
        runs: usize,
        /// Writes, those of these runs included.
        writes: usize,
        /// Those of the writes for which neither an outcome nor a later read is recorded.
        in_flight: usize,
    }
}

with_outcome! {
    /// The recorded outcome of a write.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    RecordedOutcomeEntry {
        /// When it was known, in UTC.
        at: AsText<Timestamp>,
        ..outcome,
        /// The trace ids of the calls, for Meta's support.
        traces: Vec<Cow<'a, str>>,
    }
}

/// Writes journals as a JSON document.
///
/// # Errors
///
/// If the writer fails.
pub fn journal(histories: &Histories, filter: &HistoryFilter, to: impl io::Write) -> io::Result<()> {
    let runs = || histories.values().flat_map(|history| &history.runs);
    let left_out =
        |number: fn(&LeftOut) -> usize| histories.values().map(|history| number(&history.left_out)).sum();
    let document = JournalDocument {
        format_version: FORMAT_VERSION.into(),
        tool: Tool::this(),
        filter: (!filter.takes_all()).then(|| FilterEntry::of(filter)),
        journals: histories.iter().map(|(business, history)| JournalEntry::of(*business, history)).collect(),
        summary: JournalSummary {
            runs: runs().count(),
            writes: runs().map(|run| run.writes.len()).sum(),
            in_flight: histories.values().map(|history| history.in_flight().count()).sum(),
            broken_lines: histories.values().map(|history| history.broken_lines).sum(),
            left_out: LeftOutEntry {
                runs: left_out(|left_out| left_out.runs),
                writes: left_out(|left_out| left_out.writes),
                in_flight: left_out(|left_out| left_out.in_flight),
            },
        },
    };
    json::write_document(&document, to)
}

impl<'a> FilterEntry<'a> {
    fn of(filter: &'a HistoryFilter) -> Self {
        Self {
            since: filter.since.map(AsText),
            until: filter.until.map(AsText),
            users: filter.users.iter().map(text).collect(),
            wabas: filter.wabas.iter().map(|glob| glob.as_str().into()).collect(),
            runs: filter.runs.iter().map(text).collect(),
        }
    }
}

impl<'a> JournalEntry<'a> {
    fn of(business: BusinessId, history: &'a History) -> Self {
        let broken = history.broken.iter();
        Self {
            business: AsText(business),
            runs: history.runs.iter().map(|run| RunEntry::of(run, &history.sources)).collect(),
            broken: broken.map(|line| BrokenEntry { line: line.line, why: text(&line.why) }).collect(),
            torn: history.torn,
            begins_at: history.begins.map(AsText),
            moved_to: history.moved_to.as_ref().map(text),
        }
    }
}

impl<'a> RunEntry<'a> {
    fn of(run: &'a RecordedRun, sources: &'a Sources) -> Self {
        Self {
            id: text(&run.id),
            at: AsText(run.at),
            acting_user: run.acting_user.as_ref().map(|(id, name)| UserEntry::new(*id, name)),
            by: RunnerEntry::of(&run.by),
            origin: OriginEntries::of(&run.origin),
            version: text(&run.version),
            plan_digest: text(&run.plan_digest),
            manifest_digest: text(&run.manifest_digest),
            waivers: run.waivers.iter().map(text).collect(),
            writes: run.writes.iter().map(|write| WriteEntry::of(write, sources)).collect(),
            end: run.end.as_ref().map(EndEntry::of),
        }
    }
}

impl<'a> EndEntry<'a> {
    fn of(end: &'a RunEnd) -> Self {
        let stopped = end.stopped.as_ref().map(text);
        Self { at: AsText(end.at), stopped, done: end.done, not_done: end.not_done }
    }
}

impl<'a> WriteEntry<'a> {
    pub(super) fn of(write: &'a RecordedWrite, sources: &'a Sources) -> Self {
        let waba = WabaEntry::new(write.key.waba, &write.waba_name);
        let user = UserEntry::new(write.key.user, &write.user_name);
        let sets = [&write.before, &write.after];
        let change = ChangeEntry::new(waba, user, sets, &write.because, sources);
        Self {
            number: write.number,
            at: AsText(write.at),
            change: ChangeEntry { admin: write.admin, ..change },
            more: write.more,
            in_flight: write.is_in_flight(),
            outcome: write.outcome.as_ref().map(RecordedOutcomeEntry::of),
            settled: write.settled.as_ref().map(SettledEntry::of),
        }
    }
}

impl<'a> RecordedOutcomeEntry<'a> {
    fn of(recorded: &'a RecordedOutcome) -> Self {
        let OutcomeParts { outcome, stored, found, error } = OutcomeParts::of(&recorded.outcome);
        let traces = recorded.traces.iter().map(text).collect();
        Self { at: AsText(recorded.at), outcome, stored, found, error, traces }
    }
}

impl<'a> SettledEntry<'a> {
    fn of(settled: &'a Settled) -> Self {
        Self {
            at: AsText(settled.at),
            run: text(&settled.run),
            found: Tasks(settled.found.clone()),
            how: settled.how.into(),
        }
    }
}
