//! One apply at a time for a business on a machine: a lock that the system drops with its holder.

use super::error::JournalError;
use super::file::{is_at, make_folder};
use super::write::{moment, shortened};
use super::{identity, off_thread};
use crate::clock::Clock;
use crate::documents::json;
use crate::documents::parts::RunnerEntry;
use crate::documents::values::AsText;
use crate::files;
use crate::model::{BusinessId, Name, Runner};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A note of a holder that is longer than this is nobody's, in bytes.
const NOTE_LIMIT: u64 = 64 * 1024;

/// The right to apply to a business on this machine, for as long as it is kept.
///
/// The system drops it with the process, however that ends.
#[derive(Debug)]
pub struct Lock {
    /// Dropped last: the note goes before the lock does.
    _file: File,
    folder: PathBuf,
    business: BusinessId,
}

/// What became of an attempt to take a lock.
#[derive(Debug)]
pub enum Attempt {
    /// Nobody held it.
    Taken(Lock),
    /// Another run holds it.
    Held(Holder),
}

/// Who holds a lock, as far as they have noted it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holder {
    /// Who, where it is known.
    pub by: Option<Runner>,
    /// Baseline when, where it is known.
    pub since: Option<Timestamp>,
}

/// What a holder notes beside the lock, as some systems let nobody read a locked file.
#[derive(Debug, Serialize, Deserialize)]
struct Note<'a> {
    by: RunnerEntry<'a>,
    since: AsText<Timestamp>,
}

impl Lock {
    /// Takes the lock of a business, unless another run holds it.
    ///
    /// # Errors
    ///
    /// Where the folder cannot be made, or the file system knows no locks.
    pub fn try_take(state_dir: &Path, business: BusinessId) -> Result<Attempt, JournalError> {
        let folder = super::folder(state_dir, business);
        loop {
            let (path, file) = open(&folder)?;
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => return Ok(Attempt::Held(holder(&folder))),
                Err(TryLockError::Error(error)) => return Err(refused(path, error)),
                Ok(()) if is_ours(&file, &path)? => {
                    return Ok(Attempt::Taken(Self::taken(file, folder, business)));
                }
                // Somebody took the file away in between: others will lock the new one.
                Ok(()) => {}
            }
        }
    }

    /// Takes the lock of a business, and waits for as long as another run holds it.
    ///
    /// A wait that is given up may get the lock later, and lets go of it at once.
    ///
    /// # Errors
    ///
    /// As for [`Lock::try_take`].
    pub async fn wait(state_dir: &Path, business: BusinessId, clock: &Clock) -> Result<Self, JournalError> {
        let folder = super::folder(state_dir, business);
        off_thread(clock, move || {
            loop {
                let (path, file) = open(&folder)?;
                file.lock().map_err(|error| refused(path.clone(), error))?;
                if is_ours(&file, &path)? {
                    return Ok(Self::taken(file, folder, business));
                }
            }
        })
        .await?
    }

    fn taken(file: File, folder: PathBuf, business: BusinessId) -> Self {
        // The note only helps others to know whom they wait for; the lock holds without it.
        if let Err(error) = note(&folder) {
            tracing::info!("who holds the lock could not be noted: {error}");
        }
        Self { _file: file, folder, business }
    }

    /// Returns the business.
    pub fn business(&self) -> BusinessId {
        self.business
    }

    /// Returns the folder in which the lock lies.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A note that stays behind misleads nobody for long: whoever holds the lock next writes over it.
        let _ = std::fs::remove_file(note_path(&self.folder));
    }
}

fn open(folder: &Path) -> Result<(PathBuf, File), JournalError> {
    make_folder(folder)?;
    let path = folder.join("lock");
    match files::owner_only().read(true).write(true).create(true).truncate(false).open(&path) {
        Ok(file) => Ok((path, file)),
        Err(error) => Err(JournalError::Lock { path, source: Arc::new(error) }),
    }
}

fn is_ours(file: &File, path: &Path) -> Result<bool, JournalError> {
    is_at(file, path).map_err(|error| JournalError::Lock { path: path.to_owned(), source: Arc::new(error) })
}

fn refused(path: PathBuf, error: io::Error) -> JournalError {
    let source = Arc::new(error);
    // ENOLCK is what Linux says where a network file system has no lock service; it has no kind of its own.
    let no_locks = source.kind() == io::ErrorKind::Unsupported
        || (cfg!(target_os = "linux") && source.raw_os_error() == Some(37));
    if no_locks { JournalError::NoLocks { path, source } } else { JournalError::Lock { path, source } }
}

fn note_path(folder: &Path) -> PathBuf {
    folder.join("lock.holder")
}

fn note(folder: &Path) -> io::Result<()> {
    let note = Note { by: identity::am_i(), since: moment(Timestamp::now()) };
    let file = files::owner_only().write(true).create(true).truncate(true).open(note_path(folder))?;
    json::write_document(&note, file)
}

/// Reads who holds the lock; nobody known where there is no good note.
fn holder(folder: &Path) -> Holder {
    let mut text = String::new();
    let read = File::open(note_path(folder)).and_then(|file| file.take(NOTE_LIMIT).read_to_string(&mut text));
    match (read, serde_json::from_str::<Note<'_>>(&text)) {
        (Ok(_), Ok(note)) => Holder { by: Some(note.by.read()), since: Some(note.since.0) },
        _ => Holder::default(),
    }
}

/// Shows the holder in one line: `process 4711 of deploy on build-7 since 2026-11-23T10:00:00.123Z`.
impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(by) = &self.by else { return f.write_str("another process") };
        write!(f, "process {}", by.pid)?;
        let shown = |name: &Name| shortened(&name.to_string()).into_owned();
        if let Some(user) = &by.user {
            write!(f, " of {}", shown(user))?;
        }
        if let Some(host) = &by.host {
            write!(f, " on {}", shown(host))?;
        }
        if let Some(since) = self.since {
            write!(f, " since {since}")?;
        }
        Ok(())
    }
}
