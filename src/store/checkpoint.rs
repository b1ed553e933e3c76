//! A summary of the first part of a journal, as journal lines: what a reader needs who does not read that part.
//!
//! It keeps the last write of each assignment with its run, the writes in flight, and those of the last day, whose removals still
//! count. It depends on the lines alone, so all who make the summary up to a position make the same.

use super::error::JournalError;
use super::line::{CheckpointLine, IntentLine, Line, LineError, OutcomeLine, SettledLine, VERSION};
use crate::documents::parts::OutcomeParts;
use crate::documents::values::AsText;
use crate::model::{AssignmentKey, Settlement};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// How long before the newest line a write is kept in any case: the day in which removals of several runs count together, and an hour
/// for clocks that differ.
const RECENT: SignedDuration = SignedDuration::from_hours(25);

/// The lines of a journal that a checkpoint may keep.
#[derive(Debug, Default)]
pub(super) struct Summary {
    runs: Vec<RunLines>,
    by_id: BTreeMap<String, usize>,
    /// The newest time of any line.
    newest: Option<Timestamp>,
}

/// The lines of a run.
#[derive(Debug, Default)]
struct RunLines {
    begin: Vec<u8>,
    writes: BTreeMap<u64, WriteLines>,
    end: Option<Vec<u8>>,
}

/// The lines of a write.
#[derive(Debug)]
struct WriteLines {
    key: AssignmentKey,
    at: Timestamp,
    intent: Vec<u8>,
    outcome: Option<Vec<u8>>,
    settled: Option<Vec<u8>>,
    took_effect: bool,
}

/// Which write of an assignment is the last one, by run and number.
type Last = BTreeMap<AssignmentKey, (usize, u64)>;

impl Summary {
    /// Adds lines that follow those before.
    ///
    /// # Errors
    ///
    /// Why a line cannot be used. A line that was cut off announces nothing, and is left out.
    pub(super) fn add(&mut self, lines: &[u8]) -> Result<(), LineError> {
        for text in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match Line::from_text(text) {
                Ok(line) => self.line(line, text),
                Err(LineError::Cut(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn line(&mut self, line: Line<'_>, text: &[u8]) {
        match line {
            Line::Run(run) => {
                self.note(run.at.0);
                self.by_id.insert(run.run.into_owned(), self.runs.len());
                self.runs.push(RunLines { begin: text.to_vec(), ..RunLines::default() });
            }
            Line::Intent(IntentLine { at, run, write, change, .. }) => {
                self.note(at.0);
                let key = AssignmentKey { waba: change.waba.id.0, user: change.user.id.0 };
                let (at, intent) = (at.0, text.to_vec());
                let lines = WriteLines { key, at, intent, outcome: None, settled: None, took_effect: false };
                if let Some(run) = self.run_of(&run) {
                    run.writes.insert(write, lines);
                }
            }
            Line::Outcome(OutcomeLine { at, run, write, outcome, stored, found, error, .. }) => {
                self.note(at.0);
                let is_done = OutcomeParts { outcome, stored, found, error }.read().is_done();
                if let Some(lines) = self.write_of(&run, write) {
                    lines.took_effect |= is_done;
                    lines.outcome = Some(text.to_vec());
                }
            }
            Line::Settled(SettledLine { at, of, write, how, .. }) => {
                self.note(at.0);
                if let Some(lines) = self.write_of(&of, write) {
                    lines.took_effect |= Settlement::from(how) == Settlement::TookEffect;
                    lines.settled = Some(text.to_vec());
                }
            }
            Line::End(end) => {
                self.note(end.at.0);
                if let Some(run) = self.run_of(&end.run) {
                    run.end = Some(text.to_vec());
                }
            }
            Line::Moved(_) => {}
            Line::Checkpoint(line) => self.note(line.at.0),
        }
    }

    fn note(&mut self, at: Timestamp) {
        self.newest = self.newest.max(Some(at));
    }

    fn run_of(&mut self, id: &str) -> Option<&mut RunLines> {
        let index = *self.by_id.get(id)?;
        self.runs.get_mut(index)
    }

    fn write_of(&mut self, run: &str, number: u64) -> Option<&mut WriteLines> {
        self.run_of(run)?.writes.get_mut(&number)
    }

    /// Returns the lines that are kept, with one before them that says so.
    pub(super) fn finish(self, up_to: u64) -> Result<Vec<u8>, JournalError> {
        let newest = self.newest.unwrap_or(Timestamp::UNIX_EPOCH);
        let first = Line::Checkpoint(CheckpointLine { v: VERSION, at: AsText(newest), up_to });
        let mut text = first.to_text()?.into_bytes();
        let kept = self.kept(newest);
        let last_run = self.runs.len().saturating_sub(1);
        let mut push = |line: &[u8]| {
            text.extend_from_slice(line);
            text.push(b'\n');
        };
        for (index, run) in self.runs.iter().enumerate() {
            let mut writes =
                run.writes.iter().filter(|(number, _)| kept.contains(&(index, **number))).peekable();
            // The last run names the plan that was applied last.
            if writes.peek().is_none() && index < last_run {
                continue;
            }
            push(&run.begin);
            for (_, write) in writes {
                push(&write.intent);
                write.outcome.iter().chain(&write.settled).for_each(|line| push(line));
            }
            run.end.iter().for_each(|line| push(line));
        }
        Ok(text)
    }

    /// Returns the writes that are kept, by run and number.
    fn kept(&self, newest: Timestamp) -> BTreeSet<(usize, u64)> {
        let since = newest.saturating_sub(RECENT).unwrap_or(Timestamp::MIN);
        let (mut kept, mut last, mut last_effect) = (BTreeSet::new(), Last::new(), Last::new());
        for (index, run) in self.runs.iter().enumerate() {
            for (number, write) in &run.writes {
                let place = (index, *number);
                last.insert(write.key, place);
                if write.took_effect {
                    last_effect.insert(write.key, place);
                }
                if write.at >= since || (write.outcome.is_none() && write.settled.is_none()) {
                    kept.insert(place);
                }
            }
        }
        kept.extend(last.into_values().chain(last_effect.into_values()));
        kept
    }
}
