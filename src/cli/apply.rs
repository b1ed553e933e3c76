//! `wabacl apply`.

use super::exit::Exit;
use super::failure::Failure;
use super::interrupt::{self, Signals};
use super::live::Live;
use super::options::{self, Connection, Format, PlanOptions, ReportFormat, Strategy, Waivers};
use super::pipeline::{self, Checked, Planned};
use super::plan;
use super::saved;
use super::terminal::Terminal;
use crate::apply::{AHEAD, Stop, StopReason, Tools};
use crate::clock::Clock;
use crate::guard::{self, ApprovedPlan};
use crate::model::{BusinessId, Directory, Plan, Report};
use crate::proposal::Proposal;
use crate::render::{self, View};
use crate::store::{self, Attempt, Journal, JournalError, Keep, Lock};
use jiff::SignedDuration;
use std::path::PathBuf;
use std::time::Duration;

/// Plans, shows, asks, and makes only the assignments that differ
///
/// Given one JSON file instead of manifests, it applies that saved plan, exactly and without asking.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Manifest files, or folders with *.yaml and *.yml files below them; or one *.json file, a saved plan
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// With a saved plan: plans again from these manifests and goes by their guards; both plans must agree
    #[arg(long, value_name = "PATH", num_args = 1..)]
    manifest: Vec<PathBuf>,
    /// With a saved plan: how old it may be, such as 7d or 12h
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = options::length)]
    max_plan_age: SignedDuration,
    #[command(flatten)]
    options: PlanOptions,
    /// What to print
    #[arg(long, value_enum, default_value = "text")]
    format: ReportFormat,
    /// Applies without being asked
    #[arg(long)]
    auto_approve: bool,
    /// How long what is in flight may take to finish after an interrupt, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    grace: u32,
    /// Refuses where another apply for the business runs on this machine, instead of waiting for it
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    waivers: Waivers,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    let prepared = async {
        let basis = basis(args, terminal)?;
        let lock = lock(args, basis.business(), terminal).await?;
        let live = Live::connect(&args.connection, Some(basis.business()), terminal).await?;
        let ready = prepare(args, basis, &live, terminal).await;
        if !matches!(ready, Ok(Ready::Go(..))) {
            live.end(None, terminal);
        }
        Ok::<_, Failure>((ready?, live, lock))
    };
    // Nothing is written up to here: a signal ends the program at once.
    let Some(prepared) = signals.unless(prepared).await else { return Ok(Exit::Interrupted) };
    match prepared? {
        (Ready::Ended(exit), ..) => Ok(exit),
        (Ready::Go(approved, directory), live, lock) => {
            write(args, &approved, &directory, &live, lock, &mut signals, terminal).await
        }
    }
}

/// What an apply goes by.
enum Basis {
    Manifests(Box<Checked>),
    /// A saved plan, and manifests that it has to agree with where some were named.
    Saved(Box<Proposal>, Option<Box<Checked>>),
}

impl Basis {
    fn business(&self) -> BusinessId {
        match self {
            Self::Manifests(checked) => checked.business(),
            Self::Saved(saved, _) => saved.plan.business,
        }
    }
}

/// Reads what there is to read on this machine, and refuses what cannot be applied.
fn basis(args: &Args, terminal: &Terminal) -> Result<Basis, Failure> {
    let usage = |message: &str| Failure::plain(Exit::Usage, message);
    let Some(file) = saved::is_one(&args.paths) else {
        if !args.manifest.is_empty() {
            return Err(usage("--manifest goes with a saved plan").hint("name one *.json file to apply"));
        }
        if args.format == ReportFormat::Json && !args.auto_approve {
            return Err(
                usage("--format json asks nobody").hint("give --auto-approve to apply without being asked")
            );
        }
        let checked = pipeline::check(&args.paths, &args.options, terminal)?;
        return Ok(Basis::Manifests(Box::new(checked)));
    };
    let saved = saved::load(file)?;
    saved::check_age(&saved, args.max_plan_age)?;
    if args.manifest.is_empty() {
        return Ok(Basis::Saved(Box::new(saved), None));
    }
    let checked = pipeline::check(&args.manifest, &args.options, terminal)?;
    let (planned, asked) = (saved.plan.business, checked.business());
    if planned != asked {
        let message = format!("the plan is for the business {planned}, and the manifests are for {asked}");
        return Err(Failure::plain(Exit::Refused, message).hint("make the plan anew"));
    }
    Ok(Basis::Saved(Box::new(saved), Some(Box::new(checked))))
}

/// Makes sure that no other apply for the business runs on this machine: waits for it, or refuses.
async fn lock(args: &Args, business: BusinessId, terminal: &Terminal) -> Result<Lock, Failure> {
    let state_dir = args.connection.state_dir()?;
    let failed = |error: JournalError| Failure::journal("making sure that no other apply runs", &error);
    match Lock::try_take(&state_dir, business).map_err(failed)? {
        Attempt::Taken(lock) => Ok(lock),
        Attempt::Held(holder) if args.no_wait => Err(Failure::plain(
            Exit::Refused,
            format!("another apply for the business {business} runs: {holder}"),
        )
        .hint("leave out --no-wait to wait until it has ended")),
        Attempt::Held(holder) => {
            terminal.say(&format!("Waiting for another apply for the business {business}: {holder}"));
            Lock::wait(&state_dir, business, &Clock::real()).await.map_err(failed)
        }
    }
}

/// Plans and asks. A run that crashed is settled even where nothing is left to do.
async fn prepare(args: &Args, basis: Basis, live: &Live, terminal: &Terminal) -> Result<Ready, Failure> {
    let journal = store::path(&args.connection.state_dir()?, basis.business());
    let asks = matches!(basis, Basis::Manifests(_)) && !args.auto_approve;
    let planned = match basis {
        Basis::Manifests(checked) => pipeline::plan(*checked, &args.options, live, terminal).await?,
        Basis::Saved(saved, None) => {
            saved::refresh(*saved, pipeline::day(args.options.today), live, terminal).await?
        }
        Basis::Saved(saved, Some(checked)) => {
            let planned = pipeline::plan(*checked, &args.options, live, terminal).await?;
            saved::agree(&saved.plan, &planned.proposal.plan, terminal)?;
            planned
        }
    };
    let earlier = store::read(&journal, Keep::InFlight)
        .map_err(|error| Failure::journal("reading the journal", &error))?;
    let settles = earlier.in_flight().next().is_some();
    approve(args, asks, settles, planned, terminal).await
}

/// Whether there is something to write.
enum Ready {
    Ended(Exit),
    Go(Box<ApprovedPlan>, Box<Directory>),
}

/// Shows the plan, lets the guards judge it, and asks.
async fn approve(
    args: &Args,
    asks: bool,
    settles: bool,
    planned: Planned,
    terminal: &Terminal,
) -> Result<Ready, Failure> {
    let review = guard::review(planned.proposal, &args.waivers.waive);
    terminal.talk(|style| render::text::unused_waivers(review.unused_waivers(), style));
    let json = args.format == ReportFormat::Json;
    if !json {
        plan::show(&review, Format::Text, terminal)?;
    } else if !review.violations().is_empty() {
        terminal.talk(|style| render::text::plan(&View::of_plan(&review), style));
    }
    let exit = plan::exit(review.plan(), review.violations(), false);
    let Ok(approved) = review.approve() else { return Ok(Ready::Ended(exit)) };
    if approved.plan().changes.is_empty() {
        if json {
            report(&Report::default(), &approved, args.format, terminal)?;
        }
        let go = || Ready::Go(Box::new(approved), Box::new(planned.directory));
        return Ok(if settles { go() } else { Ready::Ended(exit) });
    }
    if asks && !terminal.approves("Apply these changes?").await? {
        terminal.say("Not approved: nothing was written.");
        return Ok(Ready::Ended(Exit::Refused));
    }
    Ok(Ready::Go(Box::new(approved), Box::new(planned.directory)))
}

async fn write(
    args: &Args,
    approved: &ApprovedPlan,
    directory: &Directory,
    live: &Live,
    lock: Lock,
    signals: &mut Signals,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let writer = live.writer()?;
    let waivers: Vec<String> = args.waivers.waive.iter().map(ToString::to_string).collect();
    let unwritable =
        |error: &JournalError| Failure::journal("keeping the journal, so nothing was written", error);
    let clock = Clock::real();
    let opened = Journal::open(lock, approved.proposal(), &waivers, &clock).await;
    let (journal, earlier) = opened.map_err(|error| unwritable(&error))?;
    let stop = Stop::new(Duration::from_secs(u64::from(args.grace)));
    let wabas = match args.connection.read_strategy {
        Strategy::Direct => usize::from(args.connection.concurrency),
        Strategy::Auto | Strategy::Nested | Strategy::Batch => AHEAD,
    };
    let tools =
        Tools { reader: &live.reader, writer: &writer, journal: &journal, directory, stop: &stop, wabas };
    let settled = crate::apply::settle_earlier(&earlier, &approved.plan().implied, tools);
    let Some(settled) = signals.unless(settled).await else { return Ok(Exit::Interrupted) };
    let settled = settled.map_err(|error| unwritable(&error))?;
    terminal.talk(|style| render::text::settled(&settled, style));
    if approved.plan().changes.is_empty() {
        live.end(None, terminal);
        let nothing = Report::default();
        journal.end(&nothing).await.map_err(|error| Failure::journal("ending the journal", &error))?;
        return Ok(plan::exit(approved.plan(), &[], false));
    }
    let bar = terminal.progress("applying", approved.plan().changes.len());
    let done = |changes: usize| bar.inc(changes as u64);
    let report = signals.stop(crate::apply::apply(approved, tools, &done), &stop).await;
    bar.finish_and_clear();
    let report = match report {
        Ok(report) => report,
        Err(exit) => {
            terminal.say("Ended at once: what was in flight is unknown. Plan again to see what is live.");
            return Ok(exit);
        }
    };
    let ended = journal.end(&report).await;
    self::report(&report, approved, args.format, terminal)?;
    live.end(Some(&writer), terminal);
    // By now the report is told: what is missing is its last line in the journal.
    ended.map_err(|error| Failure::journal("ending the journal", &error))?;
    Ok(exit(&report, approved.plan(), &stop))
}

fn report(
    report: &Report,
    approved: &ApprovedPlan,
    format: ReportFormat,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let view = View::of_plan(approved.review());
    match format {
        ReportFormat::Text => {
            terminal.product(&render::text::report(report, approved.plan(), &terminal.style()))
        }
        ReportFormat::Json => terminal.written(|to| render::json::report(report, &view, to)),
    }
}

/// Returns the exit code of an apply that came to its report.
pub fn exit(report: &Report, plan: &Plan, stop: &Stop) -> Exit {
    let all_done = report.changes.iter().all(|reported| reported.outcome.is_done());
    match stop.reason() {
        Some(StopReason::Fatal(_)) => Exit::Failed,
        Some(StopReason::OutOfTime(_)) if !stop.wrote() => Exit::Failed,
        Some(StopReason::Later(_)) if !stop.wrote() => Exit::Later,
        Some(StopReason::Interrupted) if !all_done => interrupt::after(stop),
        Some(StopReason::Interrupted) | None if all_done && plan.unreadable.is_empty() => Exit::Done,
        Some(StopReason::Interrupted | StopReason::Later(_) | StopReason::OutOfTime(_)) | None => {
            Exit::Partial
        }
    }
}
