//! `wabacl plan`.

use super::connection::CheckedConnection;
use super::events::EventPrinter;
use super::exit::Exit;
use super::failure::Failure;
use super::options::{Connection, Format, Grouping, ManifestPaths, PlanOptions, Waivers};
use super::repository;
use super::terminal::{self, Terminal};
use super::waivers;
use crate::documents::saved;
use crate::engine;
use crate::guard::{self, Review};
use crate::model::Plan;
use crate::proposal::Proposal;
use crate::render::{self, GroupBy, Settings, Style, View};
use crate::store::{PlanName, StateStore};
use jiff::Timestamp;
use std::path::PathBuf;

/// Shows what apply would do, and writes nothing
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    paths: ManifestPaths,
    #[command(flatten)]
    options: PlanOptions,
    #[command(flatten)]
    output: Output,
    /// Saves the plan in the shared state under this name, for `wabacl apply --reviewed NAME`
    #[arg(long, value_name = "NAME")]
    save: Option<PlanName>,
    /// Exits with 2 if there are changes (kubectl and diff use 1 for that)
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    waivers: Waivers,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// How a plan is printed, and where it is saved.
#[derive(Debug, clap::Args)]
pub(crate) struct Output {
    /// The output format
    #[arg(long, value_enum, default_value = "text")]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) grouping: Grouping,
    /// Saves the plan in this file (`-`: standard output), for `wabacl show` and `wabacl apply`; also a plan that a guard refuses
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) async fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let group_by = args.output.grouping.checked(args.output.format.into())?;
    let printer = EventPrinter::new(terminal);
    let events = &|event: engine::Event<'_>| printer.print(event);
    args.options.check_stdin(&args.paths, &args.connection)?;
    let prepared = CheckedConnection::new(&args.connection)?;
    let state = args.connection.state()?;
    if args.save.is_some() && !state.as_ref().is_some_and(StateStore::is_shared) {
        return Err(Failure::plain(Exit::Usage, "--save needs a state that machines share")
            .hint("name one with --state s3://bucket/prefix, or save the plan in a file with --out"));
    }
    let request = args.options.request(state.clone(), &args.waivers);
    let checked = engine::check_paths(&args.paths.paths, request, events)?;
    let connected = prepared.connect(Some(checked.business()), events).await?;
    let proposed = connected.session.propose(checked, events).await;
    connected.end(terminal).await;
    let review = args.output.review(proposed?.0, &args.waivers, group_by, terminal)?;
    if let (Some(name), Some(state)) = (&args.save, &state) {
        let digest = engine::save_plan(state, review.proposal(), Some(name)).await?;
        terminal.say(&format!("The plan is saved in {state} as {name}: {digest}."));
    }
    Ok(exit(review.plan(), Some(&review), args.detailed_exitcode))
}

impl Output {
    /// Reviews a new proposal, prints it, and saves it if a file is given.
    pub(crate) fn review(
        &self,
        proposal: Proposal,
        waivers: &Waivers,
        group_by: Option<GroupBy>,
        terminal: &Terminal,
    ) -> Result<Review, Failure> {
        let now = proposal.plan.now;
        let review = guard::review(proposal, &waivers.waive, now);
        waivers::check(&review, terminal)?;
        match &self.out {
            // Standard output is for the plan as a file.
            Some(file) if file.as_os_str() == "-" => {
                terminal
                    .talk(|style| render::text::plan(&View::of_plan(&review), &Style { group_by, ..*style }));
                terminal.written(|to| saved::write(review.proposal(), to))?;
            }
            Some(file) => {
                show(&review, self.format, group_by, terminal)?;
                saved::save(review.proposal(), file)
                    .map_err(|error| Failure::failed("saving the plan", &error).hint(error.hint()))?;
                terminal.say(&format!("The plan is saved as {}.", file.display()));
            }
            None => show(&review, self.format, group_by, terminal)?,
        }
        Ok(review)
    }
}

/// Prints a plan.
pub(crate) fn show(
    review: &Review,
    format: Format,
    group_by: Option<GroupBy>,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let path_prefix = &terminal::path_prefix();
    let style = Style { group_by, ..terminal.style() };
    let links = repository::source_links();
    let settings =
        Settings { style, path_prefix, links: links.as_ref(), now: Timestamp::now(), previous: None };
    terminal.written(|to| render::write(&View::of_plan(review), format.into(), &settings, to))
}

/// Returns the exit code of a plan that is not applied. Drift has no review.
pub(crate) fn exit(plan: &Plan, review: Option<&Review>, report_changes: bool) -> Exit {
    if review.is_some_and(|review| !review.violations().is_empty()) {
        Exit::Refused
    } else if plan.is_incomplete() {
        Exit::Partial
    } else if report_changes && !plan.changes.is_empty() {
        Exit::Changes
    } else {
        Exit::Done
    }
}
