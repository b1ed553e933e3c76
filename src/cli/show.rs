//! `wabacl show`.

use super::events::EventPrinter;
use super::exit::Exit;
use super::failure::Failure;
use super::options::{Format, Grouping};
use super::plan;
use super::terminal::Terminal;
use crate::sources::STDIN;
use crate::{engine, guard};
use jiff::Timestamp;
use std::path::{Path, PathBuf};

/// Shows a saved plan, without the API
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A plan that `wabacl plan --out` saved
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The output format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    grouping: Grouping,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let group_by = args.grouping.checked(args.format.into())?;
    if args.file == Path::new(STDIN) {
        let failure =
            Failure::plain(Exit::Usage, "a saved plan is read from a file, not from standard input");
        return Err(failure.hint("save it first: wabacl plan … --out FILE"));
    }
    let printer = EventPrinter::new(terminal);
    let saved = engine::load_saved(&args.file, &|event: engine::Event<'_>| printer.print(event))?;
    let review = guard::review(saved, &[], Timestamp::now());
    plan::show(&review, args.format, group_by, terminal)?;
    Ok(Exit::Done)
}
