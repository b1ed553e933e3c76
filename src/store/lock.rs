//! The lock of a business: one apply at a time on a machine. The system releases it when its process ends.

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

/// The highest length of a holder's note, in bytes. A guess, far above any real note; a longer one is ignored.
const NOTE_LIMIT: u64 = 64 * 1024;

/// The exclusive right to apply to a business on this machine, until it is dropped.
///
/// The system releases it when the process ends, also after a crash.
#[derive(Debug)]
pub struct Lock {
    /// Dropped last, so the note is removed before the lock is released.
    _file: File,
    folder: PathBuf,
    business: BusinessId,
}

/// The result of an attempt to take a lock.
#[derive(Debug)]
pub enum Attempt<L> {
    /// The lock is taken.
    Taken(L),
    /// Another run holds it.
    Held(Holder),
}

impl<L> Attempt<L> {
    /// Applies a function to the lock.
    pub(super) fn map<M>(self, into: impl FnOnce(L) -> M) -> Attempt<M> {
        match self {
            Self::Taken(lock) => Attempt::Taken(into(lock)),
            Self::Held(holder) => Attempt::Held(holder),
        }
    }
}

/// The holder of a lock, as far as its note says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holder {
    /// The id of its run, if the lock tells it.
    pub run: Option<Name>,
    /// The process, if it is known.
    pub by: Option<Runner>,
    /// The time since which it holds the lock, if it is known.
    pub since: Option<Timestamp>,
}

/// The holder's note in a file beside the lock. Some systems forbid reading a locked file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Note<'a> {
    pub(super) by: RunnerEntry<'a>,
    pub(super) since: AsText<Timestamp>,
}

impl Note<'_> {
    pub(super) fn read(self) -> Holder {
        Holder { run: None, by: Some(self.by.read()), since: Some(self.since.0) }
    }
}

impl Lock {
    /// Takes the lock of a business, unless another run holds it.
    ///
    /// # Errors
    ///
    /// If the folder cannot be created, or the file system has no locks.
    pub fn try_take(state_dir: &Path, business: BusinessId) -> Result<Attempt<Self>, JournalError> {
        let folder = super::state::folder(state_dir, business);
        loop {
            let (path, file) = open(&folder)?;
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => return Ok(Attempt::Held(holder(&folder))),
                Err(TryLockError::Error(error)) => return Err(refused(path, error)),
                Ok(()) if is_ours(&file, &path)? => {
                    return Ok(Attempt::Taken(Self::taken(file, folder, business)));
                }
                // The file was removed in the meantime; other runs will lock the new one.
                Ok(()) => {}
            }
        }
    }

    /// Takes the lock of a business, and waits while another run holds it.
    ///
    /// If this future is dropped, the lock may still be taken later and is then released at once.
    ///
    /// # Errors
    ///
    /// As for [`Lock::try_take`].
    pub async fn wait(state_dir: &Path, business: BusinessId, clock: &Clock) -> Result<Self, JournalError> {
        let folder = super::state::folder(state_dir, business);
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
        // The note only tells other runs which process they wait for. The lock works without it.
        if let Err(error) = note(&folder) {
            tracing::info!("who holds the lock could not be noted: {error}");
        }
        Self { _file: file, folder, business }
    }

    /// Returns the business.
    pub fn business(&self) -> BusinessId {
        self.business
    }

    /// Returns the folder of the lock.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // If the note cannot be removed, the next holder overwrites it.
        let _ = std::fs::remove_file(note_path(&self.folder));
    }
}

fn open(folder: &Path) -> Result<(PathBuf, File), JournalError> {
    make_folder(folder)?;
    let path = folder.join("lock");
    let mut options = files::owner_only();
    match files::open_private(&path, options.read(true).write(true).create(true).truncate(false)) {
        Ok(file) => Ok((path, file)),
        Err(error) => Err(JournalError::Lock { path, source: Arc::new(error) }),
    }
}

fn is_ours(file: &File, path: &Path) -> Result<bool, JournalError> {
    is_at(file, path).map_err(|error| JournalError::Lock { path: path.to_owned(), source: Arc::new(error) })
}

fn refused(path: PathBuf, error: io::Error) -> JournalError {
    let source = Arc::new(error);
    // Linux returns ENOLCK for a network file system without a lock service. `ErrorKind` has no variant for it.
    let no_locks = source.kind() == io::ErrorKind::Unsupported
        || (cfg!(target_os = "linux") && source.raw_os_error() == Some(37));
    if no_locks { JournalError::NoLocks { path, source } } else { JournalError::Lock { path, source } }
}

fn note_path(folder: &Path) -> PathBuf {
    folder.join("lock.holder")
}

fn note(folder: &Path) -> io::Result<()> {
    let note = Note { by: identity::am_i(), since: moment(Timestamp::now()) };
    // A new file: one that is there could be a link.
    files::replace(&note_path(folder), files::OWNER_ONLY, |to| json::write_document(&note, to))
}

/// Reads the holder's note. Without a valid note the holder is unknown.
fn holder(folder: &Path) -> Holder {
    let mut text = String::new();
    let read = files::open_private(&note_path(folder), File::options().read(true))
        .and_then(|file| file.take(NOTE_LIMIT).read_to_string(&mut text));
    match (read, serde_json::from_str::<Note<'_>>(&text)) {
        (Ok(_), Ok(note)) => note.read(),
        _ => Holder::default(),
    }
}

/// Formats the holder in one line: `process 4711 of deploy on build-7 since 2026-11-23T10:00:00.123Z`.
impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = |name: &Name| shortened(&name.to_string()).into_owned();
        if let Some(run) = &self.run {
            write!(f, "run {}, ", shown(run))?;
        }
        let Some(by) = &self.by else { return f.write_str("another process") };
        write!(f, "process {}", by.pid)?;
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
