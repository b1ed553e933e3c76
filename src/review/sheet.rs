//! Reads the table of a review. It comes from other people's spreadsheets: rows and columns in any order, ids that were
//! rounded, rows that are missing.

use super::{Decided, Decision, Now, Review, as_in_cell, mark};
use crate::diagnostic::{self, Diagnostic};
use crate::digest::review_row;
use crate::model::{AssignmentKey, Desired, Name, Position, SourceId, TaskSet};
use crate::query::Answer;
use crate::text::cells::{self, Row};
use crate::text::csv_value;
use std::collections::{BTreeMap, BTreeSet};

/// The columns that reviewers fill.
pub const COLUMNS: [&str; 3] = ["decision", "reviewer", "note"];
/// The column with the digest of the row.
pub const ROW: &str = "row";
/// The column with the mark of the report, the same in each row.
pub const MARK: &str = "report";

/// The columns that a table must have.
const REQUIRED: [&str; 8] = ["waba_id", "user_id", "holds", "by_role", "decision", "reviewer", ROW, MARK];

/// The most rows of a table. A guess: many times the largest estate.
const MOST_ROWS: usize = 1_000_000;

/// The longest reviewer and note, in characters. A guess.
const LONGEST: usize = 400;

/// What a table is compared with: live access.
#[derive(Debug, Clone, Copy)]
pub struct LiveRows<'a> {
    /// The scope.
    pub desired: &'a Desired,
    /// Everybody who holds something.
    pub answer: &'a Answer<'a>,
}

/// Reads a table, checks that it is complete and unchanged, and compares it with live access. `reviewer` is who decided where
/// the table does not say.
///
/// # Errors
///
/// Every error in the table.
pub fn take(
    source: SourceId,
    text: &str,
    live: LiveRows<'_>,
    reviewer: Option<&Name>,
) -> Result<Review, Vec<Diagnostic>> {
    let rows = cells::read(text)
        .map_err(|error| vec![diagnostic::review_syntax(at(source, error.line), error.why)])?;
    let mut rows = rows.into_iter();
    let header = rows.next().ok_or_else(|| vec![diagnostic::review_column(at(source, 1), REQUIRED[0])])?;
    let sheet = Sheet { source, columns: columns(source, &header)?, reviewer };
    let mut reading = Reading::default();
    for (number, row) in (1..).zip(rows) {
        if number > MOST_ROWS {
            reading
                .errors
                .push(diagnostic::review_syntax(at(source, row.line), "it has more than 1,000,000 rows"));
            break;
        }
        match sheet.row(&row) {
            Ok(found) => reading.add(found, source, row.line),
            Err(errors) => reading.errors.extend(errors),
        }
    }
    reading.finish(source, live)
}

fn at(source: SourceId, line: u32) -> Position {
    Position { source, line, column: 1 }
}

/// Returns the number of each column by its name.
fn columns(source: SourceId, header: &Row) -> Result<BTreeMap<String, usize>, Vec<Diagnostic>> {
    let at = at(source, header.line);
    let mut columns = BTreeMap::new();
    let mut errors = Vec::new();
    for (index, cell) in header.cells.iter().enumerate() {
        let name = csv_value(cell.trim()).to_lowercase();
        let is_known = REQUIRED.contains(&&*name) || COLUMNS.contains(&&*name);
        if columns.insert(name.clone(), index).is_some() && is_known {
            errors.push(diagnostic::duplicate_column(at, &name));
        }
    }
    let missing = REQUIRED.iter().filter(|column| !columns.contains_key(**column));
    errors.extend(missing.map(|column| diagnostic::review_column(at, column)));
    if errors.is_empty() { Ok(columns) } else { Err(errors) }
}

/// A table whose columns are known.
struct Sheet<'a> {
    source: SourceId,
    columns: BTreeMap<String, usize>,
    reviewer: Option<&'a Name>,
}

/// A row that is right in itself.
struct FoundRow {
    decided: Decided,
    digest: String,
    mark: String,
}

impl Sheet<'_> {
    /// Returns the value of a cell. Spreadsheets leave out empty cells at the end of a row.
    fn value<'r>(&self, row: &'r Row, column: &str) -> &'r str {
        let cell = self.columns.get(column).and_then(|index| row.cells.get(*index));
        cell.map_or("", |cell| csv_value(cell.trim()).trim())
    }

    fn row(&self, row: &Row) -> Result<FoundRow, Vec<Diagnostic>> {
        let at = at(self.source, row.line);
        let value = |column| self.value(row, column);
        let mut errors = Vec::new();
        let (waba, user) = (id(value("waba_id"), "waba_id"), id(value("user_id"), "user_id"));
        for wrong in [waba.as_ref().err(), user.as_ref().err()].into_iter().flatten() {
            errors.push(diagnostic::review_id(at, wrong.column, &wrong.text, wrong.is_number));
        }
        let decision = decision(value("decision")).map_err(|()| match value("decision") {
            "" => diagnostic::review_undecided(at),
            word => diagnostic::review_decision(at, word, Decision::ALL.map(Decision::word)),
        });
        let decision = decision.map_err(|error| errors.push(error)).ok();
        let reviewer = match (value("reviewer"), self.reviewer) {
            ("", Some(reviewer)) => Some(reviewer.clone()),
            ("", None) => {
                errors.extend(decision.map(|_| diagnostic::review_reviewer(at)));
                None
            }
            (given, _) => Some(Name::new(crate::text::shorten(given, LONGEST))),
        };
        let by_role =
            matches!(&*value("by_role").to_lowercase(), "true" | "wahr" | "vrai" | "verdadero" | "1");
        let tasks = TaskSet::from_names(value("holds").split_whitespace());
        let digest = value(ROW).to_owned();
        let (Ok(waba), Ok(user), Some(decision), Some(reviewer)) = (waba, user, decision, reviewer) else {
            return Err(errors);
        };
        let key = AssignmentKey { waba, user };
        if review_row(key, &tasks, by_role) != digest {
            return Err(vec![diagnostic::review_altered(at, key)]);
        }
        let note = Name::new(crate::text::shorten(value("note"), LONGEST));
        let decided = Decided { key, tasks, by_role, decision, reviewer, note, now: Now::Same };
        Ok(FoundRow { decided, digest, mark: value(MARK).to_owned() })
    }
}

/// A cell that should be an id.
struct WrongId {
    column: &'static str,
    text: String,
    /// Whether a spreadsheet took it for a number.
    is_number: bool,
}

fn id<T: std::str::FromStr>(text: &str, column: &'static str) -> Result<T, WrongId> {
    text.parse().map_err(|_| {
        let is_number = text.starts_with(|c: char| c.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_digit() || ".,+eE \u{a0}\u{202f}".contains(c));
        WrongId { column, text: text.to_owned(), is_number }
    })
}

fn decision(text: &str) -> Result<Decision, ()> {
    let word = text.to_lowercase();
    Decision::ALL.into_iter().find(|decision| decision.word() == word).ok_or(())
}

/// The rows that were read so far.
#[derive(Default)]
struct Reading {
    rows: BTreeMap<AssignmentKey, (FoundRow, u32)>,
    errors: Vec<Diagnostic>,
}

impl Reading {
    fn add(&mut self, row: FoundRow, source: SourceId, line: u32) {
        match self.rows.get(&row.decided.key) {
            Some((_, first)) => {
                self.errors.push(diagnostic::review_twice(at(source, line), row.decided.key, *first));
            }
            None => _ = self.rows.insert(row.decided.key, (row, line)),
        }
    }

    fn finish(self, source: SourceId, live: LiveRows<'_>) -> Result<Review, Vec<Diagnostic>> {
        let Self { rows, mut errors } = self;
        let business = live.desired.business;
        let marks: BTreeSet<&str> = rows.values().map(|(row, _)| row.mark.as_str()).collect();
        let digests: Vec<String> = rows.values().map(|(row, _)| row.digest.clone()).collect();
        let written = marks.iter().next().map(ToString::to_string).unwrap_or_default();
        if !errors.is_empty() {
            // A row with an error would be missing as well.
        } else if marks.len() > 1 {
            errors.push(diagnostic::review_mixed(at(source, 1), marks.len()));
        } else if mark(business, &digests) != written {
            let expected = count_of(&written);
            let missing = expected.and_then(|expected| expected.checked_sub(rows.len())).filter(|n| *n > 0);
            let all = expected.unwrap_or_default();
            errors.push(match missing {
                Some(missing) => {
                    diagnostic::review_missing(at(source, 1), missing, all, &absent(live, &rows))
                }
                None => diagnostic::review_other(at(source, 1)),
            });
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let reviewed: BTreeSet<AssignmentKey> = rows.keys().copied().collect();
        let held: BTreeMap<AssignmentKey, (&TaskSet, bool)> =
            live.answer.holders.iter().map(|row| (row.key, (row.tasks, row.by_role))).collect();
        let decided = rows.into_values().map(|(row, _)| {
            let now = now(&row.decided, live, &held);
            Decided { now, ..row.decided }
        });
        let new = held.iter().filter(|(key, _)| !reviewed.contains(key));
        let new = new.map(|(key, (tasks, _))| (*key, (*tasks).clone())).collect();
        Ok(Review { business, mark: written, decided: decided.collect(), new })
    }
}

/// Returns the number of rows in a mark.
fn count_of(mark: &str) -> Option<usize> {
    mark.strip_prefix("report-")?.split('-').next()?.parse().ok()
}

/// The assignments that are named where rows are missing. A guess: enough to find the part that is missing.
const NAMED: usize = 3;

/// Names assignments that exist and are not in the table: the missing ones, if nothing changed since.
fn absent(live: LiveRows<'_>, rows: &BTreeMap<AssignmentKey, (FoundRow, u32)>) -> Vec<AssignmentKey> {
    let keys = live.answer.holders.iter().map(|row| row.key);
    keys.filter(|key| !rows.contains_key(key)).take(NAMED).collect()
}

fn now(decided: &Decided, live: LiveRows<'_>, held: &BTreeMap<AssignmentKey, (&TaskSet, bool)>) -> Now {
    let waba = decided.key.waba;
    if !live.desired.scope.wabas.contains_key(&waba) {
        return Now::OutOfScope;
    }
    if live.answer.unreadable.contains_key(&waba) {
        return Now::Unknown;
    }
    match held.get(&decided.key) {
        None => Now::Gone,
        Some((tasks, by_role)) if as_in_cell(tasks) == decided.tasks && *by_role == decided.by_role => {
            Now::Same
        }
        Some((tasks, _)) => Now::Changed((*tasks).clone()),
    }
}
