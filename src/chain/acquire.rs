//! Takes the lease, and takes it away.

use super::append::{Append, Appended};
use super::header::{BadSegment, Header, What, split};
use super::{Answer, Ask, Body, Timing};
use serde_json::Value;
use std::time::Duration;

/// How often a list with a gap is read again. A list of a file system can miss a file that is created meanwhile.
const LISTS: u32 = 3;

/// Who takes the lease.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Claim {
    /// The id of the run.
    pub run: String,
    /// When, by its own clock: for people.
    pub at: String,
    /// The process and the origin of the run: for people.
    pub holder: Value,
    /// The place from which the run copies a journal, if it does. It takes only an empty chain, or one with an incomplete copy
    /// from there.
    pub copies_from: Option<String>,
}

/// Takes the lease of a chain: at once if it is free, else when its holder has released it or is silent for too long.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Acquire {
    claim: Claim,
    timing: Timing,
    wait: bool,
    /// The end of the chain, as far as it was seen; 0 if it has none.
    tail: u64,
    /// The object at the end, and when it was seen there first.
    seen: Option<(Header, Duration)>,
    began: Duration,
    /// When it took the last answer.
    answered: Duration,
    lists: u32,
    step: Step,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Step {
    List,
    Get,
    Wait,
    Put(Append),
}

/// The result of taking the lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acquired {
    /// The lease is taken, by the object at this position, whose put began then.
    Taken {
        /// The position.
        at: u64,
        /// When its put began.
        began: Duration,
        /// The object of the silent run from which it was taken.
        from: Option<Header>,
    },
    /// Another run holds it. With the object at the end of the chain.
    Held(Header),
    /// The store does not answer.
    Unsettled,
    /// There are objects beyond a position at which there is none.
    Gap(u64),
    /// The object at a position cannot be used.
    Bad(u64, BadSegment),
    /// The journal has moved to another place.
    Moved(String),
    /// The journal is an incomplete copy, and this run does not copy from the same place. With the object at the end.
    Incomplete(Header),
    /// The run is to copy a journal, and there is one already.
    NotEmpty,
}

impl Acquire {
    /// Begins to take the lease. All positions up to `hint` are known to exist. Without `wait`, it ends if another run holds
    /// the lease.
    pub fn new(claim: Claim, hint: u64, wait: bool, now: Duration, timing: Timing) -> Self {
        Self {
            claim,
            timing,
            wait,
            tail: hint,
            seen: None,
            began: now,
            answered: now,
            lists: 0,
            step: Step::List,
        }
    }

    /// Returns what it asks next.
    pub fn ask(&self) -> Ask {
        match &self.step {
            Step::List => Ask::List(self.tail),
            Step::Get => Ask::Get(self.tail),
            Step::Wait => Ask::Wait(self.timing.poll),
            Step::Put(append) => append.ask(),
        }
    }

    /// Takes the answer. Returns the result, if it is known.
    pub fn answer(&mut self, answer: Answer, now: Duration) -> Option<Acquired> {
        let took = now.saturating_sub(self.answered);
        self.answered = now;
        // A pause of the machine, even while it waits: what it saw at the end may have been removed since.
        if took > self.timing.stale {
            return Some(Acquired::Unsettled);
        }
        match (&mut self.step, answer) {
            (Step::List, Answer::Listed(found)) => self.listed(&found, now),
            (Step::Get, Answer::Found(body)) => self.saw(&body, now),
            (Step::Get, Answer::Missing) => Some(Acquired::Gap(self.tail)),
            (Step::Wait, _) => {
                self.began = now;
                self.step = Step::List;
                None
            }
            (Step::Put(append), answer) => {
                let (at, began) = (append.at(), append.began());
                match append.answer(&answer, now)? {
                    Appended::Mine => Some(Acquired::Taken { at, began, from: self.silent() }),
                    Appended::Unsettled => Some(Acquired::Unsettled),
                    Appended::Theirs(body) => {
                        self.tail = at;
                        self.saw(&body, now)
                    }
                }
            }
            // A later list or get is as good.
            (Step::List | Step::Get, _) if now.saturating_sub(self.began) >= self.timing.tries => {
                Some(Acquired::Unsettled)
            }
            (Step::List | Step::Get, _) => None,
        }
    }

    /// Returns the run whose lease is taken over.
    fn silent(&self) -> Option<Header> {
        self.seen.as_ref().map(|(header, _)| header.clone()).filter(|header| !header.what.is_free())
    }

    fn listed(&mut self, found: &[u64], now: Duration) -> Option<Acquired> {
        let expected = (self.tail + 1..).zip(found);
        let gap = expected.clone().find(|(expected, found)| expected != *found).map(|(expected, _)| expected);
        if let Some(missing) = gap {
            self.lists += 1;
            return (self.lists >= LISTS).then_some(Acquired::Gap(missing));
        }
        self.lists = 0;
        if let Some(last) = found.last() {
            self.tail = *last;
            self.step = Step::Get;
            return None;
        }
        match &self.seen {
            None if self.tail == 0 => self.put(What::Take, now),
            None => self.step = Step::Get,
            Some((header, since)) if now.saturating_sub(*since) >= header.lease => {
                self.put(What::Takeover, now);
            }
            Some(_) => self.step = Step::Wait,
        }
        None
    }

    /// Notes the object at the end of the chain.
    fn saw(&mut self, body: &Body, now: Duration) -> Option<Acquired> {
        let header = match split(self.tail, body) {
            Ok((header, _)) => header,
            Err(bad) => return Some(Acquired::Bad(self.tail, bad)),
        };
        if let Some(to) = header.moved_to {
            return Some(Acquired::Moved(to));
        }
        if header.copies_from.is_some() && header.copies_from != self.claim.copies_from {
            return Some(Acquired::Incomplete(header));
        }
        if header.copies_from != self.claim.copies_from {
            return Some(Acquired::NotEmpty);
        }
        let (is_free, held) = (header.what.is_free(), header.clone());
        self.seen = Some((header, now));
        if is_free {
            self.put(What::Take, now);
            return None;
        }
        self.step = Step::Wait;
        (!self.wait).then_some(Acquired::Held(held))
    }

    fn put(&mut self, what: What, now: Duration) {
        let at = self.tail + 1;
        let header = Header {
            seq: at,
            run: self.claim.run.clone(),
            what,
            term: at,
            at: self.claim.at.clone(),
            lease: self.timing.lease,
            holder: Some(self.claim.holder.clone()),
            copies_from: self.claim.copies_from.clone(),
            moved_to: None,
        };
        self.step = Step::Put(Append::new(at, header.with_lines(&[]).into(), now, &self.timing));
    }
}

/// Takes the lease away from a run, and leaves it free.
#[derive(Debug, Clone)]
pub struct Release {
    /// Looks for the end of the chain as if it took the lease, and never does.
    look: Acquire,
    /// The run that must hold it.
    of: String,
    put: Option<Append>,
}

/// The result of taking the lease away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forced {
    /// The lease is free. With the last object of its holder.
    Released(Header),
    /// The lease is free already.
    Free,
    /// Another run holds it.
    OfOther(Header),
    /// Looking for the end of the chain failed.
    Failed(Acquired),
}

impl Release {
    /// Begins to take the lease away from the run `of`.
    pub fn new(claim: Claim, of: String, hint: u64, now: Duration, timing: Timing) -> Self {
        Self { look: Acquire::new(claim, hint, false, now, timing), of, put: None }
    }

    /// Returns what it asks next.
    pub fn ask(&self) -> Ask {
        self.put.as_ref().map_or_else(|| self.look.ask(), Append::ask)
    }

    /// Takes the answer. Returns the result, if it is known.
    pub fn answer(&mut self, answer: Answer, now: Duration) -> Option<Forced> {
        let found = match &mut self.put {
            None => self.look.answer(answer, now),
            Some(append) => match append.answer(&answer, now)? {
                Appended::Mine => return self.look.seen.take().map(|(header, _)| Forced::Released(header)),
                Appended::Unsettled => Some(Acquired::Unsettled),
                // The holder was quicker: its object is the end now.
                Appended::Theirs(body) => {
                    self.put = None;
                    self.look.tail += 1;
                    self.look.saw(&body, now)
                }
            },
        };
        match found {
            None if matches!(self.look.step, Step::Put(_)) => Some(Forced::Free),
            None => None,
            Some(Acquired::Incomplete(header)) if header.what.is_free() => Some(Forced::Free),
            Some(Acquired::Held(header) | Acquired::Incomplete(header)) if header.run != self.of => {
                Some(Forced::OfOther(header))
            }
            Some(Acquired::Held(header) | Acquired::Incomplete(header)) => {
                self.put = Some(self.forced(&header, now));
                self.look.seen = Some((header, now));
                None
            }
            Some(failed) => Some(Forced::Failed(failed)),
        }
    }

    /// Begins to put the object that follows the last one of the holder. An incomplete copy stays incomplete.
    fn forced(&self, last: &Header, now: Duration) -> Append {
        let Claim { run, at, holder, .. } = self.look.claim.clone();
        let (seq, timing) = (self.look.tail + 1, &self.look.timing);
        let header = Header {
            seq,
            run,
            what: What::ForcedRelease,
            term: last.term,
            at,
            lease: timing.lease,
            holder: Some(holder),
            copies_from: last.copies_from.clone(),
            moved_to: None,
        };
        Append::new(seq, header.with_lines(&[]).into(), now, timing)
    }
}
