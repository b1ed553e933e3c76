//! `wabacl drift`: a plan that nobody applies, with another exit code.

use super::exit::Exit;
use super::failure::Failure;
use super::live::Live;
use super::options::{self, Connection, DriftFormat, ManifestPaths, PlanOptions};
use super::pipeline::{self, Planned};
use super::terminal::Terminal;
use super::{plan, saved};
use crate::digest::plan_digest;
use crate::guard::Judgement;
use crate::journal::{self, Keep};
use crate::model::{AssignmentKey, DriftNotes, History, TaskSet, UnmanagedReason};
use crate::plan::{Since, last_writes, origins};
use crate::planfile::write_whole;
use crate::render::{self, Purpose};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

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
    format: DriftFormat,
    /// Writes it to this file instead, whole or not at all
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Also exits with 2 for something else
    #[arg(long, value_enum, value_name = "WHAT")]
    fail_on: Option<FailOn>,
    /// Lists the grants that end within this time, such as 14d
    #[arg(long, value_name = "TIME", value_parser = options::length)]
    expiring: Option<SignedDuration>,
    /// Tells drift from work in progress by the plan that was applied last: its file, or a digest (sha256:…) of the
    /// manifests or of the plan as the journal has it
    #[arg(long, value_name = "PLAN")]
    since: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

/// What drift may fail on besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FailOn {
    /// Access of system users that no manifest declares, such as a deleted declaration leaves behind.
    Undeclared,
}

pub(crate) async fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let checked = pipeline::check(&args.paths.paths, &args.options, terminal)?;
    let live = Live::connect(&args.connection, Some(checked.business()), terminal).await?;
    let planned = pipeline::plan(checked, &args.options, &live, terminal).await;
    live.end(None, terminal);
    let mut planned = planned?;
    planned.notes = Some(notes(args, &planned)?);
    let shown = show(&planned, args, terminal)?;
    match &args.out {
        None => terminal.product(&shown)?,
        Some(file) => write_whole(file, shown.as_bytes(), 0o644)
            .map_err(|error| Failure::failed(&format!("writing {}", file.display()), error))?,
    }
    let is_undeclared = planned.plan.unmanaged.iter().any(|row| row.why == UnmanagedReason::Undeclared);
    let exit = plan::exit(&planned, &Judgement::default(), true);
    let fails = exit == Exit::Done && is_undeclared && args.fail_on == Some(FailOn::Undeclared);
    Ok(if fails { Exit::Changes } else { exit })
}

fn show(planned: &Planned, args: &Args, terminal: &Terminal) -> Result<String, Failure> {
    let unjudged = Judgement::default();
    let view = planned.view(&unjudged, Purpose::Drift);
    match args.format {
        DriftFormat::Prometheus => {
            // Where there is none yet, or it cannot be read, nothing is taken over from it.
            let earlier = args.out.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
            Ok(render::prometheus::drift(&view, Timestamp::now(), &earlier.unwrap_or_default()))
        }
        DriftFormat::Text => plan::shown(&view, &planned.header(), options::Format::Text, terminal),
        DriftFormat::Json => plan::shown(&view, &planned.header(), options::Format::Json, terminal),
        DriftFormat::Diff => plan::shown(&view, &planned.header(), options::Format::Diff, terminal),
        DriftFormat::Html => plan::shown(&view, &planned.header(), options::Format::Html, terminal),
        DriftFormat::Markdown => plan::shown(&view, &planned.header(), options::Format::Markdown, terminal),
        DriftFormat::Github => plan::shown(&view, &planned.header(), options::Format::Github, terminal),
    }
}

/// Finds out what there is to know besides: who wrote last, what moved, what ends.
fn notes(args: &Args, planned: &Planned) -> Result<DriftNotes, Failure> {
    let history = match args.connection.state_dir() {
        // A machine that never applied anything has no journal, and may have no place for one.
        Err(_) => History::default(),
        Ok(folder) => journal::read(&journal::path(&folder, planned.plan.business), Keep::All)
            .map_err(|error| Failure::journal("reading the journal", &error))?,
    };
    let ending = args.expiring.map(|within| {
        let last = planned.plan.day.saturating_add(within);
        let ends = |until: jiff::civil::Date| until <= last;
        planned.ending.iter().filter(|one| one.source.until.is_some_and(ends)).cloned().collect()
    });
    let origins = match &args.since {
        None => BTreeMap::new(),
        Some(since) if since.starts_with("sha256:") => since_digest(since, &history, planned)?,
        Some(file) => {
            let earlier = saved::load(Path::new(file))?;
            origins(Since::Plan(&earlier.plan, &earlier.access), &planned.plan)
        }
    };
    Ok(DriftNotes { origins, written: last_writes(&history, &planned.plan), ending })
}

/// Tells what moved since a plan of which only a digest is known.
fn since_digest(
    digest: &str,
    history: &History,
    planned: &Planned,
) -> Result<BTreeMap<AssignmentKey, crate::model::Origin>, Failure> {
    if digest == planned.manifest_digest || digest == plan_digest(&planned.plan) {
        return Ok(origins(Since::SameManifests, &planned.plan));
    }
    let mut written: BTreeMap<AssignmentKey, TaskSet> = BTreeMap::new();
    let mut known = false;
    let has = |name: &crate::model::Name| name.as_str() == digest;
    for run in history.runs.iter().filter(|run| has(&run.plan_digest) || has(&run.manifest_digest)) {
        known = true;
        written.extend(run.writes.iter().map(|write| (write.key, write.after.clone())));
    }
    if !known {
        return Err(Failure::plain(
            Exit::Failed,
            format!("neither these manifests nor any run in the journal have the digest {digest}"),
        )
        .hint("give the file of the plan instead, which `wabacl plan --out` saved"));
    }
    Ok(origins(Since::Writes(&written), &planned.plan))
}
