//! `wabacl import`.

mod update;

use super::connection::{self, CheckedConnection};
use super::events::EventPrinter;
use super::exit::Exit;
use super::failure::Failure;
use super::options::{self, Connection};
use super::terminal::Terminal;
use crate::engine;
use crate::files;
use crate::import::{ImportOptions, Imported, ImportedFile};
use crate::model::BusinessId;
use crate::render;
use crate::text::count;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Writes manifests from what is live: their plan is empty
///
/// Finds grants by names, lists and latent labels; what these do not explain becomes exceptions, to be reviewed. Writes
/// nothing unless the plan of the files is empty with each value of `prune`. With --update, existing manifests get what is live
/// and they do not give; everything in them stays, byte for byte.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("folder").args(["out", "update"]).required(true)))]
pub(crate) struct Args {
    /// The business portfolio (default: that of the manifests with --update, the first of the file with --emulate)
    #[arg(long, value_name = "ID")]
    business: Option<BusinessId>,
    /// The folder for the files; it holds no manifests yet
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The folder with manifests that get what is new: system users, WABAs, grants and exceptions. Reports what they ask for
    /// that is not live
    #[arg(long, value_name = "DIR")]
    update: Option<PathBuf>,
    /// Leaves suspected mistakes out of the exceptions, and prints what a plan does about each, and the evidence; not with --update
    #[arg(long)]
    normalize: bool,
    #[command(flatten)]
    pub(super) connection: Connection,
}

pub(crate) async fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let printer = EventPrinter::new(terminal);
    let events = &|event: engine::Event<'_>| printer.print(event);
    options::check_stdin(args.connection.secret_files())?;
    let out = match (&args.out, &args.update) {
        (Some(out), _) => out,
        (None, Some(folder)) => return update::run(args, folder, terminal, events).await,
        (None, None) => return Err(Failure::plain(Exit::Usage, "--out is missing")),
    };
    check_folder(out)?;
    connection::check_business(args.business, &args.connection)?;
    let prepared = CheckedConnection::new(&args.connection)?;
    let connected = prepared.connect(args.business, events).await?;
    let business = connected.business(args.business)?;
    let session = &connected.session;
    let made = if args.normalize {
        let made = session.import_normalized(business, events).await;
        made.map(|(imported, proposal)| (imported, Some(proposal)))
    } else {
        session.import(business, ImportOptions::default(), events).await.map(|imported| (imported, None))
    };
    connected.end(terminal).await;
    let (imported, righting) = made?;
    for (id, (name, why)) in &imported.unreadable {
        terminal.say(&format!(
            "warning: the access on {name} ({id}) is not known and was left out: {why}; access.yaml declares the WABA with \
             `gone: true`, so no plan touches it. Once it can be read, delete that line and run `wabacl import --update`"
        ));
    }
    write(out, &imported.files)?;
    if let Some(proposal) = righting {
        let deviations = &imported.deviations;
        terminal.written(|to| render::text::kept_exceptions(deviations, to))?;
        terminal.product(&render::text::righting(&proposal, deviations, &terminal.style()))?;
    }
    terminal.product(&summary(args, out, &imported))?;
    Ok(if imported.unreadable.is_empty() { Exit::Done } else { Exit::Partial })
}

/// Checks that the folder holds no manifests: together with others, the new ones would mean something else.
fn check_folder(folder: &Path) -> Result<(), Failure> {
    let is_taken = |name: &str| {
        let name = name.to_ascii_lowercase();
        [".yaml", ".yml", ".csv"].iter().any(|end| name.ends_with(end))
    };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Failure::failed(&format!("reading {}", folder.display()), error)),
    };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| is_taken(name))
        .collect();
    names.sort();
    match names.first() {
        None => Ok(()),
        Some(first) => Err(Failure::plain(
            Exit::Failed,
            format!("{} already holds {first}; nothing was written", folder.display()),
        )
        .hint("give a folder without manifests")),
    }
}

/// Writes the files for their owner only. The one that names the others comes last, so an interrupted run leaves no manifest.
fn write(folder: &Path, imported: &[ImportedFile]) -> Result<(), Failure> {
    if !folder.is_dir() {
        files::create_private_folder(folder)
            .map_err(|error| Failure::failed(&format!("creating {}", folder.display()), error))?;
    }
    for file in imported.iter().rev() {
        let path = folder.join(file.name);
        files::replace(&path, files::OWNER_ONLY, |to| to.write_all(file.text.as_bytes()))
            .map_err(|error| Failure::failed(&format!("writing {}", path.display()), error))?;
    }
    Ok(())
}

fn summary(args: &Args, out: &Path, imported: &Imported) -> String {
    let mut text = String::new();
    for file in &imported.files {
        let length = count(file.text.lines().count(), "line", "lines");
        // Writing into a string cannot fail.
        let _ = writeln!(text, "wrote {} ({length})", out.join(file.name).display());
    }
    let lines = &imported.lines;
    let parts = [
        count(lines.grants, "line of grants", "lines of grants"),
        count(lines.roles, "role", "roles"),
        count(lines.labels, "label", "labels") + " on " + &count(lines.wabas, "WABA", "WABAs"),
        count(lines.exceptions, "line of exceptions", "lines of exceptions"),
    ];
    let assignments = count(imported.assignments, "assignment", "assignments");
    let users = count(imported.users, "system user", "system users");
    let wabas = count(imported.wabas, "WABA", "WABAs");
    let _ = writeln!(text, "Imported {assignments} of {users} on {wabas}: {}.", parts.join(", "));
    let out = out.display();
    let suspected = imported.deviations.iter().filter(|deviation| deviation.is_suspected()).count();
    let _ = if args.normalize {
        writeln!(
            text,
            "{} left out of the exceptions: with `prune: declared`, the plan of {out} rights them.",
            count(suspected, "suspected mistake was", "suspected mistakes were")
        )
    } else {
        writeln!(text, "Their plan is empty, with `prune: none`, `declared` and `all`.")
    };
    text
}
