//! `--waba` and `--user`: what they select, and that narrowing takes nothing from anybody.

use super::json::fits;
use super::{Place, remote::Remote};

#[test]
fn a_user_and_wabas_are_selected_together_and_the_output_says_so() {
    let place = Place::new();
    let narrowed =
        place.emulated("plan --user deploy-bot --user reporting --waba acme-* --waba globex").ends(0);
    narrowed
        .says("~ deploy-bot")
        .says("Partial: narrowed by --waba 'acme-*' --waba globex --user deploy-bot --user reporting")
        .says("Plan: 1 to assign, 2 to change, 0 to revoke, 3 unchanged.")
        .never_says("campaign-sender")
        .never_says("Not managed");
    place
        .emulated("drift --user campaign-sender --waba support")
        .ends(0)
        .says("No drift. The selected access");
    place.emulated("drift --user 1972385232742151").ends(2).says("1 missing");
    let json = place.emulated("plan --user deploy-bot --waba globex --format json").ends(0);
    fits("plan", &json.stdout);
    assert!(json.stdout.contains(r#""selection":{"wabas":["globex"],"users":["deploy-bot"]}"#), "{json}");
}

#[test]
fn a_typo_is_an_error_with_a_suggestion() {
    let place = Place::new();
    let waba = place.emulated("plan --waba acme-* --waba acme-ue").ends(1);
    waba.says("no WABA in scope matches `acme-ue`").says("did you mean `acme-eu` or `acme-us`?");
    let user = place.emulated("drift --user deploy-bott").ends(1);
    user.says("no system user is named `deploy-bott`").says("did you mean `deploy-bot`?");
    place.emulated("apply --auto-approve --user nobody-here").ends(1).says("give a name of the manifests");
    place.emulated("drift --user deploy-bot --format prometheus").ends(64).says("--waba or --user");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_saved_plan_is_applied_as_narrow_as_it_was_made() {
    for manifest in ["", "--manifest access"] {
        let remote = Remote::start(Vec::new()).await;
        let url = remote.emulator.url();
        remote.run("plan --user reporting --out plan.json").ends(0).says("--user reporting");
        remote.place.run("show plan.json").ends(0).says("Partial: narrowed by --user reporting");
        for option in ["--user deploy-bot", "--user reporting --waba acme-us"] {
            let refused = remote.place.run(&format!("apply plan.json {manifest} {option} --graph-url {url}"));
            refused.ends(64).says("cannot be used with a saved plan that was made for something else");
        }
        // The same selection may be given again, or left out.
        let again = if manifest.is_empty() { "" } else { "--user reporting" };
        let applied =
            remote.place.run(&format!("apply plan.json {manifest} {again} --graph-url {url}")).ends(0);
        applied.says("Applied: 3 of 3 changes.").never_says("deploy-bot");
        assert_eq!(remote.writes(), 3);
    }
}

#[test]
fn a_released_user_is_selected_by_the_name_that_it_had_and_stays_in_the_inventory() {
    let place = Place::new();
    place.emulated("apply --auto-approve").ends(0);
    place.edit("access/users.yaml", "  deploy-bot: { id: 1972385232742147 }\n", "");
    place.edit(
        "access/access.yaml",
        "  - name: template releases\n    users: [deploy-bot]\n    tasks: [template-editor, VIEW_COST]\n    wabas: [\"acme-*\", globex]\n",
        "",
    );
    place
        .emulated("plan --user reporting")
        .ends(0)
        .says("No changes. The selected access")
        .never_says("deploy-bot");
    place.emulated("plan --user deploy-bot").ends(0).says("it was declared at").says("3 to revoke");
    place
        .emulated("apply --user deploy-bot --waba globex --auto-approve")
        .ends(0)
        .says("Applied: 1 of 1 change.");
    place.emulated("plan").ends(0).says("2 to revoke");
}

#[test]
fn several_narrowed_runs_do_not_pass_a_limit_that_one_run_exceeds() {
    let place = Place::new();
    place.emulated("apply --auto-approve").ends(0);
    place.edit(
        "access/access.yaml",
        "users: [reporting]\n    tasks: [analyst]\n    wabas: [\"*\"]",
        "users: [Ops Lead]\n    tasks: [MANAGE]\n    wabas: [support]",
    );
    let whole = place.emulated("plan").ends(3);
    whole.says("6 of 19 assignments would lose tasks, after 2 in the last 24 hours: 42.1 %");
    let first = place.emulated("apply --user reporting --waba acme-us --auto-approve").ends(0);
    first.says("Applied: 1 of 1 change.");
    // 3 on `support`, 10 that the manifests ask for elsewhere, and 2 that have ended.
    let second = place.emulated("plan --user reporting --waba support").ends(3);
    second
        .says("1 of 15 assignments (estimated: not all WABAs were read) would lose tasks")
        .says("after 3 in the last");
}
