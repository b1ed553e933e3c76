//! Limits and latency on a simulated clock.

use super::{LIST, Running, WORLD, error_text, key, send};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use wabacl::clock::Clock;
use wabacl::emulator::{Fault, FaultKind, Latency, Limits, Options, WaitHint};

const MINUTE: Duration = Duration::from_secs(60);

fn clock() -> Clock {
    Clock::simulated("2026-11-23T00:00:00Z".parse().unwrap())
}

/// Returns a response's status, the WABA's used share and minutes to wait, and the app's used share.
async fn usage(running: &Running, path: &str) -> (u16, Option<(u64, u64)>, Option<u64>) {
    let response = running.ask(Method::GET, path).send().await.unwrap();
    let parse = |name: &str| -> Option<Value> {
        serde_json::from_str(response.headers().get(name)?.to_str().ok()?).ok()
    };
    let of_waba = parse("x-business-use-case-usage").map(|usage| {
        let entry = usage.as_object().unwrap().values().next().unwrap()[0].clone();
        let number = |name: &str| entry[name].as_u64().unwrap();
        (number("call_count"), number("estimated_time_to_regain_access"))
    });
    let of_app = parse("x-app-usage").map(|usage| usage["call_count"].as_u64().unwrap());
    (response.status().as_u16(), of_waba, of_app)
}

#[tokio::test]
async fn a_waba_is_throttled_beyond_its_limit_and_more_calls_lengthen_it() {
    let clock = clock();
    let limits = Limits { waba_calls_per_hour: Some(4), app_calls_per_hour: Some(100) };
    let running = Running::with(WORLD, Options { clock: clock.clone(), limits, ..Options::default() }).await;
    for percent in [25, 50, 75, 100] {
        let used = Some((percent, 0));
        assert_eq!(usage(&running, LIST).await, (200, used, Some(percent / 25)));
        clock.run(clock.sleep(MINUTE)).await;
    }
    assert_eq!(usage(&running, LIST).await, (400, Some((100, 56)), Some(4)));
    assert_eq!(running.emulator.calls_while_throttled(), 0, "the throttling was not announced before");
    clock.run(clock.sleep(MINUTE)).await;
    let answer = running.get(LIST).await;
    assert!(error_text(&answer).starts_with("400 80008 null: (#80008) "), "{answer}");
    assert_eq!(running.emulator.calls_while_throttled(), 1);
    assert_eq!(
        running.get("501/assigned_users?business=10").await["status"],
        200,
        "other WABAs are not throttled"
    );
    clock.run(clock.sleep(MINUTE * 55)).await;
    assert_eq!(usage(&running, LIST).await.0, 400, "the call during throttling added a minute");
    clock.run(clock.sleep(MINUTE * 2)).await;
    assert_eq!(usage(&running, LIST).await.0, 200);
    assert_eq!(running.emulator.waba_calls(key("500", "101").waba), 5, "within the last hour");
}

#[tokio::test]
async fn items_count_for_their_waba_and_for_the_app() {
    let clock = clock();
    let limits = Limits { waba_calls_per_hour: Some(10), app_calls_per_hour: Some(6) };
    let running = Running::with(WORLD, Options { clock, limits, ..Options::default() }).await;
    let batch = json!(vec![json!({ "method": "GET", "relative_url": LIST }); 5]);
    let request = running.form(&[("batch", &batch.to_string())]);
    assert_eq!(request.send().await.unwrap().status(), 200);
    assert_eq!(usage(&running, LIST).await, (200, Some((60, 0)), Some(100)));
    let answer = running.get("me").await;
    assert!(error_text(&answer).starts_with("400 4 null: (#4) Application request limit"), "{answer}");
}

#[tokio::test]
async fn a_throttling_fault_lasts_for_its_wait() {
    let clock = clock();
    let throttle = FaultKind::Throttle { waba: true, wait: MINUTE * 7, hint: WaitHint::None };
    let fault = Fault::new(throttle).at("500/assigned_users").hits(0..1);
    let options = Options { clock: clock.clone(), faults: vec![fault], ..Options::default() };
    let running = Running::with(WORLD, options).await;
    assert_eq!(usage(&running, LIST).await, (400, None, None), "no header announces it");
    clock.run(clock.sleep(MINUTE * 7)).await;
    assert_eq!(usage(&running, LIST).await, (200, Some((0, 0)), Some(0)));
    assert_eq!(running.emulator.calls_while_throttled(), 0);
}

#[tokio::test]
async fn latency_adds_up_requests_items_and_nested_lists() {
    let clock = clock();
    let ms = Duration::from_millis;
    let latency = Latency { request: ms(50), item: ms(2), nested: ms(1), tail: Duration::ZERO };
    let running = Running::with(WORLD, Options { clock: clock.clone(), latency, ..Options::default() }).await;
    let item = json!({ "method": "GET", "relative_url": "500?fields=assigned_users.business(10){id}" });
    let batch = json!(vec![item; 4]).to_string();
    for (request, expected) in [
        (running.ask(Method::GET, "me"), ms(50)),
        (running.form(&[("batch", &batch)]), ms(50 + 3 * 2 + 4)),
        (running.ask(Method::GET, "nowhere"), ms(50)),
    ] {
        let before = clock.elapsed();
        clock.run(clock.working(request.send())).await.unwrap();
        assert_eq!(clock.elapsed(), before + expected);
    }
}

#[tokio::test]
async fn a_token_expires_on_the_emulators_clock() {
    let clock = clock();
    let world = WORLD.replace("expires_at: 1", "expires_at: 1795392060");
    let running = Running::with(&world, Options { clock: clock.clone(), ..Options::default() }).await;
    let ask = || send(running.client.get(format!("{}/me?access_token=over", running.emulator.url())));
    assert_eq!(ask().await["status"], 200, "the token is valid for one more minute");
    clock.run(clock.sleep(MINUTE)).await;
    assert!(error_text(&ask().await).starts_with("401 190 463"));
}
