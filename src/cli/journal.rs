//! `wabacl journal`.

use super::exit::Exit;
use super::failure::Failure;
use super::options::ReportFormat;
use super::state::StateOptions;
use super::terminal::Terminal;
use crate::documents;
use crate::model::{BusinessId, Histories};
use crate::render;
use crate::store::{JournalError, Keep, StateStore};
use std::num::NonZeroUsize;

/// Shows what was applied, by which user, when and why, and what is in flight
///
/// Reads only the journals on this machine, not the API.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    state: StateOptions,
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

pub(crate) async fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let state = args.state.required(None)?;
    let keep = args.last.map_or(Keep::All, |runs| Keep::Last(runs.get()));
    let histories = histories(&state, args.business, keep)
        .await
        .map_err(|error| Failure::journal("reading the journal", &error))?;
    match args.format {
        ReportFormat::Json => terminal.written(|to| documents::journal(&histories, to))?,
        ReportFormat::Text if histories.is_empty() => {
            let of = args.business.map(|id| format!(" of the business {id}")).unwrap_or_default();
            terminal.product(&format!("There is no journal{of} in {state}.\n"))?;
        }
        ReportFormat::Text => terminal.product(&render::text::journal(&histories, &terminal.style()))?,
    }
    Ok(Exit::Done)
}

async fn histories(
    state: &StateStore,
    only: Option<BusinessId>,
    keep: Keep,
) -> Result<Histories, JournalError> {
    let mut histories = Histories::default();
    for business in state.businesses().await? {
        if only.is_none_or(|only| only == business) {
            histories.insert(business, state.history(business, keep).await?);
        }
    }
    Ok(histories)
}
