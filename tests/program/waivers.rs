//! Waivers of the manifests: dated, bounded, shown, and recorded.

use super::Place;
use super::json::fits;

/// The end of the waiver of the quickstart, whose day is 2026-11-23.
const WAIVERS: &str = "version: 1
waivers:
  - { guard: protected-user, target: deploy-bot, until: 2026-12-15, reason: OPS-4711 }
  - { guard: max-removals, limit: 6, until: 2026-12-15, reason: OPS-4711 }
";

/// The quickstart with a plan that `max-removals` and `protected-user` refuse.
fn refused() -> Place {
    let place = Place::new();
    place.write(
        "access/guards.yaml",
        "version: 1\nguards: { max_removals: 1, protected_users: [deploy-bot] }\n",
    );
    place.edit("access/access.yaml", "[template-editor, VIEW_COST]\n    wabas", "[VIEW_COST]\n    wabas");
    place
}

#[test]
fn a_waiver_in_git_covers_a_guard_and_is_shown_in_every_format_and_recorded() {
    let place = refused();
    place.emulated("plan").ends(3).says("max-removals").says("protected-user");
    place.write("access/waivers.yaml", WAIVERS);
    let shown = place.emulated("plan").ends(0);
    shown
        .says("up to 6 by waivers[1] at access/waivers.yaml:4 until 2026-12-15 (OPS-4711)")
        .says("by waivers[0] at access/waivers.yaml:3 until 2026-12-15 (OPS-4711)");
    for format in ["markdown", "html", "github"] {
        let shown = place.emulated(&format!("plan --format {format}")).ends(0);
        shown.says("access/waivers.yaml:4").says("OPS-4711");
    }
    let json = fits("plan", &place.emulated("plan --format json").ends(0).stdout);
    let waiver = &json["waived"][0]["waiver"];
    assert_eq!((&waiver["waiver"], &waiver["limit"]), (&"max-removals<=6".into(), &6.into()), "{json}");
    assert_eq!((&waiver["file"], &waiver["line"]), (&"access/waivers.yaml".into(), &4.into()));
    place.emulated("apply --auto-approve").ends(0);
    place
        .run("journal --state-dir live.state")
        .says("max-removals<=6 until 2026-12-15: OPS-4711 (access/waivers.yaml:4)")
        .says("protected-user=deploy-bot until 2026-12-15: OPS-4711 (access/waivers.yaml:3)");
}

#[test]
fn an_ended_waiver_and_one_that_nothing_needs_waive_nothing() {
    let place = refused();
    place.write("access/waivers.yaml", WAIVERS);
    place.run("validate access --today 2026-12-15").ends(0).never_says("ended-waiver");
    place.run("validate access --today 2026-12-16").ends(0).says("warning[ended-waiver]");
    place.run("plan access --today 2026-12-16 --emulate live.yaml").ends(3).says("ended-waiver");
    place.run("validate access --today 2026-09-15").ends(1).says("error[long-waiver]");
    place.edit("access/waivers.yaml", "limit: 6", "limit: 2");
    place.emulated("plan").ends(3).says("covers nothing: the plan counts");
    place.remove("access/guards.yaml");
    place.edit("access/access.yaml", "[VIEW_COST]\n    wabas", "[template-editor, VIEW_COST]\n    wabas");
    place.edit("access/waivers.yaml", "deploy-bot", "deploy-bt");
    place
        .emulated("plan")
        .ends(0)
        .says("warning: the waiver `max-removals<=2` at access/waivers.yaml:4 covers nothing: the plan does not violate this guard")
        .says("did you mean `deploy-bot`?");
}

#[test]
fn a_waiver_of_the_command_line_that_names_nothing_is_an_error() {
    let place = refused();
    let failed = place.emulated("plan --waive max-removals --waive protected-user=globx").ends(1);
    failed.says("did you mean `globex`").says("error: --waive protected-user=globx: nothing in");
    place.emulated("apply --auto-approve --waive protected-user=globx").ends(1);
    assert!(!place.folder.path().join("live.state.yaml").exists(), "nothing was written");
}

#[test]
fn the_waivers_of_a_saved_plan_must_be_in_force_and_in_the_manifests() {
    let place = refused();
    place.write("access/waivers.yaml", WAIVERS);
    place.emulated("plan --out plan.json").ends(0);
    let apply = |day: &str, options: &str| {
        place
            .run(&format!("apply plan.json --emulate live.yaml --today {day} --max-plan-age 9999d {options}"))
    };
    let late = apply("2026-12-16", "").ends(3);
    late.says("Refused: max-removals").says("covers nothing: it has ended");
    place.remove("access/waivers.yaml");
    apply("2026-11-23", "--manifest access").ends(3).says("Refused: max-removals");
    place.write("access/waivers.yaml", WAIVERS);
    apply("2026-11-23", "--manifest access").ends(0).says("Applied:");
}

#[test]
fn what_changed_about_waivers_stands_at_the_top() {
    let place = refused();
    std::fs::create_dir(place.folder.path().join("base")).unwrap();
    for file in ["access.yaml", "users.yaml", "guards.yaml"] {
        place.write(&format!("base/{file}"), &place.read(&format!("access/{file}")));
    }
    place.write("access/waivers.yaml", WAIVERS);
    let shown = place.emulated("plan --previous base").ends(0);
    shown.says("! waivers.max-removals changes from not set to up to 6, until 2026-12-15: OPS-4711");
}

#[test]
fn a_waiver_in_git_lets_the_last_row_of_an_admin_go() {
    let world = "app: { id: 1 }
businesses:
  - id: 100
    name: Biz
    system_users: [{ id: 10, name: ci, role: ADMIN, listed: false }, { id: 11, name: ops }, { id: 13, name: boss, role: ADMIN }]
wabas:
  - { id: 1001, name: One, owned_by: 100, assigned: [{ user: 11, tasks: [MANAGE] }, { user: 13, tasks: [VIEW_COST] }] }
tokens: [{ token: t, user: 10 }]
";
    let manifest = "version: 1
business: 100
system_users: { ops: { id: 11 }, boss: { id: 13 } }
wabas: { one: { id: 1001 } }
grants: [{ users: [ops], tasks: [MANAGE], wabas: [one] }]
";
    let place = Place::of(world, manifest);
    place.emulated("plan").ends(0).says("change its role in Business Settings");
    let waiver = "waivers: [{ guard: admin-row, target: boss, until: 2026-12-15, reason: OPS-1 }]\n";
    place.write("access/access.yaml", &format!("{manifest}{waiver}"));
    place.emulated("plan --out plan.json").ends(0).says("Waived: admin-row: `boss` is an admin");
    let apply = "apply plan.json --emulate live.yaml --max-plan-age 9999d";
    place.run(&format!("{apply} --today 2026-12-16")).ends(4).says("not attempted");
    place.run(&format!("{apply} --today 2026-11-23")).ends(0).says("Applied: 1 of 1 change.");
}
