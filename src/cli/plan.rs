//! `wabacl plan`.

use super::exit::Exit;
use super::failure::Failure;
use super::live::Live;
use super::options::{Connection, Format, ManifestPaths, PlanOptions, Waivers};
use super::pipeline::{self, Planned};
use super::terminal::{self, Terminal};
use crate::guard::{self, Judgement};
use crate::planfile;
use crate::render::json::JsonHeader;
use crate::render::{self, PlanView, Purpose};
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
    show(&planned, &judgement, Purpose::Plan, args.format, terminal)?;
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
    purpose: Purpose,
    format: Format,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let view = planned.view(judgement, purpose);
    terminal.product(&shown(&view, &planned.header(), format, terminal)?)
}

/// Shows a plan.
pub(crate) fn shown(
    view: &PlanView<'_>,
    header: &JsonHeader<'_>,
    format: Format,
    terminal: &Terminal,
) -> Result<String, Failure> {
    let mut text = Vec::new();
    let written = match format {
        Format::Text => return Ok(render::text::plan(view, &terminal.style())),
        Format::Diff => return Ok(render::diff::plan(view, &terminal.style())),
        Format::Markdown => return Ok(render::markdown::plan(view)),
        Format::Github => return Ok(render::github::plan(view, &terminal::top())),
        Format::Json => render::json::plan(view, header, &mut text),
        Format::Html => render::html::plan(view, header, &mut text),
    };
    let failed = |error| Failure::failed("writing the output", error);
    written.map_err(failed)?;
    String::from_utf8(text).map_err(|error| Failure::failed("writing the output", error))
}

/// Gives the exit code of a plan that nobody applies.
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
