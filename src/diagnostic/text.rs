//! Diagnostics about files, YAML, and the content of a single document.

use super::{Diagnostic, Severity, error, escape, warning};
use crate::model::{IdError, Name, Position, Task, TimeLimit};
use crate::text::{escape as escape_path, suggest};

/// Asks whether one of the most similar candidates was meant; `None` if no candidate is similar.
pub(crate) fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let similar: Vec<String> =
        suggest(word, candidates).into_iter().map(|word| format!("`{}`", escape(word))).collect();
    (!similar.is_empty()).then(|| format!("did you mean {}?", similar.join(" or ")))
}

/// A file or folder cannot be read.
pub(crate) fn unreadable_file(path: &str, why: &str) -> Diagnostic {
    let message = format!("cannot read {}: {}", escape_path(path), escape(why));
    let help = Some(String::from(
        "pass files, folders that contain *.yaml or *.yml files, or `-` for standard input",
    ));
    Diagnostic { severity: Severity::Error, code: "unreadable-file", message, at: None, help, count: 1 }
}

/// A folder contains no manifest.
pub(crate) fn no_manifests(path: &str) -> Diagnostic {
    let message = format!("no *.yaml or *.yml file found in {}", escape_path(path));
    let help = Some(String::from("hidden files and folders are skipped"));
    Diagnostic { severity: Severity::Error, code: "no-manifests", message, at: None, help, count: 1 }
}

/// A link in a folder leads out of it.
pub(crate) fn link_out(path: &str, folder: &str) -> Diagnostic {
    let message = format!("{} is a link that leads out of {}", escape_path(path), escape_path(folder));
    let help = Some(String::from("replace it with a copy, or pass what it leads to as a path of its own"));
    Diagnostic { severity: Severity::Error, code: "link-out", message, at: None, help, count: 1 }
}

/// A file in a folder is not read because of its name, which is like that of a manifest.
pub(crate) fn left_out(path: &str) -> Diagnostic {
    let message =
        format!("{} is not read, because its name does not end with .yaml or .yml", escape_path(path));
    let help = Some(String::from("rename it; if it is no manifest, hide it or move it away"));
    Diagnostic { severity: Severity::Warning, code: "left-out", message, at: None, help, count: 1 }
}

/// Errors or warnings that were not kept.
pub(crate) fn more_diagnostics(severity: Severity, count: usize) -> Diagnostic {
    let what = match severity {
        Severity::Error => "errors",
        Severity::Warning => "warnings",
    };
    let message = format!("and {} more {what}", grouped(count));
    let help = Some(String::from("correct the first ones, and run it again"));
    Diagnostic { severity, code: "more-diagnostics", message, at: None, help, count }
}

/// Writes a number with commas between thousands.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A file is not valid YAML.
pub(crate) fn yaml_syntax(at: Position, what: &str) -> Diagnostic {
    let help = "check the indentation, quotes and brackets on this line and the lines above it";
    error("yaml-syntax", at, format!("invalid YAML: {}", escape(what)), help)
}

/// A CSV file that a manifest names cannot be read.
pub(crate) fn unreadable_table(at: Position, name: &str, why: &str) -> Diagnostic {
    let help =
        "`wabas_from` names CSV files by paths relative to the manifest, inside the folder that was given";
    error("unreadable-table", at, format!("cannot read `{}`: {}", escape(name), escape(why)), help)
}

/// A line of a CSV file that cannot be read. The lines after it are not read.
pub(crate) fn table_syntax(at: Position, what: &str) -> Diagnostic {
    let help = "a cell with a comma or a quote is written in quotes, with each quote in it doubled; no cell contains a line break";
    error("table-syntax", at, format!("invalid CSV: {what}"), help)
}

/// A CSV file that exceeds a limit.
pub(crate) fn table_limit(at: Position, limit: &str) -> Diagnostic {
    error("table-limit", at, format!("the file has more than {limit}"), "split the file")
}

/// A row with more or fewer cells than there are columns.
pub(crate) fn table_cells(at: Position, cells: usize, columns: usize) -> Diagnostic {
    let message = format!("this row has {cells} cells, but the first line names {columns} columns");
    error("table-cells", at, message, "write one cell for each column; it may be empty")
}

/// A column that is not known.
pub(crate) fn unknown_column(at: Position, column: &str, known: &[&str]) -> Diagnostic {
    let help = if column.contains([';', '\t']) {
        String::from("separate columns by commas")
    } else {
        did_you_mean(column, known.iter().copied())
            .unwrap_or_else(|| format!("columns are: {}, and `label:KEY` for labels", known.join(", ")))
    };
    error("unknown-column", at, format!("unknown column `{}`", escape(column)), help)
}

/// A column that is there twice.
pub(crate) fn duplicate_column(at: Position, column: &str) -> Diagnostic {
    error("duplicate-column", at, format!("duplicate column `{}`", escape(column)), "remove one of them")
}

/// A column that is missing.
pub(crate) fn missing_column(at: Position, column: &str) -> Diagnostic {
    let help = "the first line names the columns, for example `id,name,shared,label:region`";
    error("missing-column", at, format!("the file has no column `{column}`"), help)
}

/// A row without a value that it requires.
pub(crate) fn missing_cell(at: Position, column: &str) -> Diagnostic {
    error("missing-cell", at, format!("this row has no `{column}`"), "fill the cell, or delete the row")
}

/// A file contains a NUL character, which YAML does not allow.
pub(crate) fn nul(at: Position) -> Diagnostic {
    let help = "remove it; if the file has many, it may be binary, or UTF-16 instead of UTF-8";
    error("nul-character", at, "found a NUL character", help)
}

/// A file contains a carriage return that is not part of a line break.
pub(crate) fn lone_cr(at: Position) -> Diagnostic {
    let help = "remove it: it is read as a line break, but editors and reviews show one line";
    error("lone-carriage-return", at, "found a carriage return without a line feed", help)
}

/// A file exceeds a limit of the parser.
pub(crate) fn yaml_limit(at: Position, what: &str) -> Diagnostic {
    let help = "reduce nesting and aliases, or split the file";
    error("yaml-limit", at, format!("the file exceeds a limit: {}", escape(what)), help)
}

/// A value has the wrong structure. The rest of its document is not read.
pub(crate) fn wrong_structure(at: Position, what: &str) -> Diagnostic {
    error("wrong-structure", at, escape(what), "the rest of this document was not checked")
}

/// No file contains a document.
pub(crate) fn empty_manifest(at: Position) -> Diagnostic {
    error("empty-manifest", at, "the files contain no document", "start with `version: 1`")
}

/// A merge key.
pub(crate) fn merge_key(at: Position) -> Diagnostic {
    let help = "write the keys out, or use a role or labels instead";
    error("merge-key", at, "merge keys (`<<`) are not supported", help)
}

/// A key that the section does not define.
pub(crate) fn unknown_key(at: Position, key: &str, known: &[&str]) -> Diagnostic {
    let help = did_you_mean(key, known.iter().copied())
        .unwrap_or_else(|| format!("known keys here: {}", known.join(", ")));
    error("unknown-key", at, format!("unknown key `{}`", escape(key)), help)
}

/// A key that occurs twice in one mapping.
pub(crate) fn duplicate_key(at: Position, key: &str) -> Diagnostic {
    error("duplicate-key", at, format!("duplicate key `{}`", escape(key)), "remove one of them")
}

/// A key without a value.
pub(crate) fn missing_value(at: Position, key: &str) -> Diagnostic {
    error("missing-value", at, format!("`{}` has no value", escape(key)), "set a value, or remove the key")
}

/// A document whose version is missing or not 1.
pub(crate) fn wrong_version(at: Position, found: Option<&str>) -> Diagnostic {
    let message = match found {
        None => String::from("this document has no `version`"),
        Some(found) => format!("unsupported version `{}`", escape(found)),
    };
    error("wrong-version", at, message, "write `version: 1` in every document")
}

/// No document sets `business`.
pub(crate) fn no_business(at: Position) -> Diagnostic {
    let help = "write `business:` and the id of the business portfolio, in exactly one document";
    error("no-business", at, "no document sets `business`", help)
}

/// A value that may be set once is set a second time.
pub(crate) fn given_twice(at: Position, what: &str, first: &str) -> Diagnostic {
    let help = format!("set it once across all files; first set at {first}");
    error("given-twice", at, format!("`{what}` is set more than once"), help)
}

/// A name is declared a second time.
pub(crate) fn duplicate_name(at: Position, what: &str, name: &str, first: &str) -> Diagnostic {
    let help = format!("names must be unique across all files; first declared at {first}");
    error("duplicate-name", at, format!("duplicate {what} `{}`", escape(name)), help)
}

/// One system user or WABA is declared under two names.
pub(crate) fn same_thing_twice(at: Position, what: &str, id: &str, other: &str, first: &str) -> Diagnostic {
    let message = format!("{what} {} is declared under two names", escape(id));
    error("same-thing-twice", at, message, format!("first declared as `{}` at {first}", escape(other)))
}

/// An empty name.
pub(crate) fn empty_name(at: Position) -> Diagnostic {
    error("empty-name", at, "a name must not be empty", "write a name before the colon")
}

/// A WABA name with a wildcard, which no grant could select literally.
pub(crate) fn name_is_a_glob(at: Position, name: &str) -> Diagnostic {
    let help = "`*` and `?` are wildcards in a grant's `wabas`; choose a name without them";
    error("name-is-a-glob", at, format!("the name `{}` contains a wildcard", escape(name)), help)
}

/// A value that is not an id.
pub(crate) fn bad_id(at: Position, text: &str, why: IdError) -> Diagnostic {
    let help = if text.contains("E+") || text.contains("e+") {
        "a spreadsheet rewrote it: format its column as text, and enter the id again"
    } else {
        "an id has only digits, no leading zero, and fits 64 bits"
    };
    error("bad-id", at, format!("`{}` is not a valid id: {why}", escape(text)), help)
}

/// A required key is missing.
pub(crate) fn missing(at: Position, what: &str, key: &str) -> Diagnostic {
    error("missing-key", at, format!("{what} requires `{key}`"), format!("add `{key}: …`"))
}

/// A value that is not one of the allowed words.
pub(crate) fn bad_word(at: Position, text: &str, words: &[&str]) -> Diagnostic {
    let help = did_you_mean(text, words.iter().copied())
        .unwrap_or_else(|| format!("expected one of: {}", words.join(", ")));
    error("bad-word", at, format!("unknown value `{}`", escape(text)), help)
}

/// A value that is not a number, or outside its range.
pub(crate) fn bad_number(at: Position, text: &str, range: &str) -> Diagnostic {
    let help = "write it in decimal digits, for example `25`";
    error("bad-number", at, format!("`{}` is not {range}", escape(text)), help)
}

/// A suspended user whose access comes from its role.
pub(crate) fn suspended_by_role(at: Position) -> Diagnostic {
    let message =
        "a user with `by_role: true` cannot be suspended: its access comes from its role as an admin";
    let help = "change its role in Business Settings, or delete the system user there; then remove `by_role`";
    error("suspended-by-role", at, message, help)
}

/// A value that is neither a calendar date nor an instant.
pub(crate) fn bad_date(at: Position, text: &str) -> Diagnostic {
    let help =
        "use YYYY-MM-DD for a whole day in UTC, or an instant with an offset: 2027-03-31T18:00:00+02:00";
    error("bad-date", at, format!("`{}` is neither a valid date nor an instant", escape(text)), help)
}

/// A `from` that is not before the `until` beside it.
pub(crate) fn never_in_force(at: Position, from: TimeLimit, until: TimeLimit) -> Diagnostic {
    let message = format!("`until: {until}` is over before `from: {from}`, so this is never in force");
    error("never-in-force", at, message, "set an `until` that is later than `from`")
}

/// A name that is not a known task.
pub(crate) fn unknown_task<'a>(
    at: Position,
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Diagnostic {
    let help = did_you_mean(name, candidates)
        .unwrap_or_else(|| String::from("use the task names of the Graph API, such as MANAGE"));
    error("unknown-task", at, format!("unknown task `{}`", escape(name)), help)
}

/// A name that is neither a known task nor a declared role.
pub(crate) fn unknown_role<'a>(
    at: Position,
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Diagnostic {
    let help = did_you_mean(name, candidates).unwrap_or_else(|| String::from("declare it in `roles`"));
    error("unknown-role", at, format!("`{}` is neither a task nor a declared role", escape(name)), help)
}

/// A role inside a role.
pub(crate) fn role_in_role(at: Position, name: &str) -> Diagnostic {
    let name = escape(name);
    let message = format!("`{name}` is a role, but a role can only contain tasks");
    error("role-in-role", at, message, format!("list the tasks of `{name}` instead"))
}

/// A role without tasks: a grant of it would grant nothing.
pub(crate) fn role_of_nothing(at: Position, name: &str) -> Diagnostic {
    let help =
        "list at least one task; to revoke access, delete the grant and keep the user in `system_users`";
    error("role-of-nothing", at, format!("role `{}` has no tasks", escape(name)), help)
}

/// A role that nothing gives.
pub(crate) fn unused_role(at: Position, name: &Name) -> Diagnostic {
    warning("unused-role", at, format!("no grant gives the role `{name}`"), "use it in a grant, or delete it")
}

/// A grant that gives the same as an earlier one.
pub(crate) fn duplicate_grant(at: Position, other: &str, place: &str) -> Diagnostic {
    let message = format!("this grant gives the same as {other} at {}", escape_path(place));
    warning("duplicate-grant", at, message, "delete one of them")
}

/// A grant that is wholly inside another one.
pub(crate) fn covered_grant(at: Position, other: &str, place: &str) -> Diagnostic {
    let message = format!("{other} at {} gives all that this grant gives", escape_path(place));
    warning("covered-grant", at, message, "delete this grant, or narrow the other one")
}

/// A role with the name of a task.
pub(crate) fn role_like_task(at: Position, name: &str) -> Diagnostic {
    let message = format!("role `{}` has the name of a task", escape(name));
    error("role-like-task", at, message, "choose another name for the role")
}

/// A reference to a name that no document declares.
pub(crate) fn undeclared<'a>(
    at: Position,
    section: &str,
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Diagnostic {
    let help = did_you_mean(name, candidates).unwrap_or_else(|| format!("declare it in `{section}`"));
    error("undeclared", at, format!("`{}` is not declared in `{section}`", escape(name)), help)
}

/// A test that asserts nothing, or several things.
pub(crate) fn test_claims(at: Position, keys: &[&str]) -> Diagnostic {
    let message = format!("a test asserts exactly one of: {}", keys.join(", "));
    error("test-assertion", at, message, "keep one of these keys; write a test for each assertion")
}

/// A key of a test that does not fit what it asserts.
pub(crate) fn test_key(at: Position, key: &str, claim: &str) -> Diagnostic {
    let message = format!("`{key}` does not go with `{claim}`");
    error("test-key", at, message, format!("remove `{key}`"))
}

/// A value of a test that asserts or selects nothing.
pub(crate) fn test_of_nothing(at: Position, key: &str, expected: &str) -> Diagnostic {
    error("test-of-nothing", at, format!("`{key}` of this test needs {expected}"), "add what is missing")
}

/// A guard that only a run can waive.
pub(crate) fn not_waivable(at: Position, guard: &str) -> Diagnostic {
    let help = format!("give `--waive {guard}` to the one run that needs it");
    error("not-waivable", at, format!("a manifest cannot waive `{guard}`"), help)
}

/// A waiver without what bounds it, or with what does not fit its guard.
pub(crate) fn waiver_needs(at: Position, guard: &str, key: &str) -> Diagnostic {
    let message = format!("a waiver of `{guard}` requires `{key}`, and nothing else that bounds it");
    let help = match key {
        "limit" => "write `limit: NUMBER`, without `target`",
        _ => "write `target:` with a name or an id, without `limit`",
    };
    error("waiver-bounds", at, message, help)
}

/// A guard that is waived a second time, as a whole or for a target.
pub(crate) fn waived_twice(at: Position, waiver: &str, first: &str) -> Diagnostic {
    let help = format!("keep one of them; the first is at {}", escape_path(first));
    error("waived-twice", at, format!("`{waiver}` is waived more than once"), help)
}

/// The name of a set that is not valid.
pub(crate) fn bad_set(at: Position, text: &str) -> Diagnostic {
    let help = "use up to 64 small letters, digits, `.`, `_` and `-`, with a letter or digit first";
    error("bad-set", at, format!("`{}` is not a valid name of a set", escape(text)), help)
}

/// A task that no other task may imply, because it gives more.
pub(crate) fn implied_too_wide(at: Position, task: Task, wide: &str) -> Diagnostic {
    let wide = escape(wide);
    let message = format!("{task} cannot imply {wide}, which gives more");
    error("implied-too-wide", at, message, format!("grant {wide} where users are meant to hold it"))
}

/// A system user that is both declared and ignored.
pub(crate) fn declared_and_ignored(at: Position, name: &Name) -> Diagnostic {
    let message = format!("this ignored user is declared as `{name}`");
    error("declared-and-ignored", at, message, "remove it from `ignored_users` or from `system_users`")
}

/// `undeclared: allow` together with `prune: all`.
pub(crate) fn undeclared_and_pruned(at: Position) -> Diagnostic {
    let message = "`undeclared: allow` contradicts `prune: all`, which removes undeclared access";
    error("undeclared-and-pruned", at, message, "remove one of them, or list the users in `ignored_users`")
}

/// A name of a WABA with a first character that means something elsewhere.
pub(crate) fn reserved_name(at: Position, name: &str) -> Diagnostic {
    let help = "choose a name that begins with another character than `!`, `-`, `=`, `+` and `@`";
    error("reserved-name", at, format!("the name `{}` begins with a reserved character", escape(name)), help)
}

/// A glob that begins with `!`, which leaves WABAs out in other tools.
pub(crate) fn negated_glob(at: Position, glob: &str) -> Diagnostic {
    let left_out = escape(glob.trim_start_matches('!'));
    let help = format!(
        "to leave WABAs out of a grant, write `except: {{ wabas: [\"{left_out}\"] }}` beside `wabas`"
    );
    error("negated-glob", at, format!("`{}` begins with `!`, which leaves nothing out", escape(glob)), help)
}

/// An empty list or mapping that selects WABAs.
pub(crate) fn selects_by_nothing(at: Position, key: &str) -> Diagnostic {
    let help = "fill it, or remove the key";
    error("selects-by-nothing", at, format!("`{}` is empty", escape(key)), help)
}

/// A grant with an empty list or mapping.
pub(crate) fn grant_of_nothing(at: Position, key: &str) -> Diagnostic {
    let help = "to revoke access, delete the grant and keep the user in `system_users`";
    error("grant-of-nothing", at, format!("`{key}` of this grant is empty"), help)
}

/// An exception with an empty list or mapping. Only its tasks may be none.
pub(crate) fn exception_of_nothing(at: Position, key: &str) -> Diagnostic {
    let help = "name at least one; `tasks: []` takes everything away";
    error("exception-of-nothing", at, format!("`{key}` of this exception is empty"), help)
}

/// A grant or an exception that selects no WABAs.
pub(crate) fn grant_of_nowhere(at: Position, what: &str) -> Diagnostic {
    let help = "select WABAs with `wabas` (names or globs), `labels`, or both; `wabas: [\"*\"]` selects all";
    error("grant-of-nowhere", at, format!("this {what} has neither `wabas` nor `labels`"), help)
}
