//! Observed access: complete lists that were read from the API.

use super::{AssignmentKey, BusinessId, Name, State, TaskSet, UserId, WabaId};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// The kind of a holder that is not one of the business's own system users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HolderKind {
    /// A person (`BUSINESS_USER`, `PERSONAL_USER`).
    Person,
    /// A system user or a person of another business.
    OtherBusiness,
    /// A `user_type` that this program does not know.
    Unknown,
}

/// A holder that is not one of the business's own system users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherHolder {
    /// The name in the API's row.
    pub name: Name,
    /// The kind of user.
    pub kind: HolderKind,
    /// The tasks that it holds; never empty.
    pub tasks: TaskSet,
    /// Whether the row says that it belongs to the business itself.
    pub own: bool,
    /// The `user_type` in the API's row, if there is one.
    pub user_type: Option<Cow<'static, str>>,
    /// The business in the API's row, if there is one.
    pub business: Option<BusinessId>,
}

/// Why a list of the API is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// One line with the whole chain of causes.
    pub why: String,
    /// The error of the API, if it refuses to show the list. Reading again does not help then.
    pub refusal: Option<Refusal>,
}

impl Unreadable {
    /// Makes one of which only the reason is known.
    pub fn because(why: impl Into<String>) -> Self {
        Self { why: why.into(), refusal: None }
    }
}

/// An error with which the API refuses a call, whenever it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// `error.code`.
    pub code: u32,
    /// `error.error_subcode`.
    pub subcode: Option<u32>,
    /// The message, escaped and shortened.
    pub message: String,
}

/// What a user holds on each WABA, with the WABA's live name. Tasks that the API does not report are `None`.
pub type HeldByUser = BTreeMap<WabaId, (Name, Option<TaskSet>)>;

/// The live access on the WABAs in scope. A list that could not be read completely is not in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observed {
    /// The assignments of the business's own system users.
    pub state: State,
    /// The names of the business's own system users that are on a WABA and that the directory lacks.
    pub unlisted: BTreeMap<UserId, Name>,
    /// The assignments of everybody else.
    pub others: BTreeMap<AssignmentKey, OtherHolder>,
    /// The names of the businesses in the rows of others.
    pub businesses: BTreeMap<BusinessId, Name>,
    /// The WABAs whose list could not be read completely.
    pub unreadable: BTreeMap<WabaId, Unreadable>,
    /// The WABAs whose list is empty although holders are expected, and where reading the users' own lists
    /// could not confirm that.
    pub unconfirmed: BTreeSet<WabaId>,
    /// What suspended users hold on all WABAs, by the API's lists for them; or why such a list could not be read.
    pub suspended: BTreeMap<UserId, Result<HeldByUser, Unreadable>>,
}
