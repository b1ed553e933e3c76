//! `wabacl validate`.

use super::exit::Exit;
use super::failure::Failure;
use super::options::{ManifestPaths, ValidateFormat};
use super::pipeline;
use super::terminal::{self, Terminal};
use crate::diagnostic::Diagnostic;
use crate::manifest::{self, Manifest};
use crate::{render, resolve, sources};
use jiff::civil::Date;

/// Checks manifests without the API
///
/// Reports every error in one run, with the place and what to do.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    paths: ManifestPaths,
    /// The day for which Meta's rules are checked, in UTC (today)
    #[arg(long, value_name = "YYYY-MM-DD")]
    today: Option<Date>,
    /// What to print
    #[arg(long, value_enum, default_value = "text")]
    format: ValidateFormat,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let (sources, mut diagnostics) = sources::read(&args.paths.paths);
    let (manifest, found) = manifest::parse(&sources);
    diagnostics.extend(found);
    if let Some(manifest) = &manifest {
        diagnostics.extend(resolve::check_offline(manifest, pipeline::day(args.today)));
    }
    let failed = manifest.is_none() || diagnostics.iter().any(Diagnostic::is_error);
    match args.format {
        ValidateFormat::Json => {
            terminal.written(|to| render::json::diagnostics(&diagnostics, &sources, to))?;
        }
        ValidateFormat::Sarif => {
            terminal.written(|to| render::sarif::diagnostics(&diagnostics, &sources, to))?;
        }
        ValidateFormat::Github => {
            terminal.product(&render::github::diagnostics(&diagnostics, &sources, &terminal::top()))?;
        }
        ValidateFormat::Text => {
            let mut text = render::text::diagnostics(&diagnostics, &sources, &terminal.style());
            if let Some(manifest) = manifest.filter(|_| !failed) {
                text += &counts(&manifest);
            }
            if terminal::is_github() {
                text += &render::github::diagnostics(&diagnostics, &sources, &terminal::top());
            }
            terminal.product(&text)?;
        }
    }
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

fn counts(manifest: &Manifest) -> String {
    let (users, wabas, grants) = (manifest.system_users.len(), manifest.wabas.len(), manifest.grants.len());
    format!("Valid: {users} system users, {wabas} WABAs, {grants} grants.\n")
}
