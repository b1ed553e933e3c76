//! Reads what names mean: the business's system users and WABAs.

use super::Reader;
use super::call::Call;
use super::client::broken;
use super::error::GraphError;
use super::lists::{AHEAD, Of, Read, waba_id};
use super::survey::{Edges, ReadAhead};
use super::wire::{Solution, SystemUserRow, WabaRow};
use crate::model::{
    AdminRole, AppId, BusinessId, Directory, DirectoryWaba, Edge, Name, SystemUser, Task, TaskSet, UserId,
    WabaId,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use std::collections::BTreeMap;

/// What a directory shall tell.
#[derive(Debug, Clone)]
pub struct DirectoryRequest {
    /// The business portfolio.
    pub business: BusinessId,
    /// The WABAs whose solution is asked for.
    pub solutions_of: Vec<WabaId>,
    /// The WABAs that are read by their id where no list has them.
    pub named: Vec<WabaId>,
    /// The app that the token belongs to; without it no solution is asked for.
    pub app: Option<AppId>,
    /// The system user that the token belongs to.
    pub acting_user: Option<UserId>,
}

impl Reader {
    /// Reads the business's system users and WABAs; each list is whole or a failure.
    ///
    /// A named WABA that is on no list and not readable by its id is left out.
    ///
    /// # Errors
    ///
    /// Any [`GraphError`] of the three lists; those of a single WABA only where they stop everything.
    pub async fn directory(&self, request: &DirectoryRequest) -> Result<Directory, GraphError> {
        Ok(self.survey(request, &ReadAhead::nothing()).await?.0)
    }

    /// Reads the directory, and meanwhile who holds what on the WABAs that will be asked for: see
    /// [`Reader::observe`].
    ///
    /// # Errors
    ///
    /// As [`Reader::directory`].
    pub async fn survey(
        &self,
        request: &DirectoryRequest,
        ahead: &ReadAhead<'_>,
    ) -> Result<(Directory, Read), GraphError> {
        let business = request.business;
        let began = self.client.clock.elapsed();
        let users = self.system_users(business).await?;
        let plain = self.client.clock.elapsed().saturating_sub(began);
        let edges = Edges::new(self, Of { business, own: &users }, ahead, plain);
        let (owned, client, read) = edges.read().await?;
        // A WABA on both lists is the business's own.
        let mut wabas = client;
        for (id, mut waba) in owned {
            waba.permitted_tasks = wabas.get(&id).and_then(|client| client.permitted_tasks.clone());
            wabas.insert(id, waba);
        }
        let missing =
            request.named.iter().filter(|waba| !wabas.contains_key(waba)).copied().collect::<Vec<_>>();
        wabas.extend(self.directly(missing).await?);
        if let Some(app) = request.app {
            let asked = request.solutions_of.iter().filter(|waba| wabas.contains_key(waba)).copied();
            for (waba, messaging) in self.solutions(asked.collect(), app).await? {
                if let Some(waba) = wabas.get_mut(&waba) {
                    waba.solution_messaging = messaging;
                }
            }
        }
        let directory = Directory { business, acting_user: request.acting_user, system_users: users, wabas };
        Ok((directory, read))
    }

    async fn system_users(&self, business: BusinessId) -> Result<BTreeMap<UserId, SystemUser>, GraphError> {
        let path = format!("{business}/system_users");
        let rows: Vec<SystemUserRow> =
            self.client.list(&Call::get(path, &[("fields", "id,name,role"), ("limit", "100")])).await?;
        rows.into_iter()
            .map(|row| {
                let id = row.id.parse().map_err(|_| broken("a system user's id is no number"))?;
                let role = match row.role.as_deref() {
                    Some("ADMIN") => AdminRole::Admin,
                    Some("EMPLOYEE") => AdminRole::Employee,
                    Some(_) | None => AdminRole::Unknown,
                };
                Ok((id, SystemUser { name: Name::from(&*row.name), role }))
            })
            .collect()
    }

    /// Reads WABAs by their ids; those that cannot be read are left out.
    async fn directly(&self, wabas: Vec<WabaId>) -> Result<BTreeMap<WabaId, DirectoryWaba>, GraphError> {
        let found: Vec<Option<(WabaId, DirectoryWaba)>> = stream::iter(wabas)
            .map(|id| async move {
                let row =
                    self.client.get::<WabaRow>(Call::get(id.to_string(), &[("fields", "id,name")])).await;
                match row.and_then(|row| waba(row, Edge::Direct)) {
                    Ok((found, waba)) if found == id => Ok(Some((id, waba))),
                    Err(error) if error.is_fatal() => Err(error),
                    Ok(_) => Ok(None),
                    Err(error) => {
                        tracing::info!(
                            "WABA {id} is on none of the business's lists, and not readable: {error}"
                        );
                        Ok(None)
                    }
                }
            })
            .buffered(AHEAD)
            .try_collect()
            .await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Asks for each WABA whether its solution gives an app `MESSAGING`; `None` where that is not told.
    async fn solutions(
        &self,
        wabas: Vec<WabaId>,
        app: AppId,
    ) -> Result<Vec<(WabaId, Option<bool>)>, GraphError> {
        stream::iter(wabas)
            .map(|waba| async move {
                match self.solution(waba, app).await {
                    Ok(messaging) => Ok((waba, messaging)),
                    Err(error) if error.is_fatal() => Err(error),
                    Err(error) => {
                        tracing::warn!("the solution of WABA {waba} could not be read: {error}");
                        Ok((waba, None))
                    }
                }
            })
            .buffered(AHEAD)
            .try_collect()
            .await
    }

    /// Asks the solutions of one WABA. Only an active one tells anything: what a draft, a rejected or an ended one
    /// gives is not what holds.
    async fn solution(&self, waba: WabaId, app: AppId) -> Result<Option<bool>, GraphError> {
        let path = format!("{waba}/solutions");
        let query = [("fields", "id,name,status,owner_app,owner_permissions"), ("limit", "100")];
        let mut messaging = None;
        let listed: Vec<Solution> = self.client.list(&Call::get(path, &query)).await?;
        for listed in listed.into_iter().filter(is_active) {
            let mut gives = as_owner(&listed, app);
            if gives.is_none() {
                let query = [("fields", "id,partners{partner_app,partner_permissions,status}")];
                let solution: Solution = self.client.get(Call::get(listed.id.as_str(), &query)).await?;
                gives = as_partner(&solution, app);
            }
            // Several solutions: one that gives it is enough.
            messaging = messaging.max(gives);
        }
        Ok(messaging)
    }
}

/// Returns whether a solution is in force. Of a status that is not known, or not told, nobody can say that.
fn is_active(solution: &Solution) -> bool {
    solution.status.as_deref() == Some("ACTIVE")
}

fn has_messaging(permissions: Option<&Vec<String>>) -> Option<bool> {
    permissions.map(|permissions| permissions.iter().any(|name| name == Task::Messaging.name()))
}

fn as_owner(solution: &Solution, app: AppId) -> Option<bool> {
    let owner = solution.owner_app.as_ref()?.id.parse::<AppId>().ok()?;
    if owner == app { has_messaging(solution.owner_permissions.as_ref()) } else { None }
}

fn as_partner(solution: &Solution, app: AppId) -> Option<bool> {
    let is_app = |of: &super::wire::App| of.id.parse::<AppId>().ok() == Some(app);
    let mut partners = solution.partners.as_ref()?.data.iter();
    let partner = partners.find(|partner| partner.partner_app.as_ref().is_some_and(is_app))?;
    has_messaging(partner.partner_permissions.as_ref())
}

/// Reads a row of a list of WABAs.
pub(super) fn waba(row: WabaRow, edge: Edge) -> Result<(WabaId, DirectoryWaba), GraphError> {
    let id = waba_id(&row.id)?;
    let permitted_tasks = row.permitted_tasks.map(TaskSet::from_names);
    Ok((id, DirectoryWaba { name: Name::from(&*row.name), edge, permitted_tasks, solution_messaging: None }))
}
