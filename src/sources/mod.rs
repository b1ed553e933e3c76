//! Reads manifest files. Does not interpret their content.
//!
//! Only files of the trees that the user names are read: a given path may be a link, links below it must stay inside it.
//! The same holds for tables that a manifest names.
//! Files of two revisions are never mixed: if a tree changes while it is read, it is read again.

#[cfg(test)]
mod tests;
mod tree;

use crate::diagnostic::{self, Diagnostic};
use crate::files;
use crate::model::{NamedTable, SourceId, Sources};
use crate::redact;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
pub(crate) use tree::is_yaml;
use tree::{Found, Listing};

/// The path that stands for standard input.
pub const STDIN: &str = "-";

/// The maximum size of one file, in bytes. A guess: a manifest of a million lines has about 40 MiB.
const FILE_LIMIT: u64 = 128 * 1024 * 1024;
/// The maximum size of all files together, in bytes. A guess: twice the limit for one file.
const TOTAL_LIMIT: u64 = 256 * 1024 * 1024;
/// How often a tree that changes meanwhile is read. A guess: a deployment changes it once.
const ATTEMPTS: usize = 5;

/// The maximum number of tables of all manifests. A guess: one for each customer of a large business.
const TABLES: usize = 1_000;

/// Returns the tables that the text of a manifest names.
pub type TablesOf<'a> = &'a dyn Fn(&str) -> Vec<String>;

/// Reads files, and all `*.yaml` and `*.yml` files in folders and their subfolders, except hidden ones; `-` is standard
/// input. Also reads the tables that `tables_of` finds in the manifests.
///
/// The sources are in the order of the arguments, the files of a folder in the order of their names. A file that is passed
/// or named twice is read once. A path that cannot be read becomes a diagnostic.
pub fn read(paths: &[PathBuf], tables_of: TablesOf<'_>) -> (Sources, Vec<Diagnostic>) {
    let mut reader = SourceReader::new(tables_of);
    for path in paths {
        if path == Path::new(STDIN) {
            reader.stdin(io::stdin().lock());
        } else {
            reader.path(path);
        }
    }
    (reader.sources, reader.diagnostics)
}

struct SourceReader<'a> {
    tables_of: TablesOf<'a>,
    sources: Sources,
    diagnostics: Vec<Diagnostic>,
    /// The real paths of the manifests that were read.
    read: BTreeSet<PathBuf>,
    /// The tables that were read, by their real paths.
    tables: BTreeMap<PathBuf, NamedTable>,
    /// The size of those files together.
    bytes: u64,
}

/// The text of a file with its path, or why it cannot be read.
type FileText = Result<(String, String), io::Error>;

/// What one pass over a tree read.
#[derive(Default)]
struct Pass {
    /// The manifests with their real paths.
    manifests: Vec<(PathBuf, Result<ManifestText, Diagnostic>)>,
    /// The tables that were not read before, by their real paths.
    tables: BTreeMap<PathBuf, FileText>,
}

/// The text of a manifest, with the tables that it names.
struct ManifestText {
    path: String,
    text: String,
    tables: Vec<(String, Result<Found, String>)>,
}

impl<'a> SourceReader<'a> {
    fn new(tables_of: TablesOf<'a>) -> Self {
        Self {
            tables_of,
            sources: Sources::default(),
            diagnostics: Vec::new(),
            read: BTreeSet::new(),
            tables: BTreeMap::new(),
            bytes: 0,
        }
    }

    fn stdin(&mut self, stdin: impl Read) {
        match text(stdin, self.remaining()) {
            Ok(text) => {
                let names = (self.tables_of)(&text);
                let id = self.add("<stdin>", text);
                for name in names {
                    let why = "standard input has no folder; put the manifest into a file";
                    self.sources.add_table(id, name, Err(why.to_owned()));
                }
            }
            Err(error) => self.diagnostics.push(unreadable("<stdin>", &error)),
        }
    }

    fn path(&mut self, path: &Path) {
        let pass = |listing: &Listing| self.pass(listing);
        let (listing, mut pass) = match stable(path, pass, tables_are_unchanged) {
            Ok(read) => read,
            Err(diagnostic) => return self.diagnostics.push(diagnostic),
        };
        self.diagnostics.extend(listing.diagnostics);
        for (real, manifest) in std::mem::take(&mut pass.manifests) {
            self.read.insert(real);
            match manifest {
                Ok(manifest) => self.manifest(manifest, &mut pass.tables),
                Err(diagnostic) => self.diagnostics.push(diagnostic),
            }
        }
    }

    /// Adds a manifest and the tables that it names.
    fn manifest(&mut self, manifest: ManifestText, texts: &mut BTreeMap<PathBuf, FileText>) {
        let id = self.add(&manifest.path, manifest.text);
        for (name, found) in manifest.tables {
            let table = match found {
                Ok(found) => self.table(found.real, texts),
                Err(why) => Err(why),
            };
            self.sources.add_table(id, name, table);
        }
    }

    /// Adds a table, unless that was done before.
    fn table(&mut self, real: PathBuf, texts: &mut BTreeMap<PathBuf, FileText>) -> NamedTable {
        if let Some(table) = self.tables.get(&real) {
            return table.clone();
        }
        let table = match texts.remove(&real) {
            Some(Ok((path, text))) => Ok(self.add(&path, text)),
            Some(Err(error)) => Err(error.to_string()),
            None => Err(format!("the manifests name more than {TABLES} tables")),
        };
        self.tables.insert(real, table.clone());
        table
    }

    /// Reads the manifests of a listing that were not read before, and the tables that they name.
    fn pass(&self, listing: &Listing) -> Pass {
        let mut remaining = self.remaining();
        let mut pass = Pass::default();
        let mut seen = BTreeSet::new();
        for file in &listing.files {
            if self.read.contains(&file.real) || !seen.insert(&file.real) {
                continue;
            }
            let manifest = read_file(file, &mut remaining).map(|(path, text)| {
                let names = (self.tables_of)(&text);
                let tables = names.into_iter().map(|name| (tree::table(listing, file, &name), name));
                ManifestText { path, text, tables: tables.map(|(found, name)| (name, found)).collect() }
            });
            for found in manifest
                .iter()
                .flat_map(|manifest| &manifest.tables)
                .filter_map(|(_, found)| found.as_ref().ok())
            {
                let is_new = !self.tables.contains_key(&found.real) && !pass.tables.contains_key(&found.real);
                if is_new && self.tables.len() + pass.tables.len() < TABLES {
                    pass.tables
                        .insert(found.real.clone(), read_file(found, &mut remaining).map(without_mark));
                }
            }
            let manifest = manifest.map_err(|error| unreadable(&shown(&file.path), &error));
            pass.manifests.push((file.real.clone(), manifest));
        }
        pass
    }

    fn add(&mut self, path: &str, text: String) -> SourceId {
        self.bytes += text.len() as u64;
        // A manifest can hold the token by mistake; then neither a plan nor a diagnostic may quote it.
        let text = match redact::text(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(redacted) => redacted,
        };
        self.sources.add(path, text)
    }

    fn remaining(&self) -> u64 {
        TOTAL_LIMIT.saturating_sub(self.bytes)
    }
}

/// Lists a path and reads it, until it is still the same after reading. `is_unchanged` checks what the listing lacks.
fn stable<T>(
    path: &Path,
    mut read: impl FnMut(&Listing) -> T,
    is_unchanged: impl Fn(&Listing, &T) -> bool,
) -> Result<(Listing, T), Diagnostic> {
    let mut listing = tree::list(path)?;
    for _ in 0..ATTEMPTS {
        let texts = read(&listing);
        let after = tree::list(path)?;
        if after == listing && is_unchanged(&listing, &texts) {
            return Ok((listing, texts));
        }
        listing = after;
    }
    Err(diagnostic::unreadable_file(&shown(path), "it changed each time while it was read"))
}

/// Returns whether the tables that the manifests of a listing name are still those that were read.
fn tables_are_unchanged(listing: &Listing, pass: &Pass) -> bool {
    let files: BTreeMap<&PathBuf, &Found> = listing.files.iter().map(|file| (&file.real, file)).collect();
    let is_unchanged = |real: &PathBuf, manifest: &ManifestText| {
        let same = |name: &str, found: &Result<Found, String>| {
            files.get(real).is_some_and(|file| tree::table(listing, file, name) == *found)
        };
        manifest.tables.iter().all(|(name, found)| same(name, found))
    };
    let mut read = pass.manifests.iter().filter_map(|(real, manifest)| Some((real, manifest.as_ref().ok()?)));
    read.all(|(real, manifest)| is_unchanged(real, manifest))
}

/// Reads a file within a limit, and subtracts its size. Returns its path and its text.
fn read_file(file: &Found, remaining: &mut u64) -> FileText {
    if file.bytes > FILE_LIMIT.min(*remaining) {
        return Err(too_long(*remaining));
    }
    let text = text(files::open_regular(&file.real)?, *remaining)?;
    *remaining -= text.len() as u64;
    Ok((shown(&file.path), text))
}

/// Removes the mark with which spreadsheets begin a text in UTF-8.
fn without_mark((path, text): (String, String)) -> (String, String) {
    match text.strip_prefix('\u{feff}') {
        Some(rest) => (path, rest.to_owned()),
        None => (path, text),
    }
}

/// Reads a text. `remaining` is the limit in bytes that the files before it left.
fn text(mut from: impl Read, remaining: u64) -> io::Result<String> {
    let limit = FILE_LIMIT.min(remaining);
    let mut bytes = Vec::new();
    from.by_ref().take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(too_long(remaining));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(valid).filter(|byte| **byte == b'\n').count() + 1;
        io::Error::other(format!("it is not valid UTF-8 (line {line})"))
    })
}

fn too_long(remaining: u64) -> io::Error {
    io::Error::other(if remaining < FILE_LIMIT {
        "all files together exceed the limit of 256 MiB"
    } else {
        "it exceeds the limit of 128 MiB"
    })
}

fn unreadable(path: &str, error: &io::Error) -> Diagnostic {
    diagnostic::unreadable_file(path, &error.to_string())
}

/// Formats a path with `/` as the separator, on every platform.
fn shown(path: &Path) -> String {
    path.display().to_string().replace(std::path::MAIN_SEPARATOR, "/")
}
