//! The quickstart: from the first plan to no changes, and what guards, globs and surroundings do to it.

use super::Place;

#[test]
fn a_plan_shows_every_kind_of_change_with_its_reason() {
    insta::assert_snapshot!(Place::new().emulated("plan --read-strategy nested").to_string(), @r#"
    exit 0
    --- stdout
    - summer-campaign on acme-eu = Acme Europe (102290129340398): -MANAGE_TEMPLATES -MESSAGING; expired: grants[4] "summer campaign" at access/access.yaml:45 until 2026-03-31 (MKT-77) (prune: declared)
    ~ deploy-bot on globex = Globex (104996122399160): MANAGE_TEMPLATES VIEW_COST VIEW_TEMPLATES -DEVELOP; by grants[2] "template releases" at access/access.yaml:33; not granted to the user declared at access/users.yaml:8 (prune: declared)
    ~ deploy-bot on acme-us = Acme Americas (102290129340402): VIEW_TEMPLATES +MANAGE_TEMPLATES +VIEW_COST; by grants[2] "template releases" at access/access.yaml:33
    + campaign-sender on acme-us = Acme Americas (102290129340402): +MESSAGING; by grants[3] "campaigns" at access/access.yaml:38 until 2099-12-31 (OPS-1234)
    + reporting = Reporting (prod) (1972385232742158) on acme-us = Acme Americas (102290129340402): +VIEW_COST +VIEW_INSIGHTS; by grants[5] "reporting everywhere" at access/access.yaml:52
    + reporting = Reporting (prod) (1972385232742158) on marketing = Northwind Marketing (106540352242930): +VIEW_COST +VIEW_INSIGHTS; by grants[5] "reporting everywhere" at access/access.yaml:52
    + reporting = Reporting (prod) (1972385232742158) on Initech Shop (109876123400001): +VIEW_COST +VIEW_INSIGHTS; by grants[5] "reporting everywhere" at access/access.yaml:52

    Not managed: 8 assignments (1 person, 5 holders of other businesses, 2 ignored system users).

    Note: this is for 2026-11-23, and not for the time at which it was made

    ! summer-campaign loses everything on 1 WABA where its grants have expired
    ! deploy-bot loses tasks on 1 WABA

    Plan: 4 to assign, 2 to change, 1 to revoke, 12 unchanged.
    Applying it takes 17 API calls: 7 writes, and 10 reads of 5 WABAs.
    --- stderr
    warning[expired-grant]: this grant ended on 2026-03-31 and grants no access on 2026-11-23
      --> access/access.yaml:49:12
       |
    49 |     until: 2026-03-31                # has passed: the access is removed
       |            ^^^^^^^^^^
       |
       = help: delete the grant, or set a later `until`

    0 errors, 1 warning
    Cost: 6 API calls in 6 requests, 0 retries, waited 0 s, at most 0 % of a limit used.
    "#);
}

#[test]
fn from_the_first_plan_to_no_changes() {
    let place = Place::new();
    let live = place.read("live.yaml");
    place.emulated("plan").ends(0).says("Plan: 4 to assign, 2 to change, 1 to revoke, 12 unchanged.");
    place.emulated("plan --detailed-exitcode").ends(2);
    place.emulated("drift").ends(2);
    assert!(!place.folder.path().join("live.state.yaml").exists(), "looking writes nothing");
    place.emulated("apply --auto-approve").ends(0).says("Applied: 7 of 7 changes.");
    place.emulated("drift").ends(0).says("No drift. Live access matches the manifests.");
    place.emulated("plan --detailed-exitcode").ends(0).says("No changes.");
    // Nothing to do, nothing asked: there is no terminal here.
    place.emulated("apply").ends(0).says("No changes.");
    assert_eq!(place.read("live.yaml"), live, "the file that --emulate names is never written");
    place.emulated("drift --emulate-fresh").ends(2);
}

#[test]
fn an_apply_without_a_terminal_needs_to_be_approved_beforehand() {
    let place = Place::new();
    place.emulated("apply").ends(64).says("give --auto-approve to apply without being asked");
    assert!(!place.folder.path().join("live.state.yaml").exists(), "nothing is written");
}

#[test]
fn a_guard_refuses_until_it_is_waived_by_name() {
    let place = Place::new();
    let guards = "\nguards: { max_removals: 1, protected_users: [deploy-bot] }\n";
    place.write("access/guards.yaml", &format!("version: 1{guards}"));
    let refused = place.emulated("apply --auto-approve").ends(3);
    refused
        .says("2 of 15 assignments would lose tasks, the limit is 1")
        .says("`deploy-bot` is protected and would lose DEVELOP on `globex`");
    place.emulated("plan").ends(3);
    place.emulated("plan --waive max-removals").ends(3).says("protected-user");
    place.emulated("plan --waive max-removals --waive protected-user=globex").ends(0);
    place.emulated("plan --waive max-removals --waive protected-user=acme-eu").ends(3);
    place.emulated("drift").ends(2).never_says("is protected");
    assert!(!place.folder.path().join("live.state.yaml").exists(), "nothing is written");
    place.emulated("apply --auto-approve --waive max-removals --waive protected-user").ends(0);
}

#[test]
fn a_glob_narrows_the_run_and_the_output_says_so() {
    let place = Place::new();
    place.emulated("plan --waba acme-*").ends(0).says("Partial: narrowed by --waba").never_says("on globex");
    place.emulated("apply --waba acme-* --auto-approve").ends(0).says("Applied: 4 of 4 changes.");
    place.emulated("drift --waba acme-*").ends(0).says("Partial: narrowed by --waba");
    place.emulated("drift").ends(2).says("Drift: 2 missing, 1 different, 0 too many, 15 as declared.");
    place.emulated("plan --waba nothing-*").ends(1).says("no WABA in scope matches `nothing-*`");
}

#[test]
fn an_emulated_run_uses_nothing_of_the_environment() {
    let place = Place::new()
        .set("WABACL_TOKEN", "EAAsecret")
        .set("WABACL_APP_SECRET", "hush-hush")
        .set("https_proxy", "http://127.0.0.1:9")
        .set("http_proxy", "http://127.0.0.1:9")
        .set("HTTP_PROXY", "http://127.0.0.1:9")
        .set("all_proxy", "http://127.0.0.1:9")
        .set("ALL_PROXY", "http://127.0.0.1:9");
    // The emulator knows no such token, and has no app secret: a run that used either would fail.
    for words in ["plan -vv", "apply -vv --auto-approve", "drift -vv --format json"] {
        place.emulated(words).ends(0).never_says("EAAsecret").never_says("hush-hush").never_says("EMULATED");
    }
    assert!(!place.read("live.state.yaml").contains("EAAsecret"));
}

#[test]
fn what_goes_into_a_pipe_holds_no_colour() {
    let place = Place::new();
    for words in ["plan", "plan -vv", "apply --auto-approve", "drift"] {
        place.emulated(words).never_says("\u{1b}");
    }
    place.run("validate access").never_says("\u{1b}");
    place.run("plan --help").never_says("\u{1b}");
    place.emulated("plan --emulate-fresh --color always").says("\u{1b}[");
    let json = place.emulated("plan --emulate-fresh --color always --format json").ends(0);
    assert!(!json.stdout.contains('\u{1b}'), "{json}");
}

#[test]
fn words_of_one_colour_are_found_as_they_are_read() {
    let plan = Place::new().emulated("plan --color always");
    plan.says("\u{1b}[1mPlan: 4 to assign, 2 to change, 1 to revoke, 12 unchanged.\u{1b}[0m\n");
}

#[test]
fn the_environment_says_whether_there_is_colour() {
    Place::new().set("CLICOLOR_FORCE", "1").emulated("plan").says("\u{1b}[");
    Place::new().set("CLICOLOR_FORCE", "1").emulated("plan --color never").never_says("\u{1b}");
    Place::new().set("NO_COLOR", "1").emulated("plan --color always").says("\u{1b}[");
    Place::new().set("NO_COLOR", "1").emulated("plan").never_says("\u{1b}");
}
