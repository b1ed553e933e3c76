//! Builds a history from journal lines. This module knows no file.

use super::line::{
    CheckpointLine, EndLine, IntentLine, Line, LineError, MovedLine, OutcomeLine, RunLine, SettledLine,
};
use super::read::Keep;
use crate::documents::PartsReader;
use crate::documents::parts::OutcomeParts;
use crate::model::{
    AssignmentKey, BrokenLine, History, HistoryFilter, Name, RecordedOutcome, RecordedRun, RecordedWrite,
    RunEnd, SeenInHistory, Settled,
};
use crate::text;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The number of corrupt lines that are listed. Others are only counted. A guess.
const MOST_BROKEN: usize = 100;

/// A history that is being built.
pub(super) struct Builder {
    keep: Keep,
    history: History,
    parts: PartsReader,
    filter: HistoryFilter,
    seen: SeenInHistory,
    /// The writes that the filter leaves out and that are in flight, by run and number.
    in_flight_left_out: BTreeSet<(String, u64)>,
    /// Whether a run or write was dropped. Later lines may refer to it.
    dropped: bool,
}

impl Builder {
    pub(super) fn new(keep: Keep) -> Self {
        Self::filtered(keep, HistoryFilter::default())
    }

    /// Notes that the lines do not begin with the first one. Some may refer to what is before them.
    pub(super) fn begin_within(&mut self) {
        self.dropped = true;
    }

    pub(super) fn filtered(keep: Keep, filter: HistoryFilter) -> Self {
        Self {
            keep,
            history: History::default(),
            parts: PartsReader::default(),
            filter,
            seen: SeenInHistory::default(),
            in_flight_left_out: BTreeSet::new(),
            dropped: false,
        }
    }

    pub(super) fn finish(mut self) -> (History, SeenInHistory) {
        self.filter_last_run();
        self.trim();
        self.history.left_out.in_flight += self.in_flight_left_out.len();
        if self.keep == Keep::InFlight {
            self.history.runs.retain(|run| run.writes.iter().any(RecordedWrite::is_in_flight));
        }
        self.history.sources = self.parts.into_sources();
        (self.history, self.seen)
    }

    /// Notes that the journal has moved to another place.
    pub(super) fn moved(&mut self, to: &str) {
        self.history.moved_to = Some(Name::new(to.to_owned()));
    }

    /// Adds a line.
    pub(super) fn line(&mut self, number: u64, text: &[u8]) {
        let read = Line::from_text(text).and_then(|line| match line {
            Line::Run(line) => self.run(line),
            Line::Intent(line) => self.intent(line),
            Line::Outcome(line) => self.outcome(line),
            Line::Settled(line) => self.settled(line),
            Line::End(line) => self.end(line),
            Line::Moved(MovedLine { to, .. }) => {
                self.moved(&to);
                Ok(())
            }
            Line::Checkpoint(CheckpointLine { at, .. }) => {
                self.history.begins = Some(at.0);
                self.begin_within();
                Ok(())
            }
        });
        if let Err(why) = read {
            self.broken(number, &why);
        }
    }

    /// Records a line that cannot be read.
    pub(super) fn broken(&mut self, number: u64, why: &LineError) {
        let line =
            BrokenLine { line: number, why: Name::new(text::shorten(&why.to_string(), text::MAX_QUOTE)) };
        self.history.broken_lines += 1;
        if !matches!(why, LineError::Cut(_)) && self.history.unusable.is_none() {
            self.history.unusable = Some(line.clone());
        }
        if self.history.broken.len() < MOST_BROKEN {
            self.history.broken.push(line);
        }
    }

    /// Records that the last line is incomplete.
    pub(super) fn torn(&mut self, line: u64) {
        self.history.torn = Some(line);
    }

    fn run(&mut self, line: RunLine<'_>) -> Result<(), LineError> {
        let run = recorded_run(line);
        if self.history.runs.iter().rev().any(|known| known.id == run.id) {
            return Err(corrupt("a run of this id began before"));
        }
        self.filter_last_run();
        self.history.runs.push(run);
        // Do not keep the grants of dropped runs.
        self.parts.forget_grants();
        self.trim();
        Ok(())
    }

    /// Drops the last run if the filter takes neither it nor one of its writes. It gains no more writes.
    fn filter_last_run(&mut self) {
        let is_left_out = |run: &mut RecordedRun| !self.filter.takes_rest_of(run);
        if self.history.runs.pop_if(is_left_out).is_some() {
            self.history.left_out.runs += 1;
            self.dropped = true;
        }
    }

    /// Drops runs that are not to be kept. The last one may still gain writes.
    fn trim(&mut self) {
        let number = self.history.runs.len();
        let first_kept = match self.keep {
            Keep::All => return,
            Keep::Last(runs) => number.saturating_sub(runs),
            Keep::InFlight | Keep::Since(_) => number.saturating_sub(1),
        };
        let is_recent = |write: &RecordedWrite| match self.keep {
            Keep::Since(at) => write.at >= at,
            Keep::All | Keep::Last(_) | Keep::InFlight => false,
        };
        let (mut index, mut writes) = (0, 0);
        self.history.runs.retain(|run| {
            index += 1;
            let is_kept =
                index > first_kept || run.writes.iter().any(|write| write.is_in_flight() || is_recent(write));
            writes += if is_kept { 0 } else { run.writes.len() };
            is_kept
        });
        self.history.left_out.runs += number - self.history.runs.len();
        self.history.left_out.writes += writes;
        self.dropped |= self.history.runs.len() < number;
    }

    fn intent(&mut self, line: IntentLine<'_>) -> Result<(), LineError> {
        if self.leaves_out(&line) {
            return Ok(());
        }
        let id = line.run.clone();
        let write = recorded_write(line, &mut self.parts);
        let Some(run) = self.run_of(&id) else {
            return self.orphan("it speaks of a run that never began");
        };
        match run.writes.last() {
            Some(last) if last.number >= write.number => {
                return Err(corrupt("its number does not follow that of the write before it"));
            }
            Some(_) | None => run.writes.push(write),
        }
        Ok(())
    }

    /// Returns whether the filter leaves a write out, and counts it.
    fn leaves_out(&mut self, line: &IntentLine<'_>) -> bool {
        if self.filter.takes_all() {
            return false;
        }
        let IntentLine { run, write, at, change, .. } = line;
        let key = AssignmentKey { waba: change.waba.id.0, user: change.user.id.0 };
        let (waba, user) =
            [&change.waba.name, &change.user.name].map(|name| name.as_deref().unwrap_or_default()).into();
        if !self.filter.wabas.is_empty() {
            note(&mut self.seen.wabas, &key.waba.to_string(), waba);
        }
        if !self.filter.users.is_empty() {
            note(&mut self.seen.users, &key.user.to_string(), user);
        }
        if self.filter.takes_write(run, at.0, key, waba, user) {
            return false;
        }
        self.history.left_out.writes += 1;
        self.in_flight_left_out.insert((run.clone().into_owned(), *write));
        self.dropped = true;
        true
    }

    /// Returns whether a write whose outcome is known is left out.
    fn is_left_out(&mut self, run: &str, write: u64) -> bool {
        !self.in_flight_left_out.is_empty() && self.in_flight_left_out.remove(&(run.to_owned(), write))
    }

    fn outcome(&mut self, line: OutcomeLine<'_>) -> Result<(), LineError> {
        let OutcomeLine { outcome, stored, found, error, .. } = line;
        let outcome = OutcomeParts { outcome, stored, found, error }.read();
        let outcome = RecordedOutcome { at: line.at.0, outcome, traces: names(line.traces) };
        if self.is_left_out(&line.run, line.write) {
            return Ok(());
        }
        let Some(write) = self.write_of(&line.run, line.write) else {
            return self.orphan("it speaks of a write that was never begun");
        };
        write.outcome = Some(outcome);
        self.forget_what_is_settled(&line.run);
        Ok(())
    }

    fn settled(&mut self, line: SettledLine<'_>) -> Result<(), LineError> {
        let settled =
            Settled { at: line.at.0, run: Name::new(line.run), found: line.found.0, how: line.how.into() };
        if self.is_left_out(&line.of, line.write) {
            return Ok(());
        }
        let Some(write) = self.write_of(&line.of, line.write) else {
            return self.orphan("it speaks of a write that was never begun");
        };
        write.settled = Some(settled);
        self.forget_what_is_settled(&line.of);
        Ok(())
    }

    fn end(&mut self, line: EndLine<'_>) -> Result<(), LineError> {
        let end = RunEnd {
            at: line.at.0,
            stopped: line.stopped.map(Name::new),
            done: line.done,
            not_done: line.not_done,
        };
        match self.run_of(&line.run) {
            Some(run) => run.end = Some(end),
            None => return self.orphan("it speaks of a run that never began"),
        }
        Ok(())
    }

    /// Returns an error for a line that refers to something unknown, unless it may have been dropped.
    fn orphan(&self, why: &str) -> Result<(), LineError> {
        if self.dropped { Ok(()) } else { Err(corrupt(why)) }
    }

    fn run_of(&mut self, id: &str) -> Option<&mut RecordedRun> {
        // Most lines refer to the last run.
        self.history.runs.iter_mut().rev().find(|run| run.id.as_str() == id)
    }

    fn write_of(&mut self, run: &str, number: u64) -> Option<&mut RecordedWrite> {
        let writes = &mut self.run_of(run)?.writes;
        let index = writes.binary_search_by_key(&number, |write| write.number).ok()?;
        writes.get_mut(index)
    }

    fn forget_what_is_settled(&mut self, run: &str) {
        if self.keep != Keep::InFlight {
            return;
        }
        self.dropped = true;
        if let Some(run) = self.run_of(run) {
            run.writes.retain(RecordedWrite::is_in_flight);
        }
    }
}

/// Notes the id and the name of a user or a WABA, unless they are known.
fn note(seen: &mut BTreeSet<Name>, id: &str, name: &str) {
    for text in [id, name] {
        if !text.is_empty() && !seen.contains(text) {
            seen.insert(Name::from(text));
        }
    }
}

fn corrupt(why: &str) -> LineError {
    LineError::Corrupt(why.to_owned())
}

/// Returns texts as names.
fn names(texts: Vec<Cow<'_, str>>) -> Vec<Name> {
    texts.into_iter().map(Name::new).collect()
}

fn recorded_run(line: RunLine<'_>) -> RecordedRun {
    RecordedRun {
        id: Name::new(line.run),
        at: line.at.0,
        business: line.business.0,
        acting_user: line.acting_user.map(|user| (user.id.0, user.into_name())),
        by: line.by.read(),
        origin: line.origin.read(),
        version: Name::new(line.version),
        plan_digest: Name::new(line.plan_digest),
        manifest_digest: Name::new(line.manifest_digest),
        waivers: names(line.waivers),
        writes: Vec::new(),
        end: None,
    }
}

fn recorded_write(line: IntentLine<'_>, parts: &mut PartsReader) -> RecordedWrite {
    let change = line.change;
    RecordedWrite {
        number: line.write,
        at: line.at.0,
        key: AssignmentKey { waba: change.waba.id.0, user: change.user.id.0 },
        waba_name: change.waba.into_name(),
        user_name: change.user.into_name(),
        before: change.before.0,
        after: change.after.0,
        admin: change.admin,
        because: parts.because(change.because, change.gone),
        more: line.more,
        outcome: None,
        settled: None,
    }
}
