//! The other formats of a plan, as the program prints them.

use super::Place;

#[test]
fn workflow_commands_name_the_line_of_an_error() {
    let place = Place::new();
    place.edit("access/access.yaml", "tasks: [MANAGE]", "tasks: [MANGE]");
    let ran = place.run("validate access --format github").ends(1);
    ran.says("::error file=access/access.yaml,line=25,col=13,title=unknown-role::")
        .says("%0Ahelp: did you mean `MANAGE`?");
    // In GitHub Actions they are the default, with paths from the top of the repository.
    let folder = place.folder.path().parent().unwrap().display().to_string();
    let below = place.folder.path().file_name().unwrap().to_str().unwrap().to_owned();
    let place = place.set("GITHUB_ACTIONS", "true").set("GITHUB_WORKSPACE", folder);
    place.emulated("plan").ends(1).says(&format!("::error file={below}/access/access.yaml,line=25,col=13"));
    place.run("validate access").ends(1).says("::error file=").says("error[unknown-role]");
}

#[test]
fn workflow_commands_name_the_line_of_a_violation() {
    let place = Place::new();
    place.edit("access/users.yaml", "roles:", "guards: { protected_users: [deploy-bot] }\n\nroles:");
    let ran = place.emulated("plan --format github").ends(3);
    ran.says("::error file=access/users.yaml,line=8,col=3,title=protected-user::")
        .says("::notice title=plan::Plan: 4 to assign");
}

#[test]
fn a_comment_starts_with_a_table_by_grant() {
    let ran = Place::new().emulated("plan --format markdown").ends(0);
    let text = &ran.stdout;
    assert!(
        text.starts_with("<!-- wabacl-plan -->\n### wabacl: 4 to assign, 2 to change, 1 to revoke\n"),
        "{text}"
    );
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("`{part}` is missing in {text}"));
    assert!(at("| why | users | WABAs | changes |") < at("`summer-campaign` **loses everything**"));
    assert!(
        at("`summer-campaign` **loses everything**")
            < at("<details><summary>expired: <code>grants[4]</code>")
    );
    at("| − | `summer-campaign` | ~~−`MANAGE_TEMPLATES`~~");
    at("access/access.yaml:45");
}

#[test]
fn a_comment_links_to_the_commit_of_the_pipeline() {
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let place = Place::new();
    let folder = place.folder.path().display().to_string();
    let place = place.set("GITHUB_ACTIONS", "true").set("GITHUB_SERVER_URL", "https://github.example");
    let place =
        place.set("GITHUB_REPOSITORY", "o/r").set("GITHUB_SHA", commit).set("GITHUB_WORKSPACE", folder);
    place.emulated("plan --format markdown").ends(0).says(&format!(
        "[`access/access.yaml:45`](https://github.example/o/r/blob/{commit}/access/access.yaml#L45)"
    ));
    let place = Place::new();
    let folder = place.folder.path().display().to_string();
    let place = place.set("GITLAB_CI", "true").set("CI_PROJECT_URL", "https://gitlab.example/g/p");
    let place = place.set("CI_COMMIT_SHA", commit).set("CI_PROJECT_DIR", folder);
    place.emulated("drift --format markdown").ends(2).says(&format!(
        "[`access/access.yaml:45`](https://gitlab.example/g/p/-/blob/{commit}/access/access.yaml#L45)"
    ));
    Place::new().emulated("plan --format markdown").ends(0).never_says("](http");
}

#[test]
fn sarif_names_positions_and_rules() {
    let place = Place::new();
    let ran = place.run("validate access --format sarif").ends(0);
    let sarif: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "expired-grant");
    assert_eq!(result["locations"][0]["physicalLocation"]["region"]["startLine"], 49);
}

#[test]
fn a_page_loads_nothing() {
    let ran = Place::new().emulated("plan --format html").ends(0);
    let page = &ran.stdout;
    assert!(page.contains("default-src 'none'; style-src 'sha256-"), "a policy");
    for elsewhere in ["http://", "https://", "@import", "url(", "<img", "<link", "<iframe"] {
        assert!(!page.contains(elsewhere), "`{elsewhere}` is in the page");
    }
    assert!(page.contains("<th scope=row><span>acme-eu</span> <span class=id>102290129340398</span></th>"));
    assert!(page.contains("<del>\u{2212}MT</del> <del>\u{2212}MS</del>"));
}
