//! The real client against the emulator: lists, errors, faults and limits.

use crate::support::{Played, TOKEN, directory, key, refuses, tasks, user, waba};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::mem::discriminant;
use std::time::Duration;
use wabacl::clock::Clock;
use wabacl::emulator::{Fault, FaultKind, Options, WaitHint};
use wabacl::graph::{
    ApiError, DirectoryRequest, Estimate, GraphError, ObserveRequest, PrefetchedAssignments, ReadStrategy,
    Reader,
};
use wabacl::model::{Directory, HolderKind, Name, Observed, ScopeForecast};

/// Business 10 owns four WABAs; nobody holds anything on the last.
pub(crate) const WORLD: &str = "
app: { id: 70 }
businesses:
  - id: 10
    name: Us
    system_users:
      - { id: 100, name: admin, role: ADMIN }
      - { id: 101, name: bot }
      - { id: 102, name: second }
      - { id: 103, name: quiet, role: ADMIN, listed: false }
    people:
      - { id: 110, name: Ana }
      - { id: 111, name: Odd, user_type: ROBOT_USER }
  - { id: 20, name: Them, system_users: [{ id: 200, name: theirs }] }
wabas:
  - id: 500
    name: A
    owned_by: 10
    shared_with: [{ business: 20 }]
    assigned:
      - { user: 101, tasks: [MANAGE, NEW_TASK] }
      - { user: 110, tasks: [MANAGE] }
      - { user: 111, tasks: [MESSAGING] }
      - { user: 200, tasks: [DEVELOP] }
  - { id: 501, name: B, owned_by: 10, assigned: [{ user: 101, tasks: [VIEW_COST] }] }
  - { id: 502, name: C, owned_by: 10, assigned: [{ user: 102, tasks: [VIEW_COST] }] }
  - { id: 503, name: D, owned_by: 10 }
tokens:
  - { token: EAAtopsecretTOKENofAdmin0123456789, user: 100 }
  - { token: over, user: 100, expires_at: 1 }
";

const LIST_A: &str = "/500/assigned_users";

/// Reads some WABAs, on which these holders are expected.
async fn observe(reader: &Reader, wabas: &[&str], expected: &[(&str, &str)]) -> Result<Observed, GraphError> {
    let directory = directory(reader).await;
    let wabas: Vec<_> = wabas.iter().map(|id| waba(id)).collect();
    let expected: BTreeMap<_, _> = expected.iter().map(|(on, who)| (waba(on), vec![user(who)])).collect();
    let request = ObserveRequest {
        asks_users: true,
        directory: &directory,
        wabas: &wabas,
        expected: &expected,
        suspended: &BTreeSet::new(),
        has_lists: true,
    };
    reader.observe(&request, PrefetchedAssignments::default(), &|_| ()).await
}

#[tokio::test]
async fn only_the_permissions_of_active_solutions_count() {
    let messaging = async |status: &str, permissions: &str| {
        let solution = format!(
            "solutions:\n  - {{ id: 80, name: Joint, status: {status}, owner_app: 71, partners: \
             [{{ app: 70, permissions: {permissions} }}] }}\nwabas:\n"
        );
        let world = WORLD.replace("wabas:\n", &solution);
        let world = world.replace("name: B, owned_by: 10", "name: B, owned_by: 10, solution: 80");
        let request = DirectoryRequest {
            solutions_of: vec![waba("501")],
            app: "70".parse().ok(),
            ..DirectoryRequest::new("10".parse().unwrap())
        };
        let directory = Played::start(&world).await.reader().directory(&request).await.unwrap();
        directory.wabas.get(&waba("501")).unwrap().solution_messaging
    };
    assert_eq!(messaging("ACTIVE", "[MESSAGING]").await, Some(true));
    assert_eq!(messaging("ACTIVE", "[MANAGE]").await, Some(false));
    for status in ["DRAFT", "INITIATED", "REJECTED", "DEACTIVATED", "SOMETHING_NEW"] {
        assert_eq!(messaging(status, "[MESSAGING]").await, None, "{status}");
        assert_eq!(messaging(status, "[MANAGE]").await, None, "{status}");
    }
}

/// Reads the WABAs 500 and 501, of which only the first fails, and returns why it is unreadable.
async fn why_unreadable(played: &Played) -> String {
    let observed = observe(&played.reader(), &["500", "501"], &[]).await.unwrap();
    assert_eq!(observed.state.get(key("501", "101")), Some(&tasks("VIEW_COST")), "the other one is read");
    assert_eq!(observed.state.on(waba("500")).count(), 0, "nothing of an invalid list is used");
    assert_eq!(observed.others, BTreeMap::new(), "nothing of an invalid list is used");
    let [(failed, why)] = &*observed.unreadable.into_iter().collect::<Vec<_>>() else {
        panic!("exactly one WABA fails")
    };
    assert_eq!(*failed, waba("500"));
    why.why.clone()
}

#[tokio::test]
async fn a_list_is_read_to_the_page_without_next() {
    let mut world = String::from("businesses:\n  - id: 10\n    name: Us\n    system_users:\n");
    world += "      - { id: 100, name: admin, role: ADMIN }\n";
    let mut rows = String::new();
    for id in 1000..1250 {
        writeln!(world, "      - {{ id: {id}, name: bot }}").unwrap();
        writeln!(rows, "      - {{ user: {id}, tasks: [DEVELOP] }}").unwrap();
    }
    writeln!(world, "wabas:\n  - id: 500\n    name: A\n    owned_by: 10\n    assigned:\n{rows}").unwrap();
    writeln!(world, "tokens: [{{ token: {TOKEN}, user: 100 }}]").unwrap();
    let played = Played::start(&world).await;
    let reader = played.reader();
    assert_eq!(directory(&reader).await.system_users.len(), 251);
    assert_eq!(played.calls_at("/system_users"), 3);
    let observed = observe(&reader, &["500"], &[]).await.unwrap();
    assert_eq!(observed.state.len(), 250);
    assert_eq!(played.calls_at(LIST_A), 3, "the end is where `next` is absent");
    assert_eq!(reader.calls(), played.emulator.calls().len() as u64, "every call is counted");
}

#[tokio::test]
async fn holders_are_classified_and_unknown_tasks_are_kept() {
    let played = Played::start(WORLD).await;
    let observed = observe(&played.reader(), &["500"], &[]).await.unwrap();
    assert_eq!(observed.state.get(key("500", "101")), Some(&tasks("MANAGE NEW_TASK")));
    let others: Vec<_> =
        observed.others.iter().map(|(key, other)| (key.user, other.kind, other.tasks.to_string())).collect();
    assert_eq!(
        others,
        [
            (user("110"), HolderKind::Person, String::from("MANAGE")),
            (user("111"), HolderKind::Unknown, String::from("MESSAGING")),
            (user("200"), HolderKind::OtherBusiness, String::from("DEVELOP")),
        ]
    );
}

/// Returns the error that the client makes of an error of the API.
type Classified = fn(ApiError) -> GraphError;

const THROTTLED: Classified = |api| GraphError::ThrottledTooLong {
    api: Box::new(api),
    waba: None,
    until: jiff::Timestamp::MIN,
    estimate: Estimate::Own,
};

#[tokio::test]
async fn errors_are_classified_by_their_code_and_only_transient_ones_are_retried() {
    let table: [(u16, u32, Option<u32>, Classified, u64); 21] = [
        (401, 190, Some(463), GraphError::InvalidToken, 1),
        (400, 102, None, GraphError::InvalidToken, 1),
        (400, 104, None, GraphError::InvalidProof, 1),
        (400, 4, None, THROTTLED, 5),
        (400, 17, None, THROTTLED, 5),
        (400, 80007, None, THROTTLED, 5),
        (400, 80008, None, THROTTLED, 5),
        (403, 3, None, GraphError::NotPermitted, 1),
        (403, 10, None, GraphError::NotPermitted, 1),
        (403, 200, None, GraphError::NotPermitted, 1),
        (403, 299, None, GraphError::NotPermitted, 1),
        (400, 100, Some(33), GraphError::WrongId, 1),
        (400, 100, Some(1_752_100), GraphError::WrongKindOfId, 1),
        (400, 100, None, GraphError::BadRequest, 1),
        (404, 803, None, GraphError::NotFound, 1),
        (400, 368, None, GraphError::Blocked, 1),
        (403, 131_031, None, GraphError::Blocked, 1),
        (400, 1, None, GraphError::Transient, 5),
        (503, 2, None, GraphError::Transient, 5),
        (500, 9999, None, GraphError::Transient, 5),
        (400, 2500, None, GraphError::BadRequest, 1),
    ];
    for (status, code, subcode, expected, calls) in table {
        let played = Played::faulty(WORLD, [Fault::new(refuses(status, code, subcode)).at("/me")]).await;
        let reader = played.reader();
        let error = reader.me().await.unwrap_err();
        let expected = expected(ApiError {
            status,
            code: i32::try_from(code).ok(),
            subcode: subcode.and_then(|subcode| i32::try_from(subcode).ok()),
            message: format!("(#{code}) no"),
            explanation: None,
            trace: error.trace(),
        });
        assert_eq!(discriminant(&error), discriminant(&expected), "{code} {subcode:?}: {error}");
        if calls == 1 {
            assert_eq!(error.to_string(), expected.to_string());
        }
        assert_eq!(reader.calls(), calls, "{code}");
        assert_eq!(error.is_fatal(), expected.is_fatal(), "{code}");
    }
}

#[tokio::test]
async fn two_errors_are_classified_by_more_than_their_code() {
    for (message, is_transient, expected) in [
        (
            "(#100) Need either permission on WhatsApp Business Account or manage",
            false,
            GraphError::NotPermitted as Classified,
        ),
        ("(#100) try again", true, GraphError::Transient),
    ] {
        let what = FaultKind::GraphError {
            status: 400,
            code: 100,
            subcode: None,
            message: message.into(),
            is_transient,
        };
        let played = Played::faulty(WORLD, [Fault::new(what).at("/me")]).await;
        let error = played.reader().me().await.unwrap_err();
        let (GraphError::NotPermitted(api) | GraphError::Transient(api)) = &error else { panic!("{error}") };
        assert_eq!(discriminant(&error), discriminant(&expected(api.clone())));
    }
}

#[tokio::test]
async fn transient_errors_are_retried() {
    for what in [
        refuses(503, 2, None),
        refuses(400, 80008, None),
        FaultKind::HtmlError(502),
        FaultKind::CloseConnection,
        FaultKind::TruncatedBody,
    ] {
        let played = Played::faulty(WORLD, [Fault::new(what.clone()).at(LIST_A).hits(0..2)]).await;
        let observed = observe(&played.reader(), &["500"], &[]).await.unwrap();
        assert_eq!(observed.unreadable, BTreeMap::new(), "{what:?}");
        assert_eq!(observed.state.len(), 1, "{what:?}");
        assert_eq!(played.calls_at(LIST_A), 3, "{what:?}");
    }
}

/// Returns a fault that replaces a field of the first row.
fn odd(field: &str, value: serde_json::Value) -> FaultKind {
    FaultKind::OddField { field: field.into(), value }
}

#[tokio::test]
async fn a_waba_that_is_throttled_for_too_long_affects_no_other() {
    for (hint, expected) in [
        (
            WaitHint::UsageHeaders,
            "Meta throttles calls for WABA 500, by its own estimate until 2026-11-23T01:00Z",
        ),
        (
            WaitHint::None,
            "Meta throttles calls for WABA 500, without saying for how long; the next attempt would be at \
             2026-11-23T00:01Z",
        ),
    ] {
        let clock = Clock::simulated("2026-11-23T00:00:00Z".parse().unwrap());
        let throttle = FaultKind::Throttle { waba: true, wait: Duration::from_secs(3600), hint };
        let faults = vec![Fault::new(throttle).at(LIST_A)];
        let mut played =
            Played::with(WORLD, Options { clock: clock.clone(), faults, ..Options::default() }).await;
        played.settings.clock = clock.clone();
        played.run.max_wait = Duration::from_secs(59);
        let why = clock.run(why_unreadable(&played)).await;
        assert_eq!(why.split(", and --max-wait").next(), Some(expected));
        assert_eq!((played.calls_at(LIST_A), clock.elapsed()), (1, Duration::ZERO), "nothing waits for it");
    }
}

#[tokio::test]
async fn the_same_row_twice_is_harmless() {
    let faults = ["/system_users", LIST_A, "/owned_whatsapp_business_accounts"]
        .map(|list| Fault::new(FaultKind::RepeatedRow).at(list));
    let played = Played::faulty(WORLD, faults).await;
    let observed = observe(&played.reader(), &["500"], &[]).await.unwrap();
    assert_eq!((observed.unreadable.len(), observed.state.len(), observed.others.len()), (0, 1, 3));
}

#[tokio::test]
async fn a_bad_row_of_a_waba_makes_only_this_waba_unreadable() {
    let list = "/owned_whatsapp_business_accounts";
    let played = Played::faulty(WORLD, [Fault::new(odd("name", json!(["A"]))).at(list)]).await;
    let (directory, observed) = prefetched(&played).await;
    let why = observed.unreadable.get(&waba("500")).unwrap();
    assert_eq!(
        why.why,
        "the response of the API has an unknown form: row 1 (id 500), field `name`: invalid type: sequence, \
         expected a string"
    );
    assert_eq!((directory.wabas.len(), observed.unreadable.len(), observed.state.len()), (4, 1, 1));
    assert_eq!(played.calls_at(list), 1, "it is not read again");
}

#[tokio::test]
async fn a_bad_nested_row_makes_only_its_waba_be_read_again() {
    let list = "/owned_whatsapp_business_accounts";
    let rows = json!({ "data": [{ "id": "101", "tasks": 7 }] });
    let mut played = Played::faulty(WORLD, [Fault::new(odd("assigned_users", rows)).at(list)]).await;
    played.run.read_strategy = ReadStrategy::Nested;
    let (_, observed) = prefetched(&played).await;
    assert_eq!((observed.unreadable.len(), observed.state.len()), (0, 2));
    assert_eq!(
        (played.calls_at(list), played.calls_at(LIST_A), played.calls_at("/assigned_users")),
        (1, 1, 1)
    );
}

/// Reads the directory and the WABAs 500 and 501.
async fn prefetched(played: &Played) -> (Directory, Observed) {
    let reader = played.reader();
    let wabas = [waba("500"), waba("501")];
    let request =
        DirectoryRequest { declared: wabas.to_vec(), ..DirectoryRequest::new("10".parse().unwrap()) };
    let forecast = ScopeForecast::of(wabas);
    let (directory, prefetched) = reader.prefetch(&request, &forecast, &|_| ()).await.unwrap();
    let request = ObserveRequest {
        asks_users: true,
        directory: &directory,
        wabas: &wabas,
        expected: &BTreeMap::new(),
        suspended: &BTreeSet::new(),
        has_lists: true,
    };
    let observed = reader.observe(&request, prefetched, &|_| ()).await.unwrap();
    (directory, observed)
}

#[tokio::test]
async fn a_lasting_error_affects_its_waba_only() {
    let cases: [(FaultKind, &str, usize); 12] = [
        (FaultKind::HtmlError(502), "the response (HTTP 502) is not from the Graph API: <html>", 5),
        (FaultKind::HtmlError(404), "the response (HTTP 404) is not from the Graph API: <html>", 1),
        (FaultKind::TruncatedBody, "the connection broke before the response was complete: ", 5),
        (FaultKind::CloseConnection, "the connection broke before the response was complete: ", 5),
        (
            FaultKind::RepeatedCursor,
            "the API returned an invalid list: the API sent the same cursor twice",
            2,
        ),
        (
            FaultKind::RowsWithoutTasks,
            "the API returned an invalid list: the row of user 101 has no `tasks`, so the assignment is unknown",
            1,
        ),
        (
            odd("tasks", json!("MANAGE")),
            "the response of the API has an unknown form: row 1 (id 101), field `tasks`: invalid type: string \
             \"MANAGE\", expected a sequence",
            1,
        ),
        (
            odd("id", json!("x")),
            "the API returned an invalid list: `x`, the id of a user, is not a number",
            1,
        ),
        (
            FaultKind::ShortPage(0),
            "the API returned an invalid list: 20 empty pages in a row, and no end",
            20,
        ),
        (refuses(403, 415, None), "two-factor authentication is required: (#415) no (code 415, trace A", 1),
        (
            refuses(400, 100, Some(33)),
            "the id does not exist or is not accessible: (#100) no (code 100, subcode 33, trace A",
            1,
        ),
        (refuses(403, 200, None), "not permitted: (#200) no (code 200, trace A", 1),
    ];
    for (what, expected, calls) in cases {
        let played = Played::faulty(WORLD, [Fault::new(what.clone()).at(LIST_A)]).await;
        let why = why_unreadable(&played).await;
        assert!(why.starts_with(expected), "{what:?}: {why}");
        assert!(!why.contains(char::is_control), "{what:?}: {why:?}");
        assert_eq!(played.calls_at(LIST_A), calls, "{what:?}");
    }
}

#[tokio::test]
async fn an_error_on_a_later_page_makes_the_list_unreadable() {
    let mut world = WORLD.replace("people:", "people:\n      - { id: 99, name: Zoe }");
    let mut rows = String::new();
    for id in 1000..1120 {
        world = world.replace(
            "      - { id: 102, name: second }",
            &format!("      - {{ id: 102, name: second }}\n      - {{ id: {id}, name: bot }}"),
        );
        writeln!(rows, "      - {{ user: {id}, tasks: [DEVELOP] }}").unwrap();
    }
    let world = world.replace("    assigned:\n", &format!("    assigned:\n{rows}"));
    let second_page = Fault::new(refuses(403, 200, None)).at(LIST_A).hits(1..2);
    let played = Played::faulty(&world, [second_page]).await;
    assert!(why_unreadable(&played).await.starts_with("not permitted"));
}

#[tokio::test]
async fn the_client_waits_for_a_retry_after_header() {
    // Not a whole number of minutes, and not the default pause.
    let wait = Duration::from_secs(437);
    for strategy in [ReadStrategy::Direct, ReadStrategy::Batch] {
        for waba in [true, false] {
            let clock = Clock::simulated("2026-11-23T00:00:00Z".parse().unwrap());
            let throttle = FaultKind::Throttle { waba, wait, hint: WaitHint::RetryAfter };
            let faults = vec![Fault::new(throttle).at(LIST_A).hits(0..1)];
            let mut played =
                Played::with(WORLD, Options { clock: clock.clone(), faults, ..Options::default() }).await;
            played.settings.clock = clock.clone();
            played.run.read_strategy = strategy;
            played.settings.concurrency = 1;
            let reader = played.reader();
            let observed = clock.run(observe(&reader, &["502", "501", "500"], &[])).await.unwrap();
            assert_eq!((observed.unreadable.len(), observed.state.len()), (0, 3), "{strategy:?}, {waba}");
            let cost = reader.cost();
            assert_eq!((clock.elapsed(), cost.waited), (wait, wait), "{strategy:?}, {waba}");
            assert_eq!(cost.requests < cost.calls, strategy == ReadStrategy::Batch);
            assert_eq!(played.emulator.calls_while_throttled(), 0, "{strategy:?}, {waba}");
        }
    }
}

#[tokio::test]
async fn the_longest_wait_in_a_batch_counts() {
    let clock = Clock::simulated("2026-11-23T00:00:00Z".parse().unwrap());
    let throttled = |suffix, seconds| {
        let wait = Duration::from_secs(seconds);
        let throttle = FaultKind::Throttle { waba: true, wait, hint: WaitHint::RetryAfter };
        Fault::new(throttle).at(suffix).hits(0..1)
    };
    let faults = vec![throttled(LIST_A, 100), throttled("/501/assigned_users", 437)];
    let mut played =
        Played::with(WORLD, Options { clock: clock.clone(), faults, ..Options::default() }).await;
    played.settings.clock = clock.clone();
    played.run.read_strategy = ReadStrategy::Batch;
    played.settings.concurrency = 1;
    clock.run(observe(&played.reader(), &["502", "501", "500"], &[])).await.unwrap();
    assert_eq!(clock.elapsed(), Duration::from_secs(437));
    assert_eq!(played.emulator.calls_while_throttled(), 0);
}

#[tokio::test]
async fn a_redirect_is_never_followed() {
    let elsewhere = Played::start(WORLD).await;
    let to = format!("{}/v25.0/500/assigned_users", elsewhere.emulator.url());
    let played = Played::faulty(WORLD, [Fault::new(FaultKind::Redirect(to)).at("assigned_users")]).await;
    let error =
        played.reader().assignments(&directory(&played.reader()).await, waba("500")).await.unwrap_err();
    assert!(matches!(error, GraphError::Redirect { status: 302 }), "{error:?}");
    let error = played.writer().assign(waba("500"), user("101"), &tasks("DEVELOP")).await.unwrap_err();
    assert!(matches!(error, GraphError::Redirect { status: 302 }), "{error:?}");
    assert_eq!(elsewhere.emulator.calls(), []);
}

#[tokio::test]
async fn an_endless_response_is_cut_off_at_the_limit() {
    let mut played = Played::faulty(WORLD, [Fault::new(FaultKind::EndlessBody).at(LIST_A)]).await;
    played.settings.body_limit = 100_000;
    let why = why_unreadable(&played).await;
    assert_eq!(why, "the response exceeds the limit of 100000 bytes");
    assert_eq!(played.calls_at(LIST_A), 1);
}

#[tokio::test]
async fn an_empty_list_that_the_user_side_contradicts_is_unreadable() {
    let played = Played::faulty(WORLD, [Fault::new(FaultKind::EmptyList).at(LIST_A)]).await;
    let observed = observe(&played.reader(), &["500", "501"], &[("500", "101")]).await.unwrap();
    let why = &observed.unreadable.get(&waba("500")).unwrap().why;
    assert_eq!(why, "its list is empty, but the API lists it for system user 101");
    assert_eq!(observed.state.len(), 1);
}

#[tokio::test]
async fn an_empty_list_that_the_user_side_confirms_is_empty() {
    let played = Played::start(WORLD).await;
    let observed = observe(&played.reader(), &["503"], &[("503", "101")]).await.unwrap();
    assert_eq!(observed, Observed::default());
    assert_eq!(played.calls_at("/101/assigned_whatsapp_business_accounts"), 1);
}

#[tokio::test]
async fn an_empty_list_that_cannot_be_confirmed_is_marked() {
    let side = "/101/assigned_whatsapp_business_accounts";
    let played = Played::faulty(WORLD, [Fault::new(refuses(403, 200, None)).at(side)]).await;
    let observed = observe(&played.reader(), &["503"], &[("503", "101")]).await.unwrap();
    assert_eq!(observed.unconfirmed, [waba("503")].into());
    assert_eq!(observed.unreadable, BTreeMap::new());
    // An admin may not be listed, so its side proves nothing and is not read.
    let observed = observe(&played.reader(), &["503"], &[("503", "103")]).await.unwrap();
    assert_eq!(observed.unconfirmed, [waba("503")].into());
    assert_eq!(played.calls_at("/103/assigned_whatsapp_business_accounts"), 0);
}

#[tokio::test]
async fn an_invalid_token_stops_all_reading() {
    let played = Played::faulty(WORLD, [Fault::new(refuses(401, 190, Some(463))).at("/501/assigned_users")]);
    let played = played.await;
    let error = observe(&played.reader(), &["500", "501", "502"], &[]).await.unwrap_err();
    assert!(matches!(error, GraphError::InvalidToken(_)), "{error:?}");
    let side = "/101/assigned_whatsapp_business_accounts";
    let played = Played::faulty(WORLD, [Fault::new(refuses(401, 190, None)).at(side)]).await;
    let error = observe(&played.reader(), &["503"], &[("503", "101")]).await.unwrap_err();
    assert!(matches!(error, GraphError::InvalidToken(_)), "{error:?}");
}

#[tokio::test]
async fn an_expired_token_is_invalid() {
    let mut played = Played::start(WORLD).await;
    played.settings.token = "over".into();
    let error = played.reader().me().await.unwrap_err();
    assert!(matches!(error, GraphError::InvalidToken(_)), "{error:?}");
    assert!(error.hint().unwrap().starts_with("create a new token"));
}

#[tokio::test]
async fn the_appsecret_proof_is_sent_with_every_call() {
    let world = WORLD.replace("app: { id: 70 }", "app: { id: 70, secret: app-secret }");
    let mut played = Played::start(&world).await;
    assert!(matches!(played.reader().me().await, Err(GraphError::InvalidProof(_))));
    played.settings.app_secret = Some("another".into());
    assert!(matches!(played.reader().me().await, Err(GraphError::InvalidProof(_))));
    played.settings.app_secret = Some("app-secret".into());
    assert_eq!(played.reader().me().await.unwrap().name, Name::from("admin"));
    played.writer().assign(waba("503"), user("101"), &tasks("DEVELOP")).await.unwrap();
    played.writer().revoke(waba("503"), user("101")).await.unwrap();
}

#[tokio::test]
async fn a_write_with_success_false_has_failed() {
    let played = Played::faulty(WORLD, [Fault::new(FaultKind::SuccessFalse).on("POST")]).await;
    let error = played.writer().assign(waba("503"), user("101"), &tasks("DEVELOP")).await.unwrap_err();
    assert!(matches!(error, GraphError::NoSuccess), "{error:?}");
    assert!(!error.outcome_unknown());
    assert_eq!(played.held("503", "101"), "");
}

#[tokio::test]
async fn a_write_without_a_response_is_sent_once_and_its_outcome_is_unknown() {
    for (what, held) in [
        (FaultKind::CloseAfterEffect, "DEVELOP"),
        (FaultKind::TruncatedBody, "DEVELOP"),
        (FaultKind::CloseConnection, ""),
        (FaultKind::HtmlError(502), ""),
        (refuses(500, 2, None), ""),
    ] {
        let played = Played::faulty(WORLD, [Fault::new(what.clone()).at("/503/assigned_users")]).await;
        let writer = played.writer();
        // A client could send again on a connection that is already open.
        writer.assign(waba("501"), user("102"), &tasks("DEVELOP")).await.unwrap();
        let error = writer.assign(waba("503"), user("101"), &tasks("DEVELOP")).await.unwrap_err();
        assert!(error.outcome_unknown(), "{what:?}: {error:?}");
        assert_eq!(played.calls_at("/503/assigned_users"), 1, "{what:?}");
        assert_eq!(writer.calls(), 2, "{what:?}");
        assert_eq!(played.held("503", "101"), held, "{what:?}");
    }
}

#[tokio::test]
async fn a_write_that_was_not_sent_has_no_effect() {
    let mut played = Played::start(WORLD).await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    played.settings.graph_url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = played.writer().assign(waba("503"), user("101"), &tasks("DEVELOP")).await.unwrap_err();
    assert!(matches!(error, GraphError::Unreachable { .. }), "{error:?}");
    assert!(!error.outcome_unknown());
}

/// Returns all texts of an error, for users and for programmers.
fn all_texts(error: &GraphError) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        write!(text, " {cause} {cause:?}").unwrap();
        source = cause.source();
    }
    text
}

#[tokio::test]
async fn no_text_contains_a_secret() {
    let echo = FaultKind::GraphError {
        status: 400,
        code: 100,
        subcode: None,
        message: format!("Malformed access token {TOKEN}"),
        is_transient: false,
    };
    let mut texts = String::new();
    for what in [
        echo,
        FaultKind::CloseConnection,
        FaultKind::TruncatedBody,
        FaultKind::HtmlError(500),
        FaultKind::Redirect(format!("http://127.0.0.1:1/?access_token={TOKEN}")),
        refuses(400, 190, None),
    ] {
        let world = WORLD.replace("app: { id: 70 }", "app: { id: 70, secret: hush-hush }");
        let options = Options { faults: vec![Fault::new(what)], ..Options::default() };
        let mut played = Played::with(&world, options).await;
        played.settings.app_secret = Some("hush-hush".into());
        let (reader, writer) = (played.reader(), played.writer());
        texts += &all_texts(&reader.token_info().await.unwrap_err());
        texts += &all_texts(&reader.me().await.unwrap_err());
        texts += &all_texts(&writer.revoke(waba("501"), user("101")).await.unwrap_err());
        write!(texts, "{:?} {reader:#?} {writer:#?}", played.settings).unwrap();
        played.settings.graph_url = String::from("http://127.0.0.1:1");
        texts += &all_texts(&played.reader().token_info().await.unwrap_err());
    }
    assert!(texts.contains("Malformed access token (redacted token)"), "{texts}");
    for secret in [TOKEN, "hush-hush", "appsecret_proof=", "input_token="] {
        assert!(!texts.contains(secret), "{secret} is in: {texts}");
    }
}
