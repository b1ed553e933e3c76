//! The state file: replaced as a whole, atomically.

use super::World;
use crate::files;
use std::io;
use std::path::{Path, PathBuf};

/// The state file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the state file {}", path.display())]
pub(crate) struct StateFileError {
    path: PathBuf,
    source: io::Error,
}

/// Replaces the state file. A reader, or the next start after a crash, finds the old text or the new one.
pub(crate) fn write(path: &Path, world: &World) -> Result<(), StateFileError> {
    files::replace(path, files::OWNER_ONLY, |to| world.write_yaml(to))
        .map_err(|source| StateFileError { path: path.to_owned(), source })
}
