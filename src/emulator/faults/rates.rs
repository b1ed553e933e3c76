//! How often each fault of a script happens, and which fault happens to a call.

use super::fault::{CallKind, FaultKind};
use super::limits::WaitHint;
use crate::emulator::api::ApiRequest;
use crate::model::Task;
use axum::http::Method;
use fastrand::Rng;
use std::time::Duration;

/// The rate of each fault, between 0 and 1: its share of the calls that it can happen to.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rates {
    /// An error page from a proxy, with the status 500 or 502.
    pub html_error: f64,
    /// A transient error: code 1 or 2, or another code with `is_transient`.
    pub transient_error: f64,
    /// The app is throttled for some minutes (code 4), with or without a hint.
    pub throttled_app: f64,
    /// The WABA of the call is throttled for some minutes (code 80008), with or without a hint.
    pub throttled_waba: f64,
    /// The connection closes before the call takes effect.
    pub closed_before_effect: f64,
    /// The connection closes after the call took effect.
    pub closed_after_effect: f64,
    /// The body ends half-way, after the call took effect.
    pub truncated_body: f64,
    /// A redirect to another host.
    pub redirect: f64,
    /// A body that never ends.
    pub endless_body: f64,
    /// A write has no effect and responds with `"success": false`.
    pub success_false: f64,
    /// A write stores more tasks than requested.
    pub extra_stored: f64,
    /// A removal is not visible for some seconds.
    pub stale_after_removal: f64,
    /// An item of a batch is `null` and has no effect.
    pub null_item: f64,
    /// An item of a batch is `null` after it took effect.
    pub null_item_after_effect: f64,
    /// The API does not support nested lists.
    pub refused_nesting: f64,
    /// Nested lists are too much data, if the page can have more than two WABAs.
    pub too_much_data: f64,
    /// A page of WABAs has no nested lists.
    pub nothing_nested: f64,
    /// A page has few rows, and a `next`.
    pub short_page: f64,
    /// A page has no rows, and a `next`.
    pub empty_page: f64,
    /// A page has the cursor of the request.
    pub repeated_cursor: f64,
    /// Rows of assignments have no tasks.
    pub rows_without_tasks: f64,
    /// A list of assignments is empty, as for a business that does not match.
    pub empty_list: f64,
}

// The maxima in the three profiles are guesses: high enough that a run of some dozens of calls sees several faults, low
// enough that many runs still complete.
impl Rates {
    /// Faults that retries overcome.
    pub(crate) fn flaky(rng: &mut Rng) -> Self {
        let mut rate = || 0.06 * rng.f64();
        Self {
            html_error: rate(),
            transient_error: rate(),
            closed_before_effect: rate(),
            closed_after_effect: rate(),
            truncated_body: rate(),
            null_item: rate(),
            null_item_after_effect: rate(),
            too_much_data: 4.0 * rate(),
            ..Self::default()
        }
    }

    /// Faults that waiting overcomes.
    pub(crate) fn busy(rng: &mut Rng) -> Self {
        Self {
            throttled_app: 0.03 * rng.f64(),
            throttled_waba: 0.05 * rng.f64(),
            transient_error: 0.03 * rng.f64(),
            ..Self::default()
        }
    }

    /// Incomplete or unusual lists, and writes that store more than requested.
    pub(crate) fn odd(rng: &mut Rng) -> Self {
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
            stale_after_removal: 2.0 * rate(),
            ..Self::default()
        }
    }

    /// A little of everything.
    pub(crate) fn hostile(rng: &mut Rng) -> Self {
        let (flaky, busy, odd) = (Self::flaky(rng), Self::busy(rng), Self::odd(rng));
        Self {
            html_error: flaky.html_error,
            transient_error: flaky.transient_error,
            closed_before_effect: flaky.closed_before_effect,
            closed_after_effect: flaky.closed_after_effect,
            truncated_body: flaky.truncated_body,
            null_item: flaky.null_item,
            null_item_after_effect: flaky.null_item_after_effect,
            throttled_app: busy.throttled_app / 4.0,
            throttled_waba: busy.throttled_waba / 4.0,
            success_false: 0.05 * rng.f64(),
            redirect: 0.004 * rng.f64(),
            endless_body: 0.002 * rng.f64(),
            ..odd
        }
    }

    /// Draws the fault that happens to a call, if any.
    pub(crate) fn draw(&self, rng: &mut Rng, request: &ApiRequest, kind: CallKind) -> Option<FaultKind> {
        let mut point = rng.f64();
        for rule in RULES.iter().filter(|rule| rule.target.includes(request, kind)) {
            let rate = (rule.rate)(self);
            if point < rate {
                return Some((rule.fault)(rng));
            }
            point -= rate;
        }
        None
    }
}

/// The calls that a fault of a script can happen to.
#[derive(Clone, Copy)]
enum Target {
    Any,
    /// A single call or an item of a batch.
    NotBatch,
    /// A single call or a batch.
    HttpRequest,
    BatchItem,
    /// A call that counts towards the limit of a WABA.
    ManagesWaba,
    /// A write of an assignment.
    Write,
    /// A removal of an assignment.
    Removal,
    /// A list.
    List,
    /// A read with nested lists.
    Nested,
    /// A list with nested lists whose pages can have more than two rows.
    LongNested,
    /// A list of assignments, nested or not.
    Assignments,
    /// The first page of a list of assignments.
    FirstAssignments,
}

impl Target {
    fn includes(self, request: &ApiRequest, kind: CallKind) -> bool {
        let manages_waba = request.managed_waba().is_some();
        let is_get = request.method == Method::GET;
        let is_list = is_get && request.path.len() == 2;
        let is_nested = is_get && request.param("fields").is_some_and(|it| it.contains("assigned_users."));
        match self {
            Self::Any => true,
            Self::NotBatch => kind != CallKind::Batch,
            Self::HttpRequest => kind != CallKind::BatchItem,
            Self::BatchItem => kind == CallKind::BatchItem,
            Self::ManagesWaba => manages_waba,
            Self::Write => manages_waba && !is_get,
            Self::Removal => manages_waba && request.method == Method::DELETE,
            Self::List => is_list,
            Self::Nested => is_nested,
            Self::LongNested => is_nested && is_list && !matches!(request.param("limit"), Some("1" | "2")),
            Self::Assignments => manages_waba && is_get || is_nested,
            Self::FirstAssignments => manages_waba && is_get && request.param("after").is_none(),
        }
    }
}

/// A fault of a script.
struct Rule {
    rate: fn(&Rates) -> f64,
    target: Target,
    /// Draws the details of the fault.
    fault: fn(&mut Rng) -> FaultKind,
}

const fn rule(rate: fn(&Rates) -> f64, target: Target, fault: fn(&mut Rng) -> FaultKind) -> Rule {
    Rule { rate, target, fault }
}

/// The faults of a script in the order in which they are considered. A run of a seed depends on the order.
const RULES: [Rule; 22] = [
    rule(|rates| rates.html_error, Target::Any, html_error),
    rule(|rates| rates.transient_error, Target::Any, transient_error),
    rule(|rates| rates.throttled_app, Target::NotBatch, |rng| throttle(rng, false)),
    rule(|rates| rates.throttled_waba, Target::ManagesWaba, |rng| throttle(rng, true)),
    rule(|rates| rates.closed_before_effect, Target::HttpRequest, |_| FaultKind::CloseConnection),
    rule(|rates| rates.closed_after_effect, Target::HttpRequest, |_| FaultKind::CloseAfterEffect),
    rule(|rates| rates.truncated_body, Target::HttpRequest, |_| FaultKind::TruncatedBody),
    rule(|rates| rates.redirect, Target::HttpRequest, redirect),
    rule(|rates| rates.endless_body, Target::HttpRequest, |_| FaultKind::EndlessBody),
    rule(|rates| rates.success_false, Target::Write, |_| FaultKind::SuccessFalse),
    rule(|rates| rates.extra_stored, Target::Write, extra_stored),
    rule(|rates| rates.stale_after_removal, Target::Removal, stale_after_removal),
    rule(|rates| rates.null_item, Target::BatchItem, |_| FaultKind::NullItem),
    rule(|rates| rates.null_item_after_effect, Target::BatchItem, |_| FaultKind::NullItemAfterEffect),
    rule(|rates| rates.refused_nesting, Target::Nested, |_| FaultKind::RefusedNesting),
    rule(|rates| rates.too_much_data, Target::LongNested, |_| FaultKind::TooMuchData),
    rule(|rates| rates.nothing_nested, Target::Nested, |_| FaultKind::NothingNested),
    rule(|rates| rates.short_page, Target::List, |rng| FaultKind::ShortPage(rng.usize(1..4))),
    rule(|rates| rates.empty_page, Target::List, |_| FaultKind::ShortPage(0)),
    rule(|rates| rates.repeated_cursor, Target::List, |_| FaultKind::RepeatedCursor),
    rule(|rates| rates.rows_without_tasks, Target::Assignments, |_| FaultKind::RowsWithoutTasks),
    rule(|rates| rates.empty_list, Target::FirstAssignments, |_| FaultKind::EmptyList),
];
fn html_error(rng: &mut Rng) -> FaultKind {
    FaultKind::HtmlError(if rng.bool() { 500 } else { 502 })
}

fn transient_error(rng: &mut Rng) -> FaultKind {
    let kinds = [(500, 1, false), (400, 1, false), (500, 2, true), (503, 2, false), (400, 99, true)];
    let (status, code, is_transient) = kinds[rng.usize(..kinds.len())];
    let message = format!("(#{code}) An unexpected error has occurred. Please retry your request later.");
    FaultKind::GraphError { status, code, subcode: None, message, is_transient }
}

fn throttle(rng: &mut Rng, waba: bool) -> FaultKind {
    let wait = Duration::from_secs(rng.u32(60..600).into());
    let hints = [WaitHint::None, WaitHint::UsageHeaders, WaitHint::RetryAfter];
    FaultKind::Throttle { waba, wait, hint: hints[rng.usize(..hints.len())] }
}

/// Redirects to a port on which nothing listens.
fn redirect(_: &mut Rng) -> FaultKind {
    FaultKind::Redirect("http://127.0.0.1:1/".to_owned())
}

fn stale_after_removal(rng: &mut Rng) -> FaultKind {
    FaultKind::StaleAfterRemoval(Duration::from_millis(rng.u64(500..6000)))
}

fn extra_stored(rng: &mut Rng) -> FaultKind {
    let extras = [Task::ViewCost, Task::ViewTemplates, Task::ViewInsights];
    FaultKind::ExtraStored([extras[rng.usize(..extras.len())]].into())
}
