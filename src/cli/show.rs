//! `wabacl show`.

use super::events::EventPrinter;
use super::exit::Exit;
use super::failure::Failure;
use super::options::Format;
use super::plan;
use super::terminal::Terminal;
use crate::{engine, guard};
use std::path::PathBuf;

/// Shows a saved plan, without the API
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A plan that `wabacl plan --out` saved
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The output format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let printer = EventPrinter::new(terminal);
    let saved = engine::load_saved(&args.file, &|event: engine::Event<'_>| printer.print(event))?;
    let review = guard::review(saved, &[]);
    plan::show(&review, args.format, terminal)?;
    Ok(Exit::Done)
}
