//! Reads the whole estate of a business.

use super::event::StageGuard;
use super::session::reading_directory;
use super::{EngineError, Events, Session, Stage};
use crate::graph::{DirectoryRequest, ObserveRequest};
use crate::model::{
    AdminRole, BusinessId, Directory, Edge, Estate, Name, Observed, ScopeForecast, Unreadable, UserId, WabaId,
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

impl Session {
    /// Reads everything that the API reports of a business: system users, both lists of WABAs, all access on them, and the
    /// solutions through which WABAs are shared.
    ///
    /// What cannot be read of one WABA is in the result, with the reason.
    ///
    /// # Errors
    ///
    /// If one of the lists of system users and WABAs cannot be read.
    pub async fn estate(&self, business: BusinessId, events: Events<'_>) -> Result<Estate, EngineError> {
        self.estate_with(business, &[], events).await
    }

    /// As [`Session::estate`], also with WABAs that manifests declare and no list has.
    pub(super) async fn estate_with(
        &self,
        business: BusinessId,
        declared: &[WabaId],
        events: Events<'_>,
    ) -> Result<Estate, EngineError> {
        let taken = Timestamp::from_second(self.clock().now().as_second()).unwrap_or_default();
        let failed = || EngineError::graph(reading_directory(business));
        let request = DirectoryRequest { declared: declared.to_vec(), ..self.directory_request(business) };
        let everything = ScopeForecast::of(declared.iter().copied()).and_discovered(|_, _, _| true);
        let stage = StageGuard::start(Stage::ReadingWabas, 0, events);
        let read = self.reader.prefetch(&request, &everything, &|read| stage.advance(read)).await;
        let (mut directory, prefetched) = read.map_err(failed())?;
        drop(stage);
        let left_out = prefetched.left_out(&directory);
        let wabas: BTreeSet<WabaId> = directory.wabas.keys().chain(declared).copied().collect();
        let wabas: Vec<WabaId> = wabas.into_iter().collect();
        // An empty list does not prove that nobody holds anything, so all who could hold something are asked.
        let can_be_asked = employees(&directory);
        let expected = wabas.iter().map(|waba| (*waba, can_be_asked.clone())).collect();
        let request = ObserveRequest {
            directory: &directory,
            wabas: &wabas,
            expected: &expected,
            suspended: &BTreeSet::new(),
            has_lists: true,
            asks_users: true,
        };
        let stage = StageGuard::start(Stage::CheckingWabas, wabas.len(), events);
        let observed = self.reader.observe(&request, prefetched, &|read| stage.advance(read)).await;
        let observed = observed.map_err(EngineError::graph("reading the assignments"))?;
        drop(stage);
        let shared = directory.wabas.iter().filter(|(_, waba)| waba.edge == Edge::Client);
        let shared: Vec<WabaId> = shared.map(|(id, _)| *id).collect();
        let stage = StageGuard::start(Stage::ReadingSolutions, shared.len(), events);
        let solutions = self.reader.solutions(&shared, &|read| stage.advance(read)).await;
        let solutions = solutions.map_err(EngineError::graph("reading the solutions of shared WABAs"))?;
        drop(stage);
        let app = self.token().and_then(|token| token.app_id);
        for (id, waba) in &mut directory.wabas {
            waba.solution_messaging = app.and_then(|app| solutions.grant_messaging(*id, app));
        }
        Ok(Estate {
            taken,
            live_source: self.live_source().clone(),
            name: self.reader.business_name(business).await.map_err(failed())?,
            app,
            acting_user: self.acting_user_with_name(&directory).await?,
            user_lists: self.unreadable_user_lists(&observed, can_be_asked).await?,
            directory,
            observed,
            solutions,
            left_out,
        })
    }

    /// Returns the user of the token with its name.
    async fn acting_user_with_name(
        &self,
        directory: &Directory,
    ) -> Result<Option<(UserId, Name)>, EngineError> {
        let Some(id) = self.acting_user() else { return Ok(None) };
        if let Some(user) = directory.system_users.get(&id) {
            return Ok(Some((id, user.name.clone())));
        }
        Ok(Some((id, self.me().await?.name)))
    }

    /// Returns the users whose own lists could not be read, if that is why an empty list is not confirmed.
    async fn unreadable_user_lists(
        &self,
        observed: &Observed,
        users: Vec<UserId>,
    ) -> Result<BTreeMap<UserId, Unreadable>, EngineError> {
        if observed.unconfirmed.is_empty() || users.is_empty() {
            return Ok(BTreeMap::new());
        }
        let sides = self.reader.user_sides(users.into_iter().collect()).await;
        let sides = sides.map_err(EngineError::graph("reading the WABAs of system users"))?;
        Ok(sides.into_iter().filter_map(|(user, side)| Some((user, side.err()?.unreadable()))).collect())
    }
}

/// Returns the system users whose own lists prove what they hold. An admin may not be listed.
fn employees(directory: &Directory) -> Vec<UserId> {
    let users = directory.system_users.iter().filter(|(_, user)| user.role != AdminRole::Admin);
    users.map(|(id, _)| *id).collect()
}
