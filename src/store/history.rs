//! From lines to what they tell. Knows no file: lines go in one by one, a history comes out.

use super::identity;
use super::line::{
    EndLine, Gone, GoneLine, GoneWord, Grant, IntentLine, Line, OutcomeLine, OutcomeWord, PruneWord, RunLine,
    SettledLine, SettledWord,
};
use super::read::Keep;
use crate::model::{
    AssignmentKey, BrokenLine, History, Name, Outcome, Prune, RecordedGone, RecordedGrant, RecordedOutcome,
    RecordedReason, RecordedRun, RecordedWrite, RunEnd, Settled, Settlement, TaskSet,
};
use jiff::Timestamp;
use std::fmt::Display;
use std::str::FromStr;

/// So many broken lines are told; more are counted.
const MOST_BROKEN: usize = 100;

/// A history in the making.
pub(super) struct Builder {
    keep: Keep,
    history: History,
    /// Whether something was read and not kept, so that a line may speak of what is no longer here.
    dropped: bool,
}

/// Why a line is broken, for people.
type Broken = String;

impl Builder {
    pub(super) fn new(keep: Keep) -> Self {
        Self { keep, history: History::default(), dropped: false }
    }

    pub(super) fn finish(mut self) -> History {
        self.trim();
        if self.keep == Keep::InFlight {
            self.history.runs.retain(|run| run.writes.iter().any(RecordedWrite::is_in_flight));
        }
        self.history
    }

    /// Takes in a line.
    pub(super) fn line(&mut self, number: u64, text: &[u8]) {
        let read = Line::from_text(text).and_then(|line| match line {
            Line::Run(line) => self.run(&line),
            Line::Intent(line) => self.intent(&line),
            Line::Outcome(line) => self.outcome(&line),
            Line::Settled(line) => self.settled(&line),
            Line::End(line) => self.end(&line),
        });
        if let Err(why) = read {
            self.broken(number, why);
        }
    }

    /// Notes a line that cannot be read.
    pub(super) fn broken(&mut self, line: u64, why: Broken) {
        self.history.broken_lines += 1;
        if self.history.broken.len() < MOST_BROKEN {
            self.history.broken.push(BrokenLine { line, why: Name::new(why) });
        }
    }

    /// Notes that the last line was cut off.
    pub(super) fn torn(&mut self, line: u64) {
        self.history.torn = Some(line);
    }

    fn run(&mut self, line: &RunLine) -> Result<(), Broken> {
        let run = recorded_run(line)?;
        if self.history.runs.iter().rev().any(|known| known.id == run.id) {
            return Err(String::from("a run of this id began before"));
        }
        self.history.runs.push(run);
        self.trim();
        Ok(())
    }

    /// Lets go of runs that are not to be kept; the last one may still gain writes.
    fn trim(&mut self) {
        let number = self.history.runs.len();
        let first_kept = match self.keep {
            Keep::All => return,
            Keep::Last(runs) => number.saturating_sub(runs),
            Keep::InFlight => number.saturating_sub(1),
        };
        let mut index = 0;
        self.history.runs.retain(|run| {
            index += 1;
            index > first_kept || run.writes.iter().any(RecordedWrite::is_in_flight)
        });
        self.dropped |= self.history.runs.len() < number;
    }

    fn intent(&mut self, line: &IntentLine) -> Result<(), Broken> {
        let write = recorded_write(line)?;
        let Some(run) = self.run_of(&line.run) else {
            return self.orphan("it speaks of a run that never began");
        };
        match run.writes.last() {
            Some(last) if last.number >= write.number => {
                return Err(String::from("its number does not follow that of the write before it"));
            }
            Some(_) | None => run.writes.push(write),
        }
        Ok(())
    }

    fn outcome(&mut self, line: &OutcomeLine) -> Result<(), Broken> {
        let outcome = RecordedOutcome {
            at: moment(&line.at)?,
            outcome: outcome(line),
            traces: line.traces.iter().map(|trace| name(trace)).collect(),
        };
        let Some(write) = self.write_of(&line.run, line.write) else {
            return self.orphan("it speaks of a write that was never begun");
        };
        write.outcome = Some(outcome);
        self.forget_what_is_settled(&line.run);
        Ok(())
    }

    fn settled(&mut self, line: &SettledLine) -> Result<(), Broken> {
        let settled = Settled {
            at: moment(&line.at)?,
            run: name(&line.run),
            found: TaskSet::from_names(&line.found),
            how: match line.how {
                SettledWord::TookEffect => Settlement::TookEffect,
                SettledWord::NoEffect => Settlement::NoEffect,
                SettledWord::Different => Settlement::Different,
            },
        };
        let Some(write) = self.write_of(&line.of, line.write) else {
            return self.orphan("it speaks of a write that was never begun");
        };
        write.settled = Some(settled);
        self.forget_what_is_settled(&line.of);
        Ok(())
    }

    fn end(&mut self, line: &EndLine) -> Result<(), Broken> {
        let end = RunEnd {
            at: moment(&line.at)?,
            stopped: line.stopped.as_deref().map(name),
            done: line.done,
            not_done: line.not_done,
        };
        match self.run_of(&line.run) {
            Some(run) => run.end = Some(end),
            None => return self.orphan("it speaks of a run that never began"),
        }
        Ok(())
    }

    /// Says that a line speaks of what is not here, unless that may only not have been kept.
    fn orphan(&self, why: &str) -> Result<(), Broken> {
        if self.dropped { Ok(()) } else { Err(why.to_owned()) }
    }

    fn run_of(&mut self, id: &str) -> Option<&mut RecordedRun> {
        // From the back, as most lines speak of the last run.
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

fn name(text: &str) -> Name {
    text.into()
}

fn moment(text: &str) -> Result<Timestamp, Broken> {
    text.parse().map_err(|error| format!("`{text}` is no moment: {error}"))
}

fn id<T: FromStr<Err: Display>>(text: &str) -> Result<T, Broken> {
    text.parse().map_err(|error| format!("`{text}` is no id: {error}"))
}

fn recorded_run(line: &RunLine) -> Result<RecordedRun, Broken> {
    Ok(RecordedRun {
        id: name(&line.run),
        at: moment(&line.at)?,
        business: id(&line.business)?,
        acting_user: match &line.acting_user {
            Some(user) => Some((id(&user.id)?, name(&user.name))),
            None => None,
        },
        by: identity::was(&line.by),
        version: name(&line.version),
        plan_digest: name(&line.plan_digest),
        manifest_digest: name(&line.manifest_digest),
        waivers: line.waivers.iter().map(|waiver| name(waiver)).collect(),
        writes: Vec::new(),
        end: None,
    })
}

fn recorded_write(line: &IntentLine) -> Result<RecordedWrite, Broken> {
    Ok(RecordedWrite {
        number: line.write,
        at: moment(&line.at)?,
        key: AssignmentKey { waba: id(&line.waba.id)?, user: id(&line.user.id)? },
        waba_name: name(&line.waba.name),
        user_name: name(&line.user.name),
        before: TaskSet::from_names(&line.before),
        after: TaskSet::from_names(&line.after),
        because: RecordedReason {
            grants: line.why.iter().map(grant).collect(),
            gone: line.gone.as_ref().map(gone),
            more: line.more,
        },
        outcome: None,
        settled: None,
    })
}

fn grant(line: &Grant) -> RecordedGrant {
    RecordedGrant {
        path: name(&line.path),
        name: line.name.as_deref().map(name),
        file: name(&line.file),
        line: line.line,
        reason: line.reason.as_deref().map(name),
    }
}

fn gone(line: &Gone) -> (Prune, Vec<RecordedGone>) {
    let prune = match line.prune {
        PruneWord::None => Prune::None,
        PruneWord::Declared => Prune::Declared,
        PruneWord::All => Prune::All,
    };
    (prune, line.lines.iter().map(gone_line).collect())
}

fn gone_line(line: &GoneLine) -> RecordedGone {
    match (line.why, &line.grant) {
        (GoneWord::Expired, Some(expired)) => RecordedGone::Expired(grant(expired)),
        (GoneWord::Expired | GoneWord::Declared, _) => RecordedGone::Declared(name(&line.file), line.line),
        (GoneWord::Undeclared, _) => RecordedGone::Undeclared(name(&line.file), line.line),
    }
}

fn outcome(line: &OutcomeLine) -> Outcome {
    let set = |names: &Option<Vec<String>>| TaskSet::from_names(names.iter().flatten());
    let error = line.error.clone().unwrap_or_default();
    match line.outcome {
        OutcomeWord::Applied => Outcome::Applied,
        OutcomeWord::AlreadySo => Outcome::AlreadySo,
        OutcomeWord::AcceptedNotListed => Outcome::AcceptedNotListed,
        OutcomeWord::StoredDifferently => Outcome::StoredDifferently { stored: set(&line.stored) },
        OutcomeWord::Moved => Outcome::Moved { found: set(&line.found) },
        OutcomeWord::Failed => Outcome::Failed { error },
        OutcomeWord::Unknown => Outcome::Unknown { error },
        OutcomeWord::NotAttempted => Outcome::NotAttempted { why: error },
    }
}
