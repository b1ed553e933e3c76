//! What differs between two worlds, as the first business of each sees them.

use super::{User, UserKind, Waba, World};
use crate::model::{
    AccessDiff, AssignmentKey, BusinessId, EstateDiff, HolderOf, Name, ObjectDiff, TaskSet, UnknownAccess,
    UserFacts, UserId, WabaFacts, WabaId,
};
use std::collections::{BTreeMap, BTreeSet};

impl World {
    /// Returns what differs in this world from an older one, as a business sees them; `None` if either lacks the business.
    ///
    /// Access that is not known in either world is not compared.
    pub fn diff(&self, old: &World, business: BusinessId) -> Option<EstateDiff> {
        if [self, old].iter().any(|world| !world.businesses.contains_key(&business)) {
            return None;
        }
        let (before, after) = (old.seen_by(business), self.seen_by(business));
        let mut unknown = Vec::new();
        for id in union(before.keys(), after.keys()) {
            let is_unknown = |wabas: &Seen<'_>| wabas.get(&id).is_some_and(|waba| waba.unreadable.is_some());
            let (in_old, in_new) = (is_unknown(&before), is_unknown(&after));
            if in_old || in_new {
                unknown.push(UnknownAccess { id, name: waba_name(&after, &before, id), in_old, in_new });
            }
        }
        let not_compared: BTreeSet<WabaId> = unknown.iter().map(|waba| waba.id).collect();
        let mut access = Vec::new();
        for key in union(old.visible(&before), self.visible(&after)) {
            if not_compared.contains(&key.waba) {
                continue;
            }
            // Outside of what the business sees, an assignment is not known, and stands for none.
            let held = |world: &World, seen: &Seen<'_>| {
                if seen.contains_key(&key.waba) { world.listed(key) } else { TaskSet::EMPTY }
            };
            let (was, is) = (held(old, &before), held(self, &after));
            if was != is {
                let waba = waba_name(&after, &before, key.waba);
                let (user, holder) =
                    self.holder(key.user, business).or_else(|| old.holder(key.user, business))?;
                access.push(AccessDiff { key, waba, user, holder, before: was, after: is });
            }
        }
        Some(EstateDiff {
            business,
            old: old.snapshot.clone(),
            new: self.snapshot.clone(),
            users: objects(&old.system_users(business), &self.system_users(business)),
            wabas: wabas(business, &before, &after),
            access,
            unknown,
        })
    }

    /// Returns the WABAs that a business owns or has shared.
    pub(super) fn seen_by(&self, business: BusinessId) -> Seen<'_> {
        self.wabas.iter().filter(|(_, waba)| waba.involves(business)).map(|(id, waba)| (*id, waba)).collect()
    }

    /// Returns the keys of the assignments on WABAs.
    pub(super) fn visible<'a>(&'a self, wabas: &'a Seen<'_>) -> impl Iterator<Item = AssignmentKey> + 'a {
        let keys = self.assignments.iter().map(|(key, _)| key);
        keys.filter(|key| wabas.contains_key(&key.waba))
    }

    /// Returns what a list of assignments shows of a user.
    pub(super) fn listed(&self, key: AssignmentKey) -> TaskSet {
        let is_listed = self.users.get(&key.user).is_some_and(User::is_listed);
        if is_listed { self.tasks(key) } else { TaskSet::EMPTY }
    }

    fn system_users(&self, business: BusinessId) -> BTreeMap<UserId, UserFacts> {
        let own = self.users.iter().filter(|(_, user)| user.business == Some(business));
        own.filter_map(|(id, user)| match &user.kind {
            UserKind::System { role, in_directory: true, .. } => {
                Some((*id, UserFacts { name: Name::from(&*user.name), role: role.clone() }))
            }
            UserKind::System { .. } | UserKind::Person { .. } => None,
        })
        .collect()
    }

    /// Returns the name of a user, and whose it is.
    pub(super) fn holder(&self, id: UserId, business: BusinessId) -> Option<(Name, HolderOf)> {
        let user = self.users.get(&id)?;
        let is_own = user.business == Some(business);
        let holder = match (&user.kind, user.business) {
            (UserKind::System { .. }, _) if is_own => HolderOf::SystemUser,
            (UserKind::Person { .. }, _) if is_own => HolderOf::Person,
            (UserKind::Person { .. }, None) => HolderOf::Person,
            (UserKind::System { .. } | UserKind::Person { .. }, _) => HolderOf::OtherBusiness,
        };
        Some((Name::from(&*user.name), holder))
    }
}

/// The WABAs that a business sees.
pub(super) type Seen<'a> = BTreeMap<WabaId, &'a Waba>;

/// Returns all keys, each once, in order.
fn union<'a, K: Ord + Copy + 'a>(
    one: impl IntoIterator<Item = impl std::borrow::Borrow<K>>,
    other: impl IntoIterator<Item = impl std::borrow::Borrow<K>>,
) -> BTreeSet<K> {
    let one = one.into_iter().map(|key| *key.borrow());
    one.chain(other.into_iter().map(|key| *key.borrow())).collect()
}

/// Returns the name of a WABA: the newer one, if it has one.
fn waba_name(after: &Seen<'_>, before: &Seen<'_>, id: WabaId) -> Name {
    let waba = after.get(&id).or_else(|| before.get(&id));
    waba.map(|waba| Name::from(&*waba.name)).unwrap_or_default()
}

fn objects<Id: Ord + Copy, Facts: PartialEq + Clone>(
    before: &BTreeMap<Id, Facts>,
    after: &BTreeMap<Id, Facts>,
) -> Vec<ObjectDiff<Id, Facts>> {
    let ids = union::<Id>(before.keys(), after.keys()).into_iter();
    let differing = ids.filter(|id| before.get(id) != after.get(id));
    differing
        .map(|id| ObjectDiff { id, before: before.get(&id).cloned(), after: after.get(&id).cloned() })
        .collect()
}

/// Compares WABAs. Solutions that are not known on one side are not compared.
fn wabas(business: BusinessId, before: &Seen<'_>, after: &Seen<'_>) -> Vec<ObjectDiff<WabaId, WabaFacts>> {
    let facts = |seen: &Seen<'_>, other: &Seen<'_>| -> BTreeMap<WabaId, WabaFacts> {
        let is_unknown = |waba: &Waba| waba.solutions_unreadable.is_some();
        let fact = |(id, waba): (&WabaId, &&Waba)| {
            let unknown = is_unknown(waba) || other.get(id).is_some_and(|other| is_unknown(other));
            let facts = WabaFacts {
                name: Name::from(&*waba.name),
                owned: waba.owner == Some(business),
                permitted_tasks: waba.clients.get(&business).cloned().flatten(),
                solutions: (!unknown).then(|| waba.solutions.clone()),
            };
            (*id, facts)
        };
        seen.iter().map(fact).collect()
    };
    objects(&facts(before, after), &facts(after, before))
}
