//! Access tests: assertions about who holds what, with their names looked up.

use super::{AssignmentKey, GrantSource, Name, Position, TaskSet, UserId, WabaId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Whose access a test judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Who {
    /// System users and people of the business itself.
    #[default]
    Business,
    /// Everybody.
    Everybody,
}

/// What a grant in force must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RequiredKey {
    /// A reason.
    Reason,
    /// An end.
    Until,
    /// A name.
    Name,
}

impl RequiredKey {
    /// All keys.
    pub const ALL: [Self; 3] = [Self::Reason, Self::Until, Self::Name];

    /// Returns the key of a grant.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Reason => "reason",
            Self::Until => "until",
            Self::Name => "name",
        }
    }

    /// Returns whether a grant has the key.
    pub fn is_in(self, grant: &GrantSource) -> bool {
        match self {
            Self::Reason => grant.reason.is_some(),
            Self::Until => grant.until.is_some(),
            Self::Name => grant.name.is_some(),
        }
    }
}

/// A test, with its users and WABAs looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessTest {
    /// The name.
    pub name: Name,
    /// The path in its document: `tests[0]`.
    pub path: String,
    /// The position of the test.
    pub at: Position,
    /// Whose access it judges.
    pub who: Who,
    /// The WABAs that it selects.
    pub wabas: BTreeSet<WabaId>,
    /// The system users that it selects; `None` is everybody.
    pub users: Option<BTreeSet<UserId>>,
    /// What it asserts.
    pub claim: Assertion,
    /// The parts of its selection that select nothing. With one of them it fails.
    pub idle: Vec<Idle>,
    /// The users that it names and that were not found. Then it cannot fail, but be undecided.
    pub not_found: Vec<Name>,
    /// Whether it can select WABAs that only the live lists have. That is so only where they are not read.
    pub can_discover: bool,
}

/// A part of a selection that selects nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idle {
    /// The part, escaped.
    pub part: String,
    /// Whether it can select something that is only known live, and was not read.
    pub is_unread: bool,
}

/// What a test asserts on each WABA that it selects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assertion {
    /// Only these users hold any of these tasks.
    Only {
        /// The tasks.
        tasks: TaskSet,
        /// The users.
        users: BTreeSet<UserId>,
    },
    /// No user holds two of these at once. Each is a task, or all tasks of a role.
    NeverTogether(Vec<TaskSet>),
    /// Each grant in force that gives the user something has these keys.
    Require(Require),
    /// So many users hold all of these tasks.
    AtLeast {
        /// The tasks.
        tasks: TaskSet,
        /// The number.
        number: u64,
    },
    /// Each user holds all of these tasks.
    Holds(TaskSet),
}

/// What grants in force must have, and those that lack it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Require {
    /// The keys.
    pub keys: BTreeSet<RequiredKey>,
    /// The grants that lack a key, by assignment.
    pub lacking: BTreeMap<AssignmentKey, Vec<LackingGrant>>,
}

/// A grant in force that lacks a key which a test requires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LackingGrant {
    /// The grant.
    pub source: Arc<GrantSource>,
    /// The tasks that it gives and that the test is about.
    pub tasks: TaskSet,
}

/// How somebody holds tasks on a WABA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldHow {
    /// By an assignment.
    Listed,
    /// By its role as an admin, as the manifest declares.
    ByRole,
    /// By its role as an admin, although the manifest does not say so. It does not count as a holder for `at_least`.
    Undeclared,
}

/// What somebody holds on a WABA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The tasks.
    pub tasks: TaskSet,
    /// Whether it is a system user or a person of the business itself.
    pub own: bool,
    /// How it holds them.
    pub how: HeldHow,
}

/// What everybody holds on one WABA.
pub type HeldOnWaba = BTreeMap<UserId, Held>;

/// A breach of a test: what somebody holds, or lacks, against its assertion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Breach {
    /// A user that is not in `only` holds these tasks.
    NotAllowed(TaskSet),
    /// A user holds these at once.
    Together(Vec<TaskSet>),
    /// These grants in force lack a key.
    Lacking(Vec<Arc<GrantSource>>),
    /// Only so many users hold the tasks.
    TooFew(u64),
    /// A user lacks these tasks.
    Lacks(TaskSet),
}

/// A breach with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breached {
    /// The WABA.
    pub waba: WabaId,
    /// The user; `None` if it is about the WABA as a whole.
    pub user: Option<UserId>,
    /// The breach.
    pub breach: Breach,
}

/// What a test has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The assertion does not hold, or the test selects nothing.
    Fail,
    /// Something could not be read.
    Undecided,
    /// It failed live already, and the plan does not make it worse.
    Notice,
    /// It needs what is only known live.
    Skipped,
    /// The assertion holds.
    Pass,
}

/// What is only known live, so that a test of the desired state leaves it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OnlyLive {
    /// People and users of other businesses.
    Others,
    /// WABAs that rules discover.
    Discovered,
    /// System users that no manifest declares.
    Undeclared,
}

/// The state on which tests were judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TestedState {
    /// What the manifests ask for.
    Desired,
    /// After the plan.
    After,
    /// Live.
    Live,
}

/// The results of all tests, with the names of the WABAs and users in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestReport {
    /// The state on which they were judged.
    pub state: TestedState,
    /// The results, in the order of the manifests.
    pub results: Vec<TestResult>,
    /// The names of the WABAs.
    pub wabas: BTreeMap<WabaId, Name>,
    /// The names of the users.
    pub users: BTreeMap<UserId, Name>,
}

impl TestReport {
    /// Returns the number of tests with a verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.results.iter().filter(|result| result.verdict == verdict).count()
    }
}

/// The result of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestResult {
    /// The test.
    pub test: Arc<AccessTest>,
    /// What it has shown.
    pub verdict: Verdict,
    /// The breaches, by WABA and user. Those that a plan leaves as they are live are not failures.
    pub breaches: Vec<Breached>,
    /// The number of WABAs that were judged.
    pub wabas: usize,
    /// The WABAs that could not be read.
    pub unreadable: Vec<WabaId>,
    /// What was left out, because it is only known live.
    pub left_out: Option<OnlyLive>,
}
