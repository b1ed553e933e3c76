//! Tables in CSV: a journal with a row for each write, and the answer of `who-can`.
//!
//! All cells are in quotes, ids begin with an apostrophe, and so does what a spreadsheet would take for a formula; see
//! [`csv_text`].

mod access_report;
mod review;
pub(crate) mod sheet;
mod who_can;

pub(crate) use access_report::not_compared;
pub use access_report::{ReportTable, access_report};
pub use review::review;
pub use who_can::who_can;

use super::wording;
use crate::documents::words::{ActionWord, OutcomeWord, SettledWord};
use crate::model::{GrantSource, Histories, Name, Outcome, RecordedRun, RecordedWrite, Sources, TaskSet};
use crate::text::cells::{self, Quotes};
use crate::text::{csv_id, csv_text};
use serde::Serialize;
use std::io;

/// The columns of a journal.
const COLUMNS: [&str; 37] = [
    "business",
    "run",
    "run_at",
    "acting_user_id",
    "acting_user",
    "os_user",
    "host",
    "version",
    "actor",
    "approver",
    "commit",
    "pull_request",
    "run_url",
    "origin",
    "waivers",
    "plan_digest",
    "manifest_digest",
    "write",
    "at",
    "action",
    "waba_id",
    "waba",
    "user_id",
    "user",
    "before",
    "after",
    "gained",
    "lost",
    "why",
    "outcome",
    "outcome_at",
    "found",
    "error",
    "traces",
    "settled",
    "settled_at",
    "settled_by",
];

/// Writes the writes of journals, oldest first. Runs without writes have no row.
///
/// # Errors
///
/// If the writer fails.
pub fn journal(histories: &Histories, to: impl io::Write) -> io::Result<()> {
    let mut writer = table(&COLUMNS, to)?;
    for history in histories.values() {
        for run in &history.runs {
            let of_run = run_cells(run);
            for write in &run.writes {
                write_row(&mut writer, &of_run, &write_cells(write, &history.sources))?;
            }
        }
    }
    writer.flush()
}

/// A table that is being written.
struct TableWriter<W>(W);

/// Begins a table.
fn table<W: io::Write>(columns: &[&str], to: W) -> io::Result<TableWriter<W>> {
    let mut writer = TableWriter(to);
    writer.write_record(columns)?;
    Ok(writer)
}

impl<W: io::Write> TableWriter<W> {
    fn write_record<S: AsRef<str>>(&mut self, record: impl IntoIterator<Item = S>) -> io::Result<()> {
        cells::write_row(record, Quotes::All, &mut self.0)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn write_row(
    writer: &mut TableWriter<impl io::Write>,
    of_run: &[String],
    of_write: &[String],
) -> io::Result<()> {
    writer.write_record(of_run.iter().chain(of_write))
}

fn cell(text: &str) -> String {
    csv_text(text).into_owned()
}

fn name(name: Option<&Name>) -> String {
    name.map(|name| cell(name.as_str())).unwrap_or_default()
}

/// Returns several texts as one cell.
fn list<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    cell(&texts.collect::<Vec<_>>().join("; "))
}

/// Returns a grant or an exception with its file and line.
fn line(grant: &GrantSource, sources: &Sources) -> String {
    format!("{} {}:{}", grant.path, sources.path(grant.at.source), grant.at.line)
}

fn tasks(set: &TaskSet) -> String {
    cell(&set.names().collect::<Vec<_>>().join(" "))
}

/// Returns the word of an enum in JSON documents.
fn word(of: impl Serialize) -> String {
    let json = serde_json::to_string(&of).expect("a word is plain JSON");
    json.trim_matches('"').to_owned()
}

fn run_cells(run: &RecordedRun) -> [String; 17] {
    let origin = |key| name(run.origin.get(key));
    let others = run.origin.others().map(|(key, value)| format!("{}={}", key.as_str(), value.as_str()));
    let others: Vec<String> = others.collect();
    [
        csv_id(run.business),
        cell(run.id.as_str()),
        run.at.to_string(),
        run.acting_user.as_ref().map(|(id, _)| csv_id(id)).unwrap_or_default(),
        name(run.acting_user.as_ref().map(|(_, name)| name)),
        name(run.by.user.as_ref()),
        name(run.by.host.as_ref()),
        cell(run.version.as_str()),
        origin("actor"),
        origin("approver"),
        run.origin.get("commit").map(csv_id).unwrap_or_default(),
        origin("pull_request"),
        origin("run_url"),
        list(others.iter().map(String::as_str)),
        list(run.waivers.iter().map(Name::as_str)),
        cell(run.plan_digest.as_str()),
        cell(run.manifest_digest.as_str()),
    ]
}

fn write_cells(write: &RecordedWrite, sources: &Sources) -> [String; 20] {
    let why = wording::reasons(&write.because, sources, true, 1)
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>();
    let more = (write.more > 0).then(|| format!("and {} more", write.more));
    let outcome = write.outcome.as_ref();
    let settled = write.settled.as_ref();
    let (found, error) = outcome.map(|known| found_and_error(&known.outcome)).unwrap_or_default();
    [
        write.number.to_string(),
        write.at.to_string(),
        word(ActionWord::from(write.action())),
        csv_id(write.key.waba),
        name(Some(&write.waba_name)),
        csv_id(write.key.user),
        name(Some(&write.user_name)),
        tasks(&write.before),
        tasks(&write.after),
        tasks(&write.after.difference(&write.before)),
        tasks(&write.before.difference(&write.after)),
        list(why.iter().map(String::as_str).chain(more.as_deref())),
        outcome.map(|known| word(OutcomeWord::from(&known.outcome))).unwrap_or_default(),
        outcome.map(|known| known.at.to_string()).unwrap_or_default(),
        settled.map(|settled| &settled.found).or(found).map(tasks).unwrap_or_default(),
        error.map(cell).unwrap_or_default(),
        list(outcome.iter().flat_map(|known| known.traces.iter().map(Name::as_str))),
        match settled {
            Some(settled) => word(SettledWord::from(settled.how)),
            None if write.is_in_flight() => String::from("in-flight"),
            None => String::new(),
        },
        settled.map(|settled| settled.at.to_string()).unwrap_or_default(),
        name(settled.map(|settled| &settled.run)),
    ]
}

/// Returns the tasks that were found or stored instead, and why the write is not as planned.
fn found_and_error(outcome: &Outcome) -> (Option<&TaskSet>, Option<&str>) {
    match outcome {
        Outcome::Applied | Outcome::AlreadySo | Outcome::AcceptedNotListed => (None, None),
        Outcome::StoredDifferently { stored: found } | Outcome::Moved { found } => (Some(found), None),
        Outcome::Failed { error: why }
        | Outcome::Unknown { error: why }
        | Outcome::InPart { why }
        | Outcome::NotAttempted { why } => (None, Some(why)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_column_for_each_cell() {
        let distinct: std::collections::BTreeSet<_> = COLUMNS.into_iter().collect();
        assert_eq!(distinct.len(), COLUMNS.len());
        assert_eq!(
            COLUMNS.iter().position(|column| *column == "write"),
            Some(17),
            "the cells of the run come first"
        );
        assert_eq!(COLUMNS.len(), 17 + 20);
    }
}
