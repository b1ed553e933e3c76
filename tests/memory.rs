//! What reads hostile input keeps its memory within a multiple of the input's size.
//!
//! This binary has an allocator that counts, so its tests run one at a time. The multiples are limits, not goals: each is
//! about twice what was measured.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic as the test may")]

#[path = "../examples/fuzz/fuzzing/api.rs"]
mod api;
#[path = "../examples/fuzz/fuzzing/panics.rs"]
mod panics;

use peak_alloc::PeakAlloc;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use wabacl::documents::{self, saved};
use wabacl::emulator::World;
use wabacl::engine;
use wabacl::graph::ReadStrategy;
use wabacl::model::HistoryFilter;
use wabacl::render::{self, Style};
use wabacl::store::{self, Keep};
use wabacl::webhook::Delivery;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// The size of most inputs, in bytes.
const SIZE: usize = 512 * 1024;

/// What may be allocated besides, in bytes: buffers, a runtime, connections, 1,001 diagnostics.
const BESIDES: usize = 4 * 1024 * 1024;

/// Waits until no other test runs.
fn alone() -> MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes sure that work on an input never has more than `times` its size allocated.
#[track_caller]
fn within(times: usize, what: &str, input: &[u8], work: impl FnOnce()) {
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    work();
    let peak = HEAP.peak_usage().saturating_sub(before);
    let limit = BESIDES + times * input.len();
    assert!(peak <= limit, "{what}: {peak} bytes for {}, the limit is {limit}", input.len());
}

/// Repeats a text up to the size of an input.
fn repeated(text: &str) -> String {
    text.repeat(SIZE / text.len())
}

/// Joins numbered texts up to the size of an input.
fn numbered(text: impl Fn(usize) -> String) -> String {
    let mut all = String::new();
    for number in 0.. {
        if all.len() >= SIZE {
            break;
        }
        all += &text(number);
    }
    all
}

fn written(name: &str, text: &[u8], work: impl FnOnce(&Path)) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    let mut options = wabacl::files::owner_only();
    let mut to = options.write(true).create(true).open(&file).unwrap();
    std::io::Write::write_all(&mut to, text).unwrap();
    work(&file);
}

#[test]
fn manifests() {
    let _alone = alone();
    let aliases = |levels: usize| {
        (1..levels).fold(String::from("a0: &a0 [x, x]\n"), |mut text, level| {
            let before = level - 1;
            writeln!(text, "a{level}: &a{level} [*a{before}, *a{before}, *a{before}, *a{before}]").unwrap();
            text
        })
    };
    let head = "version: 1\nbusiness: 1\n";
    for (what, text, times) in [
        ("documents", repeated("--- {}\n"), 64),
        ("documents of another version", repeated("--- { version: 2 }\n"), 64),
        ("unknown keys", head.to_owned() + &numbered(|number| format!("k{number}: 1\n")), 64),
        ("a long scalar", format!("{head}set: {}\n", "x".repeat(SIZE)), 16),
        ("a long key", format!("{head}? {}\n: 1\n", "x".repeat(SIZE)), 48),
        ("unknown users", format!("{head}grants: [{{ users: [{}] }}]\n", repeated("a, ")), 128),
        ("system users", format!("{head}system_users:\n{}", numbered(|n| format!("  u{n}: {{}}\n"))), 64),
        ("a deep nest", repeated("["), 16),
        ("aliases of aliases", aliases(40), 4_096),
        (
            "aliases of one list",
            format!("{head}a: &a [{}]\nb: [{}]\n", "x, ".repeat(2_000), repeated("*a, ")),
            4_096,
        ),
        ("control characters", repeated("\u{1b}\n"), 16),
    ] {
        written("big.yaml", text.as_bytes(), |file| {
            within(times, what, text.as_bytes(), || {
                let now = "2026-11-26T00:00:00Z".parse().unwrap();
                let validation = engine::validate(&[file.to_owned()], now);
                let (found, sources) = (&validation.diagnostics, &validation.sources);
                let style = Style { colour: true, width: Some(80), verbose: true, group_by: None };
                let mut printed = render::text::diagnostics(found, sources, &style).into_bytes();
                documents::diagnostics(found, sources, &mut printed).unwrap();
                assert!(printed.len() < 2_000_000, "{what}: {} bytes are printed", printed.len());
            });
        });
    }
}

#[test]
fn saved_plans() {
    let _alone = alone();
    let good = std::fs::read_to_string("tests/files/saved-plan-1.0-full.json").unwrap();
    written("good.json", good.as_bytes(), |file| {
        let mut proposal = saved::load(file).unwrap();
        let changes = proposal.plan.changes.clone();
        let times = 20_000 / changes.len();
        for number in 0..times {
            for change in &changes {
                let mut change = change.clone();
                change.key.user = (1_000_000 + number as u64).to_string().parse().unwrap();
                proposal.plan.changes.push(change);
            }
        }
        let mut text = Vec::new();
        saved::write(&proposal, &mut text).unwrap();
        let sink = &mut std::io::sink();
        within(4, "writing a plan", &text, || saved::write(&proposal, sink).unwrap());
        drop(proposal);
        written("plan.json", &text, |file| {
            within(8, "reading a plan", &text, || drop(saved::load(file).unwrap()));
        });
    });
    let mark = r#"{"format_version":"2.1""#;
    for (what, text, times) in [
        ("changes without fields", format!("{mark},\"changes\":[{}{{}}]}}", repeated("{},")), 8),
        ("unknown fields", format!("{mark},\"x\":[{}1]}}", repeated("1,")), 8),
        ("a deep nest", format!("{mark},\"x\":{}", repeated("[")), 8),
        ("a long text", format!("{mark},\"created_at\":\"{}\"}}", repeated("x")), 16),
        ("no version", format!("{{\"a\":[{}1]}}", repeated("1,")), 8),
    ] {
        written("plan.json", text.as_bytes(), |file| {
            within(times, what, text.as_bytes(), || {
                assert!(saved::is_plan(file) || what == "no version");
                let error = saved::load(file).unwrap_err().to_string();
                assert!(error.len() < 2_000, "{what}: {error}");
            });
        });
    }
}

#[test]
fn journals() {
    let _alone = alone();
    let good = std::fs::read_to_string("tests/files/journal-1.jsonl").unwrap();
    for (what, text, all, last, filtered) in [
        ("garbage", repeated("x\n"), 8, 8, 8),
        ("a line without an end", repeated("x"), 8, 8, 8),
        ("one run many times", repeated(&good), 24, 8, 1),
        ("intents of no run", repeated(good.lines().nth(1).unwrap()), 24, 8, 1),
    ] {
        written("journal.jsonl", text.as_bytes(), |file| {
            for (keep, times) in [(Keep::All, all), (Keep::Last(2), last), (Keep::InFlight, last)] {
                within(times, &format!("{what}, {keep:?}"), text.as_bytes(), || {
                    drop(store::read(file, keep));
                });
            }
            // Of what a filter leaves out, only the writes in flight are kept, by run and number.
            let one = HistoryFilter { users: vec!["nobody".into()], ..HistoryFilter::default() };
            within(filtered, &format!("{what}, filtered"), text.as_bytes(), || {
                let (history, _) = store::read_filtered(file, Keep::All, &one).unwrap();
                assert_eq!(history.runs.len(), 0);
            });
        });
    }
}

#[test]
fn answers_of_the_api() {
    let _alone = alone();
    let users = "=== GET 10/system_users\n200 OK\n\n{\"data\":[]}\n";
    let lists = "=== GET 10/owned_whatsapp_business_accounts\n200 OK\n\n{\"data\":[]}\n\
                 === GET 10/client_whatsapp_business_accounts\n200 OK\n\n{\"data\":[]}\n";
    let answer = |call: &str, body: &str| format!("=== {call}\n200 OK\n\n{body}\n");
    let list = |row: &str| format!("{{\"data\":[{}{row}]}}", repeated(&format!("{row},")));
    let page = |row: &str| answer("GET 10/system_users", &list(row)) + lists;
    let nested = format!("{{\"id\":\"500\",\"assigned_users\":{}}}", list(r#"{"id":1}"#));
    let owned = |row: &str| {
        users.to_owned()
            + &answer("GET 10/owned_whatsapp_business_accounts", &format!("{{\"data\":[{row}]}}"))
    };
    let error = |text: &str| {
        format!("=== GET 10/system_users\n400 Bad\n\n{{\"error\":{{\"message\":\"{text}\",\"code\":100}}}}\n")
    };
    for (what, text) in [
        ("rows that are numbers", page("5")),
        ("rows with an id", page(r#"{"id":1}"#)),
        ("rows with an odd field", page(r#"{"id":1,"name":2}"#)),
        ("rows of rows", page("[[]]")),
        ("WABAs", owned(numbered(|n| format!("{{\"id\":{}}},", n + 1)).trim_end_matches(','))),
        ("nested rows", owned(&nested)),
        (
            "a list of a WABA",
            users.to_owned() + lists + &answer("GET 500/assigned_users", &list(r#"{"id":1,"tasks":[]}"#)),
        ),
        ("an error", error(&repeated("x"))),
        ("an error with escapes", error(&repeated("\\ud800"))),
        ("a page of a proxy", answer("GET 10/system_users", &repeated("<p>")).replace("200 OK", "502 Bad")),
        ("a batch", users.to_owned() + lists + &answer("POST /", &format!("[{}null]", repeated("null,")))),
        (
            "a long cursor",
            page(&format!(
                "],\"paging\":{{\"next\":\"x\",\"cursors\":{{\"after\":\"{}\"}}}},\"x\":[",
                repeated("x")
            )),
        ),
    ] {
        for strategy in [ReadStrategy::Nested, ReadStrategy::Batch] {
            within(64, &format!("{what}, {strategy:?}"), text.as_bytes(), || {
                let read = api::read(text.as_bytes(), strategy);
                assert!(read.requests < 200, "{what}: {} requests", read.requests);
                if what != "WABAs" {
                    assert!(read.said.len() < 500_000, "{what}: {} bytes are said", read.said.len());
                }
            });
        }
    }
}

/// Little of a delivery is kept, whatever it holds.
#[test]
fn deliveries_of_the_webhook() {
    let _alone = alone();
    let in_changes = |change: &str| {
        format!("{{\"entry\":[{{\"id\":\"1\",\"changes\":[{}0]}}]}}", repeated(&format!("{change},")))
    };
    let event = |waba: usize| {
        format!("{{\"value\":{{\"event\":\"PARTNER_ADDED\",\"waba_info\":{{\"waba_id\":{waba}}}}}}},")
    };
    for (what, text) in [
        ("entries that are numbers", format!("{{\"entry\":[{}0]}}", repeated("0,"))),
        ("empty entries", format!("{{\"entry\":[{}{{}}]}}", repeated("{},"))),
        ("empty changes", in_changes("{}")),
        ("events", format!("{{\"entry\":[{{\"changes\":[{}0]}}]}}", numbered(event))),
        ("other events", in_changes("{\"field\":\"messages\",\"value\":{\"messages\":[{}]}}")),
        ("a long text", format!("{{\"entry\":[{{\"id\":\"{}\"}}]}}", repeated("x"))),
        ("escapes", format!("{{\"entry\":[{{\"id\":\"{}\"}}]}}", repeated("\\u0041"))),
        ("a long key", format!("{{\"{}\":1}}", repeated("x"))),
        ("keys", format!("{{{}\"a\":1}}", numbered(|number| format!("\"k{number}\":1,")))),
        ("one key many times", format!("{{{}\"a\":1}}", repeated("\"entry\":[{}],"))),
        ("a deep nest", repeated("[")),
        ("a deep nest that ends", format!("{}{}", "[".repeat(SIZE / 2), "]".repeat(SIZE / 2))),
        ("nested entries", format!("{}1{}", "{\"entry\":".repeat(SIZE / 16), "}".repeat(SIZE / 16))),
    ] {
        HEAP.reset_peak_usage();
        let before = HEAP.current_usage();
        drop(Delivery::parse(text.as_bytes()));
        let peak = HEAP.peak_usage().saturating_sub(before);
        // Measured: 1.3 MB for 2,000 events, of which no more are kept, and 0.8 MB for the brackets of a nest.
        assert!(peak <= 5 * SIZE, "{what}: {peak} bytes");
    }
}

/// A snapshot of 1,000 WABAs with 20 users each: reading takes, with the text itself, at most three times its size.
#[test]
fn snapshots() {
    let _alone = alone();
    let mut text = String::from("businesses:\n  - id: 10\n    name: Us\n    system_users:\n");
    for user in 0..20 {
        writeln!(text, "      - {{ id: {}, name: bot-{user} }}", 1_972_385_232_742_000_u64 + user).unwrap();
    }
    text.push_str("wabas:\n");
    for waba in 0..1_000 {
        let id = 102_290_129_000_000_u64 + waba;
        writeln!(text, "  - id: {id}\n    name: Shop {waba}\n    owned_by: 10\n    assigned:").unwrap();
        for user in 0..20 {
            let id = 1_972_385_232_742_000_u64 + user;
            writeln!(text, "      - {{ user: {id}, tasks: [MANAGE_TEMPLATES, VIEW_TEMPLATES] }}").unwrap();
        }
    }
    let text = World::from_yaml(&text).unwrap().to_yaml();
    let mut world = None;
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    world.replace(World::from_yaml(&text).unwrap());
    let reading = HEAP.peak_usage().saturating_sub(before) + text.len();
    assert!(reading <= 3 * text.len(), "{reading} bytes to read {}", text.len());
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    world.unwrap().write_yaml(&mut std::io::sink()).unwrap();
    let writing = HEAP.peak_usage().saturating_sub(before);
    assert!(writing <= 64 * 1024, "{writing} bytes to write {}", text.len());
}

/// Starts an emulator in a process of its own, whose log is no memory of this one, and returns it with its address.
fn emulator_beside(world: &Path) -> (std::process::Child, String) {
    use std::io::BufRead;
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_wabacl"));
    command.args(["emulator", "--ephemeral", "--world"]).arg(world).env_clear();
    let mut child =
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let mut url = String::new();
    std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
    (child, url.trim().to_owned())
}

/// The rounds after which the memory is compared: the first ones open connections and fill caches.
const ROUNDS: [u64; 2] = [10, 30];

#[test]
fn a_reconciler_keeps_nothing_of_its_rounds() {
    use wabacl::apply::{Shutdown, ShutdownReason};
    use wabacl::clock::Clock;
    use wabacl::engine::{ApplyOptions, Happening, ReconcileSettings, Reconciler};
    use wabacl::graph::{RunSettings, Settings};
    use wabacl::reconcile::{Mode, Pace};
    use wabacl::store::StateStore;

    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let business = "businesses: [{ id: 10, name: Biz, system_users: [{ id: 1, name: ci, role: ADMIN, listed: false }, \
        { id: 2, name: bot }] }]";
    let (mut wabas, mut manifest) = (String::new(), String::from("version: 1\nbusiness: 10\n"));
    manifest += "system_users: { bot: { id: 2 } }\ngrants: [{ users: [bot], tasks: [MANAGE], wabas: ['*'] }]\nwabas:\n";
    for id in 500..600 {
        writeln!(
            wabas,
            "  - {{ id: {id}, name: W{id}, owned_by: 10, assigned: [{{ user: 2, tasks: [DEVELOP] }}] }}"
        )
        .unwrap();
        writeln!(manifest, "  w{id}: {{ id: {id} }}").unwrap();
    }
    let world = folder.path().join("live.yaml");
    std::fs::write(
        &world,
        format!("{business}\ntokens: [{{ token: aTokenOfThisTest, user: 1 }}]\nwabas:\n{wabas}"),
    )
    .unwrap();
    let access = folder.path().join("access.yaml");
    std::fs::write(&access, manifest).unwrap();
    let (mut emulator, url) = emulator_beside(&world);
    let settings = ReconcileSettings {
        paths: vec![access],
        mode: Mode::Observe,
        pace: Pace { interval: std::time::Duration::from_millis(1), longest: std::time::Duration::MAX },
        run: RunSettings::default(),
        state: StateStore::folder(folder.path().join("state")),
        clock: Clock::real(),
        lease_clock: Clock::real(),
        options: ApplyOptions::default(),
        grace: std::time::Duration::ZERO,
        jitter: None,
    };
    let connect =
        |_| Ok(Settings { graph_url: url.clone(), ..Settings::new(String::from("aTokenOfThisTest").into()) });
    let stop = Shutdown::new(Clock::real(), std::time::Duration::ZERO);
    let used = Mutex::new(Vec::new());
    let watcher = |happening: Happening<'_>| {
        if let Happening::Begins { number, .. } = happening {
            if ROUNDS.contains(&number) {
                used.lock().unwrap().push(HEAP.current_usage());
            }
            if number == ROUNDS[1] {
                stop.request(ShutdownReason::Interrupted);
            }
        }
        if let Happening::Ended(round, ..) = happening {
            assert!(round.judged.is_some() || round.number == ROUNDS[1], "{:?}", round.problem);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(Reconciler::new(settings, &connect).run(&stop, &watcher));
    emulator.kill().unwrap();
    emulator.wait().unwrap();
    let used = used.into_inner().unwrap();
    // A plan of 100 changes takes more than 30 KiB, so twenty that are kept would show.
    assert!(used[1] <= used[0] + 256 * 1024, "{used:?}");
}
