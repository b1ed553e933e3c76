//! `wabacl import`: manifests from what is live.

use super::{Place, Ran};

const FILES: [&str; 3] = ["new/access.yaml", "new/wabas.csv", "new/exceptions.yaml"];

/// Runs a verb on the imported manifests.
fn imported(place: &Place, words: &str) -> Ran {
    let (verb, options) = words.split_once(' ').unwrap_or((words, ""));
    place.on(&format!("{verb} new"), options)
}

#[test]
fn the_plan_of_an_import_is_empty_and_there_is_nothing_to_apply() {
    let place = Place::new();
    place.on("import --out new", "").ends(0).says("Their plan is empty");
    for prune in ["none", "declared", "all"] {
        imported(&place, "plan --detailed-exitcode")
            .ends(0)
            .says("No changes. Live access matches the manifests.");
        imported(&place, "apply --auto-approve").ends(0);
        let text = place.read("new/access.yaml");
        assert!(text.contains(&format!("\nprune: {prune}\n")), "{text}");
        let next = [("none", "declared"), ("declared", "all"), ("all", "all")]
            .into_iter()
            .find(|next| next.0 == prune);
        place.edit("new/access.yaml", &format!("prune: {prune}"), &format!("prune: {}", next.unwrap().1));
    }
    imported(&place, "drift").ends(0).says("No drift.");
}

#[test]
fn an_import_is_the_same_each_time_and_readable_by_its_owner_only() {
    let place = Place::new();
    place.on("import --out new", "").ends(0);
    let first = FILES.map(|file| place.read(file));
    for file in FILES {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(place.folder.path().join(file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
        place.remove(file);
    }
    place.on("import --out new", "").ends(0);
    assert_eq!(first, FILES.map(|file| place.read(file)));
}

#[test]
fn an_import_adds_nothing_to_other_manifests() {
    let place = Place::new();
    let before = place.read("access/access.yaml");
    place.on("import --out access", "").ends(1).says("access already holds access.yaml; nothing was written");
    assert_eq!(place.read("access/access.yaml"), before);
    assert!(!place.folder.path().join("access/exceptions.yaml").exists());
    place.run("import --out new").ends(64).says("--business is missing");
}

#[test]
fn a_normalized_import_leaves_mistakes_out_and_shows_what_would_right_each() {
    let world = "businesses:
  - id: 1
    name: Us
    system_users: [{ id: 10, name: admin, role: ADMIN }, { id: 11, name: bot }]
wabas:\n";
    let waba = |number: usize| {
        let assigned = if number == 7 { "[]" } else { "[{ user: 11, tasks: [VIEW_COST] }]" };
        format!("  - {{ id: {}, name: shop-{number}, owned_by: 1, assigned: {assigned} }}\n", 500 + number)
    };
    let world = world.to_owned() + &(0..40).map(waba).collect::<String>();
    let place = Place::of(&world, "");
    let ran = place.on("import --out new --normalize", "").ends(0);
    ran.says("39 of 40 WABAs on `*` have it").says("Plan: 1 to assign, 0 to change, 0 to revoke");
    assert!(!place.folder.path().join("new/exceptions.yaml").exists());
    let text = place.read("new/access.yaml");
    let header = "# Made by `wabacl import --normalize`: what is live without suspected mistakes.\n# Next: review its plan";
    assert!(text.starts_with(header), "{text}");
    place.edit("new/access.yaml", "prune: none", "prune: declared");
    imported(&place, "plan").ends(0).says("Plan: 1 to assign, 0 to change, 0 to revoke");
}

#[test]
fn a_waba_that_is_not_readable_is_named_by_an_import_and_a_snapshot_and_stays_so_in_the_copy() {
    let place = Place::new();
    let closed = "    name: Northwind Support\n    unreadable: { status: 403, code: 200, message: (#200) no access }\n";
    place.edit("live.yaml", "    name: Northwind Support\n", closed);
    let left_out =
        "warning: the access on Northwind Support (106540352242922) is not known and was left out: ";
    place
        .on("import --out new", "")
        .ends(4)
        .says(left_out)
        .says("(#200) no access")
        .says("Their plan is empty");
    let declared = "  \"Northwind Support #106540352242922\": { id: 106540352242922, gone: true }\n";
    assert!(place.read("new/access.yaml").contains(declared), "{}", place.read("new/access.yaml"));
    let ran = place.on("snapshot --out copy.yaml", "").ends(4);
    ran.says("Unknown: WABA Northwind Support (106540352242922): ").says("(its access is unknown)");
    let copy = place.read("copy.yaml");
    let (_, entry) = copy.split_once("id: 106540352242922").unwrap();
    assert!(entry.split("id: ").next().unwrap().contains("unreadable:"), "{copy}");
    // The emulator refuses to read it again.
    place.run("import --emulate copy.yaml --out again").ends(4).says(left_out).says("(#200) no access");
    assert_eq!(place.read("again/access.yaml"), place.read("new/access.yaml"));
    let away = "`Northwind Support #106540352242922` has `gone: true`, but it is on the business's lists";
    place.run("plan new --emulate copy.yaml").ends(0).says(away);
    // Once it can be read, nothing is given or taken there until somebody deletes the line.
    place.edit("live.yaml", closed, "    name: Northwind Support\n");
    for prune in ["none", "declared", "all"] {
        place.edit("new/access.yaml", "prune: none", &format!("prune: {prune}"));
        imported(&place, "plan").ends(0).says("No changes.").says(away);
        place.edit("new/access.yaml", &format!("prune: {prune}"), "prune: none");
    }
}
