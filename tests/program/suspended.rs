//! Suspended users: an emergency stop for one user.

use super::Place;
use super::json::fits;

const WORLD: &str = world! {"wabas:
  - { id: 1001, name: One, owned_by: 100, assigned: [{ user: 11, tasks: [MANAGE, MESSAGING] }, { user: 12, tasks: [MESSAGING, DEVELOP] }] }
  - { id: 1002, name: Two, owned_by: 100, assigned: [{ user: 11, tasks: [MANAGE, MESSAGING] }, { user: 12, tasks: [MESSAGING] }] }
  - { id: 1003, name: Three, owned_by: 100, assigned: [{ user: 12, tasks: [MESSAGING, VIEW_COST] }] }
tokens: [{ token: t, user: 10 }]
"};

const MANIFEST: &str = "version: 1
business: 100
system_users: { ops: { id: 11 }, bot: { id: 12 } }
wabas: { one: { id: 1001 }, two: { id: 1002, prune: none } }
grants:
  - { users: [ops], tasks: [MANAGE, MESSAGING], wabas: ['*'] }
  - { users: [bot], tasks: [MESSAGING], wabas: ['*'] }
guards: { max_removals: 0 }
";

fn suspended() -> Place {
    let place = Place::of(WORLD, MANIFEST);
    place.edit("access/access.yaml", "{ id: 12 }", "{ id: 12, suspended: \"SEC-991: token leaked\" }");
    place
}

#[test]
fn a_suspended_user_loses_everything_in_scope_also_under_prune_none() {
    let place = suspended();
    let ran = place.trial("apply --auto-approve").ends(4);
    ran.says("- bot on one = One (1001): -DEVELOP -MESSAGING; ")
        .says("suspended at access/access.yaml:3 (SEC-991: token leaked)")
        .says("! bot loses everything on 2 WABAs because it is suspended")
        .says("Suspended, and holds access out of scope:")
        .says("bot (12): MESSAGING VIEW_COST on Three (1003)")
        .says("nothing is removed there");
    let live = place.read("live.state.yaml");
    assert_eq!(live.matches("user: 12").count(), 1, "only what is out of scope is left: {live}");
    let ran = place.trial("plan --detailed-exitcode").ends(4);
    ran.says("No changes; 1 suspended user holds access out of scope.").never_says("matches");
    // As soon as the WABA is in scope, it goes there as well.
    place.edit("access/access.yaml", "two:", "three: { id: 1003 }, two:");
    place.trial("apply --auto-approve --waive min-holders").ends(0);
    place.trial("plan").ends(0).says("matches the manifests");
    assert!(!place.read("live.state.yaml").contains("user: 12"));
}

#[test]
fn json_names_the_reason_and_what_is_held_out_of_scope() {
    let place = suspended();
    let json = fits("plan", &place.trial("plan --format json").ends(4).stdout);
    let line = &json["changes"][0]["gone"]["lines"][0];
    assert_eq!(
        (&line["why"], &line["reason"], &line["line"]),
        (&"suspended".into(), &"SEC-991: token leaked".into(), &3.into())
    );
    let outside = &json["out_of_scope"][0];
    assert_eq!((&outside["user"]["id"], &outside["held"][0]["waba"]["id"]), (&"12".into(), &"1003".into()));
    assert_eq!(outside["held"][0]["tasks"], serde_json::json!(["MESSAGING", "VIEW_COST"]));
    let narrowed = fits("plan", &place.trial("plan --format json --waba one").ends(0).stdout);
    assert_eq!(
        narrowed["out_of_scope"],
        serde_json::json!([]),
        "a narrowed run says nothing about other WABAs"
    );
    let stopped = fits("plan", &place.trial("plan --format json --user bot").ends(4).stdout);
    assert_eq!(stopped["out_of_scope"], json["out_of_scope"], "one that is narrowed to the user does");
}

#[test]
fn a_suspension_is_one_reason_whatever_the_prune_rules_are() {
    let markdown = suspended().trial("plan --format markdown").ends(4).stdout;
    let rows = |start: &str| markdown.lines().filter(|line| line.starts_with(start)).count();
    assert_eq!((rows("| suspended at"), rows("<details><summary>suspended at")), (1, 1), "{markdown}");
    assert!(markdown.contains("| 2 WABAs: `one`"), "{markdown}");
}

#[test]
fn suspensions_do_not_use_up_what_max_removals_allows() {
    let place = suspended();
    place.trial("apply --auto-approve").ends(4).never_says("Refused");
    // The limit is one, and the two suspensions of the last 24 hours do not count.
    place.edit(
        "access/access.yaml",
        "max_removals: 0",
        "max_removals: 1, min_holders: { MANAGE: 0, MESSAGING: 0 }",
    );
    place.edit(
        "access/access.yaml",
        "tasks: [MANAGE, MESSAGING], wabas: ['*']",
        "tasks: [MANAGE], wabas: ['*']",
    );
    place
        .trial("apply --auto-approve")
        .ends(4)
        .says("~ ops on one = One (1001): MANAGE -MESSAGING; ")
        .never_says("Refused");
}

#[test]
fn the_other_guards_hold_for_suspensions() {
    let place = suspended();
    place.edit("access/access.yaml", "max_removals: 0", "max_removals: 0, protected_users: [bot]");
    place.trial("plan").ends(3).says("protected-user");
    let place = suspended();
    place.edit(
        "access/access.yaml",
        "users: [ops], tasks: [MANAGE, MESSAGING]",
        "users: [ops], tasks: [VIEW_COST]",
    );
    place.edit("live.yaml", "{ user: 11, tasks: [MANAGE, MESSAGING] }", "{ user: 11, tasks: [VIEW_COST] }");
    place
        .trial("plan --waive max-removals")
        .ends(3)
        .says("min-holders: `one` (1001) would go from 1 to 0 holders of MESSAGING");
    let place = suspended();
    let users = "system_users: { bot: { id: 12, suspended: leaked } }";
    place.edit(
        "access/access.yaml",
        "system_users: { ops: { id: 11 }, bot: { id: 12, suspended: \"SEC-991: token leaked\" } }",
        users,
    );
    place.edit("access/access.yaml", "  - { users: [ops], tasks: [MANAGE, MESSAGING], wabas: ['*'] }\n", "");
    place.trial("plan").ends(3).says("each of the 2 live assignments in scope would end");
}

#[test]
fn that_a_suspension_ends_is_shown_as_policy() {
    let place = suspended();
    std::fs::create_dir(place.folder.path().join("base")).unwrap();
    place.write("base/access.yaml", &place.read("access/access.yaml"));
    place.write("access/access.yaml", MANIFEST);
    let ran = place.trial("plan --previous base").ends(3);
    ran.says("! system_users.bot.suspended changes from SEC-991: token leaked to not set");
}

#[test]
fn an_admin_by_its_role_cannot_be_suspended() {
    let place = Place::of(WORLD, MANIFEST);
    place.edit("access/access.yaml", "{ id: 12 }", "{ id: 12, by_role: true, suspended: leaked }");
    place
        .run("validate access")
        .ends(1)
        .says("suspended-by-role")
        .says("change its role in Business Settings");
    let place = Place::of(WORLD, MANIFEST);
    place.edit("access/access.yaml", "{ id: 12 }", "{ id: 12, suspended: }");
    place.run("validate access").ends(1).says("missing-value");
}
