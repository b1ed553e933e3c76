//! What a run is narrowed to.

use super::{Glob, Name, UserId, WabaId};
use std::collections::BTreeSet;

/// What a run is narrowed to: the assignments of these users on these WABAs, and of those only what has expired. Without any
/// value it is not narrowed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// Globs on the names of WABAs; one of them must match. Empty: all WABAs in scope.
    pub wabas: Vec<Glob>,
    /// System users, by their name in the manifests, their live name, or their id. Empty: all of them.
    pub users: Vec<Name>,
    /// Whether it only takes away what has expired.
    pub only_expired: bool,
    /// The ids of WABAs that are read one by one, without any list. Empty: all WABAs in scope.
    pub ids: BTreeSet<WabaId>,
}

impl Selection {
    /// Returns whether it leaves out anything.
    pub fn is_narrowed(&self) -> bool {
        self.narrows_wabas() || !self.users.is_empty()
    }

    /// Returns whether it leaves out WABAs.
    pub fn narrows_wabas(&self) -> bool {
        !self.wabas.is_empty() || self.only_expired || !self.ids.is_empty()
    }

    /// Returns whether a WABA is selected.
    pub fn includes_waba(&self, id: WabaId, name: &Name) -> bool {
        let by_name = self.wabas.is_empty() || self.wabas.iter().any(|glob| glob.matches(name.as_str()));
        by_name && (self.ids.is_empty() || self.ids.contains(&id))
    }
}

/// A [`Selection`] with its names looked up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selected {
    /// The WABAs in scope that are selected.
    pub wabas: BTreeSet<WabaId>,
    /// The users; `None` is everybody.
    pub users: Option<BTreeSet<UserId>>,
}

impl Selected {
    /// Returns whether a user is selected.
    pub fn includes_user(&self, user: UserId) -> bool {
        self.users.as_ref().is_none_or(|users| users.contains(&user))
    }
}

/// How a desired state was narrowed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Narrowing {
    /// What was asked for.
    pub selection: Selection,
    /// The selected users; `None` is everybody.
    pub users: Option<BTreeSet<UserId>>,
    /// The WABAs in scope that are not read.
    pub left_out: BTreeSet<WabaId>,
    /// The number of desired assignments on WABAs that are not read. They count as live.
    pub unread: usize,
    /// The number of selected assignments that are as desired according to the lists of their users. Their WABAs are not
    /// read.
    pub unchanged: usize,
}
