//! `wabacl apply`.

use super::connection::{CheckedConnection, Connected, print_cost};
use super::events::EventPrinter;
use super::exit::Exit;
use super::failure::Failure;
use super::interrupt::{self, Doing};
use super::options::{self, Connection, Format, Grouping, PlanOptions, ReportFormat, Strategy, Waivers};
use super::plan;
use super::repository;
use super::signals::Signals;
use super::terminal::Terminal;
use super::{waivers, watchdog};
use crate::apply::{Shutdown, WABAS_IN_PROGRESS};
use crate::clock::Clock;
use crate::documents::{self, Findings, saved};
use crate::engine::{
    self, AgeLimit, Applied, ApplyOptions, CheckedManifests, Ending, EngineError, Events, Lease, PlanRequest,
    RunChoice, UndoGuards,
};
use crate::guard::{self, ApprovedPlan, Review};
use crate::model::{BusinessId, Directory, Glob, Name, Origin, OriginEntry, Report, Selection};
use crate::proposal::Proposal;
use crate::render::{self, View};
use crate::store::{PlanName, StateStore};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How old a saved plan may be. A guess: long enough for a review, and short enough that people remember it.
const MAX_PLAN_AGE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Plans, shows, asks, and makes only the assignments that differ
///
/// Given one JSON file instead of manifests, it applies that saved plan, exactly and without asking.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Manifest files, or folders with *.yaml and *.yml files below them; `-` is standard input; or one saved
    /// plan
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// With a saved plan: plans again from these manifests and enforces their guards; both plans must agree
    #[arg(long, value_name = "PATH", num_args = 1..)]
    manifest: Vec<PathBuf>,
    /// Applies the plan that `wabacl plan --save NAME` saved in the shared state, without asking: these manifests are planned again, and
    /// both plans must agree. If several different plans have the name, none is applied
    #[arg(long, value_name = "NAME")]
    reviewed: Option<PlanName>,
    /// With --reviewed: if several plans have the name, takes the one that was made last
    #[arg(long, requires = "reviewed")]
    newest: bool,
    /// With a saved plan: how old it may be, such as 7d or 12h
    ///
    /// The default is 7 days.
    #[arg(long, value_name = "TIME", value_parser = options::length)]
    max_plan_age: Option<SignedDuration>,
    #[command(flatten)]
    options: PlanOptions,
    /// The output format
    #[arg(long, value_enum, default_value = "text")]
    format: ReportFormat,
    #[command(flatten)]
    grouping: Grouping,
    /// Applies without asking
    #[arg(long)]
    auto_approve: bool,
    /// What the run comes from, for the journal and the report: the key is commit, pull_request, run_url, actor, approver, or one
    /// of your own; can be repeated. Replaces what the environment of a pipeline of GitHub or GitLab says; an empty value
    /// removes it
    #[arg(long, value_name = "KEY=VALUE")]
    origin: Vec<OriginEntry>,
    /// How long requests in flight may take to finish after an interrupt, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    grace: u32,
    /// Refuses if another apply for the business runs on this machine, instead of waiting for it
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    waivers: Waivers,
    #[command(flatten)]
    pub(super) connection: Connection,
}

impl Args {
    /// Returns the files that are read.
    fn inputs(&self) -> impl Iterator<Item = &PathBuf> {
        let manifests = self.paths.iter().chain(&self.manifest).chain(&self.options.previous);
        manifests.chain(self.connection.secret_files())
    }
}

pub(crate) async fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    let printer = EventPrinter::new(terminal);
    let events = &|event: engine::Event<'_>| printer.print(event);
    // Nothing is written before approval, so a signal ends the program at once.
    check_usage(args)?;
    let state = args.connection.required_state()?;
    let prepared = signals.unless(Box::pin(prepare(args, state.clone(), events, terminal))).await;
    if let Ok(Ok(Prepared::Approved(ready))) = prepared {
        return ready.apply(args, events, &mut signals, terminal).await;
    }
    // A shared state needs a request for that.
    let _ = signals.unless(state.release_dropped()).await;
    match prepared {
        Ok(ended) => ended.map(Prepared::exit),
        Err(place) => {
            terminal.say(&place);
            Ok(Exit::Interrupted)
        }
    }
}

/// What is applied.
enum Input {
    Manifests(Box<CheckedManifests>),
    /// A saved plan, and the manifests that it must agree with, if there are any.
    Saved(Box<Proposal>, Option<Box<CheckedManifests>>),
}

impl Input {
    fn business(&self) -> BusinessId {
        match self {
            Self::Manifests(checked) => checked.business(),
            Self::Saved(saved, _) => saved.plan.business,
        }
    }
}

/// The end of the run, or a plan that is ready to be applied.
enum Prepared {
    Ended(Exit),
    Approved(Box<Ready>),
}

impl Prepared {
    fn exit(self) -> Exit {
        match self {
            Self::Ended(exit) => exit,
            Self::Approved(_) => Exit::Done,
        }
    }
}

/// An approved plan with everything that applying it needs.
struct Ready {
    approved: ApprovedPlan,
    directory: Directory,
    connected: Connected,
    lease: Lease,
    origin: Origin,
}

/// Takes the lock, plans, shows the plan and asks.
async fn prepare(
    args: &Args,
    state: StateStore,
    events: Events<'_>,
    terminal: &Terminal,
) -> Result<Prepared, Failure> {
    let origin = repository::origin(&args.origin)?;
    let prepared = CheckedConnection::new(&args.connection)?;
    let input = read_input(args, &state, events).await?;
    let asks = matches!(input, Input::Manifests(_)) && !args.auto_approve;
    let business = input.business();
    let taking = Doing::start("waiting for another apply");
    let lease = Lease::take(&state, business, !args.no_wait, &super::state::clock(), events).await?;
    drop(taking);
    let connected = prepared.connect(Some(business), events).await?;
    let prepared = match propose(args, state, input, &connected, events).await {
        Err(error) => Err(error.into()),
        Ok((proposal, directory)) => match approve(args, asks, &lease, proposal, terminal).await {
            Err(failure) => Err(failure),
            Ok(Err(exit)) => Ok(Err(exit)),
            Ok(Ok(approved)) => Ok(Ok((approved, directory))),
        },
    };
    match prepared {
        Ok(Ok((approved, directory))) => {
            Ok(Prepared::Approved(Box::new(Ready { approved, directory, connected, lease, origin })))
        }
        ended @ (Err(_) | Ok(Err(_))) => {
            connected.end(terminal).await;
            ended.map(|exit| Prepared::Ended(exit.err().unwrap_or(Exit::Done)))
        }
    }
}

/// Reads what is to be applied, and refuses what cannot be.
async fn read_input(args: &Args, state: &StateStore, events: Events<'_>) -> Result<Input, Failure> {
    let request =
        || PlanRequest { needs_state: true, ..args.options.request(Some(state.clone()), &args.waivers) };
    let (saved, manifests) = match (saved_plan(&args.paths), &args.reviewed) {
        (Some(file), _) => (engine::load_saved(file, events)?, &args.manifest),
        (None, Some(name)) => {
            let business = engine::check_paths(&args.paths, request(), events)?.business();
            let saved = engine::reviewed_plan(state, business, name, args.newest, events).await?;
            (saved, &args.paths)
        }
        (None, None) => {
            let checked = engine::check_paths(&args.paths, request(), events)?;
            return Ok(Input::Manifests(Box::new(checked)));
        }
    };
    check_selection(&args.options.selection(), &saved.plan.selection)?;
    let maximum = args.max_plan_age.unwrap_or(MAX_PLAN_AGE);
    AgeLimit { maximum, now: Timestamp::now() }.check(&saved)?;
    engine::check_time(&saved, args.options.time.or_now())?;
    if manifests.is_empty() {
        return Ok(Input::Saved(Box::new(saved), None));
    }
    let request = request();
    let no_new_access = request.no_new_access || saved.policy.no_new_access;
    let request = PlanRequest { selection: saved.plan.selection.clone(), no_new_access, ..request };
    // Those of a reviewed plan were checked above, with all warnings.
    let events: Events<'_> = if args.reviewed.is_some() { &|_| () } else { events };
    let checked = engine::check_paths(manifests, request, events)?;
    let (plan, manifests) = (saved.plan.business, checked.business());
    if plan != manifests {
        return Err(EngineError::OtherBusiness { plan, manifests }.into());
    }
    Ok(Input::Saved(Box::new(saved), Some(Box::new(checked))))
}

/// Refuses options that the mode does not honour, before anything is read.
fn check_usage(args: &Args) -> Result<(), Failure> {
    let usage = |message: &str| Failure::plain(Exit::Usage, message);
    args.grouping.checked(args.format.into())?;
    if options::check_stdin(args.inputs())? && !args.auto_approve {
        return Err(usage("apply cannot ask, because standard input is a file that it reads")
            .hint("give --auto-approve to apply without being asked"));
    }
    if let Some(option) = args.options.time.option().filter(|_| !args.connection.is_emulated()) {
        return Err(usage(&format!("{option} cannot be used to apply")).hint(
            "it is for plans, and for trying things out with --emulate or an emulator on this machine",
        ));
    }
    match (saved_plan(&args.paths), &args.reviewed) {
        (None, None) => check_options_of_manifests(args),
        (None, Some(_)) => check_options_of_reviewed_plan(args),
        (Some(_), None) => check_options_of_saved_plan(args),
        (Some(_), Some(_)) => Err(usage("--reviewed cannot be used with a file of a saved plan")
            .hint("name the manifests: they are planned again, and must agree with the reviewed plan")),
    }
}

fn check_options_of_reviewed_plan(args: &Args) -> Result<(), Failure> {
    let usage = |message: &str| Failure::plain(Exit::Usage, message);
    if !args.manifest.is_empty() {
        return Err(usage("--manifest cannot be used with --reviewed").hint("name the manifests without it"));
    }
    if !args.connection.required_state()?.is_shared() {
        return Err(usage("--reviewed needs a state that machines share").hint(
            "name one with --state s3://bucket/prefix, or apply a file that `wabacl plan --out` saved",
        ));
    }
    Ok(())
}

fn check_options_of_manifests(args: &Args) -> Result<(), Failure> {
    let usage = |message: &str| Failure::plain(Exit::Usage, message);
    let needs_plan = "name one saved plan to apply";
    if !args.manifest.is_empty() {
        return Err(usage("--manifest needs a saved plan").hint(needs_plan));
    }
    if args.max_plan_age.is_some() {
        return Err(usage("--max-plan-age needs a saved plan").hint(needs_plan));
    }
    if args.format == ReportFormat::Json && !args.auto_approve {
        return Err(usage("--format json cannot ask").hint("give --auto-approve to apply without asking"));
    }
    Ok(())
}

fn check_options_of_saved_plan(args: &Args) -> Result<(), Failure> {
    if args.manifest.is_empty() && !args.options.previous.is_empty() {
        return Err(Failure::plain(Exit::Usage, "--previous cannot be used with a saved plan")
            .hint("a saved plan is applied as it is; with --manifest, it is planned again"));
    }
    Ok(())
}

/// Refuses a selection that is not the one that a saved plan was made for.
fn check_selection(given: &Selection, saved: &Selection) -> Result<(), Failure> {
    let sets = |selection: &Selection| -> (BTreeSet<Glob>, BTreeSet<Name>, bool) {
        let Selection { wabas, users, only_expired, .. } = selection;
        (wabas.iter().cloned().collect(), users.iter().cloned().collect(), *only_expired)
    };
    if !given.is_narrowed() || sets(given) == sets(saved) {
        return Ok(());
    }
    let option = match (given.wabas.is_empty(), given.users.is_empty()) {
        (false, _) => "--waba",
        (true, false) => "--user",
        (true, true) => "--only",
    };
    let message = format!("{option} cannot be used with a saved plan that was made for something else");
    Err(Failure::plain(Exit::Usage, message)
        .hint("leave out --waba, --user and --only: a saved plan is applied as narrow as it was made"))
}

/// Returns the saved plan, if the paths name one: a single file that is a plan by its content or its name.
fn saved_plan(paths: &[PathBuf]) -> Option<&Path> {
    match paths {
        [only] if only.extension().is_some_and(|end| end == "json") || saved::is_plan(only) => Some(only),
        _ => None,
    }
}

async fn propose(
    args: &Args,
    state: StateStore,
    input: Input,
    connected: &Connected,
    events: Events<'_>,
) -> Result<(Proposal, Directory), EngineError> {
    let session = &connected.session;
    match input {
        Input::Manifests(checked) => session.propose(*checked, events).await,
        Input::Saved(saved, None) => {
            let request = args.options.request(Some(state), &args.waivers);
            session.recheck(*saved, &request, events).await
        }
        Input::Saved(saved, Some(checked)) => {
            session.check_live_source(&saved)?;
            let (proposal, directory) = match &saved.plan.undo {
                Some(undo) => {
                    let run = RunChoice::Id(undo.run.clone());
                    let found = engine::find_run(&state, Some(saved.plan.business), &run).await?;
                    session.propose_undo(found, UndoGuards::Manifests(checked), events).await?
                }
                None => session.propose(*checked, events).await?,
            };
            engine::check_agreement(&saved.plan, &proposal.plan, events)?;
            Ok((proposal, directory))
        }
    }
}

/// Shows the plan and asks. Returns the exit code if there is nothing to apply or to settle, or it is not approved.
async fn approve(
    args: &Args,
    asks: bool,
    lease: &Lease,
    proposal: Proposal,
    terminal: &Terminal,
) -> Result<Result<ApprovedPlan, Exit>, Failure> {
    // A waiver must still be in force now, also for a plan that was saved earlier.
    let now = args.options.time.or_now();
    let review = guard::review(proposal, &args.waivers.waive, now);
    waivers::check(&review, terminal)?;
    show(&review, args, terminal)?;
    let exit = plan::exit(review.plan(), Some(&review), false);
    let Ok(approved) = review.approve() else { return Ok(Err(exit)) };
    if approved.plan().changes.is_empty() {
        if lease.has_unsettled_writes() {
            return Ok(Ok(approved));
        }
        lease.remember(approved.proposal(), &Clock::real()).await?;
        report(&Report::default(), &approved, args.format, terminal)?;
        return Ok(Err(exit));
    }
    let _asking = Doing::start("waiting for your answer");
    if asks && !terminal.approves("Apply these changes?").await? {
        terminal.say("Not approved: nothing was written.");
        return Ok(Err(Exit::Refused));
    }
    Ok(Ok(approved))
}

/// Shows a plan before it is applied. In JSON, stdout is for the report, so only a refused plan is shown, on stderr.
fn show(review: &Review, args: &Args, terminal: &Terminal) -> Result<(), Failure> {
    let group_by = args.grouping.checked(args.format.into())?;
    match args.format {
        ReportFormat::Text => plan::show(review, Format::Text, group_by, terminal)?,
        ReportFormat::Json if review.violations().is_empty() => {}
        ReportFormat::Json => terminal.talk(|style| render::text::plan(&View::of_plan(review), style)),
    }
    Ok(())
}

impl Ready {
    async fn apply(
        self,
        args: &Args,
        events: Events<'_>,
        signals: &mut Signals,
        terminal: &Terminal,
    ) -> Result<Exit, Failure> {
        let Self { approved, directory, connected, lease, origin } = self;
        let options = ApplyOptions {
            waivers: args.waivers.waive.iter().map(ToString::to_string).collect(),
            origin,
            wabas_in_progress: match args.connection.read_strategy {
                Strategy::Direct => usize::from(args.connection.concurrency),
                Strategy::Auto | Strategy::Nested | Strategy::Batch => WABAS_IN_PROGRESS,
            },
        };
        let grace = Duration::from_secs(u64::from(args.grace));
        let shutdown = Shutdown::new(Clock::real(), grace);
        watchdog::applies(&shutdown, grace);
        let applying = connected.session.apply(&approved, &directory, lease, &options, &shutdown, events);
        let say = || terminal.say(&interrupt::waiting(&shutdown.in_flight(), approved.plan(), grace));
        let Applied { report, ending, cost, journal_error } = match signals
            .shut_down(applying, &shutdown, say)
            .await
        {
            Ok(applied) => applied?,
            Err(exit) => {
                terminal.say(if shutdown.wrote() {
                    "Ended at once: the outcome of requests in flight is unknown. Plan again to see what is live."
                } else {
                    "Ended at once: nothing was written."
                });
                return Ok(exit);
            }
        };
        let after_writes = |failure: Failure| {
            if shutdown.wrote() { Failure { exit: Exit::Partial, ..failure } } else { failure }
        };
        if ending == Ending::Interrupted && report.changes.is_empty() {
            terminal.say("Interrupted before the first change: nothing was written.");
        } else {
            self::report(&report, &approved, args.format, terminal).map_err(after_writes)?;
        }
        print_cost(&cost, terminal);
        connected.share_calls().await;
        // The report is printed already; only its last line in the journal is missing.
        match journal_error {
            None => Ok(exit(ending)),
            Some(error) => {
                let doing = "recording the end of the run in the journal";
                Err(after_writes(Failure::journal(doing, &error)))
            }
        }
    }
}

/// Prints a report. As text, a plan without changes has none.
fn report(
    report: &Report,
    approved: &ApprovedPlan,
    format: ReportFormat,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let (proposal, findings) = (approved.proposal(), Findings::of_review(approved.review()));
    match format {
        ReportFormat::Text if approved.plan().changes.is_empty() => Ok(()),
        ReportFormat::Text => {
            terminal.product(&render::text::report(report, approved.plan(), &terminal.style()))
        }
        ReportFormat::Json => terminal.written(|to| documents::report(report, proposal, findings, to)),
    }
}

fn exit(ending: Ending) -> Exit {
    match ending {
        Ending::Done => Exit::Done,
        Ending::Partial => Exit::Partial,
        Ending::Interrupted => Exit::Interrupted,
        Ending::Throttled => Exit::Throttled,
        Ending::Failed => Exit::Failed,
    }
}
