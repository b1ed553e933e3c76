//! What the program prints on a terminal, and what it prints into a pipe.

use super::Place;
use crate::support::terminal::on_terminal;
use std::fmt::Write as _;
use std::process::Stdio;

/// Runs the words of a command line on a terminal of a width.
fn on(place: &Place, columns: u16, words: &str) -> String {
    let mut command = place.command(words);
    command.stderr(Stdio::null());
    on_terminal(command, columns)
}

const PLAN: &str = "plan access --today 2026-11-23 --emulate live.yaml";

/// Writes a manifest and a live state with many WABAs, on each of which one user gains and another one loses a task.
fn many(place: &Place, wabas: u64) {
    let mut live = String::from(
        "app: { id: 1 }\nbusinesses:\n  - { id: 100, name: Biz, system_users: [{ id: 10, name: ci, role: ADMIN, listed: false }, { id: 11, name: ops }, { id: 12, name: old }] }\nwabas:\n",
    );
    let mut manifest = String::from(
        "version: 1\nbusiness: 100\nsystem_users: { ops: { id: 11 }, old: { id: 12 } }\nguards: { max_removals: 1000000, max_removals_percent: 100, min_holders: { MESSAGING: 0 } }\ngrants:\n  - { name: ops, users: [ops], tasks: [VIEW_COST, MESSAGING], wabas: [\"*\"] }\nwabas:\n",
    );
    for waba in 1000..1000 + wabas {
        let assigned = "[{ user: 11, tasks: [VIEW_COST] }, { user: 12, tasks: [MESSAGING] }]";
        writeln!(live, "  - {{ id: {waba}, name: Waba {waba}, owned_by: 100, assigned: {assigned} }}")
            .unwrap();
        writeln!(manifest, "  w{waba}: {{ id: {waba} }}").unwrap();
    }
    place.write("many.live.yaml", &live);
    place.write("many.yaml", &manifest);
}

#[test]
fn a_terminal_gets_folded_and_wrapped_text() {
    let place = Place::new().set("NO_COLOR", "1");
    insta::assert_snapshot!(on(&place, 60, PLAN), @r#"
    - summer-campaign -MANAGE_TEMPLATES -MESSAGING
        on acme-eu = Acme Europe (102290129340398)
        expired: grants[4] "summer campaign" at
          | access/access.yaml:45 until 2026-03-31 (MKT-77)
          (prune: declared)
    ~ deploy-bot      MANAGE_TEMPLATES VIEW_COST VIEW_TEMPLATES
                      -DEVELOP
        on globex = Globex (104996122399160)
        by grants[2] "template releases" at
          | access/access.yaml:33
        not granted to the user declared at access/users.yaml:8
          (prune: declared)
    ~ deploy-bot      VIEW_TEMPLATES +MANAGE_TEMPLATES
                      +VIEW_COST
        on acme-us = Acme Americas (102290129340402)
        by grants[2] "template releases" at
          | access/access.yaml:33
    + campaign-sender +MESSAGING
        on acme-us = Acme Americas (102290129340402)
        by grants[3] "campaigns" at access/access.yaml:38 until
          2099-12-31 (OPS-1234)
    + reporting       = Reporting (prod) (1972385232742158)
                      +VIEW_COST +VIEW_INSIGHTS
        on 3 WABAs: acme-us = Acme Americas (102290129340402),
          | marketing = Northwind Marketing (106540352242930),
          | Initech Shop (109876123400001)
        by grants[5] "reporting everywhere" at
          | access/access.yaml:52

    Not managed: 8 assignments (1 person, 5 holders of other
      businesses, 2 ignored system users).

    Note: this is for 2026-11-23, and not for the time at which
        it was made

    ! summer-campaign loses everything on 1 WABA where its
        grants have expired
    ! deploy-bot loses tasks on 1 WABA

    Plan: 4 to assign, 2 to change, 1 to revoke, 12 unchanged.
    Applying it takes 17 API calls: 7 writes, and 10 reads of 5
      WABAs.
    "#);
    for columns in [40, 60, 100, 200] {
        let text = on(&place, columns, PLAN);
        assert!(text.lines().all(|line| line.chars().count() <= usize::from(columns)), "{columns}:\n{text}");
    }
}

#[test]
fn headings_are_chosen() {
    let place = Place::new().set("NO_COLOR", "1");
    insta::assert_snapshot!(on(&place, 100, &format!("{PLAN} --group-by user")), @r#"
    User summer-campaign (1972385232742163)
      - -MANAGE_TEMPLATES -MESSAGING
          on acme-eu = Acme Europe (102290129340398)
          expired: grants[4] "summer campaign" at access/access.yaml:45 until 2026-03-31 (MKT-77)
            (prune: declared)

    User deploy-bot (1972385232742147)
      ~ MANAGE_TEMPLATES VIEW_COST VIEW_TEMPLATES -DEVELOP
          on globex = Globex (104996122399160)
          by grants[2] "template releases" at access/access.yaml:33
          not granted to the user declared at access/users.yaml:8 (prune: declared)
      ~ VIEW_TEMPLATES +MANAGE_TEMPLATES +VIEW_COST
          on acme-us = Acme Americas (102290129340402)
          by grants[2] "template releases" at access/access.yaml:33

    User campaign-sender (1972385232742151)
      + +MESSAGING
          on acme-us = Acme Americas (102290129340402)
          by grants[3] "campaigns" at access/access.yaml:38 until 2099-12-31 (OPS-1234)

    User reporting = Reporting (prod) (1972385232742158)
      + +VIEW_COST +VIEW_INSIGHTS
          on 3 WABAs: acme-us = Acme Americas (102290129340402), marketing = Northwind Marketing
            (106540352242930), Initech Shop (109876123400001)
          by grants[5] "reporting everywhere" at access/access.yaml:52

    Not managed: 8 assignments (1 person, 5 holders of other businesses, 2 ignored system users).

    Note: this is for 2026-11-23, and not for the time at which it was made

    ! summer-campaign loses everything on 1 WABA where its grants have expired
    ! deploy-bot loses tasks on 1 WABA

    Plan: 4 to assign, 2 to change, 1 to revoke, 12 unchanged.
    Applying it takes 17 API calls: 7 writes, and 10 reads of 5 WABAs.
    "#);
    insta::assert_snapshot!(on(&place, 100, &format!("{PLAN} --group-by grant")), @r#"
    expired: grants[4] "summer campaign" at access/access.yaml:45 until 2026-03-31 (MKT-77) (prune:
      declared)
      - summer-campaign -MANAGE_TEMPLATES -MESSAGING
          on acme-eu = Acme Europe (102290129340398)

    by grants[2] "template releases" at access/access.yaml:33
    not granted to the user declared at access/users.yaml:8 (prune: declared)
      ~ deploy-bot MANAGE_TEMPLATES VIEW_COST VIEW_TEMPLATES -DEVELOP
          on globex = Globex (104996122399160)

    by grants[2] "template releases" at access/access.yaml:33
      ~ deploy-bot VIEW_TEMPLATES +MANAGE_TEMPLATES +VIEW_COST
          on acme-us = Acme Americas (102290129340402)

    by grants[3] "campaigns" at access/access.yaml:38 until 2099-12-31 (OPS-1234)
      + campaign-sender +MESSAGING
          on acme-us = Acme Americas (102290129340402)

    by grants[5] "reporting everywhere" at access/access.yaml:52
      + reporting = Reporting (prod) (1972385232742158) +VIEW_COST +VIEW_INSIGHTS
          on 3 WABAs: acme-us = Acme Americas (102290129340402), marketing = Northwind Marketing
            (106540352242930), Initech Shop (109876123400001)

    Not managed: 8 assignments (1 person, 5 holders of other businesses, 2 ignored system users).

    Note: this is for 2026-11-23, and not for the time at which it was made

    ! summer-campaign loses everything on 1 WABA where its grants have expired
    ! deploy-bot loses tasks on 1 WABA

    Plan: 4 to assign, 2 to change, 1 to revoke, 12 unchanged.
    Applying it takes 17 API calls: 7 writes, and 10 reads of 5 WABAs.
    "#);
    let by_waba = on(&place, 100, &format!("{PLAN} --group-by waba"));
    assert_eq!(by_waba.lines().filter(|line| line.starts_with("WABA ")).count(), 5, "{by_waba}");
    place
        .emulated("plan --group-by grant --format markdown")
        .ends(0)
        .says("<details><summary>by <code>grants[5]</code>");
    place
        .emulated("drift --group-by user")
        .ends(2)
        .says("\nUser reporting = Reporting (prod) (1972385232742158)\n");
    for format in ["json", "html", "diff", "github"] {
        let ran = place.emulated(&format!("plan --group-by waba --format {format}"));
        ran.ends(64).says("--group-by needs the format text or markdown");
    }
    place.emulated("apply --auto-approve --group-by waba --format json").ends(64);
}

#[test]
fn colour_changes_no_word_on_a_terminal() {
    let plain = on(&Place::new().set("NO_COLOR", "1"), 80, PLAN);
    let coloured = on(&Place::new().set("TERM", "xterm"), 80, PLAN);
    assert!(coloured.contains("\u{1b}[31m-\u{1b}[0m"), "{coloured}");
    assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), plain);
}

#[test]
fn a_plan_that_changes_many_wabas_is_one_screen() {
    let place = Place::new().set("NO_COLOR", "1");
    many(&place, 3_000);
    let text = on(&place, 100, "plan many.yaml --emulate many.live.yaml");
    insta::assert_snapshot!(text, @r#"
    Policy that is not the default, or changed:
      ! guards.max_removals is 1000000 (default: 50)
      ! guards.max_removals_percent is 100 (default: 25)
      ! guards.min_holders.MESSAGING is 0 (default: 1)

    - old -MESSAGING
        on 3000 WABAs: w1000 = Waba 1000 (1000), w1001 = Waba 1001 (1001), w1002 = Waba 1002 (1002), and
          2997 more
        not granted to the user declared at many.yaml:3 (prune: declared)
    ~ ops VIEW_COST +MESSAGING
        on 3000 WABAs: w1000 = Waba 1000 (1000), w1001 = Waba 1001 (1001), w1002 = Waba 1002 (1002), and
          2997 more
        by grants[0] "ops" at many.yaml:6

    ! old loses everything on 3000 WABAs where no grant names it

    Plan: 0 to assign, 3000 to change, 3000 to revoke, 0 unchanged.
    Applying it takes 15000 API calls: 6000 writes, and 9000 reads of 3000 WABAs.
    "#);
    assert!(text.lines().count() <= 40, "{text}");
    // All names on demand, and all changes in a pipe.
    let verbose = on(&place, 100, "plan many.yaml --emulate many.live.yaml -v");
    assert!(verbose.contains("w3999 = Waba 3999 (3999)"), "the last WABA is missing");
    let piped = place.run("plan many.yaml --emulate many.live.yaml").ends(0).stdout;
    assert_eq!(piped.lines().filter(|line| line.contains("on w2345 = Waba 2345 (2345): ")).count(), 2);
    assert_eq!(piped.lines().filter(|line| line.starts_with("~ ops on w")).count(), 3_000);
}

#[test]
fn a_report_folds_what_went_alike() {
    let place = Place::new().set("NO_COLOR", "1");
    many(&place, 30);
    let text = on(&place, 100, "apply many.yaml --emulate many.live.yaml --auto-approve");
    let (_, report) = text.split_once(" reads of 30 WABAs.\n").unwrap();
    insta::assert_snapshot!(report, @r"
    ~ ops VIEW_COST +MESSAGING
        on 30 WABAs: w1000 = Waba 1000 (1000), w1001 = Waba 1001 (1001), w1002 = Waba 1002 (1002), and
          27 more
        applied
    - old -MESSAGING
        on 30 WABAs: w1000 = Waba 1000 (1000), w1001 = Waba 1001 (1001), w1002 = Waba 1002 (1002), and
          27 more
        applied

    Applied: 60 of 60 changes.
    ");
}
