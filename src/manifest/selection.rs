//! Which WABAs a grant selects: names, globs, labels, and what is left out.

use super::Glob;
use crate::model::{At, Labels, Name, Position, WabaId};
use std::fmt;

/// The WABAs that a grant selects.
///
/// A WABA must match `wabas` and `labels`, where they are given, and not `except`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WabaSelection {
    /// The selection by name; `None` if only `labels` selects.
    pub wabas: Option<Vec<At<WabaSelector>>>,
    /// The labels that a WABA must have; `None` if only `wabas` selects.
    pub labels: Option<LabelSelector>,
    /// The WABAs that are left out.
    pub except: Option<Except>,
}

/// An item of `wabas`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum WabaSelector {
    /// The name of a declared WABA.
    Name(Name),
    /// A glob that matches the names of declared WABAs and the live names of discovered ones.
    Glob(Glob),
    /// The id of a WABA in scope, declared or discovered.
    Id(WabaId),
}

/// The labels that a WABA must have, all of them; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelSelector {
    /// The position of the mapping.
    pub at: Position,
    /// The labels, in file order. Each key is there once.
    pub required: Vec<RequiredLabel>,
}

/// A label that a WABA must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequiredLabel {
    /// The key.
    pub key: At<String>,
    /// The values, any of which it may have; never empty.
    pub values: Vec<At<String>>,
}

/// The WABAs that a selection leaves out: those that match `wabas`, and those that have all of `labels`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Except {
    /// The position of the mapping.
    pub at: Position,
    /// The selection by name.
    pub wabas: Vec<At<WabaSelector>>,
    /// The labels; `None` if only `wabas` leaves out.
    pub labels: Option<LabelSelector>,
}

impl WabaSelection {
    /// Returns the label selectors of the selection and of its exception.
    pub fn label_selectors(&self) -> impl Iterator<Item = &LabelSelector> {
        self.labels.iter().chain(self.except.iter().flat_map(|except| &except.labels))
    }

    /// Returns whether a WABA with this id, this name and these labels is selected.
    pub fn matches(&self, id: WabaId, name: &Name, labels: &Labels) -> bool {
        let by_name =
            |wabas: &[At<WabaSelector>]| wabas.iter().any(|selector| selector.value.matches(id, name));
        let has = |selector: &LabelSelector| selector.matches(labels);
        let is_left_out = |except: &Except| by_name(&except.wabas) || except.labels.as_ref().is_some_and(has);
        self.wabas.as_ref().is_none_or(|wabas| by_name(wabas))
            && self.labels.as_ref().is_none_or(has)
            && !self.except.as_ref().is_some_and(is_left_out)
    }
}

impl WabaSelector {
    /// Returns whether the selector matches a WABA with this id and this name.
    pub fn matches(&self, id: WabaId, name: &Name) -> bool {
        match self {
            Self::Name(own) => own == name,
            Self::Glob(glob) => glob.matches(name.as_str()),
            Self::Id(own) => *own == id,
        }
    }
}

/// Shows the name, the glob or the id, escaped.
impl fmt::Display for WabaSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Glob(glob) => Name::from(glob.as_str()).fmt(f),
            Self::Id(id) => id.fmt(f),
        }
    }
}

impl LabelSelector {
    /// Returns whether labels have all that the selector requires.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.required.iter().all(|required| {
            labels
                .get(&required.key.value)
                .is_some_and(|value| required.values.iter().any(|allowed| allowed.value == *value))
        })
    }
}

/// Shows the labels as YAML, escaped: `{ tier: [gold, silver], region: eu }`.
impl fmt::Display for LabelSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |text: &At<String>| Name::from(text.value.as_str()).to_string();
        let label = |required: &RequiredLabel| {
            let values: Vec<String> = required.values.iter().map(show).collect();
            match values.as_slice() {
                [one] => format!("{}: {one}", show(&required.key)),
                several => format!("{}: [{}]", show(&required.key), several.join(", ")),
            }
        };
        let labels: Vec<String> = self.required.iter().map(label).collect();
        write!(f, "{{ {} }}", labels.join(", "))
    }
}
