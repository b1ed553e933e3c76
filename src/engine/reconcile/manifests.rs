//! The manifests of each round: those that are there now, or the last good ones while these are broken.

use super::log::RoundLog;
use super::{Finding, Problem};
use crate::clock::Clock;
use crate::engine::manifests::check;
use crate::engine::{CheckedManifests, EngineError, PlanRequest};
use crate::manifest;
use crate::sources;
use crate::store::JournalError;
use jiff::Timestamp;
use std::path::PathBuf;

/// Manifests that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Since when, as far as rounds have seen it.
    pub since: Timestamp,
    /// The errors in them.
    pub errors: Vec<Finding>,
    /// Why they cannot be used, if that is no error at a place in them.
    pub problem: Option<Problem>,
    /// Whether the round before did not find the same.
    pub is_news: bool,
}

/// The manifests of a reconciler.
#[derive(Debug)]
pub(super) struct Manifests {
    paths: Vec<PathBuf>,
    /// The last ones from which a plan was made.
    good: Option<CheckedManifests>,
    /// Why those that are there now cannot be used.
    broken: Option<Broken>,
}

impl Manifests {
    pub(super) fn new(paths: Vec<PathBuf>) -> Self {
        Self { paths, good: None, broken: None }
    }

    /// Reads the manifests that are there now. If they have errors, returns the last good ones; `None` without these. Also
    /// returns whether they are those that are there now.
    pub(super) async fn read(
        &mut self,
        request: &PlanRequest,
        clock: &Clock,
        log: &RoundLog,
    ) -> Result<Option<(CheckedManifests, bool)>, EngineError> {
        let paths = self.paths.clone();
        let read = clock.off_thread(move || sources::read(&paths, &manifest::table_names)).await;
        let (sources, diagnostics) =
            read.map_err(|_| EngineError::store("reading the manifests")(JournalError::Ended))?;
        let events = &|event: crate::engine::Event<'_>| log.note(&event);
        match check(&self.paths, sources, diagnostics, request.clone(), events) {
            Ok(checked) => Ok(Some((checked, true))),
            Err(error) => self.earlier(&error, request, log),
        }
    }

    /// Notes that the manifests that are there now cannot be used, and returns the last good ones.
    pub(super) fn earlier(
        &mut self,
        error: &EngineError,
        request: &PlanRequest,
        log: &RoundLog,
    ) -> Result<Option<(CheckedManifests, bool)>, EngineError> {
        let errors = log.take_errors();
        // The errors say it all; without any, the error does.
        let problem = errors.is_empty().then(|| Problem::of(error));
        let before = self.broken.as_ref();
        let since = before.map_or(request.began, |broken| broken.since);
        let is_news = before.is_none_or(|broken| broken.errors != errors || broken.problem != problem);
        self.broken = Some(Broken { since, errors, problem, is_news });
        let Some(good) = &self.good else { return Ok(None) };
        // They were good, but what is in force changes with time.
        let ignored = &|_: crate::engine::Event<'_>| ();
        good.again(request.clone(), ignored).map(|good| Some((good, false)))
    }

    /// Returns whether manifests other than these are the last good ones.
    pub(super) fn has_others(&self, than: &CheckedManifests) -> bool {
        self.good.as_ref().is_some_and(|good| !good.has_texts_of(than))
    }

    /// Notes that a plan was made from manifests. Unless those that are there now are broken, they are these.
    pub(super) fn keep(&mut self, checked: CheckedManifests, are_current: bool) {
        if are_current {
            self.broken = None;
        }
        self.good = Some(checked);
    }

    /// Returns why the manifests that are there now cannot be used, if they cannot.
    pub(super) fn broken(&self) -> Option<&Broken> {
        self.broken.as_ref()
    }
}

/// Returns whether an error is about what the manifests say, and not about the API or the state.
pub(super) fn is_about_manifests(error: &EngineError) -> bool {
    matches!(error, EngineError::Manifests(_) | EngineError::PartOfSet { .. })
}
