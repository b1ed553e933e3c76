//! One run of the program on the simulated clock: what `wabacl apply` does, through the engine.

use super::Place;
use super::case::{Case, SECRET, TOKEN, Way};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use wabacl::apply::Shutdown;
use wabacl::clock::Clock;
use wabacl::documents::saved;
use wabacl::engine::{
    self, AgeLimit, Applied, ApplyOptions, CheckedManifests, Ending, EngineError, ErrorClass, Event, Events,
    Lease, PlanRequest, Session, Survey,
};
use wabacl::graph::{RunSettings, Settings};
use wabacl::guard::{self, Review, Waiver};
use wabacl::model::{
    Directory, History, LiveSource, Name, Plan, Policy, Report, RowReviews, Sources, UserId, WabaId, causes,
};
use wabacl::proposal::Proposal;
use wabacl::query::{AccessReport, Gap, ReportBasis, ReportCounts, ReportJournal};
use wabacl::render::{self, Style, View};
use wabacl::store::{Inventory, InventoryUser, Keep, StateStore};

const STYLE: Style = Style { colour: false, width: None, verbose: true, group_by: None };

/// The wait before the last run. After it, every hourly budget is whole again.
pub(crate) const LATER: Duration = Duration::from_secs(2 * 3600);

/// Everything that a run works with.
pub(crate) struct Setup<'a> {
    pub(crate) case: &'a Case,
    pub(crate) url: String,
    pub(crate) clock: Clock,
    pub(crate) state: StateStore,
    pub(crate) state_dir: &'a Path,
    /// The seed of the pauses before retries.
    pub(crate) jitter: u64,
    pub(crate) way: Way,
    /// How long the run may take.
    pub(crate) timeout: Option<Duration>,
}

/// What a run leaves behind, also if it was killed.
#[derive(Default)]
pub(crate) struct Trail {
    /// The plan and its policy, once the guards have judged it.
    pub(crate) planned: Option<(Plan, Policy)>,
    /// Whether the guards approved it.
    pub(crate) approved: bool,
    pub(crate) report: Option<Report>,
    /// What a report on access says of what the run read.
    pub(crate) access: Option<ReportedAccess>,
    pub(crate) end: Option<RunEnd>,
    /// Everything that it printed.
    pub(crate) printed: String,
    /// Whether a shared state failed.
    pub(crate) lost: bool,
}

/// The numbers of a report on access, and what it says could not be read.
pub(crate) struct ReportedAccess {
    pub(crate) counts: ReportCounts,
    pub(crate) unreadable: BTreeSet<WabaId>,
}

/// How a run ended that was not killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunEnd {
    /// With a report.
    Applied(Ending),
    /// The guards refused the plan.
    Refused,
    /// With an error.
    Error(ErrorClass),
}

impl Setup<'_> {
    fn settings(&self) -> Settings {
        let limits = &self.case.limits;
        Settings {
            graph_url: self.url.clone(),
            app_secret: limits.with_secret.then(|| SECRET.into()),
            concurrency: limits.concurrency,
            waba_calls_per_hour: limits.waba_calls_per_hour,
            call_log: Some(self.state_dir.join("10")),
            clock: self.clock.clone(),
            ..Settings::new(TOKEN.into())
        }
    }

    fn run_settings(&self) -> RunSettings {
        let limits = &self.case.limits;
        RunSettings {
            read_strategy: limits.strategy,
            max_wait: limits.max_wait,
            timeout: self.timeout,
            jitter: Some(self.jitter),
            ..RunSettings::default()
        }
    }

    /// Runs to its end.
    pub(crate) async fn run(&self, shutdown: &Shutdown, trail: &RefCell<Trail>) {
        let printed = Mutex::new(String::new());
        let print = |event: Event<'_>| {
            *printed.lock().unwrap_or_else(PoisonError::into_inner) += &text_of(&event);
        };
        let result = self.apply(shutdown, trail, &print).await;
        self.state.release_dropped().await;
        let mut trail = trail.borrow_mut();
        trail.printed += &printed.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = result {
            trail.printed += &causes(&error).collect::<Vec<_>>().join("\n");
            trail.printed += &error.hint().unwrap_or_default();
            trail.lost |= matches!(error, EngineError::Store { .. });
            trail.end = Some(RunEnd::Error(error.class()));
        }
    }

    async fn apply(
        &self,
        shutdown: &Shutdown,
        trail: &RefCell<Trail>,
        events: Events<'_>,
    ) -> Result<(), EngineError> {
        let checked = self.checked(events)?;
        let lease = Lease::take(&self.state, checked.business(), true, &self.clock, events).await?;
        let session = Session::connect(&self.settings(), &self.run_settings(), events).await?;
        let look = |survey: &Survey| trail.borrow_mut().report_on(survey, session.live_source(), &self.clock);
        let (proposal, directory) = self.propose(&session, checked, events, look).await?;
        let now = proposal.plan.now;
        let review = guard::review(proposal, &self.waivers(), now);
        trail.borrow_mut().review(&review);
        let Ok(approved) = review.approve() else { return Ok(()) };
        let options = ApplyOptions {
            waivers: self.case.waivers.iter().map(ToString::to_string).collect(),
            wabas_in_progress: self.case.limits.wabas_in_progress,
            ..ApplyOptions::default()
        };
        let applied = session.apply(&approved, &directory, lease, &options, shutdown, events).await?;
        if let Some(source) = &applied.journal_error {
            assert!(self.state.is_shared(), "the journal can always be written: {source}");
            trail.borrow_mut().lost = true;
        }
        trail.borrow_mut().applied(applied, approved.plan());
        Ok(())
    }

    fn checked(&self, events: Events<'_>) -> Result<CheckedManifests, EngineError> {
        let request = PlanRequest { selection: self.way.selection(), ..self.request() };
        engine::check_sources(sources(&self.case.manifest), request, events)
    }

    /// Plans, directly or by way of a saved plan.
    async fn propose(
        &self,
        session: &Session,
        checked: CheckedManifests,
        events: Events<'_>,
        look: impl FnOnce(&Survey),
    ) -> Result<(Proposal, Directory), EngineError> {
        let (proposal, directory) = session.propose_seen(checked.clone(), events, look).await?;
        let Way::Saved { wait, with_manifests } = self.way else { return Ok((proposal, directory)) };
        let saved = self.save(&proposal);
        self.clock.sleep(wait).await;
        AgeLimit { maximum: jiff::SignedDuration::from_hours(24), now: self.clock.now() }.check(&saved)?;
        if !with_manifests {
            return session.recheck(saved, &self.request(), events).await;
        }
        let (proposal, directory) = session.propose(checked, events).await?;
        engine::check_agreement(&saved.plan, &proposal.plan, events)?;
        Ok((proposal, directory))
    }

    /// Writes a plan to a file and reads it back.
    fn save(&self, proposal: &Proposal) -> Proposal {
        let file = self.state_dir.join("plan.json");
        saved::save(proposal, &file).expect("the plan can be saved");
        engine::load_saved(&file, &|_| ()).expect("a saved plan can be read")
    }

    fn request(&self) -> PlanRequest {
        PlanRequest {
            began: self.clock.now(),
            state: Some(self.state.clone()),
            admin_rows: self
                .case
                .waivers
                .iter()
                .filter(|waiver| **waiver == "admin-row")
                .map(|_| None)
                .collect(),
            ..PlanRequest::default()
        }
    }

    fn waivers(&self) -> Vec<Waiver> {
        self.case.waivers.iter().filter_map(|waiver| waiver.parse().ok()).collect()
    }
}

impl Trail {
    /// Makes a report on access from what the run read.
    fn report_on(&mut self, survey: &Survey, live_source: &LiveSource, clock: &Clock) {
        let (nothing, reviews) = (History::default(), RowReviews::new());
        let report = AccessReport::new(ReportBasis {
            evidence: survey.evidence(),
            sources: &survey.sources,
            manifest_digest: &survey.manifest_digest,
            policy: &survey.policy,
            narrowed_to: &[],
            live_source,
            created_at: clock.now(),
            journal: ReportJournal { history: &nothing, is_kept: true, unreadable: None },
            period: None,
            earlier: None,
            last_review: None,
            reviews: &reviews,
            unread_reviews: &[],
        });
        let unreadable = report.gaps().into_iter().filter_map(|gap| match gap {
            Gap::Waba(waba, _) => Some(waba),
            Gap::User(_) | Gap::Journal(_) | Gap::JournalLines(_) | Gap::Review(_) | Gap::NotCompared(..) => {
                None
            }
        });
        self.access = Some(ReportedAccess { counts: report.counts(), unreadable: unreadable.collect() });
    }

    fn review(&mut self, review: &Review) {
        self.printed += &render::text::plan(&View::of_plan(review), &STYLE);
        self.approved = review.violations().is_empty();
        self.planned = Some((review.plan().clone(), review.proposal().policy.clone()));
        self.end = (!self.approved).then_some(RunEnd::Refused);
    }

    fn applied(&mut self, applied: Applied, plan: &Plan) {
        let Applied { report, ending, cost, .. } = applied;
        self.printed += &render::text::report(&report, plan, &STYLE);
        self.printed += &render::text::cost(&cost, &STYLE);
        self.end = Some(RunEnd::Applied(ending));
        // A run that is interrupted before its first change has no report.
        let has_report = ending != Ending::Interrupted || report.changes.len() == plan.changes.len();
        self.report = has_report.then_some(report);
    }
}

/// Renders an event as the command line prints it.
fn text_of(event: &Event<'_>) -> String {
    match event {
        Event::Diagnostics { found, sources } => render::text::diagnostics(found, sources, &STYLE),
        Event::Warning(warning) => warning.to_string(),
        Event::Stale { changes, plan } => render::text::stale(changes, plan, &STYLE),
        Event::Settled(writes) => render::text::settled(writes, &STYLE),
        Event::WaitingForLock { holder, .. } => holder.to_string(),
        Event::Progress(..) => String::new(),
    }
}

fn sources(manifest: &str) -> Sources {
    let mut sources = Sources::default();
    sources.add("access.yaml", manifest);
    sources
}

/// Writes the inventory of earlier runs.
pub(crate) async fn remember(case: &Case, place: &Place<'_>) {
    let business = "10".parse().expect("an id");
    std::fs::create_dir_all(place.folder.join("10")).expect("the state folder can be made");
    let user = |id: &UserId| {
        (*id, InventoryUser { name: Name::from("earlier"), file: String::from("old.yaml"), line: 1 })
    };
    let users = case.inventory.iter().map(user).collect();
    let inventory = Inventory { users, ..Inventory::new(Name::from("default")) };
    place.set_calm(true);
    let saved = place.state().save_inventory(business, &inventory, jiff::Timestamp::UNIX_EPOCH).await;
    place.set_calm(false);
    saved.expect("it can be written");
}

/// Reads the journal of all runs.
pub(crate) async fn journal(place: &Place<'_>) -> History {
    let business = "10".parse().expect("an id");
    place.set_calm(true);
    let history = place.state().history(business, Keep::All).await;
    place.set_calm(false);
    history.expect("the journal can be read")
}
