//! `wabacl plan`.

use super::exit::Exit;
use super::failure::Failure;
use super::live::Live;
use super::options::{Connection, Format, ManifestPaths, PlanOptions, Waivers};
use super::pipeline;
use super::terminal::{self, Terminal};
use crate::guard::{self, Review, Violation};
use crate::model::Plan;
use crate::planfile;
use crate::render::{self, View};
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
    let review = guard::review(planned.proposal, &args.waivers.waive);
    terminal.talk(|style| render::text::unused_waivers(review.unused_waivers(), style));
    show(&review, args.format, terminal)?;
    if let Some(file) = &args.out {
        planfile::save(review.proposal(), file)
            .map_err(|error| Failure::failed("saving the plan", &error).hint(error.hint()))?;
        terminal.say(&format!("The plan is saved as {}.", file.display()));
    }
    Ok(exit(review.plan(), review.violations(), args.detailed_exitcode))
}

/// Prints a plan.
pub(crate) fn show(review: &Review, format: Format, terminal: &Terminal) -> Result<(), Failure> {
    let view = View::of_plan(review);
    match format {
        Format::Text => terminal.product(&render::text::plan(&view, &terminal.style())),
        Format::Json => terminal.written(|to| render::json::plan(&view, to)),
        Format::Diff => terminal.product(&render::diff::plan(&view, &terminal.style())),
        Format::Html => terminal.written(|to| render::html::plan(&view, to)),
        Format::Markdown => terminal.product(&render::markdown::plan(&view)),
        Format::Github => terminal.product(&render::github::plan(&view, &terminal::top())),
    }
}

/// Returns the exit code of a plan that nobody applies.
pub(crate) fn exit(plan: &Plan, violations: &[Violation], tell_changes: bool) -> Exit {
    if !violations.is_empty() {
        Exit::Refused
    } else if !plan.unreadable.is_empty() {
        Exit::Partial
    } else if tell_changes && !plan.changes.is_empty() {
        Exit::Changes
    } else {
        Exit::Done
    }
}
