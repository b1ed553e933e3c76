//! `wabacl undo`.

use super::completions;
use super::connection::CheckedConnection;
use super::events::EventPrinter;
use super::exit::Exit;
use super::failure::Failure;
use super::options::{Connection, PlannedFor, QuestionPaths, Waivers};
use super::plan;
use super::terminal::Terminal;
use crate::engine::{self, UndoGuards};
use crate::model::{Glob, Name, Selection};

/// Plans what takes an earlier run back, where its writes are still as it left them, and writes nothing
///
/// The run is one of `wabacl journal`. What a later run or somebody else changed since is left alone, and listed with the reason.
/// The plan keeps the guards of the manifests. `--out` saves it, and `wabacl apply` applies it. Says which lines of the manifests
/// ask for the opposite. Exits with 4 if something cannot be read or is not there any more.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The id of the run, as `wabacl journal` prints it
    #[arg(value_name = "RUN")]
    run: Name,
    #[command(flatten)]
    paths: QuestionPaths,
    /// Reads no manifests: only the default guards hold, and nobody is protected or suspended
    #[arg(long)]
    without_manifests: bool,
    /// Only the WABAs whose name in the journal or in the manifests, or whose id, matches this glob; can be repeated
    #[arg(long, value_name = "GLOB", add = completions::wabas())]
    waba: Vec<Glob>,
    #[command(flatten)]
    output: plan::Output,
    /// Exits with 2 if there is something to take back (kubectl and diff use 1 for that)
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    time: PlannedFor,
    #[command(flatten)]
    waivers: Waivers,
    #[command(flatten)]
    pub(super) connection: Connection,
}

pub(crate) async fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let group_by = args.output.grouping.checked(args.output.format.into())?;
    let printer = EventPrinter::new(terminal);
    let events = &|event: engine::Event<'_>| printer.print(event);
    let prepared = CheckedConnection::new(&args.connection)?;
    let state = args.connection.required_state()?;
    let selection = Selection { wabas: args.waba.clone(), ..Selection::default() };
    let request = args.waivers.request(args.time, selection, Some(state.clone()));
    let guards = if args.without_manifests {
        UndoGuards::Default(Box::new(request))
    } else {
        args.paths.check_stdin(&args.connection)?;
        UndoGuards::Manifests(Box::new(engine::check_paths(&args.paths.paths, request, events)?))
    };
    let found = engine::find_run(&state, guards.business(), &args.run).await?;
    let connected = prepared.connect(Some(found.business), events).await?;
    let proposed = connected.session.propose_undo(found, guards, events).await;
    connected.end(terminal).await;
    let review = args.output.review(proposed?.0, &args.waivers, group_by, terminal)?;
    Ok(plan::exit(review.plan(), Some(&review), args.detailed_exitcode))
}
