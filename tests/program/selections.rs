//! What grants select: typing errors, and what matched when the manifests were last applied.

use super::Place;

const WORLD: &str = world! {"wabas:
  - { id: 1001, name: One, owned_by: 100, assigned: [{ user: 11, tasks: [MANAGE] }] }
  - { id: 1002, name: Two, owned_by: 100, assigned: [{ user: 11, tasks: [MANAGE] }] }
  - { id: 1003, name: Three, owned_by: 100, assigned: [{ user: 11, tasks: [MANAGE] }] }
tokens: [{ token: t, user: 10 }]
"};

const ACCESS: &str = "version: 1
business: 100
system_users: { ops: { id: 11 } }
wabas:
  two: { id: 1002, labels: { tier: gold } }
  three: { id: 1003, labels: { tier: silver } }
discover: [{ from: owned }]
grants:
  - { users: [ops], tasks: [MANAGE], labels: { tier: [gold, silver] } }
  - { users: [ops], tasks: [MANAGE], wabas: ['One*'] }
guards: { max_removals_percent: 100 }
";

fn labelled() -> Place {
    Place::of(WORLD, ACCESS)
}

#[test]
fn a_typing_error_in_a_selector_changes_nothing_and_reads_nothing() {
    for (from, to, message) in [
        ("labels: { tier: [", "labels: { teir: [", "no WABA and no discover rule has the label `teir`"),
        ("[gold, silver]", "[gold, sliver]", "no WABA and no discover rule has the label `tier: sliver`"),
        ("'One*'", "'*', '!One'", "`!One` begins with `!`, which leaves nothing out"),
    ] {
        let place = labelled();
        place.edit("access/access.yaml", from, to);
        place.trial("plan").ends(1).says(message).says("access/access.yaml:").never_says("calls");
        place.run("validate access").ends(1).says(message);
    }
}

#[test]
fn what_matched_when_last_applied_decides_about_a_selection_that_matches_nothing() {
    let place = labelled();
    place.trial("apply --auto-approve").ends(0);
    // The live name changes, so that the glob matches nothing: the access would be lost.
    place.edit("live.yaml", "name: One,", "name: ONE,");
    place
        .trial("plan")
        .ends(1)
        .says("`One*` matches no WABA, but fitted `One` (1001) when the manifests were last applied");
    // It is away: the selection is only superfluous.
    place.edit(
        "access/access.yaml",
        "discover: [{ from: owned }]",
        "discover: [{ from: owned, name: 'T*' }]",
    );
    place.trial("plan").ends(0).says("`One*` matches no WABA\n").says("1 WABA left the scope");
}

#[test]
fn a_label_whose_last_waba_left_is_a_warning_and_one_that_was_changed_an_error() {
    let place = labelled();
    place.trial("apply --auto-approve").ends(0);
    place.edit("access/access.yaml", "labels: { tier: silver }", "labels: { tier: bronze }");
    place.trial("plan").ends(1).says("no WABA and no discover rule has the label `tier: silver`");
    place.edit("access/access.yaml", "  three: { id: 1003, labels: { tier: bronze } }\n", "");
    place.edit("access/access.yaml", "{ from: owned }", "{ from: owned, name: One }");
    place.trial("plan").ends(0).says("no WABA has the label `tier: silver` any more: `three` left the scope");
    place.edit("access/access.yaml", "{ from: owned, name: One }", "{ from: owned }");
    place.trial("plan").ends(1).says("no WABA and no discover rule has the label `tier: silver`");
}

#[test]
fn a_saved_plan_records_labels_too() {
    let place = labelled();
    place.edit(
        "live.yaml",
        "name: Two, owned_by: 100, assigned: [{ user: 11, tasks: [MANAGE] }]",
        "name: Two, owned_by: 100",
    );
    place.trial("plan --out plan.json").ends(0);
    place.on("apply plan.json", "").ends(0).says("Applied: 1 of 1 change.");
    place.edit("access/access.yaml", "  three: { id: 1003, labels: { tier: silver } }\n", "");
    place.edit("access/access.yaml", "{ from: owned }", "{ from: owned, name: One }");
    place.trial("plan").ends(0).says("no WABA has the label `tier: silver` any more: `three` left the scope");
}
