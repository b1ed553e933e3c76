//! What names mean: the business's system users and WABAs, as the API tells them.

use super::{BusinessId, Name, TaskSet, UserId, WabaId};
use std::collections::BTreeMap;

/// The role of a system user in its business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AdminRole {
    /// An admin system user: full access to WABAs by default, not always listed on them.
    Admin,
    /// A regular (EMPLOYEE) system user: holds what is assigned.
    Employee,
    /// A role that this program does not know, or none given.
    Unknown,
}

/// A system user of the business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemUser {
    /// The name that the API tells.
    pub name: Name,
    /// Its role in the business.
    pub role: AdminRole,
}

/// The list on which a WABA was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edge {
    /// `owned_whatsapp_business_accounts`.
    Owned,
    /// `client_whatsapp_business_accounts`: shared with the business.
    Client,
    /// On neither list, but readable by its id.
    Direct,
}

/// A WABA as the business's lists tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryWaba {
    /// The name that the API tells.
    pub name: Name,
    /// Where it was found.
    pub edge: Edge,
    /// The tasks that can be assigned there; `None` where the API does not tell.
    pub permitted_tasks: Option<TaskSet>,
    /// Whether the token's app holds `MESSAGING` on the WABA's solution, as owner or partner; `None` where
    /// it was not asked or there is no solution.
    pub solution_messaging: Option<bool>,
}

/// The business's system users and WABAs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// The business portfolio.
    pub business: BusinessId,
    /// The system user that the token belongs to; `None` where the API does not tell.
    pub acting_user: Option<UserId>,
    /// The business's own system users, by id.
    pub system_users: BTreeMap<UserId, SystemUser>,
    /// The WABAs on the business's lists and those that were found by their id, by id.
    pub wabas: BTreeMap<WabaId, DirectoryWaba>,
}
