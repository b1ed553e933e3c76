//! Arguments that several verbs share.

use super::completions;
use super::exit::Exit;
use super::failure::Failure;
use super::state::StateOptions;
use crate::engine::PlanRequest;
use crate::graph::ReadStrategy;
use crate::guard::{Guard, Waiver};
use crate::model::{Glob, Name, Selection, TimeLimit, start_of_day};
use crate::render::{self, GroupBy};
use crate::sources::STDIN;
use crate::store::StateStore;
use clap::{Args, ValueEnum};
use jiff::civil::Date;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// When outputs are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set; CLICOLOR_FORCE overrides both
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The output format of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For programs, with a schema (see `wabacl schema`)
    Json,
    /// A unified diff of live and desired access, as YAML
    Diff,
    /// One page for a browser, with the access matrix
    Html,
    /// For a comment on a pull request, below GitHub's limit
    Markdown,
    /// Workflow commands of GitHub Actions, which annotate the lines of a pull request with violations
    Github,
}

/// The output format of drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DriftFormat {
    /// For people
    Text,
    /// For programs, with a schema (see `wabacl schema`)
    Json,
    /// A unified diff of live and desired access, as YAML
    Diff,
    /// One page for a browser, with the access matrix
    Html,
    /// For an issue or a comment, below GitHub's limit
    Markdown,
    /// Workflow commands of GitHub Actions
    Github,
    /// Metrics for the textfile collector of Prometheus's node exporter
    Prometheus,
}

impl From<Format> for render::Format {
    fn from(format: Format) -> Self {
        match format {
            Format::Text => Self::Text,
            Format::Json => Self::Json,
            Format::Diff => Self::Diff,
            Format::Html => Self::Html,
            Format::Markdown => Self::Markdown,
            Format::Github => Self::Github,
        }
    }
}

impl From<ReportFormat> for render::Format {
    fn from(format: ReportFormat) -> Self {
        match format {
            ReportFormat::Text => Self::Text,
            ReportFormat::Json => Self::Json,
        }
    }
}

impl From<DriftFormat> for render::Format {
    fn from(format: DriftFormat) -> Self {
        match format {
            DriftFormat::Text => Self::Text,
            DriftFormat::Json => Self::Json,
            DriftFormat::Diff => Self::Diff,
            DriftFormat::Html => Self::Html,
            DriftFormat::Markdown => Self::Markdown,
            DriftFormat::Github => Self::Github,
            DriftFormat::Prometheus => Self::Prometheus,
        }
    }
}

/// The state that drift is explained with: a saved plan, or a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reference {
    /// A plan that `wabacl plan --out` saved.
    File(PathBuf),
    /// `sha256:` and 64 hexadecimal digits.
    Digest(String),
}

/// Parses the value of `--since`.
pub(crate) fn reference(text: &str) -> Result<Reference, String> {
    match text.strip_prefix("sha256:") {
        Some(hex) if hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) => {
            Ok(Reference::Digest(text.to_owned()))
        }
        Some(_) => Err(String::from("a digest has 64 hexadecimal digits in small letters")),
        None => Ok(Reference::File(PathBuf::from(text))),
    }
}

/// The output format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For people
    Text,
    /// For programs, with a schema (see `wabacl schema`)
    Json,
}

/// The output format of diagnostics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ValidateFormat {
    /// For people
    Text,
    /// For programs, with a schema (see `wabacl schema`)
    Json,
    /// Workflow commands of GitHub Actions, which annotate the lines of a pull request
    Github,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

/// The headings under which a plan or drift shows its changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Heading {
    /// A heading for each WABA
    Waba,
    /// A heading for each user
    User,
    /// A heading for each reason: the grants that ask for a change, and the lines that no longer do
    Grant,
}

/// How changes are put together.
#[derive(Debug, Args)]
pub(crate) struct Grouping {
    /// Shows changes under headings, in text and in Markdown (default: text without headings, the most important changes
    /// first; Markdown by grant)
    #[arg(long, value_enum, value_name = "BY")]
    group_by: Option<Heading>,
}

impl Grouping {
    /// Returns the headings to show. Only text and Markdown have some.
    pub(crate) fn checked(&self, format: render::Format) -> Result<Option<GroupBy>, Failure> {
        match (self.group_by, format) {
            (None, _) => Ok(None),
            (Some(by), render::Format::Text | render::Format::Markdown) => Ok(Some(match by {
                Heading::Waba => GroupBy::Waba,
                Heading::User => GroupBy::User,
                Heading::Grant => GroupBy::Grant,
            })),
            (Some(_), _) => Err(Failure::plain(Exit::Usage, "--group-by needs the format text or markdown")),
        }
    }
}

/// How assignments are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Strategy {
    /// The fastest way while less than half of every known limit is used, then the one with the fewest calls
    Auto,
    /// Nested in the lists of WABAs: the fewest calls
    Nested,
    /// WABA by WABA, up to 50 in one request
    Batch,
    /// WABA by WABA, one request for each
    Direct,
}

impl From<Strategy> for ReadStrategy {
    fn from(strategy: Strategy) -> Self {
        match strategy {
            Strategy::Auto => Self::Auto,
            Strategy::Nested => Self::Nested,
            Strategy::Batch => Self::Batch,
            Strategy::Direct => Self::Direct,
        }
    }
}

/// The options of every verb.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Shows more: unmanaged assignments and each step; given twice: every call to the API
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "WHEN")]
    pub(crate) color: Color,
}

/// The paths of the manifests.
#[derive(Debug, Args)]
pub(crate) struct ManifestPaths {
    /// Manifest files, or folders with *.yaml and *.yml files below them; `-` is standard input
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
}

/// The paths of the manifests that a question is about.
#[derive(Debug, Args)]
pub(crate) struct QuestionPaths {
    /// Manifest files, or folders with *.yaml and *.yml files below them; `-` is standard input
    #[arg(value_name = "PATH", default_value = completions::FOLDER)]
    pub(crate) paths: Vec<PathBuf>,
}

impl QuestionPaths {
    /// Checks that at most one of the files that are read is standard input.
    pub(crate) fn check_stdin(&self, connection: &Connection) -> Result<(), Failure> {
        check_stdin(self.paths.iter().chain(connection.secret_files())).map(|_| ())
    }
}

/// Checks that standard input is at most once among the files that a verb reads, and returns whether it is.
pub(crate) fn check_stdin<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> Result<bool, Failure> {
    match paths.into_iter().filter(|path| path.as_os_str() == STDIN).count() {
        given @ (0 | 1) => Ok(given == 1),
        _ => Err(Failure::plain(Exit::Usage, "standard input (`-`) can be given only once")),
    }
}

/// The time that is compared with the `from` and `until` of grants.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct PlannedFor {
    /// The day to plan for, from its start in UTC, which is compared with the `from` and `until` of grants (default: now)
    #[arg(long, value_name = "YYYY-MM-DD")]
    today: Option<Date>,
    /// The instant to plan for, with an offset: 2027-03-31T18:00:00+02:00 (default: now)
    #[arg(long, value_name = "TIME", value_parser = instant, conflicts_with = "today")]
    now: Option<Timestamp>,
}

impl PlannedFor {
    /// Returns the option that sets another time than now, if one does.
    pub(crate) fn option(self) -> Option<&'static str> {
        self.today.map(|_| "--today").or_else(|| self.now.map(|_| "--now"))
    }

    /// Returns the time that an option sets.
    fn given(self) -> Option<Timestamp> {
        self.today.map(start_of_day).or(self.now)
    }

    /// Returns the time to plan for.
    pub(crate) fn or_now(self) -> Timestamp {
        self.given().unwrap_or_else(now)
    }

    /// Returns a request for the time.
    pub(crate) fn request(self, selection: Selection, state: Option<StateStore>) -> PlanRequest {
        PlanRequest { began: now(), planned_for: self.given(), selection, state, ..PlanRequest::default() }
    }
}

/// Parses an instant with an offset.
fn instant(text: &str) -> Result<Timestamp, String> {
    match text.parse() {
        Ok(TimeLimit::Moment(instant)) => Ok(instant),
        Ok(TimeLimit::Day(_)) => Err(String::from("this is a day; give it with --today")),
        Err(_) => Err(String::from("expected an instant with an offset: 2027-03-31T18:00:00+02:00")),
    }
}

/// Returns the time to the second. That is what a reader of a plan needs, and what the schema shows.
fn now() -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default()
}

/// The changes that a run is narrowed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Only {
    /// What has expired
    Expired,
}

/// What a plan is made for.
#[derive(Debug, Args)]
pub(crate) struct PlanOptions {
    #[command(flatten)]
    pub(crate) time: PlannedFor,
    /// Only the WABAs whose name matches this glob; can be repeated; the output says that it is partial
    #[arg(long, value_name = "GLOB", add = completions::wabas())]
    pub(crate) waba: Vec<Glob>,
    /// Only this system user: its name in the manifests, its live name, or its id; can be repeated; the output says that it is
    /// partial
    #[arg(long, value_name = "NAME", add = completions::users())]
    pub(crate) user: Vec<Name>,
    /// Only takes away what has expired: the tasks that only grants and exceptions gave that have ended. What else differs there
    /// is listed and left to a full apply
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) only: Option<Only>,
    /// The manifests of the base commit: system users that are declared there and no more are released, and the output
    /// says what changed about guards and prune rules
    #[arg(long, value_name = "PATH")]
    pub(crate) previous: Vec<PathBuf>,
}

impl PlanOptions {
    /// Returns what a plan is narrowed to.
    pub(crate) fn selection(&self) -> Selection {
        Selection {
            wabas: self.waba.clone(),
            users: self.user.clone(),
            only_expired: self.only == Some(Only::Expired),
            ..Selection::default()
        }
    }

    /// Checks that at most one of the files that are read is standard input.
    pub(crate) fn check_stdin(
        &self,
        manifests: &ManifestPaths,
        connection: &Connection,
    ) -> Result<(), Failure> {
        let files = manifests.paths.iter().chain(&self.previous).chain(connection.secret_files());
        check_stdin(files).map(|_| ())
    }

    /// Returns what a plan is made for.
    pub(crate) fn request(&self, state: Option<StateStore>, waivers: &Waivers) -> PlanRequest {
        let request = waivers.request(self.time, self.selection(), state);
        PlanRequest { previous: self.previous.clone(), ..request }
    }
}

/// Parses a length of time such as `7d` or `12h`; a day has 24 hours.
pub(crate) fn length(text: &str) -> Result<SignedDuration, String> {
    let span: Span = text.parse().map_err(|error: jiff::Error| error.to_string())?;
    let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|error| error.to_string())?;
    if length.is_negative() { Err(String::from("it is negative")) } else { Ok(length) }
}

/// The guards that are waived, and the one that only a run asks for.
#[derive(Debug, Default, Args)]
pub(crate) struct Waivers {
    /// Waives a guard for this run: CODE, or CODE=NAME for one WABA or user
    #[arg(long = "waive", value_name = "CODE[=NAME]", add = completions::waivers())]
    pub(crate) waive: Vec<Waiver>,
    /// Refuses a plan by which somebody gains access: for clean-ups. A saved plan keeps this
    #[arg(long)]
    pub(crate) no_new_access: bool,
}

impl Waivers {
    /// Returns a request with what these options allow and forbid.
    pub(crate) fn request(
        &self,
        time: PlannedFor,
        selection: Selection,
        state: Option<StateStore>,
    ) -> PlanRequest {
        let admin_rows = self.waive.iter().filter(|waiver| waiver.guard == Guard::AdminRow);
        PlanRequest {
            no_new_access: self.no_new_access,
            admin_rows: admin_rows.map(|waiver| waiver.target.clone()).collect(),
            ..time.request(selection, state)
        }
    }
}

/// How to reach the API.
#[derive(Debug, Args)]
pub(crate) struct Connection {
    /// A file with the access token, `-` is standard input (default: the environment variable WABACL_TOKEN)
    #[arg(long, value_name = "FILE", help_heading = "Connection")]
    pub(crate) token_file: Option<PathBuf>,
    /// A file with the app secret, to send appsecret_proof; `-` is standard input (default: the environment variable
    /// WABACL_APP_SECRET)
    #[arg(long, value_name = "FILE", help_heading = "Connection")]
    pub(crate) app_secret_file: Option<PathBuf>,
    /// The URL of the Graph API; plain HTTP only to this machine
    #[arg(
        long,
        value_name = "URL",
        help_heading = "Connection",
        default_value = "https://graph.facebook.com"
    )]
    pub(crate) graph_url: String,
    /// Allows a host of --graph-url besides graph.facebook.com and this machine; can be repeated (also: the environment
    /// variable WABACL_ALLOW_HOST, hosts separated by commas)
    #[arg(long, value_name = "HOST", help_heading = "Connection")]
    pub(crate) allow_host: Vec<String>,
    /// The version of the Graph API
    #[arg(long, value_name = "VERSION", help_heading = "Connection", default_value = "v25.0")]
    pub(crate) graph_version: String,
    /// A PEM file with an additional root certificate
    #[arg(long, value_name = "FILE", help_heading = "Connection")]
    pub(crate) ca_file: Option<PathBuf>,
    /// The highest number of requests in flight; fewer at the start and when the API slows down
    #[arg(long, value_name = "NUMBER", help_heading = "Limits", default_value_t = 16,
          value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(crate) concurrency: u16,
    /// How assignments are read
    #[arg(long, value_enum, value_name = "HOW", help_heading = "Limits", default_value = "auto")]
    pub(crate) read_strategy: Strategy,
    /// The highest number of calls for one WABA in any hour, over all runs that share a state folder
    #[arg(long, value_name = "NUMBER", help_heading = "Limits", default_value_t = 200,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) waba_calls_per_hour: u32,
    /// The longest total wait because of Meta's limits, in seconds
    #[arg(long, value_name = "SECONDS", help_heading = "Limits", default_value_t = 15 * 60)]
    pub(crate) max_wait: u32,
    /// The longest duration of the whole run, in seconds (default: no limit)
    #[arg(long, value_name = "SECONDS", help_heading = "Limits",
          value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) timeout: Option<u32>,
    #[command(flatten)]
    pub(crate) state: StateOptions,
    #[cfg(feature = "emulator")]
    #[command(flatten)]
    pub(crate) emulate: Emulate,
}

impl Connection {
    /// Returns the files of the secrets.
    pub(crate) fn secret_files(&self) -> impl Iterator<Item = &PathBuf> {
        self.token_file.iter().chain(&self.app_secret_file)
    }

    /// Returns whether the other side is on this machine, and so an emulator.
    pub(crate) fn is_emulated(&self) -> bool {
        // Plain HTTP is allowed to this machine only.
        self.is_embedded() || self.graph_url.starts_with("http://")
    }

    /// Returns whether the embedded emulator is used.
    pub(crate) fn is_embedded(&self) -> bool {
        self.world().is_some()
    }

    /// Returns the file of the embedded emulator.
    #[cfg_attr(
        not(feature = "emulator"),
        expect(clippy::unused_self, reason = "without an emulator there is none")
    )]
    fn world(&self) -> Option<&Path> {
        #[cfg(feature = "emulator")]
        return self.emulate.emulate.as_deref();
        #[cfg(not(feature = "emulator"))]
        None
    }

    /// Returns the longest duration of the whole run.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.timeout.map(|seconds| Duration::from_secs(u64::from(seconds)))
    }

    /// Returns where the state is. That of an emulator is beside its file.
    pub(crate) fn state(&self) -> Result<Option<StateStore>, Failure> {
        self.state.store(self.beside_emulator())
    }

    /// Returns where the state is.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub(crate) fn required_state(&self) -> Result<StateStore, Failure> {
        self.state.required(self.beside_emulator())
    }

    /// Returns the state folder beside the file of the emulator.
    fn beside_emulator(&self) -> Option<PathBuf> {
        self.world().map(|file| file.with_extension("state"))
    }
}

/// The embedded emulator instead of the API.
#[cfg(feature = "emulator")]
#[derive(Debug, Args)]
pub(crate) struct Emulate {
    /// Uses the embedded emulator with this state instead of the API, with a token of its own
    ///
    /// The file is never written. New state is saved beside it (live.state.yaml for live.yaml) and used in later runs.
    #[arg(long, value_name = "FILE", help_heading = "Emulator",
          conflicts_with_all = ["token_file", "app_secret_file", "graph_url", "graph_version", "ca_file"])]
    pub(crate) emulate: Option<PathBuf>,
    /// Discards the saved state and starts again from the file of --emulate
    #[arg(long, help_heading = "Emulator", requires = "emulate")]
    pub(crate) emulate_fresh: bool,
}
