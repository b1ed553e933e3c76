//! `wabacl apply`.

use super::exit::Exit;
use super::failure::Failure;
use super::interrupt::{self, Signals};
use super::live::Live;
use super::options::{Connection, Format, ManifestPaths, PlanOptions, Strategy, Waivers};
use super::pipeline::{self, Checked, Planned};
use super::plan;
use super::terminal::Terminal;
use crate::apply::{AHEAD, Stop, StopReason, Tools};
use crate::digest::plan_digest;
use crate::guard::{self, ApprovedPlan, Judgement};
use crate::journal::{self, Attempt, Journal, JournalError, Keep, Lock, Start};
use crate::model::{BusinessId, History, Plan, Report};
use crate::render::{self, Purpose};
use crate::time::Time;
use std::time::Duration;

/// Plans, shows, asks, and makes only the assignments that differ
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    paths: ManifestPaths,
    #[command(flatten)]
    options: PlanOptions,
    /// Applies without being asked
    #[arg(long, required_if_eq("format", "json"))]
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
        let checked = pipeline::check(&args.paths, &args.options, terminal)?;
        let lock = lock(args, checked.business(), terminal).await?;
        let live = Live::connect(&args.connection, Some(checked.business()), terminal).await?;
        let ready = prepare(args, checked, &live, terminal).await;
        if !matches!(ready, Ok(Ready::Go(..))) {
            live.end(None, terminal);
        }
        Ok::<_, Failure>((ready?, live, lock))
    };
    // Nothing is written up to here: a signal ends the program at once.
    let Some(prepared) = signals.unless(prepared).await else { return Ok(Exit::Interrupted) };
    match prepared? {
        (Ready::Ended(exit), ..) => Ok(exit),
        (Ready::Go(approved, planned), live, lock) => {
            let approved = approved.as_deref();
            write(args, approved, &planned, &live, lock, &mut signals, terminal).await
        }
    }
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
            Lock::wait(&state_dir, business, &Time::real()).await.map_err(failed)
        }
    }
}

/// Plans and asks. A run that crashed is settled even where nothing is left to do.
async fn prepare(args: &Args, checked: Checked, live: &Live, terminal: &Terminal) -> Result<Ready, Failure> {
    let journal = journal::path(&args.connection.state_dir()?, checked.business());
    let planned = pipeline::plan(checked, &args.options, live, terminal).await?;
    let earlier = journal::read(&journal, Keep::InFlight)
        .map_err(|error| Failure::journal("reading the journal", &error))?;
    match approve(args, planned, terminal).await? {
        Ready::Go(None, planned) if earlier.in_flight().next().is_none() => {
            Ok(Ready::Ended(plan::exit(&planned, &Judgement::default(), false)))
        }
        ready @ (Ready::Ended(_) | Ready::Go(..)) => Ok(ready),
    }
}

/// Whether there is something to write.
enum Ready {
    Ended(Exit),
    /// What to write, where there is any; else only what an earlier run left in flight is settled.
    Go(Option<Box<ApprovedPlan>>, Box<Planned>),
}

/// Shows the plan, lets the guards judge it, and asks.
async fn approve(args: &Args, planned: Planned, terminal: &Terminal) -> Result<Ready, Failure> {
    let judgement = guard::judge(&planned.plan, &planned.policy, &args.waivers.waive);
    terminal.talk(|style| render::text::idle_waivers(&judgement.idle, style));
    let json = args.options.format == Format::Json;
    if !json {
        plan::show(&planned, &judgement, Purpose::Plan, Format::Text, terminal)?;
    } else if !judgement.violations.is_empty() {
        terminal.talk(|style| render::text::plan(&planned.view(&judgement, Purpose::Plan), style));
    }
    let exit = plan::exit(&planned, &judgement, false);
    let Ok(approved) = guard::approve(planned.plan.clone(), &planned.policy, &args.waivers.waive) else {
        return Ok(Ready::Ended(exit));
    };
    if planned.plan.changes.is_empty() {
        if json {
            report(&Report::default(), &planned, &judgement, args.options.format, terminal)?;
        }
        return Ok(Ready::Go(None, Box::new(planned)));
    }
    let asked = args.auto_approve || terminal.approves("Apply these changes?").await?;
    if !asked {
        terminal.say("Not approved: nothing was written.");
        return Ok(Ready::Ended(Exit::Refused));
    }
    Ok(Ready::Go(Some(Box::new(approved)), Box::new(planned)))
}

async fn write(
    args: &Args,
    approved: Option<&ApprovedPlan>,
    planned: &Planned,
    live: &Live,
    lock: Lock,
    signals: &mut Signals,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let writer = live.writer()?;
    let waivers: Vec<String> = args.waivers.waive.iter().map(ToString::to_string).collect();
    let unwritable =
        |error: &JournalError| Failure::journal("keeping the journal, so nothing was written", error);
    let (journal, earlier) = open(planned, &waivers, lock).await.map_err(|error| unwritable(&error))?;
    let stop = Stop::new(Duration::from_secs(u64::from(args.grace)));
    let directory = &planned.directory;
    let wabas = match args.connection.read_strategy {
        Strategy::Direct => usize::from(args.connection.concurrency),
        Strategy::Auto | Strategy::Nested | Strategy::Batch => AHEAD,
    };
    let tools =
        Tools { reader: &live.reader, writer: &writer, journal: &journal, directory, stop: &stop, wabas };
    let settled = crate::apply::settle_earlier(&earlier, &planned.plan.implied, tools);
    let Some(settled) = signals.unless(settled).await else { return Ok(Exit::Interrupted) };
    let settled = settled.map_err(|error| unwritable(&error))?;
    terminal.talk(|style| render::text::settled(&settled, style));
    let Some(approved) = approved else {
        live.end(None, terminal);
        let nothing = Report::default();
        journal.end(&nothing).await.map_err(|error| Failure::journal("ending the journal", &error))?;
        return Ok(plan::exit(planned, &Judgement::default(), false));
    };
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
    let judgement = guard::judge(&planned.plan, &planned.policy, &args.waivers.waive);
    self::report(&report, planned, &judgement, args.options.format, terminal)?;
    live.end(Some(&writer), terminal);
    // By now the report is told: what is missing is its last line in the journal.
    ended.map_err(|error| Failure::journal("ending the journal", &error))?;
    Ok(exit(&report, approved.plan(), &stop))
}

/// Opens the journal, and says in it who applies what.
async fn open(planned: &Planned, waivers: &[String], lock: Lock) -> Result<(Journal, History), JournalError> {
    let time = Time::real();
    let start = Start {
        time: &time,
        acting_user: planned.plan.acting_user,
        acting_user_name: planned.acting_user_name(),
        plan_digest: &plan_digest(&planned.plan),
        manifest_digest: &planned.manifest_digest,
        waivers,
        sources: &planned.sources,
    };
    Journal::open(lock, &start).await
}

fn report(
    report: &Report,
    planned: &Planned,
    judgement: &Judgement,
    format: Format,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let view = planned.view(judgement, Purpose::Plan);
    match format {
        Format::Text => terminal.product(&render::text::report(report, view.plan, &terminal.style())),
        Format::Json => terminal.written(|to| render::json::report(report, &view, &planned.header(), to)),
    }
}

/// Gives the exit code of an apply that came to its report.
pub fn exit(report: &Report, plan: &Plan, stop: &Stop) -> Exit {
    let all_done = report.changes.iter().all(|reported| reported.outcome.is_done());
    match stop.reason() {
        Some(StopReason::Fatal(_)) => Exit::Failed,
        Some(StopReason::Later(_)) if !stop.wrote() => Exit::Later,
        Some(StopReason::Interrupted) if !all_done => interrupt::after(stop),
        Some(StopReason::Interrupted) | None if all_done && plan.unreadable.is_empty() => Exit::Done,
        Some(StopReason::Interrupted | StopReason::Later(_)) | None => Exit::Partial,
    }
}
