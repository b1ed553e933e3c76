//! The strategies for reading assignments: they differ in their calls, not in their results.

use crate::support::{Played, refuses, waba};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;
use wabacl::clock::Clock;
use wabacl::emulator::{Fault, Options};
use wabacl::graph::{DirectoryRequest, GraphError, ObserveRequest, ReadStrategy, Reader, RunSettings};
use wabacl::model::{Directory, Observed, ScopeForecast, UserId, WabaId};

const STRATEGIES: [ReadStrategy; 4] =
    [ReadStrategy::Auto, ReadStrategy::Nested, ReadStrategy::Batch, ReadStrategy::Direct];

/// Makes a world with 250 owned WABAs and 30 shared ones. The first has 230 holders, every third has none.
fn world() -> String {
    let mut text = String::from(
        "businesses:\n  - { id: 20, name: Them }\n  - id: 10\n    name: Us\n    system_users:\n      \
         - { id: 100, name: admin, role: ADMIN, listed: false }\n",
    );
    for id in 1000..1230 {
        writeln!(text, "      - {{ id: {id}, name: user {id} }}").unwrap();
    }
    text.push_str("tokens: [{ token: EAAtopsecretTOKENofAdmin0123456789, user: 100 }]\nwabas:\n");
    for id in 5000..5280 {
        let whose = if id < 5250 { "owned_by: 10" } else { "owned_by: 20, shared_with: [{ business: 10 }]" };
        let holders = match id {
            5000 => 230,
            _ if id % 3 == 0 => 0,
            _ => 2,
        };
        let held = |user: u32| format!("{{ user: {user}, tasks: [DEVELOP] }}");
        let rows: Vec<String> = (1000..1000 + holders).map(held).collect();
        writeln!(text, "  - {{ id: {id}, name: W{id}, {whose}, assigned: [{}] }}", rows.join(", ")).unwrap();
    }
    // The business that the world is about is the one whose token it is.
    text
}

/// Reads the directory and the assignments on some WABAs.
async fn read(reader: &Reader, wabas: &[WabaId]) -> Result<(Directory, Observed), GraphError> {
    let request =
        DirectoryRequest { declared: wabas.to_vec(), ..DirectoryRequest::new("10".parse().unwrap()) };
    let forecast = ScopeForecast::of(wabas.iter().copied());
    let (directory, prefetched) = reader.prefetch(&request, &forecast, &|_| ()).await?;
    let expected: BTreeMap<WabaId, Vec<UserId>> = BTreeMap::new();
    let request = ObserveRequest {
        asks_users: true,
        directory: &directory,
        wabas,
        expected: &expected,
        suspended: &BTreeSet::new(),
        has_lists: true,
    };
    let observed = reader.observe(&request, prefetched, &|_| ()).await?;
    Ok((directory, observed))
}

async fn played(strategy: ReadStrategy, options: Options) -> Played {
    let mut played = Played::with(&world(), options).await;
    played.run.read_strategy = strategy;
    played
}

/// Returns all WABAs but the last, which is out of scope.
fn all_but_one() -> Vec<WabaId> {
    (5000..5279).map(|id| waba(&id.to_string())).collect()
}

#[tokio::test]
async fn every_strategy_has_the_same_result() {
    let mut first: Option<(Directory, Observed)> = None;
    for strategy in STRATEGIES {
        let played = played(strategy, Options::default()).await;
        let result = read(&played.reader(), &all_but_one()).await.unwrap();
        assert_eq!(result.1.state.iter().count(), 230 + 2 * 186 - 2, "{strategy:?}");
        assert_eq!(*first.get_or_insert_with(|| result.clone()), result, "{strategy:?}");
        assert_eq!(played.calls_at("/5279/assigned_users"), 0, "a WABA out of scope is not read");
    }
}

#[tokio::test]
async fn a_page_with_nested_assignments_is_one_call() {
    let played = played(ReadStrategy::Nested, Options::default()).await;
    read(&played.reader(), &all_but_one()).await.unwrap();
    // Three pages of system users, three of owned WABAs, one of shared WABAs; and for the first WABA, the two pages
    // after the nested one.
    assert_eq!(played.emulator.calls().len(), 3 + 3 + 1 + 2);
    assert_eq!(played.calls_at("/5000/assigned_users"), 2);
}

#[tokio::test]
async fn batches_need_few_requests() {
    let played = played(ReadStrategy::Batch, Options::default()).await;
    read(&played.reader(), &all_but_one()).await.unwrap();
    assert_eq!(played.emulator.calls().len(), 3 + 3 + 1 + 279 + 2);
    assert!(played.emulator.requests() < 30, "{} requests", played.emulator.requests());
}

#[tokio::test]
async fn if_nesting_is_rejected_wabas_are_read_one_by_one_and_it_is_not_tried_again() {
    for strategy in [ReadStrategy::Auto, ReadStrategy::Nested] {
        let few: Vec<WabaId> = all_but_one().into_iter().take(7).collect();
        let played = played(strategy, Options { nesting: false, ..Options::default() }).await;
        let (_, observed) = read(&played.reader(), &few).await.unwrap();
        assert_eq!(observed.state.iter().count(), 230 + 2 * 4, "{strategy:?}");
        assert_eq!(observed.unreadable, BTreeMap::new());
        let pages = played.calls_at("/owned_whatsapp_business_accounts");
        assert_eq!(pages, 3 + 1, "{strategy:?}: one page was rejected, and three were read");
    }
}

#[tokio::test]
async fn pages_get_smaller_after_too_much_data() {
    // A page of 100 WABAs would have about 330 rows; a page of one WABA's list has 100.
    let played = played(ReadStrategy::Nested, Options { max_rows: 220, ..Options::default() }).await;
    let (_, observed) = read(&played.reader(), &all_but_one()).await.unwrap();
    assert_eq!(observed.state.iter().count(), 230 + 2 * 186 - 2);
    assert!(played.calls_at("/owned_whatsapp_business_accounts") > 3);
}

#[tokio::test]
async fn reading_continues_after_a_pause() {
    for strategy in STRATEGIES {
        let clock = Clock::simulated("2026-11-23T00:00:00Z".parse().unwrap());
        let faults = vec![Fault::new(refuses(400, 80008, None)).at("assigned_users").hits(3..5)];
        let mut played =
            played(strategy, Options { clock: clock.clone(), faults, ..Options::default() }).await;
        played.settings.clock = clock.clone();
        let reader = played.reader();
        let (_, observed) = clock.run(read(&reader, &all_but_one())).await.unwrap();
        assert_eq!(observed.unreadable, BTreeMap::new(), "{strategy:?}");
        // Nested in lists, the assignments need too few calls for the fault.
        let pause = Duration::from_secs(if strategy == ReadStrategy::Nested { 0 } else { 60 });
        assert_eq!(reader.cost().waited, pause, "{strategy:?}");
        assert_eq!(reader.cost().retries > 0, !pause.is_zero(), "{strategy:?}");
    }
}

#[tokio::test]
async fn a_waba_without_calls_left_is_unreadable_and_the_others_are_read() {
    let clock = Clock::simulated("2026-11-23T00:00:00Z".parse().unwrap());
    let options = Options { clock: clock.clone(), ..Options::default() };
    let mut played = played(ReadStrategy::Direct, options).await;
    played.settings.clock = clock.clone();
    played.settings.waba_calls_per_hour = 2;
    played.run.max_wait = Duration::ZERO;
    // The list of the first WABA has three pages.
    let (_, observed) = clock.run(read(&played.reader(), &all_but_one())).await.unwrap();
    let why = observed.unreadable.get(&waba("5000")).unwrap();
    assert_eq!(why.why, "WABA 5000 has used its 2 calls an hour, until 2026-11-23T01:01Z");
    assert_eq!(observed.unreadable.len(), 1);
    assert_eq!(played.calls_at("/5000/assigned_users"), 2);
    // A run that may wait for longer waits for the next hour.
    played.run.max_wait = Duration::from_secs(2 * 60 * 60);
    let (_, observed) = clock.run(read(&played.reader(), &all_but_one())).await.unwrap();
    assert_eq!(observed.unreadable, BTreeMap::new());
    assert!(clock.elapsed() >= Duration::from_secs(60 * 60), "{:?}", clock.elapsed());
}

#[tokio::test]
async fn the_calls_of_one_run_count_in_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let mut played = played(ReadStrategy::Direct, Options::default()).await;
    played.settings.clock = Clock::real();
    played.settings.waba_calls_per_hour = 3;
    played.run.max_wait = Duration::ZERO;
    played.settings.call_log = Some(folder.path().to_owned());
    let reader = played.reader();
    assert_eq!(read(&reader, &[waba("5000")]).await.unwrap().1.unreadable.len(), 0);
    assert_eq!(read(&played.reader(), &[waba("5000")]).await.unwrap().1.unreadable.len(), 1);
}

#[tokio::test]
async fn a_run_that_gives_up_during_a_pause_does_not_end_later_runs() {
    let clock = Clock::simulated("2026-11-23T00:00:00Z".parse().unwrap());
    let faults = vec![Fault::new(refuses(400, 80008, None)).at("/system_users").hits(0..1)];
    let mut played =
        played(ReadStrategy::Direct, Options { clock: clock.clone(), faults, ..Options::default() }).await;
    played.settings.clock = clock.clone();
    let client = played.client();
    let impatient = RunSettings { max_wait: Duration::from_secs(59), ..played.run.clone() };
    let first = client.reader(&impatient);
    let error = clock.run(read(&first, &[waba("5001")])).await.unwrap_err();
    assert!(matches!(error, GraphError::ThrottledTooLong { .. }), "{error:?}");
    // A run that begins during the pause waits for the rest of it, and has its own deadline.
    let half = Duration::from_secs(30);
    clock.run(clock.sleep(half)).await;
    let second = client.reader(&RunSettings { timeout: Some(half * 2), ..impatient });
    clock.run(read(&second, &[waba("5001")])).await.unwrap();
    assert_eq!((second.cost().waited, second.cost().retries), (half, 0));
    assert_eq!((first.cost().waited, first.cost().retries), (Duration::ZERO, 1));
    let calls = played.emulator.calls().len() as u64;
    assert_eq!(first.calls() + second.calls(), calls, "each run counts its own calls");
}

#[tokio::test]
async fn runs_of_one_client_share_the_budgets() {
    let mut played = played(ReadStrategy::Direct, Options::default()).await;
    played.settings.clock = Clock::real();
    played.settings.waba_calls_per_hour = 3;
    played.run.max_wait = Duration::ZERO;
    let client = played.client();
    for unreadable in [0, 1] {
        let (_, observed) = read(&client.reader(&played.run), &[waba("5000")]).await.unwrap();
        assert_eq!(observed.unreadable.len(), unreadable);
    }
}
