//! Snapshot → emulator → snapshot: the same bytes, and the same estate to the client, for random worlds.

use super::estate;
use crate::support::Played;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use wabacl::emulator::{Emulator, Options, World};
use wabacl::engine::Session;
use wabacl::graph::ReadStrategy;
use wabacl::model::{Estate, LiveSource};

/// Names that YAML, terminals and pipelines could misread.
const NAMES: [&str; 14] = [
    "",
    " ",
    "Shop",
    "null",
    "yes: [no]",
    "\"quoted\" \\ 'x'",
    "a\nb\r\tc",
    "##[error]x",
    "\u{202e}evil\u{200b}",
    "\u{85}\u{2028}\u{feff}",
    "株式会社 🚀",
    "\u{1b}[31m\0",
    "\u{e0001}\u{10ffff}\u{fffe}",
    "- {a: 1} # c",
];
const TASKS: [&str; 7] = ["MANAGE", "DEVELOP", "MESSAGING", "VIEW_COST", "NEW_TASK", "no", "x\n: ##"];
const ERRORS: [(u16, u32, Option<u32>); 6] = [
    (403, 200, None),
    (400, 100, Some(33)),
    (404, 803, None),
    (400, 10, Some(7)),
    (400, 368, None),
    (400, 100, None),
];

fn quoted(text: &str) -> String {
    let escaped = text.chars().fold(String::new(), |text, c| format!("{text}\\U{:08X}", u32::from(c)));
    format!("\"{escaped}\"")
}

/// The choices of which a world is made, taken one after the other.
struct Choices<'a>(std::slice::Iter<'a, u32>);

impl Choices<'_> {
    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(*self.0.next().unwrap_or(&0)).unwrap() % limit
    }

    /// Returns true one time in so many.
    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    fn name(&mut self) -> String {
        quoted(NAMES[self.below(NAMES.len())])
    }

    fn tasks(&mut self) -> String {
        let names: Vec<String> = (0..self.below(4)).map(|_| quoted(TASKS[self.below(TASKS.len())])).collect();
        format!("[{}]", names.join(", "))
    }

    fn maybe_tasks(&mut self) -> String {
        if self.once_in(4) { String::from("null") } else { self.tasks() }
    }

    fn refusal(&mut self, key: &str) -> String {
        if !self.once_in(5) {
            return String::new();
        }
        let (status, code, subcode) = ERRORS[self.below(ERRORS.len())];
        let subcode = subcode.map(|subcode| format!(", subcode: {subcode}")).unwrap_or_default();
        format!(", {key}: {{ status: {status}, code: {code}{subcode}, message: {} }}", self.name())
    }

    fn system_user(&mut self, id: usize) -> String {
        let role = ["ADMIN", "EMPLOYEE", "EMPLOYEE", "AUDITOR", "null"][self.below(5)];
        let listed = !self.once_in(4);
        let in_directory = !self.once_in(4);
        let unreadable = self.refusal("wabas_unreadable");
        format!(
            "{{ id: {id}, name: {}, role: {role}, listed: {listed}, in_directory: {in_directory}{unreadable} }}",
            self.name()
        )
    }

    fn person(&mut self, id: usize) -> String {
        let kind = ["BUSINESS_USER", "PERSONAL_USER", "SYSTEM_USER", "ROBOT", "null"][self.below(5)];
        format!("{{ id: {id}, name: {}, user_type: {kind} }}", self.name())
    }

    fn solution(&mut self, id: usize) -> String {
        let status = ["ACTIVE", "ACTIVE", "DRAFT", "null"][self.below(4)];
        let owner = ["", ", owner_app: 70", ", owner_app: 71"][self.below(3)];
        let partner = if self.once_in(2) {
            format!(", partners: [{{ app: 70, permissions: {} }}]", self.maybe_tasks())
        } else {
            String::new()
        };
        format!(
            "{{ id: {id}, name: {}, status: {status}{owner}, owner_permissions: {}{partner} }}",
            self.name(),
            self.maybe_tasks()
        )
    }

    fn waba(&mut self, id: usize, users: &[usize]) -> String {
        let owner = ["", ", owned_by: 10", ", owned_by: 10", ", owned_by: 20"][self.below(4)];
        let permitted =
            if self.once_in(2) { format!(", permitted_tasks: {}", self.tasks()) } else { String::new() };
        let shared = if self.once_in(2) {
            format!(", shared_with: [{{ business: 10{permitted} }}]")
        } else {
            String::new()
        };
        let solutions = ["", ", solution: 80", ", solutions: [80, 81]"][self.below(3)];
        let unreadable = self.refusal("unreadable") + &self.refusal("solutions_unreadable");
        let holders: BTreeSet<usize> = (0..self.below(5)).map(|_| users[self.below(users.len())]).collect();
        let rows: Vec<String> =
            holders.iter().map(|user| format!("{{ user: {user}, tasks: {} }}", self.tasks())).collect();
        format!(
            "{{ id: {id}, name: {}{owner}{shared}{solutions}{unreadable}, assigned: [{}] }}",
            self.name(),
            rows.join(", ")
        )
    }

    fn world(&mut self) -> String {
        let mut text = String::new();
        let _ = write!(
            text,
            "app: {{ id: 70 }}\nbusinesses:\n  - id: 10\n    name: {}\n    system_users:\n",
            self.name()
        );
        let listed = !self.once_in(4);
        let _ = writeln!(text, "      - {{ id: 100, name: admin, role: ADMIN, in_directory: {listed} }}");
        let mut users = vec![100];
        let mut add = |text: &mut String, indent: &str, entry: String, id: usize| {
            users.push(id);
            let _ = writeln!(text, "{indent}- {entry}");
        };
        for id in 101..101 + self.below(4) {
            add(&mut text, "      ", self.system_user(id), id);
        }
        text.push_str("    people:\n      - { id: 110, name: Tom }\n");
        for id in 111..111 + self.below(3) {
            add(&mut text, "      ", self.person(id), id);
        }
        let _ = write!(text, "  - id: 20\n    name: {}\n    system_users:\n", self.name());
        add(&mut text, "      ", self.system_user(201), 201);
        text.push_str("    people:\n");
        add(&mut text, "      ", self.person(210), 210);
        text.push_str("users:\n");
        for id in 300..301 + self.below(3) {
            add(&mut text, "  ", self.person(id), id);
        }
        let _ = writeln!(text, "solutions:\n  - {}\n  - {}\nwabas:", self.solution(80), self.solution(81));
        for id in 500..501 + self.below(8) {
            let _ = writeln!(text, "  - {}", self.waba(id, &users));
        }
        text + "tokens: [{ token: EAAtopsecretTOKENofAdmin0123456789, user: 100 }]\n"
    }
}

/// Reads the estate of a world from an emulator with a token of its own.
async fn read_copy(yaml: &str, strategy: ReadStrategy) -> Estate {
    let mut played = Played::start(WITHOUT_ANYTHING).await;
    let emulator = Emulator::start(World::from_yaml(yaml).unwrap(), Options::default()).await.unwrap();
    played.settings.token = emulator.issue_token(None).unwrap();
    played.settings.graph_url = emulator.url();
    played.run.read_strategy = strategy;
    let session = Session::connect(&played.settings, &played.run, &|_| ()).await.unwrap();
    let estate = session.estate("10".parse().unwrap(), &|_| ()).await.unwrap();
    assert!(matches!(estate.live_source, LiveSource::Snapshot(_)));
    estate
}

const WITHOUT_ANYTHING: &str = "{ businesses: [{ id: 10, name: x }] }";

/// What the estate says, without the texts of errors, which have a new trace each time.
fn facts(estate: &Estate) -> Estate {
    let mut estate = estate.clone();
    for unreadable in estate.observed.unreadable.values_mut().chain(estate.user_lists.values_mut()) {
        unreadable.why.clear();
    }
    for unreadable in estate.solutions.of_waba.values_mut().filter_map(|found| found.as_mut().err()) {
        unreadable.why.clear();
    }
    estate.live_source = LiveSource::Api;
    estate.taken = jiff::Timestamp::UNIX_EPOCH;
    estate
}

async fn check(world: &str, strategy: ReadStrategy) {
    let mut played = Played::start(world).await;
    played.run.read_strategy = strategy;
    let original = estate(&played).await;
    assert_eq!(original.live_source, LiveSource::Emulator);
    let first = World::of_estate(original.clone(), false).to_yaml();
    let copy = read_copy(&first, strategy).await;
    assert_eq!(facts(&copy), facts(&original), "{world}\n{first}");
    let second = World::of_estate(copy, false).to_yaml();
    assert_eq!(second, first, "{world}");
    assert_eq!(World::from_yaml(&first).unwrap().to_yaml(), first);
    let without_names = World::of_estate(original, true).to_yaml();
    let again = World::of_estate(read_copy(&without_names, strategy).await, false).to_yaml();
    assert_eq!(again, without_names, "{world}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_snapshot_of_a_snapshot_is_the_same_and_so_is_what_the_client_reads(choices in prop::collection::vec(any::<u32>(), 400)) {
        let world = Choices(choices.iter()).world();
        let strategies = [ReadStrategy::Auto, ReadStrategy::Nested, ReadStrategy::Batch, ReadStrategy::Direct];
        let strategy = strategies[choices.iter().fold(0, |sum, choice| sum ^ *choice as usize) % 4];
        tokio::runtime::Runtime::new().unwrap().block_on(check(&world, strategy));
    }
}
