//! The time for which a run holds the lease: where it appends next, and until when it may send.

use super::append::{Append, Appended};
use super::header::{Header, What};
use super::{Timing, acquire::Claim};
use std::time::Duration;

/// The lease of a run, from the object that takes it.
///
/// After the first append that fails, every later one fails too: nothing more is appended and nothing is sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tenure {
    run: String,
    /// The position at which the lease was taken.
    term: u64,
    /// The position of the newest own object.
    newest: u64,
    /// When the put of the newest own object began.
    put_began: Duration,
    lost: Option<Lost>,
    /// The place from which it copies a journal, until the copy is complete.
    copies_from: Option<String>,
    timing: Timing,
}

/// Why a lease is held no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Lost {
    /// Another run has taken it.
    #[error("another run has taken the lease of this one")]
    Fenced,
    /// The store does not answer, so nobody knows whether it is still held.
    #[error("the store of the state does not answer")]
    Unsettled,
    /// It was silent for so long that its next position may have been used and removed.
    #[error("this run was silent for longer than a day")]
    Stale,
    /// It was released.
    #[error("the lease was released")]
    Released,
}

impl Tenure {
    /// Begins with the object that took the lease.
    pub fn new(claim: &Claim, taken_at: u64, put_began: Duration, timing: Timing) -> Self {
        let (run, copies_from) = (claim.run.clone(), claim.copies_from.clone());
        Self { run, term: taken_at, newest: taken_at, put_began, lost: None, copies_from, timing }
    }

    /// Notes that the copy of another journal is complete: the next object says so.
    pub fn note_copied(&mut self) {
        self.copies_from = None;
    }

    /// Returns the id of the run.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// Returns the position at which the lease was taken.
    pub fn term(&self) -> u64 {
        self.term
    }

    /// Returns the position of the newest own object.
    pub fn newest(&self) -> u64 {
        self.newest
    }

    /// Returns why the lease is held no more, if it is not.
    pub fn lost(&self) -> Option<Lost> {
        self.lost
    }

    /// Returns how long ago the put of the newest own object began.
    pub fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.put_began)
    }

    /// Returns whether a request may leave at this moment: only so soon after an own put that it has ended before the lease
    /// can be taken over.
    pub fn may_send(&self, now: Duration) -> bool {
        self.lost.is_none() && self.age(now) <= self.timing.window
    }

    /// Returns how long the holder may stay silent from now on. `busy` says that it has writes in flight, or lines to write.
    pub fn until_beat(&self, busy: bool, now: Duration) -> Duration {
        let silence = if busy { self.timing.beat } else { self.timing.idle_beat };
        silence.saturating_sub(self.age(now))
    }

    /// Notes that the machine was suspended for so long that the next position may have been used and removed.
    pub fn note_stale(&mut self) {
        self.lost.get_or_insert(Lost::Stale);
    }

    /// Begins to append an object with journal lines.
    ///
    /// # Errors
    ///
    /// If the lease is lost.
    pub fn append(&self, what: What, lines: &[u8], at: &str, now: Duration) -> Result<Append, Lost> {
        Ok(self.put(&self.header(what, at, now)?, lines, now))
    }

    /// Begins to append the object that says where the journal has moved.
    ///
    /// # Errors
    ///
    /// If the lease is lost.
    pub fn append_moved(&self, to: &str, at: &str, now: Duration) -> Result<Append, Lost> {
        let header = Header { moved_to: Some(to.to_owned()), ..self.header(What::Moved, at, now)? };
        Ok(self.put(&header, &[], now))
    }

    fn header(&self, what: What, at: &str, now: Duration) -> Result<Header, Lost> {
        if let Some(lost) = self.lost {
            return Err(lost);
        }
        if self.age(now) > self.timing.stale {
            return Err(Lost::Stale);
        }
        let (run, at, lease) = (self.run.clone(), at.to_owned(), self.timing.lease);
        let (seq, term, copies_from) = (self.newest + 1, self.term, self.copies_from.clone());
        Ok(Header { seq, run, what, term, at, lease, holder: None, copies_from, moved_to: None })
    }

    fn put(&self, header: &Header, lines: &[u8], now: Duration) -> Append {
        Append::new(header.seq, header.with_lines(lines).into(), now, &self.timing)
    }

    /// Notes the result of an append, which is known now.
    ///
    /// # Errors
    ///
    /// If the lease is lost by it.
    pub fn note(
        &mut self,
        append: &Append,
        what: What,
        result: &Appended,
        now: Duration,
    ) -> Result<(), Lost> {
        if let (Appended::Mine, Some(lost)) = (result, self.lost) {
            return Err(lost);
        }
        match result {
            Appended::Mine if now.saturating_sub(append.began()) > self.timing.stale => {
                Err(*self.lost.get_or_insert(Lost::Stale))
            }
            Appended::Mine => {
                (self.newest, self.put_began) = (append.at(), append.began());
                self.lost = what.is_last().then_some(Lost::Released);
                Ok(())
            }
            Appended::Theirs(_) => Err(*self.lost.insert(Lost::Fenced)),
            Appended::Unsettled => Err(*self.lost.insert(Lost::Unsettled)),
        }
    }
}
