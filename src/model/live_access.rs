//! Who holds what in scope, for whoever shows more than what changes.

use super::{Desired, Name, Observed, State, UserId, WabaId};
use std::collections::BTreeMap;

/// The live access of the business's own system users on the WABAs in scope that could be read.
///
/// Together with a plan's changes it tells what every cell of the access matrix is, was and will be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LiveAccess {
    /// All WABAs in scope, with the names that the plan gives them; unreadable ones too.
    pub wabas: BTreeMap<WabaId, Name>,
    /// The declared system users, and every other of the business that holds something in scope.
    pub users: BTreeMap<UserId, Name>,
    /// What they hold; undeclared users' assignments too, which the plan lists as unmanaged.
    pub live: State,
}

impl LiveAccess {
    /// Takes what was observed of what is in scope.
    pub fn of(desired: &Desired, observed: Observed) -> Self {
        let wabas = desired.scope.wabas.iter().map(|(id, waba)| (*id, waba.name.clone())).collect();
        let mut users: BTreeMap<UserId, Name> =
            desired.scope.users.iter().map(|(id, user)| (*id, user.name.clone())).collect();
        for (key, _) in observed.state.iter() {
            users.entry(key.user).or_insert_with(|| {
                desired.own_users.get(&key.user).map(|user| user.name.clone()).unwrap_or_default()
            });
        }
        Self { wabas, users, live: observed.state }
    }
}
