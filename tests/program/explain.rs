//! `explain`: one assignment with its lines, its history, what the plan does, and what would end it.

use super::json::fits;
use super::{Place, Ran};

/// Asks on the quickstart, for the day for which it was written.
fn ask(place: &Place, user: &str, waba: &str, options: &str) -> Ran {
    let mut command = place.command("explain");
    command.args([user, waba, "access", "--today", "2026-11-23", "--emulate", "live.yaml"]);
    command.args(options.split_whitespace());
    Ran::from(command.output().unwrap())
}

#[test]
fn each_task_is_explained_and_what_the_plan_does_with_it() {
    let place = Place::new();
    let text = ask(&place, "deploy-bot", "globex", "").ends(0);
    assert_eq!(
        text.stdout,
        "\
User deploy-bot (1972385232742147) on globex = Globex (104996122399160)
  declared system user at access/users.yaml:8

DEVELOP
    live, and the manifests do not ask for it
    since when: the journal has no write of this assignment
    ends with the next apply

MANAGE_TEMPLATES VIEW_COST VIEW_TEMPLATES
    live, and the manifests ask for it
    by grants[2] \"template releases\" at access/access.yaml:33
    since when: the journal has no write of this assignment
    ends without grants[2]

Plan: ~ MANAGE_TEMPLATES VIEW_COST VIEW_TEMPLATES -DEVELOP
    by grants[2] \"template releases\" at access/access.yaml:33
    not granted to the user declared at access/users.yaml:8 (prune: declared)

Grants and exceptions about it:
  . in force: grants[2] \"template releases\" at access/access.yaml:33
      gives MANAGE_TEMPLATES VIEW_COST VIEW_TEMPLATES to 1 user on 3 WABAs
      without it, 3 assignments lose tasks

Live: 4 tasks. Desired: 3 tasks. With prune: declared, the next apply changes it.
"
    );
}

#[test]
fn the_journal_says_since_when_and_by_which_run() {
    let place = Place::new();
    let origin =
        "--origin commit=0a1b2c3d --origin actor=ann --origin pull_request=https://example.com/pull/12";
    place.emulated(&format!("apply --auto-approve {origin}")).ends(0);
    let json = ask(&place, "1972385232742151", "102290129340402", "--format json").ends(0);
    let document = fits("explain", &json.stdout);
    let task = &document["tasks"][0];
    assert_eq!(
        (&task["task"], &task["live"], &task["desired"]),
        (&"MESSAGING".into(), &true.into(), &true.into())
    );
    let since = &task["since"];
    assert_eq!(since["what"], "written");
    let expected = serde_json::json!({ "commit": "0a1b2c3d", "actor": "ann", "pull_request": "https://example.com/pull/12" });
    assert_eq!(since["write"]["origin"], expected);
    assert_eq!(
        (&since["because"][0]["reason"], &since["because"][0]["line"]),
        (&"OPS-1234".into(), &38.into())
    );
    assert_eq!((&task["ends"]["how"], &task["ends"]["until"]), (&"grants".into(), &"2099-12-31".into()));
    assert_eq!((&document["outlook"], &document["standing"]), (&"as-desired".into(), &"declared".into()));
    // Somebody takes it away outside, and gives another user something.
    let held = "{ user: 1972385232742151, tasks: [MESSAGING] }";
    place.edit("live.state.yaml", held, &held.replace("MESSAGING", "DEVELOP"));
    ask(&place, "campaign-sender", "acme-us", "")
        .ends(0)
        .says("not live, and the manifests ask for it\n    by grants[3]")
        .says("lost outside after the last write, 20")
        .says("gained outside after the last write, 20")
        .says("origin: actor ann, commit 0a1b2c3d, pull request https://example.com/pull/12")
        .says("Plan: ~ +MESSAGING -DEVELOP");
}

#[test]
fn those_whom_manifests_do_not_manage_are_explained_too() {
    let place = Place::new();
    ask(&place, "CI Admin", "Acme Americas", "")
        .ends(0)
        .says("undeclared system user\n  holds everything by its role ADMIN")
        .says("Live: everything, by its role. Desired: 0 tasks.");
    ask(&place, "Tom Becker", "support", "")
        .ends(0)
        .says("person of this business")
        .says("ends in Business Settings");
    ask(&place, "Ana Ruiz", "acme-eu", "")
        .ends(0)
        .says("holder of another business")
        .says("MANAGE includes MESSAGING");
    ask(&place, "legacy-import", "globex", "")
        .ends(0)
        .says("ignored system user")
        .says("ends if the user is declared");
    ask(&place, "reporting", "Initech Shop", "").ends(0).says("not live, and the manifests ask for it");
}

#[test]
fn exceptions_and_suspensions_are_shown_with_what_they_take() {
    let place = Place::new();
    place.write(
        "access/more.yaml",
        "version: 1\nexceptions:\n  - { users: [Ops Lead], tasks: [DEVELOP], wabas: [acme-eu], reason: OPS-77 }\n",
    );
    ask(&place, "Ops Lead", "acme-eu", "")
        .ends(0)
        .says("by exceptions[0] at access/more.yaml:3 (OPS-77)")
        .says("an exception stands in its place: grants[0] \"ops on gold\"")
        .says("without it, 1 assignment loses tasks, and 1 assignment gains some");
    place.edit(
        "access/users.yaml",
        "deploy-bot: { id: 1972385232742147 }",
        "deploy-bot: { id: 1972385232742147, suspended: \"SEC-991: leaked\" }",
    );
    ask(&place, "deploy-bot", "acme-eu", "")
        .ends(0)
        .says("suspended at access/users.yaml:8 (SEC-991: leaked)")
        .says("ends with the next apply")
        .says("Plan: - -MANAGE_TEMPLATES");
}

#[test]
fn what_is_not_there_is_an_error_and_what_cannot_be_read_is_said() {
    let place = Place::new();
    ask(&place, "deploy-bott", "acme-eu", "")
        .ends(1)
        .says("no user is named `deploy-bott`")
        .says("`deploy-bot`?");
    ask(&place, "deploy-bot", "acme-ue", "")
        .ends(1)
        .says("no WABA in scope is named `acme-ue`")
        .says("`acme-eu`");
    place.edit(
        "access/access.yaml",
        "  marketing: { id: 106540352242930,",
        "  marketing: { id: 106540352242999,",
    );
    let unread = ask(&place, "campaign-sender", "marketing", "").ends(4);
    unread
        .says("The WABA could not be read:")
        .says("whether it is live is not known")
        .says("Live: not known.");
}

#[test]
fn the_end_of_what_narrows_an_admin_is_no_end_of_access() {
    let world = "app: { id: 1 }
businesses:
  - id: 100
    name: Biz
    system_users: [{ id: 10, name: ci, role: ADMIN, listed: false }, { id: 16, name: boss, role: ADMIN }]
wabas: [{ id: 1001, name: One, owned_by: 100, assigned: [{ user: 16, tasks: [VIEW_COST] }] }]
tokens: [{ token: t, user: 10 }]
";
    let manifest = "version: 1
business: 100
system_users: { ci: { by_role: true }, boss: { id: 16, by_role: true } }
wabas: { one: { id: 1001 } }
grants: []
";
    let place = Place::of(world, manifest);
    let again = "the user is an admin: without an assignment it has the full access of its role again";
    place.trial("plan").says(again);
    let explained = place.run("explain boss one --emulate live.yaml").ends(0);
    explained
        .says("is an admin: this assignment narrows the full access of its role")
        .says("after the next apply no assignment gives it, and the role ADMIN gives everything")
        .says(again)
        .never_says("ends with the next apply");
}
