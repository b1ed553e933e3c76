//! The two writes.

use super::Reader;
use super::call::Call;
use super::client::Client;
use super::error::GraphError;
use super::settings::Settings;
use super::transport::Access;
use super::wire::{Assignment, Written};
use crate::model::{TaskSet, UserId, WabaId};
use reqwest::Method;
use std::sync::Arc;

/// Writes to the API. Only `apply` gets one.
///
/// Writes that wait at the same time travel in batches, with never two for one WABA in a batch.
#[derive(Debug)]
pub struct Writer {
    client: Client,
}

impl Writer {
    /// Makes a writer beside a reader, whose governor and budgets it shares; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`GraphError::Settings`], as for a reader.
    pub fn beside(reader: &Reader, settings: &Settings) -> Result<Self, GraphError> {
        let governor = Some(Arc::clone(&reader.client.governor));
        Ok(Self { client: Client::new(settings, Access::Write, governor)? })
    }

    /// Replaces the whole set of tasks that a user holds on a WABA, and gives the id by which Meta finds the call.
    /// It is sent once and never tried again.
    ///
    /// # Errors
    ///
    /// Any [`GraphError`]; where [`GraphError::outcome_unknown`] it may have taken effect all the same.
    pub async fn assign(
        &self,
        waba: WabaId,
        user: UserId,
        tasks: &TaskSet,
    ) -> Result<Option<String>, GraphError> {
        let body = Assignment { user: user.to_string(), tasks: tasks.names().map(String::from).collect() };
        self.write(Call { method: Method::POST, body: Some(body), ..edge(waba, &[]) }).await
    }

    /// Takes everything that a user holds on a WABA. It is sent once and never tried again.
    ///
    /// # Errors
    ///
    /// As for [`Writer::assign`]; [`GraphError::NotFound`] where the user may not have been assigned.
    pub async fn revoke(&self, waba: WabaId, user: UserId) -> Result<Option<String>, GraphError> {
        self.write(Call { method: Method::DELETE, ..edge(waba, &[("user", &user.to_string())]) }).await
    }

    /// Waits until a WABA has so many calls left in its hour: what is begun shall come to its end.
    ///
    /// # Errors
    ///
    /// [`GraphError::BudgetSpent`] where that is too long, and what ends the run.
    pub async fn room(&self, waba: WabaId, calls: u32) -> Result<(), GraphError> {
        self.client.governor.room(waba, calls).await
    }

    /// Sends nothing more: a write that has not left is answered with [`GraphError::NotSent`].
    pub fn close(&self) {
        self.client.close();
    }

    /// Returns the number of writes that were sent so far.
    pub fn calls(&self) -> u64 {
        self.client.transport.sent().1
    }

    /// Returns the number of requests that the writes were sent in.
    pub fn requests(&self) -> u64 {
        self.client.transport.sent().0
    }

    async fn write(&self, call: Call) -> Result<Option<String>, GraphError> {
        let answer = self.client.once(call).await?;
        let written: Written = self.client.transport.parse(&answer)?;
        if written.success { Ok(answer.trace) } else { Err(GraphError::NoSuccess) }
    }
}

fn edge(waba: WabaId, query: &[(&'static str, &str)]) -> Call {
    Call::get(format!("{waba}/assigned_users"), query).charged_to(waba)
}
