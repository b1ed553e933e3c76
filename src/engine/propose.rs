//! From checked manifests to a proposal.

use super::event::StageGuard;
use super::manifests::report;
use super::session::reading_directory;
use super::{CheckedManifests, EngineError, Events, Session, Stage};
use crate::digest::manifest_digest;
use crate::graph::{DirectoryRequest, ObserveRequest, PrefetchedAssignments};
use crate::manifest::Manifest;
use crate::model::{
    Desired, Directory, LiveAccess, Name, Observed, Plan, ScopeForecast, Shared, UserId, WabaId,
};
use crate::proposal::Proposal;
use crate::resolve::{self, Resolved};
use crate::{drift, plan};
use jiff::Timestamp;
use std::collections::BTreeMap;

impl Session {
    /// Reads the live state and plans.
    ///
    /// # Errors
    ///
    /// If the manifests contradict the live directory, nothing is selected, or the API cannot be read.
    pub async fn propose(
        &self,
        checked: CheckedManifests,
        events: Events<'_>,
    ) -> Result<(Proposal, Directory), EngineError> {
        let CheckedManifests { manifest, sources, request } = checked;
        let forecast = resolve::forecast(&manifest, request.waba.as_ref());
        let (directory, prefetched) = self.read_directory(&manifest, &forecast, events).await?;
        let (resolved, diagnostics) =
            resolve::resolve(&manifest, &directory, self.acting_user(), request.day);
        report(&diagnostics, &sources, events)?;
        let Resolved { mut desired, policy } = resolved.ok_or(EngineError::Manifests(1))?;
        let manifest_digest = manifest_digest(&desired, &policy);
        if let Some(glob) = &request.waba
            && !resolve::narrow(&mut desired, glob)
        {
            return Err(EngineError::NothingSelected(Name::from(glob.as_str())));
        }
        let observed = self.observe(&desired, &directory, prefetched, events).await?;
        tracing::info!(
            wabas = desired.scope.wabas.len(),
            unreadable = observed.unreadable.len(),
            "the live state is read"
        );
        let plan = plan::plan(&desired, &observed);
        let proposal = Proposal {
            made: self.now(),
            manifest_digest,
            sources,
            acting_user_name: acting_user_name(&plan, &directory),
            plan,
            ending: drift::ending(&desired),
            access: LiveAccess::of(&desired, observed),
            policy,
        };
        Ok((proposal, directory))
    }

    /// Returns the time to the second. That is what a reader of a plan needs, and what the schema shows.
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.clock().now().as_second()).unwrap_or_default()
    }

    /// Reads the directory, and with it the assignments on the WABAs that will be in scope.
    async fn read_directory(
        &self,
        manifest: &Manifest,
        forecast: &ScopeForecast<'_>,
        events: Events<'_>,
    ) -> Result<(Directory, PrefetchedAssignments), EngineError> {
        let business = manifest.business.value;
        let request = DirectoryRequest {
            solutions_of: solutions_of(manifest),
            declared: manifest.wabas.values().map(|waba| waba.id.value).collect(),
            ..self.directory_request(business)
        };
        let stage = StageGuard::start(Stage::ReadingWabas, forecast.declared().len(), events);
        let read = self.reader.prefetch(&request, forecast, &|read| stage.advance(read)).await;
        read.map_err(EngineError::graph(reading_directory(business)))
    }

    async fn observe(
        &self,
        desired: &Desired,
        directory: &Directory,
        prefetched: PrefetchedAssignments,
        events: Events<'_>,
    ) -> Result<Observed, EngineError> {
        let wabas: Vec<WabaId> = desired.scope.wabas.keys().copied().collect();
        let expected = expected_holders(desired);
        let request = ObserveRequest { directory, wabas: &wabas, expected: &expected };
        let stage = StageGuard::start(Stage::CheckingWabas, wabas.len(), events);
        let observed = self.reader.observe(&request, prefetched, &|read| stage.advance(read)).await;
        observed.map_err(EngineError::graph("reading the assignments"))
    }
}

/// Returns the live name of the acting user, if it is a system user of the business.
pub(super) fn acting_user_name(plan: &Plan, directory: &Directory) -> Option<Name> {
    let user = plan.acting_user.and_then(|user| directory.system_users.get(&user))?;
    Some(user.name.clone())
}

/// Returns the WABAs whose solution has to be read to check what the manifest says about them.
fn solutions_of(manifest: &Manifest) -> Vec<WabaId> {
    let by_solution = |shared: Shared| match shared {
        Shared::SolutionWithMessaging | Shared::SolutionWithoutMessaging => true,
        Shared::Owned | Shared::Admin | Shared::Standard => false,
    };
    let wabas = manifest.wabas.values().filter(|waba| by_solution(waba.shared.value));
    wabas.map(|waba| waba.id.value).collect()
}

/// Returns the users that should be on each WABA's list. Users with access by their role may not be listed.
fn expected_holders(desired: &Desired) -> BTreeMap<WabaId, Vec<UserId>> {
    let mut expected: BTreeMap<WabaId, Vec<UserId>> = BTreeMap::new();
    for (key, _) in desired.state.iter() {
        if !desired.scope.users.get(&key.user).is_some_and(|user| user.by_role) {
            expected.entry(key.waba).or_default().push(key.user);
        }
    }
    expected
}
