//! Tests that the page matches its own policy, and that foreign text is never markup.

use super::*;
use crate::model::Name;
use crate::render::tests::everything;
use proptest::prelude::*;

/// A page in which every foreign text is `name`.
fn page(name: &str, is_drift: bool) -> String {
    page_of(&everything(|_| name.to_owned()).view(is_drift))
}

fn page_of(view: &View<'_>) -> String {
    let mut page = Vec::new();
    plan(view, None, &mut page).unwrap();
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
fn what_a_run_comes_from_is_linked_only_if_it_is_the_address_of_a_page() {
    let linked = page("a", true);
    let address = "https://example.com/o/r/pull/12";
    let link = format!("pull request <a href=\"{address}\" rel=noreferrer>{address}</a>,");
    assert!(linked.contains(&link), "{linked}");
    assert_eq!(linked.matches(" href=\"").count(), 1, "the address of the run is renamed");
}

#[test]
fn places_are_linked_where_repository_and_commit_are_known() {
    let commit = "0a".repeat(20);
    let links = SourceLinks::new("https://example.com/o/r", "/blob/", &commit, "infra/");
    let shown = |path: &str| {
        let rename = |name: &str| String::from(if name == "access.yaml" { path } else { name });
        let mut page = Vec::new();
        plan(&everything(rename).view(false), links.as_ref(), &mut page).unwrap();
        String::from_utf8(page).unwrap()
    };
    let address = format!("https://example.com/o/r/blob/{commit}/infra/access/a%20b.yaml#L31");
    let link = format!("at <a href=\"{address}\" rel=noreferrer>access/a b.yaml:31</a>");
    assert!(shown("access/a b.yaml").contains(&link));
    let outside = shown("/etc/<a>.yaml");
    assert!(outside.contains("at /etc/&lt;a&gt;.yaml:31") && !outside.contains("https://"), "{outside}");
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
        .split_once("<tbody>\n<tr><th scope=row><span>new task</span> <span class=id>500</span></th>")
        .unwrap();
    let cells: Vec<&str> = row.split("</tr>").next().unwrap().split("</td>").collect();
    assert_eq!(cells[2], "<td>MG <ins>+VI</ins> <del>\u{2212}DV</del> <del>\u{2212}new\u{a0}task</del>");
}

#[test]
fn the_tables_are_whole_without_the_script_and_have_a_row_on_each_line() {
    let fixture = everything(str::to_owned);
    let page = page_of(&fixture.view(false));
    let rows = |id: &str| {
        let (_, after) = page.split_once(&format!("<noscript id={id}>")).unwrap();
        let lines: Vec<&str> = after.split("</noscript>").next().unwrap().lines().collect();
        lines[1..lines.len() - 1].iter().map(|line| (*line).to_owned()).collect::<Vec<_>>()
    };
    let (changes, matrix, unmanaged) = (rows("change-rows"), rows("matrix-rows"), rows("unmanaged-rows"));
    assert_eq!((changes.len(), matrix.len()), (6, fixture.proposal.access.wabas.len() - 1));
    assert_eq!(unmanaged.len(), fixture.plan().unmanaged.len());
    assert!(unmanaged.iter().all(|row| row.starts_with("<li>") && row.ends_with("</li>")));
    assert!(changes.iter().chain(&matrix).all(|row| row.starts_with("<tr>") && row.ends_with("</tr>")));
    assert_eq!(
        changes.iter().map(|row| row.matches("<li>").count()).sum::<usize>(),
        5,
        "one entry for five WABAs"
    );
}

#[test]
fn users_are_marked_if_their_tasks_do_not_tell_their_access() {
    let mut fixture = everything(str::to_owned);
    let user = |id: &str| -> UserId { id.parse().unwrap() };
    fixture.proposal.plan.by_role.insert(user("17"));
    for (id, name) in [("17", "root"), ("23", "legacy-import"), ("25", "ignored-bot")] {
        fixture.proposal.access.users.insert(user(id), Name::from(name));
    }
    let page = page_of(&fixture.view(false));
    for (id, name, mark) in [
        ("17", "root", "admin by role"),
        ("23", "legacy-import", "undeclared"),
        ("25", "ignored-bot", "ignored"),
    ] {
        let head = format!("<th scope=col title={id}><span>{name}</span><span class=mark>{mark}</span></th>");
        assert!(page.contains(&head), "{head}");
    }
    let wabas = fixture.proposal.access.wabas.len() - 1;
    assert_eq!(page.matches("<td>by\u{a0}role</td>").count(), wabas, "an admin has access without a row");
    assert_eq!(page.matches("<td class=u>").count(), wabas);
    // The first row of an admin narrows its access, and drift is the other way round.
    assert!(page.contains("<ins>+VC</ins> <del>\u{2212}by\u{a0}role</del>"));
    assert!(page_of(&fixture.view(true)).contains("<del>\u{2212}VC</del> <ins>+by\u{a0}role</ins>"));
}

#[test]
fn lines_do_not_break_within_a_date() {
    assert_eq!(with_dates("until 2026-12-31 or 2026-12-3"), "until <time>2026-12-31</time> or 2026-12-3");
    assert_eq!(with_dates("from 2027-03-31T16:00:00Z"), "from <time>2027-03-31T16:00:00Z</time>");
    assert_eq!(
        with_dates("last written 1970-01-01 00:00 UTC"),
        "last written <time>1970-01-01</time> 00:00 UTC"
    );
    assert!(page("a", false).contains("until <time>2026-12-31</time>"));
}
