//! One assignment: what it holds, by which lines, since when, what the plan does, and what would end it.

use super::since::{Since, since, writes_of};
use super::{Evidence, Standing, When};
use crate::model::{
    AssignmentKey, At, Blocked, Change, History, HolderKind, Name, Phase, Position, Prune, ResolvedGrant,
    Sources, TaskSet, TimeLimit, UserId, WabaId,
};
use std::collections::BTreeSet;

/// What is known of one assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained<'a> {
    /// The assignment.
    pub key: AssignmentKey,
    /// How the manifests see the user.
    pub standing: Standing,
    /// Whether it is a system user or a person of the business itself.
    pub own: bool,
    /// Where the user is declared, or was.
    pub declared_at: Option<Position>,
    /// Whether it is an admin of the business, who holds everything without an assignment.
    pub admin: bool,
    /// Why it is suspended, if it is.
    pub suspended: Option<&'a At<Name>>,
    /// What may be removed on the WABA, and where that is declared.
    pub prune: (Prune, Position),
    /// The tasks that are live; `None` if they are not known.
    pub live: Option<&'a TaskSet>,
    /// Why the live tasks are not known, if so.
    pub unreadable: Option<&'a str>,
    /// The tasks that the manifests ask for.
    pub desired: &'a TaskSet,
    /// Each task that is live or desired, by name.
    pub tasks: Vec<ExplainedTask<'a>>,
    /// What the plan does.
    pub outlook: Outlook<'a>,
    /// The grants and exceptions about the assignment, in their order, also those that are not in force.
    pub entries: Vec<ExplainedEntry<'a>>,
}

/// A task of an assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedTask<'a> {
    /// The task: a set of one.
    pub task: TaskSet,
    /// Whether it is live; `None` if that is not known.
    pub is_live: Option<bool>,
    /// Whether the manifests ask for it.
    pub is_desired: bool,
    /// Whether it is live after the plan; `None` if that is not known.
    pub is_after: Option<bool>,
    /// The entries that give it: indices in [`Explained::entries`].
    pub given_by: Vec<usize>,
    /// Since when it is live, or is not.
    pub since: Since<'a>,
    /// What would end it.
    pub ends: Ends,
}

/// What would end a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// The next apply.
    NextApply,
    /// The end of every entry that gives it: by itself at this time, or with their deletion.
    Entries(Option<TimeLimit>),
    /// Nothing that can be applied: the change is not attempted.
    Blocked(Blocked),
    /// Another prune rule of the WABA: `prune: none` keeps it.
    Kept,
    /// Nothing in these manifests, because they do not manage the user.
    NotManaged,
    /// It is not known, because the WABA could not be read.
    Unknown,
    /// Nothing, because it differs only by an implied task.
    Implied,
}

/// What the plan does with an assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook<'a> {
    /// It changes.
    Changes(&'a Change),
    /// It is as the manifests ask for.
    AsDesired,
    /// It has tasks that no grant gives and that `prune: none` keeps.
    Kept,
    /// The manifests do not manage the user.
    NotManaged,
    /// The system user was not found, so it can gain nothing.
    UserNotFound,
    /// The WABA could not be read.
    Unknown,
}

/// A grant or an exception about an assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedEntry<'a> {
    /// The grant or the exception.
    pub entry: &'a ResolvedGrant,
    /// Whether it is in force, and no exception stands in its place.
    pub counts: bool,
    /// The number of users that it is about.
    pub users: usize,
    /// The number of WABAs that it is about.
    pub wabas: usize,
    /// The number of assignments for which the manifests would ask for fewer tasks without it.
    pub takes: usize,
    /// The number of assignments for which the manifests would ask for more tasks without it.
    pub gives_back: usize,
}

/// An explained assignment with what its outputs need.
#[derive(Debug, Clone, Copy)]
pub struct ExplainedAssignment<'a> {
    /// What it was made from.
    pub evidence: Evidence<'a>,
    /// The manifests.
    pub sources: &'a Sources,
    /// The journal.
    pub history: &'a History,
    /// The assignment.
    pub explained: &'a Explained<'a>,
}

impl ExplainedTask<'_> {
    /// Returns the raw name of the task.
    pub fn name(&self) -> &str {
        self.task.names().next().unwrap_or_default()
    }
}

/// The tasks of a user that is not listed.
static NOTHING: TaskSet = TaskSet::EMPTY;

/// Explains one assignment. The WABA must be in scope.
pub fn explain<'a>(
    evidence: Evidence<'a>,
    key: AssignmentKey,
    history: &'a History,
) -> Option<Explained<'a>> {
    let desired = evidence.desired;
    let scoped = desired.scope.wabas.get(&key.waba)?;
    let unreadable = evidence.unreadable(key.waba);
    let other = evidence.observed.others.get(&key);
    let live = match other {
        Some(holder) => &holder.tasks,
        None => evidence.observed.state.get(key).unwrap_or(&NOTHING),
    };
    let standing = match other.map(|holder| holder.kind) {
        None => evidence.standing(key.user),
        Some(HolderKind::Person) => Standing::Person,
        Some(HolderKind::OtherBusiness) => Standing::OtherBusiness,
        Some(HolderKind::Unknown) => Standing::Unknown,
    };
    let user = desired.scope.users.get(&key.user);
    let released = desired.released.get(&key.user).map(|user| user.at);
    let mut explained = Explained {
        key,
        standing,
        own: other.is_none_or(|holder| holder.own),
        declared_at: user.map(|user| user.at).or(released),
        admin: evidence.admins(When::Live).contains(&key.user),
        suspended: user.and_then(|user| user.suspended.as_ref()),
        prune: (scoped.prune, scoped.at),
        live: unreadable.is_none().then_some(live),
        unreadable,
        desired: desired.state.get(key).unwrap_or(&NOTHING),
        tasks: Vec::new(),
        outlook: Outlook::Unknown,
        entries: entries(&evidence, key),
    };
    explained.outlook = outlook(&evidence, &explained);
    explained.tasks = tasks(&evidence, &explained, history);
    Some(explained)
}

fn outlook<'a>(evidence: &Evidence<'a>, explained: &Explained<'a>) -> Outlook<'a> {
    let Explained { key, desired, standing, admin, .. } = *explained;
    let Some(live) = explained.live else { return Outlook::Unknown };
    if let Some(change) = evidence.plan.changes.iter().find(|change| change.key == key) {
        return Outlook::Changes(change);
    }
    let by_role = admin && live.is_empty() && evidence.plan.by_role.contains(&key.user);
    if standing != Standing::Declared && standing != Standing::Released {
        Outlook::NotManaged
    } else if by_role || evidence.plan.implied.same(live, desired) {
        Outlook::AsDesired
    } else if evidence.plan.kept.iter().any(|kept| kept.key == key) {
        Outlook::Kept
    } else if standing == Standing::Released {
        Outlook::NotManaged
    } else {
        Outlook::UserNotFound
    }
}

fn tasks<'a>(
    evidence: &Evidence<'a>,
    explained: &Explained<'a>,
    history: &'a History,
) -> Vec<ExplainedTask<'a>> {
    let writes = writes_of(history, explained.key);
    let after = match explained.outlook {
        Outlook::Changes(change) if change.blocked.is_none() => Some(&change.after),
        Outlook::Changes(_)
        | Outlook::AsDesired
        | Outlook::Kept
        | Outlook::NotManaged
        | Outlook::UserNotFound
        | Outlook::Unknown => explained.live,
    };
    let all = explained.live.map_or_else(|| explained.desired.clone(), |live| live.union(explained.desired));
    let explain = |name: &str| {
        let task = TaskSet::from_names([name]);
        let is_in = |set: Option<&TaskSet>| set.map(|set| task.is_subset(set));
        let (is_live, is_after) = (is_in(explained.live), is_in(after));
        let gives = |one: &&(usize, &ExplainedEntry<'_>)| one.1.counts && task.is_subset(&one.1.entry.tasks);
        let mut explained_task = ExplainedTask {
            is_live,
            is_desired: task.is_subset(explained.desired),
            is_after,
            given_by: explained
                .entries
                .iter()
                .enumerate()
                .filter(|one| gives(&one))
                .map(|one| one.0)
                .collect(),
            since: is_live.map_or(Since::Unrecorded, |held| since(&writes, &task, held)),
            ends: Ends::Unknown,
            task,
        };
        explained_task.ends = ends(evidence, explained, &explained_task);
        explained_task
    };
    all.names().map(explain).collect()
}

fn ends(evidence: &Evidence<'_>, explained: &Explained<'_>, task: &ExplainedTask<'_>) -> Ends {
    if task.is_desired {
        let limits = task.given_by.iter().map(|index| explained.entries[*index].entry.source.until);
        let limits: Option<Vec<TimeLimit>> = limits.collect();
        return Ends::Entries(limits.and_then(|limits| limits.into_iter().max_by_key(|limit| limit.end())));
    }
    match explained.outlook {
        Outlook::Unknown => Ends::Unknown,
        Outlook::NotManaged => Ends::NotManaged,
        Outlook::Changes(change) => match change.blocked {
            Some(blocked) => Ends::Blocked(blocked),
            None if task.is_after == Some(false) => Ends::NextApply,
            None => kept_or_implied(evidence, explained, task),
        },
        Outlook::AsDesired | Outlook::Kept | Outlook::UserNotFound => {
            kept_or_implied(evidence, explained, task)
        }
    }
}

/// Returns why a task stays that no grant gives.
fn kept_or_implied(evidence: &Evidence<'_>, explained: &Explained<'_>, task: &ExplainedTask<'_>) -> Ends {
    let mut kept = evidence.plan.kept.iter().filter(|kept| kept.key == explained.key);
    if kept.any(|kept| task.task.is_subset(&kept.tasks)) { Ends::Kept } else { Ends::Implied }
}

/// Returns the grants and exceptions about an assignment, with what else they give.
fn entries<'a>(evidence: &Evidence<'a>, key: AssignmentKey) -> Vec<ExplainedEntry<'a>> {
    let desired = evidence.desired;
    let counting: BTreeSet<u32> = evidence.in_force(key).map(|(index, _)| index).collect();
    let entry = |(index, entry): (u32, &'a ResolvedGrant)| {
        let (mut users, mut wabas): (BTreeSet<UserId>, BTreeSet<WabaId>) = Default::default();
        let (mut takes, mut gives_back) = (0, 0);
        for claim in desired.claims.iter().filter(|claim| claim.grant == index) {
            users.insert(claim.key.user);
            wabas.insert(claim.key.waba);
            let with = given(evidence, claim.key, None);
            let without = given(evidence, claim.key, Some(index));
            takes += usize::from(!with.is_subset(&without));
            gives_back += usize::from(!without.is_subset(&with));
        }
        ExplainedEntry {
            entry,
            counts: counting.contains(&index),
            users: users.len(),
            wabas: wabas.len(),
            takes,
            gives_back,
        }
    };
    desired.numbered_claims_on(key).map(entry).collect()
}

/// Returns what the manifests ask for, with or without one of their entries.
fn given(evidence: &Evidence<'_>, key: AssignmentKey, without: Option<u32>) -> TaskSet {
    let mut tasks = TaskSet::EMPTY;
    for (index, entry) in evidence.desired.numbered_claims_on(key) {
        if entry.phase == Phase::InForce && without != Some(index) {
            // The exceptions come after the grants.
            if entry.is_exception {
                tasks = TaskSet::EMPTY;
            }
            tasks.extend(&entry.tasks);
        }
    }
    tasks
}

impl Explained<'_> {
    /// Returns whether the user holds everything by its role: it is an admin, and no assignment narrows that.
    pub fn holds_by_role(&self) -> bool {
        self.admin && self.live.is_some_and(TaskSet::is_empty)
    }

    /// Returns whether an assignment narrows the full access of an admin.
    pub fn narrows_role(&self) -> bool {
        self.admin && self.live.is_some_and(|live| !live.is_empty() && !live.is_full())
    }
}
