//! Grants that begin and end, and the time for which a plan is made.

use super::Place;
use super::json::fits;
use super::trust::{HEAD, world};

/// Two grants: one ends when the other begins.
const GRANTS: &str = "grants:
  - { users: [ops], tasks: [MANAGE, MESSAGING], wabas: [one] }
  - { users: [bot], tasks: [DEVELOP], wabas: [one], until: 2027-03-31T18:00:00+02:00, reason: OPS-1 }
  - { users: [bot], tasks: [VIEW_COST], wabas: [one], from: 2027-03-31T18:00:00+02:00, until: 2027-04-30 }
";

fn live(bot: &str) -> String {
    world(&format!("{{ user: 11, tasks: [MANAGE, MESSAGING] }}{bot}"))
}

#[test]
fn a_plan_is_made_for_an_instant() {
    let place = Place::of(&live(", { user: 12, tasks: [DEVELOP] }"), &format!("{HEAD}{GRANTS}"));
    place
        .trial("plan --now 2027-03-31T15:59:59Z")
        .ends(0)
        .says("No changes. Live access matches the manifests.")
        .never_says("expired-grant");
    let ran = place.trial("plan --now 2027-03-31T16:00:00Z").ends(0);
    ran.says("): +VIEW_COST -DEVELOP; ")
        .says("by grants[2] at access/access.yaml:8 from 2027-03-31T16:00:00Z until 2027-04-30")
        .says("expired: grants[1] at access/access.yaml:7 until 2027-03-31T16:00:00Z (OPS-1)")
        .says("this grant ended at 2027-03-31T16:00:00Z and grants no access at 2027-03-31T16:00:00Z")
        .says("this is for 2027-03-31T16:00:00Z, which is still to come, so it cannot be applied");
    let json =
        fits("plan", &place.trial("plan --now 2027-03-31T18:00:00+02:00 --format json").ends(0).stdout);
    assert_eq!((&json["planned_for"], &json["day"]), (&"2027-03-31T16:00:00Z".into(), &"2027-03-31".into()));
    let grant = &json["changes"][0]["because"][0];
    assert_eq!((&grant["from"], &grant["until"]), (&"2027-03-31T16:00:00Z".into(), &"2027-04-30".into()));
    let now = fits("plan", &place.trial("plan --format json").ends(0).stdout);
    assert_eq!(now.get("planned_for"), None, "it is for the time at which it was made");
    place.trial("drift --now 2027-04-30T23:59:59Z").ends(2).says("lacks what the manifests give: VIEW_COST");
    place.trial("drift --now 2027-04-30T23:59:59Z --expiring 1h").ends(2).says("until 2027-04-30");
}

#[test]
fn access_that_has_not_begun_is_taken_away_and_the_plan_says_what_gives_it_later() {
    let place = Place::of(&live(", { user: 12, tasks: [DEVELOP, VIEW_COST] }"), &format!("{HEAD}{GRANTS}"));
    let ran = place.trial("plan --now 2027-03-01T00:00:00Z").ends(0).says("): DEVELOP -VIEW_COST; ");
    ran.says("not yet in force: grants[2] at access/access.yaml:8 from 2027-03-31T16:00:00Z");
}

#[test]
fn a_saved_plan_is_stale_once_a_grant_ends_or_begins() {
    let manifest = format!("{HEAD}{GRANTS}");
    let place = Place::of(&live(""), &manifest);
    let apply = |now: &str| format!("apply plan.json --emulate live.yaml --now {now}");
    place.trial("plan --now 2027-03-31T15:00:00Z --out plan.json").ends(0).says("): +DEVELOP; ");
    place.run(&apply("2027-03-31T16:00:00Z")).ends(3).says("grants[1] has expired at 2027-03-31T16:00:00Z");
    place
        .run(&apply("2027-03-31T14:59:59Z"))
        .ends(3)
        .says("the plan is for 2027-03-31T15:00:00Z, which is still to come");
    // With the manifests, it is planned again for the time of the apply.
    place
        .run(&format!("{} --manifest access", apply("2027-03-31T16:00:00Z")))
        .ends(3)
        .says("live access is nothing");
    place.run(&apply("2027-03-31T15:59:59Z")).ends(0);
    place
        .trial("plan --now 2027-03-31T15:59:59Z")
        .ends(0)
        .says("No changes. Live access matches the manifests.");

    let manifest = manifest.replace("until: 2027-03-31T18:00:00+02:00, ", "");
    let place = Place::of(&live(", { user: 12, tasks: [DEVELOP, VIEW_COST] }"), &manifest);
    place.trial("plan --now 2027-03-31T15:00:00Z --out plan.json").ends(0).says("): DEVELOP -VIEW_COST; ");
    place.run(&apply("2027-03-31T16:00:00Z")).ends(3).says("grants[2] has begun at 2027-03-31T16:00:00Z");
}

#[test]
fn a_time_to_plan_for_is_an_instant_with_an_offset_and_only_for_trials_at_apply() {
    let place = Place::of(&live(""), &format!("{HEAD}{GRANTS}"));
    for wrong in ["2027-03-31", "2027-03-31T18:00:00", "tomorrow"] {
        place.trial(&format!("plan --now {wrong}")).ends(64);
    }
    place.trial("plan --now 2027-03-31T16:00:00Z --today 2027-03-31").ends(64).says("cannot be used with");
    place.run("apply access --now 2027-03-31T16:00:00Z").ends(64).says("--now cannot be used to apply");
    place.run("validate access --now 2027-03-31T16:00:00Z").ends(0).says("expired-grant");
    place.run("validate access --now 2027-03-31T15:59:59Z").ends(0).never_says("expired-grant");
}

#[test]
fn a_grant_that_is_never_in_force_is_an_error() {
    let place =
        Place::of(&live(""), &format!("{HEAD}{GRANTS}").replace("until: 2027-04-30", "until: 2027-03-30"));
    let ran = place.run("validate access").ends(1);
    ran.says("`until: 2027-03-30` is over before `from: 2027-03-31T16:00:00Z`, so this is never in force");
}
