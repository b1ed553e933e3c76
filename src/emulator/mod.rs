//! An emulator of the Graph API's endpoints for access, served over HTTP on loopback.
//!
//! - `world`: the state that requests read and change, its YAML format and its JSON Schema.
//! - `api`: the endpoints: parsing requests, authentication, fields, paging, and the checks before a write.
//! - `faults`: latency, limits, and faults, chosen by a test or drawn from a seed.
//! - `server`: the HTTP server and the log of calls.
//!
//! Imports run from the last to the first. The emulator knows nothing of manifests, plans and the client: it follows
//! the API's documentation, and shares only `model`, `clock`, `files` and `text` with the rest of the crate.

mod api;
mod faults;
mod options;
mod server;
mod world;

pub use faults::{Fault, FaultKind, Latency, Limits, Rates, Script, WaitHint};
pub use options::Options;
pub use server::{ForeignChange, LoggedCall, LoggedRead, LoggedWrite};
pub use world::World;
pub use world::schema::schema;
pub use world::yaml::WorldError;

use crate::model::{AssignmentKey, TaskSet, UserId, WabaId};
use secrecy::SecretString;
use server::{Server, ServerState};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use world::{DEFAULT_SCOPES, Token};

/// An error that prevents an emulator from starting.
#[derive(Debug, thiserror::Error)]
pub enum EmulatorError {
    /// The address is not a loopback address. The emulator's tokens are not secret, so other machines must not
    /// reach it.
    #[error("the emulator listens only on loopback addresses, and {0} is not one")]
    NotLoopback(SocketAddr),
    /// The system refused to listen on the address.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
}

/// An error that prevents a token from being issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The world has no user with that id.
    #[error("the emulator's world declares no user with the id {0}")]
    UnknownUser(UserId),
    /// The first business has no admin.
    #[error("the first business of the emulator's world has no system user with the role ADMIN")]
    NoAdmin,
}

/// A running emulator.
///
/// Stop it with [`Emulator::shutdown`]. Dropping it stops it as well, without waiting for requests in flight.
pub struct Emulator {
    state: Arc<ServerState>,
    server: Server,
}

impl Emulator {
    /// Starts an emulator.
    ///
    /// # Errors
    ///
    /// If the address is not loopback, or if the system refuses to listen on it.
    pub async fn start(world: World, options: Options) -> Result<Self, EmulatorError> {
        let address = options.listen;
        if !address.ip().is_loopback() {
            return Err(EmulatorError::NotLoopback(address));
        }
        let started = Server::start(world, options).await;
        let (server, state) = started.map_err(|source| EmulatorError::Listen { address, source })?;
        Ok(Self { state, server })
    }

    /// Returns the base URL without a trailing slash: `http://127.0.0.1:40123`.
    pub fn url(&self) -> String {
        self.state.base_url.clone()
    }

    /// Issues a token with all scopes that never expires.
    ///
    /// It belongs to `user`, or to the ADMIN system user of the first business with the lowest id; in a snapshot, to the user
    /// whose token read it. The state file does not contain it.
    ///
    /// # Errors
    ///
    /// If there is no such user.
    pub fn issue_token(&self, user: Option<UserId>) -> Result<SecretString, TokenError> {
        let mut world = self.state.world_mut();
        let user = user.or_else(|| world.acting_user()).ok_or(TokenError::NoAdmin)?;
        if !world.users.contains_key(&user) {
            return Err(TokenError::UnknownUser(user));
        }
        let text = format!("EMULATED{:032x}", fastrand::u128(..));
        let scopes = DEFAULT_SCOPES.map(str::to_owned).into();
        let token = Token { user, app: world.app, expires_at: 0, scopes, issued: true };
        world.tokens.insert(text.clone(), token);
        Ok(text.into())
    }

    /// Returns the calls so far, in order of arrival. A batch counts as its items.
    pub fn calls(&self) -> Vec<LoggedCall> {
        self.state.log().calls.clone()
    }

    /// Returns the number of HTTP requests so far. A batch counts as one.
    pub fn requests(&self) -> usize {
        self.state.log().requests
    }

    /// Returns the successful reads of a WABA's assignments that no fault changed, in order. Only the first page of
    /// a list counts.
    pub fn reads(&self) -> Vec<LoggedRead> {
        self.state.log().reads.clone()
    }

    /// Returns the writes that reached the API so far, in the order in which they were handled.
    pub fn writes(&self) -> Vec<LoggedWrite> {
        self.state.log().writes.clone()
    }

    /// Returns the number of calls that were sent although a response had announced the throttling.
    pub fn calls_while_throttled(&self) -> usize {
        self.state.limiter().calls_while_throttled()
    }

    /// Returns the number of calls for a WABA's assignments within the last hour, including refused ones.
    pub fn waba_calls(&self, waba: WabaId) -> usize {
        self.state.limiter().arrived_at(waba, self.state.clock.elapsed())
    }

    /// Returns the maximum number of calls for one WABA's assignments within any hour, including refused ones.
    pub fn most_waba_calls(&self) -> usize {
        self.state.limiter().most_arrived()
    }

    /// Records that the client was restarted and knows nothing of throttling that was announced before.
    pub fn client_restarted(&self) {
        self.state.limiter().forget_announcements();
    }

    /// Starts a script, or ends the current one. Either way throttling ends, and tokens that the script had expired
    /// are valid again.
    pub fn set_script(&self, script: Option<Script>) {
        self.state.apply_foreign_changes();
        self.state.start_script(script);
        self.state.limiter().release();
    }

    /// Returns the changes that the script has made so far, in order.
    pub fn foreign_changes(&self) -> Vec<ForeignChange> {
        self.state.apply_foreign_changes();
        self.state.log().foreign.clone()
    }

    /// Returns a copy of the current world.
    pub fn world(&self) -> World {
        self.state.apply_foreign_changes();
        self.state.world().clone()
    }

    /// Sets a user's tasks on a WABA without a request. The state file follows with the next write.
    pub fn assign(&self, key: AssignmentKey, tasks: TaskSet) {
        self.state.world_mut().assign(key, tasks);
    }

    /// Replaces the entries of the world that have the ids in a text, or adds them: a WABA that becomes shared, a token of
    /// a new user. The text is YAML or JSON in the format of a world, each section optional. `POST /emulator/world` does
    /// the same.
    ///
    /// # Errors
    ///
    /// If the text is invalid or the state file cannot be written. Then nothing changes.
    pub fn update(&self, text: &str) -> Result<(), String> {
        self.state.update(text)
    }

    /// Returns why the state file could not be written the last time, or `None` if it could.
    pub fn state_error(&self) -> Option<String> {
        self.state.state_error().clone()
    }

    /// Stops the server. Waits up to one second for requests in flight.
    pub async fn shutdown(self) {
        self.server.shutdown().await;
    }
}
