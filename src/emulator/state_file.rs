//! The state file: written whole and put in the place of the old one, or not at all.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Why the state could not be kept.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the state file {}: {source}", path.display())]
pub(super) struct StateError {
    path: PathBuf,
    source: io::Error,
}

/// Writes a text to a file so that a reader, or the next start after a crash, finds the old text or the new.
pub(super) fn write(path: &Path, text: &str) -> Result<(), StateError> {
    let temporary = beside(path);
    let written = fill(&temporary, text).and_then(|()| fs::rename(&temporary, path));
    written.map_err(|source| {
        // What is left of a failed attempt helps nobody; that it cannot go either adds nothing.
        let _ = fs::remove_file(&temporary);
        StateError { path: path.to_owned(), source }
    })
}

fn fill(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Gives the path of the temporary file: in the same folder, so that it can be renamed.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    path.with_file_name(name)
}
