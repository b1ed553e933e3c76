//! `wabacl validate`.

use super::exit::Exit;
use super::failure::Failure;
use super::options::{self, ManifestPaths, PlannedFor, ValidateFormat};
use super::terminal::{self, Terminal};
use crate::manifest::Manifest;
use crate::text::count;
use crate::{documents, engine, render};

/// Checks manifests without the API
///
/// Reports every error in one run, with its position and what to do.
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
    let (diagnostics, sources) = (&validation.diagnostics, &validation.sources);
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
            if terminal::is_github() {
                text += &render::github::diagnostics(diagnostics, sources, &terminal::path_prefix());
            }
            terminal.product(&text)?;
        }
    }
    Ok(if validation.is_valid() { Exit::Done } else { Exit::Failed })
}

fn counts(manifest: &Manifest) -> String {
    let (users, wabas, grants) = (manifest.system_users.len(), manifest.wabas.len(), manifest.grants.len());
    let mut counts = vec![
        count(users, "system user", "system users"),
        count(wabas, "WABA", "WABAs"),
        count(grants, "grant", "grants"),
    ];
    if !manifest.exceptions.is_empty() {
        counts.push(count(manifest.exceptions.len(), "exception", "exceptions"));
    }
    format!("Valid: {}.\n", counts.join(", "))
}
