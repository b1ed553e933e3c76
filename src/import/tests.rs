//! Live access in, files out.

use super::*;
use crate::model::{
    AdminRole, AssignmentKey, Directory, DirectoryWaba, Edge, Observed, State, SystemUser, TaskSet, UserId,
};

fn waba_id(number: usize) -> WabaId {
    (500 + number).to_string().parse().unwrap()
}

fn user_id(number: usize) -> UserId {
    (11 + number).to_string().parse().unwrap()
}

/// Returns an estate of these WABAs, on which users hold tasks.
fn estate(names: &[String], users: &[&str], held: impl Fn(usize, usize) -> &'static str) -> Estate {
    let waba = |(number, name): (usize, &String)| {
        let edge = if number % 3 == 0 { Edge::Owned } else { Edge::Client };
        let name = Name::from(name.as_str());
        (waba_id(number), DirectoryWaba { name, edge, permitted_tasks: None, solution_messaging: None })
    };
    let user = |(number, name): (usize, &&str)| {
        (user_id(number), SystemUser { name: Name::from(*name), role: AdminRole::Employee })
    };
    let row = |(waba, user): (usize, usize)| {
        let tasks = held(waba, user).split(' ').filter(|task| !task.is_empty());
        (AssignmentKey { waba: waba_id(waba), user: user_id(user) }, TaskSet::from_names(tasks))
    };
    let pairs = (0..names.len()).flat_map(|waba| (0..users.len()).map(move |user| (waba, user)));
    let state: State = pairs.map(row).collect();
    let directory = Directory {
        business: "1".parse().unwrap(),
        system_users: users.iter().enumerate().map(user).collect(),
        wabas: names.iter().enumerate().map(waba).collect(),
    };
    Estate::of(directory, Observed { state, ..Observed::default() })
}

const USERS: [&str; 4] = ["Cost Reader", "eu-bot", "gold-ops", "gold-bot"];

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("shop-{}-{number:03}", ["eu", "us"][number * 5 / 3 % 2])).collect()
}

fn held(waba: usize, user: usize) -> &'static str {
    let (is_eu, is_gold) = ((waba * 5 / 3).is_multiple_of(2), waba * waba % 11 == 3);
    match user {
        0 => "VIEW_COST VIEW_INSIGHTS",
        1 if is_eu => "MANAGE_TEMPLATES VIEW_TEMPLATES",
        2 if is_gold => "MANAGE",
        3 if is_gold => "MESSAGING",
        _ => "",
    }
}

fn files(estate: &Estate) -> Vec<ImportedFile> {
    import(estate, ImportOptions::default()).files
}

#[test]
fn the_files_are_short_and_have_names_that_people_know() {
    let files = files(&estate(&names(60), &USERS, held));
    let [access, wabas] = files.as_slice() else { panic!("two files: {files:?}") };
    let (_, sections) = access.text.split_once("version: 1\n").unwrap();
    insta::assert_snapshot!(sections, @r#"
    business: 1
    prune: none
    wabas_from: [wabas.csv]

    system_users:
      cost-reader: { id: 11, name: "Cost Reader" }
      eu-bot: { id: 12 }
      gold-bot: { id: 14 }
      gold-ops: { id: 13 }

    discover:
      - { from: owned }
      - { from: client }

    grants:
      - { users: [cost-reader], tasks: [VIEW_COST, VIEW_INSIGHTS], wabas: ["*"] }
      - { users: [eu-bot], tasks: [MANAGE_TEMPLATES, VIEW_TEMPLATES], wabas: ["shop-eu-*"] }
      - { users: [gold-bot], tasks: [MESSAGING], labels: { group: gold } }
      - { users: [gold-ops], tasks: [MANAGE], labels: { group: gold } }
    "#);
    let rows: Vec<&str> = wabas.text.lines().take(3).collect();
    assert_eq!(
        rows,
        ["id,name,shared,label:group", "505,shop-eu-005,admin,gold", "506,shop-eu-006,owned,gold"]
    );
}

#[test]
fn a_waba_that_fits_changes_no_line_and_one_that_does_not_a_few() {
    let before = files(&estate(&names(60), &USERS, held));
    let fitting = |waba, user| if waba == 60 && user > 1 { "" } else { held(waba, user) };
    assert_eq!(files(&estate(&names(61), &USERS, fitting)), before);
    let misfit = |waba, user| if waba == 60 && user == 0 { "" } else { fitting(waba, user) };
    let after = files(&estate(&names(61), &USERS, misfit));
    assert_eq!(after[..2], before[..]);
    assert_eq!(after[2].name, "exceptions.yaml");
    assert!(after[2].text.ends_with(
        "  - { users: [cost-reader], tasks: [], wabas: [560], reason: imported } # shop-eu-060\n"
    ));
}

#[test]
fn a_mistake_has_its_evidence() {
    let wrong = |waba, user| if waba == 7 && user == 0 { "VIEW_COST" } else { held(waba, user) };
    let imported = import(&estate(&names(60), &USERS, wrong), ImportOptions::default());
    let [mistake] = imported.deviations.as_slice() else { panic!("one: {:?}", imported.deviations) };
    let evidence = mistake.evidence.as_ref().unwrap();
    assert_eq!((evidence.held, evidence.selected, evidence.selection.as_str()), (59, 60, "`*`"));
    assert_eq!(
        (mistake.live.to_string(), mistake.given.to_string(), mistake.verdict),
        ("VIEW_COST".into(), "VIEW_COST, VIEW_INSIGHTS".into(), Verdict::Suspected)
    );
}

#[test]
fn a_user_on_a_few_wabas_has_a_grant_that_lists_them() {
    let on = [4, 17, 33, 51];
    let held = |waba: usize, user: usize| match user {
        0 => "VIEW_COST",
        1 if on.contains(&waba) => "MESSAGING",
        _ => "",
    };
    let files = files(&estate(&names(60), &["report", "night-shift"], held));
    let [access] = files.as_slice() else { panic!("one file: {files:?}") };
    let (_, grants) = access.text.split_once("grants:\n").unwrap();
    let lines: Vec<String> = grants.lines().map(|line| line.trim().to_owned()).collect();
    let ids = on.map(|waba| format!("- {} # {}", waba_id(waba), names(60)[waba]));
    let expected = [
        "- { users: [report], tasks: [VIEW_COST], wabas: [\"*\"] }",
        "- users: [night-shift]",
        "tasks: [MESSAGING]",
        "wabas:",
    ];
    assert_eq!(lines, [expected.map(String::from), ids].concat());
}

/// Returns the verdicts of an estate of 120 WABAs in two regions, each with two users.
fn verdicts(names: &[String], held: impl Fn(usize, usize) -> bool) -> Vec<(String, String, Verdict)> {
    let users = ["eu-bot", "eu-desk", "us-bot", "us-desk"];
    let tasks = |waba, user| if held(waba, user) { "MESSAGING" } else { "" };
    let imported = import(&estate(names, &users, tasks), ImportOptions::default());
    let shown = |deviation: &Deviation| {
        (deviation.waba.as_str().to_owned(), deviation.user.as_str().to_owned(), deviation.verdict)
    };
    imported.deviations.iter().map(shown).collect()
}

#[test]
fn what_the_access_of_others_explains_is_no_mistake() {
    // WABA 40 has a name without its region, but its other users show it. On WABA 41, one is missing.
    let mut names = names(120);
    let is_eu: Vec<bool> = names.iter().map(|name| name.contains("-eu-")).collect();
    names[40] = String::from("Old shop (closed)");
    let regular = |waba: usize, user: usize| (user < 2) == is_eu[waba];
    let of_waba = |found: Vec<(String, String, Verdict)>, name: &str| -> Vec<Verdict> {
        found.into_iter().filter(|(waba, ..)| waba == name).map(|(.., verdict)| verdict).collect()
    };
    let found = verdicts(
        &names,
        |waba, user| if (waba, user) == (41, 1) { !regular(41, 1) } else { regular(waba, user) },
    );
    assert_eq!(of_waba(found.clone(), &names[41]), [Verdict::Suspected], "{found:?}");
    let old = of_waba(found.clone(), "Old shop (closed)");
    assert_eq!(old.len(), 2, "{found:?}");
    assert!(
        old.iter().all(|verdict| matches!(verdict, Verdict::LikeNeighbours(near) if near.alike > 20)),
        "{found:?}"
    );
}

#[test]
fn a_few_wabas_and_frequent_differences_are_no_evidence() {
    let of_twelve = verdicts(&names(12), |waba, user| user == 0 && waba != 7);
    assert_eq!(of_twelve.iter().map(|(.., verdict)| *verdict).collect::<Vec<_>>(), [Verdict::Few]);
    let special = verdicts(&names(60), |waba, _| waba != 7);
    assert_eq!(
        special.iter().map(|(.., verdict)| *verdict).collect::<Vec<_>>(),
        [Verdict::SpecialWaba(4); 4]
    );
}

#[test]
fn what_is_common_among_like_names_is_no_mistake() {
    // The customer's name is missing on four of the accounts called `WhatsApp`, which no grant by names can tell.
    let mut names: Vec<String> = (0..400).map(|waba| format!("shop{}-{waba}", waba / 10 % 40)).collect();
    for (waba, name) in names.iter_mut().enumerate().skip(100).take(10) {
        *name = format!("WhatsApp {waba}");
    }
    let strays = |count: usize| {
        let regular = |waba: usize| (200..210).contains(&waba);
        let held =
            move |waba: usize, user| user == 0 && (regular(waba) || (100..100 + count).contains(&waba));
        let found: Vec<Verdict> = verdicts(&names, held).into_iter().map(|(.., verdict)| verdict).collect();
        found
    };
    assert_eq!(strays(4), [Verdict::LikeNames { differing: 4, count: 10 }; 4]);
    assert_eq!(strays(2), [Verdict::Suspected; 2]);
}

#[test]
fn a_name_like_one_that_is_made_for_another_waba_does_not_collide_with_it() {
    // Two WABAs have the same name, and others the names that are made for the first and for one without a name.
    let mut names: Vec<String> = (0..3_100).map(|waba: usize| (waba * 7_919 + 13).to_string()).collect();
    for (waba, name) in
        [(0, "Twin"), (11, "Twin"), (22, "Twin #500"), (33, ""), (44, "waba 533"), (55, "Shop #12")]
    {
        names[waba] = name.to_owned();
    }
    let held = |waba: usize, user| match user {
        0 => "VIEW_COST",
        1 | 2 if waba.is_multiple_of(11) => "MANAGE",
        _ => "",
    };
    let files = files(&estate(&names, &["report", "gold-bot", "gold-desk"], held));
    let table = files.iter().find(|file| file.name == TABLE).unwrap();
    let names = |id: &str| {
        let row = table.text.lines().find(|line| line.starts_with(id)).unwrap();
        row.split(',').nth(1).unwrap().to_owned()
    };
    let found = ["500", "511", "522", "533", "544", "555"].map(names);
    let expected = ["Twin #500", "Twin #511", "Twin 500 #522", "waba 533", "waba 533 #544", "Shop #12"];
    assert_eq!(found, expected);
}
