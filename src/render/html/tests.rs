//! That the page's policy fits what stands on it, and that foreign text is never markup.

use super::*;
use crate::model::*;
use crate::proposal::Proposal;
use proptest::prelude::*;

/// A page in which every foreign text is `name`.
fn page(name: &str, is_drift: bool) -> String {
    let (waba, user): (WabaId, UserId) = ("7".parse().unwrap(), "11".parse().unwrap());
    let key = AssignmentKey { waba, user };
    let mut live = TaskSet::from([Task::Manage]);
    live.insert_name(name);
    let mut access = LiveAccess::default();
    access.wabas.insert(waba, Name::from(name));
    access.users.insert(user, Name::from(name));
    access.live.set(key, live.clone());
    let mut sources = Sources::default();
    sources.add(name, "grants:\n");
    let grant = GrantSource {
        path: "grants[0]".to_owned(),
        name: Some(Name::from(name)),
        reason: Some(Name::from(name)),
        until: None,
        at: Position { source: SourceId(0), line: 1, column: 1 },
    };
    let change = Change {
        key,
        before: live,
        after: [Task::Messaging].into(),
        implied: TaskSet::EMPTY,
        because: Because { grants: vec![grant.into()], gone: None },
        blocked: None,
        admin: true,
    };
    let plan = Plan {
        business: "98".parse().unwrap(),
        acting_user: Some(user),
        day: jiff::civil::date(2026, 11, 23),
        changes: vec![change],
        unmanaged: Vec::new(),
        unreadable: BTreeMap::from([("8".parse().unwrap(), name.to_owned())]),
        notices: vec![Notice::Unconfirmed(waba), Notice::AssignsToAdmin(user)],
        unchanged: 0,
        live_in_scope: 1,
        holders: BTreeMap::new(),
        waba_names: BTreeMap::from([(waba, Name::from(name)), ("8".parse().unwrap(), Name::from(name))]),
        user_names: access.users.clone(),
        implied: Implied::default(),
        partial: true,
    };
    let broken = crate::guard::Violation {
        guard: crate::guard::Guard::MinHolders,
        waba: Some(waba),
        user: None,
        message: name.to_owned(),
    };
    let proposal = Proposal {
        sources,
        access,
        acting_user_name: Some(Name::from(name)),
        ..Proposal::without_evidence(plan)
    };
    let broken = std::slice::from_ref(&broken);
    let drift = is_drift.then(Drift::default);
    let view = View { proposal: &proposal, violations: broken, waived: broken, drift: drift.as_ref() };
    let mut page = Vec::new();
    super::plan(&view, &mut page).unwrap();
    String::from_utf8(page).unwrap()
}

/// Returns the tags of a page, each with what stands in it, in the order in which they come.
fn tags(page: &str) -> Vec<String> {
    let page = page.replace(STYLE, "").replace(SCRIPT, "");
    page.split('<').skip(1).map(|after| after.split('>').next().unwrap().to_owned()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_name_is_markup(name in "[a-z<>&\"'`= /!\\[\\]\u{0}\u{1b}\u{202e}\u{2028}\n-]{0,24}", is_drift: bool) {
        // Its first letter puts it behind the known tasks, as it does the plain one.
        let name = format!("z{name}");
        let (foreign, plain) = (page(&name, is_drift), page("z", is_drift));
        prop_assert_eq!(tags(&foreign), tags(&plain));
        let steers = foreign.contains(['\0', '\u{1b}', '\u{202e}', '\u{2028}']);
        prop_assert!(!steers);
    }
}

#[test]
fn the_policy_lets_only_the_pages_own_style_and_script_be() {
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
fn every_task_has_a_short_name_of_its_own() {
    let shorts: BTreeSet<&str> = SHORT.iter().map(|(_, short)| *short).collect();
    assert_eq!(shorts.len(), SHORT.len());
    assert!(SHORT.iter().map(|(task, _)| *task).eq(Task::ALL.iter().copied()));
}

#[test]
fn a_cell_says_what_comes_goes_and_stays() {
    let page = page("new task", false);
    let cell = page
        .split("<tbody><tr><th scope=row><span>new task</span> <span class=id>7</span></th>")
        .nth(1)
        .unwrap();
    let cell = cell.split("</tr>").next().unwrap();
    assert_eq!(cell, "<td><ins>+MS</ins> <del>\u{2212}MG</del> <del>\u{2212}new\u{a0}task</del></td>");
}
