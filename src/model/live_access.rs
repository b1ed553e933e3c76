//! The live access in scope, for outputs that show more than changes.

use super::{Desired, Name, Observed, State, UserId, WabaId};
use std::collections::BTreeMap;

/// The live access of the business's own system users on the WABAs in scope that could be read.
///
/// Together with a plan's changes it contains every cell of the access matrix, before and after.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LiveAccess {
    /// All WABAs in scope with their names, unreadable ones included.
    pub wabas: BTreeMap<WabaId, Name>,
    /// The declared system users, and the business's other system users that hold something in scope.
    pub users: BTreeMap<UserId, Name>,
    /// Their assignments. Those of undeclared users are also in the plan, as unmanaged.
    pub live: State,
}

impl LiveAccess {
    /// Makes it from what was observed. WABAs out of scope are left out.
    pub fn of(desired: &Desired, observed: Observed) -> Self {
        let wabas = desired.scope.wabas.iter().map(|(id, waba)| (*id, waba.name.clone())).collect();
        let mut users: BTreeMap<UserId, Name> =
            desired.scope.users.iter().map(|(id, user)| (*id, user.name.clone())).collect();
        for (key, _) in observed.state.iter() {
            users.entry(key.user).or_insert_with(|| {
                let listed = desired.own_users.get(&key.user).map(|user| &user.name);
                listed.or_else(|| observed.unlisted.get(&key.user)).cloned().unwrap_or_default()
            });
        }
        let live = if desired.left.is_empty() {
            observed.state
        } else {
            observed.state.retain_wabas(|waba| desired.scope.wabas.contains_key(&waba))
        };
        Self { wabas, users, live }
    }
}
