//! The house rules that no lint knows: which room may know which, and what the pure core never touches.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic as the test may")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What each room may use. The table has no way back: a room stands below those that it uses.
const MAY_USE: [(&str, &[&str]); 21] = [
    ("text", &[]),
    ("files", &[]),
    ("model", &["text"]),
    ("diagnostic", &["model", "text"]),
    ("guard", &["model", "proposal", "text"]),
    ("plan", &["model"]),
    ("clock", &[]),
    ("graph", &["clock", "files", "model", "text"]),
    ("store", &["clock", "files", "model", "proposal", "text"]),
    ("emulator", &["clock", "files", "model", "text"]),
    ("manifest", &["diagnostic", "model"]),
    ("sources", &["diagnostic", "model"]),
    ("digest", &["model"]),
    ("proposal", &["digest", "model"]),
    ("drift", &["model"]),
    ("resolve", &["diagnostic", "manifest", "model", "text"]),
    ("planfile", &["files", "model", "proposal", "text"]),
    ("render", &["diagnostic", "guard", "model", "proposal", "text"]),
    ("apply", &["clock", "graph", "guard", "model", "store"]),
    (
        "engine",
        &[
            "apply",
            "clock",
            "diagnostic",
            "digest",
            "drift",
            "graph",
            "guard",
            "manifest",
            "model",
            "plan",
            "planfile",
            "proposal",
            "resolve",
            "sources",
            "store",
            "text",
        ],
    ),
    (
        "cli",
        &[
            "apply", "clock", "emulator", "engine", "files", "graph", "guard", "manifest", "model",
            "planfile", "proposal", "render", "store", "text",
        ],
    ),
];

/// The rooms that go by their arguments alone.
const PURE: [&str; 9] =
    ["model", "diagnostic", "manifest", "resolve", "plan", "guard", "digest", "drift", "proposal"];

/// What a pure room never mentions: files, processes, the network, the clock, and whatever waits.
const IMPURE: [&str; 13] = [
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "std::thread",
    "SystemTime",
    "Instant",
    "Zoned::now",
    "Timestamp::now",
    "tokio",
    "reqwest",
    "tracing",
    "async fn",
];

/// No file has more lines.
const LINES: usize = 800;

/// A file below `src`.
struct File {
    path: PathBuf,
    /// The room that it belongs to.
    room: String,
    /// Its lines without comments and without its tests.
    code: String,
    lines: usize,
}

fn files() -> Vec<File> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    find(&source, &source, &mut files);
    assert!(files.len() > 50, "the sources are found");
    files
}

fn find(folder: &Path, source: &Path, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, source, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let inside = path.strip_prefix(source).unwrap().to_owned();
            let first = Path::new(inside.iter().next().unwrap()).file_stem().unwrap();
            let room = first.to_str().unwrap().to_owned();
            let text = fs::read_to_string(&path).unwrap();
            let is_test = path.file_name().is_some_and(|name| name == "tests.rs");
            let code = if is_test { String::new() } else { code(&text) };
            files.push(File { path: inside, room, code, lines: text.lines().count() });
        }
    }
}

/// Gives a text without its comments, and without the tests at its end.
fn code(text: &str) -> String {
    let before_tests = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let without_comments = before_tests.lines().map(|line| line.split("//").next().unwrap_or_default());
    without_comments.collect::<Vec<_>>().join("\n")
}

/// Gives the rooms that a text names after `crate::`, alone or in braces.
fn rooms_named(code: &str) -> BTreeSet<&str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let name = |text| -> &str { str::split(text, |c| !is_name(c)).next().unwrap_or_default() };
    let mut rooms = BTreeSet::new();
    for (before, _) in code.match_indices("crate::") {
        let after = &code[before + "crate::".len()..];
        let Some(list) = after.strip_prefix('{') else {
            rooms.insert(name(after));
            continue;
        };
        let (mut depth, mut begins) = (0, true);
        for (at, c) in list.char_indices() {
            if begins && is_name(c) {
                rooms.insert(name(&list[at..]));
                begins = false;
            }
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => begins = true,
                _ => {}
            }
        }
    }
    rooms
}

#[test]
fn rooms_use_only_those_below_them() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_USE.into();
    let mut wrong = Vec::new();
    for file in files().iter().filter(|file| !["lib", "main"].contains(&&*file.room)) {
        let room = file.room.as_str();
        let may = allowed.get(room).unwrap_or_else(|| panic!("{room} stands in no table"));
        for used in rooms_named(&file.code).into_iter().filter(|used| allowed.contains_key(used)) {
            if used != room && !may.contains(&used) {
                wrong.push(format!("{} uses {used}", file.path.display()));
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn the_table_has_no_way_back() {
    let mut below: BTreeSet<&str> = BTreeSet::new();
    let mut left: Vec<_> = MAY_USE.to_vec();
    while !left.is_empty() {
        let before = left.len();
        left.retain(|(room, uses)| {
            let stands = uses.iter().all(|used| below.contains(used));
            if stands {
                below.insert(room);
            }
            !stands
        });
        assert!(left.len() < before, "these use each other: {left:?}");
    }
}

#[test]
fn the_core_goes_by_its_arguments_alone() {
    let mut wrong = Vec::new();
    for file in files().iter().filter(|file| PURE.contains(&&*file.room)) {
        let found = IMPURE.iter().filter(|word| file.code.contains(*word));
        wrong.extend(found.map(|word| format!("{} mentions {word}", file.path.display())));
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn one_room_knows_each_foreign_format() {
    let homes: [(&str, &[&str]); 4] = [
        ("serde_saphyr", &["manifest", "emulator"]),
        ("reqwest", &["graph", "cli"]),
        ("axum", &["emulator"]),
        ("annotate_snippets", &["render"]),
    ];
    let mut wrong = Vec::new();
    for file in files() {
        let strangers = homes
            .iter()
            .filter(|(word, at_home)| file.code.contains(word) && !at_home.contains(&&*file.room));
        wrong.extend(strangers.map(|(word, _)| format!("{} mentions {word}", file.path.display())));
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn no_file_is_too_long() {
    let long = files().into_iter().filter(|file| file.lines > LINES);
    let long: Vec<String> = long.map(|file| format!("{}: {}", file.path.display(), file.lines)).collect();
    assert_eq!(long, [""; 0]);
}

#[test]
fn what_is_named_after_crate_is_found() {
    let code = "use crate::model::{Name, Task};\nuse crate::{render, plan::{self, x}, guard};\ncrate::graph::go(\"{\")";
    assert_eq!(rooms_named(code), BTreeSet::from(["model", "render", "plan", "guard", "graph"]));
}
