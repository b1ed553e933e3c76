//! What is kept of a round's events, and the lines that a round leaves in the log.

use super::{Broken, Round};
use crate::diagnostic::{self, Diagnostic};
use crate::engine::Event;
use crate::guard::Violation;
use crate::model::{Report, Sources};
use crate::reconcile::{Next, RoundEnd};
use crate::text::count;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The target of the lines about rounds in the log.
pub const ROUNDS: &str = "wabacl::rounds";

/// The most lines of details in the log for one round. A guess: more are in `/status`.
const MOST_DETAILS: usize = 20;

/// The most findings of one kind that are kept of a round. A guess: more than anybody reads.
const MOST_KEPT: usize = 100;

/// An error or a warning at a place in the manifests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The code.
    pub code: &'static str,
    /// What is wrong, escaped.
    pub message: String,
    /// The file with line and column, if it has a place.
    pub place: Option<(String, u32, u32)>,
    /// What to do, if that is known.
    pub help: Option<String>,
}

impl Finding {
    fn of(found: &Diagnostic, sources: &Sources) -> Self {
        Self {
            code: found.code,
            message: found.message.clone(),
            place: found.at.map(|at| (sources.path(at.source).to_owned(), at.line, at.column)),
            help: found.help.clone(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((file, line, column)) = &self.place {
            write!(f, "{file}:{line}:{column}: ")?;
        }
        write!(f, "{} [{}]", self.message, self.code)
    }
}

/// What is kept of the events of a round.
#[derive(Debug, Default)]
pub(super) struct RoundLog(Mutex<Kept>);

#[derive(Debug, Default)]
pub(super) struct Kept {
    errors: Vec<Finding>,
    pub(super) warnings: Vec<Finding>,
    pub(super) notes: Vec<String>,
}

impl RoundLog {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes an event.
    pub(super) fn note(&self, event: &Event<'_>) {
        let mut kept = self.kept();
        match event {
            Event::Diagnostics { found, sources } => {
                for found in diagnostic::in_order(found) {
                    let list = if found.is_error() { &mut kept.errors } else { &mut kept.warnings };
                    let finding = Finding::of(found, sources);
                    if list.len() < MOST_KEPT && !list.contains(&finding) {
                        list.push(finding);
                    }
                }
            }
            Event::Warning(warning) => kept.notes.push(warning.to_string()),
            Event::Settled(writes) if !writes.is_empty() => {
                let writes = count(writes.len(), "write", "writes");
                kept.notes.push(format!("{writes} of an earlier run had no outcome and were settled"));
            }
            Event::Progress(..) | Event::Settled(_) | Event::WaitingForLock { .. } | Event::Stale { .. } => {}
        }
    }

    pub(super) fn take_errors(&self) -> Vec<Finding> {
        std::mem::take(&mut self.kept().errors)
    }

    pub(super) fn finish(self) -> Kept {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Logs a round in one line. If it ended otherwise than the one before, the details follow.
pub(super) fn round(round: &Round, next: Next, is_last: bool) {
    let line = line(round, next, is_last);
    let (number, trigger, end) = (round.number, round.trigger.word(), round.end.word());
    let milliseconds = u64::try_from(round.took.as_millis()).unwrap_or(u64::MAX);
    let calls = round.cost.calls;
    // The line says the same as the fields: they are for JSON only.
    macro_rules! log {
        ($level:ident) => {
            tracing::$level!(
                target: ROUNDS,
                {
                    round.number = number,
                    round.trigger = trigger,
                    round.end = end,
                    round.calls = calls,
                    round.milliseconds = milliseconds
                },
                "{line}"
            )
        };
    }
    if round.end.is_success() || round.end == RoundEnd::Interrupted {
        log!(info);
    } else {
        log!(warn);
    }
    for detail in details(round, next.is_news).into_iter().take(MOST_DETAILS) {
        tracing::warn!(target: ROUNDS, "{detail}");
    }
}

fn line(round: &Round, next: Next, is_last: bool) -> String {
    let Round { number, trigger, took, end, problem, cost, .. } = round;
    let what = match (end, &round.report) {
        (RoundEnd::Refused { digest }, _) => format!("refused, the plan {digest} waits"),
        (_, Some(report)) if !report.changes.is_empty() => format!("{}, {}", end.word(), outcomes(report)),
        (RoundEnd::Drift, _) => format!("drift, {}", differences(round)),
        (RoundEnd::Partial, _) => format!("partial, {}", missing(round)),
        _ => end.word().to_owned(),
    };
    let why = problem.as_ref().map(|problem| format!(" ({problem})")).unwrap_or_default();
    let broken = match &round.broken {
        Some(_) if *end != RoundEnd::NoManifests => {
            "; the manifests have errors, so earlier ones are in force"
        }
        Some(_) | None => "",
    };
    let calls = count(usize::try_from(cost.calls).unwrap_or(usize::MAX), "call", "calls");
    let after = if is_last { String::from("the last") } else { format!("next in {:.0?}", next.wait) };
    format!("round {number} ({}): {what}{why}{broken}; {calls}, {took:.1?}; {after}", trigger.word())
}

fn outcomes(report: &Report) -> String {
    let done = report.changes.iter().filter(|reported| reported.outcome.is_done()).count();
    format!("{done} of {} made", count(report.changes.len(), "change", "changes"))
}

fn differences(round: &Round) -> String {
    let Some(judged) = &round.judged else { return String::new() };
    let plan = judged.review().plan();
    let differ = count(plan.changes.len(), "assignment differs", "assignments differ");
    match plan.undeclared_drift() {
        0 => differ,
        undeclared => format!("{differ}, {undeclared} undeclared"),
    }
}

/// Describes what a plan lacks.
fn missing(round: &Round) -> String {
    let Some(judged) = &round.judged else { return String::new() };
    let plan = judged.review().plan();
    let parts = [
        (plan.unreadable.len(), "WABA could not be read", "WABAs could not be read"),
        (plan.unresolved.len(), "declared user was not found", "declared users were not found"),
        (plan.out_of_scope.len(), "suspended user holds more", "suspended users hold more"),
    ];
    let parts = parts.into_iter().filter(|(number, ..)| *number > 0);
    parts.map(|(number, one, many)| count(number, one, many)).collect::<Vec<_>>().join(", ")
}

fn details(round: &Round, is_news: bool) -> Vec<String> {
    let mut details = Vec::new();
    if let Some(Broken { errors, problem, .. }) = round.broken.as_ref().filter(|broken| broken.is_news) {
        details.extend(errors.iter().map(|error| format!("error: {error}")));
        details.extend(problem.iter().map(|problem| format!("error: {problem}")));
    }
    if is_news {
        let violations = round.judged.iter().flat_map(|judged| judged.review().violations());
        if matches!(round.end, RoundEnd::Refused { .. }) {
            details.extend(violations.map(violation));
        }
        let hint = round.problem.as_ref().and_then(|problem| problem.hint.as_ref());
        details.extend(hint.map(|hint| format!("hint: {hint}")));
    }
    details
}

fn violation(violation: &Violation) -> String {
    format!("refused by {}: {}", violation.guard.code(), violation.message)
}
