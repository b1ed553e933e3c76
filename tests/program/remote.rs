//! What several of these rooms share: an emulator in this process, and a place whose program talks to it.

use super::{Place, Ran};
use std::process::{Child, Command};
use std::time::Duration;
use wabacl::emulator::{Emulator, Fault, Options, World};

/// The token that the quickstart's world knows.
const TOKEN: &str = "quickstart-not-a-secret";

/// An emulator of a place's world, and the place.
pub(super) struct Remote {
    pub(super) place: Place,
    pub(super) emulator: Emulator,
}

impl Remote {
    /// Starts the emulator on the world of a place whose program has this token.
    pub(super) async fn of(place: Place, token: &str, options: Options) -> Self {
        let world = World::from_yaml(&place.read("live.yaml")).unwrap();
        let emulator = Emulator::start(world, options).await.unwrap();
        Self { place: place.set("WABACL_TOKEN", token), emulator }
    }

    /// Starts the emulator on the quickstart.
    pub(super) async fn start(faults: Vec<Fault>) -> Self {
        Self::of(Place::new(), TOKEN, Options { faults, ..Options::default() }).await
    }

    /// Starts an emulator on the quickstart that takes its time for each request.
    pub(super) async fn slow(request: Duration) -> Self {
        Self::of(Place::new(), TOKEN, Options { latency: request.into(), ..Options::default() }).await
    }

    /// Prepares a verb on the quickstart, one call a request, for the day for which it was written.
    pub(super) fn command(&self, words: &str) -> Command {
        let (verb, options) = words.split_once(' ').unwrap_or((words, ""));
        let url = self.emulator.url();
        self.place.command(&format!(
            "{verb} access --today 2026-11-23 --graph-url {url} --read-strategy direct {options}"
        ))
    }

    /// Runs it to its end.
    pub(super) fn run(&self, words: &str) -> Ran {
        Ran::from(self.command(words).output().unwrap()).never_says(TOKEN)
    }

    /// Starts it.
    pub(super) fn spawn(&self, words: &str) -> Child {
        self.command(words).spawn().unwrap()
    }

    /// Gives how many writes came, whatever became of them.
    pub(super) fn writes(&self) -> usize {
        self.emulator.calls().iter().filter(|call| call.method != "GET").count()
    }
}
