//! The WABAs that grants can select: declared and discovered ones.

use super::diagnostic::{self, Diagnostic};
use crate::manifest::{
    Acceptable, DiscoverFrom, DiscoverRule, Except, Glob, LabelSelector, Manifest, RequiredLabel,
    WabaDeclaration, WabaSelection, WabaSelector,
};
use crate::model::{At, Directory, DirectoryWaba, Edge, Labels, Name, Position, Prune, Shared, WabaId};
use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A WABA in scope, with the values that selections and rules depend on.
pub(super) struct Candidate<'a> {
    pub(super) id: WabaId,
    pub(super) name: &'a Name,
    pub(super) labels: Cow<'a, Labels>,
    pub(super) shared: Option<Shared>,
    pub(super) prune: Option<Prune>,
    pub(super) line_of_credit: Option<Position>,
    /// The warnings that are accepted there.
    pub(super) accept: BTreeSet<Acceptable>,
    /// Whether it is known to be away. Grants may select it, and nothing is read or planned there.
    pub(super) gone: bool,
    pub(super) at: Position,
}

/// The most steps for all globs of the grants. A guess: 5,000 globs of the form `acme-*` on 20,000 WABAs take a fifth, and
/// a second passes. Tests reach a smaller limit.
const STEPS: u64 = if cfg!(test) { 1_000_000 } else { 1_000_000_000 };

/// A part of a selection.
pub(super) enum Part<'a> {
    /// A name, a glob or an id.
    Wabas(&'a WabaSelector),
    /// The labels.
    Labels(&'a LabelSelector),
    /// All of it: each part matches some WABA, and together they match none.
    Whole(&'a WabaSelection),
}

/// A part of a selection that matches no WABA.
pub(super) struct Unmatched<'a> {
    pub(super) part: Part<'a>,
    pub(super) at: Position,
}

/// Names the part, escaped.
impl fmt::Display for Unmatched<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            Part::Wabas(selector) => write!(f, "`{selector}`"),
            Part::Labels(selector) => write!(f, "`labels: {selector}`"),
            Part::Whole(selection) => {
                let keys = [
                    selection.wabas.is_some().then_some("`wabas`"),
                    selection.labels.is_some().then_some("`labels`"),
                    selection.except.is_some().then_some("`except`"),
                ];
                let keys: Vec<&str> = keys.into_iter().flatten().collect();
                write!(f, "the combination of {}", keys.join(" and "))
            }
        }
    }
}

/// All WABAs in scope, with indices for fast selection.
pub(super) struct Candidates<'a> {
    all: Vec<Candidate<'a>>,
    by_name: BTreeMap<&'a Name, u32>,
    /// Those that are selected by their id; most manifests select none so.
    by_id: OnceCell<BTreeMap<WabaId, u32>>,
    by_label: BTreeMap<(String, String), Vec<u32>>,
    /// The steps that remain for globs, of [`STEPS`].
    steps: Cell<u64>,
}

impl<'a> Candidates<'a> {
    /// Collects the declared WABAs only.
    pub(super) fn declared(manifest: &'a Manifest) -> Self {
        Self::new(manifest.wabas.iter().map(|(name, entry)| declared(name, entry)).collect(), manifest)
    }

    /// Collects the declared WABAs and those that the rules discover. Checks both against the directory.
    pub(super) fn in_directory(
        manifest: &'a Manifest,
        directory: &'a Directory,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut all: Vec<_> = manifest.wabas.iter().map(|(name, entry)| declared(name, entry)).collect();
        for (name, entry) in &manifest.wabas {
            diagnostics.extend(
                directory.wabas.get(&entry.id.value).and_then(|live| contradiction(name, entry, live)),
            );
        }
        let named: BTreeSet<WabaId> = all.iter().map(|candidate| candidate.id).collect();
        for (id, live) in directory.wabas.iter().filter(|(id, _)| !named.contains(id)) {
            all.extend(discovered(*id, live, &manifest.discover, diagnostics));
        }
        let matches_any = |rule: &&DiscoverRule| {
            directory.wabas.values().any(|live| discovers(rule, &live.name, live.edge))
        };
        let idle = manifest.discover.iter().filter(|rule| !matches_any(rule));
        diagnostics.extend(idle.map(|rule| diagnostic::discovers_nothing(rule.at)));
        Self::new(all, manifest)
    }

    fn new(all: Vec<Candidate<'a>>, manifest: &'a Manifest) -> Self {
        let by_name = (0..).zip(manifest.wabas.keys()).map(|(index, name)| (name, index)).collect();
        let mut by_label: BTreeMap<(String, String), Vec<u32>> = BTreeMap::new();
        let wanted: BTreeSet<(&str, &str)> = manifest
            .selections()
            .flat_map(WabaSelection::label_selectors)
            .flat_map(|selector| &selector.required)
            .flat_map(pairs)
            .collect();
        for (index, candidate) in (0..).zip(&all) {
            for (key, value) in candidate.labels.iter() {
                if wanted.contains(&(key.as_str(), value.as_str())) {
                    by_label.entry((key.clone(), value.clone())).or_default().push(index);
                }
            }
        }
        Self { all, by_name, by_id: OnceCell::new(), by_label, steps: Cell::new(STEPS) }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Candidate<'a>> {
        self.all.iter()
    }

    pub(super) fn get(&self, index: u32) -> &Candidate<'a> {
        self.all.get(index as usize).expect("selections hold only indices of candidates")
    }

    /// Returns the ids of the WABAs in scope.
    pub(super) fn in_scope(&self) -> BTreeSet<WabaId> {
        self.all.iter().filter(|waba| !waba.gone).map(|waba| waba.id).collect()
    }

    /// Returns the indices of the WABAs that are selected, ascending, and the parts of the selection that match none. `at`
    /// is the position of what selects.
    pub(super) fn select<'s>(
        &self,
        selection: &'s WabaSelection,
        at: Position,
    ) -> (Vec<u32>, Vec<Unmatched<'s>>) {
        let mut unmatched = Vec::new();
        let by_labels = selection.labels.as_ref().map(|labels| self.by_labels(labels, &mut unmatched));
        let by_name = selection.wabas.as_ref().map(|wabas| self.by_name(wabas, &mut unmatched));
        let mut selected = match (by_name, by_labels) {
            (Some(mut by_name), Some(by_labels)) => {
                by_name.retain(|index| by_labels.binary_search(index).is_ok());
                by_name
            }
            (Some(only), None) | (None, Some(only)) => only,
            (None, None) => Vec::new(),
        };
        if let Some(except) = &selection.except {
            let left_out = self.left_out(except, &mut unmatched);
            selected.retain(|index| left_out.binary_search(index).is_err());
        }
        if selected.is_empty() && unmatched.is_empty() {
            unmatched.push(Unmatched { part: Part::Whole(selection), at });
        }
        (selected, unmatched)
    }

    /// As [`Candidates::select`], but a selection without names and labels selects everything that it does not leave out.
    pub(super) fn select_any<'s>(
        &self,
        selection: &'s WabaSelection,
        at: Position,
    ) -> (Vec<u32>, Vec<Unmatched<'s>>) {
        if selection.wabas.is_some() || selection.labels.is_some() {
            return self.select(selection, at);
        }
        let mut unmatched = Vec::new();
        let left_out = selection.except.as_ref().map(|except| self.left_out(except, &mut unmatched));
        let left_out = left_out.unwrap_or_default();
        let all = (0..).zip(&self.all).map(|(index, _)| index);
        (all.filter(|index| left_out.binary_search(index).is_err()).collect(), unmatched)
    }

    fn by_labels<'s>(&self, labels: &'s LabelSelector, unmatched: &mut Vec<Unmatched<'s>>) -> Vec<u32> {
        let selected = self.with_labels(labels);
        if selected.is_empty() {
            unmatched.push(Unmatched { part: Part::Labels(labels), at: labels.at });
        }
        selected
    }

    fn by_name<'s>(&self, wabas: &'s [At<WabaSelector>], unmatched: &mut Vec<Unmatched<'s>>) -> Vec<u32> {
        let mut selected = Vec::new();
        for selector in wabas {
            match &selector.value {
                WabaSelector::Name(name) => selected.extend(self.by_name.get(name)),
                WabaSelector::Id(id) => match self.by_id().get(id) {
                    Some(index) => selected.push(*index),
                    None => {
                        unmatched.push(Unmatched { part: Part::Wabas(&selector.value), at: selector.at });
                    }
                },
                WabaSelector::Glob(glob) => {
                    let before = selected.len();
                    selected.extend(self.matching(glob));
                    if selected.len() == before {
                        unmatched.push(Unmatched { part: Part::Wabas(&selector.value), at: selector.at });
                    }
                }
            }
        }
        sorted(selected)
    }

    /// Returns the indices of the WABAs that an exception matches, ascending.
    fn left_out<'s>(&self, except: &'s Except, unmatched: &mut Vec<Unmatched<'s>>) -> Vec<u32> {
        let mut left_out = self.by_name(&except.wabas, unmatched);
        if let Some(labels) = &except.labels {
            left_out.extend(self.by_labels(labels, unmatched));
        }
        sorted(left_out)
    }

    fn by_id(&self) -> &BTreeMap<WabaId, u32> {
        self.by_id.get_or_init(|| self.all.iter().map(|waba| waba.id).zip(0..).collect())
    }

    fn matching(&self, glob: &Glob) -> impl Iterator<Item = u32> {
        let matches = |name: &Name| {
            let mut steps = self.steps.get();
            let matches = glob.matches_within(name.as_str(), &mut steps);
            self.steps.set(steps);
            matches
        };
        (0..).zip(&self.all).filter(move |(_, waba)| matches(waba.name)).map(|(index, _)| index)
    }

    /// Returns whether the globs took too many steps; then they match nothing more.
    pub(super) fn is_exhausted(&self) -> bool {
        self.steps.get() == 0
    }

    /// Returns the indices of the WABAs that have all of these labels, ascending.
    fn with_labels(&self, labels: &LabelSelector) -> Vec<u32> {
        let mut lists: Vec<Cow<'_, [u32]>> =
            labels.required.iter().map(|label| self.with_label(label)).collect();
        lists.sort_by_key(|list| list.len());
        let Some((shortest, others)) = lists.split_first() else { return Vec::new() };
        let in_all = |index: &&u32| others.iter().all(|list| list.binary_search(index).is_ok());
        shortest.iter().filter(in_all).copied().collect()
    }

    /// Returns the indices of the WABAs that have a label with any of its values, ascending.
    fn with_label(&self, label: &RequiredLabel) -> Cow<'_, [u32]> {
        let mut lists =
            pairs(label).filter_map(|(key, value)| self.by_label.get(&(key.to_owned(), value.to_owned())));
        match (lists.next(), lists.next()) {
            (None, _) => Cow::Borrowed(&[]),
            (Some(one), None) => Cow::Borrowed(one),
            (Some(first), Some(second)) => {
                Cow::Owned(sorted([first, second].into_iter().chain(lists).flatten().copied().collect()))
            }
        }
    }
}

/// Returns a label as pairs of its key and each of its values.
fn pairs(label: &RequiredLabel) -> impl Iterator<Item = (&str, &str)> {
    label.values.iter().map(|value| (label.key.value.as_str(), value.value.as_str()))
}

/// Returns indices ascending and without duplicates.
fn sorted(mut indices: Vec<u32>) -> Vec<u32> {
    indices.sort_unstable();
    indices.dedup();
    indices
}

fn declared<'a>(name: &'a Name, entry: &'a WabaDeclaration) -> Candidate<'a> {
    Candidate {
        id: entry.id.value,
        name,
        labels: Cow::Borrowed(&entry.labels),
        shared: Some(entry.shared.value),
        prune: entry.prune,
        line_of_credit: entry.line_of_credit,
        accept: entry.accept.keys().copied().collect(),
        gone: entry.gone.is_some(),
        at: entry.at,
    }
}

/// Returns the diagnostic for a declared WABA whose `shared` contradicts the API.
fn contradiction(name: &Name, entry: &WabaDeclaration, live: &DirectoryWaba) -> Option<Diagnostic> {
    if let Some(at) = entry.gone {
        return (live.edge != Edge::Direct).then(|| diagnostic::gone_but_listed(at, name));
    }
    let (declared, at) = (entry.shared.value, entry.shared.at);
    let on_wrong_edge = match live.edge {
        Edge::Owned => declared != Shared::Owned,
        Edge::Client => declared == Shared::Owned,
        Edge::Direct => false,
    };
    if on_wrong_edge {
        return Some(diagnostic::shared_contradicted(at, name, entry.id.value, declared, live.edge));
    }
    let messaging = live.solution_messaging?;
    let wrong = match declared {
        Shared::SolutionWithMessaging => !messaging,
        Shared::SolutionWithoutMessaging => messaging,
        Shared::Owned | Shared::Admin | Shared::Standard => false,
    };
    wrong.then(|| diagnostic::solution_contradicted(at, name, messaging))
}

/// Returns whether a rule discovers a WABA of this name on this list.
pub(super) fn discovers(rule: &DiscoverRule, name: &Name, edge: Edge) -> bool {
    let on_edge = match edge {
        Edge::Owned => rule.from == DiscoverFrom::Owned,
        Edge::Client => rule.from == DiscoverFrom::Client,
        Edge::Direct => false,
    };
    on_edge && rule.name.as_ref().is_none_or(|glob| glob.matches(name.as_str()))
}

/// Merges the values of all rules that discover a WABA. Returns `None` if no rule does.
fn discovered<'a>(
    id: WabaId,
    live: &'a DirectoryWaba,
    rules: &'a [DiscoverRule],
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Candidate<'a>> {
    let mut matching = rules.iter().filter(|rule| discovers(rule, &live.name, live.edge));
    let first = matching.next()?;
    let mut labels = Cow::Borrowed(&first.labels);
    let (mut prune, mut shared) = (first.prune, first.shared);
    let mut accept: BTreeSet<Acceptable> = first.accept.keys().copied().collect();
    for rule in matching {
        let mut disagree =
            |what: &str| diagnostics.push(diagnostic::discover_disagrees(rule.at, &live.name, what));
        if !agree(&mut prune, rule.prune) {
            disagree("`prune`");
        }
        if !agree(&mut shared, rule.shared) {
            disagree("`shared`");
        }
        accept.extend(rule.accept.keys());
        for (key, value) in &rule.labels {
            let stored = labels.to_mut().entry(key.clone()).or_insert_with(|| value.clone());
            if stored != value {
                disagree(&format!("the label `{}`", Name::from(&**key)));
            }
        }
    }
    let owned = (live.edge == Edge::Owned).then_some(Shared::Owned);
    Some(Candidate {
        id,
        name: &live.name,
        labels,
        shared: shared.map(|shared| shared.value).or(owned),
        prune: prune.map(|prune| prune.value),
        line_of_credit: None,
        accept,
        gone: false,
        at: first.at,
    })
}

/// Stores the value that is set, and returns whether the two values agree.
fn agree<T: PartialEq + Copy>(stored: &mut Option<At<T>>, other: Option<At<T>>) -> bool {
    match (*stored, other) {
        (Some(a), Some(b)) => a.value == b.value,
        (None, Some(_)) => {
            *stored = other;
            true
        }
        (_, None) => true,
    }
}
