//! What the manifests of a set declared earlier.

use super::{Name, ReleasedUser, UserId, WabaId};
use std::collections::{BTreeMap, BTreeSet};

/// What the manifests of a set declared earlier: when they were last applied, and at the base commit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Earlier {
    /// The system users of the inventory.
    pub inventory: BTreeMap<UserId, ReleasedUser>,
    /// The system users of the manifests of `--previous`.
    pub previous: Vec<PreviousUser>,
    /// The WABAs of the inventory, with the names that they had.
    pub wabas: BTreeMap<WabaId, Name>,
    /// The system users that the manifests of other sets declare.
    pub other_sets: BTreeSet<UserId>,
}

/// A system user that the manifests of `--previous` declare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousUser {
    /// The id, if they give one.
    pub id: Option<UserId>,
    /// The live name by which they find it.
    pub live_name: Name,
    /// Its name in the manifests, and where it was declared.
    pub released: ReleasedUser,
}
