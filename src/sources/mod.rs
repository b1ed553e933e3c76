//! Reads manifest files. Does not interpret their content.
//!
//! Only files of the trees that the user names are read: a given path may be a link, links below it must stay inside it.
//! Files of two revisions are never mixed: if a tree changes while it is read, it is read again.

#[cfg(test)]
mod tests;
mod tree;

use crate::diagnostic::{self, Diagnostic};
use crate::files;
use crate::model::Sources;
use crate::redact;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use tree::Listing;

/// The path that stands for standard input.
pub const STDIN: &str = "-";

/// The maximum size of one file, in bytes. A guess: a manifest of a million lines has about 40 MiB.
const FILE_LIMIT: u64 = 128 * 1024 * 1024;
/// The maximum size of all files together, in bytes. A guess: twice the limit for one file.
const TOTAL_LIMIT: u64 = 256 * 1024 * 1024;
/// How often a tree that changes meanwhile is read. A guess: a deployment changes it once.
const ATTEMPTS: usize = 5;

/// Reads files, and all `*.yaml` and `*.yml` files in folders and their subfolders, except hidden ones; `-` is standard
/// input.
///
/// The sources are in the order of the arguments, the files of a folder in the order of their names. A file that is passed
/// twice is read once. A path that cannot be read becomes a diagnostic.
pub fn read(paths: &[PathBuf]) -> (Sources, Vec<Diagnostic>) {
    let mut reader = SourceReader::default();
    for path in paths {
        if path == Path::new(STDIN) {
            reader.stdin(io::stdin().lock());
        } else {
            reader.path(path);
        }
    }
    (reader.sources, reader.diagnostics)
}

#[derive(Default)]
struct SourceReader {
    sources: Sources,
    diagnostics: Vec<Diagnostic>,
    /// The real paths of the files that were read.
    read: BTreeSet<PathBuf>,
    /// The size of those files together.
    bytes: u64,
}

/// The text of a file with its real path, or why it cannot be read.
type FileText = (PathBuf, Result<(String, String), Diagnostic>);

impl SourceReader {
    fn stdin(&mut self, stdin: impl Read) {
        match text(stdin, self.remaining()) {
            Ok(text) => self.add("<stdin>", text),
            Err(error) => self.diagnostics.push(unreadable("<stdin>", &error)),
        }
    }

    fn path(&mut self, path: &Path) {
        let (listing, files) = match stable(path, |listing| self.files(listing)) {
            Ok(read) => read,
            Err(diagnostic) => return self.diagnostics.push(diagnostic),
        };
        self.diagnostics.extend(listing.diagnostics);
        for (real, text) in files {
            self.read.insert(real);
            match text {
                Ok((path, text)) => self.add(&path, text),
                Err(diagnostic) => self.diagnostics.push(diagnostic),
            }
        }
    }

    /// Reads the files of a listing, except those that were read before.
    fn files(&self, listing: &Listing) -> Vec<FileText> {
        let mut remaining = self.remaining();
        let mut read = Vec::new();
        let mut seen = BTreeSet::new();
        for file in &listing.files {
            if self.read.contains(&file.real) || !seen.insert(&file.real) {
                continue;
            }
            let path = shown(&file.path);
            let text = match file.bytes {
                bytes if bytes > FILE_LIMIT.min(remaining) => Err(too_long(remaining)),
                _ => files::open_regular(&file.real).and_then(|file| text(file, remaining)),
            };
            let text = text.map_err(|error| unreadable(&path, &error));
            remaining -= text.as_ref().map_or(0, |text| text.len() as u64);
            read.push((file.real.clone(), text.map(|text| (path, text))));
        }
        read
    }

    fn add(&mut self, path: &str, text: String) {
        self.bytes += text.len() as u64;
        // A manifest can hold the token by mistake; then neither a plan nor a diagnostic may quote it.
        let text = match redact::text(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(redacted) => redacted,
        };
        self.sources.add(path, text);
    }

    fn remaining(&self) -> u64 {
        TOTAL_LIMIT.saturating_sub(self.bytes)
    }
}

/// Lists a path and reads it, until it is still the same after reading.
fn stable<T>(path: &Path, mut read: impl FnMut(&Listing) -> T) -> Result<(Listing, T), Diagnostic> {
    let mut listing = tree::list(path)?;
    for _ in 0..ATTEMPTS {
        let texts = read(&listing);
        let after = tree::list(path)?;
        if after == listing {
            return Ok((listing, texts));
        }
        listing = after;
    }
    Err(diagnostic::unreadable_file(&shown(path), "it changed each time while it was read"))
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
