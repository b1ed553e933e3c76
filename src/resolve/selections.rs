//! Judges what the grants select: labels that no WABA has, and selections that match nothing.
//!
//! What matched when the manifests were last applied decides: a mistake would take access away, while a WABA that left
//! the scope explains itself.

use super::candidates::{Part, Unmatched};
use super::diagnostic::{self, Diagnostic};
use crate::manifest::{LabelSelector, Manifest, RequiredLabel};
use crate::model::{At, Earlier, EarlierWaba, Labels, Name, WabaId};
use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};

/// The maximum number of comparisons that find suggestions for labels. A guess: enough for some typing errors in a large
/// manifest, and still fast if many labels are wrong.
const COMPARISONS: usize = 100_000;

/// Checks that each label of a selector is one that a WABA or a discover rule has. `in_scope` are the WABAs in scope, as
/// far as they are known.
pub(super) fn check_labels(
    manifest: &Manifest,
    earlier: &Earlier,
    in_scope: &BTreeSet<WabaId>,
) -> Vec<Diagnostic> {
    let mut check = LabelCheck {
        known: known_labels(manifest),
        earlier,
        in_scope,
        comparisons: COMPARISONS,
        found: Vec::new(),
    };
    for selection in manifest.selections() {
        selection.label_selectors().for_each(|selector| check.selector(selector));
    }
    check.found
}

/// Judges a part of a selection that matches no WABA.
pub(super) fn judge(unmatched: &Unmatched<'_>, earlier: &Earlier, in_scope: &BTreeSet<WabaId>) -> Diagnostic {
    let Unmatched { part, at, .. } = unmatched;
    let matched = |id: WabaId, waba: &EarlierWaba| match part {
        Part::Wabas(selector) => selector.matches(id, &waba.name),
        Part::Labels(selector) => selector.matches(&waba.labels),
        Part::Whole(selection) => selection.matches(id, &waba.name, &waba.labels),
    };
    let before = earlier.wabas.iter().find(|(id, waba)| in_scope.contains(id) && matched(**id, waba));
    match before {
        Some((id, waba)) => diagnostic::selects_no_more(*at, &unmatched.to_string(), &waba.name, *id),
        None => diagnostic::selects_nothing(*at, &unmatched.to_string()),
    }
}

/// The values of each label key, of WABAs and discover rules.
type KnownLabels<'m> = BTreeMap<&'m str, BTreeSet<&'m str>>;

fn known_labels(manifest: &Manifest) -> KnownLabels<'_> {
    let of_wabas = manifest.wabas.values().map(|waba| &waba.labels);
    let of_rules = manifest.discover.iter().map(|rule| &rule.labels);
    let mut known = KnownLabels::new();
    for (key, value) in of_wabas.chain(of_rules).flat_map(Labels::iter) {
        known.entry(key).or_default().insert(value);
    }
    known
}

/// Returns whether some WABA or rule could have all labels of a selector.
fn can_match(known: &KnownLabels<'_>, selector: &LabelSelector) -> bool {
    selector.required.iter().all(|RequiredLabel { key, values }| {
        let known = known.get(key.value.as_str());
        known.is_some_and(|known| values.iter().any(|value| known.contains(value.value.as_str())))
    })
}

/// Removes the label selectors that [`check_labels`] reports, since these match nothing.
pub(super) fn without_unknown_labels<'m>(
    manifest: &Manifest,
    unmatched: Vec<Unmatched<'m>>,
) -> Vec<Unmatched<'m>> {
    // Mostly no part is unmatched.
    let known = LazyCell::new(|| known_labels(manifest));
    let is_new = |unmatched: &Unmatched<'_>| match unmatched.part {
        Part::Labels(selector) => can_match(&known, selector),
        Part::Wabas(_) | Part::Whole(_) => true,
    };
    unmatched.into_iter().filter(is_new).collect()
}

struct LabelCheck<'a> {
    known: KnownLabels<'a>,
    earlier: &'a Earlier,
    in_scope: &'a BTreeSet<WabaId>,
    /// How many comparisons remain, of [`COMPARISONS`].
    comparisons: usize,
    found: Vec<Diagnostic>,
}

impl<'a> LabelCheck<'a> {
    fn selector(&mut self, selector: &LabelSelector) {
        for RequiredLabel { key, values } in &selector.required {
            let Some(known) = self.known.get(key.value.as_str()) else {
                self.unknown_key(key);
                continue;
            };
            let unknown: Vec<_> =
                values.iter().filter(|value| !known.contains(value.value.as_str())).collect();
            for value in unknown {
                self.unknown_value(&key.value, value);
            }
        }
    }

    fn unknown_key(&mut self, key: &At<String>) {
        let left = self.left(|labels| labels.contains_key(&key.value));
        let found = if let Some(waba) = left {
            diagnostic::label_left(key.at, &key.value, None, waba)
        } else {
            let keys: Vec<&str> = self.known.keys().copied().collect();
            diagnostic::unknown_label_key(key.at, &key.value, self.candidates(&keys))
        };
        self.found.push(found);
    }

    fn unknown_value(&mut self, key: &str, At { value, at }: &At<String>) {
        let left = self.left(|labels| labels.get(key) == Some(value));
        let found = if let Some(waba) = left {
            diagnostic::label_left(*at, key, Some(value), waba)
        } else {
            let values: Vec<&str> = self.known.get(key).into_iter().flatten().copied().collect();
            diagnostic::unknown_label_value(*at, key, value, self.candidates(&values))
        };
        self.found.push(found);
    }

    /// Returns a WABA that had a label when the manifests were last applied, if all that had it have left the scope.
    fn left(&self, had: impl Fn(&Labels) -> bool) -> Option<&'a Name> {
        let mut before = self.earlier.wabas.iter().filter(|(_, waba)| had(&waba.labels)).peekable();
        let (_, first) = before.peek()?;
        let name = &first.name;
        before.all(|(id, _)| !self.in_scope.contains(id)).then_some(name)
    }

    /// Returns the texts to compare an unknown one with: all, or none if too few comparisons remain.
    fn candidates<'c, 'k>(&mut self, known: &'c [&'k str]) -> &'c [&'k str] {
        let candidates = if self.comparisons >= known.len() { known } else { &[] };
        self.comparisons -= candidates.len();
        candidates
    }
}
