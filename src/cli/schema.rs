//! `wabacl schema`.

use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::{manifest, planfile, render};
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
    /// `journal --format json`
    Journal,
    /// The emulator's file
    #[cfg(feature = "emulator")]
    Emulator,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    terminal.product(&match args.of {
        Of::Manifest => manifest::schema(),
        Of::Plan => render::schema::plan(),
        Of::Report => render::schema::report(),
        Of::SavedPlan => planfile::schema(),
        Of::Diagnostics => render::schema::diagnostics(),
        Of::Journal => render::schema::journal(),
        #[cfg(feature = "emulator")]
        Of::Emulator => crate::emulator::schema(),
    })?;
    Ok(Exit::Done)
}
