//! Matrices and estates in, descriptions out.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

/// Returns the set bits of a decomposition.
fn bits(rectangles: &[Rectangle]) -> BTreeSet<(u32, u32)> {
    let pairs = |one: &Rectangle| -> Vec<(u32, u32)> {
        one.rows.iter().flat_map(|row| one.columns.iter().map(|column| (*row, *column))).collect()
    };
    rectangles.iter().flat_map(pairs).collect()
}

fn bits_of_rows(rows: &[Vec<u32>]) -> BTreeSet<(u32, u32)> {
    (0..).zip(rows).flat_map(|(row, columns)| columns.iter().map(move |column| (row, *column))).collect()
}

#[test]
fn roles_that_some_rows_share_are_found() {
    // Each role has three columns and six rows of its own; every second one shares a row with the next. A role more for that
    // row would cost more than its second membership.
    let columns = |roles: &[u32]| roles.iter().flat_map(|role| 3 * role..3 * role + 3).collect::<Vec<u32>>();
    let own = (0..48).map(|row| columns(&[row % 8]));
    let both = (0..4).map(|pair| columns(&[2 * pair, 2 * pair + 1]));
    let rows: Vec<Vec<u32>> = own.chain(both).collect();
    let found = decompose(&rows);
    assert_eq!(bits(&found), bits_of_rows(&rows));
    assert_eq!((found.len(), measure(&found)), (8, 8 + (48 + 2 * 4) + 8 * 3));
}

#[test]
fn separate_blocks_are_one_role_each() {
    // Rows of a block are equal, and blocks have nothing in common: no description is shorter.
    let rows: Vec<Vec<u32>> =
        (0..50).map(|row| (0..7).map(|column| (row / 10) * 7 + column).collect()).collect();
    let found = decompose(&rows);
    assert_eq!(bits(&found), bits_of_rows(&rows));
    assert_eq!((found.len(), measure(&found)), (5, 5 * (1 + 10 + 7)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_decomposition_is_exact_and_no_longer_than_the_rows(
        rows in vec(vec(0_u32..9, 0..7), 0..12),
    ) {
        let rows: Vec<Vec<u32>> =
            rows.into_iter().map(|row| row.into_iter().collect::<BTreeSet<_>>().into_iter().collect()).collect();
        let found = decompose(&rows);
        prop_assert_eq!(bits(&found), bits_of_rows(&rows));
        let used: Vec<&Vec<u32>> = rows.iter().filter(|row| !row.is_empty()).collect();
        let distinct: BTreeSet<&Vec<u32>> = used.iter().copied().collect();
        let by_rows = used.len() + distinct.iter().map(|row| 1 + row.len()).sum::<usize>();
        prop_assert!(measure(&found) <= by_rows, "{} > {by_rows}", measure(&found));
    }
}

/// Mines the access of users on named WABAs, and shows the grants.
fn mined(names: &[String], held: impl Fn(usize) -> Vec<(u32, &'static str)>) -> (Vec<String>, Mined) {
    let account =
        |(number, name)| Account { name, list: if number % 3 == 0 { List::Owned } else { List::Client } };
    let accounts = names.iter().map(String::as_str).enumerate().map(account).collect();
    let tasks = |task: &str| TaskSet::from_names(task.split('+'));
    let held = |waba| held(waba).into_iter().map(|(user, task)| (user, tasks(task))).collect();
    let held: Vec<Vec<(u32, TaskSet)>> = (0..names.len()).map(held).collect();
    let mined = mine(&AccessMatrix { accounts, held: held.iter().map(Vec::as_slice).collect() });
    let shown = mined.grants.iter().map(|grant| {
        let Selector { list, label, globs } = &grant.selector;
        let except: Vec<&Selector> = grant.except.iter().collect();
        let mut text = format!("{:?} {} on {globs:?}", grant.users, grant.tasks);
        text += &list.map_or_else(String::new, |list| format!(" {list:?}"));
        text += &label.map_or_else(String::new, |label| format!(" label {label}"));
        if except.is_empty() { text } else { format!("{text} except {:?}", except[0].globs) }
    });
    (shown.collect(), mined)
}

fn names() -> Vec<String> {
    let region = |number: usize| ["eu", "us", "apac"][number * 7 / 3 % 3];
    (0..120).map(|number| format!("shop{}-{}-{number:03}", number % 10, region(number))).collect()
}

#[test]
fn grants_are_by_lists_and_globs_at_the_borders_of_words() {
    let names = names();
    let is = |waba: usize, part: &str| names[waba].contains(part);
    let (shown, mined) = mined(&names, |waba| {
        let mut held = vec![(0, "VIEW_COST+VIEW_INSIGHTS")];
        held.extend(is(waba, "-eu-").then_some((1, "MANAGE_TEMPLATES")));
        held.extend((waba % 3 == 0).then_some((2, "MANAGE")));
        held.extend(is(waba, "shop4-").then_some((3, "DEVELOP")));
        held.extend((!is(waba, "shop7-")).then_some((4, "MESSAGING")));
        held
    });
    assert_eq!(
        shown,
        [
            "[3] DEVELOP on [\"shop4-*\"]",
            "[2] MANAGE on [] Owned",
            "[1] MANAGE_TEMPLATES on [\"*-eu-*\"]",
            "[4] MESSAGING on [] except [\"shop7-*\"]",
            "[0] VIEW_COST, VIEW_INSIGHTS on []",
        ]
    );
    assert!(mined.labels.is_empty());
}

#[test]
fn what_no_name_tells_is_a_label_and_single_mistakes_change_nothing() {
    let is_gold = |waba: usize| waba * waba % 11 == 3;
    let held = |waba: usize| {
        let mut held = vec![(0, "VIEW_COST")];
        held.extend(
            is_gold(waba).then_some([(1, "MANAGE"), (2, "MANAGE"), (3, "MESSAGING")]).into_iter().flatten(),
        );
        held
    };
    let (shown, first) = mined(&names(), held);
    assert_eq!(shown, ["[1, 2] MANAGE on [] label 0", "[3] MESSAGING on [] label 0", "[0] VIEW_COST on []"]);
    assert_eq!(first.labels, [(0..120).filter(|waba| is_gold(*waba as usize)).collect::<Vec<u32>>()]);
    let (shown_again, second) = mined(&names(), |waba| {
        let mut held = held(waba);
        held.retain(|(user, _)| (waba, *user) != (17, 0));
        held.extend((waba == 30).then_some((3, "MESSAGING")));
        held.sort_unstable();
        held
    });
    assert_eq!((shown_again, second), (shown, first));
}
