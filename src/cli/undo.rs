//! `wabacl undo`.

use super::completions;
use super::connection::CheckedConnection;
use super::events::EventPrinter;
use super::exit::Exit;
use super::failure::Failure;
use super::options::{self, Connection, PlannedFor, Waivers};
use super::plan;
use super::terminal::Terminal;
use crate::engine::{self, RunChoice, UndoGuards};
use crate::model::{Glob, Name, Selection};
use std::ffi::OsString;
use std::path::PathBuf;

/// Plans what takes an earlier run back, where its writes are still as it left them, and writes nothing
///
/// The run is one of `wabacl journal`: its id, a beginning of it that no other id has, or with --last the last one. What a later run
/// or somebody else changed since is left alone, and listed with the reason. The plan keeps the guards of the manifests. `--out` saves
/// it, and `wabacl apply` applies it. Says which lines of the manifests ask for the opposite. Exits with 4 if something cannot be read
/// or is not there any more.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The id of the run, as `wabacl journal` prints it, or at least 4 characters of the beginning that no other id has; not
    /// with --last
    #[arg(value_name = "RUN", required_unless_present = "last")]
    run: Option<OsString>,
    /// Manifest files, or folders with *.yaml and *.yml files below them; `-` is standard input (default: access)
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The last run that wrote something
    #[arg(long)]
    last: bool,
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

impl Args {
    /// Returns which run is meant, and the paths of the manifests. With --last all that is given are paths.
    fn run_and_paths(&self) -> (RunChoice, Vec<PathBuf>) {
        let first = self.run.as_ref();
        let (run, first) = match first.filter(|_| !self.last) {
            Some(run) => (RunChoice::Named(Name::new(run.to_string_lossy())), None),
            None => (RunChoice::Last, first.map(PathBuf::from)),
        };
        let paths: Vec<PathBuf> = first.into_iter().chain(self.paths.iter().cloned()).collect();
        let default = || vec![PathBuf::from(completions::FOLDER)];
        (run, if paths.is_empty() { default() } else { paths })
    }
}

pub(crate) async fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let (run, paths) = args.run_and_paths();
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
        options::check_stdin(paths.iter().chain(args.connection.secret_files()))?;
        UndoGuards::Manifests(Box::new(engine::check_paths(&paths, request, events)?))
    };
    let found = engine::find_run(&state, guards.business(), &run).await?;
    let connected = prepared.connect(Some(found.business), events).await?;
    let proposed = connected.session.propose_undo(found, guards, events).await;
    connected.end(terminal).await;
    let review = args.output.review(proposed?.0, &args.waivers, group_by, terminal)?;
    Ok(plan::exit(review.plan(), Some(&review), args.detailed_exitcode))
}
