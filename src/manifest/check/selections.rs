//! Which WABAs something selects.

use super::Checker;
use super::declarations::Declarations;
use crate::diagnostic;
use crate::manifest::raw::{Entries, RawExcept};
use crate::manifest::scalar::{LabelText, LabelValues, Located, WabaText};
use crate::manifest::{Except, Glob, LabelSelector, RequiredLabel, WabaSelector};
use crate::model::{At, Name, Position, WabaId};

impl Checker<'_> {
    /// Checks what a selection leaves out.
    pub(super) fn except(&mut self, except: Located<RawExcept>, declarations: &Declarations) -> Except {
        let (at, except) = (self.at(except.location), except.value);
        if except.wabas.is_none() && except.labels.is_none() && except.problems.is_empty() {
            self.report(diagnostic::selects_by_nothing(at, "except"));
        }
        self.key_problems(except.problems);
        let wabas = except.wabas.map(|wabas| self.selectors(at, wabas, declarations));
        Except { at, wabas: wabas.unwrap_or_default(), labels: self.label_selector(except.labels) }
    }

    /// Checks a list of names and globs. `at` is the position of what it belongs to.
    pub(super) fn selectors(
        &mut self,
        at: Position,
        wabas: Vec<WabaText>,
        declarations: &Declarations,
    ) -> Vec<At<WabaSelector>> {
        if wabas.is_empty() {
            self.report(diagnostic::selects_by_nothing(at, "wabas"));
        }
        wabas.into_iter().filter_map(|waba| self.selector(waba, declarations)).collect()
    }

    fn selector(&mut self, waba: WabaText, declarations: &Declarations) -> Option<At<WabaSelector>> {
        let at = self.at(waba.location);
        if waba.text.starts_with('!') {
            self.report(diagnostic::negated_glob(at, &waba.text));
        } else if Glob::is_glob(&waba.text) {
            return Some(At { value: WabaSelector::Glob(Glob::new(waba.text)), at });
        } else if declarations.wabas.contains_key(waba.text.as_str()) {
            return Some(At { value: WabaSelector::Name(Name::new(waba.text)), at });
        } else if let Some(id) = waba.text.parse().ok().filter(|id| is_possible(*id, declarations)) {
            return Some(At { value: WabaSelector::Id(id), at });
        } else if !declarations.invalid_wabas.contains(waba.text.as_str()) {
            self.undeclared(at, "wabas", &waba.text, declarations.wabas.keys());
        }
        None
    }

    /// Checks the labels that a WABA must have.
    pub(super) fn label_selector(&mut self, labels: Option<Entries<LabelValues>>) -> Option<LabelSelector> {
        let labels = labels?;
        let at = self.at(labels.location);
        let items = self.entries(Some(labels));
        if items.is_empty() {
            self.report(diagnostic::selects_by_nothing(at, "labels"));
        }
        let mut required: Vec<RequiredLabel> = Vec::new();
        for (key, values) in items {
            let key_at = self.at(key.location);
            if required.iter().any(|known| known.key.value == key.text) {
                self.report(diagnostic::duplicate_key(key_at, &key.text));
            } else {
                let values = self.label_values(&key.text, values);
                required.push(RequiredLabel { key: At { value: key.text, at: key_at }, values });
            }
        }
        Some(LabelSelector { at, required })
    }

    fn label_values(&mut self, key: &str, values: LabelValues) -> Vec<At<String>> {
        let values = match values {
            LabelValues::One(value) => vec![value],
            LabelValues::Plain(location, bytes) => {
                let source = self.sources.get(self.source);
                let text = source.zip(bytes).and_then(|(source, bytes)| source.text.get(bytes));
                vec![LabelText { text: text.unwrap_or_default().to_owned(), location }]
            }
            LabelValues::List(location, values) => {
                if values.is_empty() {
                    self.report(diagnostic::selects_by_nothing(self.at(location), key));
                }
                values
            }
            LabelValues::Missing(location) => {
                self.report(diagnostic::missing_value(self.at(location), key));
                Vec::new()
            }
        };
        values.into_iter().map(|value| At { at: self.at(value.location), value: value.text }).collect()
    }
}

/// Returns whether a WABA with this id can be in scope: it is declared, or rules discover WABAs that no file names.
fn is_possible(id: WabaId, declarations: &Declarations) -> bool {
    !declarations.discover.is_empty() || declarations.waba_ids.contains(&id)
}
