//! Runs rounds until it is stopped: read manifests, plan, review, and apply if the mode says so.
//!
//! All rounds share one client, so that limits and budgets of the API hold over all of them. When a round runs next is
//! decided by [`crate::reconcile`]. What happens is reported to a watcher, which prints and serves it.

mod due;
mod log;
mod manifests;
mod round;

pub use due::DueWabas;
pub use log::{Finding, ROUNDS};
pub use manifests::Broken;

use super::session::Identity;
use super::{ApplyOptions, EngineError};
use crate::apply::Shutdown;
use crate::clock::Clock;
use crate::graph::{GraphClient, RunSettings, Settings};
use crate::guard::{ApprovedPlan, Review};
use crate::model::{AssignmentKey, BusinessId, Cost, Name, Plan, Report, TaskSet, WabaId, causes};
use crate::reconcile::{Extent, Mode, Next, Pace, RoundEnd, Standing};
use crate::store::{DueObjects, StateStore};
use jiff::Timestamp;
use manifests::Manifests;
use secrecy::ExposeSecret;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How a reconciler works.
#[derive(Debug, Clone)]
pub struct ReconcileSettings {
    /// The manifests.
    pub paths: Vec<PathBuf>,
    /// What a round does with its plan.
    pub mode: Mode,
    /// How often rounds run.
    pub pace: Pace,
    /// The limits of one round.
    pub run: RunSettings,
    /// Journal, inventories and lease.
    pub state: StateStore,
    /// The clock of the rounds.
    pub clock: Clock,
    /// The clock of the lease.
    pub lease_clock: Clock,
    /// How plans are applied.
    pub options: ApplyOptions,
    /// How long calls in flight may take to finish after a stop.
    pub grace: Duration,
    /// The seed of the pauses after failures. Without it, they differ each time.
    pub jitter: Option<u64>,
}

/// Returns the settings of a client for a business, with the secrets as they are now. An error means that there is no usable
/// token.
pub type Connect<'a> = &'a (dyn Fn(BusinessId) -> Result<Settings, Problem> + Sync);

/// Receives what happens. It must not block for long.
pub type Watcher<'a> = &'a (dyn Fn(Happening<'_>) + Sync);

/// Something that happens to a reconciler.
#[derive(Debug)]
pub enum Happening<'a> {
    /// A round begins.
    Begins {
        /// Its number, from 1.
        number: u64,
        /// Why it runs.
        trigger: &'a Trigger,
        /// When, by the clock of the rounds.
        at: Duration,
    },
    /// A plan is being applied.
    Applies {
        /// The plan.
        plan: &'a Plan,
        /// What ends the apply early.
        shutdown: &'a Shutdown,
    },
    /// The process was asked to end while a plan is being applied.
    Stops {
        /// The plan.
        plan: &'a Plan,
        /// What the apply waits for.
        shutdown: &'a Shutdown,
    },
    /// A round has ended.
    Ended(&'a Round, &'a Standing, Next),
}

/// Why a round runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// It is the first one.
    Start,
    /// It is time.
    Timer,
    /// Events are about these WABAs; none means that they are about everything.
    Event(BTreeSet<WabaId>),
}

impl Trigger {
    /// Returns the word for it in outputs.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Timer => "timer",
            Self::Event(_) => "event",
        }
    }

    /// Returns whether the round reads all of the scope.
    pub fn is_whole(&self) -> bool {
        self.extent() == Extent::Whole
    }

    fn extent(&self) -> Extent {
        match self {
            Self::Event(wabas) if !wabas.is_empty() => Extent::Some,
            Self::Start | Self::Timer | Self::Event(_) => Extent::Whole,
        }
    }

    /// Returns the WABAs that the round is about; empty for all.
    fn wabas(&self) -> BTreeSet<WabaId> {
        match self {
            Self::Event(wabas) => wabas.clone(),
            Self::Start | Self::Timer => BTreeSet::new(),
        }
    }
}

/// Why something failed: what was being done, with its causes, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What was being done, and why it failed. Names in it are escaped.
    pub chain: Vec<String>,
    /// What to do, if there is something to say.
    pub hint: Option<String>,
}

impl Problem {
    fn of(error: &EngineError) -> Self {
        Self { chain: causes(error).collect(), hint: error.hint() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.chain.join(": "))
    }
}

/// A round that has ended.
#[derive(Debug)]
pub struct Round {
    /// Its number, from 1.
    pub number: u64,
    /// Why it ran.
    pub trigger: Trigger,
    /// When it began.
    pub began: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// How it ended.
    pub end: RoundEnd,
    /// Why it failed, if it did; who holds the lease, if another run does.
    pub problem: Option<Problem>,
    /// The plan for all that was read; `None` if none was made.
    pub judged: Option<Judged>,
    /// What was applied; `None` if nothing was to be.
    pub report: Option<Report>,
    /// What it has cost.
    pub cost: Cost,
    /// The errors of the manifests that are there now, while earlier ones are in force or none are.
    pub broken: Option<Broken>,
    /// Warnings about manifests.
    pub warnings: Vec<Finding>,
    /// Other warnings.
    pub notes: Vec<String>,
    /// When the token expires, if the API says so.
    pub token_expires: Option<Timestamp>,
}

/// A plan that the guards have judged.
#[derive(Debug)]
pub enum Judged {
    /// They approved it.
    Approved(Box<ApprovedPlan>),
    /// They found something, or it is not to be applied.
    Reviewed(Box<Review>),
}

impl Judged {
    /// Returns the review.
    pub fn review(&self) -> &Review {
        match self {
            Self::Approved(approved) => approved.review(),
            Self::Reviewed(review) => review,
        }
    }
}

/// How a reconciler ended after it was asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// Nothing was cut off.
    Clean,
    /// Some changes of a plan were not made, after others were.
    CutOff,
}

/// Runs rounds.
pub struct Reconciler<'a> {
    settings: ReconcileSettings,
    connect: Connect<'a>,
    standing: Standing,
    manifests: Manifests,
    clients: BTreeMap<BusinessId, KnownClient>,
    /// Who held the lease when the last round wanted it.
    holder: Option<Name>,
    /// Assignments to admins that the API accepted and does not list, with the manifests that asked for them. Writing them
    /// again would change nothing.
    not_listed: (String, BTreeMap<AssignmentKey, TaskSet>),
    rounds: u64,
    random: fastrand::Rng,
    /// What events make due, if this process receives any.
    due: Option<Arc<DueWabas>>,
}

/// The client for a business, with its settings. Manifests have one business, and seldom another one later.
struct KnownClient {
    client: GraphClient,
    settings: Settings,
    /// What the last whole round found out about the token.
    identity: Option<Identity>,
}

impl<'a> Reconciler<'a> {
    /// Makes a reconciler. Reads and sends nothing yet.
    pub fn new(settings: ReconcileSettings, connect: Connect<'a>) -> Self {
        let random = settings.jitter.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        Self {
            manifests: Manifests::new(settings.paths.clone()),
            settings,
            connect,
            standing: Standing::default(),
            clients: BTreeMap::new(),
            holder: None,
            not_listed: (String::new(), BTreeMap::new()),
            rounds: 0,
            random,
            due: None,
        }
    }

    /// Also runs rounds of WABAs that events make due.
    #[must_use]
    pub fn with_events(mut self, due: Arc<DueWabas>) -> Self {
        self.due = Some(due);
        self
    }

    /// Runs rounds until `stop` is requested.
    ///
    /// What is in flight then may finish within the grace period. The lease is released.
    pub async fn run(&mut self, stop: &Shutdown, watcher: Watcher<'_>) -> Stopped {
        let clock = self.settings.clock.clone();
        let (mut trigger, mut next_whole) = (Trigger::Start, Duration::ZERO);
        let mut objects = DueObjects::default();
        loop {
            let is_whole = trigger.is_whole();
            let (stopped, wait) = self.next_round(trigger, stop, watcher).await;
            if stop.reason().is_some() {
                return stopped;
            }
            if is_whole {
                next_whole = clock.elapsed() + wait;
            }
            let due = self.due.clone();
            let event = async {
                match &due {
                    Some(due) => due.next(&mut objects).await,
                    None => std::future::pending().await,
                }
            };
            trigger = tokio::select! {
                biased;
                () = stop.requested() => return stopped,
                () = clock.sleep(next_whole.saturating_sub(clock.elapsed())) => Trigger::Timer,
                due = event => Trigger::Event(if due.everything { BTreeSet::new() } else { due.wabas }),
            };
        }
    }

    /// Runs one round, and returns the pause before the next one.
    async fn next_round(
        &mut self,
        trigger: Trigger,
        stop: &Shutdown,
        watcher: Watcher<'_>,
    ) -> (Stopped, Duration) {
        let (extent, wabas) = (trigger.extent(), trigger.wabas());
        let events = match (&self.due, extent) {
            (Some(due), Extent::Whole) => due.begin_whole(),
            (Some(due), Extent::Some) => due.events(&wabas),
            (None, _) => BTreeMap::new(),
        };
        let round = Box::pin(self.round(trigger, stop, watcher)).await;
        let now = self.settings.clock.elapsed();
        let random = self.random.f64();
        let next = self.settings.pace.next(&mut self.standing, round.end.clone(), extent, now, random);
        log::round(&round, next, stop.reason().is_some());
        watcher(Happening::Ended(&round, &self.standing, next));
        if let Some(due) = &self.due {
            if let Some(judged) = &round.judged {
                due.set_business(judged.review().plan().business);
            }
            if round.end.is_success() {
                due.done(&events).await;
            } else if extent == Extent::Some && round.end != RoundEnd::Interrupted {
                // A whole round is repeated anyway.
                due.repeat(&wabas, round.end == RoundEnd::Held).await;
            }
        }
        let is_cut_off = |report: &Report| {
            report.wrote && report.changes.iter().any(|reported| !reported.outcome.is_done())
        };
        let is_cut_off = round.end == RoundEnd::Interrupted && round.report.as_ref().is_some_and(is_cut_off);
        (if is_cut_off { Stopped::CutOff } else { Stopped::Clean }, next.wait)
    }

    /// Returns the client for a business with the secrets as they are now.
    fn client(&mut self, business: BusinessId) -> Result<GraphClient, Problem> {
        let settings = (self.connect)(business)?;
        let failed = |error| Problem::of(&EngineError::graph("connecting to the Graph API")(error));
        if let Some(known) = self.clients.get_mut(&business) {
            if !has_same_secrets(&known.settings, &settings) {
                known.client = known.client.renewed(&settings).map_err(failed)?;
                (known.settings, known.identity) = (settings, None);
            }
            return Ok(known.client.clone());
        }
        let client = GraphClient::new(&settings).map_err(failed)?;
        self.clients.insert(business, KnownClient { client: client.clone(), settings, identity: None });
        Ok(client)
    }
}

fn has_same_secrets(one: &Settings, other: &Settings) -> bool {
    let secrets = |settings: &Settings| {
        let secret = settings.app_secret.as_ref().map(|secret| secret.expose_secret().to_owned());
        (settings.token.expose_secret().to_owned(), secret)
    };
    secrets(one) == secrets(other)
}

impl fmt::Debug for Reconciler<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reconciler").field("settings", &self.settings).finish_non_exhaustive()
    }
}
