//! Diagnostics about the table of a review.

use super::{Diagnostic, error, escape};
use crate::model::{AssignmentKey, Position};

/// The file is no table.
pub(crate) fn review_syntax(at: Position, why: &str) -> Diagnostic {
    let help = "save the table as CSV (UTF-8), with one row for each row of the report";
    error("review-syntax", at, format!("this cannot be read as CSV: {why}"), help)
}

/// A column is missing.
pub(crate) fn review_column(at: Position, column: &str) -> Diagnostic {
    let help =
        "keep the first line and all columns that `wabacl review --start` wrote; their order does not matter";
    error("review-column", at, format!("the table has no column `{column}`"), help)
}

/// A cell is no id.
pub(crate) fn review_id(at: Position, column: &str, text: &str, is_number: bool) -> Diagnostic {
    let (what, help) = if is_number {
        (
            "a spreadsheet made a number of it",
            "the digits are lost: import the table again with this column as text, and copy the decisions",
        )
    } else {
        ("an id has only digits", "restore the ids of the report")
    };
    error("review-id", at, format!("`{}` in `{column}` is no id: {what}", escape(text)), help)
}

/// The assignment of a row is not that of the report.
pub(crate) fn review_altered(at: Position, key: AssignmentKey) -> Diagnostic {
    let message = format!(
        "the row of user {} on WABA {} is not as the report had it: an id, the tasks or the digest were changed",
        key.user, key.waba
    );
    let help = "spreadsheets round ids of more than 15 digits: import the table again with all columns as text, and fill only \
                decision, reviewer and note";
    error("review-altered", at, message, help)
}

/// A row is there twice.
pub(crate) fn review_twice(at: Position, key: AssignmentKey, first: u32) -> Diagnostic {
    let message = format!("user {} on WABA {} is on line {first} as well", key.user, key.waba);
    error("review-twice", at, message, "decide once: delete one of the rows")
}

/// A row has no decision.
pub(crate) fn review_undecided(at: Position) -> Diagnostic {
    error("review-undecided", at, "this row has no decision", "write `keep` or `end`")
}

/// A decision is no decision.
pub(crate) fn review_decision(at: Position, word: &str, known: [&str; 2]) -> Diagnostic {
    let help = format!("write {}", known.map(|word| format!("`{word}`")).join(" or "));
    error("review-decision", at, format!("`{}` is no decision", escape(word)), help)
}

/// A decision names nobody.
pub(crate) fn review_reviewer(at: Position) -> Diagnostic {
    let help = "fill the column `reviewer`, or give --reviewer NAME for all rows without one";
    error("review-reviewer", at, "nobody is named who decided this", help)
}

/// Rows of the report are missing.
pub(crate) fn review_missing(
    at: Position,
    missing: usize,
    all: usize,
    known: &[AssignmentKey],
) -> Diagnostic {
    let known: Vec<String> =
        known.iter().map(|key| format!("user {} on WABA {}", key.user, key.waba)).collect();
    let such_as = if known.is_empty() { String::new() } else { format!(", such as {}", known.join("; ")) };
    let message = format!("{missing} of the {all} rows of the report are missing{such_as}");
    let help = "a review is complete: put the parts of a table that was split together, and remove filters before saving";
    error("review-missing", at, message, help)
}

/// Rows are of several reports.
pub(crate) fn review_mixed(at: Position, reports: usize) -> Diagnostic {
    let message = format!("the rows are of {reports} reports");
    error("review-mixed", at, message, "take each report for itself; the column `report` says which it is")
}

/// The rows are not those of the report.
pub(crate) fn review_other(at: Position) -> Diagnostic {
    let message =
        "the rows are not those of the report that the column `report` names, or it is of another business";
    error("review-other", at, message, "start again with `wabacl review --start`")
}
