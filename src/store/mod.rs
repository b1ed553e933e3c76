//! What wabacl remembers between runs: the journal of writes and their outcomes, the lock of a business, call counts, and
//! the inventory of each set of manifests.
//!
//! Every write is in the journal, synced to the disk, before it is sent. This module sends nothing. It does not know how
//! a write is made, nor how a history is shown.
//!
//! Other modules reach it through [`StateStore`]. A state folder has a folder for each business, with `journal.jsonl` (JSON
//! lines, append-only), `lock`, and `inventory.SET.json`. In an object store, the journal is the chain of
//! [`chain`](crate::chain). Blocking work runs only through [`off_thread`].

mod calls;
mod carried;
mod checkpoint;
mod due;
mod error;
mod file;
mod history;
mod identity;
mod inventory;
mod known_parts;
mod lease;
mod line;
mod lock;
mod memory;
mod migrate;
mod objects;
mod plans;
mod queue;
mod read;
mod record;
mod remote;
mod retention;
mod segments;
mod shared_calls;
mod state;
#[cfg(test)]
mod tests;
mod write;

pub use calls::{CallLog, CallLogGuard};
pub use carried::Carried;
pub use due::{DueItem, DueObjects, OpenEvent};
pub use error::JournalError;
pub use inventory::{Inventory, InventoryUser};
pub use lease::{ChainLease, LeaseGuard};
pub use lock::{Attempt, Holder, Lock};
pub use memory::{MemoryFaults, MemoryObjects};
pub use migrate::Migrated;
pub use objects::{Objects, SCHEMES};
pub use plans::{LAST_RUNS, PlanName};
pub use read::{Keep, read, read_filtered};
pub use remote::LeaseState;
pub use retention::{LEAST_KEPT, Prunable};
pub use shared_calls::SharedCalls;
pub use state::{StateLock, StateStore};

use crate::chain::What;
use crate::clock::Clock;
use crate::model::{
    Change, History, Origin, Outcome, Plan, RecordedRun, RecordedWrite, Report, Settlement, Sources, TaskSet,
};
use crate::proposal::Proposal;
use crate::redact;
use file::LogFile;
use lease::{ChainLog, Heartbeat, Turn};
use line::Line;
use queue::{Queue, Ticket};
use std::fmt;
use std::sync::{Arc, MutexGuard, PoisonError};
use tokio::sync::OwnedMutexGuard;

/// The number of a write within its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriteId(u64);

impl WriteId {
    /// Returns the number, from 1.
    pub fn number(self) -> u64 {
        self.0
    }
}

/// The most bytes of lines that wait for the next object of a chain. A guess: the outcomes of a few hundred writes.
const MOST_PENDING: usize = 256 * 1024;

/// The journal of one run. It keeps the lock until it and every pending write to the file are dropped; a lease in an object
/// store until its end.
///
/// After the first failed write, every later one fails at once.
pub struct Journal {
    run: String,
    /// The manifests to which the reasons of changes refer.
    sources: Sources,
    clock: Clock,
    shared: Arc<Shared>,
    _heartbeat: Option<Heartbeat>,
}

/// The state that blocking work shares with the run.
struct Shared {
    queue: std::sync::Mutex<Queue>,
    log: Log,
}

/// Where the lines go.
enum Log {
    /// To a file, under the lock of its folder.
    File { file: Arc<tokio::sync::Mutex<LogFile>>, _lock: Lock },
    /// To the end of a chain of objects.
    Chain(Arc<ChainLog>),
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // No step leaves the queue in an intermediate state, so a poisoned lock is harmless.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes all pending lines.
    fn flush(&self, file: &mut LogFile) {
        let batch = {
            let mut queue = self.queue();
            if queue.check().is_err() {
                return;
            }
            queue.take()
        };
        let result = file.append(&batch.lines, batch.sync);
        self.queue().note(&batch, result);
    }

    /// Appends all pending lines to a chain; without lines, an object of the given kind.
    async fn flush_chain(&self, chain: &ChainLog, turn: &Turn, what: What) -> Result<(), JournalError> {
        let mut batch = {
            let mut queue = self.queue();
            queue.check()?;
            queue.take()
        };
        // What is in an object is there to stay.
        batch.sync = true;
        let what = if what == What::Beat && !batch.lines.is_empty() { What::Write } else { what };
        let result = chain.append(turn, what, &redact::bytes(&batch.lines)).await;
        self.queue().note(&batch, result.clone());
        result
    }
}

impl Journal {
    /// Begins a run, and proves that the journal can be written by recording that.
    ///
    /// `in_flight` are the writes that earlier runs left in flight, read while the lock was held.
    ///
    /// # Errors
    ///
    /// If the journal cannot be written or synced. Then nothing may be applied.
    pub async fn open(
        lock: impl Into<StateLock>,
        in_flight: &History,
        proposal: &Proposal,
        waivers: &[String],
        origin: &Origin,
        clock: &Clock,
    ) -> Result<Self, JournalError> {
        let lock = lock.into();
        let business = lock.business();
        let in_flight = in_flight.in_flight().map(|(run, write)| (run.id.as_str().to_owned(), write.number));
        let queue = Queue::after(in_flight.collect());
        let first = |run: &str| {
            let by = identity::am_i();
            write::run(run, clock.now(), business, proposal, waivers, origin, by).to_text()
        };
        let (run, shared, heartbeat) = match lock {
            StateLock::Folder(lock) => {
                let run = remote::run_id(clock.now());
                let shared = Self::open_file(lock, queue, first(&run)?, clock).await?;
                (run, Arc::new(shared), None)
            }
            StateLock::Lease(lease) => {
                let chain = lease.into_chain().await;
                let run = chain.run();
                let (shared, heartbeat) = Self::open_chain(chain, queue, &first(&run)?).await?;
                (run, shared, Some(heartbeat))
            }
        };
        let (sources, clock) = (proposal.sources.paths(), clock.clone());
        Ok(Self { run, sources, clock, shared, _heartbeat: heartbeat })
    }

    async fn open_file(
        lock: Lock,
        queue: Queue,
        first: String,
        clock: &Clock,
    ) -> Result<Shared, JournalError> {
        let path = lock.folder().join(state::JOURNAL);
        off_thread(clock, move || {
            let mut file = LogFile::open(&path)?;
            file.append(first.as_bytes(), true)?;
            let log = Log::File { file: Arc::new(tokio::sync::Mutex::new(file)), _lock: lock };
            Ok(Shared { queue: std::sync::Mutex::new(queue), log })
        })
        .await?
    }

    async fn open_chain(
        chain: Arc<ChainLog>,
        mut queue: Queue,
        first: &str,
    ) -> Result<(Arc<Shared>, Heartbeat), JournalError> {
        queue.push(first, true);
        let log = Log::Chain(Arc::clone(&chain));
        let shared = Arc::new(Shared { queue: std::sync::Mutex::new(queue), log });
        let turn = chain.turn().await;
        shared.flush_chain(&chain, &turn, What::Write).await?;
        let heartbeat = Heartbeat::start(&chain, Some(Arc::downgrade(&shared)));
        Ok((shared, heartbeat))
    }

    /// Returns what decides right before a write is sent whether it may be; `None` if a lock of the system protects the run.
    pub fn lease_guard(&self) -> Option<LeaseGuard> {
        match &self.shared.log {
            Log::File { .. } => None,
            Log::Chain(chain) => {
                let (chain, journal) = (Arc::clone(chain), Arc::downgrade(&self.shared));
                Some(LeaseGuard { chain, journal })
            }
        }
    }

    /// Returns the error with which the lease was lost, once it is. A lock of the system is never lost.
    pub async fn lost(&self) -> JournalError {
        match &self.shared.log {
            Log::File { .. } => std::future::pending().await,
            Log::Chain(chain) => chain.lost().await,
        }
    }

    /// Returns the id of the run.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// Records that a write is about to be sent. When this returns, it is on the disk.
    ///
    /// # Errors
    ///
    /// If this or an earlier line could not be written. Then the write must not be sent.
    pub async fn intent(&self, plan: &Plan, change: &Change) -> Result<WriteId, JournalError> {
        let ids = self.intents(plan, [change]).await?;
        ids.first().copied().ok_or(JournalError::Ended)
    }

    /// Records several writes that are about to be sent, in their order and with one sync.
    ///
    /// # Errors
    ///
    /// As for [`Journal::intent`]. Then none of them may be sent.
    pub async fn intents<'c>(
        &self,
        plan: &Plan,
        changes: impl IntoIterator<Item = &'c Change>,
    ) -> Result<Vec<WriteId>, JournalError> {
        let (ids, ticket) = {
            let now = self.clock.now();
            let mut queue = self.shared.queue();
            queue.check()?;
            let numbered = (queue.writes + 1..).zip(changes);
            let lines = numbered.map(|(number, change)| {
                let line = write::intent(&self.run, number, now, plan, change, &self.sources);
                line.to_text().map(|text| (WriteId(number), text))
            });
            // Format all lines first: if one is too long, none is written.
            let lines: Vec<_> = lines.collect::<Result<_, _>>()?;
            let mut ticket = None;
            for (id, text) in &lines {
                queue.writes = id.0;
                queue.unsettled.insert(id.0);
                ticket = Some(queue.push(text, true));
            }
            (lines.into_iter().map(|(id, _)| id).collect(), ticket)
        };
        match ticket {
            Some(ticket) => self.commit(ticket).await.map(|()| ids),
            None => Ok(ids),
        }
    }

    /// Records the outcome of a write. When this returns, it is written; the next sync includes it.
    ///
    /// # Errors
    ///
    /// If this or an earlier line could not be written.
    pub async fn outcome(
        &self,
        id: WriteId,
        outcome: &Outcome,
        traces: &[String],
    ) -> Result<(), JournalError> {
        let line = write::outcome(&self.run, id.0, self.clock.now(), outcome, traces);
        let ticket = self.push(&line, false, |queue| _ = queue.unsettled.remove(&id.0))?;
        self.commit(ticket).await
    }

    /// Records what a read found for a write that an earlier run left in flight.
    ///
    /// # Errors
    ///
    /// As for [`Journal::outcome`].
    pub async fn settled(
        &self,
        run: &RecordedRun,
        write: &RecordedWrite,
        found: &TaskSet,
        how: Settlement,
    ) -> Result<(), JournalError> {
        let of = (run.id.as_str(), write.number);
        let line = write::settled(&self.run, of, self.clock.now(), found, how);
        let key = (of.0.to_owned(), of.1);
        let ticket = self.push(&line, false, |queue| _ = queue.earlier.remove(&key))?;
        self.commit(ticket).await
    }

    /// Records the end of the run, and syncs the file.
    ///
    /// # Errors
    ///
    /// As for [`Journal::outcome`].
    pub async fn end(self, report: &Report) -> Result<(), JournalError> {
        let (writes, in_flight) = {
            let queue = self.shared.queue();
            (queue.writes, queue.unsettled.len() + queue.earlier.len())
        };
        let line = write::end(&self.run, self.clock.now(), report, writes, in_flight as u64);
        let Log::Chain(chain) = &self.shared.log else {
            let ticket = self.push(&line, true, |_| ())?;
            return self.commit(ticket).await;
        };
        self.push(&line, true, |_| ())?;
        let batch = {
            let _turn = chain.turn().await;
            self.shared.queue().take()
        };
        chain.release(&redact::bytes(&batch.lines), in_flight == 0).await
    }

    /// Returns the number of syncs since the run began.
    pub fn syncs(&self) -> u64 {
        self.shared.queue().syncs()
    }

    fn push(
        &self,
        line: &Line<'_>,
        sync: bool,
        note: impl FnOnce(&mut Queue),
    ) -> Result<Ticket, JournalError> {
        let text = line.to_text()?;
        let mut queue = self.shared.queue();
        queue.check()?;
        note(&mut queue);
        Ok(queue.push(&text, sync))
    }

    /// Waits until a line is written, or synced if it asked for that.
    ///
    /// The first waiter writes the lines of all waiters (group commit); the others then find theirs done.
    async fn commit(&self, ticket: Ticket) -> Result<(), JournalError> {
        match &self.shared.log {
            Log::File { file, .. } => {
                let mut file: OwnedMutexGuard<LogFile> = Arc::clone(file).lock_owned().await;
                if let Some(done) = self.shared.queue().state(ticket) {
                    return done;
                }
                let shared = Arc::clone(&self.shared);
                // The work keeps the file locked, so it finishes undisturbed even if this future is dropped.
                off_thread(&self.clock, move || shared.flush(&mut file)).await?;
            }
            Log::Chain(chain) => {
                // The outcome of a write travels with the next object. If it is lost, it is read again.
                if !ticket.sync && self.shared.queue().pending() < MOST_PENDING {
                    return self.shared.queue().check();
                }
                let turn = chain.turn().await;
                if let Some(done) = self.shared.queue().state(ticket) {
                    return done;
                }
                let (shared, chain) = (Arc::clone(&self.shared), Arc::clone(chain));
                // A task of its own finishes undisturbed too: nobody else would know the position of the next object.
                let put = tokio::spawn(async move { shared.flush_chain(&chain, &turn, What::Write).await });
                put.await.map_err(|_| JournalError::Ended)??;
            }
        }
        self.shared.queue().state(ticket).unwrap_or(Err(JournalError::Ended))
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("run", &self.run).finish_non_exhaustive()
    }
}

/// Runs blocking work on another thread.
///
/// The work continues if this future is dropped.
async fn off_thread<T: Send + 'static>(
    clock: &Clock,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JournalError> {
    clock.off_thread(work).await.map_err(|_| JournalError::Ended)
}
