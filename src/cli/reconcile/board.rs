//! What is served of a reconciler: its status, its metrics, and the page of its last plan.

use super::hook::HookCounts;
use crate::clock::Clock;
use crate::documents::status::{
    self, BrokenEntry, LeftEntry, RefusalEntry, RefusedEntry, RoundEntry, RoundPlanEntry, RoundReportEntry,
    RunningRoundEntry, StatusDocument,
};
use crate::documents::values::AsText;
use crate::documents::{DiagnosticEntry, words::SeverityWord};
use crate::engine::{Broken, Finding, Happening, Judged, Problem, ReconcileSettings, Round};
use crate::guard::Review;
use crate::model::{BusinessId, Report, Summary};
use crate::reconcile::{Mode, Next, Pace, RoundEnd, Standing};
use crate::redact::Redacting;
use crate::render::prometheus::{self, ReconcilerNumbers, WebhookNumbers};
use crate::render::{SourceLinks, View, html};
use jiff::Timestamp;
use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The most violations of a refused plan that are served. A guess: more than anybody reads; the page has all.
const MOST_VIOLATIONS: usize = 100;

/// What is served of a reconciler.
pub(super) struct Board {
    mode: Mode,
    pace: Pace,
    clock: Clock,
    started: Timestamp,
    /// Whether the page and the metrics of drift are rendered. Without an address, nobody can read them.
    is_served: bool,
    links: Option<SourceLinks>,
    hook: Option<HookCounts>,
    shown: Mutex<Shown>,
}

#[derive(Default)]
struct Shown {
    running: Option<(RunningRoundEntry<'static>, Duration)>,
    standing: Standing,
    next_at: Option<Duration>,
    business: Option<BusinessId>,
    last: Option<RoundEntry<'static>>,
    last_end: Option<Duration>,
    violations: Vec<RefusalEntry<'static>>,
    broken: Option<BrokenEntry<'static>>,
    token_expires: Option<Timestamp>,
    numbers: ReconcilerNumbers,
    /// The metrics of drift after the last round that read all of the scope.
    drift: String,
    page: Option<Arc<[u8]>>,
}

impl Board {
    pub(super) fn new(
        settings: &ReconcileSettings,
        is_served: bool,
        links: Option<SourceLinks>,
        hook: Option<HookCounts>,
    ) -> Self {
        let ReconcileSettings { mode, pace, clock, .. } = settings;
        let (mode, pace, clock) = (*mode, *pace, clock.clone());
        let started = clock.now();
        let mut numbers =
            ReconcilerNumbers { mode: mode.word(), started: started.as_second(), ..Default::default() };
        // A counter that begins with its first event hides it from a rate.
        numbers.rounds.extend(RoundEnd::WORDS.map(|word| (word, 0)));
        numbers.changes.extend(status::OUTCOMES.map(|word| (word, 0)));
        let shown = Shown { numbers, ..Shown::default() };
        Self { mode, pace, clock, started, is_served, links, hook, shown: Mutex::new(shown) }
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        // What is shown changes at the end of each step, so a poisoned lock is harmless.
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what happens.
    pub(super) fn note(&self, happening: &Happening<'_>) {
        match happening {
            Happening::Begins { number, trigger, at } => {
                let (number, trigger) = (*number, trigger.word().into());
                let running = RunningRoundEntry { number, trigger, began_at: AsText(self.clock.now()) };
                let mut shown = self.shown();
                (shown.running, shown.next_at) = (Some((running, *at)), None);
            }
            Happening::Applies { .. } | Happening::Stops { .. } => {}
            Happening::Ended(round, standing, next) => self.ended(round, standing, *next),
        }
    }

    fn ended(&self, round: &Round, standing: &Standing, next: Next) {
        let now = self.clock.elapsed();
        let review = round.judged.as_ref().map(Judged::review);
        // Rendering takes the longest, and needs no lock.
        let served = review.filter(|_| self.is_served && round.trigger.is_whole());
        let previous = self.shown().drift.clone();
        let drift = served.map(|review| self.drift(review, round.report.as_ref(), &previous));
        let page = served.and_then(|review| self.page(review));
        let mut shown = self.shown();
        shown.running = None;
        shown.next_at = Some(now + next.wait);
        shown.last_end = Some(now);
        if let RoundEnd::Refused { digest } = &round.end {
            let before = shown.standing.refused.as_ref().map(|(digest, _)| digest);
            shown.numbers.refused_plans += u64::from(before != Some(digest));
            let violations = review.into_iter().flat_map(Review::violations).take(MOST_VIOLATIONS);
            shown.violations = violations.map(|found| refusal(found.guard.code(), &found.message)).collect();
        }
        shown.standing = standing.clone();
        if let Some(review) = review {
            shown.business = Some(review.plan().business);
        }
        shown.token_expires = round.token_expires.or(shown.token_expires);
        shown.broken = round.broken.as_ref().map(|broken| broken_entry(broken, &round.end));
        shown.last = Some(round_entry(round));
        shown.drift = drift.unwrap_or(previous);
        shown.page = page.or_else(|| shown.page.take());
        count(&mut shown.numbers, round);
    }

    /// Returns the metrics of what is still different at the end of a round.
    fn drift(&self, review: &Review, report: Option<&Report>, previous: &str) -> String {
        let previous = (!previous.is_empty()).then_some(previous);
        let left = report.map(|report| report.left_of(review.plan()));
        prometheus::drift(&View::of_plan(review), left, self.clock.now(), previous)
    }

    fn page(&self, review: &Review) -> Option<Arc<[u8]>> {
        let page = redacted(|to| html::plan(&View::of_plan(review), self.links.as_ref(), to));
        page.map(Into::into).inspect_err(|error| tracing::warn!("the page cannot be made: {error}")).ok()
    }

    /// Returns why a round is stuck, if one is.
    pub(super) fn stuck(&self) -> Option<String> {
        let shown = self.shown();
        let (round, began) = shown.running.as_ref()?;
        let now = self.clock.elapsed();
        self.pace.is_stuck(*began, now).then(|| {
            format!("round {} has been running for {} s", round.number, now.saturating_sub(*began).as_secs())
        })
    }

    /// Returns why the reconciler is not ready, if it is not.
    pub(super) fn unready(&self) -> Option<&'static str> {
        self.pace.unready(&self.shown().standing, self.clock.elapsed())
    }

    /// Returns the page of the last plan, if one was made.
    pub(super) fn last_page(&self) -> Option<Arc<[u8]>> {
        self.shown().page.clone()
    }

    /// Returns the metrics.
    pub(super) fn metrics(&self) -> String {
        let now = self.clock.elapsed();
        let shown = self.shown();
        let standing = &shown.standing;
        let second = |at: Option<Duration>| at.map(|at| self.moment(at).as_second());
        let numbers = ReconcilerNumbers {
            is_ready: self.pace.unready(standing, now).is_none(),
            is_running: shown.running.is_some(),
            failures: standing.failures,
            refused_since: second(standing.refused.as_ref().map(|(_, since)| *since)),
            has_broken_manifests: shown.broken.is_some(),
            last_round: second(shown.last_end),
            last_read: second(standing.last_read),
            last_success: second(standing.last_success),
            lag: now.saturating_sub(standing.last_read.unwrap_or_default()).as_secs_f64(),
            token_expires: shown.token_expires.map(Timestamp::as_second),
            webhook: self.hook.as_ref().map(hook_numbers),
            ..shown.numbers.clone()
        };
        prometheus::reconciler(&numbers) + &shown.drift
    }

    /// Returns the status as a JSON document.
    pub(super) fn status(&self) -> Vec<u8> {
        let now = self.clock.elapsed();
        let shown = self.shown();
        let standing = &shown.standing;
        let moment = |at: Option<Duration>| at.map(|at| AsText(self.moment(at)));
        let not_ready_because = self.pace.unready(standing, now).map(Into::into);
        let (format_version, tool) = StatusDocument::head();
        let document = StatusDocument {
            format_version,
            tool,
            at: AsText(self.clock.now()),
            started_at: AsText(self.started),
            mode: self.mode.word().into(),
            interval_seconds: self.pace.interval.as_secs(),
            ready: not_ready_because.is_none(),
            not_ready_because,
            business: shown.business.map(AsText),
            running: shown.running.as_ref().map(|(round, _)| round.clone()),
            next_round_at: moment(shown.next_at),
            failures_in_a_row: standing.failures,
            last_read_at: moment(standing.last_read),
            last_success_at: moment(standing.last_success),
            last_round: shown.last.clone(),
            refused: standing.refused.as_ref().map(|(digest, since)| RefusedEntry {
                digest: digest.as_str().into(),
                since: AsText(self.moment(*since)),
                violations: shown.violations.clone(),
            }),
            broken_manifests: shown.broken.clone(),
            token_expires_at: shown.token_expires.map(AsText),
        };
        // Writing to memory cannot fail.
        redacted(|to| status::status(&document, to)).unwrap_or_default()
    }

    /// Returns the time of a moment of the clock.
    fn moment(&self, at: Duration) -> Timestamp {
        self.clock.now().saturating_sub(self.clock.elapsed().saturating_sub(at)).unwrap_or(self.started)
    }
}

/// Returns what a function writes, without secrets.
fn redacted(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut to = Redacting::new(&mut bytes);
    write(&mut to)?;
    to.flush()?;
    drop(to);
    Ok(bytes)
}

fn refusal(guard: &'static str, message: &str) -> RefusalEntry<'static> {
    RefusalEntry { guard: guard.into(), message: message.to_owned().into() }
}

fn texts(problem: Option<&Problem>) -> Vec<Cow<'static, str>> {
    problem.into_iter().flat_map(|problem| problem.chain.iter().map(|text| text.clone().into())).collect()
}

fn broken_entry(broken: &Broken, end: &RoundEnd) -> BrokenEntry<'static> {
    BrokenEntry {
        since: AsText(broken.since),
        earlier_in_force: *end != RoundEnd::NoManifests,
        errors: broken.errors.iter().map(|error| finding(error, SeverityWord::Error)).collect(),
        problem: texts(broken.problem.as_ref()),
    }
}

fn finding(found: &Finding, severity: SeverityWord) -> DiagnosticEntry<'static> {
    let (file, line, column) = match found.place.clone() {
        Some((file, line, column)) => (Some(file.into()), Some(line), Some(column)),
        None => (None, None, None),
    };
    let (message, help) = (found.message.clone().into(), found.help.clone().map(Into::into));
    DiagnosticEntry { severity, code: found.code.into(), message, file, line, column, help }
}

fn round_entry(round: &Round) -> RoundEntry<'static> {
    let plan = round.judged.as_ref().map(|judged| {
        let proposal = judged.review().proposal();
        let summary = proposal.plan.summary();
        RoundPlanEntry {
            digest: proposal.plan_digest().into(),
            manifest_digest: proposal.manifest_digest.clone().into(),
            assign: summary.assign,
            change: summary.change,
            revoke: summary.revoke,
            unchanged: summary.unchanged,
            undeclared: proposal.plan.undeclared_drift(),
            unreadable: proposal.plan.unreadable.len(),
        }
    });
    let reported = round.report.as_ref().zip(round.judged.as_ref());
    let applied = reported.map(|(report, judged)| {
        let done = report.changes.iter().filter(|reported| reported.outcome.is_done()).count();
        let run = report.run.as_ref().map(|run| run.as_str().to_owned().into());
        let Summary { assign, change, revoke, unchanged } = report.left_of(judged.review().plan());
        let left = LeftEntry { assign, change, revoke, unchanged };
        RoundReportEntry { run, done, not_done: report.changes.len() - done, left }
    });
    RoundEntry {
        number: round.number,
        trigger: round.trigger.word().into(),
        began_at: AsText(round.began),
        milliseconds: u64::try_from(round.took.as_millis()).unwrap_or(u64::MAX),
        end: round.end.word().into(),
        problem: texts(round.problem.as_ref()),
        hint: round.problem.as_ref().and_then(|problem| problem.hint.clone()).map(Into::into),
        calls: round.cost.calls,
        requests: round.cost.requests,
        waited_seconds: round.cost.waited.as_secs(),
        limit_used_percent: round.cost.usage,
        plan,
        applied,
        warnings: round.warnings.iter().map(|warning| finding(warning, SeverityWord::Warning)).collect(),
        notes: round.notes.iter().map(|note| note.clone().into()).collect(),
    }
}

fn hook_numbers(counts: &HookCounts) -> WebhookNumbers {
    let (counts, waiting) = counts();
    let deliveries = [
        ("accepted", counts.accepted),
        ("unsigned", counts.unsigned),
        ("refused", counts.refused),
        ("failed", counts.failed),
    ];
    let events = [("access", counts.events), ("other", counts.ignored)];
    WebhookNumbers { deliveries: deliveries.into(), events: events.into(), waiting }
}

/// Adds a round to the numbers.
fn count(numbers: &mut ReconcilerNumbers, round: &Round) {
    *numbers.rounds.entry(round.end.word()).or_default() += 1;
    for reported in round.report.iter().flat_map(|report| &report.changes) {
        *numbers.changes.entry(status::outcome_word(&reported.outcome)).or_default() += 1;
    }
    numbers.calls += round.cost.calls;
    numbers.requests += round.cost.requests;
    numbers.retries += round.cost.retries;
    numbers.waited += round.cost.waited.as_secs_f64();
    numbers.limit_used = round.cost.usage;
    numbers.last_duration = Some(round.took.as_secs_f64());
}
