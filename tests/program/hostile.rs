//! Names that others chose: they steer neither a terminal nor the log of a pipeline.

use super::remote::Remote;
use super::{Place, Ran};
use wabacl::emulator::{Fault, FaultKind, Options};

const NAMES: [&str; 6] = [
    "::error::x",
    "<script>x",
    "| a |",
    "\u{1b}[31mred\u{202e}",
    "two\n::error::lines",
    "##[error]x ##vso[task.complete result=Failed]",
];

/// Makes sure that no line begins with a foreign name, blanks aside (a runner leaves them out too), and that
/// nothing that steers a terminal or a pipeline is printed.
fn is_harmless(ran: &Ran) {
    for line in ran.stdout.lines().chain(ran.stderr.lines()) {
        let begin = line.trim_start();
        for name in ["::error", "<script>", "| a |", "red"] {
            assert!(!begin.starts_with(name), "a line begins with `{name}`: {line:?}\n{ran}");
        }
    }
    for steering in ["\u{1b}", "\u{202e}", "##"] {
        assert!(!ran.stdout.contains(steering) && !ran.stderr.contains(steering), "{ran}");
    }
}

/// Writes a name as YAML.
fn quoted(name: &str) -> String {
    serde_json::to_string(name).unwrap()
}

fn with_name(name: &str) -> Place {
    let place = Place::new();
    for known in ["Initech Shop", "Tom Becker", "acme-crm", "legacy-import", "summer-campaign", "CI Admin"] {
        let (from, to) = (format!("name: {known}"), format!("name: {}", quoted(&format!("{name} {known}"))));
        place.edit("live.yaml", &from, &to);
    }
    place.edit("access/access.yaml", "name: \"Initech *\"", "name: \"*Initech *\"");
    place.edit("access/access.yaml", "reason: MKT-77", &format!("reason: {}", quoted(name)));
    place.edit("access/access.yaml", "name: summer campaign", &format!("name: {}", quoted(name)));
    place
}

#[test]
fn foreign_names_begin_no_line_and_steer_nothing() {
    for name in NAMES {
        let place = with_name(name);
        is_harmless(&place.emulated("plan -v").ends(0));
        is_harmless(&place.emulated("drift --format json").ends(2));
        is_harmless(&place.run("whoami --emulate live.yaml --business 9876543210987654").ends(0));
        is_harmless(&place.emulated("apply --auto-approve -vv").ends(0));
        is_harmless(&place.emulated("plan -v").ends(0));
    }
}

#[test]
fn names_of_many_words_begin_no_line_where_they_wrap() {
    // A line that goes on begins with a bar of our own, so a name with bars would not be told from it.
    for name in ["::error::x", "<script>x", "red"] {
        for pad in ["", "ab"] {
            let place = with_name(&format!("{pad} {}", format!("{name} ").repeat(30)));
            is_harmless(&place.emulated("plan -v").ends(0));
            is_harmless(&place.emulated("apply --auto-approve").ends(0));
        }
    }
}

#[test]
fn foreign_names_in_errors_begin_no_line_either() {
    for name in NAMES {
        let place = Place::new();
        // Two system users of one name: which one is meant cannot be told.
        place.edit("live.yaml", "name: deploy-bot", &format!("name: {}", quoted(name)));
        place.edit("live.yaml", "name: legacy-import", &format!("name: {}", quoted(name)));
        place.edit(
            "access/users.yaml",
            "reporting: { name: Reporting (prod) }",
            &format!("reporting: {{ name: {} }}", quoted(name)),
        );
        is_harmless(&place.emulated("plan").ends(4));
        place.write("access/more.yaml", &format!("version: 1\nroles: {{ {}: [NOTHING] }}\n", quoted(name)));
        is_harmless(&place.run("validate access").ends(1));
    }
}

/// The API can echo the token in any name, message or header, and in any encoding.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_echo_of_the_token_appears_nowhere() {
    const TOKEN: &str = "EAAecho|of_the&\"token\"/0123456789<abcdef>";
    let percent = TOKEN.bytes().fold(String::new(), |text, byte| text + &format!("%{byte:02x}"));
    let html = TOKEN.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;");
    let (escaped, cut) = (TOKEN.escape_unicode().to_string(), &TOKEN[..20]);
    for echo in [TOKEN, &percent, &percent.to_uppercase(), &html, &escaped, cut] {
        let place = Place::new();
        place.edit("live.yaml", "quickstart-not-a-secret", &quoted(TOKEN));
        place.edit(
            "live.yaml",
            "name: legacy-import",
            &format!("name: {}", quoted(&format!("legacy {echo}"))),
        );
        let says = FaultKind::GraphError {
            status: 403,
            code: 200,
            subcode: None,
            message: format!("{}{echo}", "x".repeat(480)),
            is_transient: false,
        };
        let options =
            Options { faults: vec![Fault::new(says).on("POST").at("/assigned_users")], ..Options::default() };
        let remote = Remote::of(place, TOKEN, options).await;
        let is_clean = |text: &str| {
            assert!(!text.contains("of_the") && !text.contains(&echo[5..17]), "{echo} in {text}");
        };
        for words in [
            "plan -vv --out plan.json",
            "plan --format json",
            "plan --format html",
            "plan --format markdown",
            "drift -v --out drift.html --format html",
            "apply --auto-approve -vv --state-dir state",
            "apply --auto-approve --format json --state-dir state",
        ] {
            is_clean(&remote.run(words).to_string());
        }
        for file in ["plan.json", "drift.html", "state/9876543210987654/journal.jsonl"] {
            is_clean(&remote.place.read(file));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_api_says_begins_no_line_either() {
    let says = FaultKind::GraphError {
        status: 403,
        code: 200,
        subcode: None,
        message: "::error::x ##[error]x\n::error::y\r::error::z\u{1b}[31m\u{202e} ".repeat(10),
        is_transient: false,
    };
    for (method, path, code) in [
        ("GET", "/system_users", 1),
        ("GET", "/104996122399160/assigned_users", 4),
        ("GET", "/104996122399160/solutions", 0),
        ("POST", "/assigned_users", 4),
        ("DELETE", "/assigned_users", 4),
        ("GET", "/debug_token", 0),
    ] {
        for options in ["", "-vv", "--format json"] {
            let remote = Remote::start(vec![Fault::new(says.clone()).on(method).at(path)]).await;
            let ran = remote.run(&format!("apply --auto-approve {options}")).ends(code);
            is_harmless(&ran);
        }
    }
}
