//! Shared by several test modules: an emulator, and the real client connected to it.

#[cfg(unix)]
pub(crate) mod terminal;
pub(crate) mod webhook;

use std::time::Duration;
use wabacl::clock::Clock;
use wabacl::emulator::{Emulator, Fault, FaultKind, Options, World};
use wabacl::graph::{DirectoryRequest, GraphClient, ReadStrategy, Reader, RunSettings, Settings, Writer};
use wabacl::model::{AssignmentKey, Directory, TaskSet, UserId, WabaId};

/// The token of the admin in each world. It is long and unique, so a search for it has no false matches.
pub(crate) const TOKEN: &str = "EAAtopsecretTOKENofAdmin0123456789";

/// An emulator, and settings of a client that is connected to it.
pub(crate) struct Played {
    pub(crate) emulator: Emulator,
    pub(crate) settings: Settings,
    pub(crate) run: RunSettings,
}

impl Played {
    pub(crate) async fn with(world: &str, options: Options) -> Self {
        let world = World::from_yaml(world).unwrap();
        let emulator = Emulator::start(world, options).await.unwrap();
        let mut settings = Settings::new(TOKEN.into());
        settings.graph_url = emulator.url();
        settings.clock = Clock::scaled(10_000.0);
        // One call in each request, so that a fault applies to one call.
        let run = RunSettings { read_strategy: ReadStrategy::Direct, ..RunSettings::default() };
        Self { emulator, settings, run }
    }

    pub(crate) async fn start(world: &str) -> Self {
        Self::faulty(world, []).await
    }

    pub(crate) async fn faulty<const N: usize>(world: &str, faults: [Fault; N]) -> Self {
        Self::with(world, Options { faults: faults.into(), ..Options::default() }).await
    }

    pub(crate) fn client(&self) -> GraphClient {
        GraphClient::new(&self.settings).unwrap()
    }

    pub(crate) fn reader(&self) -> Reader {
        self.client().reader(&self.run)
    }

    pub(crate) fn writer(&self) -> Writer {
        let client = self.client();
        client.writer(&client.reader(&self.run))
    }

    /// Returns the number of calls whose path ends with a suffix.
    pub(crate) fn calls_at(&self, suffix: &str) -> usize {
        self.emulator.calls().iter().filter(|call| call.path.ends_with(suffix)).count()
    }

    /// Returns the methods of the calls to a WABA's list of assignments, in order.
    pub(crate) fn methods_at(&self, waba: &str) -> Vec<String> {
        let suffix = format!("/{waba}/assigned_users");
        let calls = self.emulator.calls().into_iter();
        calls.filter(|call| call.path.ends_with(&suffix)).map(|call| call.method).collect()
    }

    /// Returns the tasks that a user holds on a WABA, according to the emulator.
    pub(crate) fn held(&self, waba: &str, user: &str) -> String {
        let key = key(waba, user);
        self.emulator.world().assignments().get(key).map(ToString::to_string).unwrap_or_default()
    }
}

/// Reads the directory of business 10.
pub(crate) async fn directory(reader: &Reader) -> Directory {
    reader.directory(&DirectoryRequest::new("10".parse().unwrap())).await.unwrap()
}

pub(crate) fn key(waba: &str, user: &str) -> AssignmentKey {
    AssignmentKey { waba: self::waba(waba), user: self::user(user) }
}

pub(crate) fn waba(id: &str) -> WabaId {
    id.parse().unwrap()
}

pub(crate) fn user(id: &str) -> UserId {
    id.parse().unwrap()
}

/// Parses task names that are separated by spaces.
pub(crate) fn tasks(names: &str) -> TaskSet {
    let mut tasks = TaskSet::EMPTY;
    names.split_whitespace().for_each(|name| tasks.insert_name(name));
    tasks
}

/// Returns a fault that answers with an error of the API.
pub(crate) fn refuses(status: u16, code: u32, subcode: Option<u32>) -> FaultKind {
    FaultKind::GraphError { status, code, subcode, message: format!("(#{code}) no"), is_transient: false }
}

/// Waits until a condition holds, without sleeping: other tasks run meanwhile. Fails after half a minute.
pub(crate) async fn until(holds: impl Fn() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(30), async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    });
    waited.await.expect("the condition does not hold");
}
