//! A plan with all the evidence that it rests on.
//!
//! One value for all that happens to a plan: it is saved, shown, reviewed by the guards and applied as a [`Proposal`].

use crate::digest::plan_digest;
use crate::model::{
    EndingGrant, Labels, LiveAccess, LiveSource, Name, Plan, Policy, PolicyLine, RecentRemovals,
    ReleasedUser, Sources, TestReport, UserId, WabaId,
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What the manifests declare, for the inventory of their set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeclaredSet {
    /// The name of the set.
    pub name: Name,
    /// The files, relative to their repository.
    pub files: Vec<String>,
    /// The declared system users.
    pub users: BTreeMap<UserId, ReleasedUser>,
    /// The labels of the WABAs in scope that have any.
    pub labels: BTreeMap<WabaId, Labels>,
    /// The users of the inventory that need not be remembered: they are ignored, or hold nothing in scope any more.
    pub settled: BTreeSet<UserId>,
}

/// A plan with all the evidence that it rests on.
///
/// The desired state itself is not part of it: with tens of thousands of WABAs that is most of the memory, and all
/// that is shown of it later is here.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// When the run began that made the plan, to the second.
    pub made: Timestamp,
    /// The version of this program that made the plan; empty if it is not known.
    pub made_by: String,
    /// The digest of what the manifests mean: `sha256:` and 64 hexadecimal digits.
    pub manifest_digest: String,
    /// The manifests to which the reasons in the plan refer. Those of a saved plan have paths, but no text.
    pub sources: Sources,
    /// The plan.
    pub plan: Plan,
    /// The live name of the acting user, if it is known.
    pub acting_user_name: Option<Name>,
    /// The live access in scope, which the access matrix shows.
    pub access: LiveAccess,
    /// The limits that the guards enforce.
    pub policy: Policy,
    /// What limits the changes, where it is not the default or where it changed against `--previous`.
    pub policy_lines: Vec<PolicyLine>,
    /// The assignments that lost a task in the last 24 hours. They count towards `max-removals`.
    pub recent_removals: RecentRemovals,
    /// The grants that have not ended and will, by their end.
    pub ending: Vec<EndingGrant>,
    /// What the manifests declare.
    pub declared: DeclaredSet,
    /// The digest of the inventory that decides who is released, if there is one.
    pub inventory_digest: Option<String>,
    /// Where the live state comes from.
    pub live_source: LiveSource,
    /// The results of the access tests, if there are any. A saved plan does not bring them.
    pub tests: Option<PlanTests>,
}

/// The results of the access tests before and after a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanTests {
    /// On the live state.
    pub live: TestReport,
    /// On the state after a complete apply.
    pub after: TestReport,
}

impl Proposal {
    /// Makes a proposal of a plan for which no evidence was collected, made when it is for, with the strictest policy.
    pub fn without_evidence(plan: Plan) -> Self {
        Self {
            made: plan.now,
            made_by: String::from(env!("CARGO_PKG_VERSION")),
            manifest_digest: String::new(),
            sources: Sources::default(),
            plan,
            acting_user_name: None,
            access: LiveAccess::default(),
            policy: Policy::default(),
            policy_lines: Vec::new(),
            recent_removals: RecentRemovals::new(),
            ending: Vec::new(),
            declared: DeclaredSet::default(),
            inventory_digest: None,
            live_source: LiveSource::Unrecorded,
            tests: None,
        }
    }

    /// Returns the digest of what the plan does: `sha256:` and 64 hexadecimal digits.
    pub fn plan_digest(&self) -> String {
        plan_digest(&self.plan)
    }

    /// Returns the acting user with its name: the live one, or else the one that the plan uses.
    pub fn acting_user(&self) -> Option<(UserId, Name)> {
        let id = self.plan.acting_user?;
        Some((id, self.acting_user_name.clone().unwrap_or_else(|| self.plan.user_name(id))))
    }
}
