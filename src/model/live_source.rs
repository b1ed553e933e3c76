//! Where live state comes from: the API, an emulator, or a snapshot that an emulator serves.

use super::{BusinessId, UserId, WabaId};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Where live state comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum LiveSource {
    /// It was not recorded: in plans that were saved by an older version.
    #[default]
    Unrecorded,
    /// Meta's API.
    Api,
    /// An emulator with a world of somebody's own.
    Emulator,
    /// An emulator with a snapshot of the API.
    Snapshot(SnapshotMark),
}

impl LiveSource {
    /// Returns the snapshot, if it is one.
    pub fn snapshot(&self) -> Option<&SnapshotMark> {
        match self {
            Self::Snapshot(mark) => Some(mark),
            Self::Unrecorded | Self::Api | Self::Emulator => None,
        }
    }

    /// Returns whether a plan that was made from this may be applied to the other. What is not recorded fits everything.
    pub fn fits(&self, other: &Self) -> bool {
        let is_api = |live_source: &Self| match live_source {
            Self::Unrecorded => None,
            Self::Api => Some(true),
            Self::Emulator | Self::Snapshot(_) => Some(false),
        };
        match (is_api(self), is_api(other)) {
            (Some(one), Some(other)) => one == other,
            (None, _) | (_, None) => true,
        }
    }
}

/// What a snapshot says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotMark {
    /// When its reading began, to the second.
    pub taken: Timestamp,
    /// The business that it is of.
    pub business: BusinessId,
    /// The user whose token read it, if its business has that user.
    pub acting_user: Option<UserId>,
    /// Whether the names of people and other businesses were left out.
    pub without_names: bool,
    /// Whether writes to the emulator have changed it.
    pub changed: bool,
    /// The WABAs of which only the id is known, because their row in a list could not be read.
    pub left_out: BTreeSet<WabaId>,
}
