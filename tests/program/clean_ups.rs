//! `--no-new-access`: a clean-up takes away and gives nothing.

use super::Place;

#[test]
fn a_clean_up_that_gives_access_is_refused_also_as_a_saved_plan() {
    let place = Place::new();
    let refused = place.emulated("plan --no-new-access --out plan.json").ends(3);
    refused.says("Refused: no-new-access: `deploy-bot` would gain MANAGE_TEMPLATES, VIEW_COST on `acme-us`");
    let apply = "apply plan.json --emulate live.yaml --today 2026-11-23 --max-plan-age 9999d";
    place.run(apply).ends(3).says("Refused: no-new-access");
    place.run(&format!("{apply} --manifest access")).ends(3).says("Refused: no-new-access");
    place.emulated("apply --auto-approve --no-new-access").ends(3).says("Refused: no-new-access");
    place.emulated("plan --no-new-access --waive no-new-access").ends(0).says("Waived: no-new-access");
    // A plan that was made without the option is refused as well.
    place.emulated("plan --out plan.json").ends(0);
    place.run(&format!("{apply} --no-new-access")).ends(3).says("Refused: no-new-access");
    assert!(!place.folder.path().join("live.state.yaml").exists(), "nothing was written");
}

#[test]
fn a_clean_up_that_only_takes_away_is_applied() {
    let place = Place::new();
    place.emulated("apply --auto-approve").ends(0);
    place.edit(
        "access/access.yaml",
        "[template-editor, VIEW_COST]\n    wabas",
        "[template-editor]\n    wabas",
    );
    place.emulated("apply --auto-approve --no-new-access").ends(0).says("Applied: 3 of 3 changes.");
}
