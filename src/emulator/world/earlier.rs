//! The access in a world as a business sees it, for a comparison with live access.

use super::{UserKind, World};
use crate::model::{AdminRole, BusinessId, EarlierAccess, EarlierHolding, EarlierWabaAccess, Name, UserId};
use std::collections::BTreeMap;

impl World {
    /// Returns the access in this world; `None` if it is no snapshot. It is that which the snapshot's business saw.
    pub fn earlier_access(&self) -> Option<EarlierAccess> {
        let mark = self.snapshot()?.clone();
        let business = mark.business;
        let seen = self.seen_by(business);
        let mut earlier = EarlierAccess {
            mark,
            wabas: BTreeMap::new(),
            held: BTreeMap::new(),
            system_users: self.roles(business).collect(),
        };
        for (id, waba) in &seen {
            let is_known = waba.unreadable.is_none();
            earlier.wabas.insert(*id, EarlierWabaAccess { name: Name::from(&*waba.name), is_known });
        }
        for key in self.visible(&seen) {
            if !earlier.wabas.get(&key.waba).is_some_and(|waba| waba.is_known) {
                continue;
            }
            let tasks = self.listed(key);
            if let (false, Some((name, holder))) = (tasks.is_empty(), self.holder(key.user, business)) {
                earlier.held.insert(key, EarlierHolding { name, holder, tasks });
            }
        }
        Some(earlier)
    }

    /// Returns the system users in the list of a business with their roles.
    fn roles(&self, business: BusinessId) -> impl Iterator<Item = (UserId, (Name, AdminRole))> {
        let own = self.users.iter().filter(move |(_, user)| user.business == Some(business));
        own.filter(|(_, user)| user.is_in_directory()).map(|(id, user)| {
            let role = match &user.kind {
                UserKind::System { role: Some(role), .. } => match role.as_str() {
                    "ADMIN" => AdminRole::Admin,
                    "EMPLOYEE" => AdminRole::Employee,
                    _ => AdminRole::Unknown,
                },
                UserKind::System { role: None, .. } | UserKind::Person { .. } => AdminRole::Unknown,
            };
            (*id, (Name::from(&*user.name), role))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORLD: &str = "
snapshot: { taken: 2026-11-23T10:00:00Z, business: 100 }
app: { id: 1 }
businesses:
  - id: 100
    name: Biz
    system_users:
      - { id: 10, name: ci, role: ADMIN, listed: false }
      - { id: 11, name: ops, role: EMPLOYEE }
    people:
      - { id: 20, name: Tom }
  - { id: 200, name: Other }
wabas:
  - id: 1001
    name: One
    owned_by: 100
    assigned:
      - { user: 10, tasks: [MANAGE] }
      - { user: 11, tasks: [MESSAGING] }
      - { user: 20, tasks: [MANAGE] }
  - id: 1002
    name: Two
    owned_by: 100
    unreadable: { status: 400, code: 100, message: no }
    assigned:
      - { user: 11, tasks: [MESSAGING] }
  - id: 1003
    name: Three
    owned_by: 200
    assigned:
      - { user: 11, tasks: [MESSAGING] }
";

    #[test]
    fn only_what_lists_show_to_the_business_is_access() {
        let world = World::from_yaml(WORLD).unwrap();
        let seen = world.earlier_access().unwrap();
        assert_eq!(seen.mark.taken.to_string(), "2026-11-23T10:00:00Z");
        let wabas: Vec<_> = seen.wabas.iter().map(|(id, waba)| (id.to_string(), waba.is_known)).collect();
        assert_eq!(wabas, [("1001".to_owned(), true), ("1002".to_owned(), false)]);
        let held = seen.held.iter();
        let held: Vec<String> =
            held.map(|(key, one)| format!("{}/{} {} {}", key.waba, key.user, one.name, one.tasks)).collect();
        assert_eq!(held, ["1001/11 ops MESSAGING", "1001/20 Tom MANAGE"]);
        let roles: Vec<AdminRole> = seen.system_users.values().map(|(_, role)| *role).collect();
        assert_eq!(roles, [AdminRole::Admin, AdminRole::Employee]);
        let (_, without_mark) = WORLD.trim_start().split_once('\n').unwrap();
        assert_eq!(World::from_yaml(without_mark).unwrap().earlier_access(), None);
    }
}
