//! `wabacl explain`.

use super::completions;
use super::connection::CheckedConnection;
use super::events::EventPrinter;
use super::exit::Exit;
use super::failure::Failure;
use super::options::{Connection, PlannedFor, QuestionPaths, ReportFormat};
use super::terminal::Terminal;
use crate::documents;
use crate::engine;
use crate::model::{AssignmentKey, Name, Selection};
use crate::query::{self, ExplainedAssignment};
use crate::render;

/// Explains what one user holds on one WABA: by which lines, since when, what the plan would do, what would end it
///
/// The journal shows since when, and by which run, commit, pull request and actor. Exits with 4 if the WABA could not be
/// read.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The user: its name in the manifests, its live name, or its id
    #[arg(value_name = "USER", add = completions::users())]
    user: Name,
    /// The WABA: its name in the manifests, its live name, or its id
    #[arg(value_name = "WABA", add = completions::wabas())]
    waba: Name,
    #[command(flatten)]
    paths: QuestionPaths,
    /// The output format
    #[arg(long, value_enum, default_value = "text")]
    format: ReportFormat,
    #[command(flatten)]
    time: PlannedFor,
    #[command(flatten)]
    pub(super) connection: Connection,
}

pub(crate) async fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let printer = EventPrinter::new(terminal);
    let events = &|event: engine::Event<'_>| printer.print(event);
    args.paths.check_stdin(&args.connection)?;
    let prepared = CheckedConnection::new(&args.connection)?;
    let state = args.connection.state()?;
    let request = args.time.request(Selection::default(), state.clone());
    let mut checked = engine::check_paths(&args.paths.paths, request, events)?;
    // A WABA that is not declared may be discovered, so all are read.
    if let Some(name) = checked.declared_waba(&args.waba) {
        checked.narrow_to(&name);
    }
    let connected = prepared.connect(Some(checked.business()), events).await?;
    let survey = connected.session.survey(checked, events).await;
    connected.end(terminal).await;
    let survey = survey?;
    let waba = survey.find_waba(&args.waba)?;
    let user = survey.find_user(&args.user, &[waba])?;
    let history = engine::history(state.as_ref(), survey.desired.business, events).await;
    let evidence = survey.evidence();
    let explained = query::explain(evidence, AssignmentKey { waba, user }, &history);
    let explained = explained.expect("the WABA was found in scope");
    let shown =
        ExplainedAssignment { evidence, sources: &survey.sources, history: &history, explained: &explained };
    match args.format {
        ReportFormat::Json => terminal.written(|to| documents::explain(&shown, to))?,
        ReportFormat::Text => terminal.product(&render::text::explain(&shown, &terminal.style()))?,
    }
    Ok(if explained.unreadable.is_some() { Exit::Partial } else { Exit::Done })
}
