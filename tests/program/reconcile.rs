//! `wabacl reconcile`: rounds in a process of its own, against an emulator that others change too.

#![cfg(unix)]

use super::json::fits;
use super::remote::Remote;
use super::{Place, Ran};
use crate::support::{key, tasks, until};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command};
use std::time::Duration;
use wabacl::emulator::Options;

/// Two WABAs, on which `bot` holds nothing yet.
const WORLD: &str = world! {"wabas:
  - { id: 1001, name: One, owned_by: 100, assigned: [{ user: 11, tasks: [MANAGE] }] }
  - { id: 1002, name: Two, owned_by: 100, assigned: [{ user: 11, tasks: [MANAGE] }] }
tokens: [{ token: firstTokenOfThisTest, user: 10 }, { token: secondTokenOfThisTest, user: 10 }]
"};

const MANIFEST: &str = "version: 1
business: 100
system_users: { ops: { id: 11 }, bot: { id: 12 } }
wabas: { one: { id: 1001 }, two: { id: 1002 } }
grants:
  - { users: [ops], tasks: [MANAGE], wabas: ['*'] }
  - { users: [bot], tasks: [DEVELOP], wabas: ['*'] }
";

/// A reconciler, and what it logs.
struct Running {
    child: Child,
    log: BufReader<ChildStderr>,
    /// All lines so far.
    seen: String,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        Self { child, log, seen: String::new() }
    }

    /// Reads the log up to a line with a text, and returns that line.
    fn line(&mut self, text: &str) -> String {
        loop {
            let mut line = String::new();
            let read = self.log.read_line(&mut line).unwrap();
            self.seen += &line;
            assert!(read > 0, "`{text}` never came:\n{}", self.seen);
            if line.contains(text) {
                return line;
            }
        }
    }

    fn send(&self, name: &str) {
        signal(name, &self.child);
    }

    /// Waits for the end, and returns all that was logged.
    fn ends(mut self, code: i32) -> String {
        let ended = self.child.wait().unwrap();
        self.log.read_to_string(&mut self.seen).unwrap();
        assert_eq!(ended.code(), Some(code), "{}", self.seen);
        assert!(!self.seen.contains("TokenOfThisTest"), "{}", self.seen);
        std::mem::take(&mut self.seen)
    }

    fn stop(self) -> String {
        self.send("TERM");
        self.ends(0)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal.
fn signal(name: &str, to: &Child) {
    let sent = Command::new("kill").args([format!("-{name}"), to.id().to_string()]).status();
    assert!(sent.unwrap().success());
}

/// An emulator, and a place with manifests and a token file.
async fn estate(options: Options) -> Remote {
    let place = Place::of(WORLD, MANIFEST);
    place.write("token", "firstTokenOfThisTest");
    Remote::of(place, "notTheTokenOfTheFile", options).await
}

/// Starts a reconciler with short pauses.
fn reconcile(remote: &Remote, options: &str) -> Running {
    let url = remote.emulator.url();
    let words = format!("reconcile access --graph-url {url} --token-file token --interval 1s {options}");
    Running::start(remote.place.command(&words))
}

fn held(remote: &Remote, waba: &str, user: &str) -> String {
    let world = remote.emulator.world();
    world.assignments().get(key(waba, user)).map(ToString::to_string).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_changes_is_put_right_and_observing_writes_nothing() {
    let remote = estate(Options::default()).await;
    let mut observing = reconcile(&remote, "");
    observing.line("round 1 (start): drift, 2 assignments differ; ");
    assert!(observing.stop().contains("Stopped."));
    assert_eq!(remote.writes(), 0);
    let state = remote.place.folder.path().join(".local/state/wabacl/100");
    assert!(!state.join("journal.jsonl").exists() && !state.join("inventory.default.json").exists());
    let mut running = reconcile(&remote, "--mode apply");
    running.line("round 1 (start): applied, 2 of 2 changes made");
    running.line("in-sync");
    remote.emulator.assign(key("1001", "12"), tasks("DEVELOP MANAGE_TEMPLATES"));
    running.line("applied, 1 of 1 change made");
    assert_eq!(held(&remote, "1001", "12"), "DEVELOP");
    running.stop();
    remote.place.run("journal").ends(0).says("Journal: 2 runs, 3 writes.");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_has_expired_goes_in_that_mode() {
    let remote = estate(Options::default()).await;
    remote.emulator.assign(key("1001", "12"), tasks("DEVELOP"));
    remote.place.edit(
        "access/access.yaml",
        "wabas: ['*'] }\n  - { users: [bot]",
        "wabas: [one, two] }\n  - { users: [bot]",
    );
    remote.place.edit(
        "access/access.yaml",
        "[DEVELOP], wabas: ['*']",
        "[DEVELOP], wabas: ['*'], until: 2026-01-31",
    );
    remote.place.edit("access/access.yaml", "[MANAGE]", "[MANAGE, DEVELOP]");
    let mut running = reconcile(&remote, "--mode expired");
    running.line("round 1 (start): applied, 1 of 1 change made");
    running.line("drift, 2 assignments differ");
    running.stop();
    assert_eq!(
        (held(&remote, "1001", "12"), held(&remote, "1001", "11")),
        (String::new(), String::from("MANAGE"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_plan_waits_is_described_once_and_goes_on_with_a_waiver_in_git() {
    let remote = estate(Options::default()).await;
    remote.place.run(&apply(&remote)).ends(0);
    remote.place.edit(
        "access/access.yaml",
        "{ users: [bot], tasks: [DEVELOP]",
        "{ users: [ops], tasks: [VIEW_COST]",
    );
    remote
        .place
        .write("access/guards.yaml", "version: 1\nguards: { max_removals: 1, max_removals_percent: 100 }\n");
    let writes = remote.writes();
    let mut running = reconcile(&remote, "--mode apply");
    running.line("refused, the plan sha256:");
    running.line("refused by max-removals: ");
    running.line("refused, the plan sha256:");
    running.line("refused, the plan sha256:");
    assert_eq!(running.seen.matches("refused by max-removals").count(), 1, "{}", running.seen);
    assert_eq!(remote.writes(), writes);
    let until = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(48);
    let until = until.strftime("%Y-%m-%d");
    let waiver = format!(
        "version: 1\nwaivers: [{{ guard: max-removals, limit: 5, until: {until}, reason: OPS-1 }}]\n"
    );
    remote.place.write("access/waiver.yaml", &waiver);
    running.line("applied, 4 of 4 changes made");
    running.stop();
    assert_eq!(held(&remote, "1001", "12"), "");
}

/// The words of an apply.
fn apply(remote: &Remote) -> String {
    format!("apply access --graph-url {} --token-file token --auto-approve", remote.emulator.url())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_good_manifests_stay_in_force_while_the_new_ones_are_broken() {
    let remote = estate(Options::default()).await;
    let good = remote.place.read("access/access.yaml");
    remote.place.write("access/access.yaml", "version: 1\nbusiness: 100\nnonsense: 1\n");
    let mut running = reconcile(&remote, "--mode apply");
    running.line("round 1 (start): no-manifests; 0 calls");
    running.line("access/access.yaml:3:1: ");
    assert_eq!(remote.emulator.calls().len(), 0);
    remote.place.write("access/access.yaml", &good);
    running.line("applied, 2 of 2 changes made");
    remote.place.write("access/access.yaml", &good.replace("tasks: [DEVELOP]", "tasks: [DEVELOPP]"));
    running.line("the manifests have errors, so earlier ones are in force");
    running.line("access/access.yaml:7:");
    remote.emulator.assign(key("1001", "12"), tasks("VIEW_COST"));
    running.line("applied, 1 of 1 change made");
    assert_eq!(held(&remote, "1001", "12"), "DEVELOP");
    // What only the API contradicts is an error of the manifests too.
    remote.place.write("access/access.yaml", &good.replace("id: 1001", "id: 1001, shared: admin"));
    running.line("access/access.yaml:4:");
    running.line("in-sync; the manifests have errors, so earlier ones are in force");
    remote.place.write("access/access.yaml", &good);
    running.line("in-sync; 4 calls");
    running.stop();
    assert_eq!(held(&remote, "1001", "12"), "DEVELOP");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_goes_on_once_the_token_file_has_a_token_that_works() {
    let remote = estate(Options::default()).await;
    remote.place.remove("token");
    let mut running = reconcile(&remote, "--mode apply");
    running.line("round 1 (start): token-refused (reading token");
    remote.place.write("token", "thisTokenOfThisTestIsDead");
    running.line("token-refused (checking the token");
    remote.place.write("token", "secondTokenOfThisTest");
    running.line("applied, 2 of 2 changes made");
    running.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn manifests_behind_a_link_that_is_swapped_in_place_are_read_as_they_are_then() {
    let remote = estate(Options::default()).await;
    let folder = remote.place.folder.path();
    std::fs::create_dir_all(folder.join("2")).unwrap();
    std::fs::rename(folder.join("access"), folder.join("1")).unwrap();
    remote.place.write("2/access.yaml", &MANIFEST.replace("tasks: [DEVELOP]", "tasks: [VIEW_COST]"));
    std::os::unix::fs::symlink("1", folder.join("access")).unwrap();
    let mut running = reconcile(&remote, "--mode apply");
    running.line("applied, 2 of 2 changes made");
    std::os::unix::fs::symlink("2", folder.join("next")).unwrap();
    std::fs::rename(folder.join("next"), folder.join("access")).unwrap();
    running.line("applied, 2 of 2 changes made");
    running.line("in-sync");
    running.stop();
    assert_eq!(held(&remote, "1001", "12"), "VIEW_COST");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_share_a_lease_and_idle_ones_put_nothing() {
    let remote = estate(Options { latency: Duration::from_millis(100).into(), ..Options::default() }).await;
    let state = format!("--state objects://{}/objects", remote.place.folder.path().display());
    let options = format!("--mode apply --concurrency 1 --read-strategy direct {state}");
    let apply = remote.place.command(&format!("{} {state} --concurrency 1", apply(&remote))).spawn().unwrap();
    until(|| remote.writes() >= 1).await;
    // It holds the lease and does not go on.
    signal("STOP", &apply);
    let mut one = reconcile(&remote, &options);
    let mut other = reconcile(&remote, &options);
    one.line("held (another apply for the business 100 is running: run 2");
    other.line("held (another apply for the business 100 is running: run 2");
    signal("CONT", &apply);
    Ran::from(apply.wait_with_output().unwrap()).ends(0).says("Applied: 2 of 2 changes.");
    one.line("in-sync");
    other.line("in-sync");
    let objects = || {
        let journal = remote.place.folder.path().join("objects/100/journal");
        std::fs::read_dir(journal).unwrap().count()
    };
    let before = objects();
    one.line("in-sync");
    other.line("in-sync");
    assert_eq!(objects(), before);
    one.stop();
    other.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_lets_writes_in_flight_finish_and_says_what_is_left() {
    let remote = estate(Options { latency: Duration::from_millis(300).into(), ..Options::default() }).await;
    remote.place.edit("access/access.yaml", "[MANAGE]", "[MANAGE, VIEW_COST]");
    let options = "--mode apply --grace 60 --concurrency 1 --read-strategy direct";
    let running = reconcile(&remote, options);
    until(|| remote.writes() >= 1).await;
    running.send("TERM");
    let log = running.ends(4);
    assert!(log.contains("Waiting up to 60 s for 1 write"), "{log}");
    assert!(log.contains("interrupted, ") && log.contains("; the last\n"), "{log}");
    assert!(remote.writes() < 4);
    remote.place.run("journal").ends(0).never_says("in flight since");
}

/// Sends a request, and returns the status and the whole answer.
fn ask(address: &str, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let _ = stream.write_all(request.as_bytes());
    // Who sends too much is cut off.
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap_or_default().parse().unwrap_or_default();
    (status, answer)
}

/// Reads a page, and returns the status and the body.
fn get(address: &str, path: &str) -> (u16, String) {
    let (status, answer) = ask(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n"));
    assert!(!answer.contains("TokenOfThisTest"), "{answer}");
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

/// Returns the address on which a reconciler listens.
fn address(running: &mut Running) -> String {
    running.line("Listening on ").trim().rsplit('/').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_metrics_and_the_page_are_served_to_this_machine() {
    let remote = estate(Options::default()).await;
    let mut running = reconcile(&remote, "--mode apply --listen 127.0.0.1:0");
    let address = address(&mut running);
    running.line("applied, 2 of 2 changes made");
    running.line("in-sync");
    assert_eq!(get(&address, "/healthz"), (200, String::from("ok\n")));
    assert_eq!(get(&address, "/readyz").0, 200);
    let (_, status) = get(&address, "/status");
    fits("status", &status);
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!((&status["ready"], &status["business"]), (&json!(true), &json!("100")));
    assert_eq!(status["last_round"]["plan"]["unchanged"], 4);
    let (_, metrics) = get(&address, "/metrics");
    for expected in [
        "wabacl_reconcile_ready 1\n",
        "wabacl_reconcile_rounds_total{end=\"applied\"} 1\n",
        "wabacl_reconcile_changes_total{outcome=\"applied\"} 2\n",
        "wabacl_reconcile_changes_total{outcome=\"failed\"} 0\n",
        "wabacl_drift_changes{business=\"100\",action=\"assign\"} 0\n",
        "wabacl_drift_unchanged_assignments{business=\"100\"} 4\n",
    ] {
        assert!(metrics.contains(expected), "`{expected}` is missing in {metrics}");
    }
    let (code, page) = get(&address, "/");
    assert!(
        code == 200 && page.contains("<!doctype html>") && page.contains("Content-Security-Policy"),
        "{page}"
    );
    running.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_requests_are_harmless() {
    let remote = estate(Options::default()).await;
    let mut running = reconcile(&remote, "--listen 127.0.0.1:0");
    let address = address(&mut running);
    running.line("drift");
    for (request, code) in [
        ("GET /status HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403),
        ("GET /status HTTP/1.1\r\n\r\n", 403),
        ("POST /status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc", 405),
        ("DELETE / HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        ("GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        ("nonsense\r\n\r\n", 400),
    ] {
        let (answered, answer) = ask(&address, request);
        assert_eq!(answered, code, "{request}: {answer}");
        assert!(!answer.contains("\"mode\""), "{answer}");
    }
    let (code, _) =
        ask(&address, &format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(1 << 20)));
    assert!(code == 431 || code == 400 || code == 0, "{code}");
    assert_eq!(get(&address, "/healthz").0, 200);
    running.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_served_with_its_place() {
    let remote = estate(Options::default()).await;
    remote.place.write("access/access.yaml", "version: 1\nbusiness: 100\nnonsense: 1\n");
    let mut running = reconcile(&remote, "--mode apply --listen 127.0.0.1:0");
    let address = address(&mut running);
    running.line("no-manifests");
    running.line("no-manifests");
    assert_eq!(get(&address, "/healthz").0, 200, "the process is well");
    let (code, why) = get(&address, "/readyz");
    assert_eq!((code, &*why), (503, "the manifests have errors, and there are no earlier ones\n"));
    let (_, text) = get(&address, "/status");
    fits("status", &text);
    let status: Value = serde_json::from_str(&text).unwrap();
    let broken = &status["broken_manifests"];
    assert_eq!(broken["earlier_in_force"], false);
    let error = &broken["errors"][0];
    assert_eq!((&error["file"], &error["line"]), (&json!("access/access.yaml"), &json!(3)), "{text}");
    assert_eq!(get(&address, "/").0, 503);
    assert!(get(&address, "/metrics").1.contains("wabacl_reconcile_manifests_broken 1\n"));
    let refused = MANIFEST
        .replace("grants:", "guards: { protected_users: [ops] }\ngrants:")
        .replace("[MANAGE]", "[VIEW_COST]");
    remote.place.write("access/access.yaml", &refused);
    running.line("refused by protected-user");
    running.line("refused, ");
    let (_, text) = get(&address, "/status");
    fits("status", &text);
    let status: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(status["refused"]["digest"], status["last_round"]["plan"]["digest"]);
    let violations = status["refused"]["violations"].as_array().unwrap();
    assert!(violations.iter().any(|found| found["guard"] == "protected-user"), "{text}");
    let metrics = get(&address, "/metrics").1;
    assert!(
        metrics.contains("wabacl_reconcile_refused 1\n") && metrics.contains("refused_plans_total 1\n"),
        "{metrics}"
    );
    running.stop();
}

/// Sends a delivery of Meta about a WABA, and returns the status.
fn deliver(address: &str, waba: &str, secret: &str) -> u16 {
    let change = json!({ "field": "account_update", "value": {
        "event": "PARTNER_ADDED",
        "waba_info": { "waba_id": waba, "owner_business_id": "200" },
    }});
    let entry = json!({ "id": "200", "time": 1, "changes": [change] });
    let body = json!({ "object": "whatsapp_business_account", "entry": [entry] }).to_string();
    let signature = wabacl::webhook::sign(body.as_bytes(), &secret.into());
    let head =
        format!("Host: hooks.example\r\nX-Hub-Signature-256: {signature}\r\nContent-Length: {}", body.len());
    ask(address, &format!("POST /webhook HTTP/1.1\r\n{head}\r\n\r\n{body}")).0
}

/// Starts a reconciler that receives events, and that has no other reason for a round within this test.
fn receiving(remote: &Remote, options: &str) -> (Running, String) {
    let state = format!("--state objects://{}/objects", remote.place.folder.path().display());
    receiving_at(&remote.emulator.url(), remote, &format!("{state} {options}"))
}

/// Starts a reconciler that receives events, for an API at another URL.
fn receiving_at(url: &str, remote: &Remote, options: &str) -> (Running, String) {
    let words = format!(
        "reconcile access --graph-url {url} --token-file token --interval 1h --webhook-listen 127.0.0.1:0 {options}"
    );
    let mut command = remote.place.command(&words);
    command.env("WABACL_APP_SECRET", "appSecretOfThisTest");
    command.env("WABACL_WEBHOOK_VERIFY_TOKEN", "verifyTokenOfThisTest");
    let mut running = Running::start(command);
    let line = running.line("Receiving events on http://");
    let address = line.trim().trim_end_matches("/webhook").rsplit('/').next().unwrap().to_owned();
    (running, address)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newly_shared_waba_has_its_access_within_ten_calls_of_its_event() {
    let remote = estate(Options::default()).await;
    let discover =
        MANIFEST.replace("grants:", "discover: [{ from: client, name: 'Shop *', shared: admin }]\ngrants:");
    remote.place.write("access/access.yaml", &discover);
    let (mut running, address) = receiving(&remote, "--mode apply");
    running.line("applied, 2 of 2 changes made");
    let customer = "businesses: [{ id: 200, name: Customer }]";
    remote.emulator.update(customer).unwrap();
    let shared = |id: &str| {
        let waba =
            format!("{{ id: {id}, name: Shop {id}, owned_by: 200, shared_with: [{{ business: 100 }}] }}");
        remote.emulator.update(&format!("wabas: [{waba}]")).unwrap();
    };
    shared("1003");
    let calls = remote.emulator.calls().len();
    assert_eq!(deliver(&address, "1003", "anotherSecret"), 401);
    assert_eq!(deliver(&address, "1003", "appSecretOfThisTest"), 200);
    assert_eq!(deliver(&address, "1003", "appSecretOfThisTest"), 200, "deliveries repeat");
    running.line("round 2 (event): applied, 2 of 2 changes made");
    assert_eq!(
        (held(&remote, "1003", "11"), held(&remote, "1003", "12")),
        ("MANAGE".into(), "DEVELOP".into())
    );
    let calls = remote.emulator.calls().split_off(calls);
    assert!(calls.len() <= 10, "{calls:?}");
    assert!(!calls.iter().any(|call| call.path.contains("client_whatsapp")), "no list is read: {calls:?}");
    // One that no manifest is about.
    assert_eq!(deliver(&address, "77", "appSecretOfThisTest"), 200);
    running.line("round 3 (event): in-sync");
    // One replica only watches, and hands its events over.
    let (mut watching, watched) = receiving(&remote, "--mode observe --listen 127.0.0.1:0");
    watching.line("round 1 (start): in-sync");
    shared("1004");
    assert_eq!(deliver(&watched, "1004", "appSecretOfThisTest"), 200);
    running.line("round 4 (event): applied, 2 of 2 changes made");
    assert_eq!(
        ask(&watched, "GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n").0,
        404,
        "an address of its own"
    );
    watching.stop();
    running.stop();
    // What is done is not done again after a restart.
    let (mut again, _) = receiving(&remote, "--mode apply");
    again.line("round 1 (start): in-sync");
    again.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_before_the_first_plan_outlives_the_process() {
    for state in ["--state-dir state", "--state objects://FOLDER/objects"] {
        let remote = estate(Options::default()).await;
        let discover = MANIFEST
            .replace("grants:", "discover: [{ from: client, name: 'Shop *', shared: admin }]\ngrants:");
        remote.place.write("access/access.yaml", &discover);
        let state = state.replace("FOLDER", &remote.place.folder.path().display().to_string());
        // Nothing listens there, so no plan is ever made.
        let (early, address) = receiving_at("http://127.0.0.1:9", &remote, &format!("--mode apply {state}"));
        assert_eq!(deliver(&address, "1003", "appSecretOfThisTest"), 200);
        early.send("KILL");
        let stored = remote.place.folder.path().join("objects/100/due/1003.json");
        assert_eq!(stored.exists(), state.contains("objects"));
        remote.emulator.update("businesses: [{ id: 200, name: Customer }]").unwrap();
        let waba = "{ id: 1003, name: Shop 1003, owned_by: 200, shared_with: [{ business: 100 }] }";
        remote.emulator.update(&format!("wabas: [{waba}]")).unwrap();
        let (mut again, _) = receiving_at(&remote.emulator.url(), &remote, &format!("--mode apply {state}"));
        again.line("round 1 (start): applied, 4 of 4 changes made");
        again.stop();
        assert_eq!(held(&remote, "1003", "12"), "DEVELOP");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_applied_is_no_drift_any_more() {
    let remote = estate(Options::default()).await;
    let url = remote.emulator.url();
    let words =
        format!("reconcile access --graph-url {url} --token-file token --mode apply --listen 127.0.0.1:0");
    let mut running = Running::start(remote.place.command(&words));
    let address = address(&mut running);
    running.line("round 1 (start): applied, 2 of 2 changes made");
    // The line is written before the page is rendered.
    until(|| get(&address, "/metrics").1.contains("wabacl_drift_changes")).await;
    let metrics = get(&address, "/metrics").1;
    for left in [
        "wabacl_drift_changes{business=\"100\",action=\"assign\"} 0",
        "unchanged_assignments{business=\"100\"} 4",
    ] {
        assert!(metrics.contains(left), "{metrics}");
    }
    let (_, text) = get(&address, "/status");
    fits("status", &text);
    let status: Value = serde_json::from_str(&text).unwrap();
    let round = &status["last_round"];
    assert_eq!((&round["plan"]["assign"], &round["applied"]["done"]), (&json!(2), &json!(2)));
    assert_eq!(round["applied"]["left"], json!({ "assign": 0, "change": 0, "revoke": 0, "unchanged": 4 }));
    running.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_can_be_json_and_each_line_is_an_object() {
    let remote = estate(Options::default()).await;
    let hostile = MANIFEST
        .replace("grants:", "grants:\n  - { users: [\"a\\n\\u202e\\\"b\"], tasks: [DEVELOP], wabas: [one] }");
    let url = remote.emulator.url();
    let words = format!("reconcile access --graph-url {url} --token-file token --interval 1s --mode apply");
    let mut command = remote.place.command(&format!("{words} --listen 0.0.0.0:0"));
    command.env("WABACL_LOG_FORMAT", "json");
    let mut running = Running::start(command);
    let first: Value = serde_json::from_str(&running.line("round 1 (start)")).unwrap();
    assert_eq!(
        (&first["level"], &first["number"], &first["end"]),
        (&json!("info"), &json!(1), &json!("applied"))
    );
    remote.place.write("access/access.yaml", &hostile);
    running.line("error: access/access.yaml:");
    remote.place.write("token", "");
    running.line("token-refused");
    let log = running.stop();
    for line in log.lines() {
        let object: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        assert!(object["timestamp"].is_string() && object["message"].is_string(), "{line}");
        assert!(!line.contains('\u{202e}'), "{line}");
    }
    assert!(log.contains(r#""level":"warn","message":"everybody who reaches"#), "{log}");
    let failed = format!("{words} --log-format json --listen 192.0.2.1:1");
    let failed = remote.place.run(&failed).ends(1);
    failed
        .says(r#""level":"error","message":"listening on 192.0.2.1:1","#)
        .says(r#""hint":"name an address"#);
    let mut command = remote.place.command(&words);
    command.env("WABACL_LOG_FORMAT", "xml");
    Running::start(command).ends(64);
}

#[test]
fn wrong_usage_is_refused_at_once() {
    let place = Place::new();
    for (options, why) in [
        ("access --interval 0s", "shorter than a second"),
        ("- --emulate live.yaml", "none of them can be standard input"),
        ("access --token-file -", "none of them can be standard input"),
        ("access --graph-url https://evil.example", "would get the token"),
    ] {
        place.run(&format!("reconcile {options}")).ends(64).says(why);
    }
    place.run("reconcile access").ends(1).says("there is no access token");
    let hook = "reconcile access --emulate live.yaml --webhook-listen 127.0.0.1:0";
    place.run(hook).ends(64).says("the webhook needs the app secret");
}
