//! What journals tell, as a document. It stands apart from the lines in their files, which may change without it.

use super::document::{ActionWord, GoneWord, Named, OutcomeWord, PruneWord, Tool};
use super::{FORMAT_VERSION, OutcomeParts, entry, prune_word, tasks, tool, write};
use crate::model::{
    Action, BusinessId, Histories, History, Name, RecordedGone, RecordedGrant, RecordedRun, RecordedWrite,
    Settlement,
};
use crate::render::harmless;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::io;

documents! {
    /// What journals tell.
    JournalDocument {
        /// The version of this format.
        format_version: String,
        /// The program that wrote this.
        tool: Tool,
        /// The journals, by business.
        journals: Vec<JournalEntry>,
        /// The numbers.
        summary: JournalSummary,
    }
    /// The journal of a business.
    JournalEntry {
        /// The id of the business portfolio.
        business: String,
        /// The runs, oldest first.
        runs: Vec<RunEntry>,
        /// The lines that could not be read; the first hundred.
        broken: Vec<BrokenEntry>,
        /// The number of the last line, where it was cut off in the middle.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        torn: Option<u64>,
    }
    /// One run of apply.
    RunEntry {
        /// What the journal files it under.
        id: String,
        /// When it began, in UTC.
        at: String,
        /// The system user whose token it used, where that was known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        acting_user: Option<Named>,
        /// Who ran it, and where.
        by: RunnerEntry,
        /// The version of the program.
        version: String,
        /// The digest of the plan.
        plan_digest: String,
        /// The digest of what the manifests meant.
        manifest_digest: String,
        /// The guards that were waived.
        waivers: Vec<String>,
        /// The writes, in order.
        writes: Vec<WriteEntry>,
        /// How it ended; not there where it crashed, was killed, or still runs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        end: Option<EndEntry>,
    }
    /// Who runs a process, and where.
    RunnerEntry {
        /// The user of the operating system, where it tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<String>,
        /// The machine, where it tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host: Option<String>,
        /// The number of the process.
        pid: u32,
    }
    /// How a run ended.
    EndEntry {
        /// When, in UTC.
        at: String,
        /// Why it ended before its end, where it did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stopped: Option<String>,
        /// Changes that were then as planned.
        done: u64,
        /// Changes that were not, or of which that was not known.
        not_done: u64,
    }
    /// One write, from the moment before it was sent.
    WriteEntry {
        /// Its number within the run.
        number: u64,
        /// When it was about to be sent, in UTC.
        at: String,
        /// What it was to do.
        action: ActionWord,
        /// The WABA.
        waba: Named,
        /// The user.
        user: Named,
        /// The tasks that were live, by name.
        before: Vec<String>,
        /// The tasks that were to be, by name: the whole new set.
        after: Vec<String>,
        /// The grants that asked for it.
        because: Vec<RecordedGrantEntry>,
        /// Why something went, where something did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gone: Option<RecordedGoneEntry>,
        /// How many more grants and lines there were than are named.
        more: u64,
        /// Whether nothing is known of it since it was about to be sent.
        in_flight: bool,
        /// What became of it, where that is on record.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outcome: Option<RecordedOutcomeEntry>,
        /// What a later run found out about it by reading, where one did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        settled: Option<SettledEntry>,
    }
    /// A grant as it stood when the write was made.
    RecordedGrantEntry {
        /// Its path in its document: `grants[1]`.
        grant: String,
        /// Its name, where it had one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// The file in which it stood.
        file: String,
        /// The line, from 1.
        line: u32,
        /// Its reason, where it had one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    }
    /// Why something went.
    RecordedGoneEntry {
        /// The prune rule by which it went.
        prune: PruneWord,
        /// The lines that no longer gave it.
        lines: Vec<RecordedGoneLine>,
    }
    /// A line that no longer gave something.
    RecordedGoneLine {
        /// In which way.
        why: GoneWord,
        /// The file: of the expired grant, of the user's declaration, or of the WABA's.
        file: String,
        /// The line, from 1.
        line: u32,
        /// The expired grant, where it was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        grant: Option<RecordedGrantEntry>,
    }
    /// What became of a write.
    RecordedOutcomeEntry {
        /// When that was known, in UTC.
        at: String,
        /// What it was.
        outcome: OutcomeWord,
        /// What was stored, where it was not what was asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stored: Option<Vec<String>>,
        /// What was found, where the WABA had moved.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        found: Option<Vec<String>>,
        /// Why, where it failed, is unknown or was not attempted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        /// The traces by which Meta's support finds the calls.
        traces: Vec<String>,
    }
    /// What a later run found out by reading.
    SettledEntry {
        /// When, in UTC.
        at: String,
        /// The run that did.
        run: String,
        /// What the user then held, by name.
        found: Vec<String>,
        /// What that means.
        how: SettledWord,
    }
    /// A line that could not be read.
    BrokenEntry {
        /// Its number, from 1.
        line: u64,
        /// Why.
        why: String,
    }
    /// The numbers of the journals that are shown.
    JournalSummary {
        /// Runs.
        runs: usize,
        /// Writes.
        writes: usize,
        /// Writes of which nothing is known since they were about to be sent.
        in_flight: usize,
        /// Lines that could not be read.
        broken_lines: usize,
    }
}

words! {
    /// What a read means for a write that was in flight.
    SettledWord {
        /// It took effect.
        TookEffect,
        /// All is as before it.
        NoEffect,
        /// What is stored is neither what was before nor what was to be.
        Different,
    }
}

/// Writes what journals tell as JSON, with a line feed at its end.
///
/// # Errors
///
/// Where the sink fails.
pub fn journal(histories: &Histories, to: impl io::Write) -> io::Result<()> {
    let runs = || histories.values().flat_map(|history| &history.runs);
    let document = JournalDocument {
        format_version: FORMAT_VERSION.to_owned(),
        tool: tool(),
        journals: histories.iter().map(|(business, history)| journal_entry(*business, history)).collect(),
        summary: JournalSummary {
            runs: runs().count(),
            writes: runs().map(|run| run.writes.len()).sum(),
            in_flight: histories.values().map(|history| history.in_flight().count()).sum(),
            broken_lines: histories.values().map(|history| history.broken_lines).sum(),
        },
    };
    write(&document, to)
}

fn journal_entry(business: BusinessId, history: &History) -> JournalEntry {
    JournalEntry {
        business: business.to_string(),
        runs: history.runs.iter().map(run_entry).collect(),
        broken: history
            .broken
            .iter()
            .map(|broken| BrokenEntry { line: broken.line, why: text(&broken.why) })
            .collect(),
        torn: history.torn,
    }
}

fn run_entry(run: &RecordedRun) -> RunEntry {
    RunEntry {
        id: text(&run.id),
        at: moment(run.at),
        acting_user: run.acting_user.as_ref().map(|(id, name)| entry(id, name)),
        by: RunnerEntry {
            user: run.by.user.as_ref().map(text),
            host: run.by.host.as_ref().map(text),
            pid: run.by.pid,
        },
        version: text(&run.version),
        plan_digest: text(&run.plan_digest),
        manifest_digest: text(&run.manifest_digest),
        waivers: run.waivers.iter().map(text).collect(),
        writes: run.writes.iter().map(write_entry).collect(),
        end: run.end.as_ref().map(|end| EndEntry {
            at: moment(end.at),
            stopped: end.stopped.as_ref().map(text),
            done: end.done,
            not_done: end.not_done,
        }),
    }
}

fn write_entry(write: &RecordedWrite) -> WriteEntry {
    WriteEntry {
        number: write.number,
        at: moment(write.at),
        action: match write.action() {
            Action::Assign => ActionWord::Assign,
            Action::Change => ActionWord::Change,
            Action::Revoke => ActionWord::Revoke,
        },
        waba: entry(write.key.waba, &write.waba_name),
        user: entry(write.key.user, &write.user_name),
        before: tasks(&write.before),
        after: tasks(&write.after),
        because: write.because.grants.iter().map(grant_entry).collect(),
        gone: write.because.gone.as_ref().map(|(prune, lines)| RecordedGoneEntry {
            prune: prune_word(*prune),
            lines: lines.iter().map(gone_line).collect(),
        }),
        more: write.because.more,
        in_flight: write.is_in_flight(),
        outcome: write.outcome.as_ref().map(|told| {
            let OutcomeParts { outcome, stored, found, error } = OutcomeParts::of(&told.outcome);
            let traces = told.traces.iter().map(text).collect();
            RecordedOutcomeEntry { at: moment(told.at), outcome, stored, found, error, traces }
        }),
        settled: write.settled.as_ref().map(|settled| SettledEntry {
            at: moment(settled.at),
            run: text(&settled.run),
            found: tasks(&settled.found),
            how: match settled.how {
                Settlement::TookEffect => SettledWord::TookEffect,
                Settlement::NoEffect => SettledWord::NoEffect,
                Settlement::Different => SettledWord::Different,
            },
        }),
    }
}

fn grant_entry(grant: &RecordedGrant) -> RecordedGrantEntry {
    RecordedGrantEntry {
        grant: text(&grant.path),
        name: grant.name.as_ref().map(text),
        file: text(&grant.file),
        line: grant.line,
        reason: grant.reason.as_ref().map(text),
    }
}

fn gone_line(gone: &RecordedGone) -> RecordedGoneLine {
    let (why, file, line, expired) = match gone {
        RecordedGone::Expired(grant) => {
            (GoneWord::Expired, &grant.file, grant.line, Some(grant_entry(grant)))
        }
        RecordedGone::Declared(file, line) => (GoneWord::Declared, file, *line, None),
        RecordedGone::Undeclared(file, line) => (GoneWord::Undeclared, file, *line, None),
    };
    RecordedGoneLine { why, file: text(file), line, grant: expired }
}

fn text(name: &Name) -> String {
    harmless(name.as_str())
}

fn moment(at: Timestamp) -> String {
    at.to_string()
}
