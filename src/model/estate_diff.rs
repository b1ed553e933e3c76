//! What differs between two copies of an estate.

use super::{AssignmentKey, BusinessId, Name, SnapshotMark, SolutionId, TaskSet, UserId, WabaId};
use std::collections::BTreeSet;

/// What differs between an older and a newer copy of an estate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EstateDiff {
    /// The business.
    pub business: BusinessId,
    /// What the older copy says of itself, if it is a snapshot.
    pub old: Option<SnapshotMark>,
    /// What the newer copy says of itself, if it is a snapshot.
    pub new: Option<SnapshotMark>,
    /// The system users of the business that came, went or changed, by id.
    pub users: Vec<ObjectDiff<UserId, UserFacts>>,
    /// The WABAs that came, went or changed, by id.
    pub wabas: Vec<ObjectDiff<WabaId, WabaFacts>>,
    /// The assignments that came, went or changed, by WABA and user; also those of people and of other businesses.
    pub access: Vec<AccessDiff>,
    /// The WABAs on which access is not known in one of the copies, so that it is not compared.
    pub unknown: Vec<UnknownAccess>,
}

impl EstateDiff {
    /// Returns whether nothing differs that is known in both copies.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.wabas.is_empty() && self.access.is_empty()
    }
}

/// An object that came, went or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectDiff<Id, Facts> {
    /// The id.
    pub id: Id,
    /// What it was; `None` if it came.
    pub before: Option<Facts>,
    /// What it is; `None` if it went.
    pub after: Option<Facts>,
}

/// What is compared of a system user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserFacts {
    /// The name.
    pub name: Name,
    /// The role, if it is known.
    pub role: Option<String>,
}

/// What is compared of a WABA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WabaFacts {
    /// The name.
    pub name: Name,
    /// Whether the business owns it; otherwise it is shared with the business.
    pub owned: bool,
    /// The tasks that can be assigned, if they are known.
    pub permitted_tasks: Option<TaskSet>,
    /// The solutions through which it is shared, if they are known.
    pub solutions: Option<BTreeSet<SolutionId>>,
}

/// Whose assignment it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HolderOf {
    /// A system user of the business.
    SystemUser,
    /// A person of the business, or one whose business is not known.
    Person,
    /// A user of another business.
    OtherBusiness,
}

/// An assignment that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessDiff {
    /// The WABA and the user.
    pub key: AssignmentKey,
    /// The name of the WABA.
    pub waba: Name,
    /// The name of the user.
    pub user: Name,
    /// Whose it is.
    pub holder: HolderOf,
    /// The tasks in the older copy.
    pub before: TaskSet,
    /// The tasks in the newer copy.
    pub after: TaskSet,
}

/// A WABA on which access is not known in a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownAccess {
    /// The WABA.
    pub id: WabaId,
    /// Its name.
    pub name: Name,
    /// Whether access is not known in the older copy.
    pub in_old: bool,
    /// Whether access is not known in the newer copy.
    pub in_new: bool,
}
