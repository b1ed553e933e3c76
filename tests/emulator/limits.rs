//! Limits and latency, on a clock that the test holds.

use super::{LIST, Played, WORLD, key, refusal, told};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use wabacl::clock::Clock;
use wabacl::emulator::{Fault, FaultKind, Latency, Limits, Options, WaitHint};

const MINUTE: Duration = Duration::from_secs(60);

fn clock() -> Clock {
    Clock::simulated("2026-11-23T00:00:00Z".parse().unwrap())
}

/// What an answer's headers tell: the share of the limit, and the minutes until it is free again.
async fn usage(played: &Played, path: &str) -> (u16, Option<(u64, u64)>, Option<u64>) {
    let response = played.ask(Method::GET, path).send().await.unwrap();
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
async fn a_waba_is_throttled_beyond_its_calls_and_calling_on_lengthens_it() {
    let clock = clock();
    let limits = Limits { waba_calls_per_hour: Some(4), app_calls_per_hour: Some(100) };
    let played = Played::with(WORLD, Options { clock: clock.clone(), limits, ..Options::default() }).await;
    for percent in [25, 50, 75, 100] {
        let used = Some((percent, 0));
        assert_eq!(usage(&played, LIST).await, (200, used, Some(percent / 25)));
        clock.run(clock.sleep(MINUTE)).await;
    }
    assert_eq!(usage(&played, LIST).await, (400, Some((100, 56)), Some(4)));
    assert_eq!(played.emulator.calls_while_throttled(), 0, "nobody had been told");
    clock.run(clock.sleep(MINUTE)).await;
    let answer = played.get(LIST).await;
    assert!(refusal(&answer).starts_with("400 80008 null: (#80008) "), "{answer}");
    assert_eq!(played.emulator.calls_while_throttled(), 1);
    assert_eq!(played.get("501/assigned_users?business=10").await["status"], 200, "others are not");
    clock.run(clock.sleep(MINUTE * 55)).await;
    assert_eq!(usage(&played, LIST).await.0, 400, "that call took a minute more");
    clock.run(clock.sleep(MINUTE * 2)).await;
    assert_eq!(usage(&played, LIST).await.0, 200);
    assert_eq!(played.emulator.waba_calls(key("500", "101").waba), 5, "within the last hour");
}

#[tokio::test]
async fn items_count_for_their_waba_and_the_app_is_throttled_as_a_whole() {
    let clock = clock();
    let limits = Limits { waba_calls_per_hour: Some(10), app_calls_per_hour: Some(6) };
    let played = Played::with(WORLD, Options { clock, limits, ..Options::default() }).await;
    let batch = json!(vec![json!({ "method": "GET", "relative_url": LIST }); 5]);
    let request = played.form(&[("batch", &batch.to_string())]);
    assert_eq!(request.send().await.unwrap().status(), 200);
    assert_eq!(usage(&played, LIST).await, (200, Some((60, 0)), Some(100)));
    let answer = played.get("me").await;
    assert!(refusal(&answer).starts_with("400 4 null: (#4) Application request limit"), "{answer}");
}

#[tokio::test]
async fn a_fault_throttles_for_as_long_as_it_says() {
    let clock = clock();
    let throttle = FaultKind::Throttle { waba: true, wait: MINUTE * 7, hint: WaitHint::None };
    let fault = Fault::new(throttle).at("500/assigned_users").hits(0..1);
    let options = Options { clock: clock.clone(), faults: vec![fault], ..Options::default() };
    let played = Played::with(WORLD, options).await;
    assert_eq!(usage(&played, LIST).await, (400, None, None), "no header tells");
    clock.run(clock.sleep(MINUTE * 7)).await;
    assert_eq!(usage(&played, LIST).await, (200, Some((0, 0)), Some(0)));
    assert_eq!(played.emulator.calls_while_throttled(), 0);
}

#[tokio::test]
async fn latency_is_of_requests_items_and_nested_lists() {
    let clock = clock();
    let ms = Duration::from_millis;
    let latency = Latency { request: ms(50), item: ms(2), nested: ms(1), tail: Duration::ZERO };
    let played = Played::with(WORLD, Options { clock: clock.clone(), latency, ..Options::default() }).await;
    let item = json!({ "method": "GET", "relative_url": "500?fields=assigned_users.business(10){id}" });
    let batch = json!(vec![item; 4]).to_string();
    for (request, expected) in [
        (played.ask(Method::GET, "me"), ms(50)),
        (played.form(&[("batch", &batch)]), ms(50 + 3 * 2 + 4)),
        (played.ask(Method::GET, "nowhere"), ms(50)),
    ] {
        let before = clock.elapsed();
        clock.run(clock.working(request.send())).await.unwrap();
        assert_eq!(clock.elapsed(), before + expected);
    }
}

#[tokio::test]
async fn a_token_ends_on_the_emulators_clock() {
    let clock = clock();
    let world = WORLD.replace("expires_at: 1", "expires_at: 1795392060");
    let played = Played::with(&world, Options { clock: clock.clone(), ..Options::default() }).await;
    let ask = || told(played.client.get(format!("{}/me?access_token=over", played.emulator.url())));
    assert_eq!(ask().await["status"], 200, "at midnight it has a minute left");
    clock.run(clock.sleep(MINUTE)).await;
    assert!(refusal(&ask().await).starts_with("401 190 463"));
}
