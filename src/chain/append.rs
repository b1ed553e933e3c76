//! Appends one object to the chain.

use super::{Answer, Ask, Body, Timing};
use std::time::Duration;

/// Puts one object at the end of the chain, and finds out whose object is there afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Append {
    at: u64,
    body: Body,
    began: Duration,
    tries: Duration,
    pause: Duration,
    step: Step,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Step {
    Put,
    Get,
    WaitToPut,
    WaitToGet,
}

/// The result of an append.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Appended {
    /// One's own object is at the position.
    Mine,
    /// The object of another run is there.
    Theirs(Body),
    /// The store does not answer. One's own object may be there, or land there later.
    Unsettled,
}

impl Append {
    /// Begins to put an object. `now` is the time by one's own clock.
    pub fn new(at: u64, body: Body, now: Duration, timing: &Timing) -> Self {
        Self { at, body, began: now, tries: timing.tries, pause: timing.pause, step: Step::Put }
    }

    /// Returns the position.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// Returns when it began.
    pub fn began(&self) -> Duration {
        self.began
    }

    /// Returns what it asks next.
    pub fn ask(&self) -> Ask {
        match self.step {
            Step::Put => Ask::Put(self.at, self.body.clone()),
            Step::Get => Ask::Get(self.at),
            Step::WaitToPut | Step::WaitToGet => Ask::Wait(self.pause),
        }
    }

    /// Takes the answer. Returns the result, if it is known.
    pub fn answer(&mut self, answer: &Answer, now: Duration) -> Option<Appended> {
        match (self.step, answer) {
            (Step::Put, Answer::Created) => return Some(Appended::Mine),
            // Also "exists" can be the answer to a repeated request whose first answer was lost.
            (Step::Put | Step::WaitToGet, _) => self.step = Step::Get,
            (Step::WaitToPut, _) => self.step = Step::Put,
            (Step::Get, Answer::Found(body)) if *body == self.body => return Some(Appended::Mine),
            (Step::Get, Answer::Found(body)) => return Some(Appended::Theirs(body.clone())),
            (Step::Get, _) if now.saturating_sub(self.began) >= self.tries => {
                return Some(Appended::Unsettled);
            }
            (Step::Get, Answer::Missing) => self.step = Step::WaitToPut,
            (Step::Get, _) => self.step = Step::WaitToGet,
        }
        None
    }
}
