//! Reads, parses and checks manifests, without the API.

use super::access_tests::judge_offline;
use super::previous::Previous;
use super::{EngineError, Event, Events};
use crate::diagnostic::{self, Diagnostic};
use crate::manifest::{self, Manifest};
use crate::model::{BusinessId, Earlier, Selection, Sources, TestReport, TestedState};
use crate::store::StateStore;
use crate::{resolve, sources};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What a plan is made for.
#[derive(Debug, Clone, Default)]
pub struct PlanRequest {
    /// When the run began, to the second.
    pub began: Timestamp,
    /// The instant for which grants are in force, if it is not now.
    pub planned_for: Option<Timestamp>,
    /// What the plan is narrowed to.
    pub selection: Selection,
    /// The manifests of the base commit, if there are any: who is declared there and no more is released.
    pub previous: Vec<PathBuf>,
    /// The state, if there is one: its inventory and journal are evidence.
    pub state: Option<StateStore>,
    /// Whether a shared state that cannot be read is an error. It is a warning while nothing is applied.
    pub needs_state: bool,
    /// Whether nobody may gain access.
    pub no_new_access: bool,
    /// The admins whose last assignment on a WABA may be deleted: names or ids; `None` is everybody.
    pub admin_rows: Vec<Option<String>>,
}

impl PlanRequest {
    /// Returns the instant for which grants are in force.
    pub fn now(&self) -> Timestamp {
        self.planned_for.unwrap_or(self.began)
    }
}

/// Manifests without an error that can be found offline, with what to plan for.
#[derive(Debug, Clone)]
pub struct CheckedManifests {
    pub(super) manifest: Manifest,
    pub(super) sources: Sources,
    pub(super) request: PlanRequest,
    /// The manifests of the base commit, or why they cannot be used.
    pub(super) previous: Option<Result<Previous, String>>,
    /// The warnings of reading and parsing.
    pub(super) warnings: Vec<Diagnostic>,
}

impl CheckedManifests {
    /// Returns the business that the manifests are for.
    pub fn business(&self) -> BusinessId {
        self.manifest.business.value
    }

    /// Checks the same texts for another request: what is in force may have changed since.
    ///
    /// # Errors
    ///
    /// As for [`check_paths`].
    pub(super) fn again(&self, request: PlanRequest, events: Events<'_>) -> Result<Self, EngineError> {
        check(&[], self.sources.clone(), Vec::new(), request, events)
    }

    /// Returns whether both are of the same texts.
    pub(super) fn has_texts_of(&self, other: &Self) -> bool {
        self.sources == other.sources
    }

    /// Returns whether they are to be planned for all of their scope.
    pub(super) fn is_of_everything(&self) -> bool {
        !self.request.selection.is_narrowed()
    }

    /// Narrows them to what has expired.
    #[must_use]
    pub(super) fn only_expired(mut self) -> Self {
        self.request.selection.only_expired = true;
        self
    }
}

/// The result of checking manifests offline.
#[derive(Debug)]
pub struct Validation {
    /// The manifest; `None` if it cannot be parsed.
    pub manifest: Option<Manifest>,
    /// Every error and warning.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts that were read.
    pub sources: Sources,
    /// The results of the access tests on what the manifests ask for; `None` without tests, and if there is an error.
    pub tests: Option<TestReport>,
    /// What was found in the business; `None` without the API.
    pub live: Option<LiveNames>,
}

/// What manifests name, as it was found in the business.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveNames {
    /// The number of declared system users that the business has.
    pub users: usize,
    /// The number of WABAs in scope that can be read, discovered ones included.
    pub wabas: usize,
    /// The number of declared system users and WABAs that were not found.
    pub missing: usize,
}

impl Validation {
    /// Returns whether there is no error.
    pub fn is_valid(&self) -> bool {
        self.manifest.is_some() && !self.diagnostics.iter().any(Diagnostic::is_error)
    }
}

/// Reads manifests and reports every error and warning that can be found offline.
pub fn validate(paths: &[PathBuf], now: Timestamp) -> Validation {
    let (sources, diagnostics) = sources::read(paths, &manifest::table_names);
    validate_sources(sources, diagnostics, now)
}

fn validate_sources(sources: Sources, mut diagnostics: Vec<Diagnostic>, now: Timestamp) -> Validation {
    let (manifest, found) = manifest::parse(&sources);
    diagnostics.extend(found);
    if let Some(manifest) = &manifest {
        diagnostics.extend(resolve::check_offline(manifest, now));
        diagnostics.extend(resolve::check_labels(manifest, &Earlier::default()));
    }
    let is_valid = !diagnostics.iter().any(Diagnostic::is_error);
    let tests = manifest.as_ref().filter(|_| is_valid).and_then(|manifest| judge_offline(manifest, now));
    Validation { manifest, diagnostics: diagnostic::bounded(diagnostics), sources, tests, live: None }
}

/// Judges the access tests of manifests on what they ask for. Errors and warnings are events.
///
/// # Errors
///
/// [`EngineError::Manifests`] if there is an error in the manifests.
pub fn test_offline(
    paths: &[PathBuf],
    now: Timestamp,
    events: Events<'_>,
) -> Result<(TestReport, Sources), EngineError> {
    let Validation { diagnostics, sources, tests, .. } = validate(paths, now);
    report(&diagnostics, &sources, events)?;
    let none = || TestReport {
        state: TestedState::Desired,
        results: Vec::new(),
        wabas: BTreeMap::new(),
        users: BTreeMap::new(),
    };
    Ok((tests.unwrap_or_else(none), sources))
}

/// Reads and checks the manifests of a plan. Errors and warnings are events.
///
/// # Errors
///
/// [`EngineError::Manifests`] if there is an error.
pub fn check_paths(
    paths: &[PathBuf],
    request: PlanRequest,
    events: Events<'_>,
) -> Result<CheckedManifests, EngineError> {
    let (sources, diagnostics) = sources::read(paths, &manifest::table_names);
    check(paths, sources, diagnostics, request, events)
}

/// Checks the manifests of a plan that are in memory already.
///
/// # Errors
///
/// As for [`check_paths`].
pub fn check_sources(
    sources: Sources,
    request: PlanRequest,
    events: Events<'_>,
) -> Result<CheckedManifests, EngineError> {
    check(&[], sources, Vec::new(), request, events)
}

/// Checks texts that were read from some paths. `diagnostics` are those of reading.
pub(super) fn check(
    paths: &[PathBuf],
    sources: Sources,
    mut diagnostics: Vec<Diagnostic>,
    request: PlanRequest,
    events: Events<'_>,
) -> Result<CheckedManifests, EngineError> {
    let (manifest, found) = manifest::parse(&sources);
    diagnostics.extend(found);
    let has_errors = |found: &[Diagnostic]| found.iter().any(Diagnostic::is_error);
    let Some(manifest) = manifest.filter(|_| !has_errors(&diagnostics)) else {
        report(&diagnostics, &sources, events)?;
        return Err(EngineError::Manifests(1));
    };
    // Warnings are reported later, with those that need the API.
    let offline = resolve::check_offline(&manifest, request.now());
    if has_errors(&offline) {
        diagnostics.extend(offline);
        report(&diagnostics, &sources, events)?;
    }
    let base = &request.previous;
    let previous = (!base.is_empty()).then(|| Previous::read(base, &manifest, paths, &sources));
    Ok(CheckedManifests { manifest, sources, request, previous, warnings: diagnostics })
}

/// Reports diagnostics, and fails if one is an error.
pub(super) fn report(found: &[Diagnostic], sources: &Sources, events: Events<'_>) -> Result<(), EngineError> {
    let found = &diagnostic::bounded(found.to_vec());
    if !found.is_empty() {
        events(Event::Diagnostics { found, sources });
    }
    match diagnostic::counts(found) {
        (0, _) => Ok(()),
        (errors, _) => Err(EngineError::Manifests(errors)),
    }
}
