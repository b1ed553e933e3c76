//! `wabacl drift`: a plan that nobody applies, with another exit code.

use super::exit::Exit;
use super::failure::Failure;
use super::live::Live;
use super::options::{Connection, Format, ManifestPaths, PlanOptions};
use super::terminal::Terminal;
use super::{pipeline, plan};
use crate::guard::Judgement;
use crate::render::Purpose;

/// Tells whether live access differs from the manifests, and writes nothing
///
/// Exits with 2 on drift (kubectl and diff use 1 for that). It judges no guards.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    paths: ManifestPaths,
    #[command(flatten)]
    options: PlanOptions,
    /// What to print
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let checked = pipeline::check(&args.paths.paths, &args.options, terminal)?;
    let live = Live::connect(&args.connection, Some(checked.business()), terminal).await?;
    let planned = pipeline::plan(checked, &args.options, &live, terminal).await;
    live.end(None, terminal);
    let planned = planned?;
    let unjudged = Judgement::default();
    plan::show(&planned, &unjudged, Purpose::Drift, args.format, terminal)?;
    Ok(plan::exit(&planned, &unjudged, true))
}
