//! A model of several processes that share a state: their steps are those of `wabacl::chain`, and the store, the API and time
//! are small. Whoever plays it chooses the next action: all of them in turn (`explore`), or one by chance (`random`).

pub(crate) mod explore;
pub(crate) mod process;
pub(crate) mod random;

use process::{Life, Process};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;
use wabacl::chain::{Answer, Ask, Body, Timing, split};

/// What is promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Promise {
    OneWriter,
    DurableIntent,
    NoIntentLost,
    Convergence,
}

impl Promise {
    #[allow(dead_code, reason = "tests have no use for it")]
    pub(crate) const ALL: [Self; 4] =
        [Self::OneWriter, Self::DurableIntent, Self::NoIntentLost, Self::Convergence];

    #[allow(dead_code, reason = "tests have no use for it")]
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::OneWriter => "the API sees no write of a run after its successor has read",
            Self::DurableIntent => "the API sees no write without an intent in the store",
            Self::NoIntentLost => {
                "each write that the API saw has an outcome in the end, or was read by a later run"
            }
            Self::Convergence => {
                "once nothing fails any more, the next run takes the lease and settles the rest"
            }
        }
    }
}

/// The instance that is played.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) timing: Timing,
    /// The longest time from the moment at which a request leaves until it has no effect any more.
    pub(crate) request: Duration,
    /// The step of time.
    pub(crate) tick: Duration,
    /// How many writes each run sends, and how many of them share an object.
    pub(crate) writes: u32,
    pub(crate) batch: u32,
    /// How often the store may fail, and processes may be killed.
    pub(crate) faults: u32,
    pub(crate) kills: u32,
    /// When it ends.
    pub(crate) limit: Duration,
    /// Whether the store keeps the condition of a put.
    pub(crate) is_conditional: bool,
    /// How often each process begins a new run.
    pub(crate) runs: u32,
    /// What may be removed, if anything.
    pub(crate) prune: Option<Prune>,
}

/// What may be removed from the beginning of the chain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prune {
    /// For how long an object is kept.
    pub(crate) keep: Duration,
    /// How many positions are kept.
    pub(crate) positions: u64,
}

/// A write on its way to the API.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Request {
    pub(crate) process: usize,
    pub(crate) run: String,
    pub(crate) term: u64,
    pub(crate) write: u32,
    /// When it is over at the latest.
    pub(crate) until: Duration,
}

/// Everything that there is at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) now: Duration,
    /// The objects of the chain by position, from 1.
    pub(crate) objects: Vec<Body>,
    /// What the objects say, those that were removed included.
    pub(crate) ledger: Ledger,
    /// When the objects were put, if some may be removed.
    pub(crate) put_at: Vec<Duration>,
    /// The position up to which objects were removed.
    pub(crate) removed: u64,
    /// What the checkpoint there says to be in flight.
    pub(crate) checkpoint: BTreeSet<(u64, u32)>,
    /// The objects that were put where others were removed.
    pub(crate) stray: BTreeMap<u64, Body>,
    /// The puts that may still land.
    pub(crate) late: Vec<(u64, Body)>,
    pub(crate) processes: Vec<Process>,
    pub(crate) requests: Vec<Request>,
    /// The writes that the API saw, by term and number.
    pub(crate) seen: BTreeSet<(u64, u32)>,
    /// The highest term whose run has read the API.
    pub(crate) reader: u64,
    pub(crate) faults: u32,
    pub(crate) kills: u32,
}

/// What the lines of the chain say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Ledger {
    /// The writes with an intent, by term and number.
    intents: BTreeSet<(u64, u32)>,
    /// Those without an outcome that no later run has read.
    pub(crate) in_flight: BTreeSet<(u64, u32)>,
    /// Those with an outcome, or that a later run found.
    known: BTreeSet<(u64, u32)>,
}

impl Ledger {
    fn read(&mut self, at: u64, body: &Body) {
        let (_, text) = split(at, body).expect("an object of the chain");
        for line in std::str::from_utf8(text).expect("text").lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let number = |index: usize| words[index].parse::<u64>().expect("a number");
            let write = (number(1), u32::try_from(number(2)).expect("a small number"));
            if words[0] == "i" {
                self.intents.insert(write);
                self.in_flight.insert(write);
                continue;
            }
            self.in_flight.remove(&write);
            if words.get(3) != Some(&"false") {
                self.known.insert(write);
            }
        }
    }
}

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Time passes.
    Tick,
    /// A late put lands.
    Land(usize),
    /// A request takes effect and is answered, or has no effect and fails.
    Arrive(usize),
    Drop(usize),
    /// The store does what a process asks.
    Store(usize, Fate),
    /// A process takes the answer, or its wait is over.
    Answer(usize),
    /// A process begins to append intents, a beat, or its end.
    Intend(usize),
    Beat(usize),
    End(usize),
    /// A process reads the API for what earlier runs left in flight.
    Settle(usize),
    /// A process sends a write.
    Send(usize),
    /// A process is killed.
    Kill(usize),
    /// A checkpoint is written up to a position, and what is before is removed.
    Prune(u64),
}

/// What happens to a request to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Done,
    /// It does nothing, and has no answer.
    Failed,
    /// It is done, and the answer is lost.
    AnswerLost,
    /// It is done twice, and the second answer arrives.
    Repeated,
    /// It has no answer, and is done later.
    Late,
}

impl Fate {
    pub(crate) const FAULTS: [Self; 4] = [Self::Failed, Self::AnswerLost, Self::Repeated, Self::Late];
}

/// A promise that was broken.
pub(crate) type Breach = (Promise, String);

impl World {
    pub(crate) fn new(processes: Vec<Process>, config: &Config) -> Self {
        Self {
            now: Duration::ZERO,
            objects: Vec::new(),
            ledger: Ledger::default(),
            put_at: Vec::new(),
            removed: 0,
            checkpoint: BTreeSet::new(),
            stray: BTreeMap::new(),
            late: Vec::new(),
            processes,
            requests: Vec::new(),
            seen: BTreeSet::new(),
            reader: 0,
            faults: config.faults,
            kills: config.kills,
        }
    }

    /// Returns everything that can happen next, time aside.
    pub(crate) fn actions(&self, config: &Config) -> Vec<Action> {
        let mut actions: Vec<Action> = (0..self.late.len()).map(Action::Land).collect();
        for request in 0..self.requests.len() {
            actions.extend([Action::Arrive(request), Action::Drop(request)]);
        }
        for (number, process) in self.processes.iter().enumerate() {
            if process.is_over() || process.is_paused(self.now) {
                continue;
            }
            self.actions_of(number, process, config, &mut actions);
            if self.kills > 0 {
                actions.push(Action::Kill(number));
            }
        }
        actions.extend(config.prune.and_then(|prune| self.prunable(prune)).map(Action::Prune));
        actions
    }

    /// Returns the last position that may be removed, if there is one: what is kept begins with a run.
    fn prunable(&self, prune: Prune) -> Option<u64> {
        let is_old = |at: &&Duration| **at + prune.keep < self.now;
        let old = self.put_at.iter().take_while(is_old).count() as u64;
        let last = old.min((self.objects.len() as u64).saturating_sub(prune.positions));
        (self.removed + 1..=last).rev().find(|at| {
            let body = &self.objects[usize::try_from(at - 1).expect("a small number")];
            split(*at, body).expect("an object of the chain").0.what.is_free()
        })
    }

    /// Writes a checkpoint up to a position, and removes what is before.
    fn prune(&mut self, up_to: u64) {
        self.checkpoint = self.in_flight_by(up_to);
        self.removed = up_to;
    }

    /// Returns what is in flight by the checkpoint and the objects up to a position.
    fn in_flight_by(&self, up_to: u64) -> BTreeSet<(u64, u32)> {
        let mut ledger = Ledger { in_flight: self.checkpoint.clone(), ..Ledger::default() };
        let kept = (1..=up_to).zip(&self.objects).filter(|(at, _)| *at > self.removed);
        kept.for_each(|(at, body)| ledger.read(at, body));
        ledger.in_flight
    }

    fn actions_of(&self, number: usize, process: &Process, config: &Config, actions: &mut Vec<Action>) {
        match (&process.answer, process.ask()) {
            (Some(_), _) => actions.push(Action::Answer(number)),
            (None, Some(Ask::Wait(_))) if self.now >= process.wake => actions.push(Action::Answer(number)),
            (None, Some(Ask::Wait(_)) | None) => {}
            (None, Some(ask)) => {
                actions.push(Action::Store(number, Fate::Done));
                if self.faults > 0 {
                    let is_put = matches!(ask, Ask::Put(..));
                    let fates = Fate::FAULTS.into_iter().filter(|fate| is_put || *fate == Fate::Failed);
                    actions.extend(fates.map(|fate| Action::Store(number, fate)));
                }
            }
        }
        let Life::Holding(holding) = &process.life else { return };
        let now = process.clock(self.now);
        if !holding.durable.is_empty() && holding.tenure.may_send(now) {
            actions.push(Action::Send(number));
        }
        if holding.append.is_some() {
            return;
        }
        if !holding.is_settled {
            actions.push(Action::Settle(number));
        } else if holding.intended < config.writes {
            actions.push(Action::Intend(number));
        } else if holding.is_done(self, number) {
            actions.push(Action::End(number));
        }
        if holding.tenure.until_beat(holding.is_busy(), now).is_zero() {
            actions.push(Action::Beat(number));
        }
    }

    /// Returns whether time may pass: a request that is over has had its effect.
    pub(crate) fn may_tick(&self, config: &Config) -> bool {
        self.now < config.limit && self.requests.iter().all(|request| request.until > self.now)
    }

    /// Does an action.
    ///
    /// # Errors
    ///
    /// The promise that it breaks.
    pub(crate) fn act(&mut self, action: Action, config: &Config) -> Result<(), Breach> {
        match action {
            Action::Tick => self.now += config.tick,
            Action::Land(late) => {
                let (at, body) = self.late.remove(late);
                self.put(at, &body, config);
            }
            Action::Arrive(request) => return self.arrive(request),
            Action::Drop(request) => {
                let request = self.requests.remove(request);
                self.tell(&request);
            }
            Action::Store(number, fate) => self.store(number, fate, config),
            Action::Answer(number) => self.answer(number, config),
            Action::Intend(number) => self.with(number, |process, now| process.intend(now, config)),
            Action::Beat(number) => self.with(number, Process::beat),
            Action::End(number) => self.with(number, Process::end),
            Action::Settle(number) => return self.settle(number),
            Action::Prune(up_to) => self.prune(up_to),
            Action::Send(number) => self.send(number, config),
            Action::Kill(number) => {
                self.kills -= 1;
                self.processes[number].begin_again(config, self.now, self.removed);
            }
        }
        Ok(())
    }

    fn with(&mut self, number: usize, act: impl FnOnce(&mut Process, Duration)) {
        let process = &mut self.processes[number];
        let now = process.clock(self.now);
        act(process, now);
        process.note_wake(self.now);
    }

    /// Puts an object as the store does. Returns whether it was created.
    fn put(&mut self, at: u64, body: &Body, config: &Config) -> bool {
        if at <= self.removed {
            let is_free = !self.stray.contains_key(&at);
            self.stray.entry(at).or_insert_with(|| body.clone());
            return is_free;
        }
        let index = usize::try_from(at - 1).expect("a small number");
        if let Some(there) = self.objects.get_mut(index) {
            if !config.is_conditional {
                *there = body.clone();
                self.ledger = Ledger::default();
                (1..).zip(&self.objects).for_each(|(at, body)| self.ledger.read(at, body));
            }
            return !config.is_conditional;
        }
        assert_eq!(index, self.objects.len(), "the chain has no gaps");
        self.objects.push(body.clone());
        self.put_at.extend(config.prune.map(|_| self.now));
        self.ledger.read(at, body);
        true
    }

    fn store(&mut self, number: usize, fate: Fate, config: &Config) {
        let ask = self.processes[number].ask().expect("it asks");
        let created = |created| if created { Answer::Created } else { Answer::Exists };
        let answer = match (ask, fate) {
            (_, Fate::Failed) => Answer::Failed,
            (Ask::Put(at, body), Fate::Late) => {
                self.late.push((at, body));
                Answer::Failed
            }
            (Ask::Put(at, body), Fate::AnswerLost) => {
                self.put(at, &body, config);
                Answer::Failed
            }
            (Ask::Put(at, body), Fate::Repeated) => {
                self.put(at, &body, config);
                created(self.put(at, &body, config))
            }
            (Ask::Put(at, body), Fate::Done) => created(self.put(at, &body, config)),
            (Ask::Get(at), _) if at <= self.removed => {
                self.stray.get(&at).map_or(Answer::Missing, |body| Answer::Found(body.clone()))
            }
            (Ask::Get(at), _) => {
                let index = usize::try_from(at - 1).expect("a small number");
                self.objects.get(index).map_or(Answer::Missing, |body| Answer::Found(body.clone()))
            }
            (Ask::List(after), _) => {
                let stray = self.stray.keys().copied().filter(|at| *at > after);
                Answer::Listed(stray.chain(self.removed.max(after) + 1..=self.objects.len() as u64).collect())
            }
            (Ask::Wait(_), _) => unreachable!("the store is not asked to wait"),
        };
        self.faults -= u32::from(fate != Fate::Done);
        self.processes[number].answer = Some(answer);
    }

    fn answer(&mut self, number: usize, config: &Config) {
        self.with(number, Process::take_answer);
        let (now, hint) = (self.now, self.removed);
        let process = &mut self.processes[number];
        if matches!(process.life, Life::Over) {
            process.begin_again(config, now, hint);
        }
    }

    /// Reads the chain and the API for what earlier runs left in flight.
    fn settle(&mut self, number: usize) -> Result<(), Breach> {
        let open = self.in_flight_by(self.objects.len() as u64);
        if open != self.ledger.in_flight {
            let what = format!("read {open:?}, and in flight are {:?}", self.ledger.in_flight);
            return Err((Promise::NoIntentLost, what));
        }
        let process = &mut self.processes[number];
        if let Life::Holding(holding) = &mut process.life {
            holding.is_settled = true;
            self.reader = self.reader.max(holding.tenure.term());
            for (term, write) in open {
                let was_seen = self.seen.contains(&(term, write));
                let _ = writeln!(holding.pending, "s {term} {write} {was_seen}");
            }
        }
        Ok(())
    }

    fn send(&mut self, number: usize, config: &Config) {
        let process = &mut self.processes[number];
        // The timeout of a request is measured by the clock of its process.
        let until = self.now + process.true_time(config.request);
        let Life::Holding(holding) = &mut process.life else { return };
        let write = holding.durable.pop_first().expect("there is one");
        let (run, term) = (holding.tenure.run().to_owned(), holding.tenure.term());
        self.requests.push(Request { process: number, run, term, write, until });
    }

    fn arrive(&mut self, request: usize) -> Result<(), Breach> {
        let request = self.requests.remove(request);
        let Request { term, write, .. } = request;
        if self.reader > term {
            let what = format!("write {write} of term {term} after term {} has read", self.reader);
            return Err((Promise::OneWriter, what));
        }
        if !self.ledger.intents.contains(&(term, write)) {
            return Err((Promise::DurableIntent, format!("write {write} of term {term}")));
        }
        self.seen.insert((term, write));
        self.tell(&request);
        Ok(())
    }

    /// Tells a process that its request is over, if the run is still there. It records the outcome.
    fn tell(&mut self, request: &Request) {
        if let Life::Holding(holding) = &mut self.processes[request.process].life
            && holding.tenure.run() == request.run
        {
            let _ = writeln!(holding.pending, "o {} {}", request.term, request.write);
        }
    }

    /// Checks the end: everything that the API saw is accounted for.
    pub(crate) fn check_end(&self) -> Result<(), Breach> {
        let Ledger { in_flight, known, .. } = &self.ledger;
        if !in_flight.is_empty() {
            return Err((Promise::Convergence, format!("in flight to the end: {in_flight:?}")));
        }
        if let Some((term, write)) = self.seen.difference(known).next() {
            return Err((Promise::NoIntentLost, format!("write {write} of term {term}")));
        }
        Ok(())
    }
}
