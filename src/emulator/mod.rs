//! The emulator: the Graph API's endpoints for access, over real HTTP on loopback, with a [`World`] behind
//! them.
//!
//! It is the other side of the client, and shares nothing with it but the words of the model: what it knows
//! of the API comes from the API's documentation. It must not know manifests, plans or the client.

mod answer;
mod api;
mod assignments;
mod auth;
mod batch;
mod call_log;
mod connection;
mod fault;
mod fields;
mod latency;
mod limit;
mod list;
mod refusal;
mod request;
mod script;
mod seeded_rng;
mod server;
mod shared;
mod state_file;
mod world;
mod yaml;

pub use call_log::{Call, ForeignChange, ReadOfWaba, Write};
pub use fault::{Fault, FaultKind, WaitTold};
pub use latency::Latency;
pub use limit::Limits;
pub use script::{Rates, Script};
pub use world::World;
pub use yaml::WorldError;

use crate::clock::Clock;
use crate::model::{AssignmentKey, TaskSet, UserId, WabaId};
use connection::{Lines, Switch};
use script::Play;
use secrecy::SecretString;
use shared::Shared;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use world::{SCOPES, Token};

/// How long a shutdown waits for requests that are still being answered.
const PATIENCE: Duration = Duration::from_secs(1);
/// The most rows of an answer with nested lists, where nothing else is said.
const MOST_ROWS: usize = 5000;

/// How to run an emulator.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen: an address of this machine alone; port 0 takes any that is free.
    pub listen: SocketAddr,
    /// The clock that everything goes by: how long answers take, when tokens end, what an hour is.
    pub clock: Clock,
    /// How long answers take.
    pub latency: Latency,
    /// How many calls are answered in an hour.
    pub limits: Limits,
    /// Whether `assigned_users` may be nested in lists of WABAs.
    pub nesting: bool,
    /// The most rows, nested ones and those they are nested in, that one answer may hold.
    pub most_rows: usize,
    /// Where the state is kept after each write. A write that cannot be kept there fails.
    pub state_file: Option<PathBuf>,
    /// What shall go wrong.
    pub faults: Vec<Fault>,
    /// What shall go wrong besides, by chance.
    pub script: Option<Script>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            clock: Clock::real(),
            latency: Latency::default(),
            limits: Limits::default(),
            nesting: true,
            most_rows: MOST_ROWS,
            state_file: None,
            faults: Vec::new(),
            script: None,
        }
    }
}

/// Why an emulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum EmulatorError {
    /// Others could have reached it, and its tokens are not secret.
    #[error("the emulator listens on this machine alone, and {0} is no loopback address")]
    NotLoopback(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

/// Why no token could be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The world has nobody with that id.
    #[error("no user with the id {0} is declared in the emulator's world")]
    UnknownUser(UserId),
    /// The first business has no admin.
    #[error("the first business of the emulator's world has no system user with the role ADMIN")]
    NoAdmin,
}

/// A running emulator. It ends with [`Emulator::shutdown`], or unwaited for when it is dropped.
pub struct Emulator {
    shared: Arc<Shared>,
    stop: oneshot::Sender<()>,
    server: JoinHandle<io::Result<()>>,
}

impl Emulator {
    /// Starts an emulator.
    ///
    /// # Errors
    ///
    /// Where the address is not loopback, or cannot be listened on.
    pub async fn start(world: World, options: Options) -> Result<Self, EmulatorError> {
        let address = options.listen;
        if !address.ip().is_loopback() {
            return Err(EmulatorError::NotLoopback(address));
        }
        let failed = |source| EmulatorError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let base = format!("http://{}", listener.local_addr().map_err(failed)?);
        let shared = Arc::new(Shared::new(world, base, options));
        let service = axum::Router::new()
            .fallback(server::handle)
            .with_state(Arc::clone(&shared))
            .into_make_service_with_connect_info::<Switch>();
        let (stop, stopped) = oneshot::channel::<()>();
        let serve = axum::serve(Lines(listener), service).with_graceful_shutdown(async {
            // A dropped sender ends the server as well.
            let _ = stopped.await;
        });
        let server = tokio::spawn(async move { serve.await });
        Ok(Self { shared, stop, server })
    }

    /// Returns the base URL, without a slash at its end: `http://127.0.0.1:40123`.
    pub fn url(&self) -> String {
        self.shared.base.clone()
    }

    /// Makes up a token that never ends, with all scopes: for that user, or else for the first ADMIN system
    /// user of the first business, each by id. No state file keeps it.
    ///
    /// # Errors
    ///
    /// Where there is no such user.
    pub fn issue_token(&self, user: Option<UserId>) -> Result<SecretString, TokenError> {
        let mut world = self.shared.world_mut();
        let user = user.or_else(|| world.admin()).ok_or(TokenError::NoAdmin)?;
        if !world.users.contains_key(&user) {
            return Err(TokenError::UnknownUser(user));
        }
        let text = format!("EMULATED{:032x}", fastrand::u128(..));
        let scopes = SCOPES.map(str::to_owned).into();
        let token = Token { user, app: world.app, expires_at: 0, scopes, issued: true };
        world.tokens.insert(text.clone(), token);
        Ok(text.into())
    }

    /// Returns the calls that came so far, in order: requests, and in the place of a batch its items.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.record().calls.clone()
    }

    /// Returns the number of HTTP requests that came so far; a batch is one.
    pub fn requests(&self) -> usize {
        self.shared.record().requests
    }

    /// Returns the lists of who holds what on one WABA that were asked for so far and told as they are, in order.
    pub fn reads(&self) -> Vec<ReadOfWaba> {
        self.shared.record().reads.clone()
    }

    /// Returns the writes that reached the API so far, in the order in which they were decided.
    pub fn writes(&self) -> Vec<Write> {
        self.shared.record().writes.clone()
    }

    /// Returns the number of calls that came although an answer had told that their WABA, or the app, is throttled.
    pub fn calls_while_throttled(&self) -> usize {
        self.shared.meter().while_throttled()
    }

    /// Returns the number of calls that came for a WABA's assignments within the last hour, whatever became of them.
    pub fn waba_calls(&self, waba: WabaId) -> usize {
        self.shared.meter().arrived_at(waba, self.shared.clock.elapsed())
    }

    /// Returns the most calls that came for one WABA's assignments within any hour, whatever became of them.
    pub fn most_waba_calls(&self) -> usize {
        self.shared.meter().most_arrived()
    }

    /// Takes note that a client begins anew: it knows nothing of what was told before.
    pub fn newcomer(&self) {
        self.shared.meter().forget_who_was_told();
    }

    /// Begins a script anew, or ends all that one did: then nobody is throttled any more, and tokens are good again.
    pub fn set_script(&self, script: Option<Script>) {
        self.shared.let_others_act();
        *self.shared.play() = Play::begin(script, self.shared.clock.elapsed());
        self.shared.meter().release();
    }

    /// Returns the changes that somebody else has made by now, in order: those of the script.
    pub fn foreign_changes(&self) -> Vec<ForeignChange> {
        self.shared.let_others_act();
        self.shared.record().foreign.clone()
    }

    /// Returns a copy of the world as it is now.
    pub fn world(&self) -> World {
        self.shared.let_others_act();
        self.shared.world().clone()
    }

    /// Changes what a user holds, as somebody else would behind the client's back. The state file is written
    /// with the next request that changes something.
    pub fn assign(&self, key: AssignmentKey, tasks: TaskSet) {
        self.shared.world_mut().assign(key, tasks);
    }

    /// Returns why the last write could not be kept in the state file; `None` where it could.
    pub fn state_error(&self) -> Option<String> {
        self.shared.state_error().clone()
    }

    /// Ends the server, and waits a second at most for requests that are still being answered.
    pub async fn shutdown(self) {
        let Self { stop, mut server, .. } = self;
        drop(stop);
        if tokio::time::timeout(PATIENCE, &mut server).await.is_err() {
            server.abort();
        }
    }
}
