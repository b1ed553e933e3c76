//! `wabacl emulator`, and the emulator that `--emulate` embeds.

use super::exit::Exit;
use super::failure::Failure;
use super::options::Emulate;
use super::signals::Signals;
use super::terminal::Terminal;
use crate::emulator::{Emulator, Latency, Options, Script, World};
use crate::graph::Settings;
use crate::text::escape;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The maximum size of a file, in bytes. A guess, far above a world of 5,000 WABAs.
const MAX_FILE: u64 = 256 * 1024 * 1024;

/// The bytes in which a snapshot has its first lines.
const HEAD: u64 = 4096;

/// Serves the emulated Graph API to other clients until it is interrupted
///
/// Prints its address. Clients use the tokens that the file declares.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The file to start from (see `wabacl schema emulator`); it is never written, new state goes to a file beside it
    /// (live.state.yaml for live.yaml)
    #[arg(long, alias = "state", value_name = "FILE")]
    world: PathBuf,
    /// Ignores the newer state beside the file and starts over
    #[arg(long)]
    fresh: bool,
    /// Ignores the newer state beside the file and keeps new state in memory
    ///
    /// For measurements and tests: otherwise each write rewrites the whole state file.
    #[arg(long, conflicts_with = "fresh")]
    ephemeral: bool,
    /// The address to listen on: a loopback address (127.0.0.1, ::1); port 0 selects a free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The latency of each response, in milliseconds
    #[arg(long, value_name = "MILLISECONDS", default_value = "0", value_parser = milliseconds)]
    latency: Duration,
    /// The additional latency for each item of a batch after the first, in milliseconds
    #[arg(long, value_name = "MILLISECONDS", default_value = "0", value_parser = milliseconds)]
    item_latency: Duration,
    /// The additional latency for each nested list in a response, in milliseconds
    #[arg(long, value_name = "MILLISECONDS", default_value = "0", value_parser = milliseconds)]
    nested_latency: Duration,
    /// The seed of random faults; the same seed gives the same faults
    #[arg(long, value_name = "NUMBER")]
    fault_seed: Option<u64>,
}

/// The maximum latency in milliseconds: an hour, a guess.
const MAX_LATENCY: f64 = 3_600_000.0;

fn milliseconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "it is not a number".to_owned())?;
    if (0.0..=MAX_LATENCY).contains(&number) {
        Ok(Duration::from_secs_f64(number / 1000.0))
    } else {
        Err("it is not between 0 and 3600000".to_owned())
    }
}

pub(crate) async fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    let Ok(started) = signals.unless(serve(args, terminal)).await else {
        terminal.say("Interrupted before the emulator had started.");
        return Ok(Exit::Interrupted);
    };
    let _emulator = started?;
    signals.next().await;
    let state = state_file(&args.world);
    terminal.say(&if args.ephemeral || !state.is_file() {
        String::from("Interrupted: the emulator has stopped, and its state was not saved.")
    } else {
        format!("Interrupted: the emulator has stopped, and its state is in {}.", state.display())
    });
    Ok(Exit::Interrupted)
}

/// Starts the emulator and prints its URL.
async fn serve(args: &Args, terminal: &Terminal) -> Result<Emulator, Failure> {
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
    let mode = match (args.ephemeral, args.fresh) {
        (true, _) => StateMode::Memory,
        (false, true) => StateMode::Fresh,
        (false, false) => StateMode::Continue,
    };
    let emulator = start(&args.world, mode, options).await?;
    terminal.product(&format!("{}\n", emulator.url()))?;
    terminal.say("The emulator is listening. Interrupt it to stop.");
    Ok(emulator)
}

/// Starts the emulator of `--emulate` and returns it with the settings of a client; `None` without the option.
pub(crate) async fn embedded(emulate: &Emulate) -> Result<Option<(Emulator, Settings)>, Failure> {
    let Some(file) = &emulate.emulate else { return Ok(None) };
    let mode = if emulate.emulate_fresh { StateMode::Fresh } else { StateMode::Continue };
    let emulator = start(file, mode, Options::default()).await?;
    let token = emulator
        .issue_token(None)
        .map_err(|error| Failure::failed("issuing a token of the emulator", error))?;
    let mut settings = Settings::new(token);
    settings.graph_url = emulator.url();
    Ok(Some((emulator, settings)))
}

/// How the state file beside the declared file is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StateMode {
    /// The run starts from the state file, if it exists, and writes it.
    Continue,
    /// The run starts from the declared file and writes the state file.
    Fresh,
    /// The run starts from the declared file and writes nothing.
    Memory,
}

async fn start(file: &Path, mode: StateMode, options: Options) -> Result<Emulator, Failure> {
    let state = state_file(file);
    let from = if mode == StateMode::Continue && state.is_file() { &state } else { file };
    let shown = escape(&from.display().to_string()).into_owned();
    let text = read(from).map_err(|error| Failure::failed(&format!("reading {shown}"), error))?;
    let world = World::from_yaml(&text).map_err(|error| {
        let failure = Failure::failed(&format!("reading the emulator's state from {shown}"), error);
        if from == state {
            failure.hint("to start over, pass --emulate-fresh (--fresh for `wabacl emulator`)")
        } else {
            failure
        }
    })?;
    if from == state && taken(&text) != taken(&head(file)?) {
        let message = format!("{shown} continues another snapshot than the one in {}", file.display());
        return Err(Failure::plain(Exit::Failed, message)
            .hint("to start over from the newer one, pass --emulate-fresh (--fresh for `wabacl emulator`)"));
    }
    if from == state {
        tracing::info!("the emulator continues from {shown}");
    }
    let options = Options { state_file: (mode != StateMode::Memory).then_some(state), ..options };
    Emulator::start(world, options).await.map_err(|error| Failure::failed("starting the emulator", error))
}

/// Reads a world from a file.
pub(crate) fn world(file: &Path) -> Result<World, Failure> {
    let shown = escape(&file.display().to_string()).into_owned();
    let text = read(file).map_err(|error| Failure::failed(&format!("reading {shown}"), error))?;
    World::from_yaml(&text)
        .map_err(|error| Failure::failed(&format!("reading the snapshot in {shown}"), error))
}

/// Reads the beginning of a file, where a snapshot says when it was taken.
fn head(path: &Path) -> Result<String, Failure> {
    use std::io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(HEAD).read_to_end(&mut bytes))
        .map_err(|error| Failure::failed(&format!("reading {}", path.display()), error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Returns when a snapshot was taken, if a text is one as this program writes it.
fn taken(text: &str) -> Option<&str> {
    let line = text.lines().take_while(|line| !line.starts_with("wabas:"));
    let (_, after) =
        line.filter(|line| line.starts_with("snapshot:")).find_map(|line| line.split_once("taken: "))?;
    after.split([',', ' ']).next()
}

/// Returns the path of the state file: `live.state.yaml` for `live.yaml`.
fn state_file(file: &Path) -> PathBuf {
    file.with_extension("state.yaml")
}

/// Reads a file, which can be a pipe.
fn read(path: &Path) -> std::io::Result<String> {
    use std::io::Read;
    let mut text = String::new();
    let length = std::fs::File::open(path)?.take(MAX_FILE + 1).read_to_string(&mut text)?;
    if length as u64 > MAX_FILE {
        return Err(std::io::Error::other("the file exceeds the limit of 256 MiB"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{GraphClient, RunSettings};
    use crate::model::{AssignmentKey, Task, TaskSet};

    /// Returns a world with an admin and another user, and these assignments.
    fn world(rows: &str) -> String {
        format!(
            "businesses:\n  - id: 10\n    name: Us\n    system_users:\n      \
             - {{ id: 100, name: admin, role: ADMIN }}\n      - {{ id: 101, name: bot }}\n\
             wabas:\n  - {{ id: 500, name: Ours, owned_by: 10, assigned: [{rows}] }}\n"
        )
    }

    #[tokio::test]
    async fn each_mode_reads_and_writes_the_state_file_as_declared() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, state) = (folder.path().join("live.yaml"), folder.path().join("live.state.yaml"));
        let newer = world("{ user: 101, tasks: [DEVELOP] }");
        std::fs::write(&file, world("")).expect("a file");
        let key = AssignmentKey { waba: "500".parse().expect("an id"), user: "101".parse().expect("an id") };
        for (mode, is_assigned, rewrites) in [
            (StateMode::Memory, false, false),
            (StateMode::Continue, true, true),
            (StateMode::Fresh, false, true),
        ] {
            std::fs::write(&state, &newer).expect("a file");
            let emulator = start(&file, mode, Options::default()).await.expect("it starts");
            assert_eq!(emulator.world().assignments().get(key).is_some(), is_assigned, "{mode:?}");
            let mut settings = Settings::new(emulator.issue_token(None).expect("there is an admin"));
            settings.graph_url = emulator.url();
            let client = GraphClient::new(&settings).expect("the settings are good");
            let writer = client.writer(&client.reader(&RunSettings::default()));
            writer.assign(key.waba, key.user, &TaskSet::from([Task::Messaging])).await.expect("a write");
            let rewritten = std::fs::read_to_string(&state).expect("a file") != newer;
            assert_eq!(rewritten, rewrites, "{mode:?}");
            emulator.shutdown().await;
        }
    }
}
