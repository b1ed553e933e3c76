//! The plan: every change, with its reasons.

use super::{
    AssignmentKey, BusinessId, GrantSource, Implied, Name, Position, Prune, Task, TaskSet, UserId, WabaId,
};
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The kind of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// From nothing to something.
    Assign,
    /// From one set to another, written whole.
    Change,
    /// From something to nothing.
    Revoke,
}

impl Action {
    /// Returns the action that leads from one set to another.
    pub fn between(before: &TaskSet, after: &TaskSet) -> Self {
        match (before.is_empty(), after.is_empty()) {
            (true, _) => Self::Assign,
            (false, true) => Self::Revoke,
            (false, false) => Self::Change,
        }
    }
}

/// Why the acting user cannot make a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Blocked {
    /// It would raise its own tasks.
    SelfRaise,
}

/// The line of a manifest that no longer grants what a change removes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhyGone {
    /// A grant that has expired.
    Expired(Arc<GrantSource>),
    /// The user is declared here, and no grant gives it the task.
    Declared(Position),
    /// The user is not declared, and the WABA, declared here, has `prune: all`.
    Undeclared(Position),
}

/// The reason of a change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Because {
    /// The grants that ask for the assignment, in the order of the manifests.
    pub grants: Vec<Arc<GrantSource>>,
    /// If a task is removed: the prune rule, and each line that no longer grants it.
    pub gone: Option<(Prune, Vec<WhyGone>)>,
}

/// A change of one assignment: the unit of a plan and of one write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The assignment.
    pub key: AssignmentKey,
    /// The live set; never equal to `after`.
    pub before: TaskSet,
    /// The desired set, written as a whole.
    pub after: TaskSet,
    /// The tasks that are implied by a task held before and after. They count neither as gained nor as lost.
    pub implied: TaskSet,
    /// The reason.
    pub because: Because,
    /// Set if the acting user cannot make this change. It is shown and not attempted.
    pub blocked: Option<Blocked>,
    /// Whether the user has the ADMIN role. Admins may not be listed on a WABA, even after a write.
    pub admin: bool,
}

impl Change {
    /// Returns the kind of the change.
    pub fn action(&self) -> Action {
        Action::between(&self.before, &self.after)
    }

    /// Returns the tasks that the user gains, without implied ones.
    pub fn gained(&self) -> TaskSet {
        self.after.difference(&self.before).difference(&self.implied)
    }

    /// Returns the tasks that the user loses, without implied ones.
    pub fn lost(&self) -> TaskSet {
        self.before.difference(&self.after).difference(&self.implied)
    }

    /// Returns the tasks that the user keeps, with the implied ones that are live.
    pub fn kept(&self) -> TaskSet {
        self.before.difference(&self.lost())
    }

    /// Returns whether the user has a task after the change, directly or by a wider one.
    pub fn grants_after(&self, task: Task) -> bool {
        self.kept().grants(task) || self.gained().grants(task)
    }
}

/// Why the plan does not change an assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnmanagedReason {
    /// A person.
    Person,
    /// A system user of another business.
    OtherBusiness,
    /// A system user of this business that no manifest declares.
    Undeclared,
    /// A kind of user that this program does not know.
    Unknown,
}

/// A live assignment in scope that the plan does not manage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmanaged {
    /// The assignment.
    pub key: AssignmentKey,
    /// The user's live name.
    pub name: Name,
    /// The tasks that the user holds.
    pub tasks: TaskSet,
    /// Why it is not managed.
    pub why: UnmanagedReason,
}

/// A note about the plan that stops nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The WABA's list is empty and nothing confirms that. It is planned as empty.
    Unconfirmed(WabaId),
    /// The plan assigns to an admin of the business, who may not be listed even after the write.
    AssignsToAdmin(UserId),
}

/// The number of changes of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Changes from nothing to something.
    pub assign: usize,
    /// Changes from one set to another.
    pub change: usize,
    /// Changes from something to nothing.
    pub revoke: usize,
    /// Live assignments in scope that do not change.
    pub unchanged: usize,
}

/// The calls to the API that applying a plan takes without retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ApplyCost {
    /// The WABAs that are written.
    pub wabas: usize,
    /// Reads: each WABA with a write is read before its first one and after its last one, and, if it has gains and
    /// losses, between them.
    pub reads: usize,
    /// Writes: one for each change that is attempted.
    pub writes: usize,
}

impl ApplyCost {
    /// Returns the number of all calls.
    pub fn calls(self) -> usize {
        self.reads + self.writes
    }

    /// Adds the calls that the changes of one WABA take.
    fn add<'a>(&mut self, changes: impl Iterator<Item = &'a Change>) {
        let (mut writes, mut has_gained, mut is_read_between) = (0, false, false);
        for change in changes {
            writes += 1;
            is_read_between |= has_gained && !change.before.is_subset(&change.after);
            has_gained |= !change.after.is_subset(&change.before);
        }
        if writes > 0 {
            self.wabas += 1;
            self.reads += 2 + usize::from(is_read_between);
            self.writes += writes;
        }
    }
}

/// The complete, ordered list of changes, with the evidence that guards and explanations use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The business portfolio.
    pub business: BusinessId,
    /// The system user of the token, if it is known.
    pub acting_user: Option<UserId>,
    /// The day for which grants are in force, in UTC.
    pub day: Date,
    /// The changes, in the order in which they are applied.
    pub changes: Vec<Change>,
    /// Live assignments in scope that the plan does not manage, by key.
    pub unmanaged: Vec<Unmanaged>,
    /// WABAs in scope that could not be read and are not planned, with the reason.
    pub unreadable: BTreeMap<WabaId, String>,
    /// Notes that stop nothing.
    pub notices: Vec<Notice>,
    /// The number of live assignments of managed users in scope that do not change.
    pub unchanged: usize,
    /// The number of live assignments of managed users in scope. `max-removals` is a share of it.
    pub live_in_scope: usize,
    /// What everybody holds on each WABA with a change, people included, by user.
    pub holders: BTreeMap<WabaId, BTreeMap<UserId, TaskSet>>,
    /// The names of all WABAs in this plan.
    pub waba_names: BTreeMap<WabaId, Name>,
    /// The names of all managed users in this plan.
    pub user_names: BTreeMap<UserId, Name>,
    /// The tasks that Meta stores beside or instead of others. The read-back ignores them.
    pub implied: Implied,
    /// Whether it was narrowed to some WABAs.
    pub partial: bool,
}

impl Plan {
    /// Makes a plan that changes nothing.
    pub fn empty(business: BusinessId, day: Date) -> Self {
        Self {
            business,
            acting_user: None,
            day,
            changes: Vec::new(),
            unmanaged: Vec::new(),
            unreadable: BTreeMap::new(),
            notices: Vec::new(),
            unchanged: 0,
            live_in_scope: 0,
            holders: BTreeMap::new(),
            waba_names: BTreeMap::new(),
            user_names: BTreeMap::new(),
            implied: Implied::default(),
            partial: false,
        }
    }

    /// Returns the changes of each WABA, in order. No slice is empty.
    pub fn by_waba(&self) -> impl Iterator<Item = &[Change]> {
        self.changes.chunk_by(|one, next| one.key.waba == next.key.waba)
    }

    /// Counts the changes by their action.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary { unchanged: self.unchanged, ..Summary::default() };
        for change in &self.changes {
            match change.action() {
                Action::Assign => summary.assign += 1,
                Action::Change => summary.change += 1,
                Action::Revoke => summary.revoke += 1,
            }
        }
        summary
    }

    /// Returns the calls that applying it takes. A blocked change takes none.
    pub fn apply_cost(&self) -> ApplyCost {
        let mut cost = ApplyCost::default();
        for on_waba in self.by_waba() {
            cost.add(on_waba.iter().filter(|change| change.blocked.is_none()));
        }
        cost
    }

    /// Returns the name of a WABA, empty if the plan has none.
    pub fn waba_name(&self, waba: WabaId) -> Name {
        self.waba_names.get(&waba).cloned().unwrap_or_default()
    }

    /// Returns the name of a user, empty if the plan has none.
    pub fn user_name(&self, user: UserId) -> Name {
        self.user_names.get(&user).cloned().unwrap_or_default()
    }
}
