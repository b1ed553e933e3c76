//! `wabacl reconcile`.

mod board;
mod hook;
mod pages;

use super::connection::StandingConnection;
use super::exit::Exit;
use super::failure::Failure;
use super::interrupt;
use super::log::{self, LogFormat};
use super::options::{self, Connection, ManifestPaths, Strategy};
use super::repository;
use super::signals::{Signals, after};
use super::terminal::Terminal;
use super::watchdog;
use crate::apply::{Shutdown, ShutdownReason, WABAS_IN_PROGRESS};
use crate::clock::Clock;
use crate::engine::{ApplyOptions, Happening, ReconcileSettings, Reconciler, Stopped};
use crate::listener::{Limits, Listener};
use crate::model::OriginEntry;
use crate::reconcile::{Mode, Pace};
use crate::sources::STDIN;
use crate::text::escape;
use crate::webhook;
use board::Board;
use clap::ValueEnum;
use hook::Hook;
use jiff::SignedDuration;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The shortest interval. A guess: a round takes about a second.
const SHORTEST: Duration = Duration::from_secs(1);

/// How long a round may take without `--timeout`, besides the waits for limits. A guess: a round of 100,000 WABAs takes some
/// minutes.
const LONGEST: Duration = Duration::from_secs(3600);

/// The time in which a round finds out whether the holder of the lease is dead, with some slack.
const LEASE: Duration = Duration::from_secs(180);

/// Plans again and again, shows what differs, and applies it if asked to
///
/// A plan that the guards refuse waits until the manifests change. While the manifests have errors, the last good ones stay in
/// force. The token file is read in each round. Ends with SIGTERM or SIGINT.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    paths: ManifestPaths,
    /// The pause between two rounds, such as 10m; after a failure it is shorter
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = interval)]
    interval: Duration,
    /// What a round does with its plan
    #[arg(long, value_enum, default_value = "observe")]
    mode: ModeOption,
    /// Serves status, metrics and the page of the last plan over HTTP on this address, such as 127.0.0.1:9464
    ///
    /// Paths: /, /status, /metrics, /healthz and /readyz. On an address that is not loopback, everybody who reaches it can read
    /// who holds what.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Receives Meta's webhook on this address, at /webhook and nothing else: an event makes its WABA's round due at once
    ///
    /// Needs the app secret and a verify token. TLS is left to a reverse proxy.
    #[arg(long, value_name = "ADDRESS")]
    webhook_listen: Option<SocketAddr>,
    /// A file with the verify token of the webhook (default: the environment variable WABACL_WEBHOOK_VERIFY_TOKEN)
    #[arg(long, value_name = "FILE", requires = "webhook_listen")]
    webhook_verify_token_file: Option<PathBuf>,
    /// What the runs come from, for the journal: KEY=VALUE, as for apply; can be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    origin: Vec<OriginEntry>,
    /// How long requests in flight may take to finish after an interrupt, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    grace: u32,
    /// The format of the lines on stderr (default: the environment variable WABACL_LOG_FORMAT, else text)
    #[arg(long, value_enum, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    #[command(flatten)]
    pub(super) connection: Connection,
}

impl Args {
    /// Returns the format of the log: that of the option, or that of the environment.
    pub(super) fn log_format(&self) -> Result<LogFormat, Failure> {
        let given = std::env::var_os(log::VARIABLE).filter(|value| !value.is_empty());
        match (self.log_format, given) {
            (Some(format), _) => Ok(format),
            (None, None) => Ok(LogFormat::default()),
            (None, Some(value)) => LogFormat::from_str(&value.to_string_lossy(), false).map_err(|_| {
                let value = value.to_string_lossy();
                let message = format!("{} is `{}`: expected text or json", log::VARIABLE, escape(&value));
                Failure::plain(Exit::Usage, message)
            }),
        }
    }
}

/// What a round does with its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ModeOption {
    /// Writes nothing
    Observe,
    /// Takes away what has expired, and writes nothing else
    Expired,
    /// Applies the plan
    Apply,
}

impl From<ModeOption> for Mode {
    fn from(mode: ModeOption) -> Self {
        match mode {
            ModeOption::Observe => Self::Observe,
            ModeOption::Expired => Self::Expired,
            ModeOption::Apply => Self::Apply,
        }
    }
}

/// Parses `--interval`.
fn interval(text: &str) -> Result<Duration, String> {
    let length: SignedDuration = options::length(text)?;
    let length = Duration::try_from(length).map_err(|error| error.to_string())?;
    if length < SHORTEST { Err(String::from("it is shorter than a second")) } else { Ok(length) }
}

pub(crate) async fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    check_usage(args)?;
    let connection = StandingConnection::open(&args.connection).await?;
    let settings = settings(args)?;
    let listener = match args.listen {
        Some(address) => Some(pages::bind(address, Limits::default()).await?),
        None => None,
    };
    let hook = match args.webhook_listen {
        Some(address) => Some(Hook::bind(address, args, &settings).await?),
        None => None,
    };
    let stop = Shutdown::new(settings.clock.clone(), settings.grace);
    let counts = hook.as_ref().map(Hook::counts);
    let board = Arc::new(Board::new(&settings, listener.is_some(), repository::source_links(), counts));
    let applying: Mutex<Option<Shutdown>> = Mutex::new(None);
    let watcher = |happening: Happening<'_>| {
        board.note(&happening);
        let note = |shutdown: Option<Shutdown>| {
            *applying.lock().unwrap_or_else(PoisonError::into_inner) = shutdown;
        };
        match happening {
            Happening::Begins { .. } => note(None),
            Happening::Applies { shutdown, .. } => {
                watchdog::applies(shutdown, settings.grace);
                note(Some(shutdown.clone()));
            }
            Happening::Stops { plan, shutdown } => {
                terminal.say(&interrupt::waiting(&shutdown.in_flight(), plan, settings.grace));
            }
            Happening::Ended(..) => watchdog::applied(),
        }
    };
    let connect = |business| connection.settings(business);
    say_begin(&settings, listener.as_ref(), hook.as_ref(), terminal);
    let mut reconciler = Reconciler::new(settings.clone(), &connect);
    if let Some(hook) = &hook {
        reconciler = reconciler.with_events(hook.due());
    }
    let running = async {
        let served = async {
            match listener {
                Some(listener) => pages::serve(listener, Arc::clone(&board), std::future::pending()).await,
                None => std::future::pending().await,
            }
        };
        let received = async {
            match hook {
                Some(hook) => hook.serve().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            stopped = reconciler.run(&stop, &watcher) => stopped,
            () = served => Stopped::Clean,
            () = received => Stopped::Clean,
        }
    };
    tokio::pin!(running);
    let stopped = tokio::select! {
        biased;
        () = signals.next() => {
            stop.request(ShutdownReason::Interrupted);
            tokio::select! {
                stopped = &mut running => stopped,
                () = signals.next() => {
                    terminal.say("Ended at once.");
                    let applying = applying.lock().unwrap_or_else(PoisonError::into_inner);
                    return Ok(applying.as_ref().map_or(Exit::Interrupted, after));
                }
            }
        }
        stopped = &mut running => stopped,
    };
    terminal.say("Stopped.");
    Ok(match stopped {
        Stopped::Clean => Exit::Done,
        Stopped::CutOff => Exit::Partial,
    })
}

/// Prints what begins, and where it is served.
fn say_begin(
    settings: &ReconcileSettings,
    listener: Option<&Listener>,
    hook: Option<&Hook>,
    terminal: &Terminal,
) {
    let (mode, interval) = (settings.mode.word(), settings.pace.interval);
    terminal.say(&format!("Reconciling in mode {mode}, every {interval:?}. Interrupt it to stop."));
    if let Some(hook) = hook {
        terminal.say(&format!("Receiving events on http://{}{}", hook.address(), webhook::PATH));
    }
    let Some(address) = listener.map(Listener::address) else { return };
    terminal.say(&format!("Listening on http://{address}"));
    if !address.ip().is_loopback() {
        terminal.warn("everybody who reaches this address can read who holds what; it has no password");
    }
}

/// Refuses standard input: it can be read only once.
fn check_usage(args: &Args) -> Result<(), Failure> {
    let secrets = args.connection.secret_files().chain(&args.webhook_verify_token_file);
    let mut files = args.paths.paths.iter().chain(secrets);
    if files.any(|path| path == Path::new(STDIN)) {
        let message = "reconcile reads its files in each round, so none of them can be standard input";
        return Err(Failure::plain(Exit::Usage, message));
    }
    Ok(())
}

fn settings(args: &Args) -> Result<ReconcileSettings, Failure> {
    let connection = &args.connection;
    let run = connection.run_settings();
    let grace = Duration::from_secs(u64::from(args.grace));
    let longest = run.timeout.unwrap_or(LONGEST + run.max_wait) + grace + LEASE;
    let wabas_in_progress = match connection.read_strategy {
        Strategy::Direct => usize::from(connection.concurrency),
        Strategy::Auto | Strategy::Nested | Strategy::Batch => WABAS_IN_PROGRESS,
    };
    Ok(ReconcileSettings {
        paths: args.paths.paths.clone(),
        mode: args.mode.into(),
        pace: Pace { interval: args.interval, longest },
        run,
        state: connection.required_state()?,
        clock: Clock::real(),
        lease_clock: super::state::clock(),
        options: ApplyOptions {
            waivers: Vec::new(),
            origin: repository::origin(&args.origin)?,
            wabas_in_progress,
        },
        grace,
        jitter: None,
    })
}
