//! Checks the documents and joins them into one manifest.
//!
//! The declarations of all documents come first, then the grants, exceptions and guards that refer to them. Each error is reported,
//! and the check continues without the wrong part.

mod access_tests;
mod coverage;
mod declarations;
mod grants;
mod guards;
mod scalars;
mod selections;
mod tables;
mod waivers;

use super::Manifest;
use super::raw::{Document, Entries, KeyProblem, KeyProblemKind};

use super::scalar::{Located, Location, NameText};
use super::yaml::position;
use crate::diagnostic::{self, Collector, Diagnostic};
use crate::model::{At, Name, Position, SourceId, Sources, Task};
use declarations::Declarations;
use std::collections::{BTreeMap, BTreeSet};

/// The maximum number of comparisons that find suggestions for undeclared names. A guess: enough for some typing errors
/// in a large manifest, and still fast if a whole section is missing.
const COMPARISONS: usize = 100_000;

/// The set of manifests that do not name one.
const DEFAULT_SET: &str = "default";

/// Joins the documents; returns `None` if any diagnostic is an error.
pub(super) fn check(
    documents: Vec<(SourceId, Located<Document>)>,
    sources: &Sources,
    diagnostics: &mut Collector,
) -> Option<Manifest> {
    let first = documents.first().map(|(source, document)| position(*source, document.location));
    let incomplete = diagnostics.has_errors();
    let mut checker = Checker {
        sources,
        diagnostics,
        source: SourceId::default(),
        tables: BTreeSet::new(),
        incomplete,
        comparisons: COMPARISONS,
        used_roles: BTreeSet::new(),
    };
    let mut declarations = Declarations::default();
    let (mut raw_grants, mut raw_exceptions) = (Vec::new(), Vec::new());
    let (mut raw_waivers, mut raw_tests) = (Vec::new(), Vec::new());
    for (source, mut document) in documents {
        checker.source = source;
        raw_grants.push((source, document.value.grants.take().unwrap_or_default()));
        raw_exceptions.push((source, document.value.exceptions.take().unwrap_or_default()));
        raw_waivers.push((source, document.value.waivers.take().unwrap_or_default()));
        raw_tests.push((source, document.value.tests.take().unwrap_or_default()));
        checker.document(document, &mut declarations);
    }
    checker.things_declared_twice(&declarations);
    checker.contradictions(&declarations);
    let declared_roles = std::mem::take(&mut declarations.roles);
    let roles = checker.roles(&declared_roles, &declarations.extra_tasks);
    let mut grants = Vec::new();
    for (source, raw_grants) in raw_grants {
        checker.source = source;
        for (index, grant) in raw_grants.into_iter().enumerate() {
            grants.push(checker.grant(index, grant, &declarations, &roles));
        }
    }
    let mut exceptions = Vec::new();
    for (source, raw_exceptions) in raw_exceptions {
        checker.source = source;
        for (index, exception) in raw_exceptions.into_iter().enumerate() {
            exceptions.push(checker.exception(index, exception, &declarations, &roles));
        }
    }
    let guards = checker.guards(std::mem::take(&mut declarations.guards), &declarations);
    let waivers = checker.waivers(raw_waivers);
    let tests = checker.access_tests(raw_tests, &declarations, &roles);
    if let (false, false, Some(first)) = (incomplete, declarations.sets_business, first) {
        checker.report(diagnostic::no_business(first));
    }
    if checker.diagnostics.has_errors() {
        return None;
    }
    checker.unused_roles(&declared_roles);
    checker.coverage(&grants);
    Some(Manifest {
        business: declarations.business?,
        set: declarations.set.map_or_else(|| Name::from(DEFAULT_SET), |set| set.value),
        ignored_users: declarations.ignored_users,
        system_users: declarations.system_users,
        wabas: declarations.wabas,
        discover: declarations.discover,
        grants,
        exceptions,
        prune: declarations.prune.map(|prune| prune.value).unwrap_or_default(),
        undeclared: declarations.undeclared.map(|word| word.value).unwrap_or_default(),
        guards,
        waivers,
        tests,
        implied: declarations.implied.into_iter().map(|(task, implied)| (task, implied.value)).collect(),
        roles,
        extra_tasks: declarations.extra_tasks,
    })
}

/// The state of a check. The methods that check one section are in the submodules.
struct Checker<'a> {
    sources: &'a Sources,
    diagnostics: &'a mut Collector,
    /// The source of the section that is being checked.
    source: SourceId,
    /// The tables that were read.
    tables: BTreeSet<SourceId>,
    /// Whether a document could not be parsed: it may declare the names that are missing.
    incomplete: bool,
    /// How many comparisons remain, of [`COMPARISONS`].
    comparisons: usize,
    /// The roles that something gives.
    used_roles: BTreeSet<Name>,
}

impl Checker<'_> {
    fn at(&self, location: Location) -> Position {
        position(self.source, location)
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Formats a position for a help text: `access.yaml:3:1`.
    fn format(&self, at: Position) -> String {
        format!("{}:{}:{}", self.sources.path(at.source), at.line, at.column)
    }

    fn key_problems(&mut self, problems: Vec<KeyProblem>) {
        for problem in problems {
            let at = self.at(problem.location);
            self.report(match problem.kind {
                KeyProblemKind::More(count) => {
                    self.diagnostics.count_errors(count);
                    continue;
                }
                _ if problem.key == "<<" => diagnostic::merge_key(at),
                KeyProblemKind::Unknown => diagnostic::unknown_key(at, &problem.key, problem.known),
                KeyProblemKind::MissingValue => diagnostic::missing_value(at, &problem.key),
                KeyProblemKind::Duplicate => diagnostic::duplicate_key(at, &problem.key),
            });
        }
    }

    /// Returns the entries of a mapping, and reports its merge keys.
    fn entries<V>(&mut self, entries: Option<Entries<V>>) -> Vec<(NameText, V)> {
        let Some(Entries { items, merges, .. }) = entries else { return Vec::new() };
        for location in merges {
            self.report(diagnostic::merge_key(self.at(location)));
        }
        items
    }

    /// Stores a value that may be set once across all documents.
    fn set_once<T>(&mut self, stored: &mut Option<At<T>>, key: &str, value: Option<At<T>>) {
        match (&stored, value) {
            (Some(first), Some(second)) => {
                let first = self.format(first.at);
                self.report(diagnostic::given_twice(second.at, key, &first));
            }
            (None, Some(value)) => *stored = Some(value),
            (_, None) => {}
        }
    }

    /// Stores the entry of a name, unless the name is empty or already declared.
    fn declare<T>(
        &mut self,
        map: &mut BTreeMap<Name, T>,
        what: &str,
        name: &NameText,
        entry: T,
        position_of: impl Fn(&T) -> Position,
    ) {
        let at = self.at(name.location);
        if name.text.is_empty() {
            self.report(diagnostic::empty_name(at));
        } else if let Some(first) = map.get(name.text.as_str()).map(&position_of) {
            let first = self.format(first);
            self.report(diagnostic::duplicate_name(at, what, &name.text, &first));
        } else {
            map.insert(Name::from(&*name.text), entry);
        }
    }

    /// Reports a name that no document declares. Suggests similar names while comparisons remain.
    fn undeclared<'n>(
        &mut self,
        at: Position,
        section: &str,
        name: &str,
        declared: impl ExactSizeIterator<Item = &'n Name>,
    ) {
        let candidates = self.take_comparisons(declared.len());
        let declared = declared.take(candidates).map(Name::as_str);
        self.report_reference(diagnostic::undeclared(at, section, name, declared));
    }

    /// Returns how many of `names` candidates to compare with an undeclared name: all of them, or 0 if too few
    /// comparisons remain.
    fn take_comparisons(&mut self, names: usize) -> usize {
        let candidates = if self.comparisons >= names { names } else { 0 };
        self.comparisons -= candidates;
        candidates
    }

    /// Reports an undeclared name. If a document could not be parsed, the help says that it may declare the name.
    fn report_reference(&mut self, mut diagnostic: Diagnostic) {
        if self.incomplete {
            diagnostic.help = Some(String::from("it may be declared in a document that could not be parsed"));
        }
        self.report(diagnostic);
    }
}

fn task_names<'a>() -> impl Iterator<Item = &'a str> {
    Task::ALL.iter().map(|task| task.name())
}
