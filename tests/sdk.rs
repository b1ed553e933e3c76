//! Meta's own SDK as a judge of the emulator: the Python package `facebook-business`, unchanged.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic as the test may")]

use secrecy::ExposeSecret;
use serde_json::Value;
use std::env;
use std::fmt::Write as _;
use std::process::{Command, Stdio};
use wabacl::emulator::{Emulator, Options, World};

/// Gives the Python to use.
fn python() -> String {
    env::var("WABACL_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

/// Tells whether the SDK can be imported.
fn has_sdk() -> bool {
    let mut command = Command::new(python());
    command.args(["-c", "import facebook_business"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// A WABA with 230 holders, and one user more who holds nothing.
fn world() -> World {
    let mut text = "businesses:\n  - id: 10\n    name: Us\n    system_users:\n".to_owned();
    writeln!(text, "      - {{ id: 100, name: admin, role: ADMIN }}\n      - {{ id: 101, name: bot }}")
        .unwrap();
    let mut rows = String::new();
    for id in 1000..1230 {
        writeln!(text, "      - {{ id: {id}, name: user {id} }}").unwrap();
        writeln!(rows, "      - {{ user: {id}, tasks: [DEVELOP] }}").unwrap();
    }
    write!(text, "wabas:\n  - id: 500\n    name: Ours\n    owned_by: 10\n    assigned:\n{rows}").unwrap();
    World::from_yaml(&text).unwrap()
}

// The emulator answers on other threads while this one waits for Python.
#[tokio::test(flavor = "multi_thread")]
async fn the_sdk_lists_creates_and_deletes_assignments() {
    if !has_sdk() {
        let required = env::var("WABACL_REQUIRE_SDK").is_ok_and(|value| value == "1");
        assert!(!required, "WABACL_REQUIRE_SDK=1, and {} cannot import facebook_business", python());
        eprintln!("SKIPPED: {} cannot import facebook_business (pip install facebook-business)", python());
        return;
    }
    let emulator = Emulator::start(world(), Options::default()).await.unwrap();
    let output = Command::new(python())
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/assignments.py"))
        .env("WABACL_SDK_URL", emulator.url())
        .env("WABACL_SDK_TOKEN", emulator.issue_token(None).unwrap().expose_secret())
        .env("WABACL_SDK_BUSINESS", "10")
        .env("WABACL_SDK_WABA", "500")
        .env("WABACL_SDK_USER", "101")
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&seen["at_first"], &seen["by_default_pages"]), (&230.into(), &230.into()));
    assert_eq!(seen["created"], serde_json::json!(["DEVELOP", "VIEW_COST"]));
    assert_eq!(seen["replaced"], serde_json::json!(["MANAGE_TEMPLATES"]));
    assert_eq!(seen["deleted"], true);
    let no_business = serde_json::json!([400, 100, "(#100) The parameter business is required"]);
    assert_eq!(seen["no_business"], no_business);
    assert_eq!((&seen["unknown_task"][0], &seen["unknown_task"][1]), (&400.into(), &100.into()));
    emulator.shutdown().await;
}
