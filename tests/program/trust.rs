//! What a plan must not hide: losses in steps, admins, names, missing users, options that a mode does not honour.

use super::Place;
use super::json::fits;
use std::fmt::Write as _;

/// A business with an admin, three system users and a person, and one WABA on which they hold tasks.
pub(super) fn world(assigned: &str) -> String {
    format!(
        "app: {{ id: 1 }}
businesses:
  - id: 100
    name: Biz
    system_users:
      - {{ id: 10, name: ci, role: ADMIN, listed: false }}
      - {{ id: 11, name: ops }}
      - {{ id: 12, name: bot }}
      - {{ id: 13, name: boss, role: ADMIN }}
    people: [{{ id: 90, name: pat }}]
  - id: 200
    name: Customer
    system_users: [{{ id: 21, name: their bot }}]
    people: [{{ id: 91, name: their pat }}]
wabas: [{{ id: 1001, name: One, owned_by: 100, assigned: [{assigned}] }}]
tokens: [{{ token: t, user: 10 }}]
"
    )
}

pub(super) const HEAD: &str = "version: 1
business: 100
system_users: { ops: { id: 11 }, bot: { id: 12 } }
wabas: { one: { id: 1001 } }
";

#[test]
fn implied_tasks_neither_hide_a_gain_nor_a_loss() {
    let grants = "implied: { VIEW_COST: [MESSAGING] }\ngrants: [{ users: [ops, bot], tasks: [VIEW_COST, DEVELOP], wabas: [one] }]\n";
    let live = "{ user: 11, tasks: [VIEW_COST, MESSAGING] }, { user: 12, tasks: [VIEW_COST] }";
    let place = Place::of(&world(live), &format!("{HEAD}{grants}"));
    let planned =
        place.trial("plan").ends(0).says("~ ops on one = One (1001): MESSAGING VIEW_COST +DEVELOP;");
    planned.says("~ bot on one = One (1001): VIEW_COST +DEVELOP;");
    place.trial("apply --auto-approve").ends(0);
    place.trial("drift").ends(0);
    assert!(place.read("live.state.yaml").contains("MESSAGING"), "what is implied and live is written along");
    place.edit("access/access.yaml", "[MESSAGING]", "[MANAGE]");
    place.trial("plan").ends(1).says("implied-too-wide").says("VIEW_COST cannot imply MANAGE");
}

/// A place where sixteen users hold a task on one WABA, the manifest that grants it to some, and their names.
fn sixteen() -> (Place, impl Fn(&[String]) -> String, Vec<String>) {
    let mut users = String::new();
    let (mut assigned, mut declared, mut granted) = (String::new(), String::new(), Vec::new());
    for user in 30..46 {
        writeln!(users, "      - {{ id: {user}, name: u{user} }}").unwrap();
        write!(assigned, "{{ user: {user}, tasks: [DEVELOP] }}, ").unwrap();
        write!(declared, ", u{user}: {{ id: {user} }}").unwrap();
        granted.push(format!("u{user}"));
    }
    let world = world(&assigned).replace("    people: [{ id: 90", &format!("{users}    people: [{{ id: 90"));
    let head = HEAD.replace("bot: { id: 12 }", &format!("bot: {{ id: 12 }}{declared}"));
    let manifest = move |users: &[String]| {
        format!("{head}grants: [{{ users: [{}], tasks: [DEVELOP], wabas: [one] }}]\n", users.join(", "))
    };
    let place = Place::of(&world, &manifest(&granted));
    place.trial("apply --auto-approve").ends(0);
    (place, manifest, granted)
}

#[test]
fn saved_plans_count_what_was_removed_since_they_were_made() {
    let (place, manifest, granted) = sixteen();
    for (number, file) in ["a.json", "b.json", "c.json"].into_iter().enumerate() {
        let without = [&granted[..2 * number], &granted[2 * number + 2..]].concat();
        place.write("access/access.yaml", &manifest(&without));
        place.trial(&format!("plan --out {file}")).ends(0);
    }
    for file in ["a.json", "b.json"] {
        place.run(&format!("apply {file} --emulate live.yaml")).ends(0).says("Applied: 2 of 2 changes.");
    }
    let refused = place.run("apply c.json --emulate live.yaml").ends(3);
    refused.says("2 of 16 assignments would lose tasks, after 4 in the last 24 hours: 37.5 %,");
    // The file cannot say otherwise: what it was made with does not count.
    place.run("show c.json").ends(0).says("Plan: 0 to assign, 0 to change, 2 to revoke");
    // Without those of the last hours, it passes.
    place.run("apply c.json --emulate live.yaml --waive max-removals").ends(0);
}

#[test]
fn ten_small_applies_do_not_pass_the_guard_that_one_large_one_fails() {
    let (place, manifest, mut granted) = sixteen();
    for _ in 0..2 {
        granted.truncate(granted.len() - 2);
        place.write("access/access.yaml", &manifest(&granted));
        place.trial("apply --auto-approve").ends(0).says("Applied: 2 of 2 changes.");
    }
    granted.truncate(granted.len() - 2);
    place.write("access/access.yaml", &manifest(&granted));
    let refused = place.trial("apply --auto-approve").ends(3);
    refused.says("2 of 16 assignments would lose tasks, after 4 in the last 24 hours: 37.5 %,");
    // Giving one back lowers the count.
    granted.push("u44".into());
    granted.push("u45".into());
    place.write("access/access.yaml", &manifest(&granted));
    place.trial("apply --auto-approve --waive max-removals").ends(0);
}

#[test]
fn an_admin_is_narrowed_by_an_assignment_and_its_last_one_stays() {
    let live = "{ user: 11, tasks: [MANAGE] }, { user: 12, tasks: [DEVELOP] }";
    let head = HEAD.replace("bot: { id: 12 }", "bot: { id: 12 }, boss: { id: 13 }");
    let grant = |tasks: &str| {
        format!(
            "{head}grants:\n  - {{ users: [ops], tasks: [MANAGE], wabas: [one] }}\n  - {{ users: [bot], tasks: [DEVELOP], wabas: [one] }}\n{tasks}"
        )
    };
    let place = Place::of(&world(live), &grant("  - { users: [boss], tasks: [VIEW_COST], wabas: [one] }\n"));
    let planned = place.trial("plan").ends(0).says("this assignment narrows it to these tasks");
    planned.says("! boss is narrowed on 1 WABA");
    place.write("live.yaml", &world(&format!("{live}, {{ user: 13, tasks: [VIEW_COST] }}")));
    place.write("access/access.yaml", &grant(""));
    place
        .trial("plan")
        .ends(0)
        .says("- boss on one = One (1001): -VIEW_COST;")
        .says("change its role in Business Settings");
    place.trial("apply --auto-approve").ends(4).says("not attempted: the user is or may be an admin");
    place.trial("plan --waive admin-row=boss").ends(0).says("Waived: admin-row: `boss` is an admin");
    place.edit("access/access.yaml", "boss: { id: 13 }", "boss: { id: 13, by_role: true }");
    place.trial("apply --auto-approve").ends(0).says("Applied: 1 of 1 change.");
    place.trial("drift --format html").ends(0).says("by role");
    let document = fits("plan", &place.trial("plan --format json").ends(0).stdout);
    assert_eq!(document["by_role"][0]["id"], "13");
}

#[test]
fn holders_of_the_customer_do_not_keep_the_last_own_one() {
    let live = "{ user: 11, tasks: [MANAGE] }, { user: 12, tasks: [DEVELOP] }, { user: 91, tasks: [MANAGE] }, { user: 21, tasks: [MANAGE] }";
    let grants = "grants: [{ users: [bot], tasks: [DEVELOP], wabas: [one] }]\n";
    let place = Place::of(&world(live), &format!("{HEAD}{grants}"));
    let refused = place.trial("plan").ends(3);
    refused.says("would go from 1 to 0 holders of MANAGE of the business itself");
    place.edit("access/access.yaml", "grants:", "guards: { holders: anyone }\ngrants:");
    place.trial("plan").ends(0).says("guards.holders is anyone (default: business)");
}

#[test]
fn an_exchange_is_written_in_two_steps() {
    let live = "{ user: 11, tasks: [MESSAGING] }, { user: 12, tasks: [DEVELOP] }";
    let grants = "grants:\n  - { users: [ops], tasks: [DEVELOP], wabas: [one] }\n  - { users: [bot], tasks: [MESSAGING], wabas: [one] }\n";
    let place = Place::of(&world(live), &format!("{HEAD}{grants}"));
    let planned = place.trial("plan").ends(0);
    planned
        .says("apply writes this in two steps")
        .says("Applying it takes 6 API calls: 3 writes, and 3 reads of 1 WABA.");
    let document = fits("plan", &place.trial("plan --format json").ends(0).stdout);
    let steps: Vec<_> =
        document["changes"].as_array().unwrap().iter().map(|change| change["steps"].clone()).collect();
    let step = |position: u64, tasks: &[&str]| serde_json::json!({ "position": position, "tasks": tasks });
    let null = serde_json::Value::Null;
    assert_eq!(steps, [null, serde_json::json!([step(1, &["DEVELOP", "MESSAGING"]), step(3, &["DEVELOP"])])]);
    place.trial("plan --out plan.json").ends(0);
    place.run("apply plan.json --emulate live.yaml").ends(0).says("Applied: 2 of 2 changes.");
    place.trial("drift").ends(0);
    place.run("journal --state-dir live.state").ends(0).says("MESSAGING +DEVELOP").says("DEVELOP -MESSAGING");
}

#[test]
fn a_user_that_is_gone_stops_only_its_own_assignments() {
    let live = "{ user: 11, tasks: [MANAGE] }, { user: 12, tasks: [MESSAGING] }";
    let head = HEAD.replace("bot: { id: 12 }", "bot: { id: 12 }, gone: { id: 99 }, renamed: {}");
    let grants = "grants:\n  - { users: [ops], tasks: [MANAGE], wabas: [one] }\n  - { users: [bot], tasks: [MESSAGING, VIEW_COST], wabas: [one] }\n  - { users: [gone, renamed], tasks: [DEVELOP], wabas: [one] }\nprune: all\n";
    let place =
        Place::of(&world(&format!("{live}, {{ user: 13, tasks: [DEVELOP] }}")), &format!("{head}{grants}"));
    let planned = place.trial("plan").ends(4);
    planned
        .says("~ bot on one = One (1001): MESSAGING +VIEW_COST;")
        .says("? gone (99) is not planned: no system user of this business has this id (1 assignment)")
        .says("? renamed is not planned: no system user of this business is named `renamed` (1 assignment)")
        .says(" declares: nobody undeclared or released loses access\n")
        .says("Plan: 0 to assign, 1 to change, 0 to revoke, 1 unchanged; 1 undeclared; 2 declared users were not found.");
    let document = fits("plan", &place.trial("plan --format json").ends(4).stdout);
    assert_eq!(document["unresolved"].as_array().unwrap().len(), 2);
    place.trial("apply --auto-approve").ends(4).says("Applied: 1 of 1 change.");
}

#[test]
fn a_waba_that_is_gone_is_not_read() {
    let manifest = HEAD.replace("one: { id: 1001 }", "one: { id: 1001 }, closed: { id: 1999 }");
    let grants = "grants: [{ users: [ops], tasks: [MANAGE], wabas: ['*'] }]\n";
    let place = Place::of(&world("{ user: 11, tasks: [MANAGE] }"), &format!("{manifest}{grants}"));
    place.trial("drift").ends(4).says("closed (1999)");
    place.edit("access/access.yaml", "id: 1999", "id: 1999, gone: true");
    place.trial("drift").ends(0).says("No drift.");
}

#[test]
fn a_task_that_is_not_known_can_be_granted_if_the_manifest_lists_it() {
    let grants =
        "roles: { r: [NEW_TASK] }\ngrants: [{ users: [ops], tasks: [MANAGE, r, OTHER], wabas: [one] }]\n";
    let place = Place::of(&world("{ user: 11, tasks: [MANAGE] }"), &format!("{HEAD}{grants}"));
    place.trial("plan").ends(1).says("unknown-task").says("unknown-role");
    place.edit("access/access.yaml", "roles:", "extra_tasks: [NEW_TASK, OTHER]\nroles:");
    place.trial("plan").ends(0).says("~ ops on one = One (1001): MANAGE +NEW_TASK +OTHER;");
}

#[test]
fn a_plan_for_a_later_day_is_shown_as_such_and_not_applied() {
    let grants = "grants: [{ users: [ops], tasks: [MANAGE], wabas: [one] }]\n";
    let place = Place::of(
        &world("{ user: 11, tasks: [MANAGE] }, { user: 12, tasks: [DEVELOP] }"),
        &format!("{HEAD}{grants}"),
    );
    let planned = place.trial("plan --today 2100-01-01 --out plan.json").ends(0);
    planned.says("this is for 2100-01-01, which is still to come, so it cannot be applied");
    place.run("apply plan.json --emulate live.yaml").ends(3).says("which is still to come");
    place.run("apply access --today 2100-01-01").ends(64).says("--today cannot be used to apply");
}

#[test]
fn options_that_a_saved_plan_cannot_honour_are_wrong_usage() {
    let grants = "grants: [{ users: [ops], tasks: [MANAGE], wabas: [one] }]\n";
    let place = Place::of(
        &world("{ user: 11, tasks: [MANAGE] }, { user: 12, tasks: [DEVELOP] }"),
        &format!("{HEAD}{grants}"),
    );
    place.trial("plan --out plan.json").ends(0);
    for options in ["--waba one", "--previous access"] {
        place
            .run(&format!("apply plan.json --emulate live.yaml {options}"))
            .ends(64)
            .says("cannot be used with a saved plan");
    }
    place.trial("apply --max-plan-age 1d").ends(64).says("--max-plan-age needs a saved plan");
    assert!(!place.folder.path().join("live.state.yaml").exists());
}

#[test]
fn everything_in_scope_going_is_refused_at_any_size() {
    let place = Place::of(&world("{ user: 11, tasks: [VIEW_COST] }"), HEAD);
    let refused = place.trial("plan").ends(3).says("no-grants");
    refused.says("each of the 1 live assignments in scope would end");
}

#[test]
fn a_carriage_return_hides_no_line() {
    let place =
        Place::of(&world("{ user: 11, tasks: [MANAGE] }"), &format!("{HEAD}# a comment\rprune: all\n"));
    place.run("validate access").ends(1).says("lone-carriage-return").says("access/access.yaml:5:12");
    place.write("access/access.yaml", &HEAD.replace('\n', "\r\n"));
    place.run("validate access").ends(0);
}
