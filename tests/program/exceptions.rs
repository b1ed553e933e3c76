//! Exceptions: what plans say of them, and what happens when they end.

use super::Place;
use super::json::fits;
use super::trust::{HEAD, world};

const GRANTS: &str = "grants:
  - { users: [ops], tasks: [MANAGE, MESSAGING], wabas: [one] }
  - { users: [bot], tasks: [DEVELOP, VIEW_COST], wabas: [one] }
exceptions:
  - { users: [bot], tasks: [VIEW_COST], wabas: [one], reason: \"OPS-77: customer objected\", until: 2027-01-31T12:00:00Z }
";

fn excepted() -> Place {
    let live = "{ user: 11, tasks: [MANAGE, MESSAGING] }, { user: 12, tasks: [DEVELOP, VIEW_COST] }";
    Place::of(&world(live), &format!("{HEAD}{GRANTS}"))
}

#[test]
fn an_exception_takes_away_and_gives_back_when_it_ends() {
    let place = excepted();
    let ran = place.trial("apply --auto-approve --now 2027-01-01T00:00:00Z").ends(0);
    ran.says("~ bot on one = One (1001): VIEW_COST -DEVELOP; ").says(
        "except: exceptions[0] at access/access.yaml:9 until 2027-01-31T12:00:00Z (OPS-77: customer objected)",
    );
    place
        .trial("plan --now 2027-01-31T11:59:59Z")
        .ends(0)
        .says("No changes. Live access matches the manifests.");
    let ran = place.trial("plan --now 2027-01-31T12:00:00Z").ends(0);
    ran.says("~ bot on one = One (1001): VIEW_COST +DEVELOP; ")
        .says("by grants[1]")
        .says("expired-exception");
    let ran = place.trial("drift --now 2027-01-31T11:00:00Z --expiring 1h").ends(0);
    ran.says("exceptions[0] at access/access.yaml:9 until 2027-01-31T12:00:00Z");
}

#[test]
fn what_an_exception_gave_goes_when_it_ends() {
    let place = excepted();
    place.edit("access/access.yaml", "tasks: [VIEW_COST], wabas", "tasks: [MANAGE_TEMPLATES], wabas");
    place.trial("apply --auto-approve --now 2027-01-01T00:00:00Z").ends(0).says("by exceptions[0]");
    let ran = place
        .trial("plan --now 2027-01-31T12:00:00Z")
        .ends(0)
        .says("~ bot on one = One (1001): +DEVELOP +VIEW_COST -MANAGE_TEMPLATES; ");
    ran.says("expired: exceptions[0] at access/access.yaml:9");
}

#[test]
fn a_saved_plan_that_rests_on_an_exception_is_stale_once_that_has_ended() {
    let place = excepted();
    place.trial("plan --now 2027-01-01T00:00:00Z --out plan.json").ends(0);
    let ran = place.run("apply plan.json --emulate live.yaml --now 2027-01-31T12:00:00Z").ends(3);
    ran.says("exceptions[0] has expired at 2027-01-31T12:00:00Z");
    place.run("apply plan.json --emulate live.yaml --now 2027-01-31T11:59:59Z").ends(0);
}

#[test]
fn json_names_the_exception() {
    let place = excepted();
    let json = fits("plan", &place.trial("plan --format json --now 2027-01-01T00:00:00Z").ends(0).stdout);
    let change = &json["changes"][0];
    assert_eq!(change["because"][0]["grant"], "exceptions[0]");
    let line = &change["gone"]["lines"][0];
    assert_eq!((&line["why"], &line["grant"]["grant"]), (&"excepted".into(), &"exceptions[0]".into()));
}

#[test]
fn an_exception_without_a_reason_users_or_tasks_is_an_error() {
    let place = excepted();
    place.run("validate access --now 2027-01-01T00:00:00Z").ends(0).says("2 grants, 1 exception.");
    for (key, code) in [
        (", reason: \"OPS-77: customer objected\"", "an exception requires `reason`"),
        ("tasks: [VIEW_COST], ", "an exception requires `tasks`"),
    ] {
        let place = excepted();
        place.edit("access/access.yaml", key, "");
        place.run("validate access").ends(1).says(code);
    }
    place.edit("access/access.yaml", "users: [bot], tasks: [VIEW_COST]", "users: [], tasks: [VIEW_COST]");
    place.run("validate access").ends(1).says("`users` of this exception is empty");
}
