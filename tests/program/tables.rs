//! WABAs from CSV files, as users give and change them.

use super::Place;
use super::json::fits;

const WORLD: &str = world! {"wabas:
  - { id: 1001, name: One, owned_by: 100 }
  - { id: 1002, name: Two, owned_by: 100 }
  - { id: 1003, name: Three, owned_by: 100 }
tokens: [{ token: t, user: 10 }]
"};

const ACCESS: &str = "version: 1
business: 100
system_users: { ops: { id: 11 } }
wabas_from: [customers.csv]
grants: [{ users: [ops], tasks: [MANAGE], labels: { tier: gold } }]
";

const CUSTOMERS: &str = "id,name,label:tier\n1001,one,gold\n1002,\"two, or 2\",gold\n1003,three,silver\n";

fn customers() -> Place {
    let place = Place::of(WORLD, ACCESS);
    place.write("access/customers.csv", CUSTOMERS);
    place
}

#[test]
fn wabas_of_a_table_are_planned_and_applied() {
    let place = customers();
    place.run("validate access").ends(0).says("Valid: 1 system user, 3 WABAs, 1 grant.");
    place.trial("plan").ends(0).says("two, or 2 = Two (1002)").says("Plan: 2 to assign");
    place.trial("apply --auto-approve").ends(0).says("Applied: 2 of 2 changes.");
    place.edit("access/customers.csv", "1003,three,silver\n", "");
    place.trial("plan").ends(0).says("1 WABA left the scope");
}

#[test]
fn errors_point_into_the_table_in_every_format() {
    let place = customers();
    place.edit("access/customers.csv", "1003,three", "1003x,\u{1b}three");
    let text = place.run("validate access").ends(1);
    text.says("--> access/customers.csv:4:1").says("4 | 1003x,\\u{1b}three,silver");
    let document = fits("diagnostics", &place.run("validate access --format json").ends(1).stdout);
    let found = &document["diagnostics"][0];
    assert_eq!((found["file"].as_str(), found["line"].as_u64()), (Some("access/customers.csv"), Some(4)));
    place
        .run("validate access --format sarif")
        .ends(1)
        .says("\"uri\":\"access/customers.csv\"")
        .says("\"startLine\":4");
    place
        .run("validate access --format github")
        .ends(1)
        .says("::error file=access/customers.csv,line=4,col=1,");
}

#[test]
fn a_saved_plan_and_the_table_must_agree() {
    let place = customers();
    place.trial("plan --out plan.json").ends(0);
    place.edit("access/customers.csv", "1003,three,silver", "1003,three,gold");
    place.on("apply plan.json", "--manifest access").ends(3).says("three");
    place.edit("access/customers.csv", "1003,three,gold", "1003,three,silver");
    place.on("apply plan.json", "--manifest access").ends(0).says("Applied: 2 of 2 changes.");
}

#[test]
fn what_a_table_changes_about_the_policy_is_shown_against_the_base() {
    let place = customers();
    std::fs::create_dir(place.folder.path().join("base")).unwrap();
    place.write("base/access.yaml", ACCESS);
    place.write("base/customers.csv", CUSTOMERS);
    place.write(
        "access/customers.csv",
        "id,name,shared,prune,accept\n1001,one,standard,all,task-on-standard\n",
    );
    place.edit("access/access.yaml", "labels: { tier: gold }", "wabas: [one]");
    place.edit("access/access.yaml", "[MANAGE]", "[DEVELOP, VIEW_COST]");
    place.edit(
        "live.yaml",
        "name: One, owned_by: 100",
        "name: One, owned_by: 200, shared_with: [{ business: 100 }]",
    );
    place.edit("live.yaml", "wabas:", "  - { id: 200, name: Customer }\nwabas:");
    let planned = place.trial("plan --previous base");
    planned
        .says("wabas.one.accept changes from not set to task-on-standard")
        .says("wabas.one.prune changes from not set to all")
        .never_says("Meta may refuse");
    // A base without its table cannot be used.
    place.remove("base/customers.csv");
    place.trial("plan --previous base").ends(4).says("base/access.yaml:4: cannot read `customers.csv`");
}

#[test]
fn a_table_that_no_manifest_names_any_more_is_no_part_of_the_set() {
    let place = customers();
    std::fs::create_dir(place.folder.path().join(".git")).unwrap();
    place.trial("apply --auto-approve").ends(0);
    let wabas = "wabas: { one: { id: 1001, labels: { tier: gold } }, two: { id: 1002, labels: { tier: gold } }, three: { id: 1003 } }";
    place.edit("access/access.yaml", "wabas_from: [customers.csv]", wabas);
    place.trial("plan").ends(0).says("No changes.");
}

#[test]
fn the_example_with_a_table_plans_without_a_warning() {
    let place = Place::new();
    let example = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/customers");
    place.remove("access/users.yaml");
    for file in ["access/access.yaml", "access/customers.csv", "live.yaml"] {
        std::fs::copy(example.join(file), place.folder.path().join(file)).unwrap();
    }
    let planned = place.trial("plan").ends(0).never_says("warning");
    planned.says("Plan: 6 to assign, 0 to change, 0 to revoke");
}
