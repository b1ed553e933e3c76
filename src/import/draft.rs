//! What the manifests will say: the mined grants and labels, with names, and what they give on each WABA.

use super::names;
use crate::mining::{self, Account, List, Mined, MinedGrant, Selector};
use crate::model::{AdminRole, DirectoryWaba, Edge, Estate, Glob, Name, TaskSet, UserId, WabaId};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// From how many tasks on a set is a role although only one grant gives it. A guess: more do not fit on a line.
const LONG: usize = 6;
/// The most WABAs that a grant of one user lists by their ids. A guess: with more, a label and the table are easier to read.
const LISTED: usize = 20;

/// A system user that is declared.
#[derive(Debug, Clone)]
pub(super) struct DraftUser {
    pub(super) id: UserId,
    /// The name in the manifests.
    pub(super) alias: String,
    /// The live name.
    pub(super) live: Name,
    /// Whether it is an admin without assignments of its own.
    pub(super) by_role: bool,
    /// Whether the list of system users has it.
    pub(super) is_listed: bool,
}

/// A WABA in scope.
#[derive(Debug)]
pub(super) struct DraftWaba<'a> {
    pub(super) id: WabaId,
    pub(super) live: &'a DirectoryWaba,
    /// The name that it is declared by. It is declared if it has a label.
    pub(super) declared: Option<String>,
    /// The labels that it has, by their numbers.
    pub(super) labels: BTreeSet<u32>,
    /// The live tasks by user, by the number of the user.
    pub(super) held: Vec<(u32, TaskSet)>,
    /// The grants that select it, by their numbers, ascending.
    pub(super) grants: Vec<usize>,
    /// What the grants give, by the number of the user.
    pub(super) given: BTreeMap<u32, TaskSet>,
    /// The users whose access here is not described, by their numbers.
    pub(super) left_out: BTreeSet<u32>,
}

impl DraftWaba<'_> {
    /// Returns the name that globs see.
    pub(super) fn name(&self) -> &str {
        self.declared.as_deref().unwrap_or(self.live.name.as_str())
    }

    pub(super) fn list(&self) -> List {
        if self.live.edge == Edge::Owned { List::Owned } else { List::Client }
    }
}

/// A latent label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DraftLabel {
    pub(super) key: String,
    pub(super) value: String,
}

/// Grants for users that no pattern describes: their WABAs, by number.
pub(super) type SingleGrants = BTreeMap<(u32, TaskSet), Vec<u32>>;

/// What the manifests will say.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) estate: &'a Estate,
    pub(super) users: Vec<DraftUser>,
    pub(super) wabas: Vec<DraftWaba<'a>>,
    pub(super) grants: Vec<MinedGrant>,
    pub(super) singles: SingleGrants,
    pub(super) labels: Vec<DraftLabel>,
    /// The roles, by their tasks.
    pub(super) roles: BTreeMap<TaskSet, String>,
    /// The number of WABAs that each grant selects.
    pub(super) selected: Vec<usize>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(estate: &'a Estate) -> Self {
        let users = users(estate);
        let mut wabas = wabas(estate, &users);
        let accounts = wabas.iter().map(|waba| Account { name: waba.live.name.as_str(), list: waba.list() });
        let held = wabas.iter().map(|waba| waba.held.as_slice()).collect();
        let mut mined = mining::mine(&mining::AccessMatrix { accounts: accounts.collect(), held });
        let listed = listed(&mut mined);
        for (label, members) in (0..).zip(&mined.labels) {
            for waba in members {
                if let Some(waba) = wabas.get_mut(*waba as usize) {
                    waba.labels.insert(label);
                }
            }
        }
        let aliases: Vec<String> = users.iter().map(|user| user.alias.clone()).collect();
        let labels = label_names(&mined.labels, names::labels(&mined.grants, mined.labels.len(), &aliases));
        declare(&mut wabas, estate);
        let mut singles = singles(&wabas, &mined.grants, &listed);
        singles.extend(listed);
        let mut draft = Self {
            estate,
            users,
            wabas,
            grants: mined.grants,
            singles,
            labels,
            roles: BTreeMap::new(),
            selected: Vec::new(),
        };
        draft.give();
        draft.roles = roles(&draft);
        draft
    }

    /// Computes what the grants give, besides what is given already.
    pub(super) fn give(&mut self) {
        let selections: Vec<Selection<'_>> = self.grants.iter().map(Selection::of).collect();
        self.selected = vec![0; self.grants.len()];
        for waba in &mut self.wabas {
            for (number, (grant, selection)) in self.grants.iter().zip(&selections).enumerate() {
                if selection.selects(waba) {
                    self.selected[number] += 1;
                    waba.grants.push(number);
                    for user in &grant.users {
                        waba.given.entry(*user).or_default().extend(&grant.tasks);
                    }
                }
            }
        }
        for ((user, tasks), wabas) in &self.singles {
            for waba in wabas {
                if let Some(waba) = self.wabas.get_mut(*waba as usize) {
                    waba.given.entry(*user).or_default().extend(tasks);
                }
            }
        }
    }

    /// Returns whether a grant selects by the list on which a WABA is.
    pub(super) fn uses_lists(&self) -> bool {
        let by_list = |selector: &Selector| selector.list.is_some();
        self.grants.iter().any(|grant| by_list(&grant.selector) || grant.except.iter().any(by_list))
    }

    pub(super) fn alias(&self, user: u32) -> &str {
        self.users.get(user as usize).map_or("?", |user| &user.alias)
    }
}

/// Which WABAs a grant selects, with its globs.
pub(super) struct Selection<'a> {
    given: (&'a Selector, Globs),
    except: Vec<(&'a Selector, Globs)>,
}

impl<'a> Selection<'a> {
    pub(super) fn of(grant: &'a MinedGrant) -> Self {
        let with_globs = |selector: &'a Selector| (selector, Globs::of(selector));
        Self { given: with_globs(&grant.selector), except: grant.except.iter().map(with_globs).collect() }
    }

    /// Returns whether the grant selects a WABA.
    pub(super) fn selects(&self, waba: &DraftWaba<'_>) -> bool {
        let (selector, globs) = &self.given;
        selects(selector, globs, waba)
            && !self.except.iter().any(|(selector, globs)| selects(selector, globs, waba))
    }
}

/// The globs of a selector.
struct Globs(Vec<Glob>);

impl Globs {
    fn of(selector: &Selector) -> Self {
        Self(selector.globs.iter().map(|glob| Glob::new(glob.as_str())).collect())
    }
}

/// Returns whether a selector selects a WABA.
fn selects(selector: &Selector, globs: &Globs, waba: &DraftWaba<'_>) -> bool {
    selector.list.is_none_or(|list| list == waba.list())
        && selector.label.is_none_or(|label| waba.labels.contains(&label))
        && (globs.0.is_empty() || globs.0.iter().any(|glob| glob.matches(waba.name())))
}

/// Returns the users to declare: all that hold something, and admins that hold everything by their role.
fn users(estate: &Estate) -> Vec<DraftUser> {
    let (directory, observed) = (&estate.directory, &estate.observed);
    let holders: BTreeSet<UserId> = observed.state.iter().map(|(key, _)| key.user).collect();
    let mut names: BTreeMap<UserId, Name> = BTreeMap::new();
    for user in &holders {
        let listed = directory.system_users.get(user).map(|user| &user.name);
        names.insert(*user, listed.or_else(|| observed.unlisted.get(user)).cloned().unwrap_or_default());
    }
    for (id, user) in directory.system_users.iter().filter(|(_, user)| user.role == AdminRole::Admin) {
        names.entry(*id).or_insert_with(|| user.name.clone());
    }
    let aliases = names::aliases(&names);
    let users = names.into_iter().map(|(id, live)| DraftUser {
        id,
        alias: aliases.get(&id).cloned().unwrap_or_default(),
        live,
        by_role: !holders.contains(&id),
        is_listed: directory.system_users.contains_key(&id),
    });
    users.collect()
}

/// Returns the WABAs whose access is known, with what is held there.
fn wabas<'a>(estate: &'a Estate, users: &[DraftUser]) -> Vec<DraftWaba<'a>> {
    let numbers: BTreeMap<UserId, u32> = users.iter().map(|user| user.id).zip(0..).collect();
    let is_known = |id: &WabaId, waba: &DirectoryWaba| {
        waba.edge != Edge::Direct && !estate.observed.unreadable.contains_key(id)
    };
    let known = estate.directory.wabas.iter().filter(|(id, waba)| is_known(id, waba));
    // Both are in order of the WABAs, so each row is looked at once.
    let mut rows = estate.observed.state.iter().peekable();
    let mut held = |id: WabaId| -> Vec<(u32, TaskSet)> {
        let mut held = Vec::new();
        while let Some((key, tasks)) = rows.next_if(|(key, _)| key.waba <= id) {
            let user = numbers.get(&key.user).filter(|_| key.waba == id);
            held.extend(user.map(|user| (*user, tasks.clone())));
        }
        held
    };
    let waba = |(id, live): (&WabaId, &'a DirectoryWaba)| DraftWaba {
        id: *id,
        live,
        declared: None,
        labels: BTreeSet::new(),
        held: held(*id),
        grants: Vec::new(),
        given: BTreeMap::new(),
        left_out: BTreeSet::new(),
    };
    known.map(waba).collect()
}

/// Names the WABAs that have a label.
fn declare(wabas: &mut [DraftWaba<'_>], estate: &Estate) {
    let labelled = wabas.iter().filter(|waba| !waba.labels.is_empty());
    let mut counts: HashMap<&Name, usize> = labelled.map(|waba| (&waba.live.name, 0)).collect();
    for waba in wabas.iter() {
        if let Some(count) = counts.get_mut(&waba.live.name) {
            *count += 1;
        }
    }
    for waba in wabas.iter_mut().filter(|waba| !waba.labels.is_empty()) {
        let is_unique = counts.get(&waba.live.name) == Some(&1) && !is_like_made(waba.live, estate);
        waba.declared = Some(names::waba_name(waba.id, &waba.live.name, is_unique));
    }
}

/// Returns whether the live name of a WABA ends with the id of a WABA, as the names do that are made.
fn is_like_made(waba: &DirectoryWaba, estate: &Estate) -> bool {
    let name = waba.name.as_str();
    let rest = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let is_waba = |id: WabaId| estate.directory.wabas.contains_key(&id) || estate.left_out.contains_key(&id);
    (rest.ends_with(" #") || rest == "waba ") && name[rest.len()..].parse().is_ok_and(is_waba)
}

/// Returns the grants of users that no mined grant is for.
fn singles(wabas: &[DraftWaba<'_>], grants: &[MinedGrant], listed: &SingleGrants) -> SingleGrants {
    let of_grants = grants.iter().flat_map(|grant| grant.users.iter().copied());
    let described: BTreeSet<u32> = of_grants.chain(listed.keys().map(|(user, _)| *user)).collect();
    let mut singles = SingleGrants::new();
    for (number, waba) in (0..).zip(wabas) {
        for (user, tasks) in waba.held.iter().filter(|(user, _)| !described.contains(user)) {
            singles.entry((*user, tasks.clone())).or_default().push(number);
        }
    }
    singles
}

/// Takes out the labels that few WABAs have and only one grant of one user needs: it lists the WABAs by their ids.
fn listed(mined: &mut Mined) -> SingleGrants {
    let mut listed = SingleGrants::new();
    let mut kept: Vec<Vec<u32>> = Vec::new();
    let mut numbers: Vec<Option<u32>> = Vec::new();
    for (label, members) in (0..).zip(std::mem::take(&mut mined.labels)) {
        let sole = sole_use(&mined.grants, label).filter(|_| members.len() <= LISTED);
        if let Some(grant) = sole.map(|number| mined.grants.remove(number)) {
            let user = grant.users.first().copied().unwrap_or_default();
            let wabas = listed.entry((user, grant.tasks)).or_default();
            wabas.extend(members);
            wabas.sort_unstable();
            wabas.dedup();
            numbers.push(None);
        } else {
            numbers.push(u32::try_from(kept.len()).ok());
            kept.push(members);
        }
    }
    let renumber = |selector: &mut Selector| {
        selector.label = selector.label.and_then(|label| numbers.get(label as usize).copied().flatten());
    };
    for grant in &mut mined.grants {
        renumber(&mut grant.selector);
        grant.except.iter_mut().for_each(renumber);
    }
    mined.labels = kept;
    listed
}

/// Returns the number of the grant that alone uses a label, if it has one user and no other condition.
fn sole_use(grants: &[MinedGrant], label: u32) -> Option<usize> {
    let uses = |selector: &Selector| selector.label == Some(label);
    let mut using =
        grants.iter().enumerate().filter(|(_, grant)| uses(&grant.selector) || grant.except.iter().any(uses));
    let (number, grant) = using.next()?;
    let only = Selector { label: Some(label), ..Selector::default() };
    let is_sole = using.next().is_none() && grant.except.is_empty() && grant.users.len() == 1;
    (is_sole && grant.selector == only).then_some(number)
}

/// Returns the labels with their keys: labels of which no WABA has two share one.
fn label_names(members: &[Vec<u32>], values: Vec<String>) -> Vec<DraftLabel> {
    let mut keys: Vec<BTreeSet<u32>> = Vec::new();
    let mut of_label: BTreeMap<usize, usize> = BTreeMap::new();
    let mut largest: Vec<usize> = (0..members.len()).collect();
    largest.sort_by_key(|label| (std::cmp::Reverse(members[*label].len()), *label));
    for label in largest {
        let fits = |taken: &BTreeSet<u32>| members[label].iter().all(|waba| !taken.contains(waba));
        let key = keys.iter().position(fits).unwrap_or(keys.len());
        if key == keys.len() {
            keys.push(BTreeSet::new());
        }
        keys[key].extend(members[label].iter().copied());
        of_label.insert(label, key);
    }
    let key = |label: usize| match of_label.get(&label) {
        None | Some(0) => String::from("group"),
        Some(number) => format!("group-{}", number + 1),
    };
    values.into_iter().enumerate().map(|(label, value)| DraftLabel { key: key(label), value }).collect()
}

/// Names the sets of tasks that several grants give, and those that are too long for a line.
fn roles(draft: &Draft<'_>) -> BTreeMap<TaskSet, String> {
    let mut uses: BTreeMap<&TaskSet, (usize, BTreeSet<&str>)> = BTreeMap::new();
    let of_grants = draft.grants.iter().map(|grant| (&grant.tasks, grant.users.as_slice()));
    let of_singles = draft.singles.keys().map(|(user, tasks)| (tasks, std::slice::from_ref(user)));
    for (tasks, users) in of_grants.chain(of_singles) {
        let (count, names) = uses.entry(tasks).or_default();
        *count += 1;
        names.extend(users.iter().map(|user| draft.alias(*user)));
    }
    let held = draft.wabas.iter().flat_map(|waba| waba.held.iter().map(|(_, tasks)| tasks));
    let unknown = held.chain(uses.keys().copied()).flat_map(TaskSet::unknown);
    let mut taken: BTreeMap<String, TaskSet> =
        unknown.map(|task| (task.to_owned(), TaskSet::EMPTY)).collect();
    let mut roles = BTreeMap::new();
    // Those with few tasks get the plain names.
    let mut sets: Vec<(&TaskSet, (usize, BTreeSet<&str>))> = uses.into_iter().collect();
    sets.sort_by_key(|(tasks, _)| tasks.len());
    for (tasks, (count, users)) in sets {
        if (tasks.len() >= 2 && count >= 2) || tasks.len() >= LONG {
            let name = names::role(tasks, &users, &taken);
            taken.insert(name.clone(), tasks.clone());
            roles.insert(tasks.clone(), name);
        }
    }
    roles
}
