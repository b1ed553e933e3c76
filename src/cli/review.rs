//! `wabacl review`.

use super::completions;
use super::connection::CheckedConnection;
use super::events::EventPrinter;
use super::exit::Exit;
use super::failure::Failure;
use super::options::{self, Connection, PlannedFor, QuestionPaths};
use super::terminal::Terminal;
use crate::documents::{self, TakenReview};
use crate::engine::{self, Survey};
use crate::files;
use crate::model::{Glob, Name, Selection, day_of};
use crate::render;
use crate::review::{self, Review};
use crate::text::{count, escape};
use jiff::Timestamp;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The largest table that is read, in bytes. A guess: 200 bytes for each row of the largest estate.
const LARGEST: u64 = 256 * 1024 * 1024;

/// The folder of the reviews.
pub(super) const FOLDER: &str = "reviews";

/// Recertifies access: writes a table for reviewers, and takes their decisions
///
/// `--start` writes a row for each holder on a WABA, with empty columns `decision`, `reviewer` and `note`. Reviewers write `keep` or
/// `end`. `--take` checks that the table is complete and that no id or task was changed, writes the review for the repository, and
/// prints which lines of the manifests give what is to end. It changes no access. Exits with 4 if something could not be read, or
/// was not reviewed as it is now.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    paths: QuestionPaths,
    /// Writes the table for reviewers as CSV (`-`: standard output)
    #[arg(long, value_name = "FILE", required_unless_present_any = ["take", "last"], conflicts_with_all = ["take", "last"])]
    start: Option<PathBuf>,
    /// Takes the decisions of a table that reviewers filled
    #[arg(long, value_name = "FILE", conflicts_with = "last")]
    take: Option<PathBuf>,
    /// Shows the last review, and whether what was to end has ended
    #[arg(long)]
    last: bool,
    /// With --last: the folder with the files of the reviews
    #[arg(long, value_name = "DIR", default_value = FOLDER, requires = "last")]
    reviews: PathBuf,
    /// With --take: the file of the review (default: reviews/YYYY-Qn.yaml)
    #[arg(long, value_name = "FILE", requires = "take")]
    out: Option<PathBuf>,
    /// With --take: who decided where the table names nobody
    #[arg(long, value_name = "NAME", requires = "take")]
    reviewer: Option<Name>,
    /// Only the WABAs whose name matches this glob; can be repeated; the same for --start and --take
    #[arg(long, value_name = "GLOB", add = completions::wabas())]
    waba: Vec<Glob>,
    #[command(flatten)]
    time: PlannedFor,
    #[command(flatten)]
    pub(super) connection: Connection,
}

pub(crate) async fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let printer = EventPrinter::new(terminal);
    let events = &|event: engine::Event<'_>| printer.print(event);
    let files = args.paths.paths.iter().chain(&args.take).chain(args.connection.secret_files());
    options::check_stdin(files)?;
    // What is wrong with the files shows before the API is asked.
    let table = args.take.as_deref().map(read).transpose()?;
    let out = args.out.clone().unwrap_or_else(|| default_file(args.time.or_now()));
    if args.take.is_some() && out.exists() {
        let message = format!("{} exists already", escape(&out.display().to_string()));
        return Err(Failure::plain(Exit::Failed, message)
            .hint("name another file with --out, or delete this one to take the table again"));
    }
    let prepared = CheckedConnection::new(&args.connection)?;
    let selection = Selection { wabas: args.waba.clone(), ..Selection::default() };
    let request = args.time.request(selection, args.connection.state()?);
    let began = request.began;
    let checked = engine::check_paths(&args.paths.paths, request, events)?;
    let connected = prepared.connect(Some(checked.business()), events).await?;
    let survey = connected.session.survey(checked, events).await;
    connected.end(terminal).await;
    let survey = survey?;
    match (&args.take, table) {
        (Some(file), Some(text)) => take(args, &survey, (file, text), (&out, began), events, terminal),
        _ if args.last => last(args, &survey, terminal),
        _ => start(args, &survey, terminal),
    }
}

/// Shows the last review.
fn last(args: &Args, survey: &Survey, terminal: &Terminal) -> Result<Exit, Failure> {
    let evidence = survey.evidence();
    let answer = review::holders(evidence);
    let (reviews, wrong) = engine::reviews(&args.reviews, survey.desired.business);
    for why in &wrong {
        terminal.say(&format!("warning: this is no review: {}", escape(why)));
    }
    let shown = escape(&args.reviews.display().to_string()).into_owned();
    let Some(last) = reviews.last() else {
        terminal.product(&format!(
            "There is no review of the business {} in {shown}.\n",
            survey.desired.business
        ))?;
        return Ok(Exit::Done);
    };
    terminal.product(&render::text::last_review(&last.judge(&answer), &terminal.style()))?;
    Ok(if answer.unreadable.is_empty() && wrong.is_empty() { Exit::Done } else { Exit::Partial })
}

/// Returns the file of the review of a quarter.
fn default_file(now: Timestamp) -> PathBuf {
    let day = day_of(now);
    PathBuf::from(format!("{FOLDER}/{}-Q{}.yaml", day.year(), (day.month() + 2) / 3))
}

/// Reads a table.
fn read(path: &Path) -> Result<String, Failure> {
    let shown = escape(&path.display().to_string()).into_owned();
    let failed = |error| Failure::failed(&format!("reading {shown}"), error);
    let mut bytes = Vec::new();
    if path.as_os_str() == crate::sources::STDIN {
        std::io::stdin().take(LARGEST).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        files::open_bounded(path, LARGEST)
            .and_then(|mut file| file.read_to_end(&mut bytes))
            .map_err(failed)?;
    }
    if bytes.len() as u64 > LARGEST {
        return Err(Failure::plain(Exit::Failed, format!("{shown} is larger than 256 MB")));
    }
    String::from_utf8(bytes).map_err(|_| {
        Failure::plain(Exit::Failed, format!("{shown} is not UTF-8"))
            .hint("save the table as \"CSV UTF-8\"; the plain CSV of Excel loses letters")
    })
}

fn start(args: &Args, survey: &Survey, terminal: &Terminal) -> Result<Exit, Failure> {
    let evidence = survey.evidence();
    let answer = review::holders(evidence);
    let write = |to: &mut dyn std::io::Write| render::table::review(evidence, &answer, &survey.sources, to);
    for (waba, why) in &answer.unreadable {
        let shown = match evidence.waba_name(*waba).name {
            Some(name) => format!("WABA {name} ({waba})"),
            None => format!("WABA {waba}"),
        };
        terminal.say(&format!("could not be read: {shown}: {why}"));
    }
    let rows = count(answer.holders.len(), "row", "rows");
    match args.start.as_deref() {
        Some(file) if file.as_os_str() != "-" => {
            let shown = escape(&file.display().to_string()).into_owned();
            files::write_out(file, files::OWNER_ONLY, |to| write(to))
                .map_err(|error| Failure::failed(&format!("writing {shown}"), error))?;
            terminal.say(&format!(
                "{rows} to review in {shown}: write `keep` or `end` in the column `decision`."
            ));
        }
        Some(_) | None => {
            terminal.written(|to| write(to))?;
            terminal.say(&format!("{rows} to review: write `keep` or `end` in the column `decision`."));
        }
    }
    Ok(if answer.unreadable.is_empty() { Exit::Done } else { Exit::Partial })
}

fn take(
    args: &Args,
    survey: &Survey,
    (file, text): (&Path, String),
    (out, taken_at): (&Path, Timestamp),
    events: engine::Events<'_>,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let evidence = survey.evidence();
    let review: Review = engine::take_review(survey, file, text, args.reviewer.as_ref(), events)?;
    let taken = TakenReview {
        review: &review,
        evidence,
        sources: &survey.sources,
        manifest_digest: &survey.manifest_digest,
        taken_at,
    };
    let shown = escape(&out.display().to_string()).into_owned();
    let failed = |error| Failure::failed(&format!("writing {shown}"), error);
    if let Some(folder) = out.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    files::write_out(out, files::WORLD_READABLE, |to| documents::review(taken, to)).map_err(failed)?;
    terminal.product(&render::text::review(taken, &terminal.style()))?;
    terminal.say(&format!("The review is written to {shown}."));
    let is_unread = !review::holders(evidence).unreadable.is_empty();
    Ok(if review.is_incomplete() || is_unread { Exit::Partial } else { Exit::Done })
}
