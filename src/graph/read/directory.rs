//! Reads the directory: the business's system users and WABAs.

use super::assignments::{MAX_READS, PrefetchedAssignments};
use super::classify::OwnUsers;
use super::left_out::LeftOut;
use super::waba_lists::{WabaListReader, directory_waba};
use crate::graph::error::{GraphError, shorten};
use crate::graph::http::wire::{SolutionApp, SolutionRow, SystemUserRow, WabaRow};
use crate::graph::http::{ApiCall, BadRow, PageCursor};
use crate::graph::reader::Reader;
use crate::model::{
    AdminRole, AppId, BusinessId, Directory, DirectoryWaba, Edge, Name, ScopeForecast, SystemUser, Task,
    UserId, WabaId, chain,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use std::collections::BTreeMap;
use std::time::Duration;

/// The most WABAs that one warning names. A guess: one line of a terminal.
const MAX_NAMED: usize = 5;

/// What a directory contains.
#[derive(Debug, Clone)]
pub struct DirectoryRequest {
    /// The business portfolio.
    pub business: BusinessId,
    /// The WABAs that are read by their id if no list has them.
    pub declared: Vec<WabaId>,
    /// The WABAs whose solution is read.
    pub solutions_of: Vec<WabaId>,
    /// The app that the token belongs to. Without it, no solution is read.
    pub app: Option<AppId>,
    /// The lists of WABAs that are read.
    pub lists: Vec<Edge>,
    /// The WABAs that are read by their id as if they were on a list: their owner says on which one.
    pub by_id: Vec<WabaId>,
}

impl DirectoryRequest {
    /// Requests the lists of a business, and nothing else.
    pub fn new(business: BusinessId) -> Self {
        let lists = vec![Edge::Owned, Edge::Client];
        Self { business, declared: Vec::new(), solutions_of: Vec::new(), app: None, lists, by_id: Vec::new() }
    }
}

impl Reader {
    /// Reads the directory. Each list in it is complete.
    ///
    /// A declared WABA that is on no list and not readable by its id is left out.
    ///
    /// # Errors
    ///
    /// Any [`GraphError`] of the lists; of a single WABA only fatal ones.
    pub async fn directory(&self, request: &DirectoryRequest) -> Result<Directory, GraphError> {
        let (directory, _) = self.prefetch(request, &ScopeForecast::default(), &|_| ()).await?;
        Ok(directory)
    }

    /// Reads the directory, and at the same time the assignments on the WABAs that will be in scope.
    ///
    /// [`Reader::observe`] takes the prefetched assignments and reads what the forecast did not predict. `progress` is
    /// called with the number of WABAs whose assignments were read, each time some were.
    ///
    /// # Errors
    ///
    /// As [`Reader::directory`].
    pub async fn prefetch(
        &self,
        request: &DirectoryRequest,
        forecast: &ScopeForecast<'_>,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<(Directory, PrefetchedAssignments), GraphError> {
        let business = request.business;
        let clock = self.retrier.limits.clock();
        let began = clock.elapsed();
        let system_users = self.system_users(business).await?;
        let plain_took = clock.elapsed().saturating_sub(began);
        let directory = Directory { business, system_users, wabas: BTreeMap::new() };
        self.extend(directory, request, forecast, plain_took, progress).await
    }

    /// Adds WABAs to a directory, and reads the assignments on those that will be in scope.
    ///
    /// `plain_took` is the response time of a plain list.
    ///
    /// # Errors
    ///
    /// As [`Reader::directory`].
    pub async fn extend(
        &self,
        known: Directory,
        request: &DirectoryRequest,
        forecast: &ScopeForecast<'_>,
        plain_took: Duration,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<(Directory, PrefetchedAssignments), GraphError> {
        let Directory { business, system_users, mut wabas } = known;
        let own_users = OwnUsers { business, users: &system_users };
        let lists = WabaListReader::new(self, own_users, forecast, progress, plain_took).await?;
        // On the heap: with all pages in flight, this is most of the future of a whole run.
        let (listed, prefetched) = Box::pin(lists.read(&request.lists)).await?;
        wabas.extend(listed);
        wabas.extend(self.wabas_by_id(business, &request.by_id).await?);
        let unlisted = request.declared.iter().filter(|waba| !wabas.contains_key(waba)).copied();
        wabas.extend(self.unlisted_wabas(unlisted.collect()).await?);
        self.add_solutions(request, &mut wabas).await?;
        Ok((Directory { business, system_users, wabas }, prefetched))
    }

    async fn system_users(&self, business: BusinessId) -> Result<BTreeMap<UserId, SystemUser>, GraphError> {
        let path = format!("{business}/system_users");
        let call = ApiCall::get(&*path, &[("fields", "id,name,role"), ("limit", "100")]);
        let left_out = LeftOut::of(&path);
        let leave_out = |bad: BadRow| {
            left_out.row("a system user", &bad.what);
            Ok(())
        };
        let rows = self.retrier.rest_of_list(&call, Vec::new(), PageCursor::default(), leave_out).await;
        let rows: Vec<SystemUserRow> = rows.map_err(GraphError::of_list(&path))?;
        Ok(rows.iter().filter_map(|row| system_user(row, &left_out)).collect())
    }

    /// Reads WABAs by their ids, with the list that they are on: the business owns them, or they are shared with it. Those that
    /// cannot be read are left out.
    async fn wabas_by_id(
        &self,
        business: BusinessId,
        wabas: &[WabaId],
    ) -> Result<BTreeMap<WabaId, DirectoryWaba>, GraphError> {
        let edge = |row: &WabaRow| match row.owner_business_info.as_ref().and_then(|owner| owner.id.as_ref())
        {
            Some(owner) if owner.parse() == Ok(business) => Edge::Owned,
            Some(_) => Edge::Client,
            None => Edge::Direct,
        };
        self.wabas_with(wabas.to_vec(), "id,name,owner_business_info{id}", &edge).await
    }

    /// Reads WABAs that are on no list by their ids; those that cannot be read are left out.
    async fn unlisted_wabas(
        &self,
        wabas: Vec<WabaId>,
    ) -> Result<BTreeMap<WabaId, DirectoryWaba>, GraphError> {
        self.wabas_with(wabas, "id,name", &|_| Edge::Direct).await
    }

    async fn wabas_with(
        &self,
        wabas: Vec<WabaId>,
        fields: &'static str,
        edge: &(dyn Fn(&WabaRow) -> Edge + Sync),
    ) -> Result<BTreeMap<WabaId, DirectoryWaba>, GraphError> {
        let found: Vec<Option<(WabaId, DirectoryWaba)>> = stream::iter(wabas)
            .map(|id| async move {
                let call = ApiCall::get(id.to_string(), &[("fields", fields)]).charged_to(id);
                let row = self.retrier.get::<WabaRow>(call).await;
                let with_edge = |row: WabaRow| {
                    let edge = edge(&row);
                    directory_waba(row, edge)
                };
                match row.and_then(with_edge) {
                    Ok((found, waba)) => Ok((found == id).then_some((id, waba))),
                    Err(error) if error.is_fatal() => Err(error),
                    Err(error) => {
                        tracing::info!(
                            "WABA {id} was on no list that was read, and its read failed: {error}"
                        );
                        Ok(None)
                    }
                }
            })
            .buffered(MAX_READS)
            .try_collect()
            .await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Reads whether the solutions of WABAs grant `MESSAGING` to the app.
    async fn add_solutions(
        &self,
        request: &DirectoryRequest,
        wabas: &mut BTreeMap<WabaId, DirectoryWaba>,
    ) -> Result<(), GraphError> {
        let listed: Vec<WabaId> =
            request.solutions_of.iter().filter(|waba| wabas.contains_key(waba)).copied().collect();
        let Some(app) = request.app else {
            warn_unchecked(&listed, "the API does not report the app of the token");
            return Ok(());
        };
        let mut solutions = stream::iter(&listed)
            .map(|waba| async move {
                match self.has_messaging(*waba, app).await {
                    Err(error) if error.is_fatal() => Err(error),
                    result => Ok((*waba, result)),
                }
            })
            .buffered(MAX_READS);
        let mut unnamed = Vec::new();
        while let Some((waba, result)) = solutions.try_next().await? {
            match result {
                Ok(None) => unnamed.push(waba),
                Err(error) => warn_unchecked(&[waba], &chain(&error)),
                Ok(messaging) => {
                    if let Some(waba) = wabas.get_mut(&waba) {
                        waba.solution_messaging = messaging;
                    }
                }
            }
        }
        warn_unchecked(&unnamed, &format!("no active solution names the app {app}"));
        Ok(())
    }

    /// Returns whether any active solution of a WABA grants `MESSAGING` to an app; `None` if that is unknown.
    async fn has_messaging(&self, waba: WabaId, app: AppId) -> Result<Option<bool>, GraphError> {
        let query = [("fields", "id,name,status,owner_app,owner_permissions"), ("limit", "100")];
        let solutions: Vec<SolutionRow> =
            self.retrier.list(&ApiCall::get(format!("{waba}/solutions"), &query).charged_to(waba)).await?;
        let mut messaging = None;
        for solution in solutions.into_iter().filter(is_active) {
            let mut granted = granted_to_owner(&solution, app);
            if granted.is_none() {
                let query = [("fields", "id,partners{partner_app,partner_permissions,status}")];
                let call = ApiCall::get(solution.id.as_str(), &query);
                granted = granted_to_partner(&self.retrier.get(call).await?, app);
            }
            messaging = messaging.max(granted);
        }
        Ok(messaging)
    }
}

/// Parses a row. One whose id is not a number is left out: no assignment can be its.
fn system_user(row: &SystemUserRow, left_out: &LeftOut<'_>) -> Option<(UserId, SystemUser)> {
    let Ok(id) = row.id.parse() else {
        let id = shorten(row.id.as_str());
        left_out.row("a system user", &format_args!("its id is not a number: `{id}`"));
        return None;
    };
    let role = match row.role.as_deref() {
        Some("ADMIN") => AdminRole::Admin,
        Some("EMPLOYEE") => AdminRole::Employee,
        Some(_) | None => AdminRole::Unknown,
    };
    Some((id, SystemUser { name: Name::from(&*row.name), role }))
}

/// Warns that it is not known whether the solutions of WABAs grant `MESSAGING`.
fn warn_unchecked(wabas: &[WabaId], why: &str) {
    let named: Vec<String> = wabas.iter().take(MAX_NAMED).map(ToString::to_string).collect();
    let others = wabas.len() - named.len();
    let more = if others > 0 { format!(" and {others} others") } else { String::new() };
    if !wabas.is_empty() {
        let named = named.join(", ");
        tracing::warn!("whether the solution grants MESSAGING is not known for WABA {named}{more}: {why}");
    }
}

/// Returns whether a solution is in force. The permissions of a draft, or of one that has ended, do not apply.
fn is_active(solution: &SolutionRow) -> bool {
    solution.status.as_deref() == Some("ACTIVE")
}

fn granted_to_owner(solution: &SolutionRow, app: AppId) -> Option<bool> {
    let is_owner = is_app(solution.owner_app.as_ref()?, app);
    if is_owner { includes_messaging(solution.owner_permissions.as_ref()) } else { None }
}

fn granted_to_partner(solution: &SolutionRow, app: AppId) -> Option<bool> {
    let mut partners = solution.partners.as_ref()?.data.iter();
    let partner =
        partners.find(|partner| partner.partner_app.as_ref().is_some_and(|partner| is_app(partner, app)))?;
    includes_messaging(partner.partner_permissions.as_ref())
}

fn is_app(row: &SolutionApp, app: AppId) -> bool {
    row.id.parse() == Ok(app)
}

fn includes_messaging(permissions: Option<&Vec<String>>) -> Option<bool> {
    permissions.map(|permissions| permissions.iter().any(|name| name == Task::Messaging.name()))
}
