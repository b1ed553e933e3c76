//! House rules that no lint checks: imports between modules, purity of the core, file length, plain words.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic as the test may")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The modules that each module may use. There are no cycles.
const MAY_USE: [(&str, &[&str]); 32] = [
    ("text", &[]),
    ("files", &[]),
    ("redact", &[]),
    ("model", &["text"]),
    ("diagnostic", &["model", "text"]),
    ("guard", &["access_test", "model", "proposal", "text"]),
    ("access_test", &["diagnostic", "model", "text"]),
    ("plan", &["model"]),
    ("clock", &[]),
    ("chain", &[]),
    ("mac", &[]),
    ("reconcile", &[]),
    ("listener", &["clock"]),
    ("webhook", &["clock", "listener", "mac", "model", "redact", "text"]),
    ("graph", &["clock", "mac", "model", "redact", "store", "text"]),
    ("store", &["chain", "clock", "documents", "files", "model", "proposal", "redact", "text"]),
    ("emulator", &["clock", "files", "model", "text"]),
    ("manifest", &["diagnostic", "model"]),
    ("sources", &["diagnostic", "files", "model", "redact"]),
    ("digest", &["model"]),
    ("proposal", &["digest", "model"]),
    ("drift", &["model"]),
    ("query", &["model"]),
    ("review", &["diagnostic", "digest", "model", "query", "text"]),
    ("mining", &["model"]),
    ("import", &["mining", "model", "text"]),
    ("resolve", &["diagnostic", "manifest", "model", "text"]),
    (
        "documents",
        &[
            "access_test",
            "diagnostic",
            "files",
            "guard",
            "model",
            "proposal",
            "query",
            "redact",
            "review",
            "text",
        ],
    ),
    (
        "render",
        &[
            "access_test",
            "diagnostic",
            "documents",
            "guard",
            "import",
            "model",
            "proposal",
            "query",
            "review",
            "text",
        ],
    ),
    ("apply", &["clock", "graph", "guard", "model", "store"]),
    (
        "engine",
        &[
            "access_test",
            "apply",
            "clock",
            "diagnostic",
            "digest",
            "documents",
            "drift",
            "files",
            "graph",
            "guard",
            "import",
            "manifest",
            "model",
            "plan",
            "proposal",
            "query",
            "reconcile",
            "resolve",
            "review",
            "sources",
            "store",
            "text",
            "webhook",
        ],
    ),
    (
        "cli",
        &[
            "access_test",
            "apply",
            "chain",
            "clock",
            "documents",
            "emulator",
            "engine",
            "files",
            "graph",
            "guard",
            "import",
            "listener",
            "manifest",
            "model",
            "proposal",
            "query",
            "reconcile",
            "redact",
            "render",
            "review",
            "sources",
            "store",
            "text",
            "webhook",
        ],
    ),
];

/// The modules whose results depend only on their arguments.
const PURE: [&str; 14] = [
    "model",
    "diagnostic",
    "manifest",
    "resolve",
    "plan",
    "guard",
    "digest",
    "drift",
    "proposal",
    "access_test",
    "query",
    "review",
    "mining",
    "import",
];

/// Modules that are pure, though not part of the core.
const ALSO_PURE: [&str; 2] = ["chain", "reconcile"];

/// Files that are pure, though their module does I/O too.
const PURE_FILES: [&str; 5] = [
    "webhook/events.rs",
    "webhook/handshake.rs",
    "webhook/json.rs",
    "webhook/queue.rs",
    "webhook/signature.rs",
];

/// What a pure module must not mention: files, processes, the network, the clock, async code and logging.
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

/// The maximum number of lines of a file, from the house style.
const LINES: usize = 800;

/// A file below `src`.
struct File {
    /// The path below `src`.
    path: PathBuf,
    /// The top-level module that it belongs to.
    module: String,
    text: String,
}

impl File {
    fn is_rust(&self) -> bool {
        self.path.extension().is_some_and(|extension| extension == "rs")
    }

    /// Returns the code without comments and tests.
    fn code(&self) -> String {
        if self.path.ends_with("tests.rs") {
            return String::new();
        }
        let before_tests = self.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let without_comments = before_tests.lines().map(|line| line.split("//").next().unwrap_or_default());
        without_comments.collect::<Vec<_>>().join("\n")
    }
}

fn files() -> Vec<File> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    find(&source, &source, &mut files);
    assert!(files.len() > 50, "the sources are found");
    files
}

fn rust_files() -> impl Iterator<Item = File> {
    files().into_iter().filter(File::is_rust)
}

fn find(folder: &Path, source: &Path, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, source, files);
        } else {
            let text = fs::read_to_string(&path).unwrap();
            let path = path.strip_prefix(source).unwrap().to_owned();
            let module = Path::new(path.iter().next().unwrap()).file_stem().unwrap();
            let module = module.to_str().unwrap().to_owned();
            files.push(File { path, module, text });
        }
    }
}

/// Returns the modules that code names after `crate::`, alone or in braces.
fn modules_named(code: &str) -> BTreeSet<&str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let name = |text| -> &str { str::split(text, |c| !is_name(c)).next().unwrap_or_default() };
    let mut modules = BTreeSet::new();
    for (before, _) in code.match_indices("crate::") {
        let after = &code[before + "crate::".len()..];
        let Some(list) = after.strip_prefix('{') else {
            modules.insert(name(after));
            continue;
        };
        let (mut depth, mut starts) = (0, true);
        for (at, c) in list.char_indices() {
            if starts && is_name(c) {
                modules.insert(name(&list[at..]));
                starts = false;
            }
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => starts = true,
                _ => {}
            }
        }
    }
    modules
}

#[test]
fn modules_use_only_those_below_them() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_USE.into();
    let mut wrong = Vec::new();
    for file in rust_files().filter(|file| !["lib", "main"].contains(&&*file.module)) {
        let module = file.module.as_str();
        let may_use = allowed.get(module).unwrap_or_else(|| panic!("{module} is missing in MAY_USE"));
        let code = file.code();
        for used in modules_named(&code).into_iter().filter(|used| allowed.contains_key(used)) {
            if used != module && !may_use.contains(&used) {
                wrong.push(format!("{} uses {used}", file.path.display()));
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn the_table_has_no_cycles() {
    let mut below: BTreeSet<&str> = BTreeSet::new();
    let mut left: Vec<_> = MAY_USE.to_vec();
    while !left.is_empty() {
        let before = left.len();
        left.retain(|(module, uses)| {
            let is_above = uses.iter().all(|used| below.contains(used));
            if is_above {
                below.insert(module);
            }
            !is_above
        });
        assert!(left.len() < before, "these modules use each other: {left:?}");
    }
}

#[test]
fn the_core_is_pure() {
    let mut wrong = Vec::new();
    let is_pure = |file: &File| {
        let is_listed = PURE_FILES.iter().any(|path| file.path == Path::new(path));
        PURE.contains(&&*file.module) || ALSO_PURE.contains(&&*file.module) || is_listed
    };
    let files: Vec<File> = rust_files().filter(is_pure).collect();
    assert!(PURE_FILES.iter().all(|path| files.iter().any(|file| file.path == Path::new(path))));
    for file in files {
        let code = file.code();
        let found = IMPURE.iter().filter(|word| code.contains(*word));
        wrong.extend(found.map(|word| format!("{} mentions {word}", file.path.display())));
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn each_foreign_format_is_confined_to_its_modules() {
    let homes: [(&str, &[&str]); 8] = [
        ("csv::", &["manifest"]),
        ("rust_xlsxwriter", &["render"]),
        ("serde_saphyr", &["manifest", "emulator", "documents"]),
        ("reqwest", &["graph", "cli"]),
        ("axum", &["emulator"]),
        ("hyper::", &["listener"]),
        ("object_store", &["store"]),
        ("annotate_snippets", &["render"]),
    ];
    let mut wrong = Vec::new();
    for file in rust_files() {
        let code = file.code();
        let strangers =
            homes.iter().filter(|(word, modules)| code.contains(word) && !modules.contains(&&*file.module));
        wrong.extend(strangers.map(|(word, _)| format!("{} mentions {word}", file.path.display())));
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn no_file_is_too_long() {
    let long = rust_files().map(|file| (file.text.lines().count(), file.path));
    let long = long.filter(|(lines, _)| *lines > LINES);
    let long: Vec<String> = long.map(|(lines, path)| format!("{}: {lines}", path.display())).collect();
    assert_eq!(long, [""; 0]);
}

#[test]
fn the_action_knows_every_guard() {
    let script =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("action/arguments.sh")).unwrap();
    let line = script.lines().find_map(|line| line.strip_prefix("readonly GUARDS=\"")).unwrap();
    let known: BTreeSet<&str> = line.trim_end_matches('"').split(' ').collect();
    let unknown: Vec<&str> = wabacl::guard::Guard::ALL
        .iter()
        .map(|guard| guard.code())
        .filter(|code| !known.contains(code))
        .collect();
    assert_eq!(unknown, Vec::<&str>::new(), "add them to GUARDS in action/arguments.sh");
}

#[test]
fn modules_named_after_crate_are_found() {
    let code = "use crate::model::{Name, Task};\nuse crate::{render, plan::{self, x}, guard};\ncrate::graph::go(\"{\")";
    assert_eq!(modules_named(code), BTreeSet::from(["model", "render", "plan", "guard", "graph"]));
}

/// Verbs that must not start a doc comment. Use "Returns", "Formats", "Writes" instead.
const VAGUE_VERBS: [&str; 3] = ["Gives", "Tells", "Says"];

/// Words of the former private dialect.
const DIALECT: [&str; 4] = ["whom", "told", "room", "rooms"];

/// Returns the first line of each doc comment.
fn doc_comments(text: &str) -> impl Iterator<Item = &str> {
    let doc = |line: &'_ str| -> bool { line.starts_with("///") || line.starts_with("//!") };
    let mut in_comment = false;
    text.lines().map(str::trim_start).filter_map(move |line| {
        let starts = doc(line) && !in_comment;
        in_comment = doc(line);
        starts.then(|| line[3..].trim_start())
    })
}

/// Returns the words of a text in lower case. `_` separates words too.
fn words(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_alphabetic()).map(str::to_lowercase).collect()
}

#[test]
fn texts_are_in_plain_words() {
    let mut wrong = Vec::new();
    for file in files() {
        let path = file.path.display();
        let vague = doc_comments(&file.text)
            .filter(|comment| comment.split(' ').next().is_some_and(|verb| VAGUE_VERBS.contains(&verb)));
        wrong.extend(vague.map(|comment| format!("{path}: {comment}")));
        let words = words(&file.text);
        let dialect = DIALECT.iter().filter(|word| words.contains(**word));
        wrong.extend(dialect.map(|word| format!("{path}: {word}")));
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn doc_comments_and_words_are_found() {
    let text = "//! Says this\n//! Gives that\n\nfn is_told() {}\n  /// Tells it\n  /// Says more\n";
    assert_eq!(doc_comments(text).collect::<Vec<_>>(), ["Says this", "Tells it"]);
    assert!(words(text).contains("told"));
}
