//! Errors of a call, by what the caller can do about them.

use crate::model::{Refusal, Unreadable, WabaId, chain};
use crate::text;
use jiff::Timestamp;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The API's description of why it rejected a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// `error.code`, if there is one.
    pub code: Option<i32>,
    /// `error.error_subcode`.
    pub subcode: Option<i32>,
    /// `error.message`, escaped and shortened to 500 characters.
    pub message: String,
    /// The part of `error.error_user_title` and `error.error_user_msg` that `message` does not contain; escaped and
    /// shortened as well.
    pub explanation: Option<String>,
    /// `error.fbtrace_id`, escaped. Meta's support asks for it.
    pub trace: Option<String>,
}

impl ApiError {
    /// Returns whether a throttled call concerns only its WABA: Meta's pages on rate limits list these codes for a
    /// WhatsApp Business Account, and the others for an app or a user.
    pub(super) fn is_of_waba(&self) -> bool {
        matches!(self.code, Some(80007 | 80008))
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(explanation) = &self.explanation {
            write!(f, " – {explanation}")?;
        }
        let code = self.code.map(|code| format!("code {code}"));
        let subcode = self.subcode.map(|subcode| format!("subcode {subcode}"));
        let trace = self.trace.as_ref().map(|trace| format!("trace {trace}"));
        let known: Vec<String> = [code, subcode, trace].into_iter().flatten().collect();
        if known.is_empty() { Ok(()) } else { write!(f, " ({})", known.join(", ")) }
    }
}

/// Who estimated how long calls are throttled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Estimate {
    /// Meta, in a header.
    Meta,
    /// This program, because no header says it.
    Own,
}

impl Estimate {
    /// Formats the end of a pause.
    fn until(self, moment: Timestamp) -> String {
        match self {
            Self::Meta => format!("by its own estimate until {}", minute(moment)),
            Self::Own => {
                format!("without saying for how long; the next attempt would be at {}", minute(moment))
            }
        }
    }
}

fn throttled(waba: Option<WabaId>) -> String {
    let calls = waba.map(|waba| format!(" for WABA {waba}")).unwrap_or_default();
    format!("Meta throttles calls{calls}")
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
    /// Calls are throttled for longer than this run may wait. A later run can succeed.
    #[error("{}, {}, and --max-wait or --timeout allows less: {api}", throttled(*waba), estimate.until(*until))]
    ThrottledTooLong {
        /// The API's error.
        api: Box<ApiError>,
        /// The WABA whose calls are throttled; `None` for all calls.
        waba: Option<WabaId>,
        /// The end of the pause.
        until: Timestamp,
        /// Who estimated the end.
        estimate: Estimate,
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
    /// The business requires two-factor authentication.
    #[error("two-factor authentication is required: {0}")]
    TwoFactor(ApiError),
    /// The account is blocked or locked.
    #[error("the account is blocked or locked: {0}")]
    Blocked(ApiError),
    /// The call itself is invalid.
    #[error("the API rejected the call: {0}")]
    BadRequest(ApiError),
    /// A transient error on Meta's side.
    #[error("transient error of the API: {0}")]
    Transient(ApiError),
    /// The response does not come from the Graph API: an HTML page, half a text.
    #[error("the response (HTTP {status}) is not from the Graph API: {what}")]
    UnexpectedResponse {
        /// The HTTP status.
        status: u16,
        /// What was received instead.
        what: String,
    },
    /// The response is JSON of a form that this program does not know.
    #[error("the response of the API has an unknown form: {what}")]
    UnknownForm {
        /// What is wrong with it.
        what: String,
    },
    /// A list could not be read.
    #[error("the list /{path} could not be read")]
    List {
        /// The path of the list below the version.
        path: String,
        /// The cause; never a fatal error.
        source: Box<GraphError>,
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
    pub(super) fn invalid_list(what: impl Into<String>) -> Self {
        Self::InvalidList { what: what.into() }
    }

    /// Adds which list could not be read. A fatal error concerns more than the list and stays as it is.
    pub(super) fn of_list(path: &str) -> impl FnOnce(Self) -> Self {
        |error| match error {
            error if error.is_fatal() => error,
            error => Self::List { path: path.to_owned(), source: Box::new(error) },
        }
    }

    /// Returns whether a list could not be read to its end.
    pub fn is_of_list(&self) -> bool {
        matches!(self, Self::List { .. })
    }

    /// Returns whether no other call of this run can succeed: the token is invalid, all calls are throttled, or there
    /// is no time left.
    pub fn is_fatal(&self) -> bool {
        matches!(
            self,
            Self::InvalidToken(_)
                | Self::InvalidProof(_)
                | Self::ThrottledTooLong { waba: None, .. }
                | Self::OutOfTime
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
                | Self::UnexpectedResponse { status: 200 | 500.., .. }
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
                | Self::UnknownForm { .. }
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
            | Self::NotPermitted(api)
            | Self::WrongId(api)
            | Self::WrongKindOfId(api)
            | Self::NotFound(api)
            | Self::TwoFactor(api)
            | Self::Blocked(api)
            | Self::BadRequest(api)
            | Self::TooMuchData(api)
            | Self::Transient(api) => api.trace.clone(),
            Self::ThrottledTooLong { api, .. } => api.trace.clone(),
            Self::List { source, .. } => source.trace(),
            Self::BudgetSpent { .. }
            | Self::OutOfTime
            | Self::UnexpectedResponse { .. }
            | Self::UnknownForm { .. }
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

    /// Returns this as the reason why a list is not known.
    pub fn unreadable(&self) -> Unreadable {
        Unreadable { why: chain(self), refusal: self.refusal() }
    }

    /// Returns the error of the API, if it refuses the call and would refuse it again.
    fn refusal(&self) -> Option<Refusal> {
        if let Self::List { source, .. } = self {
            return source.refusal();
        }
        let (Self::NotPermitted(api)
        | Self::WrongId(api)
        | Self::WrongKindOfId(api)
        | Self::NotFound(api)
        | Self::TwoFactor(api)
        | Self::Blocked(api)
        | Self::BadRequest(api)) = self
        else {
            return None;
        };
        let explanation = api.explanation.as_ref().map(|text| format!(" – {text}")).unwrap_or_default();
        Some(Refusal {
            status: api.status,
            code: api.code?.try_into().ok()?,
            subcode: api.subcode.and_then(|subcode| subcode.try_into().ok()),
            message: shorten(&format!("{}{explanation}", api.message)),
        })
    }

    /// Returns what the user can do, if anything.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::InvalidToken(_) => {
                "create a new token for the system user in Business Settings, and pass it to this program"
            }
            Self::InvalidProof(_) => {
                "pass the app secret of the token's app with WABACL_APP_SECRET or --app-secret-file"
            }
            Self::Throttled { .. } => "run it again later; more calls lengthen the wait",
            Self::ThrottledTooLong { until, estimate: Estimate::Meta, .. }
            | Self::BudgetSpent { until, .. } => {
                let until = minute(*until);
                return Some(format!(
                    "run it again after {until}, or pass a longer --max-wait and --timeout"
                ));
            }
            Self::ThrottledTooLong { .. } => {
                "run it again later, or pass a longer --max-wait and --timeout; more calls lengthen the wait"
            }
            Self::OutOfTime => "pass a longer --timeout",
            Self::NotPermitted(ApiError { code: Some(3 | 10), .. }) => {
                "the app may lack advanced access to whatsapp_business_management or business_management; reading needs these scopes, and writing needs the token of an admin system user"
            }
            Self::NotPermitted(_) => {
                "reading needs the scopes whatsapp_business_management and business_management, and writing needs the token of an admin system user"
            }
            Self::WrongId(_) => {
                "check in Business Settings that the business, or the WABA, exists and that the WABA still is shared with the business"
            }
            Self::WrongKindOfId(_) => {
                "ids of users are app-scoped: the number in Business Settings can differ from the one that the API uses with this app's token; omit `id` to find a user by name"
            }
            Self::TwoFactor(_) => {
                "turn on two-factor authentication in Business Settings as Meta asks for it"
            }
            Self::List { source, .. } => return source.hint(),
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
            Self::UnknownForm { .. } => {
                "reading it again does not help; a newer version of this program may know the form"
            }
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
    text::shorten(&text::escape(foreign), text::MAX_QUOTE).into_owned()
}
