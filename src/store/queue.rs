//! The lines that wait for the disk, and how far the disk has come: what lets one sync cover many.
//!
//! Nothing here waits. It must not know what a line says, nor where it goes.

use super::error::JournalError;
use std::collections::BTreeSet;

/// What waits, and what is done.
#[derive(Debug, Default)]
pub(super) struct Queue {
    lines: Vec<u8>,
    /// Whether somebody waits for a sync of these lines.
    sync: bool,
    /// How many lines came in, were written, and were synced, since the beginning.
    pushed: u64,
    written: u64,
    synced: u64,
    /// How often the disk was asked to sync.
    syncs: u64,
    /// The first failure; after it nothing goes in, as what comes after a gap would mislead.
    failed: Option<JournalError>,
    /// How many intents there were: the number of the last one.
    pub(super) writes: u64,
    /// The intents that have no outcome yet.
    pub(super) unsettled: BTreeSet<u64>,
    /// The writes of earlier runs that are not settled yet, by run and number.
    pub(super) earlier: BTreeSet<(String, u64)>,
}

/// The place of a line in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    line: u64,
    sync: bool,
}

/// Lines on their way to the disk.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) lines: Vec<u8>,
    pub(super) sync: bool,
    last: u64,
}

impl Queue {
    /// Makes the queue of a run that found these writes of earlier runs in flight.
    pub(super) fn after(earlier: BTreeSet<(String, u64)>) -> Self {
        Self { earlier, ..Self::default() }
    }

    /// Fails where an earlier line could not be written.
    pub(super) fn check(&self) -> Result<(), JournalError> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    /// Puts a line at the end.
    pub(super) fn push(&mut self, line: &str, sync: bool) -> Ticket {
        self.lines.extend_from_slice(line.as_bytes());
        self.sync |= sync;
        self.pushed += 1;
        Ticket { line: self.pushed, sync }
    }

    /// Takes all that waits.
    pub(super) fn take(&mut self) -> Batch {
        Batch {
            lines: std::mem::take(&mut self.lines),
            sync: std::mem::take(&mut self.sync),
            last: self.pushed,
        }
    }

    /// Notes what became of a batch.
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

    /// Returns whether a line is where it shall be; `None` while it waits.
    pub(super) fn state(&self, ticket: Ticket) -> Option<Result<(), JournalError>> {
        let reached = if ticket.sync { self.synced } else { self.written };
        if reached >= ticket.line { Some(Ok(())) } else { self.failed.clone().map(Err) }
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
