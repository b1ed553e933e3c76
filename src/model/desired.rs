//! The desired state: what the manifests ask for, with every name looked up.

use super::{
    AssignmentKey, At, BusinessId, Implied, Name, Narrowing, Phase, Position, State, SystemUser, TaskSet,
    TimeLimit, Undeclared, Unresolved, UserId, WabaId,
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What may be removed on a WABA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Prune {
    /// Nothing: desired tasks are added to the live ones.
    None,
    /// Declared users hold exactly what the grants give.
    #[default]
    Declared,
    /// The business's other system users lose their tasks, too.
    All,
}

/// How a WABA is shared with the business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Shared {
    /// Not shared: the business owns it.
    #[default]
    Owned,
    /// Shared with Admin permissions.
    Admin,
    /// Shared with Standard permissions.
    Standard,
    /// Through a Multi-Partner Solution that grants `MESSAGING`.
    SolutionWithMessaging,
    /// Through a Multi-Partner Solution that does not grant `MESSAGING`.
    SolutionWithoutMessaging,
}

impl Shared {
    /// All kinds.
    pub const ALL: [Self; 5] = [
        Self::Owned,
        Self::Admin,
        Self::Standard,
        Self::SolutionWithMessaging,
        Self::SolutionWithoutMessaging,
    ];

    /// Returns the word in manifests.
    pub fn word(self) -> &'static str {
        match self {
            Self::Owned => "owned",
            Self::Admin => "admin",
            Self::Standard => "standard",
            Self::SolutionWithMessaging => "solution_with_messaging",
            Self::SolutionWithoutMessaging => "solution_without_messaging",
        }
    }
}

/// Labels of a WABA. Keys and values are compared as text.
pub type Labels = BTreeMap<String, String>;

/// A WABA in scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopedWaba {
    /// The name in the manifests, or the live name of a discovered WABA.
    pub name: Name,
    /// The live name, if the business's lists have it.
    pub live_name: Option<Name>,
    /// The labels.
    pub labels: Labels,
    /// What may be removed there.
    pub prune: Prune,
    /// How it is shared; `None` for a discovered WABA whose rule does not say.
    pub shared: Option<Shared>,
    /// Where it is declared, or the rule that discovered it.
    pub at: Position,
}

/// A declared system user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredUser {
    /// The name in the manifests.
    pub name: Name,
    /// Whether its access comes from its role. Then it may be missing from lists without being a change.
    pub by_role: bool,
    /// Why it is suspended, if it is: it holds nothing, whatever grants say.
    pub suspended: Option<At<Name>>,
    /// Where it is declared.
    pub at: Position,
}

/// A system user that was declared earlier, and is declared no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleasedUser {
    /// The name that it had in the manifests.
    pub name: Name,
    /// Where it was declared.
    pub at: Position,
}

/// The assignments that may be changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// The WABAs, named or discovered.
    pub wabas: BTreeMap<WabaId, ScopedWaba>,
    /// The declared system users.
    pub users: BTreeMap<UserId, DeclaredUser>,
}

/// A grant, or an exception, as explanations refer to it. Many changes share one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GrantSource {
    /// Its path in its document: `grants[1]` or `exceptions[0]`.
    pub path: String,
    /// Its name, if it has one.
    pub name: Option<Name>,
    /// Its reason, if it has one.
    pub reason: Option<Name>,
    /// When it begins, if it is not in force from the start.
    pub from: Option<TimeLimit>,
    /// When it ends, if it does.
    pub until: Option<TimeLimit>,
    /// Its position.
    pub at: Position,
}

impl GrantSource {
    /// Returns whether it is in force at an instant.
    pub fn phase(&self, now: Timestamp) -> Phase {
        Phase::at(now, self.from, self.until)
    }
}

/// A grant, or an exception, with its users and WABAs looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedGrant {
    /// How explanations refer to it.
    pub source: Arc<GrantSource>,
    /// The tasks that it gives while it is in force.
    pub tasks: TaskSet,
    /// Whether it is in force. If not, it gives nothing.
    pub phase: Phase,
    /// Whether it is an exception: while it is in force, it alone counts.
    pub is_exception: bool,
}

/// A grant's reference to an assignment. Ordered by key, then by grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// The assignment.
    pub key: AssignmentKey,
    /// The grant's index in [`Desired::grants`].
    pub grant: u32,
}

/// The desired state, with everything that a plan needs to explain it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// The business portfolio.
    pub business: BusinessId,
    /// The system user of the token, if it is known.
    pub acting_user: Option<UserId>,
    /// The instant for which it is made: which grants are in force.
    pub now: Timestamp,
    /// The desired assignments.
    pub state: State,
    /// The assignments that may be changed.
    pub scope: Scope,
    /// The business's own system users, as listed by the API.
    pub own_users: BTreeMap<UserId, SystemUser>,
    /// The declared users that were not found by their name.
    pub unresolved: Vec<Unresolved>,
    /// The users that were declared earlier, and are declared no more.
    pub released: BTreeMap<UserId, ReleasedUser>,
    /// The users that are deliberately not managed.
    pub ignored: BTreeSet<UserId>,
    /// The users that the manifests of other sets declare.
    pub other_sets: BTreeSet<UserId>,
    /// The WABAs that left the scope since the manifests were last applied, with the name that they had.
    pub left: BTreeMap<WabaId, Name>,
    /// The declared users whose id was another one when the manifests were last applied, with that id.
    pub other_ids: BTreeMap<UserId, UserId>,
    /// The admins whose last assignment on a WABA may be deleted in this run.
    pub admin_rows: BTreeSet<UserId>,
    /// What access of undeclared users counts as.
    pub undeclared: Undeclared,
    /// All grants, and then all exceptions, also those that are not in force, in the order of the manifests.
    pub grants: Vec<ResolvedGrant>,
    /// The declared names of the users that a grant or an exception names that has ended.
    pub with_ended: BTreeSet<Name>,
    /// The references of grants to assignments, sorted.
    pub claims: Vec<Claim>,
    /// The tasks that Meta stores beside or instead of others.
    pub implied: Implied,
    /// How it was narrowed, if it was. The state and the scope then have only the WABAs that are read.
    pub narrowing: Option<Narrowing>,
}

impl Desired {
    /// Returns whether the plan only takes away what has expired.
    pub fn only_expired(&self) -> bool {
        self.narrowing.as_ref().is_some_and(|narrowing| narrowing.selection.only_expired)
    }

    /// Returns the WABAs on which a grant or an exception has ended.
    pub fn wabas_with_ended(&self) -> BTreeSet<WabaId> {
        let has_ended = |claim: &&Claim| {
            self.grants.get(claim.grant as usize).is_some_and(|entry| entry.phase == Phase::Ended)
        };
        self.claims.iter().filter(has_ended).map(|claim| claim.key.waba).collect()
    }

    /// Returns whether the assignments of a user are planned: narrowing may have left them out.
    pub fn plans_user(&self, user: UserId) -> bool {
        let users = self.narrowing.as_ref().and_then(|narrowing| narrowing.users.as_ref());
        users.is_none_or(|users| users.contains(&user))
    }

    /// Returns the grants and exceptions that refer to an assignment, in their order, also those that are not in force.
    pub fn claims_on(&self, key: AssignmentKey) -> impl Iterator<Item = &ResolvedGrant> {
        self.numbered_claims_on(key).map(|(_, entry)| entry)
    }

    /// Returns the grants and exceptions that refer to an assignment, each with its index in [`Desired::grants`].
    pub fn numbered_claims_on(&self, key: AssignmentKey) -> impl Iterator<Item = (u32, &ResolvedGrant)> {
        let start = self.claims.partition_point(|claim| claim.key < key);
        self.claims
            .get(start..)
            .unwrap_or_default()
            .iter()
            .take_while(move |claim| claim.key == key)
            .filter_map(|claim| Some((claim.grant, self.grants.get(claim.grant as usize)?)))
    }

    /// Returns the name of a system user in the manifests, or else its live name; `None` if neither is known.
    pub fn user_name(&self, user: UserId) -> Option<&Name> {
        let declared = self.scope.users.get(&user).map(|user| &user.name);
        declared
            .or_else(|| self.released.get(&user).map(|released| &released.name))
            .or_else(|| self.own_users.get(&user).map(|user| &user.name))
    }
}
