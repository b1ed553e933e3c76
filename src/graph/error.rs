//! Errors of a call, by what the caller can do about them.

use crate::model::WabaId;
use crate::text;
use jiff::Timestamp;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The longest message of the API that is shown, in characters. A guess: Meta's longest messages list all tasks.
const MAX_MESSAGE: usize = 500;

/// The API's description of why it rejected a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// `error.code`.
    pub code: i64,
    /// `error.error_subcode`.
    pub subcode: Option<i64>,
    /// `error.message`, escaped and shortened to 500 characters.
    pub message: String,
    /// The part of `error.error_user_title` and `error.error_user_msg` that `message` does not contain; escaped and
    /// shortened as well.
    pub explanation: Option<String>,
    /// `error.fbtrace_id`, escaped. Meta's support asks for it.
    pub trace: Option<String>,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(explanation) = &self.explanation {
            write!(f, " – {explanation}")?;
        }
        write!(f, " (code {}", self.code)?;
        if let Some(subcode) = self.subcode {
            write!(f, ", subcode {subcode}")?;
        }
        if let Some(trace) = &self.trace {
            write!(f, ", trace {trace}")?;
        }
        f.write_str(")")
    }
}

/// Why a call failed. No text in it contains a secret.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// The token is invalid. No other call can succeed.
    #[error("the access token is not valid: {0}")]
    InvalidToken(ApiError),
    /// The `appsecret_proof` is wrong or missing. No other call can succeed.
    #[error("the appsecret_proof was rejected: {0}")]
    InvalidProof(ApiError),
    /// Too many calls. All calls have to slow down.
    #[error("Meta throttles calls: {api}")]
    Throttled {
        /// The API's error.
        api: ApiError,
        /// How long to wait, if the API says so.
        wait: Option<Duration>,
    },
    /// The API asks to wait for longer than this run may wait. A later run can succeed.
    #[error("Meta throttles calls until {}, and --max-wait allows less: {api}", minute(*until))]
    ThrottledTooLong {
        /// The API's error.
        api: ApiError,
        /// The end of the pause.
        until: Timestamp,
    },
    /// The WABA has no calls left in this hour, and this run may not wait for more. Other WABAs are not affected.
    #[error("WABA {waba} has used its {limit} calls an hour, until {}", minute(*until))]
    BudgetSpent {
        /// The WABA.
        waba: WabaId,
        /// The number of calls that it has in an hour.
        limit: u32,
        /// When it has calls again.
        until: Timestamp,
    },
    /// The time limit of the run is exceeded.
    #[error("the run exceeded --timeout")]
    OutOfTime,
    /// The call asks for too much data. Smaller pages can succeed.
    #[error("the call asks for too much data: {0}")]
    TooMuchData(ApiError),
    /// The token has no permission for this WABA. Others may be permitted.
    #[error("not permitted: {0}")]
    NotPermitted(ApiError),
    /// The id does not exist, or the token has no access to it.
    #[error("the id does not exist or is not accessible: {0}")]
    WrongId(ApiError),
    /// The id has another kind: that of a person instead of a system user's.
    #[error("the id is of the wrong kind: {0}")]
    WrongKindOfId(ApiError),
    /// The object does not exist.
    #[error("not found: {0}")]
    NotFound(ApiError),
    /// The account is blocked or locked.
    #[error("the account is blocked or locked: {0}")]
    Blocked(ApiError),
    /// The call itself is invalid.
    #[error("the API rejected the call: {0}")]
    BadRequest(ApiError),
    /// A transient error on Meta's side.
    #[error("transient error of the API: {0}")]
    Transient(ApiError),
    /// The response does not come from the Graph API: an HTML page, JSON of another shape, half a text.
    #[error("the response (HTTP {status}) is not from the Graph API: {what}")]
    UnexpectedResponse {
        /// The HTTP status.
        status: u16,
        /// What was received instead.
        what: String,
    },
    /// The request did not reach the API.
    #[error("the API could not be reached")]
    Unreachable {
        /// The cause.
        source: Arc<reqwest::Error>,
    },
    /// The request timed out.
    #[error("no response within {} s", after.as_secs())]
    TimedOut {
        /// The timeout.
        after: Duration,
    },
    /// The response to a batch has no item for this call.
    #[error("the response to the batch lacks this call")]
    NoBatchItem,
    /// The run ended before the call was sent. It had no effect.
    #[error("the call was not sent, because the run ended")]
    NotSent,
    /// The connection broke after the request was sent.
    #[error("the connection broke before the response was complete")]
    ConnectionBroken {
        /// The cause.
        source: Arc<reqwest::Error>,
    },
    /// The response is too large.
    #[error("the response exceeds the limit of {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// A redirect, which is never followed.
    #[error("the API answered with a redirect (HTTP {status})")]
    Redirect {
        /// The HTTP status.
        status: u16,
    },
    /// A list is incomplete, or its rows are invalid.
    #[error("the API returned an invalid list: {what}")]
    InvalidList {
        /// What is wrong with it.
        what: String,
    },
    /// A write was answered with `"success": false`.
    #[error("the API answered `success: false`")]
    NoSuccess,
    /// A write through a reader. This is a bug in this program.
    #[error("a write through a reader; nothing was sent")]
    ReadOnly,
    /// The settings cannot be used.
    #[error("{what}")]
    Settings {
        /// What is wrong with them.
        what: String,
        /// The cause, if there is one.
        source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    },
}

impl GraphError {
    /// Returns an error of settings that cannot be used.
    pub(super) fn settings(what: impl Into<String>) -> Self {
        Self::Settings { what: what.into(), source: None }
    }

    /// Returns an error of settings that cannot be used, with its cause.
    pub(super) fn settings_because(
        what: impl Into<String>,
        error: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self::Settings { what: what.into(), source: Some(Arc::new(error)) }
    }

    /// Returns an error of a list that is incomplete or has invalid rows.
    pub(super) fn invalid_list(what: &str) -> Self {
        Self::InvalidList { what: what.into() }
    }

    /// Returns whether no other call of this run can succeed: the token is invalid, or there is no time left.
    pub fn is_fatal(&self) -> bool {
        matches!(
            self,
            Self::InvalidToken(_) | Self::InvalidProof(_) | Self::ThrottledTooLong { .. } | Self::OutOfTime
        )
    }

    /// Returns whether the run itself held the call back: it was never sent.
    pub fn is_held_back(&self) -> bool {
        matches!(
            self,
            Self::NotSent | Self::ThrottledTooLong { .. } | Self::BudgetSpent { .. } | Self::OutOfTime
        )
    }

    /// Returns whether the same read may succeed a little later.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Transient(_)
                | Self::Unreachable { .. }
                | Self::ConnectionBroken { .. }
                | Self::TimedOut { .. }
                | Self::NoBatchItem
                | Self::UnexpectedResponse { status: 200 | 429 | 500.., .. }
        )
    }

    /// Returns whether a write that failed with this error may have taken effect nevertheless.
    pub fn outcome_unknown(&self) -> bool {
        matches!(
            self,
            Self::Transient(_)
                | Self::TooMuchData(_)
                | Self::TimedOut { .. }
                | Self::NoBatchItem
                | Self::ConnectionBroken { .. }
                | Self::UnexpectedResponse { .. }
                | Self::TooLarge { .. }
                | Self::Redirect { .. }
                | Self::InvalidList { .. }
        )
    }

    /// Returns the id by which Meta's support finds the call, if the API sent one.
    pub fn trace(&self) -> Option<String> {
        match self {
            Self::InvalidToken(api)
            | Self::InvalidProof(api)
            | Self::Throttled { api, .. }
            | Self::ThrottledTooLong { api, .. }
            | Self::NotPermitted(api)
            | Self::WrongId(api)
            | Self::WrongKindOfId(api)
            | Self::NotFound(api)
            | Self::Blocked(api)
            | Self::BadRequest(api)
            | Self::TooMuchData(api)
            | Self::Transient(api) => api.trace.clone(),
            Self::BudgetSpent { .. }
            | Self::OutOfTime
            | Self::UnexpectedResponse { .. }
            | Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::NoBatchItem
            | Self::NotSent
            | Self::ConnectionBroken { .. }
            | Self::TooLarge { .. }
            | Self::Redirect { .. }
            | Self::InvalidList { .. }
            | Self::NoSuccess
            | Self::ReadOnly
            | Self::Settings { .. } => None,
        }
    }

    /// Returns what the user can do, if anything.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::InvalidToken(_) => {
                "create a new token for the system user in Business Settings, and pass it to this program"
            }
            Self::InvalidProof(_) => {
                "check that WABACL_APP_SECRET or --app-secret-file contains the secret of the token's app"
            }
            Self::Throttled { .. } => "run it again later; more calls lengthen the wait",
            Self::ThrottledTooLong { until, .. } | Self::BudgetSpent { until, .. } => {
                return Some(format!("run it again after {}, or pass a longer --max-wait", minute(*until)));
            }
            Self::OutOfTime => "pass a longer --timeout",
            Self::NotPermitted(_) => {
                "reading needs the scopes whatsapp_business_management and business_management, writing the token of a system user with admin permissions"
            }
            Self::WrongKindOfId(_) | Self::WrongId(_) => {
                "ids of users are app-scoped: the number in Business Settings can differ from the one that the API uses with this app's token; omit `id` to find a user by name"
            }
            Self::Redirect { .. } => "redirects are never followed; check --graph-url and any proxy",
            Self::UnexpectedResponse { .. } | Self::TooLarge { .. } => "check --graph-url and any proxy",
            Self::Unreachable { .. } => "check the network, --graph-url, the proxy variables and --ca-file",
            Self::Transient(_)
            | Self::TooMuchData(_)
            | Self::TimedOut { .. }
            | Self::NoBatchItem
            | Self::NotSent
            | Self::ConnectionBroken { .. }
            | Self::InvalidList { .. } => "run it again",
            Self::NotFound(_)
            | Self::Blocked(_)
            | Self::BadRequest(_)
            | Self::NoSuccess
            | Self::ReadOnly
            | Self::Settings { .. } => return None,
        };
        Some(String::from(hint))
    }
}

/// Formats a moment to the minute, rounded up: a user who comes back then is not too early.
fn minute(moment: Timestamp) -> String {
    let seconds = moment.as_second().saturating_add(59) / 60 * 60;
    let shown = Timestamp::from_second(seconds).unwrap_or(moment).to_string();
    shown.replace(":00Z", "Z")
}

/// Escapes and shortens a text of the API.
pub(super) fn shorten(foreign: &str) -> String {
    text::shorten(&text::escape(foreign), MAX_MESSAGE).into_owned()
}
