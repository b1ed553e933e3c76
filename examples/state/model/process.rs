//! One process of the model: what `wabacl apply` does with a shared state.

use super::{Config, World};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;
use wabacl::chain::{Acquire, Acquired, Answer, Append, Ask, Claim, Tenure, Timing, What};

/// A process with a clock of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Process {
    number: usize,
    /// The number of its run.
    run: u32,
    claim: Claim,
    timing: Timing,
    pub(crate) life: Life,
    /// The answer of the store that it has not taken yet.
    pub(crate) answer: Option<Answer>,
    /// When its wait is over.
    pub(crate) wake: Duration,
    /// Until when it is stopped.
    pub(crate) paused_until: Duration,
    /// What its clock shows at the beginning, and how fast it is, in thousandths.
    offset: Duration,
    speed: u32,
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Life {
    Acquiring(Box<Acquire>),
    Holding(Box<Holding>),
    Over,
}

/// A run that holds the lease, as far as it knows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Holding {
    pub(crate) tenure: Tenure,
    pub(crate) is_settled: bool,
    /// The lines that travel with the next object.
    pub(crate) pending: String,
    pub(crate) append: Option<(Append, What, BTreeSet<u32>)>,
    /// How many intents there were.
    pub(crate) intended: u32,
    /// The writes whose intents are durable, and that are not sent.
    pub(crate) durable: BTreeSet<u32>,
    /// Whether it was silent for too long.
    is_lost: bool,
}

impl Holding {
    pub(crate) fn is_busy(&self) -> bool {
        !self.pending.is_empty() || !self.durable.is_empty()
    }

    /// Returns whether nothing is left to send, and nothing is on its way.
    pub(crate) fn is_done(&self, world: &World, number: usize) -> bool {
        let run = self.tenure.run();
        let mut own = world.requests.iter().filter(|request| request.process == number && request.run == run);
        self.durable.is_empty() && own.next().is_none()
    }

    fn begin(&mut self, what: What, intents: BTreeSet<u32>, now: Duration) {
        let term = self.tenure.term();
        for write in &intents {
            let _ = writeln!(self.pending, "i {term} {write}");
        }
        match self.tenure.append(what, self.pending.as_bytes(), "", now) {
            Ok(append) => self.append = Some((append, what, intents)),
            Err(_) => self.is_lost = true,
        }
        self.pending.clear();
    }
}

impl Process {
    pub(crate) fn new(number: usize, config: &Config, offset: Duration, speed: u32) -> Self {
        let mut process = Self {
            number,
            run: 0,
            claim: Claim {
                run: String::new(),
                at: String::new(),
                holder: serde_json::Value::Null,
                copies_from: None,
            },
            timing: config.timing,
            life: Life::Over,
            answer: None,
            wake: Duration::ZERO,
            paused_until: Duration::ZERO,
            offset,
            speed,
        };
        process.begin_again(config, Duration::ZERO, 0);
        process
    }

    /// Begins the next run, if there is one. All positions up to `hint` are known to have existed.
    pub(crate) fn begin_again(&mut self, config: &Config, now: Duration, hint: u64) {
        (self.life, self.answer) = (Life::Over, None);
        if self.run >= config.runs {
            return;
        }
        self.run += 1;
        self.claim.run = format!("{}.{}", self.number, self.run);
        let acquire = Acquire::new(self.claim.clone(), hint, true, self.clock(now), self.timing);
        self.life = Life::Acquiring(Box::new(acquire));
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.life, Life::Over)
    }

    pub(crate) fn is_paused(&self, now: Duration) -> bool {
        now < self.paused_until
    }

    /// Returns what its clock shows.
    pub(crate) fn clock(&self, now: Duration) -> Duration {
        self.offset + now * self.speed / 1000
    }

    /// Returns how long a time of its clock is.
    pub(crate) fn true_time(&self, time: Duration) -> Duration {
        time * 1000 / self.speed
    }

    /// Returns what it asks of the store.
    pub(crate) fn ask(&self) -> Option<Ask> {
        match &self.life {
            Life::Acquiring(acquire) => Some(acquire.ask()),
            Life::Holding(holding) => holding.append.as_ref().map(|(append, ..)| append.ask()),
            Life::Over => None,
        }
    }

    /// Notes when a wait is over that begins now.
    pub(crate) fn note_wake(&mut self, now: Duration) {
        if let Some(Ask::Wait(time)) = self.ask()
            && self.wake <= now
        {
            self.wake = now + self.true_time(time);
        }
    }

    pub(crate) fn take_answer(&mut self, now: Duration) {
        let answer = self.answer.take().unwrap_or(Answer::Waited);
        match &mut self.life {
            Life::Acquiring(acquire) => match acquire.answer(answer, now) {
                None => {}
                Some(Acquired::Taken { at, began, .. }) => {
                    let tenure = Tenure::new(&self.claim, at, began, self.timing);
                    self.life = Life::Holding(Box::new(Holding {
                        tenure,
                        is_settled: false,
                        pending: String::new(),
                        append: None,
                        intended: 0,
                        durable: BTreeSet::new(),
                        is_lost: false,
                    }));
                }
                Some(_) => self.life = Life::Over,
            },
            Life::Holding(holding) => {
                let Some((append, what, intents)) = &mut holding.append else { return };
                let Some(result) = append.answer(&answer, now) else { return };
                let noted = holding.tenure.note(append, *what, &result, now);
                let is_over = noted.is_err() || *what == What::Release;
                holding.durable.append(intents);
                holding.append = None;
                if is_over {
                    self.life = Life::Over;
                }
            }
            Life::Over => {}
        }
    }

    /// Ends the run if it was silent for too long.
    fn end_if_lost(&mut self) {
        if matches!(&self.life, Life::Holding(holding) if holding.is_lost) {
            self.life = Life::Over;
        }
    }

    pub(crate) fn intend(&mut self, now: Duration, config: &Config) {
        if let Life::Holding(holding) = &mut self.life {
            let from = holding.intended;
            holding.intended = (from + config.batch).min(config.writes);
            holding.begin(What::Write, (from..holding.intended).collect(), now);
        }
        self.end_if_lost();
    }

    pub(crate) fn beat(&mut self, now: Duration) {
        if let Life::Holding(holding) = &mut self.life {
            holding.begin(What::Beat, BTreeSet::new(), now);
        }
        self.end_if_lost();
    }

    pub(crate) fn end(&mut self, now: Duration) {
        if let Life::Holding(holding) = &mut self.life {
            holding.begin(What::Release, BTreeSet::new(), now);
        }
        self.end_if_lost();
    }
}
