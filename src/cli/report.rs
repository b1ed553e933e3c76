//! `wabacl report`.

use super::completions;
use super::connection::CheckedConnection;
use super::events::EventPrinter;
use super::exit::Exit;
use super::failure::Failure;
use super::journal::check_period;
use super::options::{Connection, PlannedFor, QuestionPaths};
use super::repository;
use super::review::FOLDER as REVIEWS;
use super::terminal::Terminal;
use crate::model::{
    BusinessId, EarlierAccess, Glob, History, HistoryFilter, LiveSource, Selection, TimeLimit,
};
use crate::query::{AccessReport, PeriodCounts, ReportBasis, ReportCounts, ReportJournal};
use crate::redact::{self, Redacting};
use crate::render::table::ReportTable;
use crate::text::{count, escape};
use crate::{documents, engine, files, render, review};
use clap::ValueEnum;
use jiff::Timestamp;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Reports who holds what on every WABA in scope, with grants, reasons, and the last write in the journal
///
/// For an audit: a row for each holder on a WABA, people and users of other businesses included; with --since or --until the
/// changes of a period, each with the proof that it took effect; with --baseline what differs from a snapshot, and what of it no
/// run explains. What could not be read is named, and exits with 4.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    paths: QuestionPaths,
    /// The output format
    #[arg(long, value_enum, default_value = "csv")]
    format: AccessReportFormat,
    /// The table that csv has; the other formats have all of them
    #[arg(long, value_enum, default_value = "access")]
    table: TableArg,
    /// Writes the report to this file, atomically and for its owner only, instead of stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Also reports the changes in the journal since this day in UTC, or since an instant with an offset:
    /// 2027-03-31T18:00:00+02:00
    #[arg(long, value_name = "TIME")]
    since: Option<TimeLimit>,
    /// Also reports the changes in the journal until the end of this day in UTC, or before an instant
    #[arg(long, value_name = "TIME")]
    until: Option<TimeLimit>,
    /// Also reports what differs from this snapshot (see `wabacl snapshot --out`), and what of it no run in the journal explains
    #[cfg(feature = "emulator")]
    #[arg(long, value_name = "SNAPSHOT")]
    baseline: Option<PathBuf>,
    /// The folder with the files of `wabacl review --take`; each row has the last decision about it, and the cover the last review
    #[arg(long, value_name = "DIR", default_value = REVIEWS)]
    reviews: PathBuf,
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
    /// For spreadsheets: one table. Ids, and what would be a formula, begin with an apostrophe
    Csv,
    /// A workbook with a cover whose numbers add up, and a sheet for each table; needs --out
    Xlsx,
    /// One page for a browser: the access matrix with filters, the reason and the history of each cell
    Html,
    /// For programs, with a schema (see `wabacl schema`) and a cover whose numbers add up
    Json,
}

/// A table of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TableArg {
    /// The holders
    Access,
    /// The changes of --since and --until
    Changes,
    /// What differs from --baseline
    Differences,
    /// What could not be read
    Unreadable,
}

impl From<TableArg> for ReportTable {
    fn from(table: TableArg) -> Self {
        match table {
            TableArg::Access => Self::Access,
            TableArg::Changes => Self::Changes,
            TableArg::Differences => Self::Differences,
            TableArg::Unreadable => Self::Unreadable,
        }
    }
}

impl Args {
    /// Returns the period whose changes are reported.
    fn period(&self) -> Result<Option<HistoryFilter>, Failure> {
        let filter = HistoryFilter { since: self.since, until: self.until, ..HistoryFilter::default() };
        check_period(&filter)?;
        Ok((!filter.takes_all()).then_some(filter))
    }

    /// Returns the file of the snapshot to compare with.
    #[cfg_attr(
        not(feature = "emulator"),
        expect(clippy::unused_self, reason = "without an emulator no snapshot can be read")
    )]
    fn baseline(&self) -> Option<&Path> {
        #[cfg(feature = "emulator")]
        return self.baseline.as_deref();
        #[cfg(not(feature = "emulator"))]
        None
    }

    /// Checks that the options fit each other.
    fn check_usage(&self) -> Result<(), Failure> {
        let usage = |message: &str| Err(Failure::plain(Exit::Usage, message));
        let has_period = self.since.or(self.until).is_some();
        match (self.format, self.table) {
            (AccessReportFormat::Xlsx, _) if self.out.is_none() => {
                usage("--format xlsx needs --out FILE: a workbook is no text")
            }
            (AccessReportFormat::Xlsx | AccessReportFormat::Html | AccessReportFormat::Json, table)
                if table != TableArg::Access =>
            {
                usage("--table needs --format csv: the other formats have all tables")
            }
            (_, TableArg::Changes) if !has_period => usage("--table changes needs --since or --until"),
            (_, TableArg::Differences) if self.baseline().is_none() => {
                usage("--table differences needs --baseline")
            }
            _ => Ok(()),
        }
    }
}

pub(crate) async fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    args.check_usage()?;
    let period = args.period()?;
    let printer = EventPrinter::new(terminal);
    let events = &|event: engine::Event<'_>| printer.print(event);
    args.paths.check_stdin(&args.connection)?;
    let prepared = CheckedConnection::new(&args.connection)?;
    let state = args.connection.state()?;
    let selection = Selection { wabas: args.waba.clone(), ..Selection::default() };
    let request = args.time.request(selection, state.clone());
    let began = request.began;
    let checked = engine::check_paths(&args.paths.paths, request, events)?;
    let earlier = args.baseline().map(|file| earlier(file, checked.business())).transpose()?;
    let connected = prepared.connect(Some(checked.business()), events).await?;
    let live_source = connected.session.live_source().clone();
    if let Some(earlier) = &earlier {
        check_order(earlier, &live_source, began)?;
    }
    let survey = connected.session.survey(checked, events).await;
    connected.end(terminal).await;
    let survey = survey?;
    let history = engine::readable_history(state.as_ref(), survey.desired.business).await;
    let (history, unreadable) = match history {
        Ok(history) => (history, None),
        Err(why) => (History::default(), Some(why)),
    };
    let (reviews, unread_reviews) = engine::reviews(&args.reviews, survey.desired.business);
    let answer = review::holders(survey.evidence());
    let last_review = reviews.last().map(|last| last.judge(&answer));
    let row_reviews = review::of_holders(&reviews, &answer);
    let report = AccessReport::new(ReportBasis {
        evidence: survey.evidence(),
        sources: &survey.sources,
        manifest_digest: &survey.manifest_digest,
        policy: &survey.policy,
        narrowed_to: &args.waba,
        live_source: &live_source,
        created_at: began,
        journal: ReportJournal {
            history: &history,
            is_kept: state.is_some(),
            unreadable: unreadable.as_deref(),
        },
        period: period.as_ref(),
        earlier: earlier.as_ref(),
        last_review: last_review.as_ref(),
        reviews: &row_reviews,
        unread_reviews: &unread_reviews,
    });
    write(args, &report, terminal)?;
    say_cover(&report, terminal);
    Ok(if report.gaps().is_empty() { Exit::Done } else { Exit::Partial })
}

/// Reads the snapshot to compare with.
#[cfg(feature = "emulator")]
fn earlier(file: &Path, business: BusinessId) -> Result<EarlierAccess, Failure> {
    let failure =
        |message: String| Failure::plain(Exit::Failed, format!("--baseline {}: {message}", file.display()));
    let earlier = super::emulator::world(file)?.earlier_access().ok_or_else(|| {
        failure(String::from("the file does not say when it was taken"))
            .hint("`wabacl snapshot --out FILE` writes one that does")
    })?;
    if earlier.mark.business != business {
        let other = earlier.mark.business;
        return Err(failure(format!(
            "the snapshot is of the business {other}, and the manifests are of {business}"
        )));
    }
    Ok(earlier)
}

#[cfg(not(feature = "emulator"))]
fn earlier(_: &Path, _: BusinessId) -> Result<EarlierAccess, Failure> {
    Err(Failure::plain(Exit::Usage, "this program was built without the emulator, which reads snapshots"))
}

/// Checks that the snapshot to compare with is not newer than live access.
fn check_order(earlier: &EarlierAccess, live: &LiveSource, began: Timestamp) -> Result<(), Failure> {
    let (taken, read) = (earlier.mark.taken, live.snapshot().map_or(began, |mark| mark.taken));
    if taken <= read {
        return Ok(());
    }
    let message = format!("the snapshot of --baseline, of {taken}, is newer than live access, of {read}");
    Err(Failure::plain(Exit::Failed, message).hint("exchange the two snapshots"))
}

/// Writes a report to the file of `--out`, or to stdout.
fn write(args: &Args, report: &AccessReport<'_>, terminal: &Terminal) -> Result<(), Failure> {
    let text = |to: &mut dyn Write| match args.format {
        AccessReportFormat::Csv => render::table::access_report(report, args.table.into(), to),
        AccessReportFormat::Html => {
            render::html::access_report(report, repository::source_links().as_ref(), to)
        }
        AccessReportFormat::Json => documents::access_report(report, to),
        // Its bytes are not text; `workbook` has them.
        AccessReportFormat::Xlsx => Ok(()),
    };
    let Some(file) = &args.out else { return terminal.written(text) };
    let written = if args.format == AccessReportFormat::Xlsx {
        let workbook = render::xlsx::access_report(report, &redact::text).map_err(too_long)?;
        files::write_out(file, files::OWNER_ONLY, |to| to.write_all(&workbook))
    } else {
        files::write_out(file, files::OWNER_ONLY, |to| flushed(&mut Redacting::new(to), text))
    };
    written.map_err(|error| Failure::failed(&format!("writing {}", file.display()), error))
}

/// Writes a text in large pieces, because each is searched for secrets.
fn flushed(to: &mut dyn Write, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut buffer = io::BufWriter::with_capacity(BUFFER, to);
    write(&mut buffer)?;
    buffer.flush()
}

/// The bytes that are written at a time. A guess.
const BUFFER: usize = 64 * 1024;

fn too_long(error: render::xlsx::WorkbookError) -> Failure {
    let is_too_long = matches!(error, render::xlsx::WorkbookError::TooLong { .. });
    let failure = Failure::failed("writing the workbook", error);
    if is_too_long {
        return failure.hint("--format csv has no such limit; or narrow the report with --waba");
    }
    failure
}

/// Prints what a table cannot show: when it was made, of what, and what is missing.
fn say_cover(report: &AccessReport<'_>, terminal: &Terminal) {
    let ReportCounts {
        wabas,
        wabas_read,
        wabas_left_out,
        holders,
        declared,
        other_system_users,
        people,
        others,
        privileged,
        granted,
        managed,
        reviewed,
        changed_since,
        never_reviewed,
        ..
    } = report.counts();
    for gap in report.gaps() {
        let (what, why) = render::gap_text(report, gap);
        terminal.say(&format!("could not be read: {what}: {why}"));
    }
    let basis = &report.basis;
    terminal.say(&format!(
        "Report of {}: business {}, manifests {}.",
        basis.created_at, basis.evidence.desired.business, basis.manifest_digest
    ));
    let left_out = if wabas_left_out > 0 { format!(", {wabas_left_out} left out") } else { String::new() };
    terminal.say(&format!(
        "{wabas_read} of {} read{left_out}. {}: {declared} of declared system users, {other_system_users} of other ones, \
         {people} of people, {others} of others; {managed} managed, {privileged} privileged, {granted} granted.",
        count(wabas, "WABA", "WABAs"),
        count(holders, "row", "rows")
    ));
    if let Some(last) = basis.last_review {
        let held = if last.still_held > 0 {
            format!("; {} still hold something", last.still_held)
        } else {
            String::new()
        };
        let current = if last.is_current { "as reviewed" } else { "not as reviewed" };
        terminal.say(&format!(
            "Last review: {} of {}, {} to keep, {} to end{held}; access is {current}.",
            escape(&last.file),
            last.taken_at,
            last.keep,
            last.end
        ));
    }
    if reviewed + changed_since > 0 {
        terminal.say(&format!(
            "{}: {reviewed} reviewed as they are, {changed_since} changed since, {never_reviewed} never reviewed.",
            count(holders, "row", "rows")
        ));
    }
    if let Some(changes) = &report.changes {
        let PeriodCounts { runs, changes, proven, accepted_not_listed, unknown, .. } =
            PeriodCounts::of(changes);
        terminal.say(&format!(
            "{} in {}: {proven} shown by a read, {accepted_not_listed} accepted and not listed, {unknown} of unknown outcome.",
            count(changes, "change", "changes"),
            count(runs, "run", "runs")
        ));
    }
    if let Some(comparison) = &report.comparison {
        let differences = comparison.differences.len() + comparison.roles.len();
        terminal.say(&format!(
            "{} from the snapshot; {} changed outside of all runs.",
            count(differences, "difference", "differences"),
            comparison.outside() + comparison.roles.len()
        ));
    }
}
