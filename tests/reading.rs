//! The ways of reading who holds what: they differ in calls, and in nothing else.

use crate::support::{Played, refuses, user, waba};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;
use wabacl::clock::Clock;
use wabacl::emulator::{Fault, Options};
use wabacl::graph::{DirectoryRequest, GraphError, ReadAhead, ReadRequest, ReadStrategy, Reader};
use wabacl::model::{Directory, Observed, UserId, WabaId};

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

/// Reads some WABAs by the way that the settings say.
async fn read(reader: &Reader, named: &[WabaId]) -> Result<(Directory, Observed), GraphError> {
    let request = DirectoryRequest {
        business: "10".parse().unwrap(),
        solutions_of: Vec::new(),
        named: named.to_vec(),
        app: None,
        acting_user: Some(user("100")),
    };
    let named_set: BTreeSet<WabaId> = named.iter().copied().collect();
    let ahead = ReadAhead { named: named_set, ..ReadAhead::nothing() };
    let (directory, ahead) = reader.survey(&request, &ahead).await?;
    let expected: BTreeMap<WabaId, Vec<UserId>> = BTreeMap::new();
    let request = ReadRequest { directory: &directory, wabas: named, expected: &expected };
    let observed = reader.observe(&request, ahead, &|_| ()).await?;
    Ok((directory, observed))
}

async fn played(strategy: ReadStrategy, options: Options) -> Played {
    let mut played = Played::with(&world(), options).await;
    played.settings.read_strategy = strategy;
    played
}

/// Gives all WABAs but the last: that one is out of scope.
fn all_but_one() -> Vec<WabaId> {
    (5000..5279).map(|id| waba(&id.to_string())).collect()
}

#[tokio::test]
async fn every_way_of_reading_gives_the_same() {
    let mut first: Option<(Directory, Observed)> = None;
    for strategy in STRATEGIES {
        let played = played(strategy, Options::default()).await;
        let told = read(&played.reader(), &all_but_one()).await.unwrap();
        assert_eq!(told.1.state.iter().count(), 230 + 2 * 186 - 2, "{strategy:?}");
        assert_eq!(*first.get_or_insert_with(|| told.clone()), told, "{strategy:?}");
        assert_eq!(played.calls_at("/5279/assigned_users"), 0, "what is out of scope is not read");
    }
}

#[tokio::test]
async fn nested_a_page_of_wabas_is_one_call() {
    let played = played(ReadStrategy::Nested, Options::default()).await;
    read(&played.reader(), &all_but_one()).await.unwrap();
    // The system users in three pages, the owned WABAs in three and the shared ones in one; and of the first WABA
    // the two pages that follow the one that came nested.
    assert_eq!(played.emulator.calls().len(), 3 + 3 + 1 + 2);
    assert_eq!(played.calls_at("/5000/assigned_users"), 2);
}

#[tokio::test]
async fn in_batches_it_takes_few_requests() {
    let played = played(ReadStrategy::Batch, Options::default()).await;
    read(&played.reader(), &all_but_one()).await.unwrap();
    assert_eq!(played.emulator.calls().len(), 3 + 3 + 1 + 279 + 2);
    assert!(played.emulator.requests() < 30, "{} requests", played.emulator.requests());
}

#[tokio::test]
async fn where_nesting_is_refused_wabas_are_read_one_by_one_and_it_is_not_tried_again() {
    for strategy in [ReadStrategy::Auto, ReadStrategy::Nested] {
        let few: Vec<WabaId> = all_but_one().into_iter().take(7).collect();
        let played = played(strategy, Options { nesting: false, ..Options::default() }).await;
        let (_, observed) = read(&played.reader(), &few).await.unwrap();
        assert_eq!(observed.state.iter().count(), 230 + 2 * 4, "{strategy:?}");
        assert_eq!(observed.unreadable, BTreeMap::new());
        let pages = played.calls_at("/owned_whatsapp_business_accounts");
        assert_eq!(pages, 3 + 1, "{strategy:?}: one page was refused, and three were listed");
    }
}

#[tokio::test]
async fn where_too_much_is_asked_for_pages_get_smaller() {
    // A page of 100 WABAs would hold some 330 rows; the list of one WABA holds 100.
    let played = played(ReadStrategy::Nested, Options { max_rows: 220, ..Options::default() }).await;
    let (_, observed) = read(&played.reader(), &all_but_one()).await.unwrap();
    assert_eq!(observed.state.iter().count(), 230 + 2 * 186 - 2);
    assert!(played.calls_at("/owned_whatsapp_business_accounts") > 3);
}

#[tokio::test]
async fn while_meta_asks_to_wait_nothing_is_sent_and_then_it_goes_on() {
    for strategy in STRATEGIES {
        let throttled = Fault::new(refuses(400, 80008, None)).at("assigned_users").hits(3..5);
        let options = Options { faults: vec![throttled], ..Options::default() };
        let played = played(strategy, options).await;
        let reader = played.reader();
        let (_, observed) = read(&reader, &all_but_one()).await.unwrap();
        assert_eq!(observed.unreadable, BTreeMap::new(), "{strategy:?}");
        let waited = reader.cost().waited > Duration::from_secs(59);
        assert_eq!(waited, reader.cost().retries > 0, "{strategy:?}: {:?}", reader.cost());
    }
}

#[tokio::test]
async fn a_waba_whose_calls_of_the_hour_are_used_up_is_unreadable_and_the_others_go_on() {
    let clock = Clock::simulated("2026-11-23T00:00:00Z".parse().unwrap());
    let options = Options { clock: clock.clone(), ..Options::default() };
    let mut played = played(ReadStrategy::Direct, options).await;
    played.settings.clock = clock.clone();
    played.settings.waba_calls_per_hour = 2;
    played.settings.max_wait = Duration::ZERO;
    // The first has three pages.
    let (_, observed) = clock.run(read(&played.reader(), &all_but_one())).await.unwrap();
    let why = observed.unreadable.get(&waba("5000")).unwrap();
    assert!(why.0.starts_with("the 2 calls an hour for the WABA 5000 are used up until"), "{why:?}");
    assert_eq!(observed.unreadable.len(), 1);
    assert_eq!(played.calls_at("/5000/assigned_users"), 2);
    // With patience, the run waits for the next hour.
    played.settings.max_wait = Duration::from_secs(2 * 60 * 60);
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
    played.settings.max_wait = Duration::ZERO;
    played.settings.budget_dir = Some(folder.path().to_owned());
    let reader = played.reader();
    assert_eq!(read(&reader, &[waba("5000")]).await.unwrap().1.unreadable.len(), 0);
    assert_eq!(read(&played.reader(), &[waba("5000")]).await.unwrap().1.unreadable.len(), 1);
}
