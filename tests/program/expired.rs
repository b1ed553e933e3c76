//! `--only expired`: takes away what has ended, and nothing else.

use super::Place;
use super::json::fits;

/// Three WABAs; `bot` holds something on each.
const WORLD: &str = world! {"      - { id: 13, name: stranger }
      - { id: 14, name: boss, role: ADMIN }
wabas:
  - id: 1001
    name: One
    owned_by: 100
    assigned:
      - { user: 11, tasks: [MANAGE, MESSAGING] }
      - { user: 12, tasks: [DEVELOP, MANAGE_TEMPLATES, VIEW_COST] }
      - { user: 13, tasks: [VIEW_COST] }
  - { id: 1002, name: Two, owned_by: 100, assigned: [{ user: 11, tasks: [MANAGE, MESSAGING, DEVELOP] }, { user: 12, tasks: [DEVELOP] }] }
  - { id: 1003, name: Three, owned_by: 100, assigned: [{ user: 11, tasks: [MANAGE, MESSAGING] }, { user: 12, tasks: [DEVELOP] }] }
tokens: [{ token: t, user: 10 }]
"};

/// On `one`, the grant of `DEVELOP` has ended, and `VIEW_COST` is also given by one that is in force. `MANAGE_TEMPLATES` is
/// given by none, and `MESSAGING` is missing. On `two`, `ops` holds too much. On `three`, nothing is ever taken away.
const MANIFEST: &str = "version: 1
business: 100
system_users: { ops: { id: 11 }, bot: { id: 12 } }
wabas: { one: { id: 1001 }, two: { id: 1002 }, three: { id: 1003, prune: none } }
grants:
  - { users: [ops], tasks: [MANAGE, MESSAGING], wabas: ['*'] }
  - { users: [bot], tasks: [DEVELOP, VIEW_COST], wabas: [one, three], until: 2026-01-31 }
  - { users: [bot], tasks: [VIEW_COST, MESSAGING], wabas: [one] }
  - { users: [bot], tasks: [DEVELOP], wabas: [two] }
";

fn expired() -> Place {
    Place::of(WORLD, MANIFEST)
}

#[test]
fn it_takes_away_what_only_ended_grants_gave_and_says_what_it_leaves() {
    let place = expired();
    let ran = place.trial("apply --only expired --auto-approve").ends(0);
    ran.says("~ bot on one = One (1001): MANAGE_TEMPLATES VIEW_COST -DEVELOP; ")
        .says("expired: grants[1] at access/access.yaml:7 until 2026-01-31")
        .says("bot on one lacks MESSAGING and holds MANAGE_TEMPLATES beyond the manifests")
        .says("narrowed by --only expired")
        .never_says("two")
        .never_says("matches");
    let state = place.read("live.state.yaml");
    assert!(state.contains("MANAGE_TEMPLATES") && state.contains("user: 13"), "{state}");
    let ran = place.trial("plan --only expired --detailed-exitcode").ends(0);
    ran.says("Nothing that has expired is still held").never_says("matches");
    // The rest is for a reviewed apply.
    place
        .trial("plan --detailed-exitcode")
        .ends(2)
        .says("~ bot on one = One (1001): VIEW_COST +MESSAGING -MANAGE_TEMPLATES; ")
        .says("~ ops on two = Two (1002): MANAGE MESSAGING -DEVELOP; ");
}

#[test]
fn what_an_ended_exception_would_give_back_is_left() {
    let place = expired();
    let exceptions = "exceptions: [{ users: [ops], tasks: [MANAGE], wabas: [two], reason: OPS-1, until: 2026-01-31 }, { users: [bot], tasks: [VIEW_COST, DEVELOP, MANAGE_TEMPLATES], wabas: [one], reason: OPS-2, until: 2026-01-31 }]\n";
    place.write("access/access.yaml", &format!("{MANIFEST}{exceptions}"));
    place.edit("live.yaml", "tasks: [MANAGE, MESSAGING, DEVELOP]", "tasks: [MANAGE]");
    let ran = place.trial("apply --only expired --auto-approve").ends(0);
    ran.says("~ bot on one = One (1001): VIEW_COST -DEVELOP -MANAGE_TEMPLATES; ")
        .says("ops on two lacks MESSAGING")
        .says("bot on one lacks MESSAGING");
}

#[test]
fn released_and_undeclared_users_are_not_touched_nor_judged() {
    let place = expired();
    place.edit("access/access.yaml", "grants:", "prune: all\ngrants:");
    place.trial("apply --only expired --auto-approve").ends(0).never_says("stranger loses");
    assert!(place.read("live.state.yaml").contains("user: 13"));
    place.trial("drift --only expired").ends(0).never_says("No drift").never_says("matches");
    let place = expired();
    place.trial("drift --only expired").ends(2).says("DEVELOP");
    place.trial("drift").ends(2);
}

#[test]
fn only_wabas_with_something_that_has_ended_are_read() {
    let place = expired();
    let calls = |ran: &str| -> u64 {
        let cost = ran.lines().find(|line| line.starts_with("Cost: ")).unwrap();
        cost.split(' ').nth(1).unwrap().parse().unwrap()
    };
    place.trial("apply --only expired --auto-approve").ends(0);
    place.edit("access/access.yaml", ", until: 2026-01-31", "");
    let none = place.trial("plan --only expired --read-strategy direct").ends(0);
    let none = none.says("Nothing that has expired is still held");
    let all = place.trial("plan --read-strategy direct").ends(0);
    assert!(calls(&none.stderr) + 3 <= calls(&all.stderr), "{none} {all}");
}

#[test]
fn guards_hold_and_count_the_whole_scope() {
    let place = expired();
    place.edit("access/access.yaml", "grants:", "guards: { max_removals: 0 }\ngrants:");
    let ran = place.trial("apply --only expired --auto-approve").ends(3);
    ran.says("max-removals: 1 of 6 assignments (estimated: not all WABAs were read) would lose tasks, the limit is 0");
}

#[test]
fn an_admin_never_regains_full_access_by_it() {
    let place = expired();
    place.edit(
        "access/access.yaml",
        "bot: { id: 12 } }",
        "bot: { id: 12 }, boss: { id: 14, by_role: true } }",
    );
    place.edit(
        "access/access.yaml",
        "users: [bot], tasks: [DEVELOP, VIEW_COST]",
        "users: [bot, boss], tasks: [DEVELOP, VIEW_COST]",
    );
    place.edit(
        "live.yaml",
        "      - { user: 13, tasks: [VIEW_COST] }",
        "      - { user: 13, tasks: [VIEW_COST] }\n      - { user: 14, tasks: [DEVELOP] }",
    );
    let ran = place.trial("apply --only expired --auto-approve").ends(0);
    ran.says("boss on one holds DEVELOP beyond the manifests").never_says("boss loses");
    assert!(place.read("live.state.yaml").contains("user: 14"));
}

#[test]
fn json_has_what_is_left_and_what_it_was_narrowed_to() {
    let place = expired();
    let json = fits("plan", &place.trial("plan --only expired --format json").ends(0).stdout);
    assert_eq!((&json["partial"], &json["selection"]["only"]), (&true.into(), &"expired".into()));
    let left = &json["deferred"][0];
    assert_eq!(
        (&left["user"]["name"], &left["before"], &left["after"]),
        (
            &"bot".into(),
            &serde_json::json!(["MANAGE_TEMPLATES", "VIEW_COST"]),
            &serde_json::json!(["MESSAGING", "VIEW_COST"])
        )
    );
    assert_eq!(json["summary"]["deferred"], 1);
}

#[test]
fn a_saved_plan_keeps_what_it_was_narrowed_to() {
    let place = expired();
    place.trial("plan --only expired --out plan.json").ends(0);
    place.run("show plan.json").ends(0).says("narrowed by --only expired").says("bot on one lacks MESSAGING");
    place.run("apply plan.json --emulate live.yaml --manifest access").ends(0);
    let place = expired();
    place.trial("plan --out plan.json").ends(0);
    place.run("apply plan.json --emulate live.yaml --only expired").ends(64).says("--only");
}

#[test]
fn a_user_that_is_not_found_counts_only_if_something_of_it_has_ended() {
    let place = expired();
    place.edit("access/access.yaml", "bot: { id: 12 } }", "bot: { id: 12 }, lost: {} }");
    place.trial("plan --only expired").ends(0);
    place.edit(
        "access/access.yaml",
        "users: [bot], tasks: [DEVELOP, VIEW_COST]",
        "users: [bot, lost], tasks: [DEVELOP, VIEW_COST]",
    );
    place.trial("plan --only expired").ends(4).says("lost");
}
