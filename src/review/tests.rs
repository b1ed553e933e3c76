//! A table that comes back from a spreadsheet: whatever was done to it, it is complete and unchanged, or an error with its line.

use super::*;
use crate::diagnostic::Diagnostic;
use crate::model::{Desired, Observed, Plan, SourceId, State, Undeclared};
use crate::query::Evidence;
use crate::text::cells::{Quotes, read, write_row};
use jiff::Timestamp;
use proptest::prelude::*;

fn key(waba: u64, user: u64) -> AssignmentKey {
    AssignmentKey {
        waba: format!("1022901293403{waba:02}").parse().unwrap(),
        user: format!("19723852327421{user:02}").parse().unwrap(),
    }
}

fn tasks(names: &str) -> TaskSet {
    TaskSet::from_names(names.split(' ').filter(|name| !name.is_empty()))
}

/// The world of the tests: WABAs 1 to 3, with some holders.
struct World {
    desired: Desired,
    observed: Observed,
    plan: Plan,
}

fn world(held: &[(u64, u64, &str)]) -> World {
    let business = "98".parse().unwrap();
    let scoped = |waba| {
        let scoped = crate::model::ScopedWaba {
            name: "w".into(),
            live_name: None,
            labels: BTreeMap::new(),
            prune: crate::model::Prune::Declared,
            shared: None,
            at: crate::model::Position::default(),
        };
        (key(waba, 0).waba, scoped)
    };
    let desired = Desired {
        business,
        acting_user: None,
        now: Timestamp::UNIX_EPOCH,
        state: State::default(),
        scope: crate::model::Scope { wabas: (1..=3).map(scoped).collect(), users: BTreeMap::new() },
        own_users: BTreeMap::new(),
        unresolved: Vec::new(),
        released: BTreeMap::new(),
        ignored: std::collections::BTreeSet::new(),
        other_sets: std::collections::BTreeSet::new(),
        left: BTreeMap::new(),
        other_ids: BTreeMap::new(),
        admin_rows: std::collections::BTreeSet::new(),
        undeclared: Undeclared::default(),
        grants: Vec::new(),
        with_ended: std::collections::BTreeSet::new(),
        claims: Vec::new(),
        implied: crate::model::Implied::default(),
        narrowing: None,
    };
    let state = held.iter().map(|(waba, user, names)| (key(*waba, *user), tasks(names))).collect();
    let observed = Observed { state, ..Observed::default() };
    World { desired, observed, plan: Plan::empty(business, Timestamp::UNIX_EPOCH) }
}

impl World {
    fn evidence(&self) -> Evidence<'_> {
        Evidence { desired: &self.desired, observed: &self.observed, plan: &self.plan }
    }

    /// Returns the table as it goes out.
    fn table(&self) -> String {
        let mut table = Vec::new();
        crate::render::table::review(
            self.evidence(),
            &holders(self.evidence()),
            &crate::model::Sources::default(),
            &mut table,
        )
        .unwrap();
        String::from_utf8(table).unwrap()
    }

    fn take(&self, table: &str) -> Result<Review, Vec<Diagnostic>> {
        let answer = holders(self.evidence());
        let live = LiveRows { desired: &self.desired, answer: &answer };
        take(SourceId::default(), table, live, Some(&Name::from("Ann")))
    }

    /// Returns the errors of a table, with their lines.
    fn errors(&self, table: &str) -> Vec<String> {
        let errors = self.take(table).expect_err("the table is wrong");
        errors
            .iter()
            .map(|error| format!("{}: {}: {}", error.at.unwrap().line, error.code, error.message))
            .collect()
    }
}

const HELD: [(u64, u64, &str); 4] =
    [(1, 1, "MANAGE"), (1, 2, "DEVELOP VIEW_COST"), (2, 1, "MESSAGING"), (3, 7, "MANAGE")];

/// Returns the cells of a table, its first row first.
fn cells(table: &str) -> Vec<Vec<String>> {
    read(table).unwrap().into_iter().map(|row| row.cells).collect()
}

fn column(cells: &[Vec<String>], name: &str) -> usize {
    cells[0].iter().position(|cell| cell == name).unwrap()
}

/// Returns a table of cells.
fn text(cells: &[Vec<String>]) -> String {
    let mut text = Vec::new();
    for row in cells {
        write_row(row, Quotes::All, &mut text).unwrap();
    }
    String::from_utf8(text).unwrap()
}

/// Returns a table in which everything stays, except some rows by their number.
fn filled(world: &World, ends: &[usize]) -> Vec<Vec<String>> {
    let mut cells = cells(&world.table());
    let decision = column(&cells, "decision");
    for (number, row) in cells.iter_mut().enumerate().skip(1) {
        row[decision] = String::from(if ends.contains(&number) { "End" } else { " keep" });
    }
    cells
}

#[test]
fn a_filled_table_is_a_review() {
    let world = world(&HELD);
    let mut cells = filled(&world, &[2]);
    let (reviewer, note) = (column(&cells, "reviewer"), column(&cells, "note"));
    cells[2][reviewer] = String::from("Bob");
    cells[2][note] = String::from("'=left the team\nlast week");
    let review = world.take(&text(&cells)).unwrap();
    assert_eq!((review.count(Decision::Keep), review.count(Decision::End)), (3, 1));
    let ended: Vec<&Decided> = review.ending().collect();
    assert_eq!((ended[0].key, &ended[0].tasks), (key(1, 2), &tasks("DEVELOP VIEW_COST")));
    assert_eq!((ended[0].reviewer.as_str(), ended[0].note.as_str()), ("Bob", "=left the team\nlast week"));
    assert_eq!(
        review.reviewers().into_iter().map(|(name, rows)| (name.as_str(), rows)).collect::<Vec<_>>(),
        [("Ann", 3), ("Bob", 1)]
    );
    assert!(!review.is_incomplete() && review.moved().next().is_none());
}

#[test]
fn what_spreadsheets_do_to_a_table_does_not_matter() {
    let world = world(&HELD);
    let cells = filled(&world, &[3]);
    let expected = world.take(&text(&cells)).unwrap();
    // Other columns, in another order; rows in another order.
    let mut other: Vec<Vec<String>> =
        cells.iter().map(|row| row.iter().rev().cloned().chain([String::from("x")]).collect()).collect();
    other[1..].reverse();
    assert_eq!(world.take(&text(&other)).unwrap(), expected);
    // German Excel: semicolons, a byte order mark, carriage returns, capitals in words of truth.
    let german =
        text(&cells).replace("\",\"", "\";\"").replace('\n', "\r\n").replace("\"false\"", "\"FALSCH\"");
    assert_eq!(world.take(&format!("\u{feff}{german}")).unwrap(), expected);
    // The apostrophes of ids are gone, and empty cells at the end as well.
    assert_eq!(world.take(&text(&cells).replace("\"'", "\"")).unwrap(), expected);
}

#[test]
fn each_mistake_is_an_error_with_its_line() {
    let world = world(&HELD);
    let table = |edit: &dyn Fn(&mut Vec<Vec<String>>)| {
        let mut cells = filled(&world, &[]);
        edit(&mut cells);
        world.errors(&text(&cells))
    };
    let at = |name| column(&filled(&world, &[]), name);
    let (waba, user, holds, decision) = (at("waba_id"), at("user_id"), at("holds"), at("decision"));
    assert_eq!(
        table(&|cells| cells[2][decision] = String::from("kep")),
        ["3: review-decision: `kep` is no decision"]
    );
    assert_eq!(
        table(&|cells| {
            cells[1][decision].clear();
            cells[4][decision].clear();
        }),
        ["2: review-undecided: this row has no decision", "5: review-undecided: this row has no decision"]
    );
    assert_eq!(
        table(&|cells| cells[1][waba] = String::from("1.0229E+14")),
        ["2: review-id: `1.0229E+14` in `waba_id` is no id: a spreadsheet made a number of it"]
    );
    assert_eq!(
        table(&|cells| cells[1][waba] = String::from("1,0229E+14")).len(),
        1,
        "a comma is the decimal point in some countries"
    );
    let rounded = table(&|cells| cells[1][user] = String::from("1972385232742100"));
    assert!(
        rounded[0].starts_with("2: review-altered: the row of user 1972385232742100 on WABA"),
        "{rounded:?}"
    );
    let edited = table(&|cells| cells[1][holds] = String::from("VIEW_COST"));
    assert!(edited[0].contains("is not as the report had it"), "{edited:?}");
    let missing = table(&|cells| _ = cells.remove(2));
    assert_eq!(
        missing,
        [
            "1: review-missing: 1 of the 4 rows of the report are missing, such as user 1972385232742102 on WABA 102290129340301"
        ]
    );
    let twice = table(&|cells| cells.push(cells[1].clone()));
    assert_eq!(
        twice,
        ["6: review-twice: user 1972385232742101 on WABA 102290129340301 is on line 2 as well"]
    );
    let without = table(&|cells| cells.iter_mut().for_each(|row| _ = row.remove(decision)));
    assert_eq!(without, ["1: review-column: the table has no column `decision`"]);
    assert_eq!(world.errors(""), ["1: review-column: the table has no column `waba_id`"]);
    assert_eq!(
        world.errors("a,b\n\"x"),
        ["2: review-syntax: this cannot be read as CSV: the quote of a cell is not closed"]
    );
}

#[test]
fn rows_of_two_reports_or_of_another_business_are_refused() {
    let (one, two) = (world(&HELD), world(&HELD[..3]));
    let mut mixed = filled(&one, &[]);
    mixed[1] = filled(&two, &[])[1].clone();
    assert_eq!(one.errors(&text(&mixed)), ["1: review-mixed: the rows are of 2 reports"]);
    let mut other = world(&HELD);
    other.desired.business = "99".parse().unwrap();
    let table = text(&filled(&one, &[]));
    assert!(other.errors(&table)[0].contains("or it is of another business"));
}

#[test]
fn what_moved_since_is_in_the_review() {
    let table = text(&filled(&world(&HELD), &[1]));
    let mut now = world(&[(1, 1, "MANAGE"), (1, 2, "DEVELOP"), (2, 9, "MANAGE"), (3, 7, "MANAGE")]);
    now.desired.scope.wabas.remove(&key(3, 0).waba);
    let review = now.take(&table).unwrap();
    let states: Vec<&Now> = review.decided.iter().map(|decided| &decided.now).collect();
    assert_eq!(states, [&Now::Same, &Now::Changed(tasks("DEVELOP")), &Now::Gone, &Now::OutOfScope]);
    assert_eq!(review.new, [(key(2, 9), tasks("MANAGE"))]);
    assert!(review.is_incomplete());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_table_with_any_row_missing_or_any_id_changed_is_never_taken(
        row in 1usize..5, kind in 0u8..4, digit in 0usize..15,
    ) {
        let world = world(&HELD);
        let mut cells = filled(&world, &[]);
        let columns = [column(&cells, "waba_id"), column(&cells, "user_id"), column(&cells, "holds")];
        match kind {
            0 => _ = cells.remove(row),
            1 | 2 => {
                let cell = &mut cells[row][columns[usize::from(kind) - 1]];
                // Behind the apostrophe.
                let other = if cell.as_bytes()[digit + 1] == b'9' { "8" } else { "9" };
                cell.replace_range(digit + 1..digit + 2, other);
            }
            _ => cells[row][columns[2]].push_str(" X"),
        }
        prop_assert!(world.take(&text(&cells)).is_err());
    }

    #[test]
    fn no_table_is_too_much(table in "[,;\"\na-z0-9'=+.E-]{0,200}") {
        let _ = world(&HELD).take(&table);
    }
}
