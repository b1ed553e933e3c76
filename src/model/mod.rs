//! The words of the domain as types: what an id, a task, an assignment, a plan and a report are.
//!
//! This module knows no YAML, no HTTP, no clock and no terminal. Everything here is a plain value; an
//! invalid id cannot exist, and a map is ordered, so that order is never an accident.

mod access;
mod cause;
mod change;
mod cost;
mod desired;
mod directory;
mod drift;
mod history;
mod id;
mod name;
mod observed;
mod outcome;
mod source;
mod stale;
mod state;
mod task;

pub use access::Access;
pub use cause::{causes, chain};
pub use change::{
    Action, ApplyCost, Because, Blocked, Change, Notice, Plan, Summary, Unmanaged, UnmanagedReason, WhyGone,
};
pub use cost::Cost;
pub use desired::{
    Claim, DeclaredUser, Desired, GrantSource, Prune, ResolvedGrant, Scope, ScopedWaba, Shared,
};
pub use directory::{AdminRole, Directory, DirectoryWaba, Edge, SystemUser};
pub use drift::{DatedGrant, Drift, LastWrite, Moved, Told};
pub use history::{
    BrokenLine, Histories, History, RecordedGone, RecordedGrant, RecordedOutcome, RecordedReason,
    RecordedRun, RecordedWrite, RunEnd, Runner, Settled, SettledWrite, Settlement,
};
pub use id::{AppId, AssignmentKey, BusinessId, IdError, SolutionId, UserId, WabaId};
pub use name::Name;
pub use observed::{HolderKind, Observed, OtherHolder, Unreadable};
pub use outcome::{Outcome, Report, ReportedChange};
pub use source::{At, Position, Source, SourceId, Sources};
pub use stale::{Now, Stale};
pub use state::State;
pub use task::{Task, TaskSet};
