//! Warnings about rows that are left out of a list.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The most rows of a list that are named. A guess: some lines of a log.
const MAX_NAMED: usize = 20;

/// Warns about each of the first rows that are left out of a list, and at its end about the number of the others.
#[derive(Debug)]
pub(super) struct LeftOut<'a> {
    path: &'a str,
    rows: AtomicUsize,
}

impl<'a> LeftOut<'a> {
    /// Begins a list.
    pub(super) fn of(path: &'a str) -> Self {
        Self { path, rows: AtomicUsize::new(0) }
    }

    /// Leaves out a row. `what` is what it would be, `why` is escaped.
    pub(super) fn row(&self, what: &str, why: &impl std::fmt::Display) {
        if self.rows.fetch_add(1, Ordering::Relaxed) < MAX_NAMED {
            tracing::warn!("{what} is left out of the list /{}: {why}", self.path);
        }
    }
}

impl Drop for LeftOut<'_> {
    fn drop(&mut self) {
        let more = self.rows.load(Ordering::Relaxed).saturating_sub(MAX_NAMED);
        if more > 0 {
            tracing::warn!("{more} more are left out of the list /{}", self.path);
        }
    }
}
