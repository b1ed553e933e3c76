//! The targets: what reads files that somebody else may have written, and what the API sends.

use super::api;
use std::fmt;
use std::fs;
use std::path::Path;
use std::slice;
use std::str::FromStr;
use std::time::Duration;
use wabacl::documents::{self, saved};
use wabacl::emulator::World;
use wabacl::engine;
use wabacl::graph::ReadStrategy;
use wabacl::guard;
use wabacl::model::causes;
use wabacl::render::{self, Style, View};
use wabacl::store::{self, Keep};
use wabacl::webhook::{Delivery, Queue, QueueSettings};

const STYLE: Style = Style { colour: true, width: Some(80), verbose: true, group_by: None };

/// How many requests the client may send, and for how many bytes of its answers one more. Guesses: each list and each
/// WABA is asked for five times at most, and a WABA takes 20 bytes in a list.
const REQUESTS: (usize, usize) = (500, 4);

/// What reads an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// Manifests: they are parsed, checked offline, and their diagnostics are rendered.
    Manifest,
    /// A CSV file that a manifest names: it is read as a manifest is.
    Table,
    /// The file of an emulator.
    World,
    /// Saved plans: they are read, reviewed and shown.
    SavedPlan,
    /// Journals.
    Journal,
    /// Answers of the API: the client makes each kind of call.
    Api,
    /// Signed deliveries of the webhook: their events are queued.
    Webhook,
}

/// The result of one input.
#[derive(Debug, Default)]
pub(crate) struct Played {
    /// Whether the input was accepted, at least in part.
    pub(crate) accepted: bool,
    /// How many bytes were printed for it.
    pub(crate) printed: usize,
}

impl Target {
    pub(crate) const ALL: [Self; 7] =
        [Self::Manifest, Self::Table, Self::World, Self::SavedPlan, Self::Journal, Self::Api, Self::Webhook];

    fn name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Table => "table",
            Self::World => "world",
            Self::SavedPlan => "saved-plan",
            Self::Journal => "journal",
            Self::Api => "api",
            Self::Webhook => "webhook",
        }
    }

    /// Returns the name of the file with the current input.
    pub(crate) fn file_name(self) -> String {
        let extension = match self {
            Self::Manifest | Self::World => "yaml",
            Self::Table => "csv",
            Self::SavedPlan | Self::Webhook => "json",
            Self::Journal => "jsonl",
            Self::Api => "http",
        };
        format!("{}.{extension}", self.name())
    }

    /// Reads the input in a file.
    pub(crate) fn run(self, file: &Path) -> Played {
        match self {
            Self::Manifest => manifest(file),
            Self::Table => table(file),
            Self::World => world(file),
            Self::SavedPlan => saved_plan(file),
            Self::Journal => journal(file),
            Self::Api => api_answers(file),
            Self::Webhook => webhook(file),
        }
    }
}

fn manifest(file: &Path) -> Played {
    let now = "2026-11-26T00:00:00Z".parse().expect("an instant");
    let validation = engine::validate(slice::from_ref(&file.to_owned()), now);
    let (found, sources) = (&validation.diagnostics, &validation.sources);
    let mut printed = render::text::diagnostics(found, sources, &STYLE).into_bytes();
    documents::diagnostics(found, sources, &mut printed).expect("a vector can be written to");
    render::sarif::diagnostics(found, sources, &mut printed).expect("a vector can be written to");
    Played { accepted: validation.manifest.is_some(), printed: printed.len() }
}

fn table(file: &Path) -> Played {
    let manifest_file = file.with_file_name("names-a-table.yaml");
    let name = file.file_name().and_then(|name| name.to_str()).expect("the name is that of the target");
    let text = format!("version: 1\nbusiness: 1\nwabas_from: [\"{name}\"]\n");
    fs::write(&manifest_file, text).expect("the folder can be written to");
    manifest(&manifest_file)
}

fn world(file: &Path) -> Played {
    let bytes = fs::read(file).expect("the file was just written");
    match World::from_yaml(&String::from_utf8_lossy(&bytes)) {
        Ok(world) => {
            let text = world.to_yaml();
            let again = World::from_yaml(&text).expect("a written world can be read");
            assert_eq!(again.to_yaml(), text, "a world is written as it was read");
            Played { accepted: true, printed: text.len() }
        }
        Err(error) => Played { accepted: false, printed: causes(&error).map(|cause| cause.len()).sum() },
    }
}

fn saved_plan(file: &Path) -> Played {
    let proposal = match saved::load(file) {
        Ok(proposal) => proposal,
        Err(error) => {
            let printed = causes(&error).map(|cause| cause.len()).sum();
            return Played { accepted: false, printed };
        }
    };
    let now = proposal.plan.now;
    let review = guard::review(proposal, &[], now);
    let view = View::of_plan(&review);
    let mut printed = render::text::plan(&view, &STYLE).into_bytes();
    render::html::plan(&view, None, &mut printed).expect("a vector can be written to");
    Played { accepted: true, printed: printed.len() }
}

fn journal(file: &Path) -> Played {
    let mut played = Played::default();
    for keep in [Keep::All, Keep::Last(2), Keep::InFlight] {
        match store::read(file, keep) {
            Ok(history) => played.accepted |= !history.runs.is_empty(),
            Err(error) => {
                played.printed += causes(&error).map(|cause| cause.len()).sum::<usize>();
            }
        }
    }
    played
}

fn api_answers(file: &Path) -> Played {
    let input = fs::read(file).expect("the file was just written");
    let mut played = Played::default();
    for strategy in [ReadStrategy::Nested, ReadStrategy::Batch] {
        let read = api::read(&input, strategy);
        let limit = REQUESTS.0 + input.len() / REQUESTS.1;
        assert!(read.requests <= limit, "{} requests, the limit is {limit}", read.requests);
        played.accepted |= read.accepted;
        played.printed += read.said.len();
    }
    played
}

fn webhook(file: &Path) -> Played {
    let body = fs::read(file).expect("the file was just written");
    let Ok(delivery) = Delivery::parse(&body) else { return Played::default() };
    let settings = QueueSettings::default();
    let (mut queue, mut now) = (Queue::new(settings), Duration::ZERO);
    for _ in 0..3 {
        queue.add(&delivery.due, now);
        now += settings.window / 2;
        queue.add(&delivery.due, now);
        assert_eq!(queue.is_empty(), delivery.due.is_empty(), "what is due waits");
        assert!(queue.len() <= settings.most, "{} wait", queue.len());
        now += settings.round_pause;
        assert_eq!(queue.take(now).is_some(), !delivery.due.is_empty(), "what waits becomes due");
    }
    Played { accepted: delivery.events > 0, printed: 0 }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let names = Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|target| target.name() == name);
        found.ok_or_else(|| format!("expected one of {names}"))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
