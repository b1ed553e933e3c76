//! What is wrong before anything is read from the API: usage, manifests, secrets.

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
        ("validate", "Checks manifests without the API"),
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
        .ends(1)
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
    let given = "plan - access/users.yaml --today 2026-11-23 --emulate live.yaml";
    piped(given).ends(0).says("<stdin>");
    piped("validate - access/users.yaml -").ends(64).says("standard input (`-`) can be given only once");
    piped("apply - --emulate live.yaml").ends(64).says("--auto-approve");
    piped("apply p.json --manifest - - --emulate live.yaml").ends(64).says("only once");
}
