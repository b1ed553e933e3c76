//! What the manifests ask for once every name is looked up.

use super::{AssignmentKey, BusinessId, Implied, Name, Position, State, SystemUser, TaskSet, UserId, WabaId};
use jiff::civil::Date;
use std::collections::BTreeMap;

/// What may be taken away on a WABA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Prune {
    /// Nothing: a pair ends with what it has and what is desired.
    None,
    /// Declared users hold exactly what the grants give.
    #[default]
    Declared,
    /// The business's other system users lose theirs too.
    All,
}

/// How a WABA came to the business.
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

/// A WABA that the manifests own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopedWaba {
    /// The name in the repository, or for a discovered one the name that the API tells.
    pub name: Name,
    /// What may be taken away there.
    pub prune: Prune,
    /// How it came to the business; `None` for a discovered one whose rule does not say.
    pub shared: Option<Shared>,
    /// Where it is declared, or the rule that discovered it.
    pub at: Position,
}

/// A system user that the manifests declare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredUser {
    /// The name in the repository.
    pub name: Name,
    /// Whether its access comes by its role: not being listed is then neither a change nor drift.
    pub by_role: bool,
    /// Where it is declared.
    pub at: Position,
}

/// The assignments that the manifests own: those that may be changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// The WABAs, named or discovered.
    pub wabas: BTreeMap<WabaId, ScopedWaba>,
    /// The declared system users.
    pub users: BTreeMap<UserId, DeclaredUser>,
}

/// A grant as an explanation shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantSource {
    /// Its path in its document: `grants[1]`.
    pub path: String,
    /// Its name, where it has one.
    pub name: Option<Name>,
    /// Its reason, where it has one.
    pub reason: Option<Name>,
    /// The last day it holds.
    pub until: Option<Date>,
    /// Where it stands.
    pub at: Position,
}

/// A grant with its users and WABAs looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedGrant {
    /// How an explanation shows it.
    pub source: GrantSource,
    /// The tasks that it gives while it holds.
    pub tasks: TaskSet,
    /// Whether its `until` has passed: it speaks of assignments and gives nothing.
    pub expired: bool,
}

/// That a grant speaks of an assignment. Ordered by key, then by grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// The assignment.
    pub key: AssignmentKey,
    /// The grant's index in [`Desired::grants`].
    pub grant: u32,
}

/// What is desired, and everything that a plan needs to explain it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// The business portfolio.
    pub business: BusinessId,
    /// The system user whose token is used, where it is known.
    pub acting_user: Option<UserId>,
    /// The day for which this was resolved, in UTC.
    pub day: Date,
    /// Who shall hold what.
    pub state: State,
    /// What may be changed.
    pub scope: Scope,
    /// The business's own system users, as the API tells them.
    pub own_users: BTreeMap<UserId, SystemUser>,
    /// All grants, those that have expired too, in the order of the manifests.
    pub grants: Vec<ResolvedGrant>,
    /// For each assignment the grants that speak of it, sorted.
    pub claims: Vec<Claim>,
    /// What Meta is seen to store beside or instead of what was asked.
    pub implied: Implied,
    /// Whether `--waba` narrowed the scope: the output says that it is partial.
    pub partial: bool,
}

impl Desired {
    /// Returns the grants that speak of an assignment, those that have expired too.
    pub fn claims_on(&self, key: AssignmentKey) -> impl Iterator<Item = &ResolvedGrant> {
        let start = self.claims.partition_point(|claim| claim.key < key);
        self.claims
            .get(start..)
            .unwrap_or_default()
            .iter()
            .take_while(move |claim| claim.key == key)
            .filter_map(|claim| self.grants.get(claim.grant as usize))
    }
}
