//! `wabacl validate`.

use super::connection::CheckedConnection;
use super::events::EventPrinter;
use super::exit::Exit;
use super::failure::Failure;
use super::options::{self, Connection, ManifestPaths, PlannedFor, ValidateFormat};
use super::terminal::{self, Terminal};
use crate::engine::Validation;
use crate::manifest::Manifest;
use crate::model::Selection;
use crate::text::count;
use crate::{access_test, documents, engine, render};
use std::fmt::Write as _;

/// Checks manifests, without the API unless --live is given
///
/// Reports every error in one run, with its position and what to do. Judges the access tests on what the manifests ask for:
/// exits with 3 if one fails. With --live, system users and WABAs are looked up in the business; no assignments are read.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    paths: ManifestPaths,
    #[command(flatten)]
    time: PlannedFor,
    /// The output format
    #[arg(long, value_enum, default_value = "text")]
    format: ValidateFormat,
    /// Also checks them against the system users and WABAs of the business, or of the emulator's file with --emulate. Exits with 4
    /// if one is not found
    #[arg(long)]
    pub(super) live: bool,
    #[command(flatten)]
    pub(super) connection: Connection,
}

pub(crate) async fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    options::check_stdin(args.paths.paths.iter().chain(args.connection.secret_files()))?;
    if args.connection.is_embedded() && !args.live {
        return Err(Failure::plain(Exit::Usage, "--emulate needs --live"));
    }
    let mut validation = engine::validate(&args.paths.paths, args.time.or_now());
    if args.live && validation.is_valid() {
        validation = Box::pin(live(args, validation, terminal)).await?;
    }
    show(args, &validation, terminal)?;
    let tests = validation.tests.as_ref().map_or(Exit::Done, super::test::exit);
    let is_missing = validation.live.is_some_and(|live| live.missing > 0);
    let found = if is_missing { Exit::Partial } else { Exit::Done };
    // If several codes fit, the first in the order of the table wins.
    Ok(if validation.is_valid() { tests.min(found) } else { Exit::Failed })
}

/// Looks up in the business what the manifests name.
async fn live(args: &Args, offline: Validation, terminal: &Terminal) -> Result<Validation, Failure> {
    let printer = EventPrinter::new(terminal);
    let events = &|event: engine::Event<'_>| printer.print(event);
    let prepared = CheckedConnection::new(&args.connection)?;
    let request = args.time.request(Selection::default(), args.connection.state()?);
    let business = offline.manifest.as_ref().map(|manifest| manifest.business.value);
    let connected = prepared.connect(business, events).await?;
    let validation = connected.session.validate(offline, &request, events).await;
    connected.end(terminal).await;
    Ok(validation?)
}

fn show(args: &Args, validation: &Validation, terminal: &Terminal) -> Result<(), Failure> {
    let sources = &validation.sources;
    let tests = validation.tests.as_ref();
    let failed = tests.map(|tests| access_test::diagnostics(tests, sources)).unwrap_or_default();
    let diagnostics = &[validation.diagnostics.as_slice(), &failed].concat();
    match args.format {
        ValidateFormat::Json => {
            terminal.written(|to| documents::diagnostics(diagnostics, sources, to))?;
        }
        ValidateFormat::Sarif => {
            terminal.written(|to| render::sarif::diagnostics(diagnostics, sources, to))?;
        }
        ValidateFormat::Github => {
            terminal.product(&render::github::diagnostics(diagnostics, sources, &terminal::path_prefix()))?;
        }
        ValidateFormat::Text => {
            let mut text = render::text::diagnostics(diagnostics, sources, &terminal.style());
            if let Some(manifest) = validation.manifest.as_ref().filter(|_| validation.is_valid()) {
                text += &counts(manifest);
            }
            if let Some(live) = validation.live {
                let users = count(live.users, "system user", "system users");
                let wabas = count(live.wabas, "WABA", "WABAs");
                // Writing into a string cannot fail.
                let _ =
                    writeln!(text, "In the business: {users}, {wabas} in scope, {} not found.", live.missing);
            }
            if let Some(tests) = tests {
                text += &render::text::tests_summary(tests);
                text.push('\n');
            }
            if terminal::is_github() {
                text += &render::github::diagnostics(diagnostics, sources, &terminal::path_prefix());
            }
            terminal.product(&text)?;
        }
    }
    Ok(())
}

fn counts(manifest: &Manifest) -> String {
    let users = count(manifest.system_users.len(), "system user", "system users");
    let wabas = count(manifest.wabas.len(), "WABA", "WABAs");
    let grants = count(manifest.grants.len(), "grant", "grants");
    let exceptions = match manifest.exceptions.len() {
        0 => String::new(),
        number => format!(", {}", count(number, "exception", "exceptions")),
    };
    format!("Valid: {users}, {wabas}, {grants}{exceptions}.\n")
}
