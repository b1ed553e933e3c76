//! The seam to everything that wabacl remembers: where the state is, and who reaches it how.

use super::due::{self, DueItem, DueObjects, OpenEvent};
use super::error::JournalError;
use super::identity;
use super::inventory::Inventory;
use super::lease::ChainLease;
use super::line::{Line, MovedLine};
use super::lock::{Attempt, Lock};
use super::migrate;
use super::objects::Objects;
use super::read::{Keep, last_line, read, read_filtered};
use super::remote::{LeaseState, Remote, Taking};
use super::retention::Prunable;
use super::shared_calls::SharedCalls;
use crate::chain::Forced;
use crate::clock::Clock;
use crate::model::{BusinessId, History, HistoryFilter, SeenInHistory};
use crate::text::escape;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
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
    pub(super) backend: Backend,
}

/// Where the state is.
#[derive(Debug, Clone)]
pub(super) enum Backend {
    /// A folder of this machine, with a folder for each business.
    Folder(PathBuf),
    /// An object store that machines share.
    Remote(Remote),
}

impl StateStore {
    /// Returns the state in a folder of this machine. The folder need not exist.
    pub fn folder(path: impl Into<PathBuf>) -> Self {
        Self { backend: Backend::Folder(path.into()) }
    }

    /// Returns the state in an object store. This machine counts its calls in the folder `call_log`, if there is one.
    pub fn objects(objects: Objects, call_log: Option<PathBuf>) -> Self {
        Self { backend: Backend::Remote(Remote::new(objects, call_log)) }
    }

    /// Returns whether machines share the state.
    pub fn is_shared(&self) -> bool {
        matches!(self.backend, Backend::Remote(_))
    }

    /// Returns the URL.
    ///
    /// # Errors
    ///
    /// If the path of a folder cannot be one.
    pub fn url(&self) -> Result<String, JournalError> {
        match &self.backend {
            Backend::Folder(path) => {
                let fails = |error| JournalError::Folder { path: path.clone(), source: Arc::new(error) };
                let absolute = std::path::absolute(path).map_err(fails)?;
                let text =
                    absolute.to_str().ok_or_else(|| fails(io::Error::other("its path is not UTF-8")))?;
                Ok(file_url(text))
            }
            Backend::Remote(remote) => Ok(remote.url().trim_end_matches('/').to_owned()),
        }
    }

    /// Returns the businesses that have a journal or an inventory, by id.
    ///
    /// # Errors
    ///
    /// If the state cannot be listed.
    pub async fn businesses_to_move(&self) -> Result<Vec<BusinessId>, JournalError> {
        match &self.backend {
            Backend::Folder(path) => folders(path, |id| {
                journal_path(path, id).is_file()
                    || Inventory::load_all(path, id).map_or(true, |found| !found.is_empty())
            }),
            Backend::Remote(remote) => migrate::businesses_of(remote).await,
        }
    }

    /// Returns the businesses with a journal, by id; none if there is no state yet.
    ///
    /// # Errors
    ///
    /// If the state cannot be listed.
    pub async fn businesses(&self) -> Result<Vec<BusinessId>, JournalError> {
        match &self.backend {
            Backend::Folder(path) => businesses(path),
            Backend::Remote(remote) => remote.businesses().await,
        }
    }

    /// Checks that the state as a whole has not moved to another place.
    ///
    /// # Errors
    ///
    /// [`JournalError::Moved`] if it has; also if that cannot be found out.
    pub async fn check_in_place(&self) -> Result<(), JournalError> {
        match &self.backend {
            Backend::Folder(path) => migrate::check_root(path),
            Backend::Remote(remote) => remote.check_not_moved().await,
        }
    }

    /// Reads the journal of a business. Without one, the history is empty.
    ///
    /// # Errors
    ///
    /// As for [`read`].
    pub async fn history(&self, business: BusinessId, keep: Keep) -> Result<History, JournalError> {
        match &self.backend {
            Backend::Folder(path) => {
                migrate::check_complete(path, business)?;
                read(&journal_path(path, business), keep)
            }
            Backend::Remote(remote) => {
                remote.history(business, keep, &HistoryFilter::default()).await.map(|(history, _)| history)
            }
        }
    }

    /// Reads what a filter takes of the journal of a business, and returns what there is besides.
    ///
    /// # Errors
    ///
    /// As for [`read_filtered`].
    pub async fn filtered_history(
        &self,
        business: BusinessId,
        keep: Keep,
        filter: &HistoryFilter,
    ) -> Result<(History, SeenInHistory), JournalError> {
        match &self.backend {
            Backend::Folder(path) => {
                migrate::check_complete(path, business)?;
                read_filtered(&journal_path(path, business), keep, filter)
            }
            Backend::Remote(remote) => remote.history(business, keep, filter).await,
        }
    }

    /// Reads the inventories of all sets of a business.
    ///
    /// # Errors
    ///
    /// If one cannot be read, or is not an inventory of a version that this program knows.
    pub async fn inventories(&self, business: BusinessId) -> Result<Vec<Inventory>, JournalError> {
        match &self.backend {
            Backend::Folder(path) => Inventory::load_all(path, business),
            Backend::Remote(remote) => remote.inventories(business).await,
        }
    }

    /// Replaces the inventory of a set. Only the holder of the lock may do so.
    ///
    /// # Errors
    ///
    /// If it cannot be written. The old one is then left as it was.
    pub async fn save_inventory(
        &self,
        business: BusinessId,
        inventory: &Inventory,
        at: Timestamp,
    ) -> Result<(), JournalError> {
        match &self.backend {
            Backend::Folder(path) => inventory.save(path, business, at),
            Backend::Remote(remote) => remote.save_inventory(business, inventory, at).await,
        }
    }

    /// Takes the lock of a business, unless another run holds it.
    ///
    /// # Errors
    ///
    /// If the state cannot be written, or has no locks.
    pub async fn try_lock(
        &self,
        business: BusinessId,
        clock: &Clock,
    ) -> Result<Attempt<StateLock>, JournalError> {
        match &self.backend {
            Backend::Folder(path) => {
                let attempt = Lock::try_take(path, business)?;
                if matches!(attempt, Attempt::Taken(_)) {
                    check_usable(path, business)?;
                }
                Ok(attempt.map(StateLock::Folder))
            }
            Backend::Remote(remote) => {
                Ok(remote.take(business, Taking::default(), clock).await?.map(StateLock::Lease))
            }
        }
    }

    /// Takes the lock of a business, and waits while another run holds it.
    ///
    /// # Errors
    ///
    /// As for [`StateStore::try_lock`].
    pub async fn lock(&self, business: BusinessId, clock: &Clock) -> Result<StateLock, JournalError> {
        let waiting = Taking { wait: true, ..Taking::default() };
        match &self.backend {
            Backend::Folder(path) => {
                let lock = Lock::wait(path, business, clock).await?;
                check_usable(path, business)?;
                Ok(StateLock::Folder(lock))
            }
            Backend::Remote(remote) => match remote.take(business, waiting, clock).await? {
                Attempt::Taken(lease) => Ok(StateLock::Lease(lease)),
                // It waits until it is not held.
                Attempt::Held(_) => Err(JournalError::Ended),
            },
        }
    }

    /// Releases the leases that were dropped before anything was sent under them. A lock of a folder is released when it is
    /// dropped.
    pub async fn release_dropped(&self) {
        if let Backend::Remote(remote) = &self.backend {
            remote.release_abandoned().await;
        }
    }

    /// Stores what events made due, for other replicas, or notes that it is done. Without a shared state there are none.
    ///
    /// # Errors
    ///
    /// If an object cannot be put. Others may have been.
    pub async fn put_due(
        &self,
        business: BusinessId,
        events: &BTreeMap<DueItem, OpenEvent>,
        is_done: bool,
    ) -> Result<(), JournalError> {
        match &self.backend {
            Backend::Folder(_) => Ok(()),
            Backend::Remote(remote) => due::put(remote.objects(), business, events, is_done).await,
        }
    }

    /// Reads what is due in a shared state, as far as it has changed.
    ///
    /// # Errors
    ///
    /// If it cannot be listed or read.
    pub async fn read_due(&self, business: BusinessId, known: &mut DueObjects) -> Result<(), JournalError> {
        match &self.backend {
            Backend::Folder(_) => Ok(()),
            Backend::Remote(remote) => known.update(remote.objects(), business).await,
        }
    }

    /// Tests whether a store that machines share keeps a state. A folder needs no test.
    ///
    /// # Errors
    ///
    /// If it does not, or cannot be used.
    pub async fn test_store(&self) -> Result<(), JournalError> {
        match &self.backend {
            Backend::Folder(_) => Ok(()),
            Backend::Remote(remote) => remote.test_store().await,
        }
    }

    /// Returns the lease of a business; `None` if machines do not share the state.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub async fn lease(&self, business: BusinessId) -> Result<Option<LeaseState>, JournalError> {
        match &self.backend {
            Backend::Folder(_) => Ok(None),
            Backend::Remote(remote) => remote.lease(business).await.map(Some),
        }
    }

    /// Takes the lease of a business away from a run; `None` if machines do not share the state.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn force_release(
        &self,
        business: BusinessId,
        run: &str,
        clock: &Clock,
    ) -> Result<Option<Forced>, JournalError> {
        match &self.backend {
            Backend::Folder(_) => Ok(None),
            Backend::Remote(remote) => remote.force_release(business, run, clock).await.map(Some),
        }
    }

    /// Returns what can be removed of a business if everything younger than `keep` (at least [`LEAST_KEPT`](super::LEAST_KEPT))
    /// stays, except for call counts, which are kept for two days; and removes it if `delete` is set; `None` if machines do not share the state.
    ///
    /// # Errors
    ///
    /// If the store fails. Then nothing is lost, and it can be done again.
    pub async fn prune(
        &self,
        business: BusinessId,
        keep: SignedDuration,
        now: Timestamp,
        delete: bool,
    ) -> Result<Option<Prunable>, JournalError> {
        match &self.backend {
            Backend::Folder(_) => Ok(None),
            Backend::Remote(remote) => remote.prune(business, keep, now, delete).await.map(Some),
        }
    }

    /// Returns how many objects of earlier self-tests of the store can be removed, and removes them if `delete` is set.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn prune_self_tests(&self, now: Timestamp, delete: bool) -> Result<usize, JournalError> {
        match &self.backend {
            Backend::Folder(_) => Ok(0),
            Backend::Remote(remote) => remote.prune_self_tests(now, delete).await,
        }
    }

    /// Begins to count the calls of a run together with those on other machines; `None` if machines do not share the state.
    pub fn shared_calls(&self, business: BusinessId, clock: &Clock) -> Option<SharedCalls> {
        let Backend::Remote(remote) = &self.backend else { return None };
        let machine = identity::machine(remote.call_log().map(PathBuf::as_path));
        Some(SharedCalls::new(remote.objects.clone(), business, &machine, clock))
    }

    /// Returns the folder of the call log of a business, if there is one. Of a state that machines share, it is a folder of
    /// this machine.
    pub fn call_log(&self, business: BusinessId) -> Option<PathBuf> {
        match &self.backend {
            Backend::Folder(path) => Some(folder(path, business)),
            Backend::Remote(remote) => remote.call_log().map(|path| folder(path, business)),
        }
    }
}

/// The lock of a business, until it is dropped.
#[derive(Debug)]
pub enum StateLock {
    /// The lock of a folder.
    Folder(Lock),
    /// The lease in an object store.
    Lease(ChainLease),
}

impl From<Lock> for StateLock {
    fn from(lock: Lock) -> Self {
        Self::Folder(lock)
    }
}

impl StateLock {
    /// Returns the business.
    pub fn business(&self) -> BusinessId {
        match self {
            Self::Folder(lock) => lock.business(),
            Self::Lease(lease) => lease.business(),
        }
    }

    /// Notes that no write of an earlier run is in flight.
    pub fn note_settled(&self) {
        if let Self::Lease(lease) = self {
            lease.note_settled();
        }
    }
}

/// Formats the location, escaped.
impl fmt::Display for StateStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.backend {
            Backend::Folder(path) => f.write_str(&escape(&path.display().to_string())),
            Backend::Remote(remote) => f.write_str(&remote.location()),
        }
    }
}

/// Returns the URL of an absolute path.
fn file_url(path: &str) -> String {
    let mut url = String::from("file:///");
    for byte in path.replace('\\', "/").trim_matches('/').bytes() {
        match byte {
            b'/' | b':' | b'-' | b'.' | b'_' | b'~' => url.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => url.push(char::from(byte)),
            // Writing to a string cannot fail.
            _ => _ = write!(url, "%{byte:02X}"),
        }
    }
    url
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
    folders(state_dir, |id| journal_path(state_dir, id).is_file())
}

/// Returns the folders of businesses that fulfil a condition.
fn folders(state_dir: &Path, is_one: impl Fn(BusinessId) -> bool) -> Result<Vec<BusinessId>, JournalError> {
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
        found.extend(id.filter(|id| is_one(*id)));
    }
    found.sort_unstable();
    Ok(found)
}

/// Returns where the state of a business in a folder has moved to, by the last line of its journal; escaped.
pub(super) fn folder_moved_to(
    state_dir: &Path,
    business: BusinessId,
) -> Result<Option<String>, JournalError> {
    let moved = last_line(&journal_path(state_dir, business))?;
    Ok(moved.and_then(|line| match Line::from_text(&line) {
        Ok(Line::Moved(MovedLine { to, .. })) => Some(escape(&to).into_owned()),
        Ok(_) | Err(_) => None,
    }))
}

/// Checks that the state of a business in a folder has not moved, and is complete. The caller holds the lock.
fn check_usable(state_dir: &Path, business: BusinessId) -> Result<(), JournalError> {
    migrate::check_root(state_dir)?;
    if let Some(to) = folder_moved_to(state_dir, business)? {
        return Err(JournalError::Moved {
            location: escape(&state_dir.display().to_string()).into_owned(),
            to,
        });
    }
    migrate::check_complete(state_dir, business)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_of_a_folder_is_plain() {
        for (path, expected) in [
            ("/var/lib/wabacl/", "file:///var/lib/wabacl"),
            ("/a b/\u{e4}%#?", "file:///a%20b/%C3%A4%25%23%3F"),
            ("C:\\state", "file:///C:/state"),
        ] {
            assert_eq!(file_url(path), expected);
        }
    }
}
