//! Tests that the page matches its own policy, and that foreign text is never markup.

use super::*;
use crate::render::tests::everything;
use proptest::prelude::*;

/// A page in which every foreign text is `name`.
fn page(name: &str, is_drift: bool) -> String {
    let mut page = Vec::new();
    plan(&everything(|_| name.to_owned()).view(is_drift), &mut page).unwrap();
    String::from_utf8(page).unwrap()
}

/// Returns the tags of a page with their attributes.
fn tags(page: &str) -> Vec<String> {
    let page = page.replace(STYLE, "").replace(SCRIPT, "");
    page.split('<').skip(1).map(|after| after.split('>').next().unwrap().to_owned()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_name_is_markup(name in "[a-z<>&\"'`= /!\\[\\]\u{0}\u{1b}\u{202e}\u{2028}\n-]{0,24}", is_drift: bool) {
        // As a task it is sorted behind the known ones, like the plain name.
        let name = format!("z{name}");
        let (foreign, plain) = (page(&name, is_drift), page("z", is_drift));
        prop_assert_eq!(tags(&foreign), tags(&plain));
        let has_controls = foreign.contains(['\0', '\u{1b}', '\u{202e}', '\u{2028}']);
        prop_assert!(!has_controls);
    }
}

#[test]
fn the_policy_allows_only_the_style_and_script_of_the_page() {
    let page = page("a", false);
    let policy = page.split("Content-Security-Policy content=\"").nth(1).unwrap().split('"').next().unwrap();
    let inside = |tag: &str| {
        let after = page.split(&format!("<{tag}>")).nth(1).unwrap();
        after.split(&format!("</{tag}>")).next().unwrap().to_owned()
    };
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    let (style, script) = (hash(&inside("style")), hash(&inside("script")));
    assert_eq!(
        policy,
        format!(
            "default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; base-uri 'none'; form-action 'none'"
        )
    );
    assert_eq!(page.matches("<script").count(), 1);
    for attribute in ["style=", "onclick=", "src=", "http://", "https://"] {
        assert!(!page.contains(attribute), "{attribute}");
    }
}

#[test]
fn every_task_has_its_own_abbreviation() {
    let shorts: BTreeSet<&str> = SHORT.iter().map(|(_, short)| *short).collect();
    assert_eq!(shorts.len(), SHORT.len());
    assert!(SHORT.iter().map(|(task, _)| *task).eq(Task::ALL.iter().copied()));
}

#[test]
fn a_cell_shows_kept_gained_and_lost_tasks() {
    let page = page("new task", false);
    let (_, row) = page
        .split_once("<tbody><tr><th scope=row><span>new task</span> <span class=id>500</span></th>")
        .unwrap();
    let cells: Vec<&str> = row.split("</tr>").next().unwrap().split("</td>").collect();
    assert_eq!(cells[2], "<td>MG <ins>+VI</ins> <del>\u{2212}DV</del> <del>\u{2212}new\u{a0}task</del>");
}
