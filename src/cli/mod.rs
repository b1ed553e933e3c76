//! The command line: arguments, streams, prompts, signals and exit codes.
//!
//! It decides nothing about access; the engine does the work. Each verb has a file of its own. `options`,
//! `connection`, `events` and `terminal` are shared by several verbs.

#![allow(clippy::doc_markdown, reason = "doc comments of arguments are help texts, shown as they are")]

mod apply;
mod completions;
mod connection;
mod drift;
#[cfg(feature = "emulator")]
mod emulator;
mod events;
mod exit;
mod explain;
mod failure;
mod import;
mod init;
mod interrupt;
mod journal;
mod log;
mod options;
mod plan;
mod reconcile;
mod report;
mod repository;
mod review;
mod schema;
mod shared;
mod show;
mod signals;
#[cfg(feature = "emulator")]
mod snapshot;
mod state;
mod terminal;
mod test;
mod undo;
mod validate;
mod waivers;
mod watchdog;
mod who_can;
mod whoami;

pub use exit::Exit;

use crate::text::escape;
use clap::error::ContextValue;
use clap::{Parser, Subcommand};
use failure::Failure;
use log::LogFormat;
use options::Common;
use std::process::ExitCode;
use terminal::Terminal;
use watchdog::Watch;

/// Access to WhatsApp Business Accounts (WABAs) as code.
///
/// Manifests declare which system users hold which tasks on which WABAs. `plan` compares them with the live state,
/// `apply` makes only the assignments that differ, `drift` reports whether live access differs.
#[derive(Debug, Parser)]
#[command(name = "wabacl", version, max_term_width = 100, after_help = exit::TABLE)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Init(init::Args),
    Import(import::Args),
    Validate(validate::Args),
    Plan(plan::Args),
    Apply(apply::Args),
    Undo(Box<undo::Args>),
    Drift(drift::Args),
    Reconcile(Box<reconcile::Args>),
    WhoCan(who_can::Args),
    Explain(explain::Args),
    Report(report::Args),
    Review(Box<review::Args>),
    Test(test::Args),
    Show(show::Args),
    Journal(journal::Args),
    State(shared::Args),
    Whoami(whoami::Args),
    #[cfg(feature = "emulator")]
    Snapshot(Box<snapshot::Args>),
    Schema(schema::Args),
    Completions(completions::Args),
    Man(completions::ManArgs),
    #[cfg(feature = "emulator")]
    Emulator(emulator::Args),
}

/// Runs the program with the arguments and the environment of this process.
pub fn main() -> ExitCode {
    completions::answer();
    connection::protect_environment();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(error),
    };
    let terminal = Terminal::new(&cli.common);
    match cli.verb.log_format() {
        Ok(format) => terminal.start_logging(&cli.common, format),
        Err(failure) => return fail(&terminal, &failure),
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&terminal, &Failure::failed("starting the program", error)),
    };
    let result = watchdog::start(cli.verb.watch());
    let result = result.and_then(|()| runtime.block_on(run(cli, &terminal)));
    // An unanswered prompt must not delay the exit.
    runtime.shutdown_background();
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => fail(&terminal, &failure),
    }
}

impl Verb {
    /// Returns the format of the log.
    fn log_format(&self) -> Result<LogFormat, Failure> {
        if let Self::Reconcile(args) = self { args.log_format() } else { Ok(LogFormat::Text) }
    }

    /// Returns how a signal ends the verb.
    fn watch(&self) -> Watch {
        let connection = match self {
            Self::Import(args) => &args.connection,
            Self::Validate(args) if args.live => &args.connection,
            Self::Plan(args) => &args.connection,
            Self::Apply(args) => &args.connection,
            Self::Undo(args) => &args.connection,
            Self::Drift(args) => &args.connection,
            Self::WhoCan(args) => &args.connection,
            Self::Explain(args) => &args.connection,
            Self::Report(args) => &args.connection,
            Self::Review(args) => &args.connection,
            Self::Test(args) => &args.connection,
            Self::Whoami(args) => &args.connection,
            #[cfg(feature = "emulator")]
            Self::Snapshot(args) => &args.connection,
            #[cfg(feature = "emulator")]
            Self::Emulator(_) => return Watch::Handled(None),
            // `--timeout` is for each round.
            Self::Reconcile(_) => return Watch::Handled(None),
            Self::Init(_) | Self::Man(_) => {
                return Watch::AtOnce("Interrupted: some files may not have been written; run it again.");
            }
            Self::State(args) => return Watch::AtOnce(args.interrupted()),
            Self::Validate(_) | Self::Show(_) | Self::Journal(_) | Self::Schema(_) | Self::Completions(_) => {
                return Watch::AtOnce("Interrupted: nothing was written.");
            }
        };
        Watch::Handled(connection.timeout())
    }
}

async fn run(cli: Cli, terminal: &Terminal) -> Result<Exit, Failure> {
    match cli.verb {
        Verb::Init(args) => init::run(&args, terminal),
        Verb::Import(args) => signals::ends_at_once(Box::pin(import::run(&args, terminal)), terminal).await,
        Verb::Validate(args) if args.live => {
            signals::ends_at_once(Box::pin(validate::run(&args, terminal)), terminal).await
        }
        Verb::Validate(args) => Box::pin(validate::run(&args, terminal)).await,
        Verb::Plan(args) => signals::ends_at_once(Box::pin(plan::run(&args, terminal)), terminal).await,
        Verb::Apply(args) => Box::pin(apply::run(&args, terminal)).await,
        Verb::Undo(args) => signals::ends_at_once(Box::pin(undo::run(&args, terminal)), terminal).await,
        Verb::Drift(args) => signals::ends_at_once(Box::pin(drift::run(&args, terminal)), terminal).await,
        Verb::Reconcile(args) => Box::pin(reconcile::run(&args, terminal)).await,
        Verb::WhoCan(args) => signals::ends_at_once(Box::pin(who_can::run(&args, terminal)), terminal).await,
        Verb::Explain(args) => signals::ends_at_once(Box::pin(explain::run(&args, terminal)), terminal).await,
        Verb::Report(args) => signals::ends_at_once(Box::pin(report::run(&args, terminal)), terminal).await,
        Verb::Review(args) => signals::ends_at_once(Box::pin(review::run(&args, terminal)), terminal).await,
        Verb::Test(args) => signals::ends_at_once(Box::pin(test::run(&args, terminal)), terminal).await,
        Verb::Show(args) => show::run(&args, terminal).await,
        Verb::Journal(args) => journal::run(&args, terminal).await,
        Verb::State(args) => shared::run(&args, terminal).await,
        Verb::Whoami(args) => signals::ends_at_once(whoami::run(&args, terminal), terminal).await,
        #[cfg(feature = "emulator")]
        Verb::Snapshot(args) => {
            signals::ends_at_once(Box::pin(snapshot::run(&args, terminal)), terminal).await
        }
        Verb::Schema(args) => schema::run(&args, terminal),
        Verb::Completions(args) => completions::run(&args, terminal),
        Verb::Man(args) => completions::man(&args, terminal),
        #[cfg(feature = "emulator")]
        Verb::Emulator(args) => emulator::run(&args, terminal).await,
    }
}

fn fail(terminal: &Terminal, failure: &Failure) -> ExitCode {
    terminal.failure(failure);
    failure.exit.into()
}

/// Prints a usage error, help or version. Help and version are not errors.
fn usage(error: clap::Error) -> ExitCode {
    if error.use_stderr() {
        let message = escaped(error).render().to_string();
        let lines: Vec<_> = message.lines().map(escape).collect();
        terminal::talk(&(lines.join("\n") + "\n"));
        return Exit::Usage.into();
    }
    // If this cannot be printed, the exit code still shows it.
    let _ = error.print();
    Exit::Done.into()
}

/// Escapes the arguments that an error quotes, so that no line of it begins with them.
fn escaped(mut error: clap::Error) -> clap::Error {
    let texts: Vec<_> = error
        .context()
        .filter_map(|(kind, value)| match value {
            ContextValue::String(text) => Some((kind, ContextValue::String(escape(text).into_owned()))),
            ContextValue::Strings(texts) => Some((
                kind,
                ContextValue::Strings(texts.iter().map(|text| escape(text).into_owned()).collect()),
            )),
            ContextValue::StyledStrs(texts) => {
                let texts = texts.iter().map(|text| escape(&text.to_string()).into_owned().into());
                Some((kind, ContextValue::StyledStrs(texts.collect())))
            }
            ContextValue::None
            | ContextValue::Bool(_)
            | ContextValue::StyledStr(_)
            | ContextValue::Number(_)
            | _ => None,
        })
        .collect();
    for (kind, value) in texts {
        error.insert(kind, value);
    }
    error
}
