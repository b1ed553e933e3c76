//! Faults: what the emulator does wrong when a test tells it to, and when.

use super::api::Scene;
use super::refusal::Refusal;
use crate::model::TaskSet;
use axum::http::Method;
use serde_json::{Map, Value, json};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// One way to misbehave, and the requests that it happens to.
///
/// A batch and each of its items count as requests, as far as the fault can happen to them.
///
/// ```
/// use wabacl::emulator::{Fault, FaultKind};
///
/// // The second read of a list of assigned users finds a proxy's error page.
/// Fault::new(FaultKind::HtmlError(502)).on("GET").at("/assigned_users").hits(1..2);
/// ```
#[derive(Debug, Clone)]
pub struct Fault {
    what: FaultKind,
    method: Option<&'static str>,
    suffix: Option<String>,
    hits: Range<usize>,
}

impl Fault {
    /// Makes a fault that happens to every request.
    pub fn new(what: FaultKind) -> Self {
        Self { what, method: None, suffix: None, hits: 0..usize::MAX }
    }

    /// Confines it to a method, in capitals.
    #[must_use]
    pub fn on(mut self, method: &'static str) -> Self {
        self.method = Some(method);
        self
    }

    /// Confines it to paths that end like this (`/102290129340398/assigned_users`).
    #[must_use]
    pub fn at(mut self, suffix: impl Into<String>) -> Self {
        self.suffix = Some(suffix.into());
        self
    }

    /// Confines it to some of the requests that it would happen to, counted from 0.
    #[must_use]
    pub fn hits(mut self, hits: Range<usize>) -> Self {
        self.hits = hits;
        self
    }

    fn fits(&self, method: &Method, path: &str, place: Place) -> bool {
        self.what.can_happen(place)
            && self.method.is_none_or(|wanted| method.as_str() == wanted)
            && self.suffix.as_deref().is_none_or(|suffix| path.ends_with(suffix))
    }
}

/// A way to misbehave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// An HTML page with this status, as a proxy would send; the request has no effect.
    HtmlError(u16),
    /// An error of the API; the request has no effect.
    GraphError {
        /// The HTTP status.
        status: u16,
        /// Its `code`.
        code: u32,
        /// Its `error_subcode`.
        subcode: Option<u32>,
        /// Its `message`.
        message: String,
        /// Its `is_transient`.
        is_transient: bool,
    },
    /// The body breaks off half-way; the request has its effect.
    TruncatedBody,
    /// The connection closes without an answer, and the request has no effect; an item of a batch is `null`.
    CloseConnection,
    /// The connection closes without an answer, and the request has its effect; an item of a batch is `null`.
    CloseAfterEffect,
    /// An item of a batch is `null`, and has no effect. It happens to nothing else.
    NullItem,
    /// An item of a batch is `null`, and has its effect. It happens to nothing else.
    NullItemAfterEffect,
    /// The calls are too many, whatever their number: from now on all are refused, for so long.
    Throttle {
        /// Whether it is the WABA of the call that is throttled (80008), not the app (4). Where the call manages
        /// no WABA it is the app all the same.
        waba: bool,
        /// For how long, on the emulator's clock.
        wait: Duration,
        /// Which headers tell for how long.
        told: WaitTold,
    },
    /// The API knows no `assigned_users` in a list of WABAs.
    RefusedNesting,
    /// Nested lists are more data than the API likes, however few they are.
    TooMuchData,
    /// A page has so many rows at most, and a `next` where there are more; with 0 it is empty.
    ShortPage(usize),
    /// HTTP 200 with `"success": false`, and no effect.
    SuccessFalse,
    /// A list whose page has the cursor that the request came with, and a `next`.
    RepeatedCursor,
    /// A list whose rows lack `tasks`, or the nested ones do.
    RowsWithoutTasks,
    /// A list with nothing on it.
    EmptyList,
    /// A list of WABAs with no assignments nested in it.
    NothingNested,
    /// A redirect to this address; the request has no effect.
    Redirect(String),
    /// A body that never ends; the request has no effect.
    EndlessBody,
    /// A write stores these tasks besides those that it was asked to.
    ExtraStored(TaskSet),
    /// A write says that it succeeded, and has no effect.
    Ignored,
}

/// How whoever is throttled is told for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitTold {
    /// Not at all: no header says anything.
    Nowhere,
    /// By the usage headers of a WABA, in minutes; those of an app tell the share that is used, and no more.
    InUsage,
    /// By `Retry-After` and no other header, in seconds.
    InRetryAfter,
}

/// What a fault can happen to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A request with one call.
    Request,
    /// A request with many.
    Batch,
    /// One of those.
    Item,
}

/// What a fault does instead of answering.
pub(super) enum Instead {
    Html(u16),
    Refuse(Refusal),
    Tell(Value),
    Close,
    Redirect(String),
    Endless,
    Throttle { waba: bool, wait: Duration, told: WaitTold },
}

impl FaultKind {
    /// Returns whether this can happen there.
    pub(super) fn can_happen(&self, place: Place) -> bool {
        match self {
            Self::HtmlError(_)
            | Self::GraphError { .. }
            | Self::TruncatedBody
            | Self::CloseConnection
            | Self::CloseAfterEffect
            | Self::Redirect(_) => true,
            Self::EndlessBody => place != Place::Item,
            Self::NullItem | Self::NullItemAfterEffect => place == Place::Item,
            Self::Throttle { .. }
            | Self::RefusedNesting
            | Self::TooMuchData
            | Self::ShortPage(_)
            | Self::SuccessFalse
            | Self::RepeatedCursor
            | Self::RowsWithoutTasks
            | Self::EmptyList
            | Self::NothingNested
            | Self::ExtraStored(_)
            | Self::Ignored => place != Place::Batch,
        }
    }

    /// Returns what happens in place of the request, for faults that leave it without effect.
    pub(super) fn instead(&self) -> Option<Instead> {
        match self {
            Self::HtmlError(status) => Some(Instead::Html(*status)),
            Self::GraphError { status, code, subcode, message, is_transient } => {
                Some(Instead::Refuse(Refusal {
                    status: *status,
                    code: *code,
                    subcode: *subcode,
                    message: message.clone(),
                    is_transient: *is_transient,
                }))
            }
            Self::CloseConnection | Self::NullItem => Some(Instead::Close),
            Self::SuccessFalse => Some(Instead::Tell(json!({ "success": false }))),
            Self::Ignored => Some(Instead::Tell(json!({ "success": true }))),
            Self::Redirect(to) => Some(Instead::Redirect(to.clone())),
            Self::EndlessBody => Some(Instead::Endless),
            Self::Throttle { waba, wait, told } => {
                Some(Instead::Throttle { waba: *waba, wait: *wait, told: *told })
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
            | Self::NothingNested
            | Self::ExtraStored(_) => None,
        }
    }

    /// Changes what a request meets, for faults that do.
    pub(super) fn set(&self, scene: &mut Scene<'_>) {
        if let Self::ShortPage(rows) = self {
            scene.cap = *rows;
        }
        scene.nesting &= *self != Self::RefusedNesting;
        if *self == Self::TooMuchData {
            scene.most_rows = 0;
        }
    }

    /// Spoils an answer, for faults that change what it says; `after` is the cursor of the request.
    pub(super) fn spoil(&self, answer: &mut Value, after: Option<&str>) {
        if *self == Self::EmptyList {
            *answer = json!({ "data": [] });
        } else if *self == Self::RepeatedCursor {
            let cursor =
                after.or(answer["paging"]["cursors"]["after"].as_str()).unwrap_or("again").to_owned();
            answer["paging"] = json!({ "cursors": { "after": cursor }, "next": "http://localhost/again" });
        } else if let Some(rows) = answer.get_mut("data").and_then(Value::as_array_mut) {
            rows.iter_mut().filter_map(Value::as_object_mut).for_each(|row| self.spoil_row(row));
        }
    }

    fn spoil_row(&self, row: &mut Map<String, Value>) {
        if *self == Self::NothingNested {
            row.remove("assigned_users");
        } else if *self == Self::RowsWithoutTasks {
            row.remove("tasks");
            if let Some(nested) = row.get_mut("assigned_users") {
                self.spoil(nested, None);
            }
        }
    }

    /// Returns whether the answer is lost after the request had its effect.
    pub(super) fn loses_the_answer(&self) -> bool {
        matches!(self, Self::CloseAfterEffect | Self::NullItemAfterEffect)
    }

    /// Returns what a write stores besides what it was asked to.
    pub(super) fn extra(&self) -> Option<&TaskSet> {
        if let Self::ExtraStored(tasks) = self { Some(tasks) } else { None }
    }
}

/// The faults of a run, each with the number of requests that it fitted so far.
pub(super) struct Faults(Vec<(Fault, AtomicUsize)>);

impl Faults {
    pub(super) fn new(faults: Vec<Fault>) -> Self {
        Self(faults.into_iter().map(|fault| (fault, AtomicUsize::new(0))).collect())
    }

    /// Counts a request and gives the first fault that happens to it.
    pub(super) fn strike(&self, method: &Method, path: &str, place: Place) -> Option<&FaultKind> {
        let fitting = self.0.iter().filter(|(fault, _)| fault.fits(method, path, place));
        let struck = fitting.filter(|(fault, count)| {
            let hit = count.fetch_add(1, Ordering::Relaxed);
            fault.hits.contains(&hit)
        });
        // Every fitting fault counts the request, also behind the one that is taken.
        struck.map(|(fault, _)| &fault.what).fold(None, |first, next| first.or(Some(next)))
    }
}
