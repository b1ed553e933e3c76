//! Scripts: random faults that a seed repeats.

use super::{LIST, Running, WORLD, error_text, key, send};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Read as _;
use std::time::Duration;
use wabacl::clock::Clock;
use wabacl::emulator::{Latency, Options, Rates, Script};

const SECOND: Duration = Duration::from_secs(1);

fn clock() -> Clock {
    Clock::simulated("2026-11-23T00:00:00Z".parse().unwrap())
}

async fn scripted(clock: &Clock, script: Script) -> Running {
    Running::with(WORLD, Options { clock: clock.clone(), script: Some(script), ..Options::default() }).await
}

fn only(rates: Rates) -> Script {
    Script { seed: 1, rates, ..Script::default() }
}

/// Sends a request on the clock and returns the response as text, whatever it is.
async fn outcome(clock: &Clock, request: reqwest::RequestBuilder) -> String {
    let exchange = async {
        let Ok(response) = request.send().await else { return "no response".to_owned() };
        let status = response.status().as_u16();
        match response.text().await {
            Ok(text) => {
                let plain = text.split("\"fbtrace_id\"").next().unwrap_or_default();
                format!("{status} {plain}")
            }
            Err(_) => format!("{status} interrupted"),
        }
    };
    clock.run(clock.working(exchange)).await
}

/// Sends reads and writes alternately under a script, starting with a read or with a write. Returns the outcomes of
/// both.
async fn play(seed: u64, swapped: bool) -> (Vec<String>, Vec<String>) {
    let clock = clock();
    let rates = Rates {
        html_error: 0.1,
        transient_error: 0.1,
        closed_before_effect: 0.1,
        closed_after_effect: 0.1,
        short_page: 0.2,
        empty_page: 0.1,
        rows_without_tasks: 0.1,
        ..Rates::default()
    };
    let running = scripted(&clock, Script { seed, rates, ..Script::default() }).await;
    let (mut reads, mut writes) = (Vec::new(), Vec::new());
    for round in 0..20 {
        for step in [swapped, !swapped] {
            if step {
                // The URLs in it have the port, which differs from run to run.
                let url = running.emulator.url();
                let list = "500/assigned_users?business=10&fields=id,tasks&limit=2";
                let list = outcome(&clock, running.ask(Method::GET, list)).await.replace(&url, "");
                reads.push(list);
            } else {
                let body = json!({ "user": "101", "tasks": ["MANAGE"], "round": round % 3 });
                let request = running.ask(Method::POST, "500/assigned_users").json(&body);
                writes.push(outcome(&clock, request).await);
            }
        }
    }
    (reads, writes)
}

#[tokio::test]
async fn faults_do_not_depend_on_other_calls() {
    let first = play(7, false).await;
    assert!(first.0.iter().collect::<BTreeSet<_>>().len() > 3, "several faults happened: {first:?}");
    assert_eq!(play(7, false).await, first);
    let (_, writes) = play(7, true).await;
    assert_eq!(writes, first.1);
    assert_ne!(play(8, false).await, first);
}

#[tokio::test]
async fn each_fault_can_happen_alone() {
    let nested =
        "10/owned_whatsapp_business_accounts?limit=9&fields=id,assigned_users.business(10){id,tasks}";
    let write = ("POST", "500/assigned_users?user=101&tasks[0]=DEVELOP");
    let list = ("GET", LIST);
    let none = Rates::default();
    for (rates, (method, path), expected) in [
        (Rates { html_error: 1.0, ..none }, list, "50"),
        (Rates { throttled_app: 1.0, ..none }, ("GET", "me"), "400 {\"error\":{\"code\":4,"),
        (Rates { throttled_waba: 1.0, ..none }, list, "400 {\"error\":{\"code\":80008,"),
        (Rates { closed_before_effect: 1.0, ..none }, list, "no response"),
        (Rates { closed_after_effect: 1.0, ..none }, write, "no response"),
        (Rates { truncated_body: 1.0, ..none }, list, "200 interrupted"),
        (Rates { redirect: 1.0, ..none }, list, "302 "),
        (Rates { success_false: 1.0, ..none }, write, "200 {\"success\":false}"),
        (Rates { refused_nesting: 1.0, ..none }, ("GET", nested), "400 {\"error\":{\"code\":100,"),
        (Rates { too_much_data: 1.0, ..none }, ("GET", nested), "500 {\"error\":{\"code\":1,"),
        (Rates { nothing_nested: 1.0, ..none }, ("GET", nested), "200 {\"data\":[{\"id\":\"500\"}]"),
        (Rates { empty_page: 1.0, ..none }, list, "200 {\"data\":[],\"paging\":{\"cursors\":{\"after\":"),
        (Rates { empty_list: 1.0, ..none }, list, "200 {\"data\":[]}"),
    ] {
        let clock = clock();
        let running = scripted(&clock, only(rates)).await;
        let answer = outcome(&clock, running.ask(method.parse().unwrap(), path)).await;
        assert!(answer.starts_with(expected), "{rates:?}: {answer}");
        running.emulator.set_script(None);
        assert_eq!(
            running.get(LIST).await["data"].as_array().unwrap().len(),
            3,
            "no fault happens without the script"
        );
    }
}

#[tokio::test]
async fn the_log_says_whether_a_write_took_effect() {
    let none = Rates::default();
    for (rates, effective, held) in [
        (Rates { closed_before_effect: 1.0, ..none }, false, "MANAGE, NEW_TASK"),
        (Rates { closed_after_effect: 1.0, ..none }, true, "DEVELOP"),
        (Rates { success_false: 1.0, ..none }, false, "MANAGE, NEW_TASK"),
        (Rates { throttled_waba: 1.0, ..none }, false, "MANAGE, NEW_TASK"),
    ] {
        let clock = clock();
        let running = scripted(&clock, only(rates)).await;
        outcome(&clock, running.ask(Method::POST, "500/assigned_users?user=101&tasks[0]=DEVELOP")).await;
        let writes = running.emulator.writes();
        assert_eq!((writes.len(), writes[0].effective), (1, effective), "{rates:?}");
        assert_eq!(running.held("500", "101"), held);
    }
}

#[tokio::test]
async fn calls_during_throttling_are_counted() {
    let clock = clock();
    let running = scripted(&clock, only(Rates { throttled_waba: 1.0, ..Rates::default() })).await;
    for _ in 0..3 {
        outcome(&clock, running.ask(Method::GET, LIST)).await;
        clock.run(clock.sleep(SECOND)).await;
    }
    assert_eq!(running.emulator.calls_while_throttled(), 2);
    running.emulator.set_script(None);
    assert_eq!(running.get(LIST).await["status"], 200);
}

#[tokio::test]
async fn tokens_expire_and_some_wabas_are_forbidden() {
    let clock = clock();
    let script = Script { tokens_expire_after: Some(SECOND * 60), forbidden_wabas: 1.0, ..Script::default() };
    let running = scripted(&clock, script).await;
    let ask = async |path| clock.run(clock.working(send(running.ask(Method::GET, path)))).await;
    assert_eq!(ask("me").await["status"], 200);
    assert!(error_text(&ask(LIST).await).starts_with("403 200"));
    clock.run(clock.sleep(SECOND * 60)).await;
    assert!(error_text(&ask("me").await).starts_with("401 190 463"));
    running.emulator.set_script(None);
    assert_eq!(running.get(LIST).await["status"], 200);
}

#[tokio::test]
async fn foreign_changes_are_logged_and_spare_admins_and_protected_users() {
    let clock = clock();
    let script = Script { foreign_change_interval: Some(SECOND * 10), ..Script::default() };
    let running = scripted(&clock, script).await;
    let before = running.emulator.world().assignments().clone();
    clock.run(clock.sleep(SECOND * 3600)).await;
    let changes = running.emulator.foreign_changes();
    assert_eq!(changes.len(), 20);
    assert!(changes.is_sorted_by_key(|change| change.at));
    assert!(changes.iter().all(|change| change.key.user == key("500", "101").user), "no admins: {changes:?}");
    let mut state = before;
    for change in &changes {
        assert_eq!(state.get(change.key).cloned().unwrap_or_default(), change.before);
        state.set(change.key, change.after.clone());
    }
    assert_eq!(*running.emulator.world().assignments(), state);
    let protected_users = [key("500", "101").user].into();
    let script = Script { foreign_change_interval: Some(SECOND), protected_users, ..Script::default() };
    let running = scripted(&clock, script).await;
    clock.run(clock.sleep(SECOND * 60)).await;
    assert_eq!(running.emulator.foreign_changes(), []);
}

#[tokio::test]
async fn a_script_sets_latency_and_compression() {
    let clock = clock();
    let latency = Latency { request: SECOND, tail: SECOND, ..Latency::default() };
    let script = Script { seed: 3, latency, gzip: true, ..Script::default() };
    let running = scripted(&clock, script).await;
    let mut moments = BTreeSet::new();
    for _ in 0..20 {
        let before = clock.elapsed();
        clock.run(clock.working(running.ask(Method::GET, "me").send())).await.unwrap();
        moments.insert(clock.elapsed().checked_sub(before).unwrap());
    }
    assert_eq!(moments.len(), 20);
    assert!(moments.first().unwrap() > &SECOND && moments.last().unwrap() > &(SECOND * 2), "{moments:?}");
    let plain = reqwest::Client::builder().no_proxy().no_gzip().build().unwrap();
    let request = plain.get(format!("{}/me", running.emulator.url())).bearer_auth("of-admin");
    let request = request.header("accept-encoding", "deflate, gzip");
    let response = clock.run(clock.working(request.send())).await.unwrap();
    assert_eq!(response.headers()["content-encoding"], "gzip");
    let bytes = response.bytes().await.unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
    let me: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(me["name"], "admin");
}

#[test]
fn seeds_cover_all_profiles() {
    let scripts: Vec<Script> = (0..300).map(Script::from_seed).collect();
    assert_eq!(scripts[5], Script::from_seed(5));
    let share = |holds: fn(&Script) -> bool| scripts.iter().filter(|script| holds(script)).count();
    assert!(share(|script| script.rates == Rates::default()) > 20, "without faults");
    assert!(share(|script| script.rates.throttled_waba > 0.0) > 40, "with throttling");
    assert!(share(|script| script.rates.refused_nesting > 0.0) > 20, "without nesting");
    assert!(share(|script| script.tokens_expire_after.is_some()) > 10, "with tokens that expire");
    assert!(share(|script| script.foreign_change_interval.is_some()) > 10, "with foreign changes");
}
