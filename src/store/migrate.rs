//! Moves the state of a business to another place.
//!
//! The order keeps the promise that at every moment at most one of the two places accepts an apply, and that an interrupted
//! migration goes on when it is run again:
//!
//! 1. Lock the old place, then the new one. Until the end, the new place says that it is an incomplete copy.
//! 2. Copy the lines of the journal and the inventories, read them back and compare them. Copy what else the next run uses: saved
//!    plans, and the calls of the last hour.
//! 3. Note in the old place where the state has gone: from now on it refuses.
//! 4. Note in the new place that it is complete.

use super::Keep;
use super::carried::Carried;
use super::error::JournalError;
use super::file::{LogFile, sync_folder, write_error};
use super::inventory::Inventory;
use super::line::{Line, MovedLine, VERSION};
use super::lock::{Attempt, Holder, Lock};
use super::record::{Record, rest_of};
use super::remote::{Remote, Taking};
use super::state::{Backend, StateLock, StateStore, folder, folder_moved_to, journal_path};
use super::write::moment;
use crate::chain::What;
use crate::clock::Clock;
use crate::documents::json;
use crate::files;
use crate::model::BusinessId;
use crate::text::escape;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file of a business that is copied into a folder, until the copy is complete.
const COPYING: &str = "copying.json";

/// The file that says that all of the state of a folder has moved.
const MOVED: &str = "moved.json";

/// The largest of these files that is read, in bytes. A guess, far above any URL.
const NOTE_LIMIT: u64 = 64 * 1024;

/// The version of these files.
const NOTE_VERSION: u32 = 1;

/// The content of both files: where the state comes from, or where it has gone.
#[derive(Debug, Serialize, Deserialize)]
struct PlaceNote {
    v: u32,
    url: String,
}

/// What was moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Migrated {
    /// The number of journal lines.
    pub lines: u64,
    /// The number of inventories.
    pub inventories: usize,
    /// What else was copied.
    pub carried: Carried,
    /// Whether an earlier migration had moved it already.
    pub was_moved: bool,
}

/// The old place, for as long as it is read.
enum Source {
    /// Nobody else uses it.
    Locked(StateLock),
    /// It has moved already, so it stays as it is.
    Moved,
}

/// The new place, for as long as it is written.
enum Target {
    Folder(Lock),
    Chain(super::ChainLease),
}

impl StateStore {
    /// Moves the state of a business to another place, or goes on with it. Waits while another run uses the old place, and
    /// reports that.
    ///
    /// # Errors
    ///
    /// If the new place has a state of the business or is in use, if one of the places fails, or if what is read back differs. Then
    /// at most one of the two places accepts an apply; running it again goes on.
    pub async fn migrate(
        &self,
        to: &Self,
        business: BusinessId,
        clock: &Clock,
        waiting: &(dyn Fn(&Holder) + Sync),
    ) -> Result<Migrated, JournalError> {
        let (from_url, to_url) = (self.url()?, to.url()?);
        let source = self.lock_source(business, &to_url, clock, waiting).await?;
        let target = match to.lock_target(business, &from_url, clock, waiting).await {
            // It was moved there, and may have been used since.
            Err(JournalError::NotEmpty { .. }) if matches!(source, Source::Moved) => {
                return Ok(Migrated { was_moved: true, ..Migrated::default() });
            }
            target => target?,
        };
        self.copy(to, business, &target).await?;
        let (lines, inventories) = self.compare(to, business).await?;
        let carried = self.carry(to, business, clock).await?;
        let is_settled = self.history(business, Keep::InFlight).await?.in_flight().next().is_none();
        if let Source::Locked(lock) = source {
            note_moved(lock, &to_url, clock).await?;
        }
        finish(target, is_settled).await?;
        Ok(Migrated { lines, inventories, carried, was_moved: false })
    }

    /// Notes that all of the state has moved to another place, also businesses that have no state yet.
    ///
    /// # Errors
    ///
    /// If that cannot be written.
    pub async fn mark_moved(&self, to: &Self) -> Result<(), JournalError> {
        let to = to.url()?;
        match &self.backend {
            Backend::Folder(path) => {
                let fails = |error| JournalError::Folder { path: path.clone(), source: Arc::new(error) };
                files::create_private_folder(path).map_err(fails)?;
                write_note(&path.join(MOVED), &to)
            }
            Backend::Remote(remote) => remote.mark_moved(&to).await,
        }
    }

    /// Locks the state that is moved away.
    async fn lock_source(
        &self,
        business: BusinessId,
        to: &str,
        clock: &Clock,
        waiting: &(dyn Fn(&Holder) + Sync),
    ) -> Result<Source, JournalError> {
        let mut wait = false;
        let moved_to = loop {
            let taken = match &self.backend {
                Backend::Folder(path) => match folder_moved_to(path, business)? {
                    Some(moved) => break moved,
                    None if wait => Attempt::Taken(Lock::wait(path, business, clock).await?),
                    None => Lock::try_take(path, business)?,
                }
                .map(StateLock::Folder),
                Backend::Remote(remote) => {
                    let taking = Taking { wait, to_move: true, ..Taking::default() };
                    match remote.take(business, taking, clock).await {
                        Ok(attempt) => attempt.map(StateLock::Lease),
                        Err(JournalError::Moved { to, .. }) => break to,
                        Err(error) => return Err(error),
                    }
                }
            };
            match taken {
                // Another migration may have moved it before this one had the lock.
                Attempt::Taken(lock) => match self.moved_to_in_folder(business)? {
                    Some(moved) => break moved,
                    None => return Ok(Source::Locked(lock)),
                },
                Attempt::Held(holder) => {
                    waiting(&holder);
                    wait = true;
                }
            }
        };
        if escape(to) == moved_to {
            return Ok(Source::Moved);
        }
        Err(JournalError::Moved { location: self.to_string(), to: moved_to })
    }

    /// Returns where the state of a business has moved to, if it is in a folder; escaped.
    fn moved_to_in_folder(&self, business: BusinessId) -> Result<Option<String>, JournalError> {
        match &self.backend {
            Backend::Folder(path) => folder_moved_to(path, business),
            Backend::Remote(_) => Ok(None),
        }
    }

    /// Locks the place that the state is moved to, and notes that it is an incomplete copy. Waits only for an earlier attempt of
    /// the same migration: two migrations in opposite directions would wait for each other.
    async fn lock_target(
        &self,
        business: BusinessId,
        from: &str,
        clock: &Clock,
        waiting: &(dyn Fn(&Holder) + Sync),
    ) -> Result<Target, JournalError> {
        let in_use = |holder| JournalError::InUse { location: self.to_string(), business, holder };
        match &self.backend {
            Backend::Folder(path) => {
                check_root(path)?;
                match Lock::try_take(path, business)? {
                    Attempt::Held(holder) => Err(in_use(Box::new(holder))),
                    Attempt::Taken(lock) => {
                        begin_copy(path, business, from)?;
                        Ok(Target::Folder(lock))
                    }
                }
            }
            Backend::Remote(remote) => {
                let taking = Taking { copies_from: Some(from), ..Taking::default() };
                match remote.take(business, taking, clock).await? {
                    Attempt::Taken(lease) => Ok(Target::Chain(lease)),
                    // Only a run that copies from the same place gets here.
                    Attempt::Held(holder) => {
                        waiting(&holder);
                        match remote.take(business, Taking { wait: true, ..taking }, clock).await? {
                            Attempt::Taken(lease) => Ok(Target::Chain(lease)),
                            Attempt::Held(holder) => Err(in_use(Box::new(holder))),
                        }
                    }
                }
            }
        }
    }

    /// Opens the journal of a business as a stream of lines.
    async fn record(&self, business: BusinessId) -> Result<Record<'_>, JournalError> {
        match &self.backend {
            Backend::Folder(path) => Record::of_folder(path, business),
            Backend::Remote(remote) => Record::of_chain(remote, business).await,
        }
    }

    /// Copies what an earlier attempt did not.
    async fn copy(&self, to: &Self, business: BusinessId, target: &Target) -> Result<(), JournalError> {
        let mut original = self.record(business).await?;
        match target {
            Target::Folder(lock) => copy_into_folder(&mut original, lock.folder()).await?,
            Target::Chain(lease) => {
                let mut copy = to.record(business).await?;
                let rest = rest_of(&mut original, &mut copy).await?;
                let mut part = rest.ok_or_else(|| self.differs(to, business))?;
                loop {
                    if !part.is_empty() {
                        let turn = lease.chain().turn().await;
                        lease.chain().append(&turn, What::Import, &part).await?;
                    }
                    match original.next().await? {
                        Some(next) => part = next,
                        None => break,
                    }
                }
            }
        }
        let now = Clock::real().now();
        for inventory in self.inventories(business).await? {
            to.save_inventory(business, &inventory, now).await?;
        }
        Ok(())
    }

    /// Reads both places, and compares them. Returns the number of lines and inventories.
    async fn compare(&self, to: &Self, business: BusinessId) -> Result<(u64, usize), JournalError> {
        let mut lines = 0;
        let (mut original, mut copy) = (self.record(business).await?, to.record(business).await?);
        let rest = rest_of(&mut original, &mut copy).await?;
        if rest.is_none_or(|rest| !rest.is_empty()) || original.next().await?.is_some() {
            return Err(self.differs(to, business));
        }
        let mut again = to.record(business).await?;
        while let Some(part) = again.next().await? {
            lines += part.split(|byte| *byte == b'\n').count() as u64 - 1;
        }
        let (mut ours, mut theirs) = (self.inventories(business).await?, to.inventories(business).await?);
        for inventories in [&mut ours, &mut theirs] {
            inventories.sort_by(|one, other| one.set.as_str().cmp(other.set.as_str()));
        }
        if ours == theirs { Ok((lines, ours.len())) } else { Err(self.differs(to, business)) }
    }

    fn differs(&self, to: &Self, business: BusinessId) -> JournalError {
        JournalError::Differs { location: to.to_string(), from: self.to_string(), business }
    }
}

/// Notes in the old place where the state has gone.
async fn note_moved(lock: StateLock, to: &str, clock: &Clock) -> Result<(), JournalError> {
    match lock {
        StateLock::Folder(lock) => {
            let line = Line::Moved(MovedLine { v: VERSION, at: moment(clock.now()), to: to.into() });
            LogFile::open(&lock.folder().join(super::state::JOURNAL))?
                .append(line.to_text()?.as_bytes(), true)
        }
        StateLock::Lease(lease) => {
            let chain = lease.into_chain().await;
            chain.append_moved(to).await?;
            chain.note_end(false).await;
            Ok(())
        }
    }
}

/// Notes in the new place that the copy is complete.
async fn finish(target: Target, is_settled: bool) -> Result<(), JournalError> {
    match target {
        Target::Folder(lock) => {
            let path = lock.folder().join(COPYING);
            let removed = std::fs::remove_file(&path).and_then(|()| sync_folder(&path));
            removed.map_err(|error| write_error(&path, error))
        }
        Target::Chain(lease) => {
            let chain = lease.into_chain().await;
            chain.note_copied();
            chain.release(&[], is_settled).await
        }
    }
}

/// Begins to copy into a folder, unless there is a state already.
fn begin_copy(state_dir: &Path, business: BusinessId, from: &str) -> Result<(), JournalError> {
    let location = || escape(&state_dir.display().to_string()).into_owned();
    if let Some(moved) = folder_moved_to(state_dir, business)? {
        return Err(JournalError::Moved { location: location(), to: moved });
    }
    let path = folder(state_dir, business).join(COPYING);
    match read_note(&path)? {
        Some(known) if known == from => Ok(()),
        Some(other) => {
            Err(JournalError::Incomplete { location: location(), from: escape(&other).into_owned() })
        }
        None if journal_path(state_dir, business).exists()
            || !Inventory::load_all(state_dir, business)?.is_empty() =>
        {
            Err(JournalError::NotEmpty { location: location(), business })
        }
        None => write_note(&path, from),
    }
}

/// Writes the whole journal into a folder. What an earlier attempt wrote is replaced.
async fn copy_into_folder(original: &mut Record<'_>, folder: &Path) -> Result<(), JournalError> {
    let (path, part_of) = (folder.join(super::state::JOURNAL), folder.join("journal.jsonl.copy"));
    let fails = |error| write_error(&part_of, error);
    let mut options = files::owner_only();
    let mut file =
        files::open_private(&part_of, options.write(true).create(true).truncate(true)).map_err(fails)?;
    let mut is_empty = true;
    while let Some(part) = original.next().await? {
        file.write_all(&part).map_err(fails)?;
        is_empty = false;
    }
    file.sync_all().map_err(fails)?;
    drop(file);
    if is_empty {
        return std::fs::remove_file(&part_of).map_err(fails);
    }
    std::fs::rename(&part_of, &path).and_then(|()| sync_folder(&path)).map_err(fails)
}

fn write_note(path: &Path, url: &str) -> Result<(), JournalError> {
    let note = PlaceNote { v: NOTE_VERSION, url: url.to_owned() };
    files::replace(path, files::OWNER_ONLY, |to| json::write_document(&note, to))
        .and_then(|()| sync_folder(path))
        .map_err(|error| write_error(path, error))
}

fn read_note(path: &Path) -> Result<Option<String>, JournalError> {
    let fails = |error: io::Error| JournalError::Read { path: PathBuf::from(path), source: Arc::new(error) };
    let mut text = Vec::new();
    match files::open_private(path, File::options().read(true)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fails(error)),
        Ok(file) => file.take(NOTE_LIMIT).read_to_end(&mut text).map_err(fails)?,
    };
    match serde_json::from_slice::<PlaceNote>(&text) {
        Ok(note) if note.v == NOTE_VERSION => Ok(Some(note.url)),
        Ok(_) => Err(fails(io::Error::other("it is of another version"))),
        Err(error) => Err(fails(error.into())),
    }
}

/// Checks that all of the state in a folder has not moved.
///
/// # Errors
///
/// [`JournalError::Moved`] if it has.
pub(super) fn check_root(state_dir: &Path) -> Result<(), JournalError> {
    match read_note(&state_dir.join(MOVED))? {
        Some(to) => {
            let location = escape(&state_dir.display().to_string()).into_owned();
            Err(JournalError::Moved { location, to: escape(&to).into_owned() })
        }
        None => Ok(()),
    }
}

/// Checks that the state of a business in a folder is not an incomplete copy.
///
/// # Errors
///
/// [`JournalError::Incomplete`] if it is.
pub(super) fn check_complete(state_dir: &Path, business: BusinessId) -> Result<(), JournalError> {
    match read_note(&folder(state_dir, business).join(COPYING))? {
        Some(from) => {
            let location = escape(&state_dir.display().to_string()).into_owned();
            Err(JournalError::Incomplete { location, from: escape(&from).into_owned() })
        }
        None => Ok(()),
    }
}

/// Returns the businesses of an object store that have something to move.
pub(super) async fn businesses_of(remote: &Remote) -> Result<Vec<BusinessId>, JournalError> {
    let mut found = Vec::new();
    for business in remote.businesses().await? {
        if remote.tail(business).await? > 0 || !remote.inventories(business).await?.is_empty() {
            found.push(business);
        }
    }
    Ok(found)
}
