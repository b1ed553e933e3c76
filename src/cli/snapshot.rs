//! `wabacl snapshot`.

use super::connection::{self, CheckedConnection};
use super::events::EventPrinter;
use super::exit::Exit;
use super::failure::Failure;
use super::options::{self, Connection, ReportFormat};
use super::terminal::Terminal;
use crate::emulator::World;
use crate::engine::EngineError;
use crate::files;
use crate::model::{BusinessId, Estate, Unreadable, WabaId};
use crate::redact::Redacting;
use crate::text::{count, escape};
use crate::{documents, engine, render};
use std::io::{self, Write};
use std::path::PathBuf;

/// The most WABAs of one kind that stderr names. A guess: half a screen.
const NAMED: usize = 10;

/// The bytes that are written at a time. A guess.
const BUFFER: usize = 64 * 1024;

/// Copies live access to a file for the emulator, and compares copies
///
/// The file has the system users, both lists of WABAs, all assignments and solutions, as the API reports them, and says what
/// it does not report. `plan`, `drift` and `apply` with --emulate FILE then work on the copy, without a token. It holds no
/// secret, but the names of customers and people. Nothing that is made from it can be applied to the API.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The business portfolio (default with --emulate: the first of the file)
    #[arg(long, value_name = "ID")]
    business: Option<BusinessId>,
    /// Writes the snapshot to this file, atomically and for its owner only, instead of stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Leaves out the names of people, of users of other businesses, and of these businesses
    #[arg(long)]
    without_names: bool,
    /// Shows what differs from an older snapshot. Without --out, the new one is not written
    #[arg(long, value_name = "OLD")]
    diff: Option<PathBuf>,
    /// The format of what differs
    #[arg(long, value_enum, default_value = "text", requires = "diff")]
    format: ReportFormat,
    /// Exits with 2 if something differs (kubectl and diff use 1 for that)
    #[arg(long, requires = "diff")]
    detailed_exitcode: bool,
    #[command(flatten)]
    pub(super) connection: Connection,
}

pub(crate) async fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    check_usage(args)?;
    let printer = EventPrinter::new(terminal);
    let events = &|event: engine::Event<'_>| printer.print(event);
    options::check_stdin(args.connection.secret_files())?;
    connection::check_business(args.business, &args.connection)?;
    let prepared = CheckedConnection::new(&args.connection)?;
    let old = args.diff.as_deref().map(super::emulator::world).transpose()?;
    let connected = prepared.connect(args.business, events).await?;
    let business = connected.business(args.business)?;
    if old.as_ref().is_some_and(|old| !old.has_business(business)) {
        let message = format!("the snapshot of --diff does not have the business {business}");
        return Err(Failure::plain(Exit::Failed, message));
    }
    let estate = connected.session.estate(business, events).await;
    connected.end(terminal).await;
    let estate = estate.map_err(|error| without_snapshot(error, args))?;
    let exit = if estate.is_incomplete() { Exit::Partial } else { Exit::Done };
    let (gaps, numbers) = (gaps(&estate), numbers(&estate));
    let world = World::of_estate(estate, args.without_names);
    match &args.out {
        Some(file) => {
            files::write_out(file, files::OWNER_ONLY, |to| write(&world, &mut Redacting::new(to)))
                .map_err(|error| Failure::failed(&format!("writing {}", file.display()), error))?;
        }
        None if old.is_some() => {}
        None => terminal.written(|to| write(&world, to))?,
    }
    let diff = old.and_then(|old| world.diff(&old, business));
    if let Some(diff) = &diff {
        match args.format {
            ReportFormat::Text => terminal.product(&render::text::estate_diff(diff, &terminal.style()))?,
            ReportFormat::Json => terminal.written(|to| documents::estate_diff(diff, to))?,
        }
    }
    for gap in gaps {
        terminal.say(&gap);
    }
    let place = args.out.as_ref().map(|file| format!(" {}", file.display())).unwrap_or_default();
    terminal.say(&format!("The snapshot{place} has {numbers}."));
    let differs = args.detailed_exitcode && diff.is_some_and(|diff| !diff.is_empty());
    // If several codes fit, the first in the order of the table wins.
    Ok(if differs { exit.min(Exit::Changes) } else { exit })
}

/// Returns the failure of a snapshot. Of a part of a list there is none: unlike unknown access, which the file names, the rows that
/// it lacks would look as if they were gone.
fn without_snapshot(error: EngineError, args: &Args) -> Failure {
    let is_list = matches!(&error, EngineError::Graph { source, .. } if source.is_of_list());
    let mut failure = Failure::from(error);
    if is_list {
        let kept = args.out.as_ref().filter(|file| file.exists());
        let kept = kept.map(|file| format!("; {} stays as it was", escape(&file.display().to_string())));
        let kept = kept.unwrap_or_default();
        failure.chain.insert(
            0,
            format!(
                "no snapshot was made: with a part of a list, the rest would look as if it were gone{kept}"
            ),
        );
        failure.hint.get_or_insert_with(|| String::from("run it again: lists are read from their start"));
    }
    failure
}

/// Writes a snapshot in large pieces, because each is searched for secrets.
fn write(world: &World, to: &mut dyn Write) -> io::Result<()> {
    let mut buffer = io::BufWriter::with_capacity(BUFFER, to);
    world.write_yaml(&mut buffer)?;
    buffer.flush()
}

/// Refuses to replace the world that is read.
fn check_usage(args: &Args) -> Result<(), Failure> {
    let real = |path: &PathBuf| path.canonicalize().ok();
    let out = args.out.as_ref().and_then(real);
    if out.is_some() && out == args.connection.emulate.emulate.as_ref().and_then(real) {
        let message = "--out names the file of --emulate, which is never written";
        return Err(Failure::plain(Exit::Usage, message).hint("name another file with --out"));
    }
    Ok(())
}

/// Returns what is in an estate.
fn numbers(estate: &Estate) -> String {
    let users = count(estate.directory.system_users.len(), "system user", "system users");
    let wabas = count(estate.directory.wabas.len(), "WABA", "WABAs");
    let assignments = estate.observed.state.len() + estate.observed.others.len();
    format!("{users}, {wabas} and {}", count(assignments, "assignment", "assignments"))
}

/// Describes what the API did not report.
fn gaps(estate: &Estate) -> Vec<String> {
    let name = |id: &WabaId| {
        let name = estate.directory.wabas.get(id).map(|waba| waba.name.as_str()).unwrap_or_default();
        if name.is_empty() { id.to_string() } else { format!("{} ({id})", escape(name)) }
    };
    let observed = &estate.observed;
    let unreadable = |(id, why): (&WabaId, &Unreadable)| format!("{}: {}", name(id), escape(&why.why));
    let solutions =
        estate.solutions.of_waba.iter().filter_map(|(id, found)| Some((id, found.as_ref().err()?)));
    let kinds: [(&str, Vec<String>); 4] = [
        ("its access is unknown", observed.unreadable.iter().map(unreadable).collect()),
        ("its row in the list cannot be read", estate.left_out.iter().map(unreadable).collect()),
        ("its solutions are unknown", solutions.map(unreadable).collect()),
        (
            "its list of access is empty, and nothing could confirm that",
            observed.unconfirmed.iter().map(name).collect(),
        ),
    ];
    let mut lines = Vec::new();
    for (what, wabas) in kinds {
        lines.extend(wabas.iter().take(NAMED).map(|waba| format!("Unknown: WABA {waba} ({what})")));
        if wabas.len() > NAMED {
            lines.push(format!("Unknown: and {} more ({what})", wabas.len() - NAMED));
        }
    }
    lines
}
