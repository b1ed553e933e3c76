//! Group commit of journal lines: one sync for all lines that are waiting.
//!
//! Nothing here blocks. This module knows neither the content of a line nor the file.

use super::error::JournalError;
use std::collections::BTreeSet;

/// The pending lines, and how many are done.
#[derive(Debug, Default)]
pub(super) struct Queue {
    lines: Vec<u8>,
    /// Whether one of the lines has to be synced.
    sync: bool,
    /// The numbers of lines that were pushed, written and synced so far.
    pushed: u64,
    written: u64,
    synced: u64,
    /// The number of syncs.
    syncs: u64,
    /// The first failure. After it nothing is written, because lines after a gap would be misleading.
    failed: Option<JournalError>,
    /// The number of the last intent.
    pub(super) writes: u64,
    /// The intents without an outcome.
    pub(super) unsettled: BTreeSet<u64>,
    /// The unsettled writes of earlier runs, by run and number.
    pub(super) earlier: BTreeSet<(String, u64)>,
}

/// The position of a line in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    line: u64,
    pub(super) sync: bool,
}

/// Lines that are being written.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) lines: Vec<u8>,
    pub(super) sync: bool,
    last: u64,
}

impl Queue {
    /// Makes the queue of a run. `earlier` are the writes that earlier runs left in flight.
    pub(super) fn after(earlier: BTreeSet<(String, u64)>) -> Self {
        Self { earlier, ..Self::default() }
    }

    /// Returns an error if an earlier line could not be written.
    pub(super) fn check(&self) -> Result<(), JournalError> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    /// Appends a line.
    pub(super) fn push(&mut self, line: &str, sync: bool) -> Ticket {
        self.lines.extend_from_slice(line.as_bytes());
        self.sync |= sync;
        self.pushed += 1;
        Ticket { line: self.pushed, sync }
    }

    /// Takes all pending lines.
    pub(super) fn take(&mut self) -> Batch {
        Batch {
            lines: std::mem::take(&mut self.lines),
            sync: std::mem::take(&mut self.sync),
            last: self.pushed,
        }
    }

    /// Records the result of writing a batch.
    pub(super) fn note(&mut self, batch: &Batch, result: Result<(), JournalError>) {
        if batch.sync {
            self.syncs += 1;
        }
        if let Err(error) = result {
            self.failed = Some(error);
            return;
        }
        self.written = batch.last;
        if batch.sync {
            self.synced = batch.last;
        }
    }

    /// Returns the result of writing a line; `None` while it is pending.
    pub(super) fn state(&self, ticket: Ticket) -> Option<Result<(), JournalError>> {
        let reached = if ticket.sync { self.synced } else { self.written };
        if reached >= ticket.line { Some(Ok(())) } else { self.failed.clone().map(Err) }
    }

    /// Returns whether something is to be written, or an intent has no outcome.
    pub(super) fn is_busy(&self) -> bool {
        !self.lines.is_empty() || !self.unsettled.is_empty()
    }

    /// Returns the number of bytes to be written.
    pub(super) fn pending(&self) -> usize {
        self.lines.len()
    }

    pub(super) fn syncs(&self) -> u64 {
        self.syncs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sync_covers_all_that_waits() {
        let mut queue = Queue::default();
        let tickets = ["a\n", "b\n", "c\n"].map(|line| queue.push(line, true));
        let batch = queue.take();
        let later = queue.push("d\n", true);
        assert_eq!((&*batch.lines, batch.sync), (&b"a\nb\nc\n"[..], true));
        assert!(tickets.iter().all(|ticket| queue.state(*ticket).is_none()), "not before it is noted");
        queue.note(&batch, Ok(()));
        assert!(tickets.iter().all(|ticket| matches!(queue.state(*ticket), Some(Ok(())))));
        assert!(queue.state(later).is_none());
        assert_eq!(queue.syncs(), 1);
    }

    #[test]
    fn what_needs_no_sync_asks_for_none_and_rides_along_with_others() {
        let mut queue = Queue::default();
        let outcome = queue.push("outcome\n", false);
        let batch = queue.take();
        assert!(!batch.sync);
        queue.note(&batch, Ok(()));
        assert!(matches!(queue.state(outcome), Some(Ok(()))));
        assert_eq!(queue.syncs(), 0);
        queue.push("outcome\n", false);
        queue.push("intent\n", true);
        assert!(queue.take().sync);
    }

    #[test]
    fn a_failure_stays_and_does_not_reach_back() {
        let mut queue = Queue::default();
        let good = queue.push("a\n", true);
        let batch = queue.take();
        queue.note(&batch, Ok(()));
        let bad = queue.push("b\n", true);
        let batch = queue.take();
        queue.note(&batch, Err(JournalError::Ended));
        assert!(matches!(queue.state(good), Some(Ok(()))));
        assert!(matches!(queue.state(bad), Some(Err(JournalError::Ended))));
        assert!(queue.check().is_err());
    }
}
