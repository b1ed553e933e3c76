//! What is wrong before anything is read from the API: usage, manifests, secrets.

use super::remote::Remote;
use super::{Place, Ran};

#[test]
fn wrong_usage_ends_with_64() {
    let place = Place::new();
    for words in [
        "",
        "frobnicate",
        "plan",
        "plan access --frobnicate",
        "plan access --today tomorrow",
        "plan access --waive frobnicate",
        "plan access --concurrency 0",
        "plan access --emulate live.yaml --graph-url http://127.0.0.1:1",
        "plan access --emulate live.yaml --token-file live.yaml",
        "plan access --emulate-fresh",
        "whoami --business x",
        "emulator",
        "schema frobnicate",
        "journal --business x",
        "journal --last 0",
    ] {
        let ran = place.run(words).ends(64);
        assert_eq!(ran.stdout, "", "`{words}` gives no product");
        assert!(ran.stderr.contains("Usage: wabacl") || ran.stderr.contains("For more information"), "{ran}");
    }
}

#[test]
fn json_asks_nobody() {
    let ran = Place::new().run("apply access --emulate live.yaml --format json").ends(64);
    ran.says("--format json cannot ask").says("--auto-approve");
}

#[test]
fn every_verb_explains_itself() {
    let place = Place::new();
    for (verb, phrase) in [
        ("import", "Writes manifests from what is live: their plan is empty"),
        ("validate", "Checks manifests, without the API unless --live is given"),
        ("plan", "Shows what apply would do, and writes nothing"),
        ("apply", "Plans, shows, asks, and makes only the assignments that differ"),
        ("show", "Shows a saved plan, without the API"),
        ("drift", "Exits with 2 on drift (kubectl and diff use 1 for that)"),
        ("journal", "Shows what was applied, by which user, when and why"),
        ("whoami", "Checks the token"),
        ("schema", "Prints a JSON Schema"),
        ("emulator", "Serves the emulated Graph API"),
    ] {
        let ran = place.run(&format!("{verb} --help")).ends(0).says(phrase);
        assert_eq!(ran.stderr, "");
        place.run("--help").ends(0).says(verb).says("130  interrupted before any write");
    }
    place.run("--version").ends(0).says(concat!("wabacl ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn good_manifests_are_valid_with_their_warnings() {
    insta::assert_snapshot!(Place::new().run("validate access --today 2026-03-31").to_string(), @r#"
    exit 0
    --- stdout
    Valid: 5 system users, 5 WABAs, 6 grants.
    --- stderr
    "#);
}

#[test]
fn every_error_of_broken_manifests_is_told_with_its_place() {
    let place = Place::new();
    place.write(
        "access/broken.yaml",
        "version: 1\nwabas:\n  again: { id: 102290129340398 }\ngrants:\n  - users: [deploy-bott]\n    \
         tasks: [MANGE]\n    wabas: [globex]\n    untill: 2027-01-01\n",
    );
    insta::assert_snapshot!(place.run("validate access --today 2026-03-31").to_string(), @r"
    exit 1
    --- stdout
    error[same-thing-twice]: WABA 102290129340398 is declared under two names
     --> access/broken.yaml:3:16
      |
    3 |   again: { id: 102290129340398 }
      |                ^^^^^^^^^^^^^^^
      |
      = help: first declared as `acme-eu` at access/access.yaml:6:18

    error[undeclared]: `deploy-bott` is not declared in `system_users`
     --> access/broken.yaml:5:13
      |
    5 |   - users: [deploy-bott]
      |             ^^^^^^^^^^^
      |
      = help: did you mean `deploy-bot`?

    error[unknown-role]: `MANGE` is neither a task nor a declared role
     --> access/broken.yaml:6:13
      |
    6 |     tasks: [MANGE]
      |             ^^^^^
      |
      = help: did you mean `MANAGE`?

    error[unknown-key]: unknown key `untill`
     --> access/broken.yaml:8:5
      |
    8 |     untill: 2027-01-01
      |     ^^^^^^
      |
      = help: did you mean `until`?

    4 errors, 0 warnings
    --- stderr
    ");
    for verb in ["plan", "drift", "apply --auto-approve"] {
        place.emulated(verb).ends(1).says("access/broken.yaml:6:").says("nothing was planned");
    }
}

#[test]
fn a_missing_folder_is_told() {
    let place = Place::new();
    place.run("validate nowhere").ends(1).says("nowhere");
    place.run("plan nowhere --emulate live.yaml").ends(1).says("nowhere");
    place.run("plan access --emulate nowhere.yaml").ends(1).says("nowhere.yaml");
}

#[test]
fn without_a_token_the_way_to_one_is_told() {
    let place = Place::new();
    let ran = place.run("plan access --today 2026-03-31").ends(1);
    assert_eq!(
        ran.stderr,
        concat!(
            "error: there is no access token\n",
            "  hint: set WABACL_TOKEN, or give --token-file; to try things out without one, give --emulate\n",
        )
    );
    Place::new().set("WABACL_TOKEN", " \n").run("whoami").ends(1).says("WABACL_TOKEN is empty");
    let place = place.set("WABACL_TOKEN", "EAAsecret");
    place.run("whoami --token-file nowhere").ends(1).says("reading nowhere").never_says("EAAsecret");
    place
        .run("whoami --graph-url http://example.com")
        .ends(64)
        .says("plain HTTP is allowed to this machine only")
        .never_says("EAAsecret");
}

#[test]
fn who_the_token_is_for_is_told() {
    let ran = Place::new().run("whoami --emulate live.yaml --business 9876543210987654");
    insta::assert_snapshot!(ran.to_string(), @r#"
    exit 0
    --- stdout
    user:    CI Admin (1972385232742140)
    app:     670000000000001
    scopes:  business_management, whatsapp_business_management
    expires: never
    role:    ADMIN: plan, drift and apply
    sees:    7 system users, 6 WABAs of the business 9876543210987654
    --- stderr
    "#);
}

#[test]
fn standard_input_is_a_manifest_that_is_given_once() {
    let place = Place::new();
    let piped = |words: &str| {
        let mut command = place.command(words);
        command.stdin(std::fs::File::open(place.folder.path().join("access/access.yaml")).unwrap());
        Ran::from(command.output().unwrap())
    };
    piped("validate - access/users.yaml --today 2026-03-31").ends(0).says("Valid: 5 system users");
    piped("validate -").ends(1).says("--> <stdin>:");
    // Every option that reads a file counts.
    for words in [
        "plan - --previous - --emulate live.yaml",
        "plan - --token-file -",
        "drift access --token-file - --app-secret-file -",
        "apply access --previous - --token-file - --auto-approve",
        "whoami --token-file - --app-secret-file -",
    ] {
        piped(words).ends(64).says("standard input (`-`) can be given only once");
    }
    let given = "plan - access/users.yaml --today 2026-11-23 --emulate live.yaml";
    piped(given).ends(0).says("<stdin>");
    piped("validate - access/users.yaml -").ends(64).says("standard input (`-`) can be given only once");
    piped("apply - --emulate live.yaml").ends(64).says("--auto-approve");
    piped("apply p.json --manifest - - --emulate live.yaml").ends(64).says("only once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_may_be_standard_input_and_a_saved_plan_may_not() {
    let remote = Remote::start(Vec::new()).await;
    let (place, url) = (&remote.place, remote.emulator.url());
    let piped = |words: &str, text: &str| {
        place.write("piped", text);
        let mut command = place.command(words);
        command.stdin(std::fs::File::open(place.folder.path().join("piped")).unwrap());
        Ran::from(command.output().unwrap())
    };
    let whoami = format!("whoami --graph-url {url}");
    piped(&format!("{whoami} --token-file -"), "quickstart-not-a-secret\n").ends(0).says("user:    CI Admin");
    let ran = piped(&format!("{whoami} --token-file -"), "EAAsecretOfThisTest\n").ends(1);
    ran.says("the token").never_says("secretOfThis");
    piped(&format!("{whoami} --token-file -"), "\n").ends(1).says("<stdin> is empty");
    piped(&format!("{whoami} --app-secret-file -"), "a b").ends(1).says("<stdin> contains a character");
    piped("show -", "{}").ends(64).says("a saved plan is read from a file, not from standard input");
    let previous = "plan access --today 2026-11-23 --emulate live.yaml --previous -";
    piped(previous, "version: 1\nbusiness: 9876543210987654\nsystem_users: { gone: { id: 5 } }\n").ends(0);
    piped(previous, "versoin: 1\n").ends(4).says("so nobody is released: <stdin>:1");
}

#[test]
fn a_wrong_address_is_wrong_usage_before_manifests_are_read() {
    let place = Place::new().set("WABACL_TOKEN", "EAAsecretOfThisTest");
    for (options, message) in [
        ("--graph-url nonsense", "--graph-url is not a valid URL"),
        ("--graph-url http://graph.facebook.com", "plain HTTP is allowed to this machine only"),
        ("--graph-version 25", "--graph-version must be `v` and two numbers"),
        (
            "--graph-url https://graph.example.com",
            "--graph-url leads to graph.example.com, which would get the token",
        ),
        ("--graph-url https://graph.facebook.com.example.com", "which would get the token"),
        ("--graph-url https://graph.example.com --allow-host example.com", "--allow-host graph.example.com"),
    ] {
        for verb in ["plan nowhere", "apply nowhere", "drift nowhere", "whoami"] {
            place.run(&format!("{verb} {options}")).ends(64).says(message).never_says("cannot read nowhere");
        }
    }
    // An allowed host is no wrong usage; the manifests are read next.
    let other = "plan nowhere --graph-url https://graph.example.com";
    place
        .run(&format!("{other} --allow-host other.org --allow-host GRAPH.example.com"))
        .ends(1)
        .says("nowhere");
    let place = place.set("WABACL_ALLOW_HOST", "other.org, graph.example.com");
    place.run(other).ends(1).says("cannot read nowhere");
}

#[test]
fn an_argument_that_an_error_quotes_begins_no_line() {
    let place = Place::new().set("WABACL_TOKEN", "EAAsecretOfThisTest");
    for argument in
        ["--format=\n::error::x\u{1b}[31m", "--today=\n::error::x", "--\n::error::x", "--waive=\n::error::x"]
    {
        let ran = Ran::from(place.command("plan access").arg(argument).output().unwrap()).ends(64);
        assert!(!ran.stderr.contains("\n::") && !ran.stderr.contains('\u{1b}'), "{ran}");
    }
    place
        .run("plan access --format=EAAsecretOfThisTest")
        .ends(64)
        .says("(redacted token)")
        .never_says("secretOfThis");
}

#[test]
fn a_secret_with_an_invisible_character_is_refused_without_showing_it() {
    for token in ["\u{feff}EAAhidden", "EAA\u{200b}hidden", "EAA hidden", "EAA\nhidden", "EAAh\u{ef}hidden"] {
        let refused = Place::new().set("WABACL_TOKEN", token).run("whoami").ends(1);
        refused.says("WABACL_TOKEN contains a character that no secret of Meta has").never_says("hidden");
    }
    let place = Place::new().set("WABACL_TOKEN", "EAAsecretOfThisTest");
    place.write("app secret", "abc\u{2060}def");
    let mut command = place.command("whoami --app-secret-file");
    Ran::from(command.arg("app secret").output().unwrap()).ends(1).says("app secret contains a character");
}

#[test]
fn a_malformed_proxy_is_an_error_and_nothing_is_sent() {
    for (name, value) in [("HTTPS_PROXY", "http://u:hidden@proxy :1"), ("all_proxy", "socks5://hidden:1")] {
        let place = Place::new().set("WABACL_TOKEN", "EAAsecretOfThisTest").set(name, value);
        let ran = place.run("whoami").ends(1);
        ran.says(&format!("{name} is not the address of a proxy")).never_says("hidden");
    }
}

#[test]
fn a_manifest_that_quotes_the_token_is_shown_without_it() {
    let place = Place::new().set("WABACL_TOKEN", "EAAsecretOfThisTest");
    place.edit("access/access.yaml", "MKT-77", "EAAsecretOfThisTest");
    place.write("access/broken.yaml", "version: 1\nEAAsecretOfThisTest: 1\n");
    for format in ["text", "json", "github", "sarif"] {
        let ran = place.run(&format!("validate access --format {format}")).ends(1);
        ran.says("unknown key `(redacted token)`").never_says("secretOfThis");
    }
    place.remove("access/broken.yaml");
    place.emulated("plan --out plan.json").ends(0).never_says("secretOfThis");
    place.emulated("apply --auto-approve --state-dir state").ends(0).never_says("secretOfThis");
    place.run("show plan.json --format json").ends(0).says("(redacted token)").never_says("secretOfThis");
    let journal = place.read("state/9876543210987654/journal.jsonl");
    assert!(journal.contains("(redacted token)") && !journal.contains("secretOfThis"));
}
