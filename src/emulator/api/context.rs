//! The input of a request besides the request itself, and the result.

use crate::emulator::world::World;
use crate::model::{AppId, AssignmentKey, BusinessId, TaskSet, WabaId};
use jiff::Timestamp;
use serde_json::Value;

/// The world, the time, and what the API permits at that time.
#[derive(Clone, Copy)]
pub(crate) struct Context<'w> {
    pub(crate) world: &'w World,
    pub(crate) base_url: &'w str,
    pub(crate) now: Timestamp,
    /// Whether assignments can be nested in lists of WABAs.
    pub(crate) nesting: bool,
    /// Whether `debug_token` says that this is an emulator.
    pub(crate) marked: bool,
    /// The maximum number of rows in a response with nested lists.
    pub(crate) max_rows: usize,
    /// The maximum number of rows of a page, whatever limit the request sets.
    pub(crate) max_page_rows: usize,
    /// Whether all tokens have expired.
    pub(crate) tokens_expired: bool,
}

/// The result of a request that the API accepts.
pub(crate) enum Reply {
    /// A response body. The world does not change.
    Read { body: Value, nested_lists: usize },
    /// A write.
    Write(Write),
}

/// A change of the world.
pub(crate) enum Write {
    /// The user's tasks on the WABA are replaced by these.
    Assign(AssignmentKey, TaskSet),
    /// A new system user of a business.
    CreateSystemUser { business: BusinessId, name: String, role: String },
    /// An app is subscribed to a WABA's webhooks, or no longer.
    Subscribe { waba: WabaId, app: AppId, subscribed: bool },
}

impl From<Value> for Reply {
    fn from(body: Value) -> Self {
        Self::Read { body, nested_lists: 0 }
    }
}
