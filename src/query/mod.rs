//! Answers who holds what, and why.
//!
//! An answer depends only on the desired state, the live state, the plan between them and the journal. Tasks count by their
//! width: `FULL_CONTROL` includes every task, `MANAGE` includes `MESSAGING`. An admin without an assignment on a WABA holds
//! everything there.

mod explain;
mod holders;
mod report;
mod since;
#[cfg(test)]
mod tests;

pub use explain::{Ends, Explained, ExplainedAssignment, ExplainedEntry, ExplainedTask, Outlook, explain};
pub use holders::{Answer, Holding, Question, WhoCan, who_can};
pub use report::{
    AccessReport, Comparison, Difference, Gap, NotCompared, OutsideChange, PeriodChange, PeriodCounts, Proof,
    ReportBasis, ReportCounts, ReportJournal, RoleDifference, proof,
};
pub use since::Since;

use crate::model::{
    AdminRole, AssignmentKey, Desired, Name, Observed, OtherHolder, Phase, Plan, ResolvedGrant, TaskSet,
    UserId, WabaId,
};
use std::collections::BTreeSet;

/// What an answer is made from.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The desired state.
    pub desired: &'a Desired,
    /// The live state. It is empty if only the desired state is asked about.
    pub observed: &'a Observed,
    /// The plan between both.
    pub plan: &'a Plan,
}

/// The state that a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum When {
    /// The live state.
    Live,
    /// What the manifests ask for.
    Desired,
    /// The state after the plan. What the plan leaves alone counts as it is.
    After,
}

/// How the manifests see a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// A declared system user.
    Declared,
    /// A system user of this business that was declared earlier, and is declared no more.
    Released,
    /// A system user of this business that no manifest declares.
    Undeclared,
    /// A system user of this business that the manifests ignore.
    Ignored,
    /// A system user of this business that the manifests of another set declare.
    OtherSet,
    /// A person.
    Person,
    /// A system user or a person of another business.
    OtherBusiness,
    /// A kind of user that this program does not know.
    Unknown,
}

/// A name as the manifests have it, with the live one if that differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Named<'a> {
    /// The name, if one is known.
    pub name: Option<&'a Name>,
    /// The live name, if the manifests use another one.
    pub live_name: Option<&'a Name>,
}

/// Why a user cannot be found by a name or an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotFound {
    /// Nobody has it. The names are those that are known.
    Nobody(Vec<Name>),
    /// Several users have the name.
    Several(Vec<UserId>),
    /// It is declared, and was not found. Names in the reason are escaped.
    Unresolved(String),
}

impl<'a> Evidence<'a> {
    /// Returns the name of a WABA in scope.
    pub fn waba_name(&self, waba: WabaId) -> Named<'a> {
        let Some(scoped) = self.desired.scope.wabas.get(&waba) else { return Named::default() };
        let live_name = scoped.live_name.as_ref().filter(|live| **live != scoped.name);
        Named { name: Some(&scoped.name), live_name }
    }

    /// Returns the name of a holder.
    pub fn user_name(&self, key: AssignmentKey) -> Named<'a> {
        let known = self.desired.user_name(key.user).or_else(|| self.observed.unlisted.get(&key.user));
        let other = || self.observed.others.get(&key).map(|holder| &holder.name);
        let name = known.or_else(other);
        let live = self.desired.own_users.get(&key.user).map(|user| &user.name);
        Named { name, live_name: live.filter(|live| Some(*live) != name) }
    }

    /// Returns grants and exceptions by their indices in [`Desired::grants`].
    pub fn entries(&self, indices: &[u32]) -> impl Iterator<Item = &'a ResolvedGrant> {
        let grants = &self.desired.grants;
        indices.iter().filter_map(|index| grants.get(*index as usize))
    }

    /// Returns how the manifests see a system user of the business.
    pub fn standing(&self, user: UserId) -> Standing {
        let Desired { scope, ignored, other_sets, released, .. } = self.desired;
        if scope.users.contains_key(&user) {
            Standing::Declared
        } else if ignored.contains(&user) {
            Standing::Ignored
        } else if other_sets.contains(&user) {
            Standing::OtherSet
        } else if released.contains_key(&user) {
            Standing::Released
        } else {
            Standing::Undeclared
        }
    }

    /// Returns why a WABA's list is not known, if it is not: it could not be read, or it is empty and nothing confirms that.
    pub fn unreadable(&self, waba: WabaId) -> Option<&'a str> {
        let unreadable = self.observed.unreadable.get(&waba).map(|unreadable| unreadable.why.as_str());
        let is_unconfirmed = self.observed.unconfirmed.contains(&waba);
        unreadable.or(is_unconfirmed.then_some("its list is empty, and nothing could confirm that"))
    }

    /// Returns the grants, or the one exception, that decide about an assignment, each with its index in
    /// [`Desired::grants`].
    pub fn in_force(&self, key: AssignmentKey) -> impl Iterator<Item = (u32, &'a ResolvedGrant)> {
        let desired = self.desired;
        let in_force =
            move || desired.numbered_claims_on(key).filter(|(_, entry)| entry.phase == Phase::InForce);
        let exception = in_force().find(|(_, entry)| entry.is_exception).map(|(index, _)| index);
        in_force().filter(move |(index, _)| exception.is_none_or(|exception| exception == *index))
    }

    /// Returns the grants and exceptions about an assignment that have ended and gave some of the tasks.
    pub fn ended(&self, key: AssignmentKey, tasks: &TaskSet) -> impl Iterator<Item = &'a ResolvedGrant> {
        let ended = self.desired.claims_on(key).filter(|entry| entry.phase == Phase::Ended);
        ended.filter(move |entry| entry.tasks.grants_any(tasks))
    }

    /// Returns the admins of the business. Without an assignment on a WABA they hold everything there.
    fn admins(&self, when: When) -> BTreeSet<UserId> {
        let own = self.desired.own_users.iter().filter(|(_, user)| user.role == AdminRole::Admin);
        let own = own.map(|(id, _)| *id).filter(|_| when != When::Desired);
        let declared = self.desired.scope.users.iter().filter(|(_, user)| user.by_role);
        own.chain(declared.map(|(id, _)| *id)).collect()
    }

    /// Finds a user by its name in the manifests, its id, its live name, or its name on one of some WABAs.
    ///
    /// # Errors
    ///
    /// If there is none, or several have the name.
    pub fn find_user(&self, given: &Name, wabas: &[WabaId]) -> Result<UserId, NotFound> {
        let Desired { scope, released, own_users, unresolved, .. } = self.desired;
        let others = || wabas.iter().flat_map(|waba| self.others_on(*waba));
        let is_known = |id: &UserId| {
            let on_waba = |waba: &WabaId| self.observed.state.get(AssignmentKey { waba: *waba, user: *id });
            scope.users.contains_key(id)
                || released.contains_key(id)
                || own_users.contains_key(id)
                || wabas.iter().any(|waba| on_waba(waba).is_some())
                || others().any(|(key, _)| key.user == *id)
        };
        let declared = ids(scope.users.iter().map(|(id, user)| (*id, &user.name)), given);
        if let (true, Some(missing)) = (declared.is_empty(), unresolved.iter().find(|one| one.name == *given))
        {
            return Err(NotFound::Unresolved(missing.why.clone()));
        }
        let levels = [
            declared,
            ids(released.iter().map(|(id, user)| (*id, &user.name)), given),
            given.as_str().parse().ok().filter(is_known).into_iter().collect(),
            ids(own_users.iter().map(|(id, user)| (*id, &user.name)), given),
            ids(others().map(|(key, holder)| (key.user, &holder.name)), given),
        ];
        for level in levels {
            match (level.first(), level.len()) {
                (None, _) => {}
                (Some(user), 1) => return Ok(*user),
                (Some(_), _) => return Err(NotFound::Several(level.into_iter().collect())),
            }
        }
        let declared = scope.users.values().map(|user| &user.name);
        let own = own_users.values().map(|user| &user.name);
        let known = declared.chain(own).chain(others().map(|(_, holder)| &holder.name));
        Err(NotFound::Nobody(known.cloned().collect()))
    }

    /// Returns those on a WABA that are no system users of the business.
    fn others_on(&self, waba: WabaId) -> impl Iterator<Item = (&'a AssignmentKey, &'a OtherHolder)> {
        let keys = AssignmentKey { waba, user: UserId::MIN }..=AssignmentKey { waba, user: UserId::MAX };
        self.observed.others.range(keys)
    }
}

/// Returns the ids of those that have a name.
fn ids<'n>(named: impl Iterator<Item = (UserId, &'n Name)>, given: &Name) -> BTreeSet<UserId> {
    named.filter(|(_, name)| *name == given).map(|(id, _)| id).collect()
}
