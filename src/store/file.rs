//! The journal's file: readable by its owner only, append-only. Its removal is detected.
//!
//! Everything here blocks; nothing here knows the content of a line.

use super::error::JournalError;
use crate::files;
use crate::redact;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A journal's file, open for appending.
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    /// Whether the last line has no line feed because its process crashed.
    torn: bool,
}

impl LogFile {
    /// Opens the file, and creates it if necessary.
    pub(super) fn open(path: &Path) -> Result<Self, JournalError> {
        let fails = |error| write_error(path, error);
        let is_new = path.symlink_metadata().is_err();
        let mut options = files::owner_only();
        let mut file =
            files::open_private(path, options.read(true).append(true).create(true)).map_err(fails)?;
        if is_new {
            sync_folder(path).map_err(fails)?;
        }
        let torn = ends_torn(&mut file).map_err(fails)?;
        Ok(Self::new(path, file, torn))
    }

    pub(super) fn new(path: &Path, file: File, torn: bool) -> Self {
        Self { path: path.to_owned(), file, torn }
    }

    /// Appends complete lines, and syncs them if `sync` is set.
    pub(super) fn append(&mut self, lines: &[u8], sync: bool) -> Result<(), JournalError> {
        self.try_append(lines, sync).map_err(|error| write_error(&self.path, error))
    }

    fn try_append(&mut self, lines: &[u8], sync: bool) -> io::Result<()> {
        if self.torn && !lines.is_empty() {
            self.file.write_all(b"\n")?;
            self.torn = false;
        }
        self.file.write_all(&redact::bytes(lines))?;
        if sync {
            self.file.sync_data()?;
        }
        // Checked last: the lines that were just written must be in the file that readers open.
        if is_at(&self.file, &self.path)? {
            Ok(())
        } else {
            Err(io::Error::new(io::ErrorKind::NotFound, "the file was taken away while it was in use"))
        }
    }
}

/// Creates the folder of a business, with its parents, or checks that nobody else may write to it.
pub(super) fn make_folder(path: &Path) -> Result<(), JournalError> {
    let fails = |error| JournalError::Folder { path: path.to_owned(), source: Arc::new(error) };
    let is_new = !path.exists();
    files::create_private_folder(path).and_then(|()| files::check_folder_above(path)).map_err(fails)?;
    if is_new { sync_folder(path).map_err(fails) } else { Ok(()) }
}

/// Returns whether a path still leads to an open file.
#[cfg(unix)]
pub(super) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let mine = file.metadata()?;
    match path.symlink_metadata() {
        Ok(named) => Ok((mine.dev(), mine.ino()) == (named.dev(), named.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Returns whether the path exists. On systems without inode numbers an open file cannot be removed.
#[cfg(not(unix))]
pub(super) fn is_at(_: &File, path: &Path) -> io::Result<bool> {
    path.try_exists()
}

/// Syncs the folder of a new file or folder. Otherwise a crash could lose its name.
#[cfg(unix)]
pub(super) fn sync_folder(made: &Path) -> io::Result<()> {
    match made.parent() {
        Some(folder) if folder.as_os_str().is_empty() => File::open(".")?.sync_all(),
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(not(unix))]
pub(super) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Returns whether a file ends in the middle of a line.
fn ends_torn(file: &mut File) -> io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

pub(super) fn write_error(path: &Path, error: io::Error) -> JournalError {
    JournalError::Write { path: path.to_owned(), source: Arc::new(error) }
}
