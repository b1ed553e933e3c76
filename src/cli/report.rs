//! `wabacl report`.

use super::completions;
use super::connection::CheckedConnection;
use super::events::EventPrinter;
use super::exit::Exit;
use super::failure::Failure;
use super::options::{Connection, PlannedFor, QuestionPaths};
use super::terminal::Terminal;
use crate::model::{Glob, Selection};
use crate::query::{AccessReport, ReportCounts};
use crate::text::count;
use crate::{documents, engine, render};
use clap::ValueEnum;
use jiff::Timestamp;

/// Reports who holds what on every WABA in scope, with grants, reasons, and the last write in the journal
///
/// For an audit: a row for each holder on a WABA, people and users of other businesses included. What could not be read is
/// named, and exits with 4.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    paths: QuestionPaths,
    /// The output format
    #[arg(long, value_enum, default_value = "csv")]
    format: AccessReportFormat,
    /// Only the WABAs whose name matches this glob; can be repeated
    #[arg(long, value_name = "GLOB", add = completions::wabas())]
    waba: Vec<Glob>,
    #[command(flatten)]
    time: PlannedFor,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// The output format of a report on access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AccessReportFormat {
    /// For spreadsheets. Ids, and what would be a formula, begin with an apostrophe
    Csv,
    /// For programs, with a schema (see `wabacl schema`) and a cover whose numbers add up
    Json,
}

pub(crate) async fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let printer = EventPrinter::new(terminal);
    let events = &|event: engine::Event<'_>| printer.print(event);
    args.paths.check_stdin(&args.connection)?;
    let prepared = CheckedConnection::new(&args.connection)?;
    let state = args.connection.state()?;
    let selection = Selection { wabas: args.waba.clone(), ..Selection::default() };
    let request = args.time.request(selection, state.clone());
    let began = request.began;
    let checked = engine::check_paths(&args.paths.paths, request, events)?;
    let connected = prepared.connect(Some(checked.business()), events).await?;
    let survey = connected.session.survey(checked, events).await;
    connected.print_cost(terminal);
    let survey = survey?;
    let history = engine::history(state.as_ref(), survey.desired.business, events).await;
    let report = AccessReport::new(survey.evidence(), &survey.sources, &survey.manifest_digest, &history);
    match args.format {
        AccessReportFormat::Csv => terminal.written(|to| render::table::access_report(&report, to))?,
        AccessReportFormat::Json => terminal.written(|to| documents::access_report(&report, began, to))?,
    }
    say_cover(&report, began, terminal);
    Ok(if report.answer.unreadable.is_empty() { Exit::Done } else { Exit::Partial })
}

/// Prints what a table cannot show: when it was made, of what, and what is missing.
fn say_cover(report: &AccessReport<'_>, began: Timestamp, terminal: &Terminal) {
    let answer = &report.answer;
    let ReportCounts { declared, other_system_users, people, others, privileged, granted } = report.counts();
    let read = answer.wabas - answer.unreadable.len();
    for (waba, why) in &answer.unreadable {
        terminal.say(&format!("could not be read: WABA {waba}: {why}"));
    }
    terminal.say(&format!(
        "Report of {began}: business {}, manifests {}.",
        report.evidence.desired.business, report.manifest_digest
    ));
    terminal.say(&format!(
        "{} of {} read. {}: {declared} of declared system users, {other_system_users} of other ones, {people} of people, \
         {others} of others; {privileged} privileged, {granted} granted.",
        read,
        count(answer.wabas, "WABA", "WABAs"),
        count(answer.holders.len(), "row", "rows")
    ));
}
