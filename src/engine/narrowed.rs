//! Reads only what a selection needs.
//!
//! What the selected users hold is read from their own lists, so that only the WABAs on which it differs from the manifests
//! are read. Lists of WABAs are read only for rules that discover WABAs, and for the permitted tasks of shared ones.

use super::event::StageGuard;
use super::manifests::report;
use super::propose::{Reading, solutions_of};
use super::session::reading_directory;
use super::{EngineError, Events, Session, Stage};
use crate::diagnostic::Diagnostic;
use crate::graph::DirectoryRequest;
use crate::manifest::{DiscoverFrom, Manifest};
use crate::model::{
    AssignmentKey, Desired, Directory, Edge, ScopeForecast, Selected, Selection, Shared, Sources, TaskSet,
    UserId, WabaId,
};
use crate::resolve::{self, Circumstances, Resolved};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What is planned of a narrowed scope.
pub(super) struct Narrowed {
    /// The selected users, and the WABAs that are read.
    pub(super) selected: Selected,
    /// The selected assignments on other WABAs. They are as desired.
    pub(super) unchanged: usize,
}

impl Session {
    /// Reads the system users, and what the selection needs of the WABAs.
    pub(super) async fn read_selected(
        &self,
        manifest: &Manifest,
        selection: &Selection,
        circumstances: Circumstances<'_>,
        sources: &Sources,
        events: Events<'_>,
    ) -> Result<Reading, EngineError> {
        let business = manifest.business.value;
        let failed = || EngineError::graph(reading_directory(business));
        let by_id: Vec<WabaId> = selection.ids.iter().copied().collect();
        let lists = if by_id.is_empty() { discovering(manifest) } else { Vec::new() };
        let request = DirectoryRequest { lists: lists.clone(), by_id, ..self.directory_request(business) };
        let directory = self.reader.directory(&request).await.map_err(failed())?;
        let (resolved, diagnostics) = resolve::resolve(manifest, &directory, circumstances);
        // Warnings are reported later, with those that need the WABAs.
        if diagnostics.iter().any(Diagnostic::is_error) {
            report(&diagnostics, sources, events)?;
        }
        let Resolved { desired, policy } = resolved.ok_or(EngineError::Manifests(1))?;
        let selected =
            resolve::select(selection, &desired, &policy.names).map_err(EngineError::NothingSelected)?;
        let (wabas, unchanged) = match &selected.users {
            Some(users) => self.differing(&desired, &directory, users, &selected.wabas).await?,
            None => (selected.wabas, 0),
        };
        let narrowed = Narrowed { selected: Selected { wabas, users: selected.users }, unchanged };
        let reads_lists = selection.ids.is_empty();
        self.read_wabas(manifest, &desired, directory, (lists, reads_lists), narrowed, events).await
    }

    /// Returns the WABAs on which users hold something else than the manifests ask for by the users' own lists, and the number
    /// of their assignments elsewhere. If one of the lists cannot be read, that is all WABAs.
    async fn differing(
        &self,
        desired: &Desired,
        directory: &Directory,
        users: &BTreeSet<UserId>,
        wabas: &BTreeSet<WabaId>,
    ) -> Result<(BTreeSet<WabaId>, usize), EngineError> {
        let known = users.iter().filter(|user| directory.system_users.contains_key(user)).copied();
        let sides = self.reader.user_sides(known.collect()).await;
        let sides = sides.map_err(EngineError::graph("reading the assignments of the selected users"))?;
        let mut as_desired: BTreeMap<WabaId, usize> = wabas.iter().map(|waba| (*waba, 0)).collect();
        for user in users {
            let Some(Ok(side)) = sides.get(user) else {
                tracing::info!("the list of user {user} cannot be read, so all selected WABAs are read");
                return Ok((wabas.clone(), 0));
            };
            let by_role = desired.scope.users.get(user).is_some_and(|user| user.by_role);
            as_desired.retain(|waba, held| {
                let wanted = desired.state.get(AssignmentKey { waba: *waba, user: *user });
                let wanted = wanted.unwrap_or(&TaskSet::EMPTY);
                match side.get(waba) {
                    // An admin may not be listed, so that it is not proves nothing.
                    None => wanted.is_empty() || by_role,
                    Some((_, live)) => {
                        *held += 1;
                        live.as_ref().is_some_and(|live| desired.implied.same(live, wanted))
                    }
                }
            });
        }
        let differing = wabas.iter().filter(|waba| !as_desired.contains_key(waba)).copied().collect();
        Ok((differing, as_desired.values().sum()))
    }

    /// Reads the WABAs that are planned: one by one, unless they are most of the scope. Then the lists take fewer calls.
    async fn read_wabas(
        &self,
        manifest: &Manifest,
        desired: &Desired,
        known: Directory,
        (known_lists, reads_lists): (Vec<Edge>, bool),
        narrowed: Narrowed,
        events: Events<'_>,
    ) -> Result<Reading, EngineError> {
        let wabas = &narrowed.selected.wabas;
        let forecast = ScopeForecast::of(wabas.iter().copied());
        let request = DirectoryRequest {
            declared: wabas.iter().copied().collect(),
            solutions_of: solutions_of(manifest).filter(|waba| wabas.contains(waba)).collect(),
            ..self.directory_request(known.business)
        };
        let failed = EngineError::graph(reading_directory(known.business));
        let stage = StageGuard::start(Stage::ReadingWabas, wabas.len(), events);
        let progress = |read| stage.advance(read);
        let read = if reads_lists && wabas.len() * 2 > desired.scope.wabas.len() {
            let read = self.reader.prefetch(&request, &forecast, &progress).await;
            read.map(|found| (found, true))
        } else {
            let lists = if reads_lists { missing_lists(desired, wabas, &known_lists) } else { Vec::new() };
            let has_lists = known_lists.len() + lists.len() == 2;
            let (request, forecast) = (DirectoryRequest { lists, ..request }, forecast.narrowed());
            let read = self.reader.extend(known, &request, &forecast, Duration::ZERO, &progress).await;
            read.map(|found| (found, has_lists))
        };
        let ((directory, prefetched), has_lists) = read.map_err(failed)?;
        drop(stage);
        Ok(Reading { directory, prefetched, has_lists, narrowed: Some(narrowed) })
    }
}

/// Returns the lists that are still needed: that of shared WABAs, which has the permitted tasks, if one of them is planned.
fn missing_lists(desired: &Desired, wabas: &BTreeSet<WabaId>, known: &[Edge]) -> Vec<Edge> {
    let shared = |waba: &WabaId| desired.scope.wabas.get(waba).and_then(|waba| waba.shared);
    let is_shared = |waba: &WabaId| shared(waba).is_some_and(|shared| shared != Shared::Owned);
    let is_missing = !known.contains(&Edge::Client) && wabas.iter().any(is_shared);
    is_missing.then_some(Edge::Client).into_iter().collect()
}

/// Returns the lists on which rules discover WABAs.
fn discovering(manifest: &Manifest) -> Vec<Edge> {
    let edge = |from| match from {
        DiscoverFrom::Owned => Edge::Owned,
        DiscoverFrom::Client => Edge::Client,
    };
    manifest.discover.iter().map(|rule| edge(rule.from)).collect::<BTreeSet<_>>().into_iter().collect()
}
