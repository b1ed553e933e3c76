//! What can go wrong with a call, by what the caller can do about it.

use super::wire::ErrorBody;
use crate::model::WabaId;
use crate::text::escape;
use jiff::Timestamp;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The longest message of the API that is shown, in characters.
const LONGEST_MESSAGE: usize = 500;

/// What the API says of a call that it refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// `error.code`.
    pub code: i64,
    /// `error.error_subcode`.
    pub subcode: Option<i64>,
    /// `error.message`, harmless and at most 500 characters.
    pub message: String,
    /// What `error.error_user_title` and `error.error_user_msg` say beyond the message, as harmless and as short.
    pub explanation: Option<String>,
    /// `error.fbtrace_id`, harmless; Meta's support asks for it.
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

/// Why a call failed. The variants follow what the caller can do; no text in them holds a secret.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// The token is no good: stop everything.
    #[error("the access token is no good: {0}")]
    TokenDead(ApiError),
    /// The `appsecret_proof` is wrong or missing: stop everything.
    #[error("the appsecret_proof was not accepted: {0}")]
    BadProof(ApiError),
    /// Too many calls: slow down as a whole.
    #[error("Meta asks to slow down: {api}")]
    Throttled {
        /// What the API says.
        api: ApiError,
        /// How long to wait, where the API tells.
        wait: Option<Duration>,
    },
    /// Meta asks to wait for longer than this run may: it ends, and can be run again later.
    #[error("Meta asks to wait until {}, and --max-wait allows less: {api}", minute(*until))]
    Later {
        /// What the API says.
        api: ApiError,
        /// When to come back.
        until: Timestamp,
    },
    /// The hour's calls for one WABA are used up, and this run may not wait for more; other WABAs go on.
    #[error("the {limit} calls an hour for the WABA {waba} are used up until {}", minute(*until))]
    BudgetSpent {
        /// The WABA.
        waba: WabaId,
        /// How many calls an hour it has.
        limit: u32,
        /// When there is room again.
        until: Timestamp,
    },
    /// The time for the whole run is up.
    #[error("the run took longer than --timeout allows")]
    OutOfTime,
    /// More was asked for at once than the API gives: ask for smaller pages.
    #[error("too much was asked for at once: {0}")]
    TooMuch(ApiError),
    /// Not permitted; other WABAs may be.
    #[error("not permitted: {0}")]
    NotPermitted(ApiError),
    /// A wrong id, or no access to what it names.
    #[error("there is nothing of this id, or no access to it: {0}")]
    WrongId(ApiError),
    /// An id of the wrong kind: a person's instead of a system user's.
    #[error("an id of the wrong kind: {0}")]
    WrongKindOfId(ApiError),
    /// Nothing of this name.
    #[error("not found: {0}")]
    NotFound(ApiError),
    /// The account is blocked or locked.
    #[error("blocked or locked: {0}")]
    Blocked(ApiError),
    /// The call itself was wrong.
    #[error("the API refused the call: {0}")]
    BadRequest(ApiError),
    /// A passing fault on Meta's side.
    #[error("a passing fault at Meta: {0}")]
    Passing(ApiError),
    /// An answer that is no Graph API's: an HTML page, JSON of another shape, half of a text.
    #[error("the answer (HTTP {status}) is not the Graph API's: {what}")]
    NotGraph {
        /// The HTTP status.
        status: u16,
        /// What it is instead.
        what: String,
    },
    /// The request never reached the API.
    #[error("the API could not be reached")]
    Unreachable {
        /// Why.
        source: Arc<reqwest::Error>,
    },
    /// No answer came in time.
    #[error("no answer came within {} s", after.as_secs())]
    TimedOut {
        /// How long it was waited for.
        after: Duration,
    },
    /// A batch was answered, but not this item of it.
    #[error("the batch was answered without an answer to this call")]
    NoAnswer,
    /// The run ended before it was sent: it had no effect.
    #[error("it was not sent any more")]
    NotSent,
    /// The connection broke, or the time was up, after the request was sent.
    #[error("the connection broke before the whole answer was there")]
    Broken {
        /// Why.
        source: Arc<reqwest::Error>,
    },
    /// An answer above the limit.
    #[error("the answer is larger than {limit} bytes")]
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
    /// A list whose pages make no whole.
    #[error("the list broke off: {what}")]
    BrokenList {
        /// What is wrong with it.
        what: String,
    },
    /// A write that was accepted with `"success": false`.
    #[error("the API answered `success: false`")]
    NoSuccess,
    /// Something that would write, through a reader; a fault of this program.
    #[error("a reader was asked to write; nothing was sent")]
    ReadOnly,
    /// The settings cannot be used.
    #[error("{what}")]
    Settings {
        /// What is wrong with them.
        what: String,
        /// Why, where there is more to say.
        source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    },
}

impl GraphError {
    /// Sorts an error of the API by its code, after the table in Meta's documentation.
    pub(super) fn from_api(status: u16, body: &ErrorBody, wait: Option<Duration>) -> Self {
        let api = ApiError {
            status,
            code: body.code,
            subcode: body.error_subcode,
            message: shortened(&body.message),
            explanation: body.explanation().as_deref().map(shortened),
            trace: body.fbtrace_id.as_deref().map(shortened),
        };
        match (body.code, body.error_subcode) {
            (102 | 190, _) => Self::TokenDead(api),
            (104, _) => Self::BadProof(api),
            (4 | 17 | 32 | 341 | 613 | 80007 | 80008 | 130_429, _) => Self::Throttled { api, wait },
            (1, _) if body.message.contains("reduce the amount of data") => Self::TooMuch(api),
            (1 | 2, _) => Self::Passing(api),
            // Whatever else it says, what passes is tried again, and a write is settled by a read.
            (code, _) if code != 803 && (body.is_transient == Some(true) || status >= 500) => {
                Self::Passing(api)
            }
            (3 | 10 | 200..=299, _) => Self::NotPermitted(api),
            (100, Some(33)) => Self::WrongId(api),
            (100, Some(1_752_100)) => Self::WrongKindOfId(api),
            (100, _) if body.message.contains("Need either permission on WhatsApp Business Account") => {
                Self::NotPermitted(api)
            }
            (803, _) => Self::NotFound(api),
            (368 | 131_031, _) => Self::Blocked(api),
            _ => Self::BadRequest(api),
        }
    }

    /// Returns whether nothing more can succeed in this run: the token is no good, or there is no time left.
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::TokenDead(_) | Self::BadProof(_) | Self::Later { .. } | Self::OutOfTime)
    }

    /// Returns whether the run itself held the call back: it was never sent.
    pub fn is_held_back(&self) -> bool {
        matches!(self, Self::NotSent | Self::Later { .. } | Self::BudgetSpent { .. } | Self::OutOfTime)
    }

    /// Returns whether the same read may succeed a little later.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Passing(_) | Self::Unreachable { .. } | Self::Broken { .. })
            || matches!(self, Self::TimedOut { .. } | Self::NoAnswer)
            || matches!(self, Self::NotGraph { status, .. } if *status >= 500 || matches!(*status, 200 | 429))
    }

    /// Returns whether a write that failed like this may have taken effect all the same.
    pub fn outcome_unknown(&self) -> bool {
        matches!(
            self,
            Self::Passing(_)
                | Self::TooMuch(_)
                | Self::TimedOut { .. }
                | Self::NoAnswer
                | Self::Broken { .. }
                | Self::NotGraph { .. }
                | Self::TooLarge { .. }
                | Self::Redirect { .. }
                | Self::BrokenList { .. }
        )
    }

    /// Returns the id by which Meta finds the call, where the API told one.
    pub fn trace(&self) -> Option<String> {
        match self {
            Self::TokenDead(api)
            | Self::BadProof(api)
            | Self::Throttled { api, .. }
            | Self::Later { api, .. }
            | Self::NotPermitted(api)
            | Self::WrongId(api)
            | Self::WrongKindOfId(api)
            | Self::NotFound(api)
            | Self::Blocked(api)
            | Self::BadRequest(api)
            | Self::TooMuch(api)
            | Self::Passing(api) => api.trace.clone(),
            Self::BudgetSpent { .. }
            | Self::OutOfTime
            | Self::NotGraph { .. }
            | Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::NoAnswer
            | Self::NotSent
            | Self::Broken { .. }
            | Self::TooLarge { .. }
            | Self::Redirect { .. }
            | Self::BrokenList { .. }
            | Self::NoSuccess
            | Self::ReadOnly
            | Self::Settings { .. } => None,
        }
    }

    /// Returns what to do, where there is something to say.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::TokenDead(_) => {
                "make a new token for the system user in Business Settings, and put it where this run takes it from"
            }
            Self::BadProof(_) => {
                "check that WABACL_APP_SECRET or --app-secret-file holds the secret of the token's app"
            }
            Self::Throttled { .. } => "come back later: calling on lengthens the wait",
            Self::Later { until, .. } | Self::BudgetSpent { until, .. } => {
                return Some(format!("run it again after {}, or give a longer --max-wait", minute(*until)));
            }
            Self::OutOfTime => "give a longer --timeout",
            Self::NotPermitted(_) => {
                "reading needs the scopes whatsapp_business_management and business_management, writing the token of a system user with admin permissions"
            }
            Self::WrongKindOfId(_) | Self::WrongId(_) => {
                "ids of users are app-scoped: the number that Business Settings shows can differ from the one that the API uses with this app's token; leave `id` out to find a user by its name"
            }
            Self::Redirect { .. } => {
                "redirects are never followed; check --graph-url and any proxy on the way"
            }
            Self::NotGraph { .. } | Self::TooLarge { .. } => "check --graph-url and any proxy on the way",
            Self::Unreachable { .. } => "check the network, --graph-url, the proxy variables and --ca-file",
            Self::Passing(_)
            | Self::TooMuch(_)
            | Self::TimedOut { .. }
            | Self::NoAnswer
            | Self::NotSent
            | Self::Broken { .. }
            | Self::BrokenList { .. } => "run it again",
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

/// Shows a moment to the minute, and never one that is too early.
fn minute(moment: Timestamp) -> String {
    let seconds = moment.as_second().saturating_add(59) / 60 * 60;
    let shown = Timestamp::from_second(seconds).unwrap_or(moment).to_string();
    shown.replace(":00Z", "Z")
}

/// Makes a foreign text harmless and short.
pub(super) fn shortened(text: &str) -> String {
    let shown = escape(text);
    match shown.char_indices().nth(LONGEST_MESSAGE) {
        None => shown.into_owned(),
        Some((end, _)) => format!("{}…", shown.get(..end).unwrap_or_default()),
    }
}
