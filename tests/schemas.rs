//! The schemas in `schema/` are the ones that the program prints, and schema and program agree on manifests.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic as the test may")]

use jsonschema::Validator;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use wabacl::diagnostic::Diagnostic;
use wabacl::{manifest, sources};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the `*.yaml` files in a folder, in the order of their names.
fn yaml_files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect();
    files.sort();
    files
}

fn manifest_schema() -> Validator {
    jsonschema::draft202012::new(&serde_json::from_str(&manifest::schema()).unwrap()).unwrap()
}

/// Returns the schema errors of the documents in a file.
fn schema_errors(schema: &Validator, path: &Path) -> Vec<String> {
    let text = text(path);
    let documents: Vec<Option<Value>> = serde_saphyr::from_multiple(&text).unwrap();
    let documents: Vec<Value> = documents.into_iter().flatten().collect();
    assert!(!documents.is_empty(), "{}", path.display());
    documents
        .iter()
        .flat_map(|document| schema.iter_errors(document).map(|error| error.to_string()))
        .collect()
}

/// Returns the codes of the diagnostics for files that are one manifest.
fn diagnostic_codes(paths: &[PathBuf]) -> BTreeSet<&'static str> {
    let (sources, unread) = sources::read(paths, &manifest::table_names);
    let (manifest, found) = manifest::parse(&sources);
    assert_eq!(unread, []);
    assert_eq!(manifest.is_none(), found.iter().any(Diagnostic::is_error), "{paths:?}");
    found.iter().map(|diagnostic| diagnostic.code).collect()
}

/// Runs the program and returns its output.
fn wabacl(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_wabacl")).args(arguments).env_clear().output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the names of the schemas that `wabacl schema` offers, by its help.
fn schema_names() -> BTreeSet<String> {
    let help = wabacl(&["schema", "-h"]);
    let (_, values) = help.split_once("[possible values: ").unwrap();
    let (values, _) = values.split_once(']').unwrap();
    values.split(',').map(|name| name.trim().to_owned()).collect()
}

#[test]
fn each_schema_file_is_what_the_program_prints() {
    for name in schema_names() {
        let printed = wabacl(&["schema", &name]);
        let file = format!("schema/{name}.schema.json");
        assert!(text(&file) == printed, "{file} is stale: write the output of `wabacl schema {name}` to it");
        jsonschema::meta::validate(&serde_json::from_str(&printed).unwrap()).unwrap();
    }
}

#[test]
fn each_schema_file_has_a_name_that_the_program_offers() {
    let files = fs::read_dir(root().join("schema")).unwrap();
    let files: BTreeSet<String> =
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    let offered = schema_names().into_iter().map(|name| format!("{name}.schema.json")).collect();
    assert_eq!(files, offered);
}

#[test]
fn schema_and_program_accept_the_good_manifests() {
    let schema = manifest_schema();
    let files = yaml_files("tests/manifests/good");
    assert!(files.len() >= 4);
    for path in files {
        assert_eq!(schema_errors(&schema, &path), [""; 0], "{}", path.display());
        assert_eq!(diagnostic_codes(&[path]), BTreeSet::new());
    }
}

#[test]
fn schema_and_program_accept_the_examples() {
    let schema = manifest_schema();
    let examples: Vec<_> = fs::read_dir(root().join("examples"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("access").is_dir())
        .collect();
    assert!(!examples.is_empty());
    for example in examples {
        let files = yaml_files(example.join("access").to_str().unwrap());
        for path in &files {
            assert_eq!(schema_errors(&schema, path), [""; 0], "{}", path.display());
        }
        assert_eq!(diagnostic_codes(&files), BTreeSet::new());
    }
}

#[test]
fn the_program_rejects_what_the_schema_rejects() {
    let schema = manifest_schema();
    let files = yaml_files("tests/manifests/bad/schema");
    assert!(files.len() >= 12);
    for path in files {
        assert_ne!(schema_errors(&schema, &path), [""; 0], "{}", path.display());
        assert_eq!(diagnostic_codes(std::slice::from_ref(&path)).len(), 1, "{}", path.display());
    }
}

#[test]
fn the_program_rejects_errors_that_a_schema_cannot_express() {
    let schema = manifest_schema();
    let mut codes = BTreeSet::new();
    let files = yaml_files("tests/manifests/bad/checked");
    assert!(files.len() >= 8);
    for path in files {
        assert_eq!(schema_errors(&schema, &path), [""; 0], "{}", path.display());
        let found = diagnostic_codes(std::slice::from_ref(&path));
        assert_eq!(found.len(), 1, "{}: {found:?}", path.display());
        codes.extend(found);
    }
    let expected = [
        "bad-date",
        "bad-id",
        "duplicate-name",
        "given-twice",
        "never-in-force",
        "no-business",
        "role-like-task",
        "same-thing-twice",
        "suspended-by-role",
        "undeclared",
        "unknown-column",
        "unknown-role",
        "unknown-task",
        "unreadable-table",
        "waived-twice",
        "waiver-bounds",
    ];
    assert_eq!(codes, BTreeSet::from(expected));
}

/// Returns the codes of all diagnostics, one for each constructor in `src/diagnostic`.
pub(crate) fn diagnostic_codes_in_source() -> Vec<String> {
    let files = ["text", "resolve", "review"].map(|file| text(format!("src/diagnostic/{file}.rs")));
    let text = files.concat();
    let mut codes: Vec<String> = Vec::new();
    for mark in ["error(", "warning(", "code: "] {
        let after = text.split(mark).skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"'));
        codes.extend(after.filter_map(|rest| rest.split_once('"')).map(|(code, _)| code.to_owned()));
    }
    let constructors = text.matches("pub(crate) fn ").count() - text.matches("fn did_you_mean").count();
    assert_eq!(codes.len(), constructors, "each constructor has one code: {codes:?}");
    codes
}

#[test]
fn each_diagnostic_has_its_own_code() {
    let codes = diagnostic_codes_in_source();
    let is_kebab = |code: &String| code.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    assert!(codes.iter().all(is_kebab), "{codes:?}");
    let distinct: BTreeSet<&String> = codes.iter().collect();
    assert_eq!(distinct.len(), codes.len(), "{codes:?}");
}
