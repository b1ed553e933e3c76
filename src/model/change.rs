//! The plan: every change, with its reasons.

use super::{
    AssignmentKey, At, BusinessId, GrantSource, Implied, Name, Position, Prune, ReleasedUser, Selection,
    TaskSet, Undo, UserId, WabaId, day_of,
};
use jiff::Timestamp;
use jiff::civil::Date;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
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

/// Why a change is not attempted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Blocked {
    /// It would raise the acting user's own tasks.
    SelfRaise,
    /// It would delete the assignment of an admin, or of a user with an unknown role. For an admin, that gives back the
    /// full access of its role.
    AdminRow,
    /// It removes a task that only a blocked change would give to somebody else.
    NeedsBlockedGain,
}

impl Blocked {
    /// Returns why, and what to do about it.
    pub const fn why(self) -> &'static str {
        match self {
            Self::SelfRaise => "a system user cannot raise its own tasks; let another admin make this change",
            Self::AdminRow => {
                "the user is or may be an admin, who has full access again without an assignment; change its role in \
                 Business Settings, or declare it with `by_role: true`"
            }
            Self::NeedsBlockedGain => {
                "another user would get this task by a change that is not attempted, so it is not removed here"
            }
        }
    }
}

/// The line of a manifest that no longer grants what a change removes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum WhyGone {
    /// A grant that has expired.
    Expired(Arc<GrantSource>),
    /// A grant that has not begun.
    NotYet(Arc<GrantSource>),
    /// An exception that is in force and does not give it.
    Excepted(Arc<GrantSource>),
    /// The user is declared here, and no grant gives it the task.
    Declared(Position),
    /// The user is suspended here, for this reason.
    Suspended(At<Name>),
    /// The user was declared here earlier, and is declared no more.
    Released(Position),
    /// The user is not declared, and the WABA, declared here, has `prune: all`.
    Undeclared(Position),
}

/// The reason of a change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Because {
    /// The grants, or the exception, that ask for the assignment, in the order of the manifests.
    pub grants: Vec<Arc<GrantSource>>,
    /// If a task is removed: the prune rule, and each line that no longer grants it.
    pub gone: Option<(Prune, Vec<WhyGone>)>,
}

impl Because {
    /// Returns whether it is that the user is suspended.
    pub fn is_suspension(&self) -> bool {
        let mut lines = self.gone.iter().flat_map(|(_, lines)| lines);
        lines.any(|line| matches!(line, WhyGone::Suspended(_)))
    }
}

/// A change of one assignment: the unit of a plan and of one write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The assignment.
    pub key: AssignmentKey,
    /// The live set; never equal to `after`.
    pub before: TaskSet,
    /// The set that is written, as a whole. It contains the implied tasks that are live.
    pub after: TaskSet,
    /// The reason.
    pub because: Because,
    /// Why the change is not attempted, if it is not. It is shown all the same.
    pub blocked: Option<Blocked>,
    /// Whether the user has the ADMIN role. Without an assignment on a WABA it has full access there, and an assignment
    /// narrows that. Admins may not be listed on a WABA, even after a write.
    pub admin: bool,
    /// Whether the change takes two writes: first the union of both sets, at the end `after`.
    pub split: bool,
}

impl Change {
    /// Makes a change without a reason that is attempted in one write.
    pub fn new(key: AssignmentKey, before: TaskSet, after: TaskSet) -> Self {
        let because = Because::default();
        Self { key, before, after, because, blocked: None, admin: false, split: false }
    }

    /// Returns the kind of the change.
    pub fn action(&self) -> Action {
        Action::between(&self.before, &self.after)
    }

    /// Returns the tasks of the assignment that are added.
    pub fn gained(&self) -> TaskSet {
        self.after.difference(&self.before)
    }

    /// Returns the tasks of the assignment that are removed.
    pub fn lost(&self) -> TaskSet {
        self.before.difference(&self.after)
    }

    /// Returns the tasks of the assignment that stay.
    pub fn kept(&self) -> TaskSet {
        self.before.intersection(&self.after)
    }

    /// Returns whether the first assignment of an admin narrows the full access of its role. `MANAGE` does not.
    pub fn narrows_admin(&self) -> bool {
        self.admin && self.before.is_empty() && !self.after.is_full()
    }

    /// Returns whether the last assignment of an admin goes, so that it has the full access of its role again.
    pub fn restores_admin(&self) -> bool {
        self.admin && self.after.is_empty()
    }

    /// Returns whether the user can do less after the change.
    pub fn is_loss(&self) -> bool {
        self.narrows_admin() || (!self.restores_admin() && !self.lost().is_empty())
    }

    /// Returns whether it takes everything away because the user is suspended.
    pub fn is_suspension(&self) -> bool {
        self.because.is_suspension()
    }

    /// Returns what the user can do before the change: an admin without an assignment, or with `MANAGE`, can do everything.
    pub fn access_before(&self) -> &TaskSet {
        access(&self.before, self.admin)
    }

    /// Returns what the user can do after the change, as before it.
    pub fn access_after(&self) -> &TaskSet {
        access(&self.after, self.admin)
    }
}

/// Returns what an assignment gives: its tasks, or everything to an admin without one or with `MANAGE`, which narrows nothing.
pub fn access(tasks: &TaskSet, admin: bool) -> &TaskSet {
    static FULL: TaskSet = TaskSet::FULL;
    if admin && (tasks.is_empty() || tasks.is_full()) { &FULL } else { tasks }
}

/// One write of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write<'a> {
    /// The change.
    pub change: &'a Change,
    /// The set before the write.
    pub before: TaskSet,
    /// The set that is written.
    pub after: TaskSet,
}

impl Write<'_> {
    /// Returns whether the change is complete after this write.
    pub fn is_last(&self) -> bool {
        self.after == self.change.after
    }

    /// Returns whether the write removes tasks, or narrows an admin.
    pub fn is_loss(&self) -> bool {
        !self.before.is_subset(&self.after) || self.change.narrows_admin()
    }

    /// Returns the write as a change of its own, as the journal records it.
    pub fn as_change(&self) -> Cow<'_, Change> {
        if self.change.split {
            let mut change = Change { after: self.after.clone(), ..self.change.clone() };
            change.before.clone_from(&self.before);
            if change.lost().is_empty() {
                change.because.gone = None;
            }
            Cow::Owned(change)
        } else {
            Cow::Borrowed(self.change)
        }
    }
}

/// Returns the writes of the changes on one WABA, in order. A blocked change has none.
///
/// The first write of a split change only adds tasks, so it stands among the changes that only add some.
pub fn writes(changes: &[Change]) -> Vec<Write<'_>> {
    let write = |change, before: &TaskSet, after: &TaskSet| Write {
        change,
        before: before.clone(),
        after: after.clone(),
    };
    let attempted = || changes.iter().filter(|change| change.blocked.is_none());
    let (mut first, mut last) = (Vec::new(), Vec::new());
    for change in attempted() {
        let Change { before, after, .. } = change;
        if change.split {
            let both = before.union(after);
            first.push(write(change, before, &both));
            last.push(write(change, &both, after));
        } else if change.lost().is_empty() && !change.narrows_admin() {
            first.push(write(change, before, after));
        } else {
            last.push(write(change, before, after));
        }
    }
    first.sort_by_key(|write| write.change.key.user);
    first.append(&mut last);
    first
}

/// Why the plan does not change an assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnmanagedReason {
    /// A person.
    Person,
    /// A system user or a person of another business.
    OtherBusiness,
    /// A system user of this business that no manifest declares.
    Undeclared,
    /// A system user of this business that the manifests ignore.
    Ignored,
    /// A system user of this business that the manifests of another set declare.
    OtherSet,
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
    /// Whether it is a system user or a person of the business itself.
    pub own: bool,
}

/// Tasks that no grant gives and that only `prune: none` keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The assignment.
    pub key: AssignmentKey,
    /// The tasks; never empty.
    pub tasks: TaskSet,
}

/// A declared system user that was not found. Its assignments are not planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved {
    /// The name in the manifests.
    pub name: Name,
    /// The declared id, if there is one.
    pub id: Option<UserId>,
    /// Why it was not found. Names in it are escaped.
    pub why: String,
    /// Where it is declared.
    pub at: Position,
    /// The number of assignments that the manifests ask for and that are not planned.
    pub assignments: usize,
}

/// A WABA that was in scope when the manifests were last applied, and is no more. Nothing is removed there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftWaba {
    /// The WABA.
    pub waba: WabaId,
    /// The name that it had.
    pub name: Name,
    /// What the business's own system users hold there.
    pub held: Vec<(UserId, Name, TaskSet)>,
}

/// A difference that a plan leaves, because it only takes away what has expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deferred {
    /// The assignment.
    pub key: AssignmentKey,
    /// What it holds after the plan.
    pub before: TaskSet,
    /// What a plan of everything would give it.
    pub after: TaskSet,
}

/// What a suspended user holds on WABAs out of scope. Nothing is removed there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutOfScope {
    /// The user.
    pub user: UserId,
    /// The WABAs, with their live names and what it holds there.
    pub held: Vec<(WabaId, Name, TaskSet)>,
    /// Why that could not be read, if so.
    pub error: Option<String>,
}

/// What access of system users counts as that no manifest declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Undeclared {
    /// Drift.
    #[default]
    Drift,
    /// Accepted.
    Allow,
}

/// Somebody who holds something on a WABA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// What it can do there.
    pub tasks: TaskSet,
    /// Whether it is a system user or a person of the business itself.
    pub own: bool,
    /// Whether it is on the WABA's list. An admin that holds everything by its role is not.
    pub is_listed: bool,
}

impl Holder {
    /// Makes a holder that is on the WABA's list.
    pub fn listed(tasks: TaskSet, own: bool) -> Self {
        Self { tasks, own, is_listed: true }
    }

    /// Makes an admin that holds everything by its role.
    pub fn by_role() -> Self {
        Self { tasks: TaskSet::FULL, own: true, is_listed: false }
    }
}

/// A note about the plan that stops nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The WABA's list is empty and nothing confirms that. It is planned as empty.
    Unconfirmed(WabaId),
    /// The plan assigns to an admin of the business, who may not be listed even after the write.
    AssignsToAdmin(UserId),
    /// Because a declared user was not found, nobody loses access who is not declared: it could be the same user.
    KeepsUndeclared,
    /// A declared user is found by its name and has another id than when the manifests were last applied.
    OtherId {
        /// Its id now.
        user: UserId,
        /// Its id then.
        before: UserId,
    },
    /// The manifests of `--previous` cannot be used, so they release nobody.
    PreviousUnusable(String),
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

impl Summary {
    /// Counts a change.
    pub(super) fn count(&mut self, action: Action) {
        match action {
            Action::Assign => self.assign += 1,
            Action::Change => self.change += 1,
            Action::Revoke => self.revoke += 1,
        }
    }
}

/// The calls to the API that applying a plan takes without retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ApplyCost {
    /// The WABAs that are written.
    pub wabas: usize,
    /// Reads: each WABA with a write is read before its first one and after its last one, and, if it has gains and
    /// losses, between them.
    pub reads: usize,
    /// Writes: one for each change that is attempted, two for one that is split.
    pub writes: usize,
}

impl ApplyCost {
    /// Returns the number of all calls.
    pub fn calls(self) -> usize {
        self.reads + self.writes
    }

    /// Adds the calls that the writes of one WABA take.
    fn add(&mut self, writes: &[Write<'_>]) {
        let (mut has_gained, mut is_read_between) = (false, false);
        for write in writes {
            is_read_between |= has_gained && write.is_loss();
            has_gained |= !write.after.is_subset(&write.before);
        }
        if !writes.is_empty() {
            self.wabas += 1;
            self.reads += 2 + usize::from(is_read_between);
            self.writes += writes.len();
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
    /// The instant for which it is made: which grants are in force.
    pub now: Timestamp,
    /// The changes, in the order in which they are applied.
    pub changes: Vec<Change>,
    /// Live assignments in scope that the plan does not manage, by key.
    pub unmanaged: Vec<Unmanaged>,
    /// WABAs in scope that could not be read and are not planned, with the reason.
    pub unreadable: BTreeMap<WabaId, String>,
    /// Declared system users that were not found.
    pub unresolved: Vec<Unresolved>,
    /// The users that were declared earlier and are declared no more, and that hold something in scope.
    pub released: BTreeMap<UserId, ReleasedUser>,
    /// What only `prune: none` keeps, by key.
    pub kept: Vec<Kept>,
    /// WABAs that left the scope since the manifests were last applied.
    pub left: Vec<LeftWaba>,
    /// What suspended users hold out of scope, or that it could not be read.
    pub out_of_scope: Vec<OutOfScope>,
    /// What the plan leaves on the WABAs that were read, because it only takes away what has expired.
    pub deferred: Vec<Deferred>,
    /// What undeclared access counts as.
    pub undeclared: Undeclared,
    /// Declared admins whose access comes from their role.
    pub by_role: BTreeSet<UserId>,
    /// Notes that stop nothing.
    pub notices: Vec<Notice>,
    /// The number of live assignments of managed users in scope that do not change.
    pub unchanged: usize,
    /// The number of live assignments of managed users in scope. `max-removals` is a share of it. In a narrowed plan,
    /// assignments that were not read count as the manifests ask for them.
    pub live_in_scope: usize,
    /// What everybody holds on each WABA with a change, people included, by user.
    pub holders: BTreeMap<WabaId, BTreeMap<UserId, Holder>>,
    /// The names of all WABAs in this plan.
    pub waba_names: BTreeMap<WabaId, Name>,
    /// The names of all managed users in this plan.
    pub user_names: BTreeMap<UserId, Name>,
    /// The live names of the WABAs that have another name in the manifests.
    pub live_waba_names: BTreeMap<WabaId, Name>,
    /// The live names of the users that have another name in the manifests.
    pub live_user_names: BTreeMap<UserId, Name>,
    /// The tasks that Meta stores beside or instead of others. The read-back ignores them.
    pub implied: Implied,
    /// What it was narrowed to.
    pub selection: Selection,
    /// The run that it takes back, if it is not a plan of the manifests.
    pub undo: Option<Box<Undo>>,
}

impl Plan {
    /// Makes a plan that changes nothing.
    pub fn empty(business: BusinessId, now: Timestamp) -> Self {
        Self {
            business,
            acting_user: None,
            now,
            changes: Vec::new(),
            unmanaged: Vec::new(),
            unreadable: BTreeMap::new(),
            unresolved: Vec::new(),
            released: BTreeMap::new(),
            kept: Vec::new(),
            left: Vec::new(),
            out_of_scope: Vec::new(),
            deferred: Vec::new(),
            undeclared: Undeclared::default(),
            by_role: BTreeSet::new(),
            notices: Vec::new(),
            unchanged: 0,
            live_in_scope: 0,
            holders: BTreeMap::new(),
            waba_names: BTreeMap::new(),
            user_names: BTreeMap::new(),
            live_waba_names: BTreeMap::new(),
            live_user_names: BTreeMap::new(),
            implied: Implied::default(),
            selection: Selection::default(),
            undo: None,
        }
    }

    /// Returns the day for which it is made, in UTC.
    pub fn day(&self) -> Date {
        day_of(self.now)
    }

    /// Returns whether it says nothing about the rest of the scope: it was narrowed, or takes back a run.
    pub fn is_partial(&self) -> bool {
        self.selection.is_narrowed() || self.undo.is_some()
    }

    /// Returns whether something could not be planned.
    pub fn is_incomplete(&self) -> bool {
        let is_unusable = |notice: &Notice| matches!(notice, Notice::PreviousUnusable(_));
        !self.unreadable.is_empty()
            || !self.unresolved.is_empty()
            || !self.out_of_scope.is_empty()
            || self.notices.iter().any(is_unusable)
            || self.undo.as_ref().is_some_and(|undo| undo.is_incomplete())
    }

    /// Returns the number of assignments of system users that no manifest declares, unless that is accepted.
    pub fn undeclared_drift(&self) -> usize {
        match self.undeclared {
            Undeclared::Drift => self.count_unmanaged(UnmanagedReason::Undeclared),
            Undeclared::Allow => 0,
        }
    }

    /// Returns the number of unmanaged assignments for a reason.
    pub fn count_unmanaged(&self, why: UnmanagedReason) -> usize {
        self.unmanaged.iter().filter(|row| row.why == why).count()
    }

    /// Returns the changes of each WABA, in order. No slice is empty.
    pub fn by_waba(&self) -> impl Iterator<Item = &[Change]> {
        self.changes.chunk_by(|one, next| one.key.waba == next.key.waba)
    }

    /// Counts the changes by their action.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary { unchanged: self.unchanged, ..Summary::default() };
        for change in &self.changes {
            summary.count(change.action());
        }
        summary
    }

    /// Returns the calls that applying it takes. A blocked change takes none.
    pub fn apply_cost(&self) -> ApplyCost {
        let mut cost = ApplyCost::default();
        for on_waba in self.by_waba() {
            cost.add(&writes(on_waba));
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
