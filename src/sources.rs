//! Reads the files that manifests are written in. It must not know what stands in them.

use crate::diagnostic::{self, Diagnostic};
use crate::model::Sources;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The largest file that is read, in bytes.
const FILE_LIMIT: u64 = 128 * 1024 * 1024;
/// The most that all files together may have, in bytes.
const TOTAL_LIMIT: u64 = 256 * 1024 * 1024;
/// How many folders may lie within each other.
const DEPTH_LIMIT: usize = 64;

/// Reads files, and all `*.yaml` and `*.yml` files below folders, hidden ones left out.
///
/// They come in the order of the arguments, below a folder by name; a file that is named twice is read once.
/// What cannot be read becomes a diagnostic.
pub fn read(paths: &[PathBuf]) -> (Sources, Vec<Diagnostic>) {
    let mut reading = Reading::default();
    for path in paths {
        if let Err(diagnostic) = reading.path(path) {
            reading.diagnostics.push(diagnostic);
        }
    }
    (reading.sources, reading.diagnostics)
}

#[derive(Default)]
struct Reading {
    sources: Sources,
    diagnostics: Vec<Diagnostic>,
    /// The files that are read, as the system knows them.
    read: BTreeSet<PathBuf>,
    bytes: u64,
}

impl Reading {
    fn path(&mut self, path: &Path) -> Result<(), Diagnostic> {
        let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
        if !metadata.is_dir() {
            return self.file(path);
        }
        let mut files = Vec::new();
        let mut above = Vec::new();
        find(path, &mut above, &mut files)?;
        if files.is_empty() {
            return Err(diagnostic::no_manifests(&shown(path)));
        }
        for file in files {
            if let Err(diagnostic) = self.file(&file) {
                self.diagnostics.push(diagnostic);
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path) -> Result<(), Diagnostic> {
        let known_as = path.canonicalize().map_err(|error| unreadable(path, &error))?;
        if !self.read.insert(known_as) {
            return Ok(());
        }
        let text =
            text(path, TOTAL_LIMIT.saturating_sub(self.bytes)).map_err(|error| unreadable(path, &error))?;
        self.bytes += text.len() as u64;
        self.sources.add(shown(path), text);
        Ok(())
    }
}

/// Finds the manifests below a folder, by name. `above` holds the folders on the way, as the system knows them.
fn find(folder: &Path, above: &mut Vec<PathBuf>, files: &mut Vec<PathBuf>) -> Result<(), Diagnostic> {
    let known_as = folder.canonicalize().map_err(|error| unreadable(folder, &error))?;
    if above.contains(&known_as) {
        return Err(diagnostic::unreadable_file(&shown(folder), "the folder leads back to itself by a link"));
    }
    if above.len() >= DEPTH_LIMIT {
        return Err(diagnostic::unreadable_file(
            &shown(folder),
            "the folders lie too deep within each other",
        ));
    }
    above.push(known_as);
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut paths: Vec<PathBuf> =
        entries.map_err(|error| unreadable(folder, &error))?.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths.into_iter().filter(|path| !is_hidden(path)) {
        let metadata = fs::metadata(&path).map_err(|error| unreadable(&path, &error));
        if metadata.as_ref().is_ok_and(fs::Metadata::is_dir) {
            find(&path, above, files)?;
        } else if is_yaml(&path) {
            metadata?;
            files.push(path);
        }
    }
    above.pop();
    Ok(())
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// Reads a file of at most so many bytes.
fn text(path: &Path, left: u64) -> io::Result<String> {
    // A pipe or a device could give bytes without end, or none for ever.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let limit = FILE_LIMIT.min(left);
    let mut bytes = Vec::new();
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let limit = if limit < FILE_LIMIT {
            "all files together may have 256 MiB"
        } else {
            "a file may have 128 MiB"
        };
        return Err(io::Error::other(format!("it is too large: {limit}")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(valid).filter(|byte| **byte == b'\n').count() + 1;
        io::Error::other(format!("it is not valid UTF-8 (line {line})"))
    })
}

fn unreadable(path: &Path, error: &io::Error) -> Diagnostic {
    diagnostic::unreadable_file(&shown(path), &error.to_string())
}

/// Gives a path with `/` between its parts, on every system.
fn shown(path: &Path) -> String {
    path.display().to_string().replace(std::path::MAIN_SEPARATOR, "/")
}
