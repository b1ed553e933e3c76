//! What the manifests of a set declared earlier.

use super::{Labels, Name, ReleasedUser, UserId, WabaId};
use std::collections::{BTreeMap, BTreeSet};

/// What the manifests of a set declared earlier: when they were last applied, and at the base commit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Earlier {
    /// The system users of the inventory.
    pub inventory: BTreeMap<UserId, ReleasedUser>,
    /// The system users of the manifests of `--previous`.
    pub previous: Vec<PreviousUser>,
    /// The WABAs of the inventory.
    pub wabas: BTreeMap<WabaId, EarlierWaba>,
    /// The system users that the manifests of other sets declare.
    pub other_sets: BTreeSet<UserId>,
}

/// A WABA that was in scope when the manifests were last applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierWaba {
    /// The name that it had.
    pub name: Name,
    /// The labels that it had.
    pub labels: Labels,
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
