//! `wabacl drift`: a plan that nobody applies, with an explanation of each difference and another exit code.

use super::connection::CheckedConnection;
use super::events::EventPrinter;
use super::exit::Exit;
use super::failure::Failure;
use super::options::{self, Connection, DriftFormat, Grouping, ManifestPaths, PlanOptions, Waivers};
use super::plan;
use super::repository;
use super::terminal::{self, Terminal};
use super::test;
use crate::engine::{self, EngineError, Events, Reference};
use crate::files;
use crate::model::BusinessId;
use crate::redact::Redacting;
use crate::render::{self, GroupBy, Settings, Style, View};
use jiff::{SignedDuration, Timestamp};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Compares live access with the manifests, and writes nothing
///
/// Exits with 2 on drift (kubectl and diff use 1 for that). Access of system users that no manifest declares is drift, unless
/// the manifests ignore or allow it. Guards are not evaluated, but access tests are: with 3 if one fails live.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    paths: ManifestPaths,
    #[command(flatten)]
    options: PlanOptions,
    /// The output format
    #[arg(long, value_enum, default_value = "text")]
    format: DriftFormat,
    #[command(flatten)]
    grouping: Grouping,
    /// Writes the output to this file, atomically, instead of stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Lists the grants that end within this time, such as 14d
    #[arg(long, value_name = "TIME", value_parser = options::length)]
    expiring: Option<SignedDuration>,
    /// Shows which side changed since this: the plan that was applied last (a file that `plan --out` saved), its digest, or
    /// that of its manifests
    ///
    /// Without it only the journal shows that.
    #[arg(long, value_name = "PLAN|DIGEST", value_parser = options::reference)]
    since: Option<options::Reference>,
    #[command(flatten)]
    pub(super) connection: Connection,
}

pub(crate) async fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    if args.format == DriftFormat::Prometheus && args.options.selection().is_narrowed() {
        return Err(Failure::plain(Exit::Usage, "--format prometheus cannot be used with --waba or --user")
            .hint("the numbers of a part would be taken for those of all"));
    }
    let group_by = args.grouping.checked(args.format.into())?;
    let printer = EventPrinter::new(terminal);
    let events = &|event: engine::Event<'_>| printer.print(event);
    let reference = args.since.as_ref().map(|since| reference(since, events)).transpose()?;
    args.options.check_stdin(&args.paths, &args.connection)?;
    let prepared = CheckedConnection::new(&args.connection)?;
    let request = args.options.request(args.connection.state()?, &Waivers::default());
    let checked = engine::check_paths(&args.paths.paths, request, events)?;
    check_business(reference.as_ref(), checked.business())?;
    let connected = prepared.connect(Some(checked.business()), events).await?;
    let proposed = connected.session.propose(checked, events).await;
    connected.end(terminal).await;
    let (proposal, _) = proposed?;
    let state = args.connection.state()?;
    let drift =
        engine::explain_drift(&proposal, reference.as_ref(), args.expiring, state.as_ref(), events).await;
    show(args, &View::of_drift(&proposal, &drift), group_by, terminal)?;
    let exit = plan::exit(&proposal.plan, None, true);
    // If several codes fit, the first in the order of the table wins.
    let exit = if proposal.plan.undeclared_drift() > 0 { exit.min(Exit::Changes) } else { exit };
    let tests = proposal.tests.as_ref().map_or(Exit::Done, |tests| test::exit(&tests.live));
    Ok(exit.min(tests))
}

/// Loads what `--since` names.
fn reference(since: &options::Reference, events: Events<'_>) -> Result<Reference, EngineError> {
    Ok(match since {
        options::Reference::File(file) => Reference::Plan(Box::new(engine::load_saved(file, events)?)),
        options::Reference::Digest(digest) => Reference::Digest(digest.clone()),
    })
}

/// Checks that a saved plan is for the same business as the manifests.
fn check_business(reference: Option<&Reference>, manifests: BusinessId) -> Result<(), Failure> {
    match reference {
        Some(Reference::Plan(saved)) if saved.plan.business != manifests => {
            let plan = saved.plan.business;
            let message = format!(
                "the plan of --since is for the business {plan}, and the manifests are for {manifests}"
            );
            Err(Failure::plain(Exit::Failed, message))
        }
        Some(Reference::Plan(_) | Reference::Digest(_)) | None => Ok(()),
    }
}

/// Prints the output, or writes it to the file of `--out`.
fn show(args: &Args, view: &View<'_>, group_by: Option<GroupBy>, terminal: &Terminal) -> Result<(), Failure> {
    let style = Style { group_by, ..terminal.style() };
    let Some(file) = &args.out else {
        return terminal.written(|to| write(view, args.format, style, None, to));
    };
    let before = file.is_file().then(|| std::fs::read_to_string(file).ok()).flatten();
    let style = Style { colour: false, width: None, ..style };
    files::write_out(file, files::WORLD_READABLE, |to| {
        write(view, args.format, style, before.as_deref(), &mut Redacting::new(to))
    })
    .map_err(|error| Failure::failed(&writing(file), error))
}

fn writing(file: &Path) -> String {
    format!("writing {}", file.display())
}

fn write(
    view: &View<'_>,
    format: DriftFormat,
    style: Style,
    previous: Option<&str>,
    to: &mut dyn Write,
) -> io::Result<()> {
    let path_prefix = &terminal::path_prefix();
    let links = repository::source_links();
    let settings = Settings { style, path_prefix, links: links.as_ref(), now: Timestamp::now(), previous };
    render::write(view, format.into(), &settings, to)
}
