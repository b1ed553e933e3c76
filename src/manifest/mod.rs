//! Parses manifest files, checks them, and joins them into one [`Manifest`].
//!
//! No other module of the core knows YAML. This module knows neither the API, nor the current time, nor live state.

mod access_tests;
mod check;
pub mod insert;
mod names;
mod outline;
mod policy;
mod raw;
mod scalar;
mod schema;
mod selection;
#[cfg(test)]
mod tests;
mod yaml;

pub use access_tests::{DeclaredTest, TestClaim, UserSelector};
pub use names::{ManifestNames, names};
pub use outline::{ManifestFile, recognize};
pub use policy::policy_lines;
pub use schema::schema;
pub use selection::{Except, LabelSelector, RequiredLabel, WabaSelection, WabaSelector};

use crate::diagnostic::{self, Collector, Diagnostic};
pub use crate::model::Glob;
use crate::model::{
    At, BusinessId, Holders, Labels, Name, Phase, Position, Prune, Shared, SourceId, Sources, Task, TaskSet,
    TimeLimit, Undeclared, UserId, WabaId, Waiver,
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Parses sources as one manifest.
///
/// Returns `None` if any of the diagnostics is an error. One run finds all errors, except that the parsing of a document
/// with a wrong structure stops at the first error.
pub fn parse(sources: &Sources) -> (Option<Manifest>, Vec<Diagnostic>) {
    let mut diagnostics = Collector::default();
    let mut documents = Vec::new();
    for (source, text) in sources.manifests() {
        let parsed = yaml::parse(source, &text.text, &mut diagnostics);
        documents.extend(parsed.into_iter().map(|document| (source, document)));
    }
    if documents.is_empty()
        && diagnostics.is_empty()
        && let Some((source, _)) = sources.manifests().next()
    {
        diagnostics.push(diagnostic::empty_manifest(Position { source, line: 1, column: 1 }));
    }
    let manifest = check::check(documents, sources, &mut diagnostics);
    (manifest, diagnostics.finish())
}

/// Returns the tables that `wabas_from` of a text names, as far as the text can be parsed.
pub fn table_names(text: &str) -> Vec<String> {
    // Most files name none, and are parsed only once.
    if !text.contains(TABLES_KEY) {
        return Vec::new();
    }
    let documents = yaml::parse(SourceId::default(), text, &mut Collector::default());
    let names = documents.into_iter().filter_map(|document| document.value.wabas_from).flatten();
    names.map(|name| name.text).collect()
}

/// The key that names tables.
const TABLES_KEY: &str = "wabas_from";

/// All documents of all files, joined. The declared names are unique.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// The business portfolio.
    pub business: At<BusinessId>,
    /// The name of the set that the manifest is.
    pub set: Name,
    /// The declared system users, by their name in the manifest.
    pub system_users: BTreeMap<Name, SystemUserDeclaration>,
    /// The system users that are not managed: live names or ids, in file order.
    pub ignored_users: Vec<At<Name>>,
    /// The declared WABAs, by their name in the manifest.
    pub wabas: BTreeMap<Name, WabaDeclaration>,
    /// The rules that discover WABAs, in file order.
    pub discover: Vec<DiscoverRule>,
    /// The grants, in file order.
    pub grants: Vec<Grant>,
    /// The exceptions from the grants, in file order. They give exactly their tasks, which may be none.
    pub exceptions: Vec<Grant>,
    /// Which access may be removed. WABAs and discover rules can override it.
    pub prune: Prune,
    /// What access of undeclared system users counts as.
    pub undeclared: Undeclared,
    /// The limits that a plan must keep.
    pub guards: Guards,
    /// The permissions to violate guards, in file order.
    pub waivers: Vec<Waiver>,
    /// The access tests, in file order.
    pub tests: Vec<DeclaredTest>,
    /// Tasks that Meta stores in addition to, or instead of, the key.
    pub implied: BTreeMap<Task, TaskSet>,
    /// The roles with their tasks.
    pub roles: BTreeMap<Name, TaskSet>,
    /// The tasks that grants may name although this program does not know them.
    pub extra_tasks: BTreeSet<String>,
}

impl Manifest {
    /// Returns the selections of the grants, of the exceptions, and of the tests.
    pub fn selections(&self) -> impl Iterator<Item = &WabaSelection> {
        let of_tests = self.tests.iter().map(|test| &test.selection);
        self.entries().map(|entry| &entry.selection).chain(of_tests)
    }

    /// Returns the grants, and then the exceptions.
    pub fn entries(&self) -> impl Iterator<Item = &Grant> {
        self.grants.iter().chain(&self.exceptions)
    }
}

/// A declared system user.
#[derive(Debug, Clone, PartialEq)]
pub struct SystemUserDeclaration {
    /// The position of its key.
    pub at: Position,
    /// The id, if the manifest sets it.
    pub id: Option<At<UserId>>,
    /// The name in the business, if the manifest sets it.
    pub name: Option<At<Name>>,
    /// Whether its access comes from its role.
    pub by_role: bool,
    /// Why it holds nothing, whatever grants say, if that is so.
    pub suspended: Option<At<Name>>,
}

/// A declared WABA.
#[derive(Debug, Clone, PartialEq)]
pub struct WabaDeclaration {
    /// The position of its key.
    pub at: Position,
    /// The id.
    pub id: At<WabaId>,
    /// How the WABA is shared with the business. The position is that of the key if `shared` is not set.
    pub shared: At<Shared>,
    /// The position of `line_of_credit: true`, if it is set.
    pub line_of_credit: Option<Position>,
    /// The labels.
    pub labels: Labels,
    /// Which access may be removed there, if it overrides [`Manifest::prune`].
    pub prune: Option<Prune>,
    /// The position of `gone: true`, if it is set: the WABA is away and is not read.
    pub gone: Option<Position>,
    /// The warnings that are accepted there.
    pub accept: Accepted,
}

/// A warning about a WABA that its manifest can accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Acceptable {
    /// `task-on-standard`.
    TaskOnStandard,
    /// `until-without-prune`.
    UntilWithoutPrune,
}

impl Acceptable {
    /// Every warning that can be accepted.
    pub const ALL: [Self; 2] = [Self::TaskOnStandard, Self::UntilWithoutPrune];

    /// Returns the code of the warning.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TaskOnStandard => "task-on-standard",
            Self::UntilWithoutPrune => "until-without-prune",
        }
    }
}

/// The accepted warnings, with the position of each.
pub type Accepted = BTreeMap<Acceptable, Position>;

/// The live list that a discover rule reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiscoverFrom {
    /// The WABAs that the business owns.
    Owned,
    /// The WABAs that are shared with the business.
    Client,
}

/// A rule that adds WABAs from a live list.
#[derive(Debug, Clone, PartialEq)]
pub struct DiscoverRule {
    /// The position of the rule.
    pub at: Position,
    /// The list.
    pub from: DiscoverFrom,
    /// The glob that live names must match; `None` matches all.
    pub name: Option<Glob>,
    /// The labels that the WABAs get.
    pub labels: Labels,
    /// Which access may be removed there, if the rule sets it.
    pub prune: Option<At<Prune>>,
    /// How the WABAs are shared with the business, if the rule sets it.
    pub shared: Option<At<Shared>>,
    /// The warnings that are accepted on the WABAs.
    pub accept: Accepted,
}

/// A grant: the users hold the tasks on the selected WABAs. An exception has the same parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    /// The position of the grant.
    pub at: Position,
    /// The path in its document: `grants[1]` or `exceptions[0]`.
    pub path: String,
    /// The name, if it has one.
    pub name: Option<Name>,
    /// The declared names of the users; never empty.
    pub users: Vec<At<Name>>,
    /// The tasks, including those of the roles; never empty in a grant.
    pub tasks: TaskSet,
    /// The tasks that each item of `tasks` gives, with its position, for diagnostics about a single task.
    pub task_places: Vec<(TaskSet, Position)>,
    /// The WABAs on which they hold them.
    pub selection: WabaSelection,
    /// When the grant begins, if it does not apply at once.
    pub from: Option<At<TimeLimit>>,
    /// When the grant ends, if it does.
    pub until: Option<At<TimeLimit>>,
    /// Free text.
    pub reason: Option<Name>,
}

impl Grant {
    /// Returns whether the grant is in force at an instant.
    pub fn phase(&self, now: Timestamp) -> Phase {
        Phase::at(now, self.from.map(|from| from.value), self.until.map(|until| until.value))
    }
}

/// The limits that a plan must keep. The defaults are a guess at what a routine change stays below.
#[derive(Debug, Clone, PartialEq)]
pub struct Guards {
    /// The maximum share of live assignments in scope that may lose tasks, in percent from 0 to 100.
    pub max_removals_percent: f64,
    /// The maximum number of assignments that may lose tasks.
    pub max_removals: u64,
    /// The minimum number of holders that each WABA must keep, by task. 0 is no minimum.
    pub min_holders: BTreeMap<Task, u64>,
    /// Who counts as a holder.
    pub holders: Holders,
    /// The declared names of the users who must not lose any task.
    pub protected_users: BTreeSet<Name>,
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            max_removals_percent: 25.0,
            max_removals: 50,
            min_holders: BTreeMap::from([(Task::Manage, 1), (Task::Messaging, 1)]),
            holders: Holders::default(),
            protected_users: BTreeSet::new(),
        }
    }
}
