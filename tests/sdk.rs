//! Other clients of the API with the emulator, all unchanged: Meta's own SDKs, the Python package `facebook-business` and
//! the npm package `facebook-nodejs-business-sdk`; and the Python package `pywa`.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic as the test may")]

pub(crate) mod document;

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::env;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use wabacl::emulator::{Emulator, Fault, FaultKind, Options, World};

/// The folder of the scripts.
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk");

/// Returns the Python interpreter to use.
fn python() -> String {
    env::var("WABACL_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

/// Returns whether a Python package can be imported.
fn has_python(package: &str) -> bool {
    let mut command = Command::new(python());
    command.args(["-c", &format!("import {package}")]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Returns whether the SDK for Node.js is installed.
fn has_node_sdk() -> bool {
    let modules = env::var("WABACL_NODE_MODULES").unwrap_or_default();
    !modules.is_empty() && Path::new(&modules).join("facebook-nodejs-business-sdk").is_dir()
}

/// Returns a world in which WABA 500 has 230 assigned users and WABA 501 has none. User 101 is not assigned.
fn world() -> World {
    let mut text = "businesses:\n  - id: 10\n    name: Us\n    system_users:\n".to_owned();
    writeln!(text, "      - {{ id: 100, name: admin, role: ADMIN }}\n      - {{ id: 101, name: bot }}")
        .unwrap();
    let mut rows = String::new();
    for id in 1000..1230 {
        writeln!(text, "      - {{ id: {id}, name: user {id} }}").unwrap();
        writeln!(rows, "      - {{ user: {id}, tasks: [DEVELOP] }}").unwrap();
    }
    write!(text, "wabas:\n  - {{ id: 501, name: Empty, owned_by: 10 }}\n").unwrap();
    write!(text, "  - id: 500\n    name: Ours\n    owned_by: 10\n    assigned:\n{rows}").unwrap();
    World::from_yaml(&text).unwrap()
}

/// Returns two faults that happen once: a transient error, and an item of a batch without a response.
fn faults() -> Vec<Fault> {
    let transient = FaultKind::GraphError {
        status: 500,
        code: 2,
        subcode: Some(99),
        message: "Service temporarily unavailable".to_owned(),
        is_transient: true,
    };
    let null_item = Fault::new(FaultKind::NullItem).on("GET").at("/501/assigned_users").hits(0..1);
    vec![Fault::new(transient).at("/system_users").hits(0..1), null_item]
}

/// Runs a script that uses an SDK against an emulator, and returns its report.
fn report(mut script: Command, emulator: &Emulator) -> Value {
    let output = script
        .env("WABACL_SDK_URL", emulator.url())
        .env("WABACL_SDK_TOKEN", emulator.issue_token(None).unwrap().expose_secret())
        .env("WABACL_SDK_BUSINESS", "10")
        .env("WABACL_SDK_WABA", "500")
        .env("WABACL_SDK_EMPTY", "501")
        .env("WABACL_SDK_USER", "101")
        .env("WABACL_SDK_OTHER", "1000")
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Runs a script that reads and writes assignments, and checks its report.
async fn check_assignments(script: Command) {
    let options = Options { faults: faults(), ..Options::default() };
    let emulator = Emulator::start(world(), options).await.unwrap();
    let mut seen = report(script, &emulator);
    assert_eq!((&seen["at_first"], &seen["by_default_pages"]), (&230.into(), &230.into()));
    assert_eq!(seen["nested"], json!({ "500": 230, "501": null }));
    assert_eq!(seen["created"], json!(["DEVELOP", "VIEW_COST"]));
    assert_eq!(seen["replaced"], json!(["MANAGE_TEMPLATES"]));
    assert_eq!(seen["deleted"], true);
    let no_business = json!([400, 100, null, false, "(#100) The parameter business is required"]);
    assert_eq!(seen["no_business"], no_business);
    assert_eq!(seen["transient"], json!([500, 2, 99, true, "Service temporarily unavailable"]));
    let unknown_task = seen["unknown_task"].take();
    assert_eq!((&unknown_task[0], &unknown_task[1]), (&400.into(), &100.into()));
    let created = seen["batch"]["read_empty"].take();
    assert!(created == 0 || created == 1, "the read happens before or after the write: {created}");
    let batch = json!({
        "rounds": 2, "failures": [unknown_task],
        "read": 100, "read_empty": null, "created": true, "deleted": true,
    });
    assert_eq!(seen["batch"], batch);
    emulator.shutdown().await;
}

/// A business whose customer is not onboarded yet.
const AGENCY: &str = "
app: { id: 70 }
businesses:
  - id: 10
    name: Us
    system_users: [{ id: 100, name: admin, role: ADMIN }]
    people: [{ id: 110, name: Ana }]
  - { id: 20, name: Them }
wabas: [{ id: 501, name: Ours, owned_by: 10 }]
";

/// The WABA that the customer shares.
const SHARED: &str = "
wabas:
  - id: 500
    name: Shared
    owned_by: 20
    shared_with: [{ business: 10 }]
    account_review_status: PENDING
    country: DE
    currency: EUR
    phone_numbers: [{ id: 600, display_phone_number: '+49 30 1', verified_name: Them }]
";

/// Starts an emulator in which a customer shares a WABA.
async fn agency() -> Emulator {
    let emulator = Emulator::start(World::from_yaml(AGENCY).unwrap(), Options::default()).await.unwrap();
    emulator.update(SHARED).unwrap();
    emulator
}

/// Runs a script that onboards a customer, and checks its report.
async fn check_onboarding(script: Command) {
    let emulator = agency().await;
    let expected = json!({
        "businesses": ["Us"],
        "people": ["Ana"],
        "created": ["new bot", "EMPLOYEE"],
        "about": {
            "account_review_status": "PENDING", "business_verification_status": "verified", "country": "DE",
            "currency": "EUR", "status": "ACTIVE", "timezone_id": "1",
        },
        "phones": ["+49 30 1"],
        "subscribed": ["70"],
        "unsubscribed": [],
        "assigned": ["500"],
        "not_played": [501, 2500],
    });
    assert_eq!(report(script, &emulator), expected);
    emulator.shutdown().await;
}

/// Reports a skipped test. Panics if the SDKs are required.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn skip(what: &str) {
    let required = env::var("WABACL_REQUIRE_SDK").is_ok_and(|value| value == "1");
    assert!(!required, "WABACL_REQUIRE_SDK=1, and {what}");
    eprintln!("SKIPPED: {what}");
}

/// Returns the command that runs a Python script with a package; `None` if the test is skipped.
fn python_script(package: &str, script: &str) -> Option<Command> {
    if !has_python(package) {
        skip(&format!("{} cannot import {package} (see .ci/requirements.txt)", python()));
        return None;
    }
    let mut command = Command::new(python());
    command.arg(Path::new(SCRIPTS).join(script));
    Some(command)
}

/// Returns the command that runs a Node.js script with the SDK; `None` if the test is skipped.
fn node_script(script: &str) -> Option<Command> {
    if !has_node_sdk() {
        skip("WABACL_NODE_MODULES names no folder with facebook-nodejs-business-sdk");
        return None;
    }
    let mut command = Command::new("node");
    command.arg(Path::new(SCRIPTS).join(script));
    Some(command)
}

// The emulator answers on other threads while each test waits for its script.

#[tokio::test(flavor = "multi_thread")]
async fn the_python_sdk_works_unchanged() {
    if let Some(script) = python_script("facebook_business", "assignments.py") {
        check_assignments(script).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_sdk_works_unchanged() {
    if let Some(script) = node_script("assignments.mjs") {
        check_assignments(script).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_sdk_onboards_a_customer() {
    if let Some(script) = python_script("facebook_business", "onboarding.py") {
        check_onboarding(script).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_sdk_onboards_a_customer() {
    if let Some(script) = node_script("onboarding.mjs") {
        check_onboarding(script).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pywa_works_unchanged() {
    let Some(script) = python_script("pywa", "with_pywa.py") else { return };
    let emulator = agency().await;
    let expected = json!({
        "shared": ["Shared"],
        "owned": ["Ours"],
        "about": ["Shared", "EUR", "ACTIVE", "PENDING", "DE"],
        "apps": [],
        "phones": ["+49 30 1"],
        "not_played": 2500,
    });
    assert_eq!(report(script, &emulator), expected);
    emulator.shutdown().await;
}
