//! What was read from the API, whole or not at all.

use super::{AssignmentKey, Name, State, TaskSet, WabaId};
use std::collections::{BTreeMap, BTreeSet};

/// What kind of user holds something without being one of the business's own system users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HolderKind {
    /// A person (`BUSINESS_USER`, `PERSONAL_USER`).
    Person,
    /// A system user of another business.
    OtherBusiness,
    /// A `user_type` that this program does not know.
    Unknown,
}

/// A holder who is not one of the business's own system users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherHolder {
    /// The name that the row gives.
    pub name: Name,
    /// What kind of user it is.
    pub kind: HolderKind,
    /// What it holds; never empty.
    pub tasks: TaskSet,
}

/// Why a WABA's assignments are not known: one line for people, the whole chain of causes in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable(pub String);

/// What the API tells of the WABAs in scope: only whole lists.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observed {
    /// What the business's own system users hold.
    pub state: State,
    /// What everybody else holds.
    pub others: BTreeMap<AssignmentKey, OtherHolder>,
    /// The WABAs whose list could not be read whole.
    pub unreadable: BTreeMap<WabaId, Unreadable>,
    /// The WABAs whose list came back empty where holders are expected, and whose emptiness the users' side
    /// could not confirm.
    pub unconfirmed: BTreeSet<WabaId>,
}
