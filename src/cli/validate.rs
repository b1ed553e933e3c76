//! `wabacl validate`.

use super::exit::Exit;
use super::failure::Failure;
use super::options::{self, ManifestPaths, PlannedFor, ValidateFormat};
use super::terminal::{self, Terminal};
use crate::manifest::Manifest;
use crate::text::count;
use crate::{access_test, documents, engine, render};

/// Checks manifests without the API
///
/// Reports every error in one run, with its position and what to do. Judges the access tests on what the manifests ask for:
/// exits with 3 if one fails.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    paths: ManifestPaths,
    #[command(flatten)]
    time: PlannedFor,
    /// The output format
    #[arg(long, value_enum, default_value = "text")]
    format: ValidateFormat,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    options::check_stdin(&args.paths.paths)?;
    let validation = engine::validate(&args.paths.paths, args.time.or_now());
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
    let tests = tests.map_or(Exit::Done, super::test::exit);
    Ok(if validation.is_valid() { tests } else { Exit::Failed })
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
