//! The handle for writing: assigns and revokes tasks.

use super::error::GraphError;
use super::http::ApiCall;
use super::http::wire::{AssignmentBody, WriteBody};
use super::retry::Retrier;
use crate::model::{TaskSet, UserId, WabaId};
use crate::store::LeaseGuard;
use reqwest::Method;

/// Writes to the API. Only `apply` uses it.
///
/// Writes that wait at the same time are sent in batches, with at most one write for each WABA in a batch.
#[derive(Debug)]
pub struct Writer {
    pub(super) retrier: Retrier,
}

impl Writer {
    /// Replaces the task set of a user on a WABA, and returns the id by which Meta's support finds the call.
    ///
    /// The write is sent once and never retried.
    ///
    /// # Errors
    ///
    /// Any [`GraphError`]. If [`GraphError::outcome_unknown`], the write may have taken effect nevertheless.
    pub async fn assign(
        &self,
        waba: WabaId,
        user: UserId,
        tasks: &TaskSet,
    ) -> Result<Option<String>, GraphError> {
        let body =
            AssignmentBody { user: user.to_string(), tasks: tasks.names().map(String::from).collect() };
        self.write(ApiCall { method: Method::POST, body: Some(body), ..assigned_users(waba, &[]) }).await
    }

    /// Removes all tasks of a user on a WABA. The write is sent once and never retried.
    ///
    /// # Errors
    ///
    /// As for [`Writer::assign`]; [`GraphError::NotFound`] if the user may not have been assigned.
    pub async fn revoke(&self, waba: WabaId, user: UserId) -> Result<Option<String>, GraphError> {
        let user = user.to_string();
        self.write(ApiCall { method: Method::DELETE, ..assigned_users(waba, &[("user", &user)]) }).await
    }

    /// Waits until a WABA has a number of calls left in its hour, so that its changes are not left half done.
    ///
    /// # Errors
    ///
    /// [`GraphError::BudgetSpent`] if the run may not wait for so long.
    pub async fn wait_for_calls(&self, waba: WabaId, calls: u32) -> Result<(), GraphError> {
        self.retrier.limits.wait_for_calls(waba, calls).await
    }

    /// Fails all writes that were not sent yet, and all further ones, with [`GraphError::NotSent`].
    pub fn close(&self) {
        self.retrier.close();
    }

    /// Lets a lease decide right before each request whether it may leave. What may not fails with [`GraphError::NotSent`].
    pub fn guard_by(&self, guard: LeaseGuard) {
        self.retrier.transport.guard_by(guard);
    }

    /// Returns the number of writes sent so far.
    pub fn calls(&self) -> u64 {
        self.retrier.transport.calls()
    }

    /// Returns the number of requests in which the writes were sent.
    pub fn requests(&self) -> u64 {
        self.retrier.transport.requests()
    }

    async fn write(&self, call: ApiCall) -> Result<Option<String>, GraphError> {
        let response = self.retrier.send_once(call).await?;
        let body: WriteBody = response.parse()?;
        if body.success { Ok(response.trace) } else { Err(GraphError::NoSuccess) }
    }
}

fn assigned_users(waba: WabaId, query: &[(&'static str, &str)]) -> ApiCall {
    ApiCall::get(format!("{waba}/assigned_users"), query).charged_to(waba)
}
