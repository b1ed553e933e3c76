//! Parts of journals that were read. The objects of a journal never change, so each is read once.

use crate::chain::Body;
use crate::model::BusinessId;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The most bytes that are kept. A guess: a checkpoint is written after 1,000 objects, and most have a few kilobytes.
const MOST: usize = 16 * 1024 * 1024;

/// The newest parts of journals. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct KnownParts(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    parts: BTreeMap<(BusinessId, u64), Body>,
    bytes: usize,
}

impl KnownParts {
    /// Returns the part at a position, if it was read.
    pub(super) fn get(&self, business: BusinessId, at: u64) -> Option<Body> {
        self.known().parts.get(&(business, at)).cloned()
    }

    /// Keeps a part. If there are too many bytes, those at the lowest positions go first.
    pub(super) fn keep(&self, business: BusinessId, at: u64, part: &Body) {
        let mut known = self.known();
        let known = &mut *known;
        if known.parts.insert((business, at), part.clone()).is_none() {
            known.bytes += part.len();
        }
        while known.bytes > MOST {
            // Of several businesses, the one with the lowest id loses parts first: a process works for one.
            let Some((_, oldest)) = known.parts.pop_first() else { return };
            known.bytes -= oldest.len();
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_parts_are_kept_up_to_a_size() {
        let (known, business) = (KnownParts::default(), "10".parse().unwrap());
        let part: Body = vec![0; MOST / 4].into();
        for at in 1..=5 {
            known.keep(business, at, &part);
            known.keep(business, at, &part);
        }
        let kept: Vec<u64> = (1..=5).filter(|at| known.get(business, *at).is_some()).collect();
        assert_eq!(kept, [2, 3, 4, 5]);
        assert_eq!(known.get("11".parse().unwrap(), 5), None);
    }
}
