//! Users that were declared and are declared no more: by the inventory of a set, and by `--previous`.

use super::Place;
use super::json::fits;

const WORLD: &str = world! {"      - { id: 13, name: other }
wabas:
  - { id: 1001, name: One, owned_by: 100, assigned: [{ user: 11, tasks: [MANAGE] }, { user: 12, tasks: [DEVELOP] }] }
  - { id: 1002, name: Two, owned_by: 100, assigned: [{ user: 11, tasks: [MANAGE] }, { user: 12, tasks: [DEVELOP] }] }
  - { id: 1003, name: Three, owned_by: 100, assigned: [{ user: 11, tasks: [MANAGE] }] }
tokens: [{ token: t, user: 10 }]
"};

const OPS: &str = "version: 1
business: 100
system_users: { ops: { id: 11 } }
wabas: { one: { id: 1001 }, two: { id: 1002 }, three: { id: 1003 } }
grants: [{ users: [ops], tasks: [MANAGE], wabas: ['*'] }]
guards: { max_removals_percent: 100 }
";

const BOT: &str = "version: 1
system_users: { bot: { id: 12 } }
grants: [{ users: [bot], tasks: [DEVELOP], wabas: [one, two] }]
";

/// A repository with two files, which were applied.
fn applied() -> Place {
    let place = declared();
    place.on("apply access", "--auto-approve").ends(0);
    place
}

/// A repository with two files that declare what is live.
fn declared() -> Place {
    let place = Place::of(WORLD, OPS);
    std::fs::create_dir(place.folder.path().join(".git")).unwrap();
    place.write("access/bot.yaml", BOT);
    place
}

#[test]
fn a_user_that_is_deleted_with_its_grants_is_released() {
    let place = applied();
    place.remove("access/bot.yaml");
    let planned = place.on("plan access", "").ends(0);
    planned
        .says("- bot on ")
        .says("): -DEVELOP; ")
        .says("the user is declared no more; it was declared at access/bot.yaml:2 (prune: declared)")
        .says("! bot loses everything on 2 WABAs where it is declared no more")
        .says("Plan: 0 to assign, 0 to change, 2 to revoke, 3 unchanged.");
    let document = fits("plan", &place.on("drift access", "--format json").ends(2).stdout);
    assert_eq!(document["released"][0]["user"]["id"], "12");
    assert_eq!(document["released"][0]["file"], "access/bot.yaml");
    place.on("apply access", "--auto-approve").ends(0).says("Applied: 2 of 2 changes.");
    place.on("drift access", "").ends(0).says("No drift.");
    // A complete read shows that it holds nothing, so it leaves the inventory.
    place.on("apply access", "--auto-approve").ends(0);
    assert!(!place.read("live.state/100/inventory.default.json").contains("bot"));
}

#[test]
fn a_renamed_key_and_an_ignored_user_are_not_released() {
    let place = applied();
    place.edit("access/bot.yaml", "bot", "robot");
    place.on("plan access", "").ends(0).says("No changes. Live access matches the manifests.");
    place.write("access/bot.yaml", "version: 1\nignored_users: [bot]\n");
    place.on("plan access", "").ends(0).says("No changes. Live access matches the manifests.");
}

#[test]
fn prune_none_keeps_the_access_of_released_users() {
    let place = applied();
    place.write("access/bot.yaml", "version: 1\nprune: none\n");
    let kept = place.on("plan access", "").ends(0).says("bot on one keeps DEVELOP");
    kept.says("No changes; 2 kept by prune: none.");
}

#[test]
fn a_part_of_a_set_releases_nobody() {
    let place = applied();
    for command in ["plan", "drift", "apply --auto-approve"] {
        let ran = place.on(&format!("{command} access/access.yaml"), "").ends(1);
        ran.says("only a part of the set `default` was given: access/bot.yaml exists, but was not given")
            .says("give all files of the set");
    }
    // As a set of its own it releases nobody either, and the other set's user is not undeclared.
    place.edit("access/access.yaml", "business: 100", "business: 100\nset: ops");
    place.on("plan access/access.yaml", "").ends(0).says("2 system users of other sets").says("No changes.");
}

#[test]
fn a_narrowed_apply_does_not_change_what_is_remembered() {
    let place = applied();
    place.remove("access/bot.yaml");
    place.on("apply access", "--waba one --auto-approve").ends(0).says("Applied: 1 of 1 change.");
    assert!(place.read("live.state/100/inventory.default.json").contains("bot"));
    place.on("plan access", "").ends(0).says("1 to revoke");
}

#[test]
fn a_waba_that_left_the_scope_is_reported_and_nothing_is_removed_there() {
    let place = applied();
    place.edit("access/access.yaml", ", three: { id: 1003 }", "");
    let left = place.on("plan access", "").ends(0);
    left.says("three (1003): nothing is removed there; still held: ops MANAGE")
        .says("No changes; 1 WABA left the scope.")
        .never_says("matches");
    place.on("apply access", "--auto-approve").ends(0);
    place.on("plan access", "").ends(0).says("No changes. Live access matches the manifests.");
}

#[test]
fn the_manifests_of_the_base_commit_release_too() {
    let place = declared();
    std::fs::create_dir(place.folder.path().join("base")).unwrap();
    place.write("base/access.yaml", OPS);
    place.write("base/bot.yaml", BOT);
    place.remove("access/bot.yaml");
    place.on("plan access", "").ends(0).says("No changes; 2 undeclared.");
    let options = "--previous base/access.yaml --previous base/bot.yaml";
    place.on("plan access", options).ends(0).says("it was declared at base/bot.yaml:2").says("2 to revoke");
    let out = place.on("plan access", &format!("{options} --out plan.json")).ends(0);
    drop(out);
    place.on("apply plan.json", "").ends(3).says("the user was not released");
    let refused = place.on("apply plan.json", options).ends(64);
    refused.says("--previous cannot be used with a saved plan");
    let both = format!("--manifest access {options}");
    place.on("apply plan.json", &both).ends(0).says("Applied: 2 of 2 changes.");
}

#[test]
fn a_base_in_a_folder_of_its_own_is_shown_by_the_paths_of_the_repository() {
    let (place, temp) = (declared(), tempfile::tempdir().unwrap());
    let base = temp.path().join("1/access");
    std::fs::create_dir_all(&base).unwrap();
    std::fs::write(base.join("access.yaml"), OPS).unwrap();
    std::fs::write(base.join("bot.yaml"), BOT).unwrap();
    let (temp, previous) = (temp.path().display().to_string(), format!("--previous {}", base.display()));
    let part = place.on("plan access/access.yaml", &previous).ends(4);
    part.says("nobody is released: access/bot.yaml still").never_says(&temp);
    place.remove("access/bot.yaml");
    for format in ["text", "json", "diff", "markdown", "html", "github"] {
        let ran = place.on("plan access", &format!("{previous} --out plan.json --format {format}")).ends(0);
        let ran = ran.never_says(&temp);
        if matches!(format, "text" | "json") {
            ran.says("access/bot.yaml");
        }
    }
    place.run("show plan.json").ends(0).says("it was declared at access/bot.yaml:2");
    assert!(!place.read("plan.json").contains(&temp));
    place.on("apply access", &format!("{previous} --auto-approve --state-dir state")).ends(0);
    let journal = place.read("state/100/journal.jsonl");
    assert!(journal.contains("access/bot.yaml") && !journal.contains(&temp), "{journal}");
    for text in ["version: 9", "["] {
        std::fs::write(base.join("bot.yaml"), text).unwrap();
        place.on("plan access", &format!("{previous} --format markdown")).ends(4).never_says(&temp);
        place.on("plan access", &previous).ends(4).says("access/bot.yaml:1:").never_says(&temp);
    }
}

#[test]
fn a_base_that_cannot_be_used_releases_nobody_and_is_partial() {
    let place = declared();
    std::fs::create_dir(place.folder.path().join("base")).unwrap();
    place.remove("access/bot.yaml");
    let both = OPS.replace("ops: { id: 11 }", "ops: { id: 11 }, bot: { id: 12 }");
    for (base, why) in [
        (both.replace("version: 1", "version: 9"), "unsupported version `9`"),
        (both.replace("business: 100", "business: 101"), "they are for the business"),
        (both.replace("business: 100", "business: 100\nset: ops"), "they are of the set `ops`"),
    ] {
        place.write("base/access.yaml", &base);
        let ran = place.on("plan access", "--previous base").ends(4);
        ran.says("the manifests of --previous cannot be used, so nobody is released")
            .says(why)
            .says("No changes; 2 undeclared.");
    }
    place
        .on("plan access", "--previous nowhere")
        .ends(4)
        .says("cannot read nowhere")
        .says("No changes; 2 undeclared.");
    // A file of the base that still exists was not given.
    place.write("access/bot.yaml", BOT);
    place.write("base/access.yaml", OPS);
    place.write("base/bot.yaml", BOT);
    let part = place.on("plan access/access.yaml", "--previous base").ends(4);
    part.says("base/bot.yaml still exists");
}

#[test]
fn every_format_begins_with_what_changed_about_the_policy() {
    let place = declared();
    std::fs::create_dir(place.folder.path().join("base")).unwrap();
    place.write("base/access.yaml", &OPS.replace("guards: { max_removals_percent: 100 }", "prune: none"));
    place.write("base/bot.yaml", BOT);
    place.edit(
        "access/access.yaml",
        "max_removals_percent: 100",
        "max_removals: 1000000, min_holders: { MANAGE: 0 }",
    );
    for (format, escaped) in [("text", "75"), ("markdown", ""), ("html", ""), ("github", ""), ("diff", "")] {
        let ran = place.on("plan access", &format!("--previous base --format {format}")).ends(0);
        let text = ran.stdout.replace(['`', '*'], "");
        for line in ["guards.max_removals", "1000000", "guards.min_holders.MANAGE", "prune", "changes from"] {
            assert!(text.contains(line), "{format} {escaped}: {line} is missing in {text}");
        }
    }
    let document = fits("plan", &place.on("plan access", "--previous base --format json").ends(0).stdout);
    let policy: Vec<_> =
        document["policy"].as_array().unwrap().iter().map(|line| line["key"].clone()).collect();
    assert_eq!(policy, ["guards.max_removals", "guards.min_holders.MANAGE", "prune"]);
    place.on("plan access", "").ends(0).says("! guards.max_removals is 1000000 (default: 50)");
}
