//! Resolves a manifest without the API.

use super::{Circumstances, Resolved, resolve};
use crate::manifest::Manifest;
use crate::model::{AdminRole, Directory, Earlier, SystemUser, UserId};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// A manifest that is resolved without the API.
#[derive(Debug, Clone, PartialEq)]
pub struct Offline {
    /// The resolved manifest. Discovered WABAs are not in its scope, and no live names are known.
    pub resolved: Resolved,
    /// The users that are declared without an id. They have a number in place of it that must not be shown.
    pub without_id: BTreeSet<UserId>,
}

/// Resolves a manifest without the API. Returns `None` if it has an error that `check_offline` or `check_labels` reports.
pub fn offline(manifest: &Manifest, now: Timestamp) -> Option<Offline> {
    // No id is that high: Meta's have up to 17 digits.
    let numbers = (1..=u64::MAX).rev().filter_map(|number| number.to_string().parse::<UserId>().ok());
    let taken: BTreeSet<UserId> =
        manifest.system_users.values().filter_map(|user| user.id.map(|id| id.value)).collect();
    let found_by_name = manifest.system_users.iter().filter(|(_, user)| user.id.is_none());
    let system_users: BTreeMap<UserId, SystemUser> = numbers
        .filter(|number| !taken.contains(number))
        .zip(found_by_name)
        .map(|(number, (name, user))| {
            let name = user.name.as_ref().map_or(name, |name| &name.value).clone();
            (number, SystemUser { name, role: AdminRole::Unknown })
        })
        .collect();
    let without_id = system_users.keys().copied().collect();
    let directory = Directory { business: manifest.business.value, system_users, wabas: BTreeMap::new() };
    let earlier = Earlier::default();
    let circumstances = Circumstances { now, acting_user: None, earlier: &earlier, admin_rows: &[] };
    // The warnings are about a directory that was not read.
    let (resolved, _) = resolve(manifest, &directory, circumstances);
    Some(Offline { resolved: resolved?, without_id })
}
