//! The sections that declare something: system users, roles, WABAs, discover rules, implied tasks.

use super::guards::SetGuards;
use super::{Checker, task_names};
use crate::diagnostic;
use crate::manifest::raw::{Document, Entries, RawDiscoverRule, RawSystemUser, RawWaba};
use crate::manifest::scalar::{
    AcceptText, GlobText, LabelText, Located, NameText, SetText, StoredTaskText, TaskText, UserText,
    VersionText,
};
use crate::manifest::{
    Acceptable, Accepted, DiscoverFrom, DiscoverRule, Glob, SystemUserDeclaration, WabaDeclaration,
};
use crate::model::{
    At, BusinessId, Labels, Name, Position, Prune, Shared, SourceId, Task, TaskSet, Undeclared, WabaId,
};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

const PRUNE: [(&str, Prune); 3] = [("none", Prune::None), ("declared", Prune::Declared), ("all", Prune::All)];
const UNDECLARED: [(&str, Undeclared); 2] = [("drift", Undeclared::Drift), ("allow", Undeclared::Allow)];
const FROM: [(&str, DiscoverFrom); 2] = [("client", DiscoverFrom::Client), ("owned", DiscoverFrom::Owned)];

fn shared_words() -> [(&'static str, Shared); 5] {
    Shared::ALL.map(|shared| (shared.word(), shared))
}

/// The characters that no name of a WABA begins with: an option of a command and a formula of a spreadsheet do, and a
/// negated glob of other tools.
const RESERVED: [char; 5] = ['!', '-', '=', '+', '@'];

/// The declarations of all documents, without the grants.
#[derive(Default)]
pub(super) struct Declarations {
    pub(super) business: Option<At<BusinessId>>,
    /// Whether any document has the key `business`, valid or not.
    pub(super) sets_business: bool,
    pub(super) system_users: BTreeMap<Name, SystemUserDeclaration>,
    pub(super) roles: BTreeMap<Name, RoleDeclaration>,
    pub(super) wabas: BTreeMap<Name, WabaDeclaration>,
    /// The ids of the WABAs.
    pub(super) waba_ids: BTreeSet<WabaId>,
    /// The WABAs whose declaration is invalid. A grant that names one is no further error.
    pub(super) invalid_wabas: BTreeSet<Name>,
    pub(super) discover: Vec<DiscoverRule>,
    pub(super) prune: Option<At<Prune>>,
    pub(super) set: Option<At<Name>>,
    pub(super) ignored_users: Vec<At<Name>>,
    pub(super) undeclared: Option<At<Undeclared>>,
    /// Tasks that this program does not know and that grants may name.
    pub(super) extra_tasks: BTreeSet<String>,
    pub(super) guards: SetGuards,
    pub(super) implied: BTreeMap<Task, At<TaskSet>>,
}

/// A role before its tasks are checked.
pub(super) struct RoleDeclaration {
    at: Position,
    source: SourceId,
    tasks: Vec<TaskText>,
}

impl Checker<'_> {
    /// Checks a document and adds its declarations to those of the earlier documents.
    pub(super) fn document(&mut self, document: Located<Document>, declarations: &mut Declarations) {
        let Located { value: document, location } = document;
        if !document.has_empty("version") {
            self.version(document.version.as_ref(), self.at(location));
        }
        declarations.sets_business |= document.business.is_some() || document.has_empty("business");
        self.key_problems(document.problems);
        let business = document.business.and_then(|id| self.id(&id));
        self.set_once(&mut declarations.business, "business", business);
        let set = document.set.and_then(|set| self.set_name(set));
        self.set_once(&mut declarations.set, "set", set);
        for (name, user) in self.entries(document.system_users) {
            let user = self.system_user(&name, user);
            self.declare(&mut declarations.system_users, "system user", &name, user, |user| user.at);
        }
        for (name, tasks) in self.entries(document.roles) {
            self.role(&name, tasks, &mut declarations.roles);
        }
        for (name, waba) in self.entries(document.wabas) {
            self.declare_waba(&name, waba, declarations);
        }
        self.wabas_from(document.wabas_from.unwrap_or_default(), declarations);
        for rule in document.discover.into_iter().flatten() {
            declarations.discover.extend(self.discover_rule(rule));
        }
        let prune = document.prune.and_then(|prune| self.word(prune, &PRUNE));
        self.set_once(&mut declarations.prune, "prune", prune);
        let undeclared = document.undeclared.and_then(|word| self.word(word, &UNDECLARED));
        self.set_once(&mut declarations.undeclared, "undeclared", undeclared);
        for UserText { text, location } in document.ignored_users.into_iter().flatten() {
            let user = self.name(NameText { text, location }, "ignored_users");
            declarations.ignored_users.extend(user);
        }
        for task in document.extra_tasks.into_iter().flatten() {
            let task = self.name(task, "extra_tasks");
            declarations.extra_tasks.extend(task.map(|task| task.value.as_str().to_owned()));
        }
        if let Some(guards) = document.guards {
            self.set_guards(guards, &mut declarations.guards);
        }
        for (task, implied) in self.entries(document.implied) {
            self.implied(&task, &implied, &mut declarations.implied);
        }
    }

    /// Checks the version of a document that starts at this position.
    fn version(&mut self, version: Option<&VersionText>, start: Position) {
        match version {
            Some(version) if version.text == "1" => {}
            Some(version) => {
                self.report(diagnostic::wrong_version(self.at(version.location), Some(&version.text)));
            }
            None => self.report(diagnostic::wrong_version(start, None)),
        }
    }

    /// Returns the name of a set. It is part of the name of a file.
    fn set_name(&mut self, set: SetText) -> Option<At<Name>> {
        let at = self.at(set.location);
        let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
        let is_valid = set.text.len() <= 64
            && set.text.chars().all(is_inner)
            && set.text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !is_valid {
            self.report(diagnostic::bad_set(at, &set.text));
        }
        is_valid.then(|| At { value: Name::new(set.text), at })
    }

    fn implied(
        &mut self,
        task: &NameText,
        implied: &[StoredTaskText],
        all: &mut BTreeMap<Task, At<TaskSet>>,
    ) {
        let at = self.at(task.location);
        let Ok(task) = Task::from_str(&task.text) else {
            self.report(diagnostic::unknown_task(at, &task.text, task_names()));
            return;
        };
        for wide in implied.iter().filter(|wide| TaskSet::from_names([&wide.text]).is_full()) {
            self.report(diagnostic::implied_too_wide(self.at(wide.location), task, &wide.text));
        }
        // The listed tasks may be unknown to this program.
        let value = TaskSet::from_names(implied.iter().map(|task| &task.text));
        if let Some(first) = all.get(&task) {
            let first = self.format(first.at);
            self.report(diagnostic::given_twice(at, &format!("implied.{task}"), &first));
        } else {
            all.insert(task, At { value, at });
        }
    }

    fn system_user(&mut self, name: &NameText, user: RawSystemUser) -> SystemUserDeclaration {
        self.key_problems(user.problems);
        let by_role = user.by_role.and_then(|flag| self.boolean(flag)).is_some_and(|flag| flag.value);
        let suspended = user.suspended.and_then(|reason| self.name(reason, "suspended"));
        if let Some(suspended) = suspended.as_ref().filter(|_| by_role) {
            self.report(diagnostic::suspended_by_role(suspended.at));
        }
        SystemUserDeclaration {
            at: self.at(name.location),
            id: user.id.and_then(|id| self.id(&id)),
            name: user.name.and_then(|name| self.name(name, "name")),
            by_role,
            suspended,
        }
    }

    fn role(&mut self, name: &NameText, tasks: Vec<TaskText>, roles: &mut BTreeMap<Name, RoleDeclaration>) {
        let at = self.at(name.location);
        if Task::from_str(&name.text).is_ok() {
            self.report(diagnostic::role_like_task(at, &name.text));
        }
        let role = RoleDeclaration { at, source: self.source, tasks };
        self.declare(roles, "role", name, role, |role| role.at);
    }

    /// Checks a WABA and adds it.
    pub(super) fn declare_waba(&mut self, name: &NameText, waba: RawWaba, declarations: &mut Declarations) {
        match self.waba(name, waba) {
            Some(waba) => {
                declarations.waba_ids.insert(waba.id.value);
                self.declare(&mut declarations.wabas, "WABA", name, waba, |waba| waba.at);
            }
            None => _ = declarations.invalid_wabas.insert(Name::from(&*name.text)),
        }
    }

    /// Checks a WABA; returns `None` if it has no valid id.
    fn waba(&mut self, name: &NameText, waba: RawWaba) -> Option<WabaDeclaration> {
        let at = self.at(name.location);
        if Glob::is_glob(&name.text) {
            self.report(diagnostic::name_is_a_glob(at, &name.text));
        } else if name.text.starts_with(RESERVED) {
            self.report(diagnostic::reserved_name(at, &name.text));
        }
        if waba.id.is_none() && !waba.has_empty("id") {
            self.report(diagnostic::missing(at, "a WABA", "id"));
        }
        let id = waba.id.and_then(|id| self.id(&id));
        self.key_problems(waba.problems);
        let shared = waba.shared.and_then(|shared| self.word(shared, &shared_words()));
        let line_of_credit = waba.line_of_credit.and_then(|flag| self.boolean(flag));
        let labels = self.labels(waba.labels);
        let prune = waba.prune.and_then(|prune| self.word(prune, &PRUNE)).map(|prune| prune.value);
        let gone = waba.gone.and_then(|flag| self.boolean(flag));
        let accept = self.accepted(waba.accept);
        Some(WabaDeclaration {
            at,
            id: id?,
            shared: shared.unwrap_or(At { value: Shared::Owned, at }),
            line_of_credit: line_of_credit.filter(|flag| flag.value).map(|flag| flag.at),
            labels,
            prune,
            gone: gone.filter(|flag| flag.value).map(|flag| flag.at),
            accept,
        })
    }

    /// Checks a discover rule; returns `None` if it has no valid `from`.
    fn discover_rule(&mut self, rule: Located<RawDiscoverRule>) -> Option<DiscoverRule> {
        let (at, rule) = (self.at(rule.location), rule.value);
        self.key_problems(rule.problems);
        if rule.from.is_none() {
            self.report(diagnostic::missing(at, "a discover rule", "from"));
        }
        let from = rule.from.and_then(|from| self.word(from, &FROM));
        let labels = self.labels(rule.labels);
        let prune = rule.prune.and_then(|prune| self.word(prune, &PRUNE));
        let shared = rule.shared.and_then(|shared| self.word(shared, &shared_words()));
        let accept = self.accepted(rule.accept);
        let name = rule.name.map(|GlobText { text, location }| NameText { text, location });
        let name = name.and_then(|glob| self.name(glob, "name"));
        if let Some(name) = name.as_ref().filter(|name| name.value.as_str().starts_with('!')) {
            self.report(diagnostic::negated_glob(name.at, name.value.as_str()));
        }
        Some(DiscoverRule {
            at,
            from: from?.value,
            name: name.map(|glob| Glob::new(glob.value.as_str())),
            labels,
            prune,
            shared,
            accept,
        })
    }

    fn accepted(&mut self, accept: Option<Vec<AcceptText>>) -> Accepted {
        let words = Acceptable::ALL.map(|warning| (warning.code(), warning));
        let accept = accept.into_iter().flatten().filter_map(|code| self.word(code, &words));
        accept.map(|warning| (warning.value, warning.at)).collect()
    }

    fn labels(&mut self, labels: Option<Entries<LabelText>>) -> Labels {
        let mut all = Labels::new();
        for (key, label) in self.entries(labels) {
            let key_at = self.at(key.location);
            match all.entry(key.text) {
                Entry::Vacant(vacant) => _ = vacant.insert(label.text),
                Entry::Occupied(first) => self.report(diagnostic::duplicate_key(key_at, first.key())),
            }
        }
        all
    }

    /// Reports each system user that is both declared and ignored, and `undeclared: allow` where `prune: all` removes such
    /// access.
    pub(super) fn contradictions(&mut self, declarations: &Declarations) {
        let declared: BTreeMap<String, &Name> = declarations
            .system_users
            .iter()
            .map(|(name, user)| {
                let live = user.name.as_ref().map_or(name, |live| &live.value);
                (user.id.map_or_else(|| live.as_str().to_owned(), |id| id.value.to_string()), name)
            })
            .collect();
        for ignored in &declarations.ignored_users {
            if let Some(name) = declared.get(ignored.value.as_str()) {
                self.report(diagnostic::declared_and_ignored(ignored.at, name));
            }
        }
        let prunes_all = declarations.prune.is_some_and(|prune| prune.value == Prune::All)
            || declarations.wabas.values().any(|waba| waba.prune == Some(Prune::All))
            || declarations
                .discover
                .iter()
                .any(|rule| rule.prune.is_some_and(|prune| prune.value == Prune::All));
        if let Some(undeclared) =
            declarations.undeclared.filter(|word| word.value == Undeclared::Allow && prunes_all)
        {
            self.report(diagnostic::undeclared_and_pruned(undeclared.at));
        }
    }

    /// Reports each system user and each WABA that is declared under two names.
    pub(super) fn things_declared_twice(&mut self, declarations: &Declarations) {
        let mut ids = BTreeMap::new();
        let mut names = BTreeMap::new();
        for (name, user) in &declarations.system_users {
            if let Some(id) = user.id {
                self.declared_once(&mut ids, id.value, &id.value, "system user", (name, id.at));
            } else {
                let (live, at) = user.name.as_ref().map_or((name, user.at), |live| (&live.value, live.at));
                let shown = format!("`{live}`");
                self.declared_once(&mut names, live, &shown, "system user", (name, at));
            }
        }
        let mut wabas = BTreeMap::new();
        for (name, waba) in &declarations.wabas {
            self.declared_once(&mut wabas, waba.id.value, &waba.id.value, "WABA", (name, waba.id.at));
        }
    }

    /// Stores the name that declares a thing; reports it if another name declares the same thing.
    fn declared_once<'n, K: Ord>(
        &mut self,
        stored: &mut BTreeMap<K, Declaration<'n>>,
        thing: K,
        shown: &impl ToString,
        what: &str,
        declaration: Declaration<'n>,
    ) {
        let Some(other) = stored.insert(thing, declaration) else { return };
        let mut both = [other, declaration];
        both.sort_by_key(|(_, at)| *at);
        let [(name, first), (_, later)] = both;
        let first = self.format(first);
        self.report(diagnostic::same_thing_twice(later, what, &shown.to_string(), name.as_str(), &first));
    }

    /// Reports each role that nothing gives.
    pub(super) fn unused_roles(&mut self, roles: &BTreeMap<Name, RoleDeclaration>) {
        for (name, role) in roles {
            if !self.used_roles.contains(name) {
                self.report(diagnostic::unused_role(role.at, name));
            }
        }
    }

    /// Resolves the roles to their tasks.
    pub(super) fn roles(
        &mut self,
        roles: &BTreeMap<Name, RoleDeclaration>,
        extra_tasks: &BTreeSet<String>,
    ) -> BTreeMap<Name, TaskSet> {
        let mut resolved = BTreeMap::new();
        for (name, role) in roles {
            self.source = role.source;
            if role.tasks.is_empty() {
                self.report(diagnostic::role_of_nothing(role.at, name.as_str()));
            }
            let mut set = TaskSet::EMPTY;
            for task in &role.tasks {
                let at = self.at(task.location);
                match Task::from_str(&task.text) {
                    Ok(task) => set.insert(task),
                    Err(_) if extra_tasks.contains(&task.text) => set.insert_name(&task.text),
                    Err(_) if roles.contains_key(task.text.as_str()) => {
                        self.report(diagnostic::role_in_role(at, &task.text));
                    }
                    Err(_) => self.report(diagnostic::unknown_task(at, &task.text, task_names())),
                }
            }
            resolved.insert(name.clone(), set);
        }
        resolved
    }
}

/// A declared name, and the position of the value that identifies what it declares.
type Declaration<'a> = (&'a Name, Position);
