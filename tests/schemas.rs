//! The schemas on disk: they are what the program makes, they take every good manifest, and they and the
//! program agree on the bad ones.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic as the test may")]

use jsonschema::Validator;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use wabacl::diagnostic::Diagnostic;
use wabacl::{manifest, render, sources};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Gives the files of a folder that end on `.yaml`, by name.
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

/// Gives what the schema finds wrong with the documents of a file.
fn against_the_schema(schema: &Validator, path: &Path) -> Vec<String> {
    let text = text(path);
    let documents: Vec<Option<Value>> = serde_saphyr::from_multiple(&text).unwrap();
    let documents: Vec<Value> = documents.into_iter().flatten().collect();
    assert!(!documents.is_empty(), "{}", path.display());
    documents
        .iter()
        .flat_map(|document| schema.iter_errors(document).map(|error| error.to_string()))
        .collect()
}

/// Gives the codes of what the program finds wrong with files that are one manifest.
fn by_the_program(paths: &[PathBuf]) -> BTreeSet<&'static str> {
    let (sources, unread) = sources::read(paths);
    let (manifest, found) = manifest::parse(&sources);
    assert_eq!(unread, []);
    assert_eq!(manifest.is_none(), found.iter().any(Diagnostic::is_error), "{paths:?}");
    found.iter().map(|diagnostic| diagnostic.code).collect()
}

#[test]
fn the_schemas_on_disk_are_those_that_the_program_makes() {
    for (file, made) in [
        ("manifest", manifest::schema()),
        ("plan", render::schema::plan()),
        ("report", render::schema::report()),
        ("diagnostics", render::schema::diagnostics()),
        ("journal", render::schema::journal()),
    ] {
        let on_disk = text(format!("schema/{file}.schema.json"));
        assert!(
            on_disk == made,
            "schema/{file}.schema.json is old: write it anew with `wabacl schema {file}`"
        );
        jsonschema::meta::validate(&serde_json::from_str(&made).unwrap()).unwrap();
    }
}

#[test]
fn good_manifests_please_the_schema_and_the_program() {
    let schema = manifest_schema();
    let files = yaml_files("tests/manifests/good");
    assert!(files.len() >= 4);
    for path in files {
        assert_eq!(against_the_schema(&schema, &path), [""; 0], "{}", path.display());
        assert_eq!(by_the_program(&[path]), BTreeSet::new());
    }
}

#[test]
fn the_examples_please_the_schema_and_the_program() {
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
            assert_eq!(against_the_schema(&schema, path), [""; 0], "{}", path.display());
        }
        assert_eq!(by_the_program(&files), BTreeSet::new());
    }
}

#[test]
fn what_the_schema_rejects_the_program_rejects_too() {
    let schema = manifest_schema();
    let files = yaml_files("tests/manifests/bad/schema");
    assert!(files.len() >= 12);
    for path in files {
        assert_ne!(against_the_schema(&schema, &path), [""; 0], "{}", path.display());
        assert_eq!(by_the_program(std::slice::from_ref(&path)).len(), 1, "{}", path.display());
    }
}

#[test]
fn what_no_schema_can_see_the_program_rejects() {
    let schema = manifest_schema();
    let mut codes = BTreeSet::new();
    let files = yaml_files("tests/manifests/bad/checked");
    assert!(files.len() >= 8);
    for path in files {
        assert_eq!(against_the_schema(&schema, &path), [""; 0], "{}", path.display());
        let found = by_the_program(std::slice::from_ref(&path));
        assert_eq!(found.len(), 1, "{}: {found:?}", path.display());
        codes.extend(found);
    }
    let expected = [
        "bad-date",
        "bad-id",
        "duplicate-name",
        "given-twice",
        "no-business",
        "role-like-task",
        "same-thing-twice",
        "undeclared",
        "unknown-role",
        "unknown-task",
    ];
    assert_eq!(codes, BTreeSet::from(expected));
}

#[test]
fn each_diagnostic_has_a_code_of_its_own() {
    let text = text("src/diagnostic/text.rs") + &text("src/diagnostic/resolve.rs");
    let mut codes: Vec<String> = Vec::new();
    for mark in ["error(", "warning(", "code: "] {
        let after = text.split(mark).skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"'));
        codes.extend(after.filter_map(|rest| rest.split_once('"')).map(|(code, _)| code.to_owned()));
    }
    let constructors = text.matches("pub(crate) fn ").count() - text.matches("fn did_you_mean").count();
    assert_eq!(codes.len(), constructors, "each constructor has a code: {codes:?}");
    let is_kebab = |code: &String| code.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    assert!(codes.iter().all(is_kebab), "{codes:?}");
    let different: BTreeSet<&String> = codes.iter().collect();
    assert_eq!(different.len(), codes.len(), "{codes:?}");
}
