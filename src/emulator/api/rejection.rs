//! Errors of the API in Meta's envelope, with a constructor for each error that the emulator returns.

use crate::model::{Refusal, Task};
use serde_json::{Value, json};
use std::fmt::Display;

/// A request that the API rejects: the HTTP status and the fields of the error envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rejection {
    pub(crate) status: u16,
    pub(crate) code: u32,
    pub(crate) subcode: Option<u32>,
    pub(crate) message: String,
    pub(crate) is_transient: bool,
}

impl Rejection {
    fn new(code: u32, subcode: Option<u32>, message: impl Into<String>) -> Self {
        Self { status: 400, code, subcode, message: message.into(), is_transient: false }
    }

    /// An error that a snapshot has recorded.
    pub(crate) fn refused(refusal: &Refusal) -> Self {
        let Refusal { status, code, subcode, message } = refusal;
        Self { status: *status, ..Self::new(*code, *subcode, message.as_str()) }
    }

    /// A malformed request.
    pub(crate) fn bad(message: impl Display) -> Self {
        Self::new(100, None, format!("(#100) {message}"))
    }

    /// A required parameter is absent.
    pub(crate) fn missing(parameter: &str) -> Self {
        Self::bad(format_args!("The parameter {parameter} is required"))
    }

    /// An id that does not exist or is invisible to the token: the API does not distinguish the two.
    pub(crate) fn unknown_object(method: &str, id: &str) -> Self {
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

    /// A text in the place of an id that names no object.
    pub(crate) fn unknown_alias(alias: &str) -> Self {
        let message = format!("(#803) Some of the aliases you requested do not exist: {alias}");
        Self { status: 404, ..Self::new(803, None, message) }
    }

    /// A request that Meta's API may answer, and that this emulator does not play.
    pub(crate) fn not_played(method: &str, path: &str) -> Self {
        let message = format!(
            "The wabacl emulator does not play {method} /{path}. Meta's API may answer it; docs/emulator.md lists what \
             the emulator plays."
        );
        Self { status: 501, ..Self::new(2500, None, message) }
    }

    /// A read of several nodes by `ids`, which Meta has removed.
    pub(crate) fn ids_removed() -> Self {
        let message = "(#100) Requesting multiple objects with the ids parameter is deprecated in v26.0+";
        Self { status: 500, ..Self::new(100, None, message) }
    }

    /// A path that names no endpoint.
    pub(crate) fn unknown_path(rest: &str) -> Self {
        Self::new(2500, None, format!("Unknown path components: /{rest}"))
    }

    /// A field that the node type does not have.
    pub(crate) fn unknown_field(field: &str, node: &str) -> Self {
        Self::bad(format_args!("Tried accessing nonexisting field ({field}) on node type ({node})"))
    }

    /// A task that cannot be assigned. The message lists the accepted tasks.
    pub(crate) fn task(index: usize, name: &str, accepted: impl Iterator<Item = Task>) -> Self {
        let accepted: Vec<&str> = accepted.map(Task::name).collect();
        Self::bad(format_args!(
            "Param tasks[{index}] must be one of {{{}}} - got \"{name}\".",
            accepted.join(", ")
        ))
    }

    /// An id that is not the id of a user who can be assigned to this WABA.
    pub(crate) fn wrong_user(id: &str) -> Self {
        Self::new(
            100,
            Some(1_752_100),
            format!("Invalid parameter: the user {id} is not a user that can be assigned to this asset"),
        )
    }

    /// An operation that the token does not permit.
    pub(crate) fn forbidden(message: impl Display) -> Self {
        Self { status: 403, ..Self::new(200, None, format!("(#200) {message}")) }
    }

    /// An object that does not exist.
    pub(crate) fn not_found(message: impl Display) -> Self {
        Self { status: 404, ..Self::new(803, None, format!("(#803) {message}")) }
    }

    /// A request without a token.
    pub(crate) fn no_token() -> Self {
        let message = "An access token is required to request this resource.";
        Self { status: 401, ..Self::new(104, None, message) }
    }

    /// A token that does not exist.
    pub(crate) fn unknown_token() -> Self {
        Self::new(190, None, "Invalid OAuth access token - Cannot parse access token")
    }

    /// An expired token. `since` is in seconds since 1970.
    pub(crate) fn expired_token(since: u64) -> Self {
        let message = format!("Error validating access token: Session has expired on {since} (Unix clock).");
        Self { status: 401, ..Self::new(190, Some(463), message) }
    }

    /// A missing or wrong `appsecret_proof`.
    pub(crate) fn wrong_proof(given: bool) -> Self {
        let message = if given {
            "Invalid appsecret_proof provided in the API argument"
        } else {
            "API calls from the server require an appsecret_proof argument"
        };
        Self::new(100, None, message)
    }

    /// A batch with too many items.
    pub(crate) fn too_many_items(most: usize) -> Self {
        let message = format!("Too many requests in batch message. Maximum batch size is {most}");
        Self::new(100, None, message)
    }

    /// A response with nested lists would exceed the maximum number of rows.
    pub(crate) fn too_many_rows() -> Self {
        let message = "Please reduce the amount of data you're asking for, then retry your request";
        Self { status: 500, ..Self::new(1, None, message) }
    }

    /// A call beyond the limits.
    pub(crate) fn throttled(code: u32, message: &str) -> Self {
        Self::new(code, None, format!("(#{code}) {message}"))
    }

    /// A write without effect, because the state file cannot be written.
    pub(crate) fn state_not_saved() -> Self {
        Self {
            status: 500,
            is_transient: true,
            ..Self::new(2, None, "Service temporarily unavailable: the state file cannot be written")
        }
    }

    /// Returns the error envelope.
    pub(crate) fn envelope(&self, trace: &str) -> Value {
        let is_of_method = matches!(self.code, 1 | 2) || self.message.contains("appsecret_proof");
        let kind = if is_of_method { "GraphMethodException" } else { "OAuthException" };
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
