//! `wabacl plan`.

use super::exit::Exit;
use super::failure::Failure;
use super::live::Live;
use super::options::{Connection, Format, ManifestPaths, PlanOptions, Waivers};
use super::pipeline::{self, Planned};
use super::terminal::{self, Terminal};
use crate::guard::{self, Judgement};
use crate::planfile;
use crate::render::{self, Purpose};
use std::path::PathBuf;

/// Shows what apply would do, and writes nothing
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    paths: ManifestPaths,
    #[command(flatten)]
    options: PlanOptions,
    /// What to print
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Saves the plan in this file, for `wabacl show` and `wabacl apply`; also one that a guard refuses
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Exits with 2 where there are changes (kubectl and diff use 1 for that)
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    waivers: Waivers,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let checked = pipeline::check(&args.paths.paths, &args.options, terminal)?;
    let live = Live::connect(&args.connection, Some(checked.business()), terminal).await?;
    let planned = pipeline::plan(checked, &args.options, &live, terminal).await;
    live.end(None, terminal);
    let planned = planned?;
    let judgement = guard::judge(&planned.plan, &planned.policy, &args.waivers.waive);
    terminal.talk(|style| render::text::idle_waivers(&judgement.idle, style));
    show(&planned, &judgement, args.format, terminal)?;
    if let Some(file) = &args.out {
        planfile::save(&planned.to_save(), file)
            .map_err(|error| Failure::failed("saving the plan", &error).hint(error.hint()))?;
        terminal.say(&format!("The plan is saved as {}.", file.display()));
    }
    Ok(exit(&planned, &judgement, args.detailed_exitcode))
}

/// Prints a plan.
pub(crate) fn show(
    planned: &Planned,
    judgement: &Judgement,
    format: Format,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let view = planned.view(judgement, Purpose::Plan);
    match format {
        Format::Text => terminal.product(&render::text::plan(&view, &terminal.style())),
        Format::Json => terminal.written(|to| render::json::plan(&view, &planned.header(), to)),
        Format::Diff => terminal.product(&render::diff::plan(&view, &terminal.style())),
        Format::Html => terminal.written(|to| render::html::plan(&view, &planned.header(), to)),
        Format::Markdown => terminal.product(&render::markdown::plan(&view)),
        Format::Github => terminal.product(&render::github::plan(&view, &terminal::top())),
    }
}

/// Returns the exit code of a plan that nobody applies.
pub(crate) fn exit(planned: &Planned, judgement: &Judgement, tell_changes: bool) -> Exit {
    if !judgement.violations.is_empty() {
        Exit::Refused
    } else if !planned.plan.unreadable.is_empty() {
        Exit::Partial
    } else if tell_changes && !planned.plan.changes.is_empty() {
        Exit::Changes
    } else {
        Exit::Done
    }
}
