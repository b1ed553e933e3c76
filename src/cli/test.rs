//! `wabacl test`.

use super::connection::CheckedConnection;
use super::events::EventPrinter;
use super::exit::Exit;
use super::failure::Failure;
use super::options::{self, Connection, ManifestPaths, PlannedFor};
use super::terminal::{self, Terminal};
use crate::engine::{self, EngineError, Events, PlanRequest};
use crate::model::{Selection, Sources, TestReport, TestedState, Verdict};
use crate::{access_test, documents, render};
use clap::ValueEnum;
use std::path::PathBuf;

/// Judges the access tests of the manifests
///
/// Without --at, on what the manifests ask for: no token is needed, and what is only known live is skipped. Exits with 3 if a
/// test fails, and with 4 if one is undecided.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    paths: ManifestPaths,
    /// The state on which the tests are judged
    #[arg(long, value_enum, value_name = "STATE", default_value = "desired")]
    at: At,
    #[command(flatten)]
    time: PlannedFor,
    /// With --at after: the manifests of the base commit; system users that are declared there and no more are released
    #[arg(long, value_name = "PATH")]
    previous: Vec<PathBuf>,
    /// The output format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// The state on which tests are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum At {
    /// What the manifests ask for, without the API
    Desired,
    /// The state after a plan and its apply
    After,
    /// The live state
    Live,
}

/// The output format of tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs, with a schema (see `wabacl schema`)
    Json,
    /// JUnit XML, for CI servers
    Junit,
    /// Workflow commands of GitHub Actions, which annotate the lines of a pull request
    Github,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

pub(crate) async fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let files = args.paths.paths.iter().chain(&args.previous).chain(args.connection.secret_files());
    options::check_stdin(files)?;
    if !args.previous.is_empty() && args.at != At::After {
        return Err(Failure::plain(Exit::Usage, "--previous needs --at after"));
    }
    let printer = EventPrinter::new(terminal);
    let events = &|event: engine::Event<'_>| printer.print(event);
    let (report, sources) = match args.at {
        At::Desired => offline(args, events)?,
        At::After => live(args, TestedState::After, events, terminal).await?,
        At::Live => live(args, TestedState::Live, events, terminal).await?,
    };
    show(&report, &sources, args.format, terminal)?;
    Ok(exit(&report))
}

/// Judges the tests on what the manifests ask for.
fn offline(args: &Args, events: Events<'_>) -> Result<(TestReport, Sources), EngineError> {
    engine::test_offline(&args.paths.paths, args.time.or_now(), events)
}

/// Reads the live state and judges the tests.
async fn live(
    args: &Args,
    state: TestedState,
    events: Events<'_>,
    terminal: &Terminal,
) -> Result<(TestReport, Sources), Failure> {
    let prepared = CheckedConnection::new(&args.connection)?;
    let request = PlanRequest {
        previous: args.previous.clone(),
        ..args.time.request(Selection::default(), args.connection.state()?)
    };
    let checked = engine::check_paths(&args.paths.paths, request, events)?;
    let connected = prepared.connect(Some(checked.business()), events).await?;
    let tested = connected.session.test(checked, state, events).await;
    connected.end(terminal).await;
    Ok(tested?)
}

fn show(report: &TestReport, sources: &Sources, format: Format, terminal: &Terminal) -> Result<(), Failure> {
    match format {
        Format::Text => {
            let text = render::text::access_tests(report, sources, &terminal.style());
            terminal.product(&text)
        }
        Format::Json => terminal.written(|to| documents::access_tests(report, sources, to)),
        Format::Junit => terminal.product(&render::junit::access_tests(report, sources)),
        Format::Github => {
            let found = access_test::diagnostics(report, sources);
            terminal.product(&render::github::diagnostics(&found, sources, &terminal::path_prefix()))
        }
        Format::Sarif => {
            let found = access_test::diagnostics(report, sources);
            terminal.written(|to| render::sarif::diagnostics(&found, sources, to))
        }
    }
}

/// Returns the exit code of a report.
pub(super) fn exit(report: &TestReport) -> Exit {
    if report.count(Verdict::Fail) > 0 {
        Exit::Refused
    } else if report.count(Verdict::Undecided) > 0 {
        Exit::Partial
    } else {
        Exit::Done
    }
}
