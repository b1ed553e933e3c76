//! `wabacl state`: who holds the lease of a shared state, whether its store keeps one, and how a lease is taken away.

use super::exit::Exit;
use super::failure::Failure;
use super::state::{StateOptions, clock};
use super::terminal::Terminal;
use crate::chain::{Forced, Header};
use crate::model::BusinessId;
use crate::store::{JournalError, Keep, LeaseState, StateStore};
use crate::text::{count, escape};
use std::fmt::Write as _;

/// Shows and checks the state that machines share
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: StateVerb,
}

#[derive(Debug, clap::Subcommand)]
enum StateVerb {
    /// Shows who holds the lease of each business, and what is in flight
    Show(StateOptions),
    /// Checks that the store keeps a state, and that every part of the journal can be read
    ///
    /// Writes a few small objects below `self-test/`.
    Check(StateOptions),
    /// Takes the lease away from a run
    ///
    /// A lease ends by itself two minutes after its run has ended. If the run is alive, it stops: it sends nothing more once it
    /// notices. Until then, for up to 30 seconds, it can still send writes.
    Release(ReleaseArgs),
}

#[derive(Debug, clap::Args)]
struct ReleaseArgs {
    #[command(flatten)]
    state: StateOptions,
    /// The run that holds the lease, as `state show` prints it
    #[arg(long, value_name = "ID")]
    run: String,
}

pub(crate) async fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    match &args.verb {
        StateVerb::Show(options) => show(&options.required(None)?, terminal).await,
        StateVerb::Check(options) => check(&shared(options)?, terminal).await,
        StateVerb::Release(args) => release(&shared(&args.state)?, &args.run, terminal).await,
    }
}

/// Returns the state, if machines share it.
fn shared(options: &StateOptions) -> Result<StateStore, Failure> {
    let state = options.required(None)?;
    if state.is_shared() {
        return Ok(state);
    }
    Err(Failure::plain(Exit::Usage, format!("{state} is a folder of this machine")).hint(
        "the lock of a folder ends with its process; name a shared state with --state s3://bucket/prefix",
    ))
}

fn reading(error: &JournalError) -> Failure {
    Failure::journal("reading the state", error)
}

async fn show(state: &StateStore, terminal: &Terminal) -> Result<Exit, Failure> {
    let businesses = state.businesses().await.map_err(|error| reading(&error))?;
    if businesses.is_empty() {
        terminal.product(&format!("There is no state in {state}.\n"))?;
    }
    for business in businesses {
        let history = state.history(business, Keep::InFlight).await.map_err(|error| reading(&error))?;
        let lease = state.lease(business).await.map_err(|error| reading(&error))?;
        let text = describe(business, lease.as_ref(), history.in_flight().count());
        terminal.product(&text)?;
    }
    Ok(Exit::Done)
}

fn describe(business: BusinessId, lease: Option<&LeaseState>, in_flight: usize) -> String {
    let mut text = format!("Business {business}\n");
    // Writing into a string cannot fail.
    match lease {
        None => text.push_str("  lock:      of this machine; it ends with its process\n"),
        Some(LeaseState { last: None, .. }) => text.push_str("  lease:     free; never taken\n"),
        Some(LeaseState { last: Some(last), .. }) if last.what.is_free() => {
            let _ = writeln!(text, "  lease:     free since {}", escape(&last.at));
        }
        Some(LeaseState { last: Some(last), holder }) => {
            let _ = writeln!(text, "  lease:     held by {holder}");
            let (at, seconds) = (escape(&last.at), last.lease.as_secs());
            let _ = writeln!(text, "  last seen: {at}; another run takes over after {seconds} s of silence");
        }
    }
    let _ = writeln!(text, "  in flight: {}", count(in_flight, "write", "writes"));
    text
}

async fn check(state: &StateStore, terminal: &Terminal) -> Result<Exit, Failure> {
    state.test_store().await.map_err(|error| Failure::journal("checking the store", &error))?;
    terminal.product(&format!("{state} keeps a state: of concurrent puts of one object, one succeeds.\n"))?;
    for business in state.businesses().await.map_err(|error| reading(&error))? {
        let history = state.history(business, Keep::All).await.map_err(|error| reading(&error))?;
        let runs = count(history.runs.len(), "run", "runs");
        if let Some(broken) = &history.unusable {
            let why = escape(broken.why.as_str());
            let message =
                format!("line {} of the journal of business {business} cannot be used: {why}", broken.line);
            return Err(Failure::plain(Exit::Failed, message));
        }
        terminal.product(&format!("The journal of business {business} can be read: {runs}.\n"))?;
    }
    Ok(Exit::Done)
}

async fn release(state: &StateStore, run: &str, terminal: &Terminal) -> Result<Exit, Failure> {
    for business in state.businesses().await.map_err(|error| reading(&error))? {
        let lease = state.lease(business).await.map_err(|error| reading(&error))?;
        let holds = |last: &Header| !last.what.is_free() && last.run == run;
        if !lease.is_some_and(|lease| lease.last.as_ref().is_some_and(holds)) {
            continue;
        }
        let forced = state.force_release(business, run, &clock()).await;
        let forced = forced.map_err(|error| Failure::journal("taking the lease away", &error))?;
        return match forced {
            Some(Forced::Released(_)) => {
                let run = escape(run);
                terminal
                    .product(&format!("The lease of business {business} is taken away from run {run}.\n"))?;
                terminal.say(
                    "If that run is alive, it can send writes for up to 30 more seconds. The next apply reads what they did: \
                     wait for two minutes before it.",
                );
                Ok(Exit::Done)
            }
            Some(Forced::Free | Forced::OfOther(_) | Forced::Failed(_)) | None => Err(not_held(run)),
        };
    }
    Err(not_held(run))
}

fn not_held(run: &str) -> Failure {
    Failure::plain(Exit::Refused, format!("run {} holds no lease", escape(run)))
        .hint("`wabacl state show` prints the run that does")
}
