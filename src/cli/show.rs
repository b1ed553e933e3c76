//! `wabacl show`.

use super::exit::Exit;
use super::failure::Failure;
use super::options::Format;
use super::pipeline::Planned;
use super::plan;
use super::saved;
use super::terminal::Terminal;
use crate::guard;
use std::path::PathBuf;

/// Shows a saved plan, without the API
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A plan that `wabacl plan --out` saved
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What to print
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let planned = Planned::from(saved::load(&args.file)?);
    let judgement = guard::judge(&planned.plan, &planned.policy, &[]);
    plan::show(&planned, &judgement, args.format, terminal)?;
    Ok(Exit::Done)
}
