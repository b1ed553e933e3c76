//! The plan: every change, with what it rests on.

use super::{
    AssignmentKey, BusinessId, GrantSource, Implied, Name, Position, Prune, Task, TaskSet, UserId, WabaId,
};
use jiff::civil::Date;
use std::collections::BTreeMap;

/// What a change does to an assignment.
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
    /// Returns what leads from one set to another.
    pub fn between(before: &TaskSet, after: &TaskSet) -> Self {
        match (before.is_empty(), after.is_empty()) {
            (true, _) => Self::Assign,
            (false, true) => Self::Revoke,
            (false, false) => Self::Change,
        }
    }
}

/// Why the acting user cannot make a change itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Blocked {
    /// It would raise its own tasks.
    SelfRaise,
}

/// The line that no longer gives what goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhyGone {
    /// A grant that has expired.
    Expired(GrantSource),
    /// The user is declared, here, and no grant gives it this.
    Declared(Position),
    /// The user is declared nowhere, and the WABA, declared here, is pruned of all such.
    Undeclared(Position),
}

/// The reason of a change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Because {
    /// The grants that ask for what the assignment shall hold, in the order of the manifests.
    pub grants: Vec<GrantSource>,
    /// Where something goes: the prune rule, and each line that no longer gives it.
    pub gone: Option<(Prune, Vec<WhyGone>)>,
}

/// One assignment that differs: the unit of a plan and of one write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The assignment.
    pub key: AssignmentKey,
    /// What is live; never the same as `after`.
    pub before: TaskSet,
    /// What shall be: the whole new set.
    pub after: TaskSet,
    /// What is implied by a task that is held before and after: it counts neither as coming nor as going.
    pub implied: TaskSet,
    /// Why.
    pub because: Because,
    /// Set where the acting user cannot make this change itself: it is shown and not attempted.
    pub blocked: Option<Blocked>,
    /// Whether the user is an admin of the business, who may not be listed even after the write.
    pub admin: bool,
}

impl Change {
    /// Returns what the change does.
    pub fn action(&self) -> Action {
        Action::between(&self.before, &self.after)
    }

    /// Returns the tasks that come, without what is implied.
    pub fn gained(&self) -> TaskSet {
        self.after.difference(&self.before).difference(&self.implied)
    }

    /// Returns the tasks that go, without what is implied.
    pub fn lost(&self) -> TaskSet {
        self.before.difference(&self.after).difference(&self.implied)
    }

    /// Returns the tasks that stay, with what is implied and live: the task that implies it keeps it there.
    pub fn kept(&self) -> TaskSet {
        self.before.difference(&self.lost())
    }

    /// Returns whether the user can be trusted to have a task afterwards, by itself or by a wider one: it stays
    /// or comes.
    pub fn grants_after(&self, task: Task) -> bool {
        self.kept().grants(task) || self.gained().grants(task)
    }
}

/// Why a row is not the plan's to change.
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

/// A live row in scope that the plan leaves alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmanaged {
    /// The assignment.
    pub key: AssignmentKey,
    /// The user's name, as the API tells it.
    pub name: Name,
    /// What it holds.
    pub tasks: TaskSet,
    /// Why it is left alone.
    pub why: UnmanagedReason,
}

/// Something about the plan that the reader should know, and that stops nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The WABA's list came back empty and nothing could confirm that; it is planned as empty.
    Unconfirmed(WabaId),
    /// The plan writes to an admin of the business, who may not be listed even after the write.
    AssignsToAdmin(UserId),
}

/// The numbers of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Changes from nothing to something.
    pub assign: usize,
    /// Changes from one set to another.
    pub change: usize,
    /// Changes from something to nothing.
    pub revoke: usize,
    /// Live assignments in scope that stay as they are.
    pub unchanged: usize,
}

/// What applying a plan costs in calls to the API, where nothing has to be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ApplyCost {
    /// Reads of a WABA's assignments: each WABA that is written is read again before, and read back after.
    pub reads: usize,
    /// Writes: one for each change that is attempted.
    pub writes: usize,
}

impl ApplyCost {
    /// How often a WABA that is written is read.
    const READS_PER_WABA: usize = 2;

    /// Returns the number of all calls.
    pub fn calls(self) -> usize {
        self.reads + self.writes
    }

    /// Returns the number of WABAs that are written.
    pub fn wabas(self) -> usize {
        self.reads / Self::READS_PER_WABA
    }
}

/// The complete, ordered list of changes, with the evidence on which guards judge and explanations rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The business portfolio.
    pub business: BusinessId,
    /// The system user whose token is used, where it is known.
    pub acting_user: Option<UserId>,
    /// The day for which it was made, in UTC.
    pub day: Date,
    /// The changes, in the order in which they are applied.
    pub changes: Vec<Change>,
    /// Live rows in scope that are left alone, by key.
    pub unmanaged: Vec<Unmanaged>,
    /// WABAs in scope that could not be read and are not planned, with the reason.
    pub unreadable: BTreeMap<WabaId, String>,
    /// What the reader should know besides.
    pub notices: Vec<Notice>,
    /// Live assignments of managed users in scope that stay as they are.
    pub unchanged: usize,
    /// Live assignments in scope that hold anything: what `max-removals` counts against.
    pub live_in_scope: usize,
    /// On each WABA that a change touches, everybody who holds something, people too, by user.
    pub holders: BTreeMap<WabaId, BTreeMap<UserId, TaskSet>>,
    /// The names of all WABAs that this plan speaks of.
    pub waba_names: BTreeMap<WabaId, Name>,
    /// The names of all managed users that this plan speaks of.
    pub user_names: BTreeMap<UserId, Name>,
    /// What Meta is seen to store beside or instead of what was asked: a read-back minds it.
    pub implied: Implied,
    /// Whether `--waba` narrowed it.
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

    /// Tells what applying it costs; a change that is blocked costs nothing.
    pub fn apply_cost(&self) -> ApplyCost {
        let mut cost = ApplyCost::default();
        for on_waba in self.by_waba() {
            let writes = on_waba.iter().filter(|change| change.blocked.is_none()).count();
            cost.writes += writes;
            cost.reads += if writes > 0 { ApplyCost::READS_PER_WABA } else { 0 };
        }
        cost
    }

    /// Returns the name of a WABA; empty where the plan knows none.
    pub fn waba_name(&self, waba: WabaId) -> Name {
        self.waba_names.get(&waba).cloned().unwrap_or_default()
    }

    /// Returns the name of a user; empty where the plan knows none.
    pub fn user_name(&self, user: UserId) -> Name {
        self.user_names.get(&user).cloned().unwrap_or_default()
    }
}
