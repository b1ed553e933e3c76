//! An authenticated request with everything that its endpoint needs.

use super::auth::Caller;
use super::context::Context;
use super::paging::{PageQuery, RowId};
use super::rejection::Rejection;
use super::request::ApiRequest;
use crate::emulator::world::{IdRange, World};
use crate::model::{BusinessId, TaskSet};
use serde_json::Value;

/// An authenticated request.
pub(crate) struct Query<'a> {
    pub(crate) context: Context<'a>,
    pub(crate) request: &'a ApiRequest,
    pub(crate) caller: Caller<'a>,
    /// The URL of the server with the version.
    pub(crate) root: String,
}

impl<'a> Query<'a> {
    /// Authenticates a request.
    ///
    /// # Errors
    ///
    /// If the token is not valid.
    pub(crate) fn authenticate(context: Context<'a>, request: &'a ApiRequest) -> Result<Self, Rejection> {
        let caller = Caller::authenticate(&context, request)?;
        Ok(Self { context, request, caller, root: format!("{}/{}", context.base_url, request.version) })
    }

    pub(crate) fn world(&self) -> &'a World {
        self.context.world
    }

    /// Returns the error for an id that does not exist or is invisible to the caller.
    pub(crate) fn unknown(&self, id: &str) -> Rejection {
        Rejection::unknown_object(self.request.method.as_str(), id)
    }

    /// Returns a business whose edges the caller can read.
    pub(crate) fn business(&self, id: &str) -> Result<BusinessId, Rejection> {
        let (business, _) = self.caller.business(self.world(), id).ok_or_else(|| self.unknown(id))?;
        self.caller.require_scope("business_management")?;
        Ok(business)
    }

    /// Checks that the caller is a system user with the ADMIN role.
    pub(crate) fn require_admin(&self) -> Result<(), Rejection> {
        if self.caller.user.is_admin() {
            return Ok(());
        }
        let message = "Permissions error: the token must belong to a system user with admin permissions";
        Err(Rejection::forbidden(message))
    }

    /// Returns a page of the list that the request's path names. See [`PageQuery::page`].
    pub(crate) fn page<K: RowId, I: DoubleEndedIterator<Item = K>>(
        &self,
        rows: impl Fn(IdRange<K>) -> I,
        row: impl FnMut(K) -> Result<Value, Rejection>,
    ) -> Result<Value, Rejection> {
        let path = self.request.path.join("/");
        let query = PageQuery::of_request(self.request, &self.root, &path, self.context.max_page_rows);
        query.page(rows, row)
    }
}

/// Returns the names of tasks as the API lists them.
pub(crate) fn task_names(tasks: &TaskSet) -> Value {
    tasks.names().collect()
}
