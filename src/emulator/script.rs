//! A script of faults: from a seed, what goes wrong with which call, so that any run can be repeated.
//!
//! What is drawn for a call depends on the seed, on the call, and on how often that same call came before; never
//! on the order in which different calls come.

use super::fault::{FaultKind, Place, WaitTold};
use super::latency::Latency;
use super::request::Request;
use super::seeded_rng::{Chance, hash};
use crate::model::{Task, TaskSet, UserId, WabaId};
use axum::http::Method;
use fastrand::Rng;
use std::collections::BTreeSet;
use std::time::Duration;

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
/// Each call under a script takes up to so much longer, to the nanosecond, so that no two end at one moment.
const JITTER: u64 = 2_000_000;
/// The most changes that somebody else makes in the course of a script.
const MOST_FOREIGN: u64 = 20;

/// A script of faults.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Script {
    /// What everything is drawn from.
    pub seed: u64,
    /// How often each fault happens.
    pub rates: Rates,
    /// How much longer answers take than the emulator's options say.
    pub latency: Latency,
    /// When all tokens end, counted from the beginning of the script.
    pub tokens_end: Option<Duration>,
    /// The share of WABAs whose assignments may neither be read nor written, always the same ones.
    pub forbidden_wabas: f64,
    /// How long it takes on average until somebody else changes an assignment.
    pub foreign_every: Option<Duration>,
    /// Whose assignments nobody else changes; those of ADMIN system users never are.
    pub spared: BTreeSet<UserId>,
    /// Whether answers are compressed for those who accept it.
    pub gzip: bool,
}

/// How often each fault happens: its share, between 0 and 1, of the calls that it can happen to.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rates {
    /// A proxy's error page, with the status 500 or 502.
    pub html_error: f64,
    /// The codes 1 and 2, and others with `is_transient`.
    pub passing_error: f64,
    /// The app is throttled for some minutes (4), told by headers or not.
    pub throttled_app: f64,
    /// The WABA of a call is throttled for some minutes (80008), told by headers or not.
    pub throttled_waba: f64,
    /// The connection closes, and nothing happened.
    pub reset_before: f64,
    /// The connection closes after the call took effect.
    pub reset_after: f64,
    /// The body breaks off after the call took effect.
    pub truncated: f64,
    /// A redirect to another host.
    pub redirect: f64,
    /// A body that never ends.
    pub endless: f64,
    /// A write has no effect, and says so with `"success": false`.
    pub success_false: f64,
    /// A write stores more tasks than it was asked to.
    pub extra_stored: f64,
    /// An item of a batch is `null`, and nothing happened.
    pub null_item: f64,
    /// An item of a batch is `null` after it took effect.
    pub null_item_after: f64,
    /// The API knows no nested lists.
    pub refused_nesting: f64,
    /// Nested lists are too much data, where the page has more than two WABAs.
    pub too_much_data: f64,
    /// Nested lists are missing from a page of WABAs.
    pub nothing_nested: f64,
    /// A page has a few rows only, and a `next`.
    pub short_page: f64,
    /// A page has no rows, and a `next`.
    pub empty_page: f64,
    /// A page leads back to itself.
    pub repeated_cursor: f64,
    /// Rows of assignments come without their tasks.
    pub rows_without_tasks: f64,
    /// A list of assignments is empty, as for a business that does not match.
    pub empty_list: f64,
}

impl Script {
    /// Chooses a script: how bad things are as well as each fault.
    pub fn from_seed(seed: u64) -> Self {
        let mut rng = Rng::with_seed(hash(seed, b"script"));
        let base = Self {
            seed,
            latency: Latency {
                request: MILLISECOND * rng.u32(1..200),
                tail: MILLISECOND * rng.u32(1..300),
                ..Latency::default()
            },
            gzip: rng.bool(),
            ..Self::default()
        };
        match rng.u8(..10) {
            0 | 1 => base,
            2..=4 => base.with(Rates::flaky(&mut rng)),
            5 => base.with(Rates::busy(&mut rng)),
            6 | 7 => base.with(Rates::odd(&mut rng)),
            _ => base.hostile(&mut rng),
        }
    }

    fn with(self, rates: Rates) -> Self {
        Self { rates, ..self }
    }

    /// Makes everything go wrong that can, each a little.
    fn hostile(self, rng: &mut Rng) -> Self {
        let (flaky, busy, odd) = (Rates::flaky(rng), Rates::busy(rng), Rates::odd(rng));
        let rates = Rates {
            throttled_app: busy.throttled_app / 4.0,
            throttled_waba: busy.throttled_waba / 4.0,
            success_false: 0.05 * rng.f64(),
            redirect: 0.004 * rng.f64(),
            endless: 0.002 * rng.f64(),
            ..odd.and(flaky)
        };
        Self {
            rates,
            tokens_end: rng.bool().then(|| SECOND * rng.u32(1..60)),
            forbidden_wabas: if rng.bool() { 0.2 * rng.f64() } else { 0.0 },
            foreign_every: rng.bool().then(|| MILLISECOND * rng.u32(200..20_000)),
            ..self
        }
    }

    /// Returns whether a WABA is one of those that nobody may touch.
    fn forbids(&self, waba: WabaId) -> bool {
        let drawn = hash(hash(self.seed, b"forbidden"), &waba.number().to_be_bytes());
        self.forbidden_wabas > 0.0 && Rng::with_seed(drawn).f64() < self.forbidden_wabas
    }
}

impl Rates {
    /// What passes by itself.
    fn flaky(rng: &mut Rng) -> Self {
        let mut rate = || 0.06 * rng.f64();
        Self {
            html_error: rate(),
            passing_error: rate(),
            reset_before: rate(),
            reset_after: rate(),
            truncated: rate(),
            null_item: rate(),
            null_item_after: rate(),
            too_much_data: 4.0 * rate(),
            ..Self::default()
        }
    }

    /// What more patience is asked for.
    fn busy(rng: &mut Rng) -> Self {
        Self {
            throttled_app: 0.03 * rng.f64(),
            throttled_waba: 0.05 * rng.f64(),
            passing_error: 0.03 * rng.f64(),
            ..Self::default()
        }
    }

    /// Lists that say less than there is, and writes that do more than was asked.
    fn odd(rng: &mut Rng) -> Self {
        let refused_nesting = if rng.u8(..3) == 0 { 1.0 } else { 0.0 };
        let mut rate = || 0.08 * rng.f64();
        Self {
            refused_nesting,
            too_much_data: 3.0 * rate(),
            nothing_nested: rate(),
            short_page: 3.0 * rate(),
            empty_page: rate(),
            repeated_cursor: 0.3 * rate(),
            rows_without_tasks: 0.5 * rate(),
            empty_list: rate(),
            extra_stored: rate(),
            ..Self::default()
        }
    }

    /// Returns these faults, and with them those that pass by themselves.
    fn and(self, flaky: Self) -> Self {
        Self {
            html_error: flaky.html_error,
            passing_error: flaky.passing_error,
            reset_before: flaky.reset_before,
            reset_after: flaky.reset_after,
            truncated: flaky.truncated,
            null_item: flaky.null_item,
            null_item_after: flaky.null_item_after,
            ..self
        }
    }

    /// Draws what goes wrong with a call.
    fn draw(&self, rng: &mut Rng, asked: Asked<'_>) -> Option<FaultKind> {
        type Make = fn(&mut Rng) -> FaultKind;
        let Asked { place, .. } = asked;
        let is_one = place != Place::Batch;
        let (list, nested, write) = (asked.is_list(), asked.is_nested(), asked.is_write());
        let rows = asked.is_assignments() && asked.is_get();
        let faults: [(f64, bool, Make); 21] = [
            (self.html_error, true, |rng| FaultKind::HtmlError(if rng.bool() { 500 } else { 502 })),
            (self.passing_error, true, passing_error),
            (self.throttled_app, is_one, |rng| throttle(rng, false)),
            (self.throttled_waba, asked.is_assignments(), |rng| throttle(rng, true)),
            (self.reset_before, place != Place::Item, |_| FaultKind::CloseConnection),
            (self.reset_after, place != Place::Item, |_| FaultKind::CloseAfterEffect),
            (self.truncated, place != Place::Item, |_| FaultKind::TruncatedBody),
            (self.redirect, place != Place::Item, |_| FaultKind::Redirect("http://127.0.0.1:1/".to_owned())),
            (self.endless, place != Place::Item, |_| FaultKind::EndlessBody),
            (self.success_false, write, |_| FaultKind::SuccessFalse),
            (self.extra_stored, write, extra_stored),
            (self.null_item, place == Place::Item, |_| FaultKind::NullItem),
            (self.null_item_after, place == Place::Item, |_| FaultKind::NullItemAfterEffect),
            (self.refused_nesting, nested, |_| FaultKind::RefusedNesting),
            (self.too_much_data, nested && asked.has_many(), |_| FaultKind::TooMuchData),
            (self.nothing_nested, nested, |_| FaultKind::NothingNested),
            (self.short_page, list, |rng| FaultKind::ShortPage(rng.usize(1..4))),
            (self.empty_page, list, |_| FaultKind::ShortPage(0)),
            (self.repeated_cursor, list, |_| FaultKind::RepeatedCursor),
            (self.rows_without_tasks, rows || nested, |_| FaultKind::RowsWithoutTasks),
            (self.empty_list, rows && asked.is_first_page(), |_| FaultKind::EmptyList),
        ];
        let mut left = rng.f64();
        for (rate, fits, make) in faults {
            if fits && rate > left {
                return Some(make(rng));
            }
            left -= if fits { rate } else { 0.0 };
        }
        None
    }
}

fn passing_error(rng: &mut Rng) -> FaultKind {
    let kinds = [(500, 1, false), (400, 1, false), (500, 2, true), (503, 2, false), (400, 99, true)];
    let (status, code, is_transient) = kinds[rng.usize(..kinds.len())];
    let message = format!("(#{code}) An unexpected error has occurred. Please retry your request later.");
    FaultKind::GraphError { status, code, subcode: None, message, is_transient }
}

fn throttle(rng: &mut Rng, waba: bool) -> FaultKind {
    let ways = [WaitTold::Nowhere, WaitTold::InUsage, WaitTold::InRetryAfter];
    FaultKind::Throttle { waba, wait: SECOND * rng.u32(60..600), told: ways[rng.usize(..ways.len())] }
}

fn extra_stored(rng: &mut Rng) -> FaultKind {
    let extras = [Task::ViewCost, Task::ViewTemplates, Task::ViewInsights];
    FaultKind::ExtraStored([extras[rng.usize(..extras.len())]].into())
}

/// What a call is, as far as it matters for what can go wrong with it.
#[derive(Clone, Copy)]
struct Asked<'a> {
    request: &'a Request,
    place: Place,
}

impl Asked<'_> {
    fn is_get(self) -> bool {
        self.request.method == Method::GET
    }

    fn is_assignments(self) -> bool {
        self.request.managed_waba().is_some()
    }

    fn is_write(self) -> bool {
        self.is_assignments() && !self.is_get()
    }

    fn is_list(self) -> bool {
        self.is_get() && self.request.path.len() == 2
    }

    fn is_nested(self) -> bool {
        let fields = self.request.param("fields").unwrap_or_default();
        self.is_get() && fields.contains("assigned_users.")
    }

    fn is_first_page(self) -> bool {
        self.request.param("after").is_none()
    }

    /// Returns whether a page may have more than two rows.
    fn has_many(self) -> bool {
        self.is_list() && self.request.param("limit").is_none_or(|limit| !matches!(limit, "1" | "2"))
    }
}

/// A script as it is being played, or none.
#[derive(Default)]
pub(super) struct Play {
    script: Option<Script>,
    /// When it began, on the emulator's clock.
    begun: Duration,
    chance: Chance,
    /// How many changes somebody else has made, and when the next is due.
    foreign: u64,
    next_foreign: Option<Duration>,
}

impl Play {
    pub(super) fn begin(script: Option<Script>, now: Duration) -> Self {
        let chance = Chance::new(script.as_ref().map_or(0, |script| script.seed));
        let mut play = Self { script, begun: now, chance, foreign: 0, next_foreign: None };
        play.next_foreign = play.foreign_after(now);
        play
    }

    /// Returns the source of all that is drawn for a call that comes now.
    pub(super) fn draw(&mut self, request: &Request) -> Rng {
        self.chance.draw(&request.identity())
    }

    /// Returns how long a request with so many calls takes before it is looked at.
    pub(super) fn latency(&self, rng: &mut Rng, usual: &Latency, calls: usize) -> Duration {
        let usual = usual.before(calls, rng.f64());
        let Some(script) = &self.script else { return usual };
        let jitter = Duration::from_nanos(rng.u64(1..JITTER));
        usual + script.latency.before(calls, rng.f64()) + jitter
    }

    /// Draws what goes wrong with a call.
    pub(super) fn fault(&self, rng: &mut Rng, request: &Request, place: Place) -> Option<FaultKind> {
        let script = self.script.as_ref()?;
        if place != Place::Batch && request.managed_waba().is_some_and(|waba| script.forbids(waba)) {
            return Some(FaultKind::GraphError {
                status: 403,
                code: 200,
                subcode: None,
                message: "(#200) You do not have permission to access this WhatsApp Business Account"
                    .to_owned(),
                is_transient: false,
            });
        }
        script.rates.draw(rng, Asked { request, place })
    }

    pub(super) fn tokens_are_over(&self, now: Duration) -> bool {
        let end = self.script.as_ref().and_then(|script| script.tokens_end);
        end.is_some_and(|end| self.begun + end <= now)
    }

    pub(super) fn compresses(&self) -> bool {
        self.script.as_ref().is_some_and(|script| script.gzip)
    }

    /// Returns the next change that somebody else has made by now: when, and where what it is comes from.
    pub(super) fn foreign(&mut self, now: Duration) -> Option<Foreign> {
        let at = self.next_foreign.filter(|at| *at <= now)?;
        let script = self.script.as_ref()?;
        let seed = hash(hash(script.seed, b"foreign change"), &self.foreign.to_be_bytes());
        let foreign = Foreign { at, rng: Rng::with_seed(seed), spared: script.spared.clone() };
        self.foreign += 1;
        self.next_foreign = self.foreign_after(at);
        Some(foreign)
    }

    /// Draws when the next change is made.
    fn foreign_after(&self, moment: Duration) -> Option<Duration> {
        let script = self.script.as_ref()?;
        let every = script.foreign_every.filter(|_| self.foreign < MOST_FOREIGN)?;
        let seed = hash(hash(script.seed, b"foreign moment"), &self.foreign.to_be_bytes());
        // The waits between things that happen at any moment: most are short, few are long.
        let wait = -(1.0 - Rng::with_seed(seed).f64()).ln();
        Some(moment + every.mul_f64(wait))
    }
}

/// A change that somebody else makes.
pub(super) struct Foreign {
    pub(super) at: Duration,
    pub(super) rng: Rng,
    pub(super) spared: BTreeSet<UserId>,
}

impl Foreign {
    /// Draws what a user holds afterwards.
    pub(super) fn after(&mut self, before: &TaskSet) -> TaskSet {
        let task = Task::ALL[self.rng.usize(..Task::ALL.len())];
        let mut after = TaskSet::from([task]);
        match self.rng.u8(..3) {
            0 if !before.is_empty() => return TaskSet::EMPTY,
            1 => after.extend(before),
            _ => {}
        }
        after
    }
}
