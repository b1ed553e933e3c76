//! What has to be added to manifests so that they also give what is live.
//!
//! Additions only add: what the manifests ask for stays asked for. This module does not know where in the files they stand.

use super::draft::{Draft, DraftLabel, DraftUser, DraftWaba, Selection, SingleGrants};
use super::names;
use super::shared::{may_give, sharing_of};
use super::write::{exception_entries, grant_entries, user_line};
use crate::mining::{self, AccessMatrix, Account, List};
use crate::model::{
    AdminRole, AssignmentKey, Because, Desired, DirectoryWaba, Edge, Estate, Labels, Name, Phase, Prune,
    Shared, TaskSet, UserId, WabaId,
};
use crate::text::cells::{Quotes, row};
use crate::text::yaml::scalar;
use std::collections::{BTreeMap, BTreeSet};

/// The most labels that new grants can use. A guess: the largest ones; a label of one customer describes nobody else.
const LABELS: usize = 200;
/// The most different sets of labels that a WABA is compared with. A guess: the most frequent ones.
const LABEL_SETS: usize = 50;

/// What manifests say already.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// What they ask for.
    pub desired: &'a Desired,
    /// The names of the declared WABAs.
    pub wabas: &'a BTreeMap<Name, WabaId>,
    /// The names of the declared system users, also of those that were not found.
    pub users: &'a BTreeSet<Name>,
    /// The roles.
    pub roles: &'a BTreeMap<Name, TaskSet>,
    /// The tasks that this program does not know and that grants may name.
    pub extra_tasks: &'a BTreeSet<String>,
    /// Which access may be removed on WABAs that do not override it.
    pub prune: Prune,
}

impl Known<'_> {
    /// Returns whether the access of a user is for these manifests to describe, if no manifest declares it yet.
    fn may_declare(&self, user: UserId) -> bool {
        let Desired { scope, ignored, other_sets, .. } = self.desired;
        !scope.users.contains_key(&user) && !ignored.contains(&user) && !other_sets.contains(&user)
    }

    fn declared(&self) -> BTreeSet<WabaId> {
        self.wabas.values().copied().collect()
    }
}

/// A WABA to declare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWaba {
    /// The id.
    pub id: WabaId,
    /// The name in the manifests.
    pub name: Name,
    /// How it is shared with the business.
    pub shared: Shared,
    /// Whether the tasks that are given there need `accept`.
    pub accepts_tasks: bool,
    /// The labels.
    pub labels: Labels,
}

impl NewWaba {
    /// Returns the line that declares it in `wabas`.
    pub fn line(&self) -> String {
        let mut parts = vec![format!("id: {}", self.id)];
        if self.shared != Shared::Owned {
            parts.push(format!("shared: {}", self.shared.word()));
        }
        if self.accepts_tasks {
            parts.push(String::from("accept: [task-on-standard]"));
        }
        let labels: Vec<String> =
            self.labels.iter().map(|(key, value)| format!("{}: {}", scalar(key), scalar(value))).collect();
        if !labels.is_empty() {
            parts.push(format!("labels: {{ {} }}", labels.join(", ")));
        }
        format!("  {}: {{ {} }}\n", scalar(self.name.as_str()), parts.join(", "))
    }

    /// Returns the row that declares it in a table with these columns; `None` if a column is missing.
    pub fn row(&self, columns: &[String]) -> Option<String> {
        let mut values: BTreeMap<String, String> = BTreeMap::from([
            (String::from("id"), self.id.to_string()),
            (String::from("name"), self.name.as_str().to_owned()),
        ]);
        let shared = (self.shared != Shared::Owned || columns.iter().any(|column| column == "shared"))
            .then(|| (String::from("shared"), self.shared.word().to_owned()));
        values.extend(shared);
        values.extend(self.accepts_tasks.then(|| ("accept".to_owned(), "task-on-standard".to_owned())));
        values.extend(self.labels.iter().map(|(key, value)| (format!("label:{key}"), value.clone())));
        let cells: Vec<String> =
            columns.iter().map(|column| values.remove(column).unwrap_or_default()).collect();
        values.is_empty().then(|| row(&cells, Quotes::Needed))
    }
}

/// Why live access cannot be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotAdded {
    /// The user is suspended.
    Suspended,
    /// An exception says exactly what the user holds there.
    Excepted,
    /// The way the WABA is shared does not permit it, by Meta's guide.
    NotPermitted(Shared),
}

/// A change that the plan of the updated manifests makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// The assignment.
    pub key: AssignmentKey,
    /// The name of the WABA in the manifests.
    pub waba: Name,
    /// The name of the user in the manifests.
    pub user: Name,
    /// What the manifests ask for and is not live.
    pub missing: TaskSet,
    /// What is live and the manifests do not give.
    pub surplus: TaskSet,
    /// Why what is live could not be added.
    pub not_added: Option<NotAdded>,
    /// Which lines ask for it, or take it away.
    pub because: Because,
}

/// What has to be added to manifests. Entries are lines that end with a line break, indented by two spaces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Additions {
    /// The lines that declare system users.
    pub users: Vec<String>,
    /// The WABAs to declare.
    pub wabas: Vec<NewWaba>,
    /// The grants.
    pub grants: Vec<String>,
    /// The exceptions.
    pub exceptions: Vec<String>,
    /// The tasks that this program does not know, as YAML.
    pub extra_tasks: Vec<String>,
    /// The assignments with more tasks than the manifests ask for that cannot be added.
    pub not_added: BTreeMap<AssignmentKey, NotAdded>,
}

impl Additions {
    /// Returns whether there is nothing to add.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
            && self.wabas.is_empty()
            && self.grants.is_empty()
            && self.exceptions.is_empty()
            && self.extra_tasks.is_empty()
    }
}

/// Returns the WABAs that a list has, whose access is known, with their ids.
fn readable(estate: &Estate) -> impl Iterator<Item = (WabaId, &DirectoryWaba)> {
    let known = |id: &WabaId| !estate.observed.unreadable.contains_key(id);
    estate.directory.wabas.iter().map(|(id, waba)| (*id, waba)).filter(move |(id, _)| known(id))
}

/// Returns the WABAs to declare: with `is_open`, those out of scope on which a system user holds something; and those that
/// get more from the grants by the labels of others, if that is all that they hold. `gives` returns what the manifests would
/// give on a WABA with this name and these labels.
pub fn new_wabas(
    estate: &Estate,
    known: &Known<'_>,
    is_open: bool,
    gives: &dyn Fn(WabaId, &Name, &Labels) -> BTreeMap<UserId, TaskSet>,
) -> Vec<NewWaba> {
    let desired = known.desired;
    let declared = known.declared();
    let sets = label_sets(known, &declared);
    let mut counts: BTreeMap<&Name, usize> = BTreeMap::new();
    for waba in estate.directory.wabas.values() {
        *counts.entry(&waba.name).or_default() += 1;
    }
    let mut taken: BTreeSet<Name> = known.wabas.keys().cloned().collect();
    let mut found: Vec<NewWaba> = Vec::new();
    for (id, live) in readable(estate).filter(|(id, _)| !declared.contains(id)) {
        let scoped = desired.scope.wabas.get(&id);
        let is_missing = scoped.is_none();
        let held: BTreeMap<UserId, &TaskSet> = estate.observed.state.on(id).collect();
        let counts_here = |user: &UserId| known.may_declare(*user) || desired.scope.users.contains_key(user);
        let is_in_use = || is_open && live.edge != Edge::Direct && held.keys().any(counts_here);
        // Declared, it would lose the `prune` of its rule.
        let can_have_labels = scoped.is_some_and(|waba| waba.prune == known.prune) && !sets.is_empty();
        let has_more = || can_have_labels && lacks(known, &held, &desired.state.on(id).map(owned).collect());
        if !(if is_missing { is_in_use() } else { has_more() }) {
            continue;
        }
        let is_unique = counts.get(&live.name) == Some(&1) && !taken.contains(&live.name);
        let name = Name::new(names::waba_name(id, &live.name, is_unique));
        let fits = |labels: &Labels| agrees(known, &held, &gives(id, &name, labels));
        let none = Labels::new();
        let labels = if is_missing && fits(&none) { Some(none) } else { fitting(&sets, &fits) };
        if taken.contains(&name) || (labels.is_none() && !is_missing) {
            continue;
        }
        let labels = labels.unwrap_or_default();
        let mut tasks = TaskSet::EMPTY;
        for given in gives(id, &name, &labels).values().chain(held.values().copied()) {
            tasks.extend(given);
        }
        let sharing = sharing_of(live, &tasks);
        let accepts_tasks = sharing.accepts_tasks;
        taken.insert(name.clone());
        found.push(NewWaba { id, name, shared: sharing.shared, accepts_tasks, labels });
    }
    found
}

fn owned((user, tasks): (UserId, &TaskSet)) -> (UserId, TaskSet) {
    (user, tasks.clone())
}

/// Returns the declared system users that are not suspended.
fn active<'a>(known: &Known<'a>) -> impl Iterator<Item = UserId> + 'a {
    let users = known.desired.scope.users.iter();
    users.filter(|(_, user)| user.suspended.is_none()).map(|(id, _)| *id)
}

/// Returns whether a declared user holds more than is given.
fn lacks(known: &Known<'_>, held: &BTreeMap<UserId, &TaskSet>, given: &BTreeMap<UserId, TaskSet>) -> bool {
    let nothing = TaskSet::EMPTY;
    let mut users = active(known).filter_map(|user| Some((user, *held.get(&user)?)));
    users.any(|(user, live)| {
        let given = given.get(&user).unwrap_or(&nothing);
        !live.is_subset(given) && !known.desired.implied.same(live, given)
    })
}

/// Returns whether the declared users hold what is given.
fn agrees(known: &Known<'_>, held: &BTreeMap<UserId, &TaskSet>, given: &BTreeMap<UserId, TaskSet>) -> bool {
    let nothing = TaskSet::EMPTY;
    active(known).all(|user| {
        let live = held.get(&user).copied().unwrap_or(&nothing);
        let by_role = known.desired.scope.users.get(&user).is_some_and(|user| user.by_role);
        (by_role && live.is_empty()) || known.desired.implied.same(live, given.get(&user).unwrap_or(&nothing))
    })
}

/// Returns the sets of labels of declared WABAs, the most frequent ones first.
fn label_sets(known: &Known<'_>, declared: &BTreeSet<WabaId>) -> Vec<Labels> {
    let mut sets: BTreeMap<&Labels, usize> = BTreeMap::new();
    let wabas = known.desired.scope.wabas.iter().filter(|(id, _)| declared.contains(id));
    for (_, waba) in wabas.filter(|(_, waba)| !waba.labels.is_empty()) {
        *sets.entry(&waba.labels).or_default() += 1;
    }
    let mut sets: Vec<(&Labels, usize)> = sets.into_iter().collect();
    sets.sort_by_key(|(labels, count)| (std::cmp::Reverse(*count), *labels));
    sets.into_iter().take(LABEL_SETS).map(|(labels, _)| labels.clone()).collect()
}

/// Returns the labels of the first set that fits, without those that do not matter: nothing says that the WABA has them.
fn fitting(sets: &[Labels], fits: &dyn Fn(&Labels) -> bool) -> Option<Labels> {
    let mut labels = sets.iter().find(|labels| fits(labels))?.clone();
    for key in labels.clone().into_keys() {
        let mut fewer = labels.clone();
        fewer.remove(&key);
        if fits(&fewer) {
            labels = fewer;
        }
    }
    Some(labels)
}

/// Returns what has to be added. `wabas` are those to declare, which `known` has already; `note` becomes the reason of grants and
/// exceptions.
pub fn additions(estate: &Estate, known: &Known<'_>, wabas: Vec<NewWaba>, note: &str) -> Additions {
    let users = users(estate, known);
    let declared = known.desired.scope.users.len();
    let mut additions = Additions {
        users: sorted_lines(users.get(declared..).unwrap_or_default()),
        wabas,
        ..Additions::default()
    };
    let labels = labels(known);
    let drafted = wabas_of(estate, known, &users, &labels, &mut additions.not_added);
    let roles = known.roles.iter().rev().map(|(name, tasks)| (tasks.clone(), name.as_str().to_owned()));
    let mut draft = Draft {
        estate,
        users,
        wabas: drafted,
        grants: Vec::new(),
        singles: SingleGrants::new(),
        labels: labels.into_iter().map(|(label, _)| label).collect(),
        roles: roles.collect(),
        selected: Vec::new(),
    };
    mine(&mut draft, known);
    single(&mut draft);
    additions.grants = grant_entries(&draft, note);
    let deviations = draft.deviations();
    let exceptions = draft.exceptions(&deviations);
    additions.exceptions = exception_entries(&draft, &exceptions, note);
    let tasks = draft.grants.iter().map(|grant| &grant.tasks);
    let tasks = tasks.chain(draft.singles.keys().map(|(_, tasks)| tasks));
    let tasks = tasks.chain(exceptions.iter().map(|exception| &exception.tasks));
    let unknown: BTreeSet<&str> = tasks.flat_map(TaskSet::unknown).collect();
    let new = unknown.into_iter().filter(|task| !known.extra_tasks.contains(*task));
    additions.extra_tasks = new.map(scalar).collect();
    additions
}

fn sorted_lines(users: &[DraftUser]) -> Vec<String> {
    let mut lines: Vec<String> = users.iter().map(user_line).collect();
    lines.sort();
    lines
}

/// Returns the declared users, and then those to declare: all that hold something in scope, and, where others are declared
/// with `by_role`, admins that hold nothing.
fn users(estate: &Estate, known: &Known<'_>) -> Vec<DraftUser> {
    let (directory, observed) = (&estate.directory, &estate.observed);
    let scope = &known.desired.scope;
    let declared = scope.users.iter().map(|(id, user)| DraftUser {
        id: *id,
        alias: user.name.as_str().to_owned(),
        live: directory.system_users.get(id).map(|user| user.name.clone()).unwrap_or_default(),
        by_role: user.by_role,
        is_listed: directory.system_users.contains_key(id),
    });
    let mut users: Vec<DraftUser> = declared.collect();
    let mut holders: BTreeSet<UserId> = BTreeSet::new();
    let mut in_scope: BTreeSet<UserId> = BTreeSet::new();
    for (key, _) in observed.state.iter() {
        holders.insert(key.user);
        if scope.wabas.contains_key(&key.waba) && !observed.unreadable.contains_key(&key.waba) {
            in_scope.insert(key.user);
        }
    }
    let has_admins = scope.users.values().any(|user| user.by_role);
    let admins = directory
        .system_users
        .iter()
        .filter(|(id, user)| has_admins && user.role == AdminRole::Admin && !holders.contains(*id));
    in_scope.extend(admins.map(|(id, _)| *id));
    in_scope.retain(|user| known.may_declare(*user));
    let live = |id: &UserId| {
        let listed = directory.system_users.get(id).map(|user| &user.name);
        listed.or_else(|| observed.unlisted.get(id)).cloned().unwrap_or_default()
    };
    let names: BTreeMap<UserId, Name> = in_scope.iter().map(|id| (*id, live(id))).collect();
    let aliases = names::aliases(&names);
    let mut taken: BTreeSet<String> = known.users.iter().map(|name| name.as_str().to_owned()).collect();
    for (id, live) in names {
        let alias = aliases.get(&id).cloned().unwrap_or_default();
        let alias = if taken.contains(&alias) { format!("{alias}-{id}") } else { alias };
        let alias = names::free(&alias, &taken);
        taken.insert(alias.clone());
        users.push(DraftUser {
            id,
            alias,
            live,
            by_role: !holders.contains(&id),
            is_listed: directory.system_users.contains_key(&id),
        });
    }
    users
}

/// Returns the labels that several WABAs in scope have, the largest first, each with its key and its WABAs.
fn labels(known: &Known<'_>) -> Vec<(DraftLabel, BTreeSet<WabaId>)> {
    let mut members: BTreeMap<(&String, &String), BTreeSet<WabaId>> = BTreeMap::new();
    for (id, waba) in &known.desired.scope.wabas {
        for pair in &waba.labels {
            members.entry(pair).or_default().insert(*id);
        }
    }
    let mut labels: Vec<_> = members.into_iter().filter(|(_, wabas)| wabas.len() > 1).collect();
    labels.sort_by_key(|(pair, wabas)| (std::cmp::Reverse(wabas.len()), *pair));
    let label = |((key, value), wabas): ((&String, &String), BTreeSet<WabaId>)| {
        (DraftLabel { key: key.clone(), value: value.clone() }, wabas)
    };
    labels.into_iter().take(LABELS).map(label).collect()
}

/// Returns the WABAs in scope whose access is known. `held` is what the manifests should give there: what they ask for, and what
/// is live besides.
fn wabas_of<'a>(
    estate: &'a Estate,
    known: &Known<'_>,
    users: &[DraftUser],
    labels: &[(DraftLabel, BTreeSet<WabaId>)],
    not_added: &mut BTreeMap<AssignmentKey, NotAdded>,
) -> Vec<DraftWaba<'a>> {
    let desired = known.desired;
    let numbers: BTreeMap<UserId, u32> = users.iter().map(|user| user.id).zip(0..).collect();
    let mut wabas = Vec::new();
    for (id, live) in readable(estate) {
        let Some(scoped) = desired.scope.wabas.get(&id) else { continue };
        let mut waba = DraftWaba {
            id,
            live,
            declared: Some(scoped.name.as_str().to_owned()),
            labels: (0..).zip(labels).filter(|(_, (_, wabas))| wabas.contains(&id)).map(|(n, _)| n).collect(),
            held: Vec::new(),
            grants: Vec::new(),
            given: BTreeMap::new(),
            left_out: BTreeSet::new(),
        };
        let mut held: BTreeMap<u32, TaskSet> = BTreeMap::new();
        for (user, tasks) in desired.state.on(id) {
            if let Some(number) = numbers.get(&user) {
                held.insert(*number, tasks.clone());
            }
        }
        waba.given = held.clone();
        for (user, tasks) in estate.observed.state.on(id) {
            let Some(number) = numbers.get(&user) else { continue };
            let wanted = held.entry(*number).or_default();
            if tasks.is_subset(wanted) || desired.implied.same(tasks, wanted) {
                continue;
            }
            let key = AssignmentKey { waba: id, user };
            match obstacle(desired, key, scoped.shared, &tasks.difference(wanted)) {
                Some(why) => _ = not_added.insert(key, why),
                None => wanted.extend(tasks),
            }
        }
        let is_fixed = |number: &u32| {
            let user = users.get(*number as usize).map(|user| AssignmentKey { waba: id, user: user.id });
            user.is_some_and(|key| not_added.contains_key(&key) || is_decided(desired, key))
        };
        waba.left_out = (0..).zip(users).map(|(number, _)| number).filter(is_fixed).collect();
        held.retain(|_, tasks| !tasks.is_empty());
        waba.held = held.into_iter().collect();
        wabas.push(waba);
    }
    wabas
}

/// Returns whether no grant decides what a user holds: it is suspended, or there is an exception.
fn is_decided(desired: &Desired, key: AssignmentKey) -> bool {
    let is_suspended = desired.scope.users.get(&key.user).is_some_and(|user| user.suspended.is_some());
    is_suspended || is_excepted(desired, key)
}

fn is_excepted(desired: &Desired, key: AssignmentKey) -> bool {
    desired.claims_on(key).any(|entry| entry.is_exception && entry.phase == Phase::InForce)
}

/// Returns why tasks cannot be added to an assignment.
fn obstacle(
    desired: &Desired,
    key: AssignmentKey,
    shared: Option<Shared>,
    tasks: &TaskSet,
) -> Option<NotAdded> {
    if is_excepted(desired, key) {
        return Some(NotAdded::Excepted);
    }
    if is_decided(desired, key) {
        return Some(NotAdded::Suspended);
    }
    shared.filter(|_| !may_give(shared, tasks)).map(NotAdded::NotPermitted)
}

/// Finds grants for what is missing, and computes what they give.
fn mine(draft: &mut Draft<'_>, known: &Known<'_>) {
    let missing = |waba: &DraftWaba<'_>| -> Vec<(u32, TaskSet)> {
        let rows = waba.held.iter().filter(|(user, _)| !waba.left_out.contains(user));
        let rows = rows.map(|(user, tasks)| match waba.given.get(user) {
            Some(given) => (*user, tasks.difference(given)),
            None => (*user, tasks.clone()),
        });
        rows.filter(|(_, tasks)| !tasks.is_empty()).collect()
    };
    let held: Vec<Vec<(u32, TaskSet)>> = draft.wabas.iter().map(missing).collect();
    if held.iter().all(Vec::is_empty) {
        return;
    }
    let mut members: Vec<Vec<u32>> = vec![Vec::new(); draft.labels.len()];
    for (number, waba) in (0..).zip(&draft.wabas) {
        for label in &waba.labels {
            if let Some(members) = members.get_mut(*label as usize) {
                members.push(number);
            }
        }
    }
    let names: Vec<String> = draft.wabas.iter().map(|waba| waba.name().to_owned()).collect();
    // A manifest tells the lists apart only by labels.
    let accounts = names.iter().map(|name| Account { name, list: List::Owned });
    let held = held.iter().map(Vec::as_slice).collect();
    let matrix = AccessMatrix { accounts: accounts.collect(), held };
    let shared: Vec<Option<Shared>> =
        draft.wabas.iter().map(|waba| known.desired.scope.wabas.get(&waba.id)?.shared).collect();
    for grant in mining::mine_grants(&matrix, &members) {
        let selection = Selection::of(&grant);
        let is_possible = |(waba, shared): (&DraftWaba<'_>, &Option<Shared>)| {
            !selection.selects(waba) || may_give(*shared, &grant.tasks)
        };
        if draft.wabas.iter().zip(&shared).all(is_possible) {
            draft.grants.push(grant);
        }
    }
    draft.give();
}

/// Adds what is still missing to grants by id: of users without any other grant, and where the manifests ask for more than is
/// live, so that an exception would hide that. The rest are exceptions.
fn single(draft: &mut Draft<'_>) {
    let mined: BTreeSet<u32> = draft.grants.iter().flat_map(|grant| &grant.users).copied().collect();
    let asked: BTreeSet<u32> = draft.wabas.iter().flat_map(|waba| waba.given.keys()).copied().collect();
    let nothing = TaskSet::EMPTY;
    for (number, waba) in (0..).zip(&mut draft.wabas) {
        for (user, tasks) in waba.held.iter().filter(|(user, _)| !waba.left_out.contains(user)) {
            let Some(id) = draft.users.get(*user as usize).map(|user| user.id) else { continue };
            let given = waba.given.get(user).unwrap_or(&nothing);
            let live = draft.estate.observed.state.get(AssignmentKey { waba: waba.id, user: id });
            let asks_more = !tasks.is_subset(live.unwrap_or(&nothing));
            let is_new = !mined.contains(user) && !asked.contains(user);
            if given != tasks && given.is_subset(tasks) && (asks_more || is_new) {
                let missing = tasks.difference(given);
                draft.singles.entry((*user, missing)).or_default().push(number);
                waba.given.insert(*user, tasks.clone());
            }
        }
    }
}
