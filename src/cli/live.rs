//! The live side of a run: which API is spoken to, and as whom.

use super::exit::Exit;
use super::failure::Failure;
use super::options::Connection;
use super::terminal::Terminal;
#[cfg(feature = "emulator")]
use crate::emulator::Emulator;
use crate::graph::{Reader, Settings, TokenInfo, Writer};
use crate::model::{BusinessId, UserId};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use std::path::Path;
use std::time::Duration;

/// A token that ends sooner than this earns a warning.
const ENDS_SOON: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The scopes without which the lists stay empty. Meta has renamed scopes before, so they only warn.
const SCOPES: [&str; 2] = ["whatsapp_business_management", "business_management"];
/// A token, or a secret, is never longer than this, in bytes.
const SECRET_LIMIT: u64 = 64 * 1024;

/// A connection to the API, or to the emulator that stands in for it.
pub(crate) struct Live {
    pub(crate) reader: Reader,
    /// What the token is; `None` where the API does not tell.
    pub(crate) token: Option<TokenInfo>,
    /// The system user whose token it is.
    pub(crate) acting_user: Option<UserId>,
    settings: Settings,
    #[cfg(feature = "emulator")]
    _emulator: Option<Emulator>,
}

impl Live {
    /// Connects, and makes sure that the token is good. The calls of a business are counted over all runs.
    pub(crate) async fn connect(
        connection: &Connection,
        business: Option<BusinessId>,
        terminal: &Terminal,
    ) -> Result<Self, Failure> {
        #[cfg(feature = "emulator")]
        let (mut settings, emulator) = match super::emulator::embedded(&connection.emulate).await? {
            Some((emulator, settings)) => (settings, Some(emulator)),
            None => (settings(connection)?, None),
        };
        #[cfg(not(feature = "emulator"))]
        let mut settings = settings(connection)?;
        limit(&mut settings, connection, business);
        let reader = Reader::connect(&settings)
            .map_err(|error| Failure::graph("connecting to the Graph API", &error))?;
        let token = check_token(&reader, terminal).await?;
        let acting_user = match token.as_ref().and_then(|token| token.user_id) {
            Some(user) => Some(user),
            None => me(&reader).await?,
        };
        Ok(Self {
            reader,
            token,
            acting_user,
            settings,
            #[cfg(feature = "emulator")]
            _emulator: emulator,
        })
    }

    /// Says what the run cost; only `apply` has a writer.
    pub(crate) fn end(&self, writer: Option<&Writer>, terminal: &Terminal) {
        let mut cost = self.reader.cost();
        if let Some(writer) = writer {
            cost.requests += writer.requests();
            cost.calls += writer.calls();
        }
        terminal.talk(|style| crate::render::text::cost(&cost, style));
    }

    /// Connects for writing; only `apply` asks for this.
    pub(crate) fn writer(&self) -> Result<Writer, Failure> {
        Writer::beside(&self.reader, &self.settings)
            .map_err(|error| Failure::graph("connecting to the Graph API", &error))
    }
}

/// Asks whose token it is, where `debug_token` did not tell.
async fn me(reader: &Reader) -> Result<Option<UserId>, Failure> {
    match reader.me().await {
        Ok(me) => Ok(Some(me.id)),
        Err(error) if error.is_fatal() => Err(Failure::graph("asking whose token this is", &error)),
        Err(error) => {
            tracing::warn!("the API does not tell whose token this is: {error}");
            Ok(None)
        }
    }
}

async fn check_token(reader: &Reader, terminal: &Terminal) -> Result<Option<TokenInfo>, Failure> {
    let token = match reader.token_info().await {
        Ok(token) => token,
        Err(error) if error.is_fatal() => return Err(Failure::graph("checking the token", &error)),
        Err(error) if matches!(error, crate::graph::GraphError::Unreachable { .. }) => {
            return Err(Failure::graph("checking the token", &error));
        }
        // Some apps may not ask; whether the token is good shows with the first list.
        Err(error) => {
            tracing::info!("the API does not tell about the token: {error}");
            return Ok(None);
        }
    };
    if !token.is_valid {
        let why = token.error.clone().unwrap_or_else(|| String::from("it is not valid"));
        return Err(Failure::plain(Exit::Failed, format!("the token is no good: {}", crate::text::escape(&why)))
            .hint("make a new token for the system user in Business Settings, and put it where this run takes it from"));
    }
    let now = Timestamp::now();
    if let Some(ends) = token.expires_at.filter(|ends| ends.duration_since(now) < ENDS_SOON) {
        terminal.say(&format!("warning: the token ends at {ends}; make a new one before then"));
    }
    for scope in SCOPES.iter().filter(|scope| !token.scopes.iter().any(|has| has == *scope)) {
        terminal.say(&format!("warning: the token does not have the scope {scope}; lists may stay empty"));
    }
    Ok(Some(token))
}

fn settings(connection: &Connection) -> Result<Settings, Failure> {
    let token = secret("WABACL_TOKEN", connection.token_file.as_deref())?.ok_or_else(|| {
        Failure::plain(Exit::Failed, "there is no access token")
            .hint("set WABACL_TOKEN, or give --token-file; to try things out without one, give --emulate")
    })?;
    let mut settings = Settings::new(token);
    settings.app_secret = secret("WABACL_APP_SECRET", connection.app_secret_file.as_deref())?;
    settings.graph_url.clone_from(&connection.graph_url);
    settings.graph_version.clone_from(&connection.graph_version);
    settings.ca_file.clone_from(&connection.ca_file);
    Ok(settings)
}

/// Says how much of the API a run may use.
fn limit(settings: &mut Settings, connection: &Connection, business: Option<BusinessId>) {
    settings.concurrency = usize::from(connection.concurrency);
    settings.read_strategy = connection.read_strategy.into();
    settings.waba_calls_per_hour = connection.waba_calls_per_hour;
    settings.max_wait = Duration::from_secs(u64::from(connection.max_wait));
    settings.deadline = connection.timeout.map(|seconds| Duration::from_secs(u64::from(seconds)));
    // Where nothing can be remembered the run goes on all the same.
    let folder = connection.state_dir().ok().zip(business);
    settings.budget_dir = folder.map(|(state, business)| state.join(business.to_string()));
}

/// Reads a secret from a file, where one is named, or else from the environment.
fn secret(variable: &str, file: Option<&Path>) -> Result<Option<SecretString>, Failure> {
    let text = match file {
        Some(path) => read_secret(path)?,
        None => match std::env::var(variable) {
            Ok(text) => text,
            Err(std::env::VarError::NotPresent) => return Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => {
                return Err(Failure::plain(Exit::Failed, format!("{variable} is not valid UTF-8")));
            }
        },
    };
    match text.trim() {
        "" => {
            let place = file.map_or_else(|| variable.to_owned(), |path| path.display().to_string());
            Err(Failure::plain(Exit::Failed, format!("{} is empty", crate::text::escape(&place))))
        }
        trimmed => Ok(Some(SecretString::from(trimmed))),
    }
}

fn read_secret(path: &Path) -> Result<String, Failure> {
    use std::io::Read;
    let doing = format!("reading {}", crate::text::escape(&path.display().to_string()));
    let file = std::fs::File::open(path).map_err(|error| Failure::failed(&doing, error))?;
    let mut text = String::new();
    file.take(SECRET_LIMIT).read_to_string(&mut text).map_err(|error| Failure::failed(&doing, error))?;
    Ok(text)
}
