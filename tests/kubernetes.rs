//! The manifests for Kubernetes call the program as it is: its verbs and options exist, and take the values of the
//! settings. `.ci/kubernetes.py` checks the rest of them.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

const FOLDER: &str = "deploy/kubernetes";

/// Returns the YAML files of a folder and of those below it, sorted.
fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(yaml_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Adds the arguments of all containers that run the program: the first one is a verb, and not an option.
fn find_arguments(value: &Value, found: &mut Vec<Vec<String>>) {
    match value {
        Value::Object(entries) => {
            let args = entries.get("args").and_then(Value::as_array);
            let args = args.map(|args| args.iter().map(|arg| arg.as_str().unwrap().to_owned()));
            found.extend(args.map(Iterator::collect).filter(|args: &Vec<String>| !args[0].starts_with("--")));
            entries.values().for_each(|entry| find_arguments(entry, found));
        }
        Value::Array(entries) => entries.iter().for_each(|entry| find_arguments(entry, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Returns the options that the patch of a kustomization adds.
fn patched(text: &str) -> Vec<String> {
    let value = |line: &str| {
        let (_, value) = line.split_once("/args/-, value: ")?;
        Some(value.trim_end_matches('}').trim().to_owned())
    };
    text.lines().filter_map(value).collect()
}

/// Returns the settings of the base.
fn settings() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(Path::new(FOLDER).join("base/settings.env")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once('=')).map(|(name, value)| (name.into(), value.into())).collect()
}

/// Puts the settings in the places of `$(NAME)`, as Kubernetes does.
fn filled(argument: &str, settings: &BTreeMap<String, String>) -> String {
    let filled = settings
        .iter()
        .fold(argument.to_owned(), |text, (name, value)| text.replace(&format!("$({name})"), value));
    assert!(!filled.contains("$("), "{argument}: no such setting");
    filled
}

#[test]
fn the_program_takes_the_arguments_of_the_manifests() {
    let mut commands = Vec::new();
    let mut additions = Vec::new();
    for file in yaml_files(Path::new(FOLDER)) {
        let text = std::fs::read_to_string(&file).unwrap();
        let documents: Vec<Value> =
            serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        for document in &documents {
            find_arguments(document, &mut commands);
        }
        additions.extend(patched(&text));
    }
    let verbs: Vec<&str> = commands.iter().map(|command| command[0].as_str()).collect();
    assert_eq!(verbs, ["reconcile", "drift"]);
    assert_eq!(additions.len(), 2, "{additions:?}");
    commands[0].extend(additions);

    let settings = settings();
    for command in commands {
        let words: Vec<String> = command.iter().map(|argument| filled(argument, &settings)).collect();
        // What comes before `--help` is checked first.
        let output =
            Command::new(env!("CARGO_BIN_EXE_wabacl")).args(&words).arg("--help").env_clear().output();
        let output = output.expect("the program starts");
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
