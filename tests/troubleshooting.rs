//! `docs/troubleshooting.md` has an entry for every diagnostic code, guard and exit code.

use crate::schemas::diagnostic_codes_in_source;
use std::collections::BTreeSet;
use std::process::Command;
use wabacl::guard::Guard;

fn page() -> String {
    let path = format!("{}/docs/troubleshooting.md", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

/// Returns the section under a heading of the second level.
fn section(heading: &str) -> String {
    let page = page();
    let (_, section) = page.split_once(&format!("\n## {heading}\n")).unwrap();
    section.split("\n## ").next().unwrap().to_owned()
}

/// Returns the first cell of each row of the tables in a section, without the header.
fn first_cells(section: &str) -> Vec<String> {
    let rows = section.lines().filter_map(|line| line.strip_prefix("| "));
    let cells = rows.filter_map(|row| row.split(" | ").next()).filter(|cell| *cell != "code");
    cells.flat_map(|cell| cell.split(", ")).map(|cell| cell.trim_matches('`').to_owned()).collect()
}

#[test]
fn every_diagnostic_code_has_one_entry() {
    let mut documented = first_cells(&section("Errors in manifests"));
    documented.sort();
    let mut codes = diagnostic_codes_in_source();
    codes.sort();
    assert_eq!(documented, codes);
}

#[test]
fn every_guard_has_an_entry() {
    let section = section("Guards");
    let documented: BTreeSet<&str> = section.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    assert_eq!(documented, Guard::ALL.into_iter().map(Guard::code).collect());
}

#[test]
fn every_exit_code_has_an_entry_in_the_order_of_the_help() {
    let output = Command::new(env!("CARGO_BIN_EXE_wabacl")).arg("--help").env_clear().output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let (_, table) = help.split_once("\nExit codes").unwrap();
    let codes: Vec<&str> = table.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    assert!(codes.len() >= 8, "{table}");
    assert_eq!(first_cells(&section("Exit codes")), codes);
}
