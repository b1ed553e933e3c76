//! The domain's types: ids, tasks, assignments, state, plan, report.
//!
//! This module knows no YAML, no HTTP, no clock and no terminal. Everything here is a plain value; an
//! invalid id cannot exist, and a map is ordered, so that order is never an accident.

mod access_test;
mod cause;
mod change;
mod cost;
mod desired;
mod directory;
mod drift;
mod earlier;
mod earlier_access;
mod estate;
mod estate_diff;
mod forecast;
mod glob;
mod history;
mod history_filter;
mod id;
mod implied;
mod last_review;
mod live_access;
mod live_source;
mod name;
mod observed;
mod origin;
mod outcome;
mod policy;
mod selection;
mod source;
mod staleness;
mod state;
mod task;
mod time;
mod undo;
mod waiver;

pub use access_test::{
    AccessTest, Assertion, Breach, Breached, Held, HeldHow, HeldOnWaba, Idle, LackingGrant, OnlyLive,
    Require, RequiredKey, TestReport, TestResult, TestedState, Verdict, Who,
};
pub use cause::{causes, chain};
pub use change::{
    Action, ApplyCost, Because, Blocked, Change, Deferred, Holder, Kept, LeftWaba, Notice, OutOfScope, Plan,
    Summary, Undeclared, Unmanaged, UnmanagedReason, Unresolved, WhyGone, Write, access, writes,
};
pub use cost::Cost;
pub use desired::{
    Claim, DeclaredUser, Desired, GrantSource, Labels, Prune, ReleasedUser, ResolvedGrant, Scope, ScopedWaba,
    Shared,
};
pub use directory::{AdminRole, Directory, DirectoryWaba, Edge, SystemUser};
pub use drift::{Drift, EndingGrant, Explanation, LastWrite, Moved};
pub use earlier::{Earlier, EarlierWaba, PreviousUser};
pub use earlier_access::{EarlierAccess, EarlierHolding, EarlierWabaAccess};
pub use estate::{Estate, LiveSolution, Solutions};
pub use estate_diff::{AccessDiff, EstateDiff, HolderOf, ObjectDiff, UnknownAccess, UserFacts, WabaFacts};
pub use forecast::ScopeForecast;
pub use glob::Glob;
pub use history::{
    BrokenLine, Histories, History, RecordedOutcome, RecordedRun, RecordedWrite, RunEnd, Runner, Settled,
    SettledWrite, Settlement,
};
pub use history_filter::{HistoryFilter, LeftOut, SeenInHistory};
pub use id::{AppId, AssignmentKey, BusinessId, IdError, SolutionId, UserId, WabaId};
pub use implied::Implied;
pub use last_review::{LastReview, ReviewState, RowReview, RowReviews};
pub use live_access::LiveAccess;
pub use live_source::{LiveSource, SnapshotMark};
pub use name::Name;
pub use observed::{HeldByUser, HolderKind, Observed, OtherHolder, Refusal, Unreadable};
pub use origin::{Origin, OriginEntry, OriginError, OriginLabel};
pub use outcome::{Outcome, Report, ReportedChange};
pub use policy::{DeclaredNames, Holders, Policy, PolicyLine, RecentRemoval, RecentRemovals};
pub use selection::{Narrowing, Selected, Selection};
pub use source::{At, NamedTable, Position, Source, SourceId, Sources};
pub use staleness::{CurrentAccess, StaleChange};
pub use state::State;
pub use task::{Task, TaskSet};
pub(crate) use time::{DAY_FORM, has_form};
pub use time::{Phase, TimeLimit, TimeLimitError, age, day_of, day_or_instant, start_of_day};
pub use undo::{LeftAlone, Undo, WhyLeftAlone};
pub use waiver::{Guard, UnknownGuard, Waiver, WaiverTerms};
