//! `wabacl state`: who holds the lease of a shared state, whether its store keeps one, how a lease is taken away, and how a state
//! moves to another place.

use super::exit::Exit;
use super::failure::Failure;
use super::options;
use super::state::{StateOptions, clock, location};
use super::terminal::Terminal;
use crate::chain::{Forced, Header};
use crate::model::BusinessId;
use crate::store::{
    Carried, Holder, JournalError, Keep, LEAST_KEPT, LeaseState, Migrated, Prunable, StateStore,
};
use crate::text::{count, escape};
use jiff::SignedDuration;
use std::collections::BTreeSet;
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
    /// Moves the state to another place: journals, inventories, saved plans and call counts
    ///
    /// No apply can run meanwhile. What was copied is read back and compared. Then the old place refuses every later plan and apply,
    /// and names the new one; `wabacl journal` still shows its record. If it is interrupted, run it again: it goes on.
    Migrate(MigrateArgs),
    /// Shows what can be removed of old journals, plans and call counts, and removes it with --delete
    ///
    /// Of the journal, a checkpoint keeps the last write of each assignment, and what is in flight. The thousand newest objects are
    /// kept in any case. Call counts and what self-tests left are kept for two days, and the plan that was applied last stays. Needs
    /// the right to delete objects; no other command does.
    Prune(PruneArgs),
}

#[derive(Debug, clap::Args)]
struct PruneArgs {
    #[command(flatten)]
    state: StateOptions,
    /// For how long journals and saved plans are kept, such as 400d; at least 30d
    #[arg(long, value_name = "TIME", value_parser = options::length)]
    keep: SignedDuration,
    /// Removes it
    #[arg(long)]
    delete: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct MigrateArgs {
    /// The place where the state is: file:///folder, or s3://bucket/prefix, gs://bucket/prefix or az://container/prefix
    #[arg(value_name = "FROM", value_parser = location)]
    from: StateStore,
    /// The place to move it to; it has no journal of the business yet
    #[arg(value_name = "TO", value_parser = location)]
    to: StateStore,
    /// Only the state of this business (default: all)
    #[arg(long, value_name = "ID")]
    business: Option<BusinessId>,
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
        StateVerb::Prune(args) => prune(&shared(&args.state)?, args, terminal).await,
        StateVerb::Migrate(args) => {
            let migrated = migrate(args, terminal).await;
            for state in [&args.from, &args.to] {
                state.release_dropped().await;
            }
            migrated
        }
    }
}

impl Args {
    /// Returns what to print when a signal ends the verb.
    pub(super) fn interrupted(&self) -> &'static str {
        match self.verb {
            StateVerb::Migrate(_) => {
                "Interrupted: nothing is lost. Run it again, and it goes on; until then, one of the two places may refuse."
            }
            StateVerb::Prune(_) => "Interrupted: nothing is lost. Run it again, and it goes on.",
            StateVerb::Show(_) | StateVerb::Check(_) | StateVerb::Release(_) => {
                "Interrupted: nothing was written."
            }
        }
    }
}

async fn prune(state: &StateStore, args: &PruneArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    if args.keep < LEAST_KEPT {
        return Err(Failure::plain(Exit::Usage, "--keep is shorter than 30 days")
            .hint("a run that was stopped could still write to what is younger"));
    }
    let (done, verb) = if args.delete { ("removed", "begins") } else { ("can be removed", "would begin") };
    for business in state.businesses().await.map_err(|error| reading(&error))? {
        let pruned = state.prune(business, args.keep, clock().now(), args.delete).await;
        let pruned = pruned.map_err(|error| Failure::journal("removing old parts of the journal", &error))?;
        let Some(Prunable { objects, begins, calls, plans }) = pruned else { continue };
        let objects = count(usize::try_from(objects).unwrap_or(usize::MAX), "object", "objects");
        let begins = begins.map(|at| format!("; its record {verb} at {at}")).unwrap_or_default();
        let (calls, plans) = (count(calls, "object", "objects"), count(plans, "saved plan", "saved plans"));
        terminal.product(&format!(
            "Business {business}: {objects} of the journal {done}{begins}.\n  Also {done}: {calls} of call counts, {plans}.\n"
        ))?;
    }
    let tests = state.prune_self_tests(clock().now(), args.delete).await;
    let tests = tests.map_err(|error| Failure::journal("removing what self-tests left", &error))?;
    terminal.product(&format!("Self-tests of the store: {} {done}.\n", count(tests, "object", "objects")))?;
    if !args.delete {
        terminal.say("Nothing was removed. Give --delete to remove it.");
    }
    Ok(Exit::Done)
}

async fn migrate(args: &MigrateArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let MigrateArgs { from, to, business: only } = args;
    let moving = |error: JournalError| Failure::journal("moving the state", &error);
    let new_place = to.url().map_err(moving)?;
    if from.url().map_err(moving)? == new_place {
        return Err(Failure::plain(Exit::Usage, "both places are the same"));
    }
    let waiting = |holder: &Holder| terminal.say(&format!("Waiting for another run: {holder}"));
    let mut moved = BTreeSet::new();
    loop {
        let mut businesses = from.businesses_to_move().await.map_err(moving)?;
        businesses.retain(|business| !moved.contains(business) && only.is_none_or(|only| only == *business));
        if businesses.is_empty() {
            break;
        }
        for business in businesses {
            let migrated = from.migrate(to, business, &clock(), &waiting).await.map_err(moving)?;
            terminal.product(&describe_move(business, &migrated, to.is_shared()))?;
            moved.insert(business);
        }
        if only.is_none() {
            // Now no run can begin a business there that this loop does not see.
            from.mark_moved(to).await.map_err(moving)?;
        }
    }
    if moved.is_empty() {
        let of = only.map(|id| format!(" of the business {id}")).unwrap_or_default();
        return Err(Failure::plain(Exit::Failed, format!("there is no state{of} in {from}")));
    }
    terminal.say(&format!(
        "The state is in {to} now. Set WABACL_STATE to {}, or give --state.",
        escape(&new_place)
    ));
    Ok(Exit::Done)
}

/// Returns what was moved, and what stays behind.
fn describe_move(business: BusinessId, migrated: &Migrated, is_shared: bool) -> String {
    let Migrated { lines, inventories, carried, was_moved } = *migrated;
    if was_moved {
        return format!("Business {business}: moved earlier.\n");
    }
    let number = |number: u64, one, many| count(usize::try_from(number).unwrap_or(usize::MAX), one, many);
    let (lines, inventories) =
        (number(lines, "journal line", "journal lines"), count(inventories, "inventory", "inventories"));
    let mut text = format!("Business {business}: moved {lines} and {inventories}, read back and compared.\n");
    let Carried { plans, plans_left, calls } = carried;
    let plans = count(plans, "saved plan", "saved plans");
    let calls = number(calls, "call", "calls");
    // Writing into a string cannot fail.
    let _ = writeln!(text, "  Copied along: {plans}, and the counts of {calls} of the last hour.");
    if plans_left > 0 {
        let left = count(plans_left, "saved plan", "saved plans");
        let why =
            if is_shared { "older than 30 days" } else { "a folder keeps none; save them again as files" };
        let _ = writeln!(text, "  Left behind: {left} ({why}).");
    }
    text
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
        let lease = state.lease(business).await.map_err(|error| reading(&error))?;
        let last = lease.as_ref().and_then(|lease| lease.last.as_ref());
        if let Some(from) = last.and_then(|last| last.copies_from.as_ref()) {
            terminal.product(&format!("Business {business}\n  incomplete copy of {}\n", escape(from)))?;
            continue;
        }
        let history = state.history(business, Keep::Last(1)).await.map_err(|error| reading(&error))?;
        if let Some(to) = &history.moved_to {
            terminal.product(&format!("Business {business}\n  moved to:  {to}\n"))?;
            continue;
        }
        let history = state.history(business, Keep::InFlight).await.map_err(|error| reading(&error))?;
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
