//! Meta's own SDKs as clients of the emulator: the Python package `facebook-business` and the npm package
//! `facebook-nodejs-business-sdk`, both unchanged.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic as the test may")]

pub(crate) mod document;

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::env;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use wabacl::emulator::{Emulator, Fault, FaultKind, Options, World};

/// Returns the Python interpreter to use.
fn python() -> String {
    env::var("WABACL_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

/// Returns whether the Python SDK can be imported.
fn has_python_sdk() -> bool {
    let mut command = Command::new(python());
    command.args(["-c", "import facebook_business"]).stdout(Stdio::null()).stderr(Stdio::null());
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

/// Runs a script that uses an SDK against a new emulator, and checks its report.
async fn check(mut script: Command) {
    let options = Options { faults: faults(), ..Options::default() };
    let emulator = Emulator::start(world(), options).await.unwrap();
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
    let mut seen: Value = serde_json::from_slice(&output.stdout).unwrap();
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

/// Reports a skipped test. Panics if the SDKs are required.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn skip(what: &str) {
    let required = env::var("WABACL_REQUIRE_SDK").is_ok_and(|value| value == "1");
    assert!(!required, "WABACL_REQUIRE_SDK=1, and {what}");
    eprintln!("SKIPPED: {what}");
}

// The emulator answers on other threads while this one waits for a script.
#[tokio::test(flavor = "multi_thread")]
async fn the_python_sdk_works_unchanged() {
    if !has_python_sdk() {
        let python = python();
        return skip(&format!("{python} cannot import facebook_business (pip install facebook-business)"));
    }
    let mut script = Command::new(python());
    script.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/assignments.py"));
    check(script).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_sdk_works_unchanged() {
    if !has_node_sdk() {
        return skip("WABACL_NODE_MODULES names no folder with facebook-nodejs-business-sdk");
    }
    let mut script = Command::new("node");
    script.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/assignments.mjs"));
    check(script).await;
}
