//! How the API says no: Meta's error envelope, with a constructor for each way that the emulator refuses.

use crate::model::Task;
use serde_json::{Value, json};
use std::fmt::Display;

/// An error of the API, as it goes into the envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: u32,
    pub(super) subcode: Option<u32>,
    pub(super) message: String,
    pub(super) is_transient: bool,
}

impl Refusal {
    fn new(code: u32, subcode: Option<u32>, message: impl Into<String>) -> Self {
        Self { status: 400, code, subcode, message: message.into(), is_transient: false }
    }

    /// A request that is wrong in itself.
    pub(super) fn bad(message: impl Display) -> Self {
        Self::new(100, None, format!("(#100) {message}"))
    }

    /// A parameter that must be given and is not.
    pub(super) fn missing(parameter: &str) -> Self {
        Self::bad(format_args!("The parameter {parameter} is required"))
    }

    /// An id that is wrong, or that the token may not see: the API does not tell the two apart.
    pub(super) fn unknown_object(method: &str, id: &str) -> Self {
        let method = method.to_lowercase();
        Self::new(
            100,
            Some(33),
            format!(
                "Unsupported {method} request. Object with ID '{id}' does not exist, cannot be loaded due to \
                 missing permissions, or does not support this operation. Please read the Graph API \
                 documentation at https://developers.facebook.com/docs/graph-api"
            ),
        )
    }

    /// Returns whether it says that an id is wrong or not to be seen.
    pub(super) fn is_unknown_object(&self) -> bool {
        (self.code, self.subcode) == (100, Some(33))
    }

    /// A path that leads nowhere.
    pub(super) fn unknown_path(rest: &str) -> Self {
        Self::new(2500, None, format!("Unknown path components: /{rest}"))
    }

    /// A field that the node does not have.
    pub(super) fn unknown_field(field: &str, node: &str) -> Self {
        Self::bad(format_args!("Tried accessing nonexisting field ({field}) on node type ({node})"))
    }

    /// A task that is not to be had, with those that are.
    pub(super) fn task(index: usize, name: &str, accepted: impl Iterator<Item = Task>) -> Self {
        let accepted: Vec<&str> = accepted.map(Task::name).collect();
        Self::bad(format_args!(
            "Param tasks[{index}] must be one of {{{}}} - got \"{name}\".",
            accepted.join(", ")
        ))
    }

    /// An id that is not the one of a user whom the app can assign here.
    pub(super) fn wrong_user(id: &str) -> Self {
        Self::new(
            100,
            Some(1_752_100),
            format!("Invalid parameter: the user {id} is not a user that can be assigned to this asset"),
        )
    }

    /// Something that the token's user may not do.
    pub(super) fn forbidden(message: impl Display) -> Self {
        Self { status: 403, ..Self::new(200, None, format!("(#200) {message}")) }
    }

    /// Something that is not there.
    pub(super) fn not_found(message: impl Display) -> Self {
        Self { status: 404, ..Self::new(803, None, format!("(#803) {message}")) }
    }

    /// No token at all.
    pub(super) fn no_token() -> Self {
        let message = "An access token is required to request this resource.";
        Self { status: 401, ..Self::new(104, None, message) }
    }

    /// A token that nobody knows.
    pub(super) fn unknown_token() -> Self {
        Self::new(190, None, "Invalid OAuth access token - Cannot parse access token")
    }

    /// A token that has ended.
    pub(super) fn expired_token(since: u64) -> Self {
        let message = format!("Error validating access token: Session has expired on {since} (Unix clock).");
        Self { status: 401, ..Self::new(190, Some(463), message) }
    }

    /// A missing or wrong `appsecret_proof`.
    pub(super) fn wrong_proof(given: bool) -> Self {
        let message = if given {
            "Invalid appsecret_proof provided in the API argument"
        } else {
            "API calls from the server require an appsecret_proof argument"
        };
        Self::new(104, None, message)
    }

    /// A batch with too many items.
    pub(super) fn too_many_items(most: usize) -> Self {
        let message = format!("Too many requests in batch message. Maximum batch size is {most}");
        Self::new(100, None, message)
    }

    /// More rows than the API gives at once.
    pub(super) fn too_much() -> Self {
        let message = "Please reduce the amount of data you're asking for, then retry your request";
        Self { status: 500, ..Self::new(1, None, message) }
    }

    /// More calls than the limits allow.
    pub(super) fn throttled(code: u32, message: &str) -> Self {
        Self::new(code, None, format!("(#{code}) {message}"))
    }

    /// A write that took no effect because the state could not be kept.
    pub(super) fn not_kept() -> Self {
        Self {
            status: 500,
            is_transient: true,
            ..Self::new(2, None, "Service temporarily unavailable: the state file cannot be written")
        }
    }

    /// Returns the envelope.
    pub(super) fn envelope(&self, trace: &str) -> Value {
        let kind = if matches!(self.code, 1 | 2) { "GraphMethodException" } else { "OAuthException" };
        let mut error = json!({ "message": self.message, "type": kind, "code": self.code });
        if let Some(subcode) = self.subcode {
            error["error_subcode"] = subcode.into();
        }
        if self.is_transient {
            error["is_transient"] = true.into();
        }
        error["fbtrace_id"] = trace.into();
        json!({ "error": error })
    }
}
