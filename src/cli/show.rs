//! `wabacl show`.

use super::exit::Exit;
use super::failure::Failure;
use super::options::Format;
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
    let review = guard::review(saved::load(&args.file)?, &[]);
    plan::show(&review, args.format, terminal)?;
    Ok(Exit::Done)
}
