//! Connects to the API, or to the embedded emulator, with the secrets and limits of the options.

use super::exit::Exit;
use super::failure::Failure;
use super::interrupt::Doing;
use super::options::Connection;
use super::terminal::Terminal;
use crate::clock::Clock;
#[cfg(feature = "emulator")]
use crate::emulator::Emulator;
use crate::engine::{Events, Problem, Session};
use crate::graph::{self, META_HOST, RunSettings, Settings};
use crate::model::{BusinessId, Cost};
use crate::redact;
use crate::sources::STDIN;
use crate::store::SharedCalls;
use crate::text::escape;
use crate::webhook;
use secrecy::SecretString;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

/// The highest length of a token or secret, in bytes. A guess, far above any that Meta issues.
const SECRET_LIMIT: u64 = 64 * 1024;

/// How long the last counts of calls may take at the end of a run. A guess: a put takes less than a second.
const LAST_COUNTS: Duration = Duration::from_secs(5);

/// The environment variables with the secrets.
const TOKEN: &str = "WABACL_TOKEN";
const APP_SECRET: &str = "WABACL_APP_SECRET";
const VERIFY_TOKEN: &str = "WABACL_WEBHOOK_VERIFY_TOKEN";
/// The environment variable with the hosts that may get the token, separated by commas.
const ALLOW_HOST: &str = "WABACL_ALLOW_HOST";

/// The environment variables with secrets of the stores of a state.
const STATE_SECRETS: [(&str, &str); 8] = [
    ("AWS_SECRET_ACCESS_KEY", "secret key"),
    ("AWS_SESSION_TOKEN", "session token"),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "container token"),
    ("AZURE_STORAGE_ACCOUNT_KEY", "account key"),
    ("AZURE_STORAGE_ACCESS_KEY", "account key"),
    ("AZURE_STORAGE_CLIENT_SECRET", "client secret"),
    ("AZURE_STORAGE_TOKEN", "storage token"),
    ("GOOGLE_OAUTH_ACCESS_TOKEN", "Google token"),
];

/// A session, and the embedded emulator for as long as it is used.
pub(crate) struct Connected {
    pub(crate) session: Session,
    shared_calls: Option<SharedCalls>,
    #[cfg(feature = "emulator")]
    emulator: Option<Emulator>,
}

/// A connection that can be made: its options are right, and its secrets are read.
pub(crate) struct CheckedConnection<'a> {
    connection: &'a Connection,
    /// `None` for the embedded emulator, which has settings of its own.
    settings: Option<Settings>,
}

impl<'a> CheckedConnection<'a> {
    /// Checks the options and reads the secrets. Sends nothing.
    pub(crate) fn new(connection: &'a Connection) -> Result<Self, Failure> {
        #[cfg(feature = "emulator")]
        if connection.emulate.emulate.is_some() {
            return Ok(Self { connection, settings: None });
        }
        check_host(connection)?;
        Ok(Self { connection, settings: Some(settings(connection)?) })
    }

    /// Connects and checks the token. The calls of a business are counted over all runs that share a state folder.
    pub(crate) async fn connect(
        self,
        business: Option<BusinessId>,
        events: Events<'_>,
    ) -> Result<Connected, Failure> {
        let Self { connection, settings } = self;
        #[cfg(feature = "emulator")]
        let (settings, emulator) = match super::emulator::embedded(&connection.emulate).await? {
            Some((emulator, settings)) => (Some(settings), Some(emulator)),
            None => (settings, None),
        };
        let mut settings = settings.expect("without an emulator, the settings are prepared");
        apply_limits(&mut settings, connection, business)?;
        let _doing = Doing::start("checking the token");
        let shared_calls = settings.shared_calls.clone();
        Ok(Connected {
            shared_calls,
            session: Session::connect(&settings, &connection.run_settings(), events).await?,
            #[cfg(feature = "emulator")]
            emulator,
        })
    }
}

/// Returns the secrets of the webhook.
pub(crate) fn webhook_secrets(
    connection: &Connection,
    verify_token_file: Option<&Path>,
) -> Result<webhook::Secrets, Failure> {
    let app_secret = secret(APP_SECRET, connection.app_secret_file.as_deref())?;
    let secrets = webhook::Secrets::new(app_secret, secret(VERIFY_TOKEN, verify_token_file)?);
    secrets.map_err(|error| Failure { exit: Exit::Usage, ..Failure::of(&error) }.hint(error.hint()))
}

/// A connection for a process that lives long: the secrets are read again each time.
pub(crate) struct StandingConnection<'a> {
    connection: &'a Connection,
    #[cfg(feature = "emulator")]
    embedded: Option<(Emulator, Settings)>,
}

impl<'a> StandingConnection<'a> {
    /// Checks the options, and starts the embedded emulator if it is used. A token file need not exist yet.
    #[cfg_attr(
        not(feature = "emulator"),
        expect(clippy::unused_async, reason = "starting the emulator waits")
    )]
    pub(crate) async fn open(connection: &'a Connection) -> Result<Self, Failure> {
        #[cfg(feature = "emulator")]
        if let Some(embedded) = super::emulator::embedded(&connection.emulate).await? {
            return Ok(Self { connection, embedded: Some(embedded) });
        }
        check_host(connection)?;
        if connection.token_file.is_none() {
            settings(connection)?;
        }
        Ok(Self {
            connection,
            #[cfg(feature = "emulator")]
            embedded: None,
        })
    }

    /// Returns the settings of a client for a business, with the secrets as they are now.
    pub(crate) fn settings(&self, business: BusinessId) -> Result<Settings, Problem> {
        #[cfg(feature = "emulator")]
        let prepared = match &self.embedded {
            Some((_, settings)) => Ok(settings.clone()),
            None => settings(self.connection),
        };
        #[cfg(not(feature = "emulator"))]
        let prepared = settings(self.connection);
        let limited = prepared.and_then(|mut settings| {
            apply_limits(&mut settings, self.connection, Some(business))?;
            Ok(settings)
        });
        limited.map_err(|Failure { chain, hint, .. }| Problem { chain, hint })
    }
}

/// Checks that it is known which business is read: the API does not say.
pub(crate) fn check_business(given: Option<BusinessId>, connection: &Connection) -> Result<(), Failure> {
    if given.is_some() || connection.is_embedded() {
        return Ok(());
    }
    Err(Failure::plain(Exit::Usage, "--business is missing")
        .hint("give the id of the business portfolio, or a file with --emulate"))
}

/// Checks that the token may be sent to the host of `--graph-url`: Meta's, this machine, or one that is allowed.
fn check_host(connection: &Connection) -> Result<(), Failure> {
    let host = graph::check_address(&connection.graph_url, &connection.graph_version)
        .map_err(|error| Failure { exit: Exit::Usage, ..Failure::of(&error) })?;
    let variable = std::env::var(ALLOW_HOST).unwrap_or_default();
    let allowed = connection.allow_host.iter().map(String::as_str).chain(variable.split(','));
    let allows = |host: &str| allowed.map(str::trim).any(|allowed| allowed.eq_ignore_ascii_case(host));
    match host {
        Some(host) if host != META_HOST && !allows(&host) => Err(Failure::plain(
            Exit::Usage,
            format!("--graph-url leads to {host}, which would get the token"),
        )
        .hint(format!("if it is meant to, give --allow-host {host}, or set {ALLOW_HOST}"))),
        Some(_) | None => Ok(()),
    }
}

/// Protects the secrets in the environment, before anything is printed: a manifest could quote them.
pub(crate) fn protect_environment() {
    for (variable, label) in [(TOKEN, "token"), (APP_SECRET, "app secret"), (VERIFY_TOKEN, "verify token")]
        .into_iter()
        .chain(STATE_SECRETS)
    {
        if let Ok(secret) = std::env::var(variable) {
            redact::protect(label, &SecretString::from(secret.trim()));
        }
    }
}

impl Connected {
    /// Returns the business that is given, or else the one that the file of the embedded emulator declares first.
    #[cfg_attr(
        not(feature = "emulator"),
        expect(clippy::unused_self, reason = "without an emulator there is none")
    )]
    pub(crate) fn business(&self, given: Option<BusinessId>) -> Result<BusinessId, Failure> {
        #[cfg(feature = "emulator")]
        let given = given.or_else(|| self.emulator.as_ref()?.world().business());
        given.ok_or_else(|| Failure::plain(Exit::Failed, "the file has no business"))
    }

    /// Prints what the session has cost, and shares the counts of its calls with other machines.
    pub(crate) async fn end(&self, terminal: &Terminal) {
        print_cost(&self.session.cost(), terminal);
        self.share_calls().await;
    }

    /// Puts the counts of the session's calls for other machines, if they share a state.
    pub(crate) async fn share_calls(&self) {
        if let Some(calls) = &self.shared_calls {
            // What is not put in time counts on this machine only.
            let _ = Clock::real().within(LAST_COUNTS, calls.finish()).await;
        }
    }
}

/// Prints what a run has cost.
pub(crate) fn print_cost(cost: &Cost, terminal: &Terminal) {
    terminal.talk(|style| crate::render::text::cost(cost, style));
}

fn settings(connection: &Connection) -> Result<Settings, Failure> {
    let token = secret(TOKEN, connection.token_file.as_deref())?.ok_or_else(|| {
        Failure::plain(Exit::Failed, "there is no access token")
            .hint("set WABACL_TOKEN, or give --token-file; to try things out without one, give --emulate")
    })?;
    let mut settings = Settings::new(token);
    settings.app_secret = secret(APP_SECRET, connection.app_secret_file.as_deref())?;
    settings.graph_url.clone_from(&connection.graph_url);
    settings.graph_version.clone_from(&connection.graph_version);
    settings.ca_file.clone_from(&connection.ca_file);
    Ok(settings)
}

impl Connection {
    /// Returns the limits of a run.
    pub(crate) fn run_settings(&self) -> RunSettings {
        RunSettings {
            read_strategy: self.read_strategy.into(),
            max_wait: Duration::from_secs(u64::from(self.max_wait)),
            timeout: self.timeout(),
            ..RunSettings::default()
        }
    }
}

/// Limits how much of the API the process may use.
fn apply_limits(
    settings: &mut Settings,
    connection: &Connection,
    business: Option<BusinessId>,
) -> Result<(), Failure> {
    settings.concurrency = usize::from(connection.concurrency);
    settings.waba_calls_per_hour = connection.waba_calls_per_hour;
    // Without a state the run still works; its calls are then not counted together with those of other runs.
    let state = connection.state()?.zip(business);
    if let Some((state, business)) = state {
        settings.call_log = state.call_log(business);
        settings.shared_calls = state.shared_calls(business, &settings.clock);
    }
    Ok(())
}

/// Reads a secret from a file, or else from the environment.
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
    let place = file.map_or_else(|| variable.to_owned(), shown);
    match text.trim() {
        "" => Err(Failure::plain(Exit::Failed, format!("{place} is empty"))),
        trimmed => Some(SecretString::from(trimmed)).filter(graph::check_secret).map(Some).ok_or_else(|| {
            Failure::plain(Exit::Failed, format!("{place} contains a character that no secret of Meta has"))
                .hint("look for blanks, line breaks, a byte order mark and other invisible characters")
        }),
    }
}

fn read_secret(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    // A secret may come through a pipe, so the file need not be a regular one.
    let read = if path == Path::new(STDIN) {
        std::io::stdin().take(SECRET_LIMIT).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(SECRET_LIMIT).read_to_string(&mut text))
    };
    read.map_err(|error| Failure::failed(&format!("reading {}", shown(path)), error))?;
    Ok(text)
}

/// Returns the name of a file in messages.
fn shown(path: &Path) -> String {
    if path == Path::new(STDIN) {
        return String::from("<stdin>");
    }
    escape(&path.display().to_string()).into_owned()
}
