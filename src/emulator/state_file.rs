//! The state file, which is replaced atomically.

use crate::files;
use std::io;
use std::path::{Path, PathBuf};

/// The state file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the state file {}: {source}", path.display())]
pub(super) struct StateError {
    path: PathBuf,
    source: io::Error,
}

/// Replaces the state file: a reader, or the next start after a crash, finds the old text or the new one.
pub(super) fn write(path: &Path, text: &str) -> Result<(), StateError> {
    files::replace(path, files::OWNER_ONLY, |to| to.write_all(text.as_bytes()))
        .map_err(|source| StateError { path: path.to_owned(), source })
}
