//! Makes a world of an estate, so that an emulator plays what the API reported, and what it did not report.

use super::{PartnerSolution, User, UserKind, Waba, WabaDetails, World};
use crate::model::{
    AdminRole, AssignmentKey, BusinessId, DirectoryWaba, Edge, Estate, HolderKind, LiveSource, Name,
    OtherHolder, Refusal, SnapshotMark, TaskSet, Unreadable, UserId,
};
use crate::text::{MAX_QUOTE, escape, shorten};
use std::collections::{BTreeMap, BTreeSet};

/// The code of a malformed request, with which the emulator plays what could not be read for another reason than an error
/// of the API. Such a list is not read twice.
const BAD_REQUEST: u32 = 100;

impl World {
    /// Makes a copy of an estate. What the API did not report is unknown in the copy too.
    ///
    /// With `without_names`, people and users of other businesses have no names, and neither have other businesses.
    pub fn of_estate(estate: Estate, without_names: bool) -> Self {
        let mut world = Self::default();
        let business = estate.directory.business;
        world.app = estate.app;
        world.first = Some(business);
        let name = |name: &Name, is_own: bool| {
            if without_names && !is_own { String::new() } else { name.as_str().to_owned() }
        };
        let own_name = estate.name.as_ref().map(|own| name(own, true)).unwrap_or_default();
        world.businesses.insert(business, own_name);
        for (id, user) in &estate.directory.system_users {
            let role = match user.role {
                AdminRole::Admin => Some(String::from("ADMIN")),
                AdminRole::Employee => Some(String::from("EMPLOYEE")),
                AdminRole::Unknown => None,
            };
            let wabas_unreadable = estate.user_lists.get(id).map(refusal).map(Box::new);
            world.add_own(*id, user.name.as_str(), role, business, wabas_unreadable);
        }
        for (id, unlisted) in &estate.observed.unlisted {
            world.add_unlisted(*id, unlisted, business);
        }
        for (key, holder) in &estate.observed.others {
            world.add_other(key.user, holder, &name);
        }
        for (id, other) in &estate.observed.businesses {
            if let Some(known) = world.businesses.get_mut(id).filter(|known| known.is_empty()) {
                *known = name(other, *id == business);
            }
        }
        world.add_solutions(&estate);
        let mark = world.mark(&estate, without_names);
        let Estate { directory, observed, solutions, .. } = estate;
        for (id, waba) in directory.wabas {
            let shared = solutions.of_waba.get(&id);
            let unreadable = observed.unreadable.get(&id);
            let mut entry = waba_of(waba, business, unreadable.map(refusal).map(Box::new));
            match shared {
                Some(Ok(ids)) => entry.solutions.extend(ids),
                Some(Err(why)) => entry.solutions_unreadable = Some(Box::new(refusal(why))),
                None => {}
            }
            world.add_waba(id, entry);
        }
        world.set_assignments(
            observed.state.iter().map(|(key, tasks)| (key, tasks.clone())),
            observed.others.iter().map(|(key, holder)| (*key, holder.tasks.clone())),
        );
        world.snapshot = Some(mark);
        world
    }

    /// Adds a system user that the business's list contains.
    fn add_own(
        &mut self,
        id: UserId,
        name: &str,
        role: Option<String>,
        business: BusinessId,
        wabas_unreadable: Option<Box<Refusal>>,
    ) {
        let kind = UserKind::System { role, listed: true, in_directory: true };
        let user = User { name: name.to_owned(), business: Some(business), kind, wabas_unreadable };
        self.users.insert(id, user);
    }

    /// Adds a system user of the business that its list lacks.
    fn add_unlisted(&mut self, id: UserId, name: &Name, business: BusinessId) {
        let kind = UserKind::System { role: None, listed: true, in_directory: false };
        let name = name.as_str().to_owned();
        let user = User { name, business: Some(business), kind, wabas_unreadable: None };
        self.users.entry(id).or_insert(user);
    }

    /// Adds a holder that is not one of the business's system users, as the first row shows it.
    fn add_other(&mut self, id: UserId, holder: &OtherHolder, name: &impl Fn(&Name, bool) -> String) {
        let is_system_user = holder.user_type.as_deref() == Some("SYSTEM_USER");
        let kind = match (holder.business, holder.kind) {
            (Some(_), HolderKind::OtherBusiness) if is_system_user => {
                UserKind::System { role: None, listed: true, in_directory: true }
            }
            _ => UserKind::Person { user_type: holder.user_type.as_deref().map(str::to_owned) },
        };
        if let Some(business) = holder.business {
            self.businesses.entry(business).or_default();
        }
        let name = name(&holder.name, false);
        let user = User { name, business: holder.business, kind, wabas_unreadable: None };
        self.users.entry(id).or_insert(user);
    }

    fn add_solutions(&mut self, estate: &Estate) {
        for (id, solution) in &estate.solutions.known {
            let solution = PartnerSolution {
                name: solution.name.as_str().to_owned(),
                status: solution.status.clone(),
                owner_app: solution.owner_app,
                owner_permissions: solution.owner_permissions.clone(),
                partners: solution.partners.clone(),
            };
            self.solutions.insert(*id, solution);
        }
    }

    /// Returns what the copy says of itself. A copy of a copy is as old as the copy.
    fn mark(&mut self, estate: &Estate, without_names: bool) -> SnapshotMark {
        let business = estate.directory.business;
        if let LiveSource::Snapshot(mark) = &estate.live_source {
            if let (Some(id), Some((acting, name))) = (mark.acting_user, &estate.acting_user)
                && id == *acting
            {
                self.add_unlisted(id, name, business);
            }
            let acting_user = mark.acting_user.filter(|id| self.users.contains_key(id));
            return SnapshotMark {
                acting_user,
                without_names: mark.without_names || without_names,
                ..mark.clone()
            };
        }
        if let Some((id, name)) = &estate.acting_user {
            // It may be a person.
            let name = if without_names { Name::default() } else { name.clone() };
            self.add_unlisted(*id, &name, business);
        }
        let is_own = |id: &UserId| self.users.get(id).is_some_and(|user| user.business == Some(business));
        SnapshotMark {
            taken: estate.taken,
            business,
            acting_user: estate.acting_user.as_ref().map(|(id, _)| *id).filter(is_own),
            without_names,
            changed: false,
            left_out: estate.left_out.keys().copied().collect(),
        }
    }

    /// Sets all assignments.
    fn set_assignments(
        &mut self,
        own: impl Iterator<Item = (AssignmentKey, TaskSet)>,
        others: impl Iterator<Item = (AssignmentKey, TaskSet)>,
    ) {
        for (key, tasks) in own.chain(others) {
            self.assign(key, tasks);
        }
    }
}

fn waba_of(waba: DirectoryWaba, business: BusinessId, unreadable: Option<Box<Refusal>>) -> Waba {
    let is_owned = waba.edge == Edge::Owned;
    // A WABA on both lists is the business's own, with the permitted tasks of the other list.
    let is_shared = !is_owned || waba.permitted_tasks.is_some();
    let clients = is_shared.then_some((business, waba.permitted_tasks));
    Waba {
        name: waba.name.as_str().to_owned(),
        owner: is_owned.then_some(business),
        clients: clients.into_iter().collect(),
        solutions: BTreeSet::new(),
        unreadable,
        solutions_unreadable: None,
        about: WabaDetails::default(),
        phone_numbers: BTreeMap::new(),
        subscribed_apps: BTreeSet::new(),
    }
}

/// Returns the error with which the emulator refuses what could not be read.
fn refusal(unreadable: &Unreadable) -> Refusal {
    let message = || shorten(&escape(&unreadable.why), MAX_QUOTE).into_owned();
    let other = || Refusal { status: 400, code: BAD_REQUEST, subcode: None, message: message() };
    unreadable.refusal.clone().unwrap_or_else(other)
}
