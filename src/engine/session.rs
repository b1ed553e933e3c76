//! A connection to the API, with what is known about its token.

use super::{EngineError, Event, Events, Warning};
use crate::clock::Clock;
use crate::graph::{
    DirectoryRequest, GraphClient, GraphError, Me, Reader, RunSettings, Settings, TokenInfo, Writer,
};
use crate::model::{BusinessId, Cost, Directory, LiveSource, UserId};
use crate::text::escape;
use jiff::SignedDuration;

/// A token that expires sooner than this is reported. A guess: long enough to create a new one during working hours.
const EXPIRES_SOON: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The scopes without which lists stay empty. They only cause a warning, because Meta has renamed scopes before.
const SCOPES: [&str; 2] = ["whatsapp_business_management", "business_management"];

/// What the API reports about a token.
pub type Token = TokenInfo;

/// A connection to the API, with a token that was checked.
#[derive(Debug)]
pub struct Session {
    pub(super) reader: Reader,
    client: GraphClient,
    token: Option<Token>,
    acting_user: Option<UserId>,
    live_source: LiveSource,
}

/// What a run finds out about its token.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    token: Option<Token>,
    acting_user: Option<UserId>,
    live_source: LiveSource,
}

impl Session {
    /// Connects to the API with a client of its own, and begins a run.
    ///
    /// # Errors
    ///
    /// If the settings cannot be used, the API cannot be reached, or the token is not valid.
    pub async fn connect(
        settings: &Settings,
        run: &RunSettings,
        events: Events<'_>,
    ) -> Result<Self, EngineError> {
        let client = GraphClient::new(settings).map_err(EngineError::graph("connecting to the Graph API"))?;
        Self::begin(&client, run, events).await
    }

    /// Begins a run with a client that other runs use as well, and checks the token.
    ///
    /// # Errors
    ///
    /// If the API cannot be reached, or the token is not valid.
    pub async fn begin(
        client: &GraphClient,
        run: &RunSettings,
        events: Events<'_>,
    ) -> Result<Self, EngineError> {
        let reader = client.reader(run);
        let token = check_token(&reader, client.clock(), events).await?;
        let acting_user = match token.as_ref().and_then(|token| token.user_id) {
            Some(user) => Some(user),
            None => acting_user(&reader).await?,
        };
        // Without a description, the address decides: without TLS it is one of this machine.
        let by_address = || if client.is_local() { LiveSource::Emulator } else { LiveSource::Api };
        let live_source = token.as_ref().map_or_else(by_address, |token| token.live_source.clone());
        if let Some(mark) = live_source.snapshot() {
            let age = client.clock().now().duration_since(mark.taken);
            events(Event::Warning(Warning::Snapshot(mark.taken, age)));
        }
        Ok(Self { reader, client: client.clone(), token, acting_user, live_source })
    }

    /// Begins a run with what an earlier run with the same token found out about it.
    pub(super) fn resume(client: &GraphClient, run: &RunSettings, identity: Identity) -> Self {
        let Identity { token, acting_user, live_source } = identity;
        Self { reader: client.reader(run), client: client.clone(), token, acting_user, live_source }
    }

    /// Returns what is known about the token.
    pub(super) fn identity(&self) -> Identity {
        Identity {
            token: self.token.clone(),
            acting_user: self.acting_user,
            live_source: self.live_source.clone(),
        }
    }

    /// Returns what the API reports about the token; `None` if it does not.
    pub fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    /// Returns where the live state comes from.
    pub fn live_source(&self) -> &LiveSource {
        &self.live_source
    }

    /// Returns the user of the token; `None` if the API does not report it.
    pub fn acting_user(&self) -> Option<UserId> {
        self.acting_user
    }

    /// Reads the user of the token.
    ///
    /// # Errors
    ///
    /// If the call fails.
    pub async fn me(&self) -> Result<Me, EngineError> {
        self.reader.me().await.map_err(EngineError::graph("reading the user of the token"))
    }

    /// Reads the system users and WABAs of a business, without looking up solutions or further WABAs.
    ///
    /// # Errors
    ///
    /// If a list cannot be read.
    pub async fn directory(&self, business: BusinessId) -> Result<Directory, EngineError> {
        let request = self.directory_request(business);
        self.reader.directory(&request).await.map_err(EngineError::graph(reading_directory(business)))
    }

    /// Returns what the session has cost so far.
    pub fn cost(&self) -> Cost {
        self.reader.cost()
    }

    pub(super) fn writer(&self) -> Writer {
        self.client.writer(&self.reader)
    }

    pub(super) fn clock(&self) -> &Clock {
        self.client.clock()
    }

    pub(super) fn directory_request(&self, business: BusinessId) -> DirectoryRequest {
        let app = self.token.as_ref().and_then(|token| token.app_id);
        DirectoryRequest { app, ..DirectoryRequest::new(business) }
    }
}

/// Describes the step that reads a business's directory, for an error.
pub(super) fn reading_directory(business: BusinessId) -> String {
    format!("reading the system users and WABAs of the business {business}")
}

/// Reads whose token it is, if the token's own data do not contain it.
async fn acting_user(reader: &Reader) -> Result<Option<UserId>, EngineError> {
    match reader.me().await {
        Ok(me) => Ok(Some(me.id)),
        Err(error) if error.is_fatal() => Err(EngineError::graph("reading the user of the token")(error)),
        Err(error) => {
            tracing::warn!("the API does not report whose token this is: {error}");
            Ok(None)
        }
    }
}

async fn check_token(
    reader: &Reader,
    clock: &Clock,
    events: Events<'_>,
) -> Result<Option<Token>, EngineError> {
    let token = match reader.token_info().await {
        Ok(token) => token,
        Err(error) if error.is_fatal() || matches!(error, GraphError::Unreachable { .. }) => {
            return Err(EngineError::graph("checking the token")(error));
        }
        // Some apps may not ask. Whether the token is valid shows with the first list.
        Err(error) => {
            tracing::info!("the API does not describe the token: {error}");
            return Ok(None);
        }
    };
    if !token.is_valid {
        let why = token.error.as_deref().unwrap_or("the API gives no reason");
        return Err(EngineError::InvalidToken(escape(why).into_owned()));
    }
    let now = clock.now();
    if let Some(at) = token.expires_at.filter(|at| at.duration_since(now) < EXPIRES_SOON) {
        events(Event::Warning(Warning::TokenExpires(at)));
    }
    for scope in SCOPES.into_iter().filter(|scope| !token.scopes.iter().any(|has| has == scope)) {
        events(Event::Warning(Warning::MissingScope(scope)));
    }
    Ok(Some(token))
}
