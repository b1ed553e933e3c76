//! Who holds some tasks, on which WABAs, and by which lines.

use super::{Evidence, Standing, When};
use crate::model::{AssignmentKey, Change, HolderKind, Sources, TaskSet, UserId, WabaId, access};
use std::collections::{BTreeMap, BTreeSet};

/// A question: who holds some tasks?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The tasks. None means every holder, whatever it holds.
    pub tasks: TaskSet,
    /// Whether one of the tasks suffices.
    pub any: bool,
    /// The state that it is about.
    pub when: When,
    /// The WABAs; `None` is all in scope.
    pub wabas: Option<BTreeSet<WabaId>>,
    /// Whether only the business's own system users and people count.
    pub business_only: bool,
    /// The users that do not count.
    pub except: BTreeSet<UserId>,
}

impl Question {
    /// Asks who holds all of some tasks, on all WABAs in scope.
    pub fn about(tasks: TaskSet, when: When) -> Self {
        Self { tasks, any: false, when, wabas: None, business_only: false, except: BTreeSet::new() }
    }

    /// Returns whether a set of tasks is enough.
    pub fn is_met_by(&self, held: &TaskSet) -> bool {
        if self.any { held.grants_any(&self.tasks) } else { held.grants_all(&self.tasks) }
    }
}

/// Somebody who holds the tasks on a WABA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding<'a> {
    /// The WABA and the user.
    pub key: AssignmentKey,
    /// How the manifests see the user.
    pub standing: Standing,
    /// Whether it is a system user or a person of the business itself.
    pub own: bool,
    /// The tasks of its assignment; empty if it has none, and holds everything by its role.
    pub tasks: &'a TaskSet,
    /// Whether it holds the tasks only because its role is ADMIN.
    pub by_role: bool,
    /// Whether the manifests ask for it.
    pub is_desired: bool,
    /// The grants and exceptions in force that give some of the tasks: indices in [`Desired::grants`].
    ///
    /// [`Desired::grants`]: crate::model::Desired::grants
    pub given_by: Vec<u32>,
}

/// The answer to a [`Question`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer<'a> {
    /// The holders, by WABA and then by user.
    pub holders: Vec<Holding<'a>>,
    /// The number of WABAs that the question is about, unreadable ones included.
    pub wabas: usize,
    /// The WABAs on which nobody holds the tasks.
    pub nobody: Vec<WabaId>,
    /// The WABAs that could not be read, with the reason.
    pub unreadable: BTreeMap<WabaId, &'a str>,
}

impl Answer<'_> {
    /// Counts the users that hold the tasks somewhere.
    pub fn users(&self) -> usize {
        self.holders.iter().map(|holding| holding.key.user).collect::<BTreeSet<_>>().len()
    }
}

/// An answer with what its outputs need.
#[derive(Debug, Clone, Copy)]
pub struct WhoCan<'a> {
    /// What the answer was made from.
    pub evidence: Evidence<'a>,
    /// The manifests.
    pub sources: &'a Sources,
    /// The question.
    pub question: &'a Question,
    /// The answer.
    pub answer: &'a Answer<'a>,
    /// The users whose id is not known.
    pub without_id: &'a BTreeSet<UserId>,
    /// The number of rules that cannot discover WABAs without the API.
    pub undiscovered: usize,
}

impl WhoCan<'_> {
    /// Returns the id of a user, if it is known.
    pub fn user_id(&self, user: UserId) -> Option<UserId> {
        (!self.without_id.contains(&user)).then_some(user)
    }
}

/// Somebody with an assignment on a WABA, or with the role ADMIN and without one.
struct Row<'a> {
    user: UserId,
    tasks: &'a TaskSet,
    standing: Standing,
    own: bool,
    admin: bool,
}

/// The tasks of a user without an assignment.
static NOTHING: TaskSet = TaskSet::EMPTY;

/// Returns who holds the tasks of a question.
pub fn who_can<'a>(evidence: Evidence<'a>, question: &Question) -> Answer<'a> {
    let admins = evidence.admins(question.when);
    let changes: BTreeMap<WabaId, &[Change]> = match question.when {
        When::After => evidence.plan.by_waba().map(|changes| (changes[0].key.waba, changes)).collect(),
        When::Live | When::Desired => BTreeMap::new(),
    };
    let mut answer = Answer::default();
    let asked = |waba: &&WabaId| question.wabas.as_ref().is_none_or(|wabas| wabas.contains(*waba));
    for waba in evidence.desired.scope.wabas.keys().filter(asked) {
        answer.wabas += 1;
        if let Some(why) = evidence.unreadable(*waba).filter(|_| question.when != When::Desired) {
            answer.unreadable.insert(*waba, why);
            continue;
        }
        let changes = changes.get(waba).copied().unwrap_or_default();
        let before = answer.holders.len();
        let rows = rows(&evidence, *waba, question.when, changes, &admins);
        answer.holders.extend(rows.iter().filter_map(|row| holding(&evidence, *waba, question, row)));
        if answer.holders.len() == before {
            answer.nobody.push(*waba);
        }
    }
    answer
}

/// Returns everybody who holds something on a WABA, by user.
fn rows<'a>(
    evidence: &Evidence<'a>,
    waba: WabaId,
    when: When,
    changes: &'a [Change],
    admins: &BTreeSet<UserId>,
) -> Vec<Row<'a>> {
    let row = |(user, tasks)| Row {
        user,
        tasks,
        standing: evidence.standing(user),
        own: true,
        admin: admins.contains(&user),
    };
    let mut rows: Vec<Row<'a>> = match when {
        When::Desired => evidence.desired.state.on(waba).map(row).collect(),
        When::Live | When::After => evidence.observed.state.on(waba).map(row).collect(),
    };
    for change in changes.iter().filter(|change| change.blocked.is_none()) {
        rows.retain(|row| row.user != change.key.user);
        if !change.after.is_empty() {
            rows.push(row((change.key.user, &change.after)));
        }
    }
    if when != When::Desired {
        rows.extend(evidence.others_on(waba).map(|(key, holder)| Row {
            user: key.user,
            tasks: &holder.tasks,
            standing: match holder.kind {
                HolderKind::Person => Standing::Person,
                HolderKind::OtherBusiness => Standing::OtherBusiness,
                HolderKind::Unknown => Standing::Unknown,
            },
            own: holder.own,
            admin: false,
        }));
    }
    let without_row = admins.iter().filter(|admin| !rows.iter().any(|row| row.user == **admin));
    let without_row: Vec<Row<'a>> = without_row.map(|user| row((*user, &NOTHING))).collect();
    rows.extend(without_row);
    rows.sort_by_key(|row| row.user);
    rows
}

/// Returns a row as a holder, if it holds the tasks and counts.
fn holding<'a>(
    evidence: &Evidence<'a>,
    waba: WabaId,
    question: &Question,
    row: &Row<'a>,
) -> Option<Holding<'a>> {
    let counts = (row.own || !question.business_only) && !question.except.contains(&row.user);
    if !counts || !question.is_met_by(access(row.tasks, row.admin)) {
        return None;
    }
    let key = AssignmentKey { waba, user: row.user };
    let is_open = question.tasks.is_empty();
    let gives =
        evidence.in_force(key).filter(|(_, entry)| is_open || entry.tasks.grants_any(&question.tasks));
    Some(Holding {
        key,
        standing: row.standing,
        own: row.own,
        tasks: row.tasks,
        by_role: row.tasks.is_empty() || !question.is_met_by(row.tasks),
        is_desired: evidence.desired.state.get(key).is_some_and(|tasks| question.is_met_by(tasks)),
        given_by: gives.map(|(index, _)| index).collect(),
    })
}
