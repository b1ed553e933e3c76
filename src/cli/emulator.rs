//! `wabacl emulator`, and the emulator that `--emulate` embeds.

use super::exit::Exit;
use super::failure::Failure;
use super::options::Emulate;
use super::terminal::Terminal;
use crate::emulator::{Emulator, Latency, Options, Script, World};
use crate::graph::Settings;
use crate::text::escape;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A state file larger than this is refused, in bytes.
const STATE_LIMIT: u64 = 256 * 1024 * 1024;

/// Serves the emulated Graph API to other clients until it is interrupted
///
/// Prints its address. The tokens are those of the state file.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The state to start from; it is never written, new state goes beside it (live.state.yaml for live.yaml)
    #[arg(long, value_name = "FILE")]
    state: PathBuf,
    /// Starts over from that file, even where there is newer state beside it
    #[arg(long)]
    fresh: bool,
    /// Starts from that file alone, and keeps new state in memory only: nothing is written
    ///
    /// For measuring and for tests: otherwise each write rewrites the whole state.
    #[arg(long, conflicts_with = "fresh")]
    ephemeral: bool,
    /// The address to listen on; only this machine's own (127.0.0.1, ::1), port 0 for any
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// How long each answer takes, in milliseconds
    #[arg(long, value_name = "MILLISECONDS", default_value = "0", value_parser = milliseconds)]
    latency: Duration,
    /// How much longer it takes for each further item of a batch, in milliseconds
    #[arg(long, value_name = "MILLISECONDS", default_value = "0", value_parser = milliseconds)]
    item_latency: Duration,
    /// How much longer it takes for each nested list in it, in milliseconds
    #[arg(long, value_name = "MILLISECONDS", default_value = "0", value_parser = milliseconds)]
    nested_latency: Duration,
    /// Misbehaves by chance, the same way each time for the same number
    #[arg(long, value_name = "NUMBER")]
    fault_seed: Option<u64>,
}

/// The longest latency, in milliseconds.
const LONGEST: f64 = 3_600_000.0;

fn milliseconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "it is no number".to_owned())?;
    if (0.0..=LONGEST).contains(&number) {
        Ok(Duration::from_secs_f64(number / 1000.0))
    } else {
        Err("it is not between 0 and 3600000".to_owned())
    }
}

pub(crate) async fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let options = Options {
        listen: args.listen,
        latency: Latency {
            request: args.latency,
            item: args.item_latency,
            nested: args.nested_latency,
            tail: Duration::ZERO,
        },
        script: args.fault_seed.map(Script::from_seed),
        ..Options::default()
    };
    let keep = match (args.ephemeral, args.fresh) {
        (true, _) => Keep::Nothing,
        (false, true) => Keep::Afresh,
        (false, false) => Keep::On,
    };
    let emulator = start(&args.state, keep, options).await?;
    terminal.product(&format!("{}\n", emulator.url()))?;
    terminal.say("The emulator is listening; interrupt it to end.");
    std::future::pending().await
}

/// Starts the emulator that `--emulate` asks for, with settings to reach it by.
pub(crate) async fn embedded(emulate: &Emulate) -> Result<Option<(Emulator, Settings)>, Failure> {
    let Some(file) = &emulate.emulate else { return Ok(None) };
    let keep = if emulate.emulate_fresh { Keep::Afresh } else { Keep::On };
    let emulator = start(file, keep, Options::default()).await?;
    let token = emulator
        .issue_token(None)
        .map_err(|error| Failure::failed("making a token for the emulator", error))?;
    let mut settings = Settings::new(token);
    settings.graph_url = emulator.url();
    Ok(Some((emulator, settings)))
}

/// What becomes of the state beside the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    /// The run goes on from it, and keeps new state there.
    On,
    /// The run starts over from the file, and keeps new state there.
    Afresh,
    /// The run starts from the file, and keeps nothing.
    Nothing,
}

async fn start(file: &Path, keep: Keep, options: Options) -> Result<Emulator, Failure> {
    let state = beside(file);
    let from = if keep == Keep::On && state.is_file() { &state } else { file };
    let shown = escape(&from.display().to_string()).into_owned();
    let text = read(from).map_err(|error| Failure::failed(&format!("reading {shown}"), error))?;
    let world = World::from_yaml(&text).map_err(|error| {
        let failure = Failure::failed(&format!("reading the emulator's state from {shown}"), error);
        if from == state {
            failure.hint("to start over, give --emulate-fresh (`--fresh` for `wabacl emulator`)")
        } else {
            failure
        }
    })?;
    if from == state {
        tracing::info!("the emulator goes on from {shown}");
    }
    let options = Options { state_file: (keep != Keep::Nothing).then_some(state), ..options };
    Emulator::start(world, options).await.map_err(|error| Failure::failed("starting the emulator", error))
}

/// Returns the file for new state: `live.state.yaml` for `live.yaml`.
fn beside(file: &Path) -> PathBuf {
    file.with_extension("state.yaml")
}

fn read(path: &Path) -> std::io::Result<String> {
    use std::io::Read;
    let mut text = String::new();
    let read = std::fs::File::open(path)?.take(STATE_LIMIT + 1).read_to_string(&mut text)?;
    if read as u64 > STATE_LIMIT {
        return Err(std::io::Error::other("the file is larger than 256 MiB"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Reader, Writer};
    use crate::model::{AssignmentKey, Task, TaskSet};

    /// A world with an admin, and one more user who holds something or not.
    fn world(rows: &str) -> String {
        format!(
            "businesses:\n  - id: 10\n    name: Us\n    system_users:\n      \
             - {{ id: 100, name: admin, role: ADMIN }}\n      - {{ id: 101, name: bot }}\n\
             wabas:\n  - {{ id: 500, name: Ours, owned_by: 10, assigned: [{rows}] }}\n"
        )
    }

    #[tokio::test]
    async fn only_an_emulator_that_keeps_nothing_leaves_the_state_beside_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, state) = (folder.path().join("live.yaml"), folder.path().join("live.state.yaml"));
        let newer = world("{ user: 101, tasks: [DEVELOP] }");
        std::fs::write(&file, world("")).expect("a file");
        let key = AssignmentKey { waba: "500".parse().expect("an id"), user: "101".parse().expect("an id") };
        for (keep, holds_at_first, rewrites) in
            [(Keep::Nothing, false, false), (Keep::On, true, true), (Keep::Afresh, false, true)]
        {
            std::fs::write(&state, &newer).expect("a file");
            let emulator = start(&file, keep, Options::default()).await.expect("it starts");
            assert_eq!(emulator.world().assignments().get(key).is_some(), holds_at_first, "{keep:?}");
            let mut settings = Settings::new(emulator.issue_token(None).expect("there is an admin"));
            settings.graph_url = emulator.url();
            let reader = Reader::connect(&settings).expect("the settings are good");
            let writer = Writer::beside(&reader, &settings).expect("the settings are good");
            writer.assign(key.waba, key.user, &TaskSet::from([Task::Messaging])).await.expect("a write");
            let rewritten = std::fs::read_to_string(&state).expect("a file") != newer;
            assert_eq!(rewritten, rewrites, "{keep:?}");
            emulator.shutdown().await;
        }
    }
}
