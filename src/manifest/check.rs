//! Checks the documents in themselves, and joins them to one manifest.
//!
//! First everything that is declared, over all documents; then the grants, which speak of it. Each error is
//! reported, and the check goes on as if the wrong part were not there.

mod values;

use super::raw::{
    Discover, Document, Entries, Grant as RawGrant, Guards as RawGuards, KeyProblem, SystemUser, Waba, Wrong,
};
use super::read::position;
use super::scalar::{LabelValue, Placed, Spot, StoredTask, TaskName, TaskOrRole, Word};
use super::{
    DiscoverFrom, DiscoverRule, Glob, Grant, Guards, Labels, Manifest, SystemUserEntry, WabaEntry,
    WabaSelector,
};
use crate::diagnostic::{self, Diagnostic};
use crate::model::{At, BusinessId, Name, Position, Prune, Shared, SourceId, Sources, Task, TaskSet};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

const PRUNES: [(&str, Prune); 3] =
    [("none", Prune::None), ("declared", Prune::Declared), ("all", Prune::All)];
const SHARED: [(&str, Shared); 5] = [
    ("owned", Shared::Owned),
    ("admin", Shared::Admin),
    ("standard", Shared::Standard),
    ("solution_with_messaging", Shared::SolutionWithMessaging),
    ("solution_without_messaging", Shared::SolutionWithoutMessaging),
];
const FROM: [(&str, DiscoverFrom); 2] = [("client", DiscoverFrom::Client), ("owned", DiscoverFrom::Owned)];

/// How many names are compared with those that are declared nowhere: enough for every slip, and no long work
/// where a whole section is missing.
const COMPARISONS: usize = 100_000;

/// Joins the documents; `None` where anything is wrong.
pub(super) fn check(
    documents: Vec<(SourceId, Placed<Document>)>,
    sources: &Sources,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Manifest> {
    let first = documents.first().map(|(source, document)| position(*source, document.spot));
    let incomplete = diagnostics.iter().any(Diagnostic::is_error);
    let mut check =
        Check { sources, diagnostics, source: SourceId::default(), incomplete, comparisons: COMPARISONS };
    let mut declared = Declared::default();
    let mut selecting = Vec::new();
    for (source, mut document) in documents {
        check.source = source;
        selecting.push((source, document.value.grants.take().unwrap_or_default()));
        check.declarations(document, &mut declared);
    }
    check.same_things(&declared);
    let roles = check.roles(&std::mem::take(&mut declared.roles));
    let mut grants = Vec::new();
    for (source, raw) in selecting {
        check.source = source;
        for (index, grant) in raw.into_iter().enumerate() {
            grants.push(check.grant(index, grant, &declared, &roles));
        }
    }
    let guards = check.guards(std::mem::take(&mut declared.guards), &declared);
    if let (false, false, Some(first)) = (incomplete, declared.business_given, first) {
        check.diagnostics.push(diagnostic::no_business(first));
    }
    if check.diagnostics.iter().any(Diagnostic::is_error) {
        return None;
    }
    Some(Manifest {
        business: declared.business?,
        system_users: declared.users,
        wabas: declared.wabas,
        discover: declared.discover,
        grants,
        prune: declared.prune.map(|prune| prune.value).unwrap_or_default(),
        guards,
        implied: declared.implied,
    })
}

/// What the documents declare, before the grants.
#[derive(Default)]
struct Declared {
    business: Option<At<BusinessId>>,
    /// Whether any document says which business, rightly or not.
    business_given: bool,
    users: BTreeMap<Name, SystemUserEntry>,
    roles: BTreeMap<Name, (Position, SourceId, Vec<TaskName>)>,
    wabas: BTreeMap<Name, WabaEntry>,
    /// The WABAs whose declaration is wrong: grants may name them all the same.
    wrong_wabas: BTreeSet<Name>,
    discover: Vec<DiscoverRule>,
    prune: Option<At<Prune>>,
    guards: GivenGuards,
    implied: BTreeMap<Task, TaskSet>,
}

/// The guards as given, each with its place.
#[derive(Default)]
struct GivenGuards {
    max_removals_percent: Option<At<f64>>,
    max_removals: Option<At<u64>>,
    min_holders: Option<At<BTreeMap<Task, u64>>>,
    protected_users: Option<At<Vec<At<Name>>>>,
}

struct Check<'a> {
    sources: &'a Sources,
    diagnostics: &'a mut Vec<Diagnostic>,
    /// The text that is being checked.
    source: SourceId,
    /// Whether a document could not be read, so that what is not found may be declared there.
    incomplete: bool,
    /// How many names may still be compared with one that is declared nowhere.
    comparisons: usize,
}

impl Check<'_> {
    fn at(&self, spot: Spot) -> Position {
        position(self.source, spot)
    }

    fn say(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Names a place in a help text.
    fn place(&self, at: Position) -> String {
        format!("{}:{}:{}", self.sources.path(at.source), at.line, at.column)
    }

    fn problems(&mut self, problems: Vec<KeyProblem>) {
        for problem in problems {
            let at = self.at(problem.spot);
            self.say(match problem.wrong {
                _ if problem.key == "<<" => diagnostic::merge_key(at),
                Wrong::Unknown => diagnostic::unknown_key(at, &problem.key, problem.known),
                Wrong::Empty => diagnostic::missing_value(at, &problem.key),
                Wrong::Repeated => diagnostic::duplicate_key(at, &problem.key),
            });
        }
    }

    /// Takes the entries of a mapping that is free in its keys, and reports each merge key.
    fn entries<V>(&mut self, entries: Option<Entries<V>>) -> Vec<(Word, V)> {
        let Some(Entries { pairs, merges, .. }) = entries else { return Vec::new() };
        for spot in merges {
            self.say(diagnostic::merge_key(self.at(spot)));
        }
        pairs
    }

    /// Takes a value that is given once over all documents.
    fn once<T>(&mut self, kept: &mut Option<At<T>>, what: &str, value: Option<At<T>>) {
        match (&kept, value) {
            (Some(first), Some(second)) => {
                let first = self.place(first.at);
                self.say(diagnostic::given_twice(second.at, what, &first));
            }
            (None, Some(value)) => *kept = Some(value),
            (_, None) => {}
        }
    }

    /// Takes a name's entry, unless the name is empty or declared already.
    fn declare<T>(
        &mut self,
        map: &mut BTreeMap<Name, T>,
        what: &str,
        name: &Word,
        entry: T,
        at: impl Fn(&T) -> Position,
    ) {
        let here = self.at(name.spot);
        if name.text.is_empty() {
            self.say(diagnostic::empty_name(here));
        } else if let Some(first) = map.get(name.text.as_str()).map(&at) {
            let first = self.place(first);
            self.say(diagnostic::duplicate_name(here, what, &name.text, &first));
        } else {
            map.insert(Name::from(&*name.text), entry);
        }
    }

    fn declarations(&mut self, document: Placed<Document>, declared: &mut Declared) {
        let Placed { value: document, spot } = document;
        match &document.version {
            Some(version) if version.text == "1" => {}
            Some(version) => self.say(diagnostic::wrong_version(self.at(version.spot), Some(&version.text))),
            None if document.has_empty("version") => {}
            None => self.say(diagnostic::wrong_version(self.at(spot), None)),
        }
        declared.business_given |= document.has_empty("business");
        self.problems(document.problems);
        declared.business_given |= document.business.is_some();
        let business = document.business.and_then(|id| self.id(&id));
        self.once(&mut declared.business, "business", business);
        for (name, user) in self.entries(document.system_users) {
            let entry = self.system_user(&name, user);
            self.declare(&mut declared.users, "system user", &name, entry, |entry| entry.at);
        }
        for (name, tasks) in self.entries(document.roles) {
            let entry = (self.at(name.spot), self.source, tasks);
            if Task::from_str(&name.text).is_ok() {
                self.say(diagnostic::role_like_task(entry.0, &name.text));
            }
            self.declare(&mut declared.roles, "role", &name, entry, |entry| entry.0);
        }
        for (name, waba) in self.entries(document.wabas) {
            if Glob::is_glob(&name.text) {
                self.say(diagnostic::name_is_a_glob(self.at(name.spot), &name.text));
            }
            match self.waba(&name, waba) {
                Some(entry) => self.declare(&mut declared.wabas, "WABA", &name, entry, |entry| entry.at),
                None => _ = declared.wrong_wabas.insert(Name::new(name.text)),
            }
        }
        for rule in document.discover.into_iter().flatten() {
            declared.discover.extend(self.discover(rule));
        }
        let prune = document.prune.and_then(|word| self.word(word, &PRUNES));
        self.once(&mut declared.prune, "prune", prune);
        if let Some(guards) = document.guards {
            self.given_guards(guards, &mut declared.guards);
        }
        for (task, beside) in self.entries(document.implied) {
            self.implied(&task, beside, &mut declared.implied);
        }
    }

    fn implied(&mut self, task: &Word, beside: Vec<StoredTask>, implied: &mut BTreeMap<Task, TaskSet>) {
        let at = self.at(task.spot);
        let Ok(task) = Task::from_str(&task.text) else {
            self.say(diagnostic::unknown_task(at, &task.text, task_names()));
            return;
        };
        let mut tasks = TaskSet::EMPTY;
        for name in beside {
            // What Meta stores can have a name that no list has.
            tasks.insert_name(&name.text);
        }
        if implied.insert(task, tasks).is_some() {
            self.say(diagnostic::given_twice(at, &format!("implied.{task}"), "another `implied`"));
        }
    }

    fn system_user(&mut self, name: &Word, user: SystemUser) -> SystemUserEntry {
        self.problems(user.problems);
        SystemUserEntry {
            at: self.at(name.spot),
            id: user.id.and_then(|id| self.id(&id)),
            name: user.name.and_then(|name| self.said(name, "name")),
            by_role: user.by_role.and_then(|flag| self.flag(flag)).is_some_and(|flag| flag.value),
        }
    }

    fn waba(&mut self, name: &Word, waba: Waba) -> Option<WabaEntry> {
        let at = self.at(name.spot);
        let id = match waba.id {
            Some(id) => self.id(&id),
            None if waba.has_empty("id") => None,
            None => {
                self.say(diagnostic::missing(at, "a WABA", "id"));
                None
            }
        };
        self.problems(waba.problems);
        let shared = waba.shared.and_then(|word| self.word(word, &SHARED));
        let line_of_credit = waba.line_of_credit.and_then(|flag| self.flag(flag));
        let labels = self.labels(waba.labels).map(|labels| labels.value).unwrap_or_default();
        let prune = waba.prune.and_then(|word| self.word(word, &PRUNES)).map(|prune| prune.value);
        Some(WabaEntry {
            at,
            id: id?,
            shared: shared.unwrap_or(At { value: Shared::Owned, at }),
            line_of_credit: line_of_credit.filter(|flag| flag.value).map(|flag| flag.at),
            labels,
            prune,
        })
    }

    fn discover(&mut self, rule: Placed<Discover>) -> Option<DiscoverRule> {
        let (at, rule) = (self.at(rule.spot), rule.value);
        self.problems(rule.problems);
        if rule.from.is_none() {
            self.say(diagnostic::missing(at, "a discover rule", "from"));
        }
        let from = rule.from.and_then(|word| self.word(word, &FROM));
        let labels = self.labels(rule.labels).map(|labels| labels.value).unwrap_or_default();
        let prune = rule.prune.and_then(|word| self.word(word, &PRUNES));
        let shared = rule.shared.and_then(|word| self.word(word, &SHARED));
        Some(DiscoverRule {
            at,
            from: from?.value,
            name: rule
                .name
                .and_then(|glob| self.said(glob, "name"))
                .map(|glob| Glob::new(glob.value.as_str())),
            labels,
            prune,
            shared,
        })
    }

    fn labels(&mut self, labels: Option<Entries<LabelValue>>) -> Option<At<Labels>> {
        let labels = labels?;
        let at = self.at(labels.spot);
        let mut taken = Labels::new();
        for (key, value) in self.entries(Some(labels)) {
            match taken.entry(key.text) {
                Entry::Vacant(vacant) => _ = vacant.insert(value.text),
                Entry::Occupied(taken) => {
                    self.diagnostics
                        .push(diagnostic::duplicate_key(position(self.source, key.spot), taken.key()));
                }
            }
        }
        Some(At { value: taken, at })
    }

    /// Reports each system user and each WABA that is declared under two names.
    fn same_things(&mut self, declared: &Declared) {
        let mut ids = BTreeMap::new();
        let mut names = BTreeMap::new();
        let mut twice = Vec::new();
        for (name, user) in &declared.users {
            let again = match (user.id, &user.name) {
                (Some(id), _) => {
                    first_and_later(&mut ids, id.value, name, id.at).map(|pair| (id.value.to_string(), pair))
                }
                (None, live) => {
                    let (live, at) = live.as_ref().map_or((name, user.at), |live| (&live.value, live.at));
                    first_and_later(&mut names, live, name, at).map(|pair| (format!("`{live}`"), pair))
                }
            };
            twice.extend(again.map(|(id, pair)| ("system user", id, pair)));
        }
        let mut wabas = BTreeMap::new();
        for (name, waba) in &declared.wabas {
            let again = first_and_later(&mut wabas, waba.id.value, name, waba.id.at);
            twice.extend(again.map(|pair| ("WABA", waba.id.value.to_string(), pair)));
        }
        for (what, id, [(name, first), (_, later)]) in twice {
            let first = self.place(first);
            self.say(diagnostic::same_thing_twice(later, what, &id, name.as_str(), &first));
        }
    }

    fn roles(
        &mut self,
        roles: &BTreeMap<Name, (Position, SourceId, Vec<TaskName>)>,
    ) -> BTreeMap<Name, TaskSet> {
        let mut resolved = BTreeMap::new();
        for (name, (at, source, tasks)) in roles {
            self.source = *source;
            if tasks.is_empty() {
                self.say(diagnostic::role_of_nothing(*at, name.as_str()));
            }
            let mut set = TaskSet::EMPTY;
            for task in tasks {
                let at = self.at(task.spot);
                match Task::from_str(&task.text) {
                    Ok(task) => set.insert(task),
                    Err(_) if roles.contains_key(task.text.as_str()) => {
                        self.say(diagnostic::role_in_role(at, &task.text));
                    }
                    Err(_) => self.say(diagnostic::unknown_task(at, &task.text, task_names())),
                }
            }
            resolved.insert(name.clone(), set);
        }
        resolved
    }

    fn grant(
        &mut self,
        index: usize,
        grant: Placed<RawGrant>,
        declared: &Declared,
        roles: &BTreeMap<Name, TaskSet>,
    ) -> Grant {
        let (at, grant) = (self.at(grant.spot), grant.value);
        self.problems(grant.problems);
        let users = self.listed(at, "users", grant.users);
        let users = users.into_iter().filter_map(|user| self.declared_user(user, declared)).collect();
        let named = self.listed(at, "tasks", grant.tasks);
        let (tasks, task_places) = self.tasks(named, roles);
        if grant.wabas.is_none() && grant.labels.is_none() {
            self.say(diagnostic::grant_of_nowhere(at));
        }
        let wabas = grant.wabas.map(|wabas| {
            if wabas.is_empty() {
                self.say(diagnostic::grant_of_nothing(at, "wabas"));
            }
            wabas.into_iter().filter_map(|waba| self.selector(waba, declared)).collect()
        });
        let labels = self.labels(grant.labels);
        if let Some(labels) = labels.as_ref().filter(|labels| labels.value.is_empty()) {
            self.say(diagnostic::grant_of_nothing(labels.at, "labels"));
        }
        Grant {
            at,
            path: format!("grants[{index}]"),
            name: grant.name.and_then(|name| self.said(name, "name")).map(|name| name.value),
            users,
            tasks,
            task_places,
            wabas,
            labels,
            until: grant.until.and_then(|day| self.day(&day.into())),
            reason: grant.reason.and_then(|reason| self.said(reason, "reason")).map(|reason| reason.value),
        }
    }

    /// Takes a list that must be there and hold something.
    fn listed<T>(&mut self, at: Position, key: &str, list: Option<Vec<T>>) -> Vec<T> {
        match list {
            None => self.say(diagnostic::missing(at, "a grant", key)),
            Some(list) if list.is_empty() => self.say(diagnostic::grant_of_nothing(at, key)),
            Some(list) => return list,
        }
        Vec::new()
    }

    fn declared_user(&mut self, user: Word, declared: &Declared) -> Option<At<Name>> {
        let at = self.at(user.spot);
        if declared.users.contains_key(user.text.as_str()) {
            return Some(At { value: Name::new(user.text), at });
        }
        self.undeclared(at, "system_users", &user.text, declared.users.keys());
        None
    }

    fn tasks(
        &mut self,
        named: Vec<TaskOrRole>,
        roles: &BTreeMap<Name, TaskSet>,
    ) -> (TaskSet, Vec<(TaskSet, Position)>) {
        let mut all = TaskSet::EMPTY;
        let mut places = Vec::with_capacity(named.len());
        for TaskOrRole { text, spot } in named {
            let at = self.at(spot);
            let given = match (Task::from_str(&text), roles.get(text.as_str())) {
                (Ok(task), _) => TaskSet::from([task]),
                (Err(_), Some(role)) => role.clone(),
                (Err(_), None) => {
                    let take = self.comparable(roles.len());
                    let candidates = roles.keys().take(take).map(Name::as_str).chain(task_names());
                    self.say_of_a_reference(diagnostic::unknown_role(at, &text, candidates));
                    continue;
                }
            };
            all.extend(&given);
            places.push((given, at));
        }
        (all, places)
    }

    fn selector(&mut self, waba: Word, declared: &Declared) -> Option<At<WabaSelector>> {
        let at = self.at(waba.spot);
        if Glob::is_glob(&waba.text) {
            return Some(At { value: WabaSelector::Glob(Glob::new(waba.text)), at });
        }
        if declared.wabas.contains_key(waba.text.as_str()) {
            return Some(At { value: WabaSelector::Name(Name::new(waba.text)), at });
        }
        if !declared.wrong_wabas.contains(waba.text.as_str()) {
            self.undeclared(at, "wabas", &waba.text, declared.wabas.keys());
        }
        None
    }

    /// Reports a name that no document declares, and suggests near ones while that is no great work.
    fn undeclared<'n>(
        &mut self,
        at: Position,
        section: &str,
        name: &str,
        declared: impl ExactSizeIterator<Item = &'n Name>,
    ) {
        let take = self.comparable(declared.len());
        let near = diagnostic::undeclared(at, section, name, declared.take(take).map(Name::as_str));
        self.say_of_a_reference(near);
    }

    /// Says how many of so many names may be compared with one that is not there: all, or none any more.
    fn comparable(&mut self, names: usize) -> usize {
        let take = if self.comparisons >= names { names } else { 0 };
        self.comparisons -= take;
        take
    }

    /// Reports a name that is not there; where a document could not be read, it may be declared in that one.
    fn say_of_a_reference(&mut self, mut diagnostic: Diagnostic) {
        if self.incomplete {
            diagnostic.help = Some(String::from("a document that could not be read may declare it"));
        }
        self.say(diagnostic);
    }

    fn given_guards(&mut self, guards: RawGuards, given: &mut GivenGuards) {
        self.problems(guards.problems);
        let percent = guards.max_removals_percent.and_then(|number| {
            let range = |percent: &f64| (0.0..=100.0).contains(percent);
            self.number(&number.into(), "a percentage from 0 to 100", range)
        });
        self.once(&mut given.max_removals_percent, "guards.max_removals_percent", percent);
        let count = guards
            .max_removals
            .and_then(|number| self.number(&number.into(), "a whole number from 0", |_| true));
        self.once(&mut given.max_removals, "guards.max_removals", count);
        let holders = guards.min_holders.map(|holders| {
            let at = self.at(holders.spot);
            let mut taken = BTreeMap::new();
            for (name, count) in self.entries(Some(holders)) {
                let at = self.at(name.spot);
                let count = self.number::<u64>(&count.into(), "a whole number from 0", |_| true);
                match (Task::from_str(&name.text), count) {
                    (Err(_), _) => self.say(diagnostic::unknown_task(at, &name.text, task_names())),
                    (Ok(task), _) if taken.contains_key(&task) => {
                        self.say(diagnostic::duplicate_key(at, &name.text));
                    }
                    (Ok(task), Some(count)) => _ = taken.insert(task, count.value),
                    (Ok(_), None) => {}
                }
            }
            At { value: taken, at }
        });
        self.once(&mut given.min_holders, "guards.min_holders", holders);
        let users = guards.protected_users.map(|users| {
            let users: Vec<At<Name>> = users
                .into_iter()
                .map(|user| At { at: self.at(user.spot), value: Name::new(user.text) })
                .collect();
            let at = users.first().map_or_else(Position::default, |user| user.at);
            At { value: users, at }
        });
        self.once(&mut given.protected_users, "guards.protected_users", users);
    }

    fn guards(&mut self, given: GivenGuards, declared: &Declared) -> Guards {
        let mut protected = BTreeSet::new();
        for user in given.protected_users.into_iter().flat_map(|users| users.value) {
            if declared.users.contains_key(&user.value) {
                protected.insert(user.value);
            } else {
                self.undeclared(user.at, "system_users", user.value.as_str(), declared.users.keys());
            }
        }
        let default = Guards::default();
        Guards {
            max_removals_percent: given
                .max_removals_percent
                .map_or(default.max_removals_percent, |given| given.value),
            max_removals: given.max_removals.map_or(default.max_removals, |given| given.value),
            min_holders: given.min_holders.map_or(default.min_holders, |given| given.value),
            protected_users: protected,
        }
    }
}

/// A declared name, and where it says which thing is meant.
type Declaration<'a> = (&'a Name, Position);

/// Keeps what a name declares; where another name declares the same, gives both in the order of the text.
fn first_and_later<'a, K: Ord>(
    kept: &mut BTreeMap<K, Declaration<'a>>,
    thing: K,
    name: &'a Name,
    at: Position,
) -> Option<[Declaration<'a>; 2]> {
    let mut both = [kept.insert(thing, (name, at))?, (name, at)];
    both.sort_by_key(|(_, at)| *at);
    Some(both)
}

fn task_names<'a>() -> impl Iterator<Item = &'a str> {
    Task::ALL.iter().map(|task| task.name())
}
