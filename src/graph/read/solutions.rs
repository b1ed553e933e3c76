//! Reads the solutions of WABAs as a whole, for a copy of the estate.

use super::assignments::{MAX_READS, Progress};
use crate::graph::error::GraphError;
use crate::graph::http::ApiCall;
use crate::graph::http::wire::{MeBody, SolutionRow};
use crate::graph::reader::Reader;
use crate::model::{BusinessId, LiveSolution, Name, SolutionId, Solutions, TaskSet, WabaId};
use futures_util::{StreamExt, TryStreamExt, stream};
use std::collections::BTreeMap;

impl Reader {
    /// Reads the name of a business; `None` if the API does not report it.
    ///
    /// # Errors
    ///
    /// Only fatal ones: see [`GraphError::is_fatal`].
    pub async fn business_name(&self, business: BusinessId) -> Result<Option<Name>, GraphError> {
        let call = ApiCall::get(business.to_string(), &[("fields", "id,name")]);
        match self.retrier.get::<MeBody>(call).await {
            Ok(node) => Ok(Some(Name::new(node.name)).filter(|name| !name.as_str().is_empty())),
            Err(error) if error.is_fatal() => Err(error),
            Err(error) => {
                tracing::info!("the API does not report the name of the business {business}: {error}");
                Ok(None)
            }
        }
    }

    /// Reads the solutions of WABAs, and each solution once with its partners. `progress` is called for each WABA.
    ///
    /// # Errors
    ///
    /// Only fatal ones: see [`GraphError::is_fatal`].
    pub async fn solutions(&self, wabas: &[WabaId], progress: Progress<'_>) -> Result<Solutions, GraphError> {
        let mut found = Solutions::default();
        let mut lists = stream::iter(wabas)
            .map(|waba| async move {
                let query = [("fields", "id,name,status,owner_app,owner_permissions"), ("limit", "100")];
                let call = ApiCall::get(format!("{waba}/solutions"), &query).charged_to(*waba);
                match self.retrier.list::<SolutionRow>(&call).await {
                    Err(error) if error.is_fatal() => Err(error),
                    rows => Ok((*waba, rows)),
                }
            })
            .buffered(MAX_READS);
        while let Some((waba, rows)) = lists.try_next().await? {
            progress(1);
            match rows.and_then(|rows| rows.into_iter().map(solution).collect::<Result<Vec<_>, _>>()) {
                Ok(solutions) if solutions.is_empty() => {}
                Ok(solutions) => {
                    found.of_waba.insert(waba, Ok(solutions.iter().map(|(id, _)| *id).collect()));
                    found.known.extend(solutions);
                }
                Err(error) => {
                    found.of_waba.insert(waba, Err(error.unreadable()));
                }
            }
        }
        drop(lists);
        self.add_partners(&mut found.known).await?;
        Ok(found)
    }

    /// Reads the partners of each solution. The API shows them only to apps that take part in it.
    async fn add_partners(
        &self,
        solutions: &mut BTreeMap<SolutionId, LiveSolution>,
    ) -> Result<(), GraphError> {
        let ids: Vec<SolutionId> = solutions.keys().copied().collect();
        let mut rows = stream::iter(ids)
            .map(|id| async move {
                let query = [("fields", "id,partners{partner_app,partner_permissions,status}")];
                match self.retrier.get::<SolutionRow>(ApiCall::get(id.to_string(), &query)).await {
                    Err(error) if error.is_fatal() => Err(error),
                    row => Ok((id, row)),
                }
            })
            .buffered(MAX_READS);
        while let Some((id, row)) = rows.try_next().await? {
            let row = match row {
                Ok(row) => row,
                Err(error) => {
                    tracing::info!("the API does not report the partners of solution {id}: {error}");
                    continue;
                }
            };
            let partners = row.partners.into_iter().flat_map(|partners| partners.data);
            let partners = partners.filter_map(|partner| {
                let app = partner.partner_app?.id.parse().ok()?;
                Some((app, partner.partner_permissions.map(TaskSet::from_names)))
            });
            if let Some(solution) = solutions.get_mut(&id) {
                solution.partners.extend(partners);
            }
        }
        Ok(())
    }
}

/// Parses a row of a list of solutions.
fn solution(row: SolutionRow) -> Result<(SolutionId, LiveSolution), GraphError> {
    let id = row.id.parse().map_err(|_| GraphError::invalid_list("the id of a solution is not a number"))?;
    let solution = LiveSolution {
        name: Name::new(row.name),
        status: row.status,
        owner_app: row.owner_app.and_then(|app| app.id.parse().ok()),
        owner_permissions: row.owner_permissions.map(TaskSet::from_names),
        partners: BTreeMap::new(),
    };
    Ok((id, solution))
}
