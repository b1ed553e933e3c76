//! `wabacl init`: what it writes for a new repository, and for one that has manifests.

use super::Place;

#[test]
fn init_in_a_new_folder_writes_a_manifest_that_is_valid() {
    let place = Place::new();
    let ran = place.run("init new --business 77").ends(0);
    assert_eq!(ran.stdout, "wrote new/access/access.yaml\n");
    assert_eq!(ran.stderr, "");
    assert!(place.read("new/access/access.yaml").contains("\nbusiness: 77\n"));
    place.run("validate new/access").ends(0);
}

#[test]
fn init_adds_no_second_manifest_and_overwrites_nothing() {
    let place = Place::new();
    std::fs::create_dir_all(place.folder.path().join(".github/workflows")).unwrap();
    place.write(".github/workflows/wabacl-plan.yml", "mine\n");
    let manifests = [place.read("access/access.yaml"), place.read("access/users.yaml")];
    let ran = place.run("init . --github").ends(0);
    let ran = ran.says("There are manifests already: access.");
    assert!(ran.stdout.contains("kept, although it differs: .github/workflows/wabacl-plan.yml\n"), "{ran}");
    assert!(ran.stdout.contains("wrote .github/workflows/wabacl-apply.yml\n"), "{ran}");
    assert_eq!(place.read(".github/workflows/wabacl-plan.yml"), "mine\n");
    assert_eq!([place.read("access/access.yaml"), place.read("access/users.yaml")], manifests);

    let again = place.run("init . --github").ends(0);
    assert!(!again.stdout.contains("wrote"), "{again}");
    assert!(again.stdout.contains("unchanged: .github/workflows/wabacl-apply.yml\n"), "{again}");
}

#[test]
fn init_has_one_entry_for_each_business() {
    let place = Place::new();
    std::fs::create_dir(place.folder.path().join("more")).unwrap();
    place.write("more/access.yaml", "version: 1\nbusiness: 77\n");
    place.run("init . --github --gitlab").ends(0);
    let sets = place.read(".github/workflows/wabacl-sets.yml");
    for line in [
        r#"{ "config": "access", "paths": "access", "business": "9876543210987654" },"#,
        r#"{ "config": "more", "paths": "more", "business": "77" }"#,
    ] {
        assert!(sets.contains(line), "{sets}");
    }
    assert!(
        place
            .read(".github/workflows/wabacl-apply.yml")
            .contains("environment: access-${{ matrix.config }}\n")
    );
    let pipeline = place.read(".gitlab/wabacl.yml");
    assert!(
        pipeline.contains(r#"- { WABACL_SET: "more", WABACL_PATHS: "more", WABACL_BUSINESS: "77" }"#),
        "{pipeline}"
    );
}

#[test]
fn init_writes_nothing_for_another_business_or_for_a_path_that_a_shell_would_change() {
    let place = Place::new();
    let ran = place.run("init . --business 77 --github").ends(1);
    ran.says("no file was written: the manifests here are for the business 9876543210987654");
    std::fs::rename(place.folder.path().join("access"), place.folder.path().join("${{ secrets.X }}"))
        .unwrap();
    place.run("init . --github").ends(1).says("cannot be passed by a pipeline");
    assert!(!place.folder.path().join(".github").exists());
}

#[test]
fn init_without_a_pipeline_says_that_there_is_nothing_to_write() {
    let ran = Place::new().run("init .").ends(0);
    assert_eq!(ran.stdout, "");
    ran.says("There are manifests already: access.").says("Nothing was written.");
}
