//! What several rooms of tests share: an emulator with the real client beside it.

use std::time::Duration;
use wabacl::clock::Clock;
use wabacl::emulator::{Emulator, Fault, FaultKind, Options, World};
use wabacl::graph::{DirectoryRequest, GraphClient, ReadStrategy, Reader, RunSettings, Settings, Writer};
use wabacl::model::{AssignmentKey, Directory, TaskSet, UserId, WabaId};

/// The token of the worlds' admin. Long, and unlike anything else, so that a search for it finds only it.
pub(crate) const TOKEN: &str = "EAAtopsecretTOKENofAdmin0123456789";

/// An emulator, and settings with which the client reaches it.
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
        // One call a request, so that a test can say which of them goes wrong.
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

    /// Gives how many requests came whose path ends like this.
    pub(crate) fn calls_at(&self, suffix: &str) -> usize {
        self.emulator.calls().iter().filter(|call| call.path.ends_with(suffix)).count()
    }

    /// Gives the methods of the requests for a WABA's list, in order.
    pub(crate) fn methods_at(&self, waba: &str) -> Vec<String> {
        let suffix = format!("/{waba}/assigned_users");
        let calls = self.emulator.calls().into_iter();
        calls.filter(|call| call.path.ends_with(&suffix)).map(|call| call.method).collect()
    }

    /// Gives what a user holds on a WABA, as the world has it.
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

/// Makes a set of the tasks that a text names, with spaces between them.
pub(crate) fn tasks(names: &str) -> TaskSet {
    let mut tasks = TaskSet::EMPTY;
    names.split_whitespace().for_each(|name| tasks.insert_name(name));
    tasks
}

/// Makes an error of the API.
pub(crate) fn refuses(status: u16, code: u32, subcode: Option<u32>) -> FaultKind {
    FaultKind::GraphError { status, code, subcode, message: format!("(#{code}) no"), is_transient: false }
}

/// Waits until something holds, without sleeping: other tasks run meanwhile. Fails after half a minute.
pub(crate) async fn until(holds: impl Fn() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(30), async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    });
    waited.await.expect("it never came to hold");
}
