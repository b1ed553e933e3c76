//! A prediction of the WABAs in scope, made before the live names are known.

use super::{Edge, Name, WabaId};
use std::collections::BTreeSet;
use std::fmt;

/// Whether a WABA of a name on a list is discovered.
type Discovers<'a> = Box<dyn Fn(WabaId, &Name, Edge) -> bool + Send + Sync + 'a>;

/// A prediction of the WABAs in scope. It lets assignments be read while the lists of WABAs are still being read.
#[derive(Default)]
pub struct ScopeForecast<'a> {
    declared: BTreeSet<WabaId>,
    discovers: Option<Discovers<'a>>,
    is_narrowed: bool,
}

impl<'a> ScopeForecast<'a> {
    /// Predicts that exactly these WABAs are in scope.
    pub fn of(declared: impl IntoIterator<Item = WabaId>) -> Self {
        Self { declared: declared.into_iter().collect(), discovers: None, is_narrowed: false }
    }

    /// Adds the WABAs for which a function returns `true`.
    #[must_use]
    pub fn and_discovered(self, discovers: impl Fn(WabaId, &Name, Edge) -> bool + Send + Sync + 'a) -> Self {
        Self { discovers: Some(Box::new(discovers)), ..self }
    }

    /// Notes that few WABAs of the lists are in it, so that the lists are not read together with all their assignments.
    #[must_use]
    pub fn narrowed(self) -> Self {
        Self { is_narrowed: true, ..self }
    }

    /// Returns whether few WABAs of the lists are in it.
    pub fn is_narrowed(&self) -> bool {
        self.is_narrowed
    }

    /// Returns the WABAs whose ids are known in advance.
    pub fn declared(&self) -> &BTreeSet<WabaId> {
        &self.declared
    }

    /// Returns whether a WABA on a list will be in scope.
    pub fn includes(&self, waba: WabaId, name: &Name, edge: Edge) -> bool {
        let discovered = || self.discovers.as_ref().is_some_and(|discovers| discovers(waba, name, edge));
        self.declared.contains(&waba) || discovered()
    }

    /// Returns whether no WABA can be in scope.
    pub fn is_empty(&self) -> bool {
        self.declared.is_empty() && self.discovers.is_none()
    }
}

impl fmt::Debug for ScopeForecast<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopeForecast")
            .field("declared", &self.declared)
            .field("discovers", &self.discovers.is_some())
            .field("is_narrowed", &self.is_narrowed)
            .finish()
    }
}
