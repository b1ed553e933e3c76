//! The two writes.

use super::error::GraphError;
use super::settings::Settings;
use super::transport::{Access, Transport};
use super::wire::{Assignment, Written};
use crate::model::{TaskSet, UserId, WabaId};
use reqwest::Method;

/// Writes to the API. Only `apply` gets one.
#[derive(Debug)]
pub struct Writer {
    transport: Transport,
}

impl Writer {
    /// Makes a writer; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`GraphError::Settings`], as for a reader.
    pub fn connect(settings: &Settings) -> Result<Self, GraphError> {
        Ok(Self { transport: Transport::new(settings, Access::Write)? })
    }

    /// Replaces the whole set of tasks that a user holds on a WABA. It is sent once and never tried again.
    ///
    /// # Errors
    ///
    /// Any [`GraphError`]; where [`GraphError::outcome_unknown`] it may have taken effect all the same.
    pub async fn assign(&self, waba: WabaId, user: UserId, tasks: &TaskSet) -> Result<(), GraphError> {
        let body = Assignment { user: user.to_string(), tasks: tasks.names().collect() };
        self.write(Method::POST, waba, &[], Some(&serde_json::json!(body))).await
    }

    /// Takes everything that a user holds on a WABA. It is sent once and never tried again.
    ///
    /// # Errors
    ///
    /// As for [`Writer::assign`]; [`GraphError::NotFound`] where the user may not have been assigned.
    pub async fn revoke(&self, waba: WabaId, user: UserId) -> Result<(), GraphError> {
        self.write(Method::DELETE, waba, &[("user", &user.to_string())], None).await
    }

    /// Gives the number of writes that were sent so far.
    pub fn calls(&self) -> u64 {
        self.transport.calls()
    }

    async fn write(
        &self,
        method: Method,
        waba: WabaId,
        query: &[(&str, &str)],
        body: Option<&serde_json::Value>,
    ) -> Result<(), GraphError> {
        let path = format!("{waba}/assigned_users");
        let written: Written = self.transport.send(method, &path, query, body).await?;
        if written.success { Ok(()) } else { Err(GraphError::NoSuccess) }
    }
}
