//! Faults that a test writes down: the requests that a fault happens to, and its effects.

use super::limits::WaitHint;
use crate::emulator::api::{Context, Rejection};
use crate::model::TaskSet;
use axum::http::Method;
use serde_json::{Map, Value, json};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A fault, and the requests that it happens to.
///
/// A batch counts as a request, and so does each of its items, as far as the fault can happen to them.
///
/// ```
/// use wabacl::emulator::{Fault, FaultKind};
///
/// // The second read of a list of assigned users gets an error page from a proxy.
/// Fault::new(FaultKind::HtmlError(502)).on("GET").at("/assigned_users").hits(1..2);
/// ```
#[derive(Debug, Clone)]
pub struct Fault {
    kind: FaultKind,
    method: Option<&'static str>,
    suffix: Option<String>,
    hits: Range<usize>,
}

impl Fault {
    /// Makes a fault that happens to every request.
    pub fn new(kind: FaultKind) -> Self {
        Self { kind, method: None, suffix: None, hits: 0..usize::MAX }
    }

    /// Limits the fault to a method, in capitals.
    #[must_use]
    pub fn on(mut self, method: &'static str) -> Self {
        self.method = Some(method);
        self
    }

    /// Limits the fault to paths with this suffix (`/102290129340398/assigned_users`).
    #[must_use]
    pub fn at(mut self, suffix: impl Into<String>) -> Self {
        self.suffix = Some(suffix.into());
        self
    }

    /// Limits the fault to some of the matching requests, counted from 0.
    #[must_use]
    pub fn hits(mut self, hits: Range<usize>) -> Self {
        self.hits = hits;
        self
    }

    fn matches(&self, method: &Method, path: &str, call: CallKind) -> bool {
        self.kind.can_happen_to(call)
            && self.method.is_none_or(|wanted| method.as_str() == wanted)
            && self.suffix.as_deref().is_none_or(|suffix| path.ends_with(suffix))
    }
}

/// The kind of a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// An HTML page with this status, as a proxy sends it. The request has no effect.
    HtmlError(u16),
    /// An error of the API. The request has no effect.
    GraphError {
        /// The HTTP status.
        status: u16,
        /// The field `code`.
        code: u32,
        /// The field `error_subcode`.
        subcode: Option<u32>,
        /// The field `message`.
        message: String,
        /// The field `is_transient`.
        is_transient: bool,
    },
    /// The body ends half-way. The request takes effect.
    TruncatedBody,
    /// The connection closes without a response, and an item of a batch is `null`. The request has no effect.
    CloseConnection,
    /// The connection closes without a response, and an item of a batch is `null`. The request takes effect.
    CloseAfterEffect,
    /// An item of a batch is `null` and has no effect. Happens to items only.
    NullItem,
    /// An item of a batch is `null` and takes effect. Happens to items only.
    NullItemAfterEffect,
    /// Throttling, whatever the limits are. It refuses this call and all that follow.
    Throttle {
        /// Whether the WABA of the call is throttled (code 80008) rather than the app (code 4). A call that manages no
        /// WABA throttles the app in either case.
        waba: bool,
        /// The duration on the emulator's clock.
        wait: Duration,
        /// How responses announce it.
        hint: WaitHint,
    },
    /// The API does not support `assigned_users` in a list of WABAs.
    RefusedNesting,
    /// The API refuses nested lists as too much data, whatever their size.
    TooMuchData,
    /// A page has at most this number of rows, and `next` if there are more. With 0 it is empty.
    ShortPage(usize),
    /// HTTP 200 with `"success": false`. The write has no effect.
    SuccessFalse,
    /// A page has a `next` and the cursor of the request.
    RepeatedCursor,
    /// The rows of a list, or of the nested lists, have no `tasks`.
    RowsWithoutTasks,
    /// A list has no rows.
    EmptyList,
    /// The first row of a list has another value in a field.
    OddField {
        /// The field.
        field: String,
        /// The value.
        value: Value,
    },
    /// A list has its first row twice.
    RepeatedRow,
    /// A list of WABAs has no nested assignments.
    NothingNested,
    /// A redirect to this URL. The request has no effect.
    Redirect(String),
    /// A body that never ends. The request has no effect.
    EndlessBody,
    /// A write stores these tasks in addition to the requested ones.
    ExtraStored(TaskSet),
    /// A write stores these tasks instead of the requested ones.
    StoredInstead(TaskSet),
    /// A write reports success and has no effect.
    Ignored,
    /// A removal takes effect, and lists show the removed assignment for this long.
    StaleAfterRemoval(Duration),
}

/// How a call arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallKind {
    /// As an HTTP request of its own.
    Single,
    /// As a batch, considered as a whole.
    Batch,
    /// As an item of a batch.
    BatchItem,
}

/// The response that a fault puts in place of the API's.
pub(crate) enum Replacement {
    Html(u16),
    Reject(Rejection),
    Body(Value),
    Close,
    Redirect(String),
    EndlessBody,
    Throttle { waba: bool, wait: Duration, hint: WaitHint },
}

impl FaultKind {
    /// Returns whether the fault can happen to such a call.
    pub(crate) fn can_happen_to(&self, call: CallKind) -> bool {
        match self {
            Self::HtmlError(_)
            | Self::GraphError { .. }
            | Self::TruncatedBody
            | Self::CloseConnection
            | Self::CloseAfterEffect
            | Self::Redirect(_) => true,
            Self::EndlessBody => call != CallKind::BatchItem,
            Self::NullItem | Self::NullItemAfterEffect => call == CallKind::BatchItem,
            Self::Throttle { .. }
            | Self::RefusedNesting
            | Self::TooMuchData
            | Self::ShortPage(_)
            | Self::SuccessFalse
            | Self::RepeatedCursor
            | Self::RowsWithoutTasks
            | Self::EmptyList
            | Self::OddField { .. }
            | Self::RepeatedRow
            | Self::NothingNested
            | Self::ExtraStored(_)
            | Self::StoredInstead(_)
            | Self::Ignored
            | Self::StaleAfterRemoval(_) => call != CallKind::Batch,
        }
    }

    /// Returns the response of a fault that leaves the request without effect, and `None` for the other faults.
    pub(crate) fn replacement(&self) -> Option<Replacement> {
        match self {
            Self::HtmlError(status) => Some(Replacement::Html(*status)),
            Self::GraphError { status, code, subcode, message, is_transient } => {
                Some(Replacement::Reject(Rejection {
                    status: *status,
                    code: *code,
                    subcode: *subcode,
                    message: message.clone(),
                    is_transient: *is_transient,
                }))
            }
            Self::CloseConnection | Self::NullItem => Some(Replacement::Close),
            Self::SuccessFalse => Some(Replacement::Body(json!({ "success": false }))),
            Self::Ignored => Some(Replacement::Body(json!({ "success": true }))),
            Self::Redirect(url) => Some(Replacement::Redirect(url.clone())),
            Self::EndlessBody => Some(Replacement::EndlessBody),
            Self::Throttle { waba, wait, hint } => {
                Some(Replacement::Throttle { waba: *waba, wait: *wait, hint: *hint })
            }
            Self::TruncatedBody
            | Self::CloseAfterEffect
            | Self::NullItemAfterEffect
            | Self::RefusedNesting
            | Self::TooMuchData
            | Self::ShortPage(_)
            | Self::RepeatedCursor
            | Self::RowsWithoutTasks
            | Self::EmptyList
            | Self::OddField { .. }
            | Self::RepeatedRow
            | Self::NothingNested
            | Self::ExtraStored(_)
            | Self::StoredInstead(_)
            | Self::StaleAfterRemoval(_) => None,
        }
    }

    /// Restricts what the API permits, for faults that do.
    pub(crate) fn restrict(&self, context: &mut Context<'_>) {
        if let Self::ShortPage(rows) = self {
            context.max_page_rows = *rows;
        }
        context.nesting &= *self != Self::RefusedNesting;
        if *self == Self::TooMuchData {
            context.max_rows = 0;
        }
    }

    /// Distorts a response body, for faults that do. `after` is the cursor of the request.
    pub(crate) fn distort(&self, body: &mut Value, after: Option<&str>) {
        if *self == Self::EmptyList {
            *body = json!({ "data": [] });
        } else if *self == Self::RepeatedCursor {
            let cursor = after.or(body["paging"]["cursors"]["after"].as_str()).unwrap_or("again").to_owned();
            body["paging"] = json!({ "cursors": { "after": cursor }, "next": "http://localhost/again" });
        } else if let Some(rows) = body.get_mut("data").and_then(Value::as_array_mut) {
            if let (Self::RepeatedRow, Some(first)) = (self, rows.first().cloned()) {
                rows.push(first);
            }
            if let (Self::OddField { field, value }, Some(first)) = (self, rows.first_mut()) {
                first[field] = value.clone();
            }
            rows.iter_mut().filter_map(Value::as_object_mut).for_each(|row| self.distort_row(row));
        }
    }

    fn distort_row(&self, row: &mut Map<String, Value>) {
        if *self == Self::NothingNested {
            row.remove("assigned_users");
        } else if *self == Self::RowsWithoutTasks {
            row.remove("tasks");
            if let Some(nested) = row.get_mut("assigned_users") {
                self.distort(nested, None);
            }
        }
    }

    /// Returns whether the response is lost after the request took effect.
    pub(crate) fn loses_response(&self) -> bool {
        matches!(self, Self::CloseAfterEffect | Self::NullItemAfterEffect)
    }

    /// Returns the tasks that a write stores where these were requested.
    pub(crate) fn stored(&self, requested: TaskSet) -> TaskSet {
        if requested.is_empty() {
            return requested;
        }
        if let Self::ExtraStored(extra) = self {
            requested.union(extra)
        } else if let Self::StoredInstead(other) = self {
            other.clone()
        } else {
            requested
        }
    }

    /// Returns how long lists show a removed assignment.
    pub(crate) fn stale_for(&self) -> Option<Duration> {
        if let Self::StaleAfterRemoval(duration) = self { Some(*duration) } else { None }
    }
}

/// The faults of a run, each with the number of matching requests so far.
pub(crate) struct FaultList(Vec<(Fault, AtomicUsize)>);

impl FaultList {
    pub(crate) fn new(faults: Vec<Fault>) -> Self {
        Self(faults.into_iter().map(|fault| (fault, AtomicUsize::new(0))).collect())
    }

    /// Counts a request, and returns the first fault that happens to it.
    pub(crate) fn next_for(&self, method: &Method, path: &str, call: CallKind) -> Option<&FaultKind> {
        let mut first = None;
        // Every matching fault counts the request, including those after the one that is returned.
        for (fault, count) in self.0.iter().filter(|(fault, _)| fault.matches(method, path, call)) {
            let hit = count.fetch_add(1, Ordering::Relaxed);
            if fault.hits.contains(&hit) {
                first = first.or(Some(&fault.kind));
            }
        }
        first
    }
}
