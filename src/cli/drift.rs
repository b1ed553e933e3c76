//! `wabacl drift`: a plan that nobody applies, told by how it came about, with another exit code.

use super::exit::Exit;
use super::failure::Failure;
use super::live::Live;
use super::options::{self, Connection, DriftFormat, FailOn, ManifestPaths, PlanOptions, Reference};
use super::pipeline;
use super::terminal::{self, Terminal};
use super::{plan, saved};
use crate::drift::{self, Baseline};
use crate::files;
use crate::model::{BusinessId, Drift, History, UnmanagedReason, causes};
use crate::proposal::Proposal;
use crate::render::{self, Style, View};
use crate::store::{self, Keep};
use jiff::{SignedDuration, Timestamp};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Compares live access with the manifests, and writes nothing
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
    format: DriftFormat,
    /// Writes it to this file, whole or not at all, in the place of stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Exits with 2 for this too
    #[arg(long, value_enum, value_name = "WHAT")]
    fail_on: Vec<FailOn>,
    /// Lists the grants that end within this time, such as 14d
    #[arg(long, value_name = "TIME", value_parser = options::length)]
    expiring: Option<SignedDuration>,
    /// Tells which side moved since this: the plan that was applied last (a file that `plan --out` saved), its digest, or
    /// that of its manifests
    ///
    /// Without it the journal alone tells.
    #[arg(long, value_name = "PLAN|DIGEST", value_parser = options::reference)]
    since: Option<Reference>,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    if args.format == DriftFormat::Prometheus && args.options.waba.is_some() {
        return Err(Failure::plain(Exit::Usage, "--format prometheus and --waba do not go together")
            .hint("the numbers of some WABAs would stand as those of all"));
    }
    let since = match &args.since {
        Some(Reference::File(file)) => Some(saved::load(file)?),
        Some(Reference::Digest(_)) | None => None,
    };
    let checked = pipeline::check(&args.paths.paths, &args.options, terminal)?;
    if let Some(saved) = &since {
        is_of(saved, checked.business())?;
    }
    let live = Live::connect(&args.connection, Some(checked.business()), terminal).await?;
    let planned = pipeline::plan(checked, &args.options, &live, terminal).await;
    live.end(None, terminal);
    let proposal = planned?.proposal;
    let drift = told(args, since.as_ref(), &proposal, terminal);
    show(args, &View::of_drift(&proposal, &drift), terminal)?;
    let undeclared = proposal.plan.unmanaged.iter().any(|row| row.why == UnmanagedReason::Undeclared);
    let exit = plan::exit(&proposal.plan, &[], true);
    let red = undeclared && args.fail_on.contains(&FailOn::Undeclared);
    // Where several fit, the first in the order of the table wins.
    Ok(if red { exit.min(Exit::Changes) } else { exit })
}

/// Makes sure that a saved plan is about the same business.
fn is_of(saved: &Proposal, business: BusinessId) -> Result<(), Failure> {
    let of = saved.plan.business;
    if of == business {
        return Ok(());
    }
    let message =
        format!("the plan of --since is for the business {of}, and the manifests are for {business}");
    Err(Failure::plain(Exit::Failed, message))
}

/// Finds out what is known of the differences.
fn told(args: &Args, saved: Option<&Proposal>, proposal: &Proposal, terminal: &Terminal) -> Drift {
    let plan = &proposal.plan;
    let last_day = args.expiring.map(|length| plan.day.saturating_add(length));
    let ends = |day| {
        proposal.ending.iter().filter(move |grant| grant.source.until.is_some_and(|until| until <= day))
    };
    let expiring = last_day.map(|day| ends(day).cloned().collect());
    if plan.changes.is_empty() {
        return Drift { expiring, ..Drift::default() };
    }
    let history = history(&args.connection, plan.business, terminal);
    let since = match (&args.since, saved) {
        (_, Some(saved)) => Baseline::Plan(&saved.plan, &saved.access, &saved.manifest_digest),
        (Some(Reference::Digest(digest)), None) => Baseline::Digest(digest),
        (_, None) => Baseline::Journal,
    };
    if let Baseline::Digest(digest) = since
        && !drift::is_known(digest, &proposal.manifest_digest, &history)
    {
        terminal.say(&format!(
            "warning: neither have the manifests the digest {digest}, nor has any run in the journal of this machine; \
             which side moved is told by the journal alone"
        ));
    }
    Drift { told: drift::tell(plan, &proposal.manifest_digest, since, &history), expiring }
}

/// Reads the journal of a business. Without one less is known, and that is no failure.
fn history(connection: &Connection, business: BusinessId, terminal: &Terminal) -> History {
    let Ok(state_dir) = connection.state_dir() else { return History::default() };
    store::read(&store::path(&state_dir, business), Keep::All).unwrap_or_else(|error| {
        let why = causes(&error).collect::<Vec<_>>().join(": ");
        terminal.say(&format!("warning: the journal tells nothing: {why}"));
        History::default()
    })
}

/// Prints it, or writes it to the file that was named.
fn show(args: &Args, view: &View<'_>, terminal: &Terminal) -> Result<(), Failure> {
    let Some(file) = &args.out else {
        return terminal.written(|to| write(view, args.format, &terminal.style(), None, to));
    };
    let before = std::fs::read_to_string(file).ok();
    let style = Style { colour: false, ..terminal.style() };
    let mut text = Vec::new();
    write(view, args.format, &style, before.as_deref(), &mut text)
        .and_then(|()| files::replace(file, files::WORLD_READABLE, |to| to.write_all(&text)))
        .map_err(|error| Failure::failed(&writing(file), error))
}

fn writing(file: &Path) -> String {
    format!("writing {}", file.display())
}

fn write(
    view: &View<'_>,
    format: DriftFormat,
    style: &Style,
    before: Option<&str>,
    to: &mut dyn Write,
) -> io::Result<()> {
    let text = match format {
        DriftFormat::Json => return render::json::plan(view, to),
        DriftFormat::Html => return render::html::plan(view, to),
        DriftFormat::Text => render::text::drift(view, style),
        DriftFormat::Diff => render::diff::plan(view, style),
        DriftFormat::Markdown => render::markdown::plan(view),
        DriftFormat::Github => render::github::plan(view, &terminal::top()),
        DriftFormat::Prometheus => render::prometheus::drift(view, Timestamp::now(), before),
    };
    to.write_all(text.as_bytes())
}
