//! `wabacl show`.

use super::events::EventPrinter;
use super::exit::Exit;
use super::failure::Failure;
use super::options::{Format, Grouping};
use super::plan;
use super::state::StateOptions;
use super::terminal::Terminal;
use crate::model::BusinessId;
use crate::proposal::Proposal;
use crate::sources::STDIN;
use crate::{engine, guard};
use jiff::Timestamp;
use std::path::{Path, PathBuf};

/// Shows a saved plan, without the API
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A plan that `wabacl plan --out` saved
    #[arg(value_name = "FILE", required_unless_present = "last_applied", conflicts_with = "last_applied")]
    file: Option<PathBuf>,
    /// The plan that was applied last as a whole, from a shared state
    #[arg(long)]
    last_applied: bool,
    /// With --last-applied: the business; only needed if the state has several
    #[arg(long, value_name = "ID", requires = "last_applied")]
    business: Option<BusinessId>,
    #[command(flatten)]
    state: StateOptions,
    /// The output format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    grouping: Grouping,
}

pub(crate) async fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let group_by = args.grouping.checked(args.format.into())?;
    let printer = EventPrinter::new(terminal);
    let saved = match &args.file {
        Some(file) if file == Path::new(STDIN) => {
            let failure =
                Failure::plain(Exit::Usage, "a saved plan is read from a file, not from standard input");
            return Err(failure.hint("save it first: wabacl plan … --out FILE"));
        }
        Some(file) => engine::load_saved(file, &|event: engine::Event<'_>| printer.print(event))?,
        None => last_applied(args).await?,
    };
    let review = guard::review(saved, &[], Timestamp::now());
    plan::show(&review, args.format, group_by, terminal)?;
    Ok(Exit::Done)
}

async fn last_applied(args: &Args) -> Result<Proposal, Failure> {
    let state = args.state.required(None)?;
    if !state.is_shared() {
        return Err(Failure::plain(
            Exit::Usage,
            format!("{state} is a folder of this machine, which keeps no plans"),
        )
        .hint("name a shared state with --state s3://bucket/prefix"));
    }
    let business = if let Some(business) = args.business {
        business
    } else {
        let found = state.businesses().await;
        match *found.map_err(|error| Failure::journal("reading the state", &error))? {
            [only] => only,
            [] => return Err(Failure::plain(Exit::Failed, format!("there is no state in {state}"))),
            _ => {
                let message = format!("there are several businesses in {state}");
                return Err(Failure::plain(Exit::Usage, message).hint("name one with --business ID"));
            }
        }
    };
    engine::last_applied(&state, business).await?.ok_or_else(|| {
        let message =
            format!("no plan that was applied as a whole is kept for the business {business} in {state}");
        Failure::plain(Exit::Failed, message)
    })
}
