//! Both states of access and the plan between them, for questions about who holds what and why.

use crate::model::{Desired, Observed, Plan, Policy, Sources};

/// The desired and the live state, and the plan between them.
///
/// A proposal does not keep them, because they are most of the memory.
#[derive(Debug)]
pub struct Survey {
    /// The manifests.
    pub sources: Sources,
    /// The desired state.
    pub desired: Desired,
    /// The live state.
    pub observed: Observed,
    /// The plan.
    pub plan: Plan,
    /// The limits that the guards check.
    pub policy: Policy,
    /// The digest of what the manifests mean.
    pub manifest_digest: String,
}
