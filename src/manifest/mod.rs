//! The manifest: what the user's files say once they are read, checked in themselves, and joined.
//!
//! This is the only module that knows YAML. It must not know the API, the day, or what is live.

mod check;
mod glob;
mod raw;
mod read;
mod scalar;
mod schema;
#[cfg(test)]
mod tests;

pub use glob::Glob;
pub use schema::schema;

use crate::diagnostic::{self, Diagnostic};
use crate::model::{At, BusinessId, Name, Position, Prune, Shared, Sources, Task, TaskSet, UserId, WabaId};
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};

/// Reads texts as one manifest.
///
/// Returns `None` where any of the diagnostics is an error. All errors are found in one run; in a document
/// with the wrong structure the first, and every other document is still read.
pub fn parse(sources: &Sources) -> (Option<Manifest>, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let mut documents = Vec::new();
    for (source, text) in sources.iter() {
        let read = read::read(source, &text.text, &mut diagnostics);
        documents.extend(read.into_iter().map(|document| (source, document)));
    }
    if documents.is_empty()
        && diagnostics.is_empty()
        && let Some((source, _)) = sources.iter().next()
    {
        diagnostics.push(diagnostic::empty_manifest(Position { source, line: 1, column: 1 }));
    }
    let manifest = check::check(documents, sources, &mut diagnostics);
    (manifest, diagnostics)
}

/// All documents of all files, joined. Every name that is declared here is unique.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// The business portfolio, and where it stands.
    pub business: At<BusinessId>,
    /// The declared system users by their name in the repository.
    pub system_users: BTreeMap<Name, SystemUserEntry>,
    /// The declared WABAs by their name in the repository.
    pub wabas: BTreeMap<Name, WabaEntry>,
    /// The rules that discover WABAs, in order.
    pub discover: Vec<DiscoverRule>,
    /// The grants, in order.
    pub grants: Vec<Grant>,
    /// What may be taken away, unless a WABA says otherwise.
    pub prune: Prune,
    /// The limits that a plan must keep.
    pub guards: Guards,
    /// What Meta is seen to store beside or instead of what was asked.
    pub implied: BTreeMap<Task, TaskSet>,
}

/// A declared system user.
#[derive(Debug, Clone, PartialEq)]
pub struct SystemUserEntry {
    /// Where its key stands.
    pub at: Position,
    /// Its id, where the manifest gives one, and where that stands.
    pub id: Option<At<UserId>>,
    /// Its name in the business, where the manifest gives one, and where that stands.
    pub name: Option<At<Name>>,
    /// Whether its access comes by its role.
    pub by_role: bool,
}

/// Labels: keys and values compared as they are written.
pub type Labels = BTreeMap<String, String>;

/// A declared WABA.
#[derive(Debug, Clone, PartialEq)]
pub struct WabaEntry {
    /// Where its key stands.
    pub at: Position,
    /// Its id, and where that stands.
    pub id: At<WabaId>,
    /// How it came to the business, and where that stands (the key where it is left out).
    pub shared: At<Shared>,
    /// Where `line_of_credit: true` stands, where it does.
    pub line_of_credit: Option<Position>,
    /// Its labels.
    pub labels: Labels,
    /// What may be taken away there, where it overrides the manifest's own.
    pub prune: Option<Prune>,
}

/// The list that a discover rule takes its WABAs from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiscoverFrom {
    /// Those that the business owns.
    Owned,
    /// Those that are shared with the business.
    Client,
}

/// A rule that takes WABAs from the live lists.
#[derive(Debug, Clone, PartialEq)]
pub struct DiscoverRule {
    /// Where the rule stands.
    pub at: Position,
    /// From which list.
    pub from: DiscoverFrom,
    /// Which names, as the API tells them; all where it is left out.
    pub name: Option<Glob>,
    /// The labels that they get.
    pub labels: Labels,
    /// What may be taken away there, where the rule says.
    pub prune: Option<At<Prune>>,
    /// How they came to the business, where the rule says.
    pub shared: Option<At<Shared>>,
}

/// What a grant's `wabas` names.
#[derive(Debug, Clone, PartialEq)]
pub enum WabaSelector {
    /// A declared WABA, by its name; that it is declared has been checked.
    Name(Name),
    /// A glob on the names of declared WABAs and on the live names of discovered ones.
    Glob(Glob),
}

/// A grant: these users hold these tasks on these WABAs.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    /// Where the grant stands.
    pub at: Position,
    /// Its path in its document: `grants[1]`.
    pub path: String,
    /// Its name, where it has one.
    pub name: Option<Name>,
    /// The users by their declared names, never empty; that they are declared has been checked.
    pub users: Vec<At<Name>>,
    /// The tasks, roles resolved, never empty.
    pub tasks: TaskSet,
    /// Where each task or role that gives it stands, for rules that speak of one task.
    pub task_places: Vec<(TaskSet, Position)>,
    /// Which WABAs by name; `None` where only labels select.
    pub wabas: Option<Vec<At<WabaSelector>>>,
    /// Which labels a WABA must have, and where they stand; `None` where only names select.
    pub labels: Option<At<Labels>>,
    /// The last day it holds, and where that stands.
    pub until: Option<At<Date>>,
    /// Free text.
    pub reason: Option<Name>,
}

/// The limits that a plan must keep, with the design's defaults where the manifest is silent.
#[derive(Debug, Clone, PartialEq)]
pub struct Guards {
    /// How many of the live assignments in scope may lose something, 0 to 100 percent.
    pub max_removals_percent: f64,
    /// How many assignments may lose something.
    pub max_removals: u64,
    /// How many holders of a task each WABA must keep.
    pub min_holders: BTreeMap<Task, u64>,
    /// The declared users who lose nothing, by name; that they are declared has been checked.
    pub protected_users: BTreeSet<Name>,
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            max_removals_percent: 25.0,
            max_removals: 50,
            min_holders: BTreeMap::from([(Task::Manage, 1), (Task::Messaging, 1)]),
            protected_users: BTreeSet::new(),
        }
    }
}
