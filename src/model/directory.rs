//! The directory: the business's system users and WABAs, as listed by the API.

use super::{BusinessId, Name, TaskSet, UserId, WabaId};
use std::collections::BTreeMap;

/// The role of a system user in its business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AdminRole {
    /// An admin system user. It has full access to WABAs by default and is not always listed on them.
    Admin,
    /// A regular system user. It has the access that is assigned to it.
    Employee,
    /// An unknown role, or none.
    Unknown,
}

/// A system user of the business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemUser {
    /// The live name.
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

/// A WABA of the business's lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryWaba {
    /// The live name.
    pub name: Name,
    /// The list on which it was found.
    pub edge: Edge,
    /// The tasks that can be assigned there; `None` if the API does not report them.
    pub permitted_tasks: Option<TaskSet>,
    /// Whether the token's app holds `MESSAGING` on the WABA's solution, as owner or partner; `None` if there is no
    /// solution or it was not read.
    pub solution_messaging: Option<bool>,
}

/// The business's system users and WABAs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// The business portfolio.
    pub business: BusinessId,
    /// The business's own system users, by id.
    pub system_users: BTreeMap<UserId, SystemUser>,
    /// The WABAs on the business's lists, and those that were found by their id.
    pub wabas: BTreeMap<WabaId, DirectoryWaba>,
}
