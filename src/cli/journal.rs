//! `wabacl journal`.

use super::exit::Exit;
use super::failure::Failure;
use super::options::ReportFormat;
use super::state::StateDir;
use super::terminal::Terminal;
use crate::documents;
use crate::model::{BusinessId, Histories};
use crate::render;
use crate::store::{self, JournalError, Keep};
use crate::text::escape;
use std::num::NonZeroUsize;
use std::path::Path;

/// Shows what was applied, by which user, when and why, and what is in flight
///
/// Reads only the journals on this machine, not the API.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    state_dir: StateDir,
    /// Only the journal of this business (default: all)
    #[arg(long, value_name = "ID")]
    business: Option<BusinessId>,
    /// Only the last runs of each business, and earlier ones that left a write in flight
    #[arg(long, value_name = "NUMBER")]
    last: Option<NonZeroUsize>,
    /// The output format
    #[arg(long, value_enum, default_value = "text")]
    format: ReportFormat,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let state_dir = args.state_dir.path()?;
    let keep = args.last.map_or(Keep::All, |runs| Keep::Last(runs.get()));
    let histories = histories(&state_dir, args.business, keep)
        .map_err(|error| Failure::journal("reading the journal", &error))?;
    match args.format {
        ReportFormat::Json => terminal.written(|to| documents::journal(&histories, to))?,
        ReportFormat::Text if histories.is_empty() => {
            let of = args.business.map(|id| format!(" of the business {id}")).unwrap_or_default();
            let place = state_dir.display().to_string();
            terminal.product(&format!("There is no journal{of} in {}.\n", escape(&place)))?;
        }
        ReportFormat::Text => terminal.product(&render::text::journal(&histories, &terminal.style()))?,
    }
    Ok(Exit::Done)
}

fn histories(state_dir: &Path, only: Option<BusinessId>, keep: Keep) -> Result<Histories, JournalError> {
    let mut businesses = store::businesses(state_dir)?;
    businesses.retain(|business| only.is_none_or(|only| only == *business));
    let read = |business| Ok((business, store::read(&store::path(state_dir, business), keep)?));
    businesses.into_iter().map(read).collect()
}
