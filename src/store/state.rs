//! The seam to everything that wabacl remembers: where the state is, and who reaches it how.

use super::error::JournalError;
use super::inventory::Inventory;
use super::lock::{Attempt, Lock};
use super::read::{Keep, read, read_filtered};
use crate::clock::Clock;
use crate::model::{BusinessId, History, HistoryFilter, SeenInHistory};
use crate::text::escape;
use jiff::Timestamp;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The name of a journal's file.
pub(super) const JOURNAL: &str = "journal.jsonl";

/// The state of all businesses: journals, inventories, locks and call counts.
///
/// Every other module reaches them through this type. Clones are the same state.
#[derive(Debug, Clone)]
pub struct StateStore {
    backend: Backend,
}

/// Where the state is.
#[derive(Debug, Clone)]
enum Backend {
    /// A folder of this machine, with a folder for each business.
    Folder(PathBuf),
}

impl StateStore {
    /// Returns the state in a folder of this machine. The folder need not exist.
    pub fn folder(path: impl Into<PathBuf>) -> Self {
        Self { backend: Backend::Folder(path.into()) }
    }

    /// Returns the businesses with a journal, by id; none if there is no state yet.
    ///
    /// # Errors
    ///
    /// If the state cannot be listed.
    #[allow(clippy::unused_async, reason = "a folder is read at once")]
    pub async fn businesses(&self) -> Result<Vec<BusinessId>, JournalError> {
        match &self.backend {
            Backend::Folder(path) => businesses(path),
        }
    }

    /// Reads the journal of a business. Without one, the history is empty.
    ///
    /// # Errors
    ///
    /// As for [`read`].
    #[allow(clippy::unused_async, reason = "a folder is read at once")]
    pub async fn history(&self, business: BusinessId, keep: Keep) -> Result<History, JournalError> {
        match &self.backend {
            Backend::Folder(path) => read(&journal_path(path, business), keep),
        }
    }

    /// Reads what a filter takes of the journal of a business, and returns what there is besides.
    ///
    /// # Errors
    ///
    /// As for [`read_filtered`].
    #[allow(clippy::unused_async, reason = "a folder is read at once")]
    pub async fn filtered_history(
        &self,
        business: BusinessId,
        keep: Keep,
        filter: &HistoryFilter,
    ) -> Result<(History, SeenInHistory), JournalError> {
        match &self.backend {
            Backend::Folder(path) => read_filtered(&journal_path(path, business), keep, filter),
        }
    }

    /// Reads the inventories of all sets of a business.
    ///
    /// # Errors
    ///
    /// If one cannot be read, or is not an inventory of a version that this program knows.
    #[allow(clippy::unused_async, reason = "a folder is read at once")]
    pub async fn inventories(&self, business: BusinessId) -> Result<Vec<Inventory>, JournalError> {
        match &self.backend {
            Backend::Folder(path) => Inventory::load_all(path, business),
        }
    }

    /// Replaces the inventory of a set. Only the holder of the lock may do so.
    ///
    /// # Errors
    ///
    /// If it cannot be written. The old one is then left as it was.
    #[allow(clippy::unused_async, reason = "a folder is written at once")]
    pub async fn save_inventory(
        &self,
        business: BusinessId,
        inventory: &Inventory,
        at: Timestamp,
    ) -> Result<(), JournalError> {
        match &self.backend {
            Backend::Folder(path) => inventory.save(path, business, at),
        }
    }

    /// Takes the lock of a business, unless another run holds it.
    ///
    /// # Errors
    ///
    /// If the state cannot be written, or has no locks.
    #[allow(clippy::unused_async, reason = "the lock of a folder is taken at once")]
    pub async fn try_lock(&self, business: BusinessId) -> Result<Attempt, JournalError> {
        match &self.backend {
            Backend::Folder(path) => Lock::try_take(path, business),
        }
    }

    /// Takes the lock of a business, and waits while another run holds it.
    ///
    /// # Errors
    ///
    /// As for [`StateStore::try_lock`].
    pub async fn lock(&self, business: BusinessId, clock: &Clock) -> Result<Lock, JournalError> {
        match &self.backend {
            Backend::Folder(path) => Lock::wait(path, business, clock).await,
        }
    }

    /// Returns the folder of the call log of a business.
    pub fn call_log(&self, business: BusinessId) -> PathBuf {
        match &self.backend {
            Backend::Folder(path) => folder(path, business),
        }
    }
}

/// Formats the location, escaped.
impl fmt::Display for StateStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.backend {
            Backend::Folder(path) => f.write_str(&escape(&path.display().to_string())),
        }
    }
}

/// Returns the folder of a business below the state folder.
pub(super) fn folder(state_dir: &Path, business: BusinessId) -> PathBuf {
    state_dir.join(business.to_string())
}

/// Returns the path of the journal of a business.
pub(super) fn journal_path(state_dir: &Path, business: BusinessId) -> PathBuf {
    folder(state_dir, business).join(JOURNAL)
}

pub(super) fn businesses(state_dir: &Path) -> Result<Vec<BusinessId>, JournalError> {
    let fails = |error| JournalError::Folder { path: state_dir.to_owned(), source: Arc::new(error) };
    let entries = match std::fs::read_dir(state_dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(fails(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let name = entry.map_err(fails)?.file_name();
        let id = name.to_str().and_then(|name| name.parse().ok());
        found.extend(id.filter(|id| journal_path(state_dir, *id).is_file()));
    }
    found.sort_unstable();
    Ok(found)
}
