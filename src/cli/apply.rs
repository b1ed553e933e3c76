//! `wabacl apply`.

use super::exit::Exit;
use super::failure::Failure;
use super::interrupt::{self, Signals};
use super::live::Live;
use super::options::{Connection, Format, ManifestPaths, PlanOptions, Waivers};
use super::pipeline::{self, Planned};
use super::plan;
use super::terminal::Terminal;
use crate::apply::{Stop, StopReason, Tools};
use crate::guard::{self, ApprovedPlan, Judgement};
use crate::model::{Plan, Report};
use crate::render::{self, Purpose};
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
    #[command(flatten)]
    waivers: Waivers,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    let prepared = async {
        let connect = async || Live::connect(&args.connection, terminal).await;
        let planned = pipeline::plan(&args.paths, &args.options, connect, terminal).await?;
        let ready = approve(args, planned.0, terminal).await?;
        Ok::<_, Failure>((ready, planned.1))
    };
    // Nothing is written up to here: a signal ends the program at once.
    let Some(prepared) = signals.unless(prepared).await else { return Ok(Exit::Interrupted) };
    match prepared? {
        (Ready::Ended(exit), live) => {
            live.log_requests(0);
            Ok(exit)
        }
        (Ready::Go(approved, planned), live) => {
            write(args, &approved, &planned, &live, &mut signals, terminal).await
        }
    }
}

/// Whether there is something to write.
enum Ready {
    Ended(Exit),
    Go(Box<ApprovedPlan>, Box<Planned>),
}

/// Shows the plan, lets the guards judge it, and asks.
async fn approve(args: &Args, planned: Planned, terminal: &Terminal) -> Result<Ready, Failure> {
    let judgement = guard::judge(&planned.plan, &planned.policy, &args.waivers.waive);
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
        return Ok(Ready::Ended(exit));
    }
    let asked = args.auto_approve || terminal.approves("Apply these changes?").await?;
    if !asked {
        terminal.say("Not approved: nothing was written.");
        return Ok(Ready::Ended(Exit::Refused));
    }
    Ok(Ready::Go(Box::new(approved), Box::new(planned)))
}

async fn write(
    args: &Args,
    approved: &ApprovedPlan,
    planned: &Planned,
    live: &Live,
    signals: &mut Signals,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let writer = live.writer()?;
    let stop = Stop::new(Duration::from_secs(u64::from(args.grace)));
    let tools = Tools {
        reader: &live.reader,
        writer: &writer,
        directory: &planned.directory,
        stop: &stop,
        concurrency: usize::from(args.connection.concurrency),
    };
    let bar = terminal.progress("applying", approved.plan().changes.len());
    let settled = |changes: usize| bar.inc(changes as u64);
    let report = signals.stop(crate::apply::apply(approved, tools, &settled), &stop).await;
    bar.finish_and_clear();
    live.log_requests(writer.calls());
    let report = match report {
        Ok(report) => report,
        Err(exit) => {
            terminal.say("Ended at once: what was in flight is unknown. Plan again to see what is live.");
            return Ok(exit);
        }
    };
    let judgement = guard::judge(&planned.plan, &planned.policy, &args.waivers.waive);
    self::report(&report, planned, &judgement, args.options.format, terminal)?;
    Ok(exit(&report, approved.plan(), &stop))
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

fn exit(report: &Report, plan: &Plan, stop: &Stop) -> Exit {
    let all_done = report.changes.iter().all(|reported| reported.outcome.is_done());
    match stop.reason() {
        Some(StopReason::Fatal(_)) => Exit::Failed,
        Some(StopReason::Interrupted) if !all_done => interrupt::after(stop),
        Some(StopReason::Interrupted) | None if all_done && plan.unreadable.is_empty() => Exit::Done,
        Some(StopReason::Interrupted) | None => Exit::Partial,
    }
}
