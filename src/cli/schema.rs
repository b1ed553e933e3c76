//! `wabacl schema`.

use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::documents::schema;
use crate::manifest;
use clap::ValueEnum;

/// Prints a JSON Schema
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The document that it describes
    #[arg(value_enum, default_value = "manifest")]
    of: Of,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Of {
    /// The manifest
    Manifest,
    /// `plan --format json` and `drift --format json`
    Plan,
    /// `apply --format json`
    Report,
    /// The file of `plan --out`
    SavedPlan,
    /// `validate --format json`
    Diagnostics,
    /// `test --format json`
    Tests,
    /// `journal --format json`
    Journal,
    /// `who-can --format json`
    WhoCan,
    /// `explain --format json`
    Explain,
    /// `report --format json`
    AccessReport,
    /// The file of `review --take`
    Review,
    /// `/status` of `reconcile`
    Status,
    /// `snapshot --diff OLD --format json`
    #[cfg(feature = "emulator")]
    SnapshotDiff,
    /// The emulator's file
    #[cfg(feature = "emulator")]
    Emulator,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    terminal.product(&match args.of {
        Of::Manifest => manifest::schema(),
        Of::Plan => schema::plan(),
        Of::Report => schema::report(),
        Of::SavedPlan => schema::saved_plan(),
        Of::Diagnostics => schema::diagnostics(),
        Of::Tests => schema::tests(),
        Of::Journal => schema::journal(),
        Of::WhoCan => schema::who_can(),
        Of::Explain => schema::explain(),
        Of::AccessReport => schema::access_report(),
        Of::Review => schema::review(),
        Of::Status => schema::status(),
        #[cfg(feature = "emulator")]
        Of::SnapshotDiff => schema::snapshot_diff(),
        #[cfg(feature = "emulator")]
        Of::Emulator => crate::emulator::schema(),
    })?;
    Ok(Exit::Done)
}
