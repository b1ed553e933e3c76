//! The lease of a business in an object store: the end of the chain that this run appends to, and its heartbeat.

use super::error::JournalError;
use super::objects::Objects;
use super::remote::{Head, Remote};
use super::{Shared, remote, retention};
use crate::chain::{Answer, Append, Appended, Ask, Claim, Lost, Tenure, Timing, What};
use crate::clock::{Clock, Stamp};
use crate::model::BusinessId;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{OwnedMutexGuard, watch};
use tokio::task::AbortHandle;

/// The most journal lines in one object, in bytes, unless a single line is longer. A guess: a put of it takes well below a
/// second.
const MOST_LINES: usize = 1024 * 1024;

/// The longest time of one request to the store, beyond the times of its client. A guess.
const LONGEST: Duration = Duration::from_secs(12);

/// The longest time in which a checkpoint is written. If it is not, the next run tries again. A guess: a thousand reads, a few at a
/// time, take a few seconds.
const CHECKPOINT: Duration = Duration::from_secs(30);

/// Asks the store what an operation of the protocol asks.
pub(super) struct Driver<'a> {
    objects: &'a Objects,
    business: BusinessId,
    clock: &'a Clock,
    pause: Duration,
    stale: Duration,
    /// The last error of the store.
    pub(super) error: Option<JournalError>,
    /// Whether the machine was suspended during a request, for so long that its answer proves nothing.
    pub(super) is_stale: bool,
}

impl<'a> Driver<'a> {
    pub(super) fn new(objects: &'a Objects, business: BusinessId, clock: &'a Clock, timing: &Timing) -> Self {
        Self {
            objects,
            business,
            clock,
            pause: timing.pause,
            stale: timing.stale,
            error: None,
            is_stale: false,
        }
    }

    /// Returns the answer of the store, or of the clock.
    pub(super) async fn perform(&mut self, ask: Ask) -> Answer {
        if let Ask::Wait(time) = ask {
            self.clock.sleep(time).await;
            return Answer::Waited;
        }
        let is_put = matches!(ask, Ask::Put(..));
        let asked = self.clock.stamp();
        let answered = self.clock.within(LONGEST, self.request(ask)).await;
        self.is_stale |= self.clock.age(&asked) > self.stale;
        match answered {
            Some(Ok(answer)) => return answer,
            Some(Err(error)) => {
                tracing::debug!("{error}");
                self.error = Some(error);
            }
            None => tracing::debug!("the store of the state did not answer for {LONGEST:?}"),
        }
        if !is_put {
            self.clock.sleep(self.pause).await;
        }
        Answer::Failed
    }

    async fn request(&self, ask: Ask) -> Result<Answer, JournalError> {
        let name = |at| remote::position_name(self.business, at);
        Ok(match ask {
            Ask::Put(at, body) if self.objects.create(&name(at), &body).await? => Answer::Created,
            Ask::Put(..) => Answer::Exists,
            Ask::Get(at) => self.objects.get(&name(at)).await?.map_or(Answer::Missing, Answer::Found),
            Ask::List(after) => Answer::Listed(remote::positions(self.objects, self.business, after).await?),
            Ask::Wait(_) => Answer::Waited,
        })
    }
}

/// The end of the chain of a business, while this run holds the lease.
#[derive(Debug)]
pub(super) struct ChainLog {
    objects: Objects,
    business: BusinessId,
    clock: Clock,
    timing: Timing,
    held: Mutex<Held>,
    /// One append at a time.
    writer: Arc<tokio::sync::Mutex<()>>,
    lost: watch::Sender<Option<JournalError>>,
}

#[derive(Debug)]
struct Held {
    tenure: Tenure,
    /// When the put of the newest own object began.
    put: Stamp,
    /// Whether nothing that earlier runs wrote is in flight.
    is_settled: bool,
}

/// The right to append, while no other append is in progress.
pub(super) type Turn = OwnedMutexGuard<()>;

impl ChainLog {
    pub(super) fn business(&self) -> BusinessId {
        self.business
    }

    pub(super) fn run(&self) -> String {
        self.held().tenure.run().to_owned()
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // Every change is a single assignment, so a poisoned lock is harmless.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn turn(&self) -> Turn {
        Arc::clone(&self.writer).lock_owned().await
    }

    /// Returns the error with which the lease was lost, once it is.
    pub(super) async fn lost(&self) -> JournalError {
        let mut lost = self.lost.subscribe();
        match lost.wait_for(Option::is_some).await.map(|error| error.clone()) {
            Ok(Some(error)) => error,
            // `self` holds the sender.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    /// Returns whether a request may leave now.
    fn may_send(&self) -> bool {
        let held = self.held();
        // A machine that was suspended, or whose clock was set, counts as silent.
        held.tenure.may_send(self.clock.elapsed()) && self.clock.age(&held.put) <= self.timing.window
    }

    /// Appends journal lines, as one object or more. Without lines, one object shows that the holder is alive.
    pub(super) async fn append(&self, _turn: &Turn, what: What, lines: &[u8]) -> Result<(), JournalError> {
        let mut parts = split_lines(lines).peekable();
        if parts.peek().is_none() {
            return self.append_one(what, &[]).await;
        }
        while let Some(part) = parts.next() {
            let what = if parts.peek().is_some() { What::Write } else { what };
            self.append_one(what, part).await?;
        }
        Ok(())
    }

    /// Appends the object that says where the journal has moved.
    pub(super) async fn append_moved(&self, to: &str) -> Result<(), JournalError> {
        let _turn = self.turn().await;
        self.append_by(What::Moved, |tenure, at, now| tenure.append_moved(to, at, now)).await
    }

    /// Notes that the copy of another journal is complete: the next object says so.
    pub(super) fn note_copied(&self) {
        self.held().tenure.note_copied();
    }

    /// Returns the position of the newest own object.
    pub(super) fn newest(&self) -> u64 {
        self.held().tenure.newest()
    }

    async fn append_one(&self, what: What, lines: &[u8]) -> Result<(), JournalError> {
        self.append_by(what, |tenure, at, now| tenure.append(what, lines, at, now)).await
    }

    async fn append_by(
        &self,
        what: What,
        start: impl FnOnce(&Tenure, &str, Duration) -> Result<Append, Lost>,
    ) -> Result<(), JournalError> {
        let stamp = self.clock.stamp();
        let at = remote::moment_text(&self.clock);
        let begun = {
            let mut held = self.held();
            if self.clock.age(&held.put) > self.timing.stale {
                held.tenure.note_stale();
            }
            start(&held.tenure, &at, stamp.elapsed())
        };
        let mut append: Append = begun.map_err(|lost| {
            let error = self.error(lost, None);
            if lost == Lost::Stale {
                self.lost.send_replace(Some(error.clone()));
            }
            error
        })?;
        let mut driver = Driver::new(&self.objects, self.business, &self.clock, &self.timing);
        let result: Appended = loop {
            let answer = driver.perform(append.ask()).await;
            if let Some(result) = append.answer(&answer, self.clock.elapsed()) {
                break result;
            }
        };
        let noted = {
            let mut held = self.held();
            if driver.is_stale {
                held.tenure.note_stale();
            }
            let noted = held.tenure.note(&append, what, &result, self.clock.elapsed());
            if noted.is_ok() {
                held.put = stamp;
            }
            noted
        };
        noted.map_err(|lost| {
            let error = self.error(lost, driver.error);
            self.lost.send_replace(Some(error.clone()));
            error
        })
    }

    fn error(&self, lost: Lost, source: Option<JournalError>) -> JournalError {
        let why = source.map(|error| error.to_string());
        JournalError::Lost { location: self.objects.location(), lost, why }
    }

    /// Releases the lease, with the last journal lines. `is_settled` says that no write of any run is in flight.
    pub(super) async fn release(&self, lines: &[u8], is_settled: bool) -> Result<(), JournalError> {
        let turn = self.turn().await;
        self.append(&turn, What::Release, lines).await?;
        self.note_end(is_settled).await;
        Ok(())
    }

    /// Writes the hint where the chain ends, and a checkpoint if one is due. Without them, readers only read more.
    pub(super) async fn note_end(&self, is_settled: bool) {
        let seq = self.newest();
        let known = Head { seq, settled_to: if is_settled { seq } else { 0 }, checkpoint: 0 };
        let head = remote::note_head(&self.objects, self.business, known, &self.clock).await;
        let is_due = |head: &Head| seq >= head.checkpoint + retention::EVERY;
        // What moved is not written to any more.
        if !head.is_some_and(|head| is_due(&head)) || self.held().tenure.lost() != Some(Lost::Released) {
            return;
        }
        let remote = Remote::new(self.objects.clone(), None);
        match self.clock.within(CHECKPOINT, remote.write_checkpoint(self.business, seq)).await {
            Some(Ok(())) => {
                let known = Head { checkpoint: seq, ..known };
                remote::note_head(&self.objects, self.business, known, &self.clock).await;
            }
            Some(Err(error)) => tracing::info!("the checkpoint of the journal is not written: {error}"),
            None => tracing::info!("the checkpoint of the journal is not written within {CHECKPOINT:?}"),
        }
    }

    /// Releases a lease under which nothing was sent. If that fails, the lease ends by itself.
    pub(super) async fn give_up(&self) {
        let is_settled = self.held().is_settled;
        if let Err(error) = self.release(&[], is_settled).await {
            tracing::info!("the lease could not be released, and ends by itself: {error}");
        }
    }
}

/// Splits lines into parts of at most [`MOST_LINES`] bytes, each of whole lines.
fn split_lines(mut lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let limit = lines.len().min(MOST_LINES);
        let feed = |bytes: &[u8]| bytes.iter().rposition(|byte| *byte == b'\n').map(|at| at + 1);
        let first = || lines.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        let end = feed(&lines[..limit]).or_else(first).unwrap_or(lines.len());
        let (part, rest) = lines.split_at(end);
        lines = rest;
        (!part.is_empty()).then_some(part)
    })
}

/// A task that keeps the lease alive until this is dropped.
#[derive(Debug)]
pub(super) struct Heartbeat(AbortHandle);

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Heartbeat {
    /// Starts the task. With a journal, its pending lines go along.
    pub(super) fn start(chain: &Arc<ChainLog>, journal: Option<Weak<Shared>>) -> Self {
        let chain = Arc::clone(chain);
        Self(tokio::spawn(async move { beat(&chain, journal.as_ref()).await }).abort_handle())
    }
}

async fn beat(chain: &Arc<ChainLog>, journal: Option<&Weak<Shared>>) {
    loop {
        let shared = journal.and_then(Weak::upgrade);
        let is_busy = shared.as_ref().is_some_and(|shared| shared.queue().is_busy());
        let (lost, wait) = {
            let held = chain.held();
            (held.tenure.lost(), held.tenure.until_beat(is_busy, chain.clock.elapsed()))
        };
        if lost.is_some() || (journal.is_some() && shared.is_none()) {
            return;
        }
        if !wait.is_zero() {
            drop(shared);
            // The journal may become busy meanwhile.
            chain.clock.sleep(wait.min(chain.timing.beat)).await;
            continue;
        }
        let turn = chain.turn().await;
        let beat = match shared {
            Some(shared) => shared.flush_chain(chain, &turn, What::Beat).await,
            None => chain.append(&turn, What::Beat, &[]).await,
        };
        if beat.is_err() {
            return;
        }
    }
}

/// The lease of a business in an object store, before its journal is opened.
///
/// If it is dropped, nothing was sent under it, and [`StateStore`](super::StateStore) can release it.
#[derive(Debug)]
pub struct ChainLease {
    chain: Arc<ChainLog>,
    heartbeat: Option<Heartbeat>,
    abandoned: Abandoned,
}

/// The leases that were dropped before a journal was opened.
pub(super) type Abandoned = Arc<Mutex<Vec<Arc<ChainLog>>>>;

impl ChainLease {
    /// Begins with the object that took the lease; `put` is when its put began.
    pub(super) fn taken(
        objects: &Objects,
        business: BusinessId,
        (claim, at, put): (&Claim, u64, Stamp),
        clock: &Clock,
        (timing, abandoned): (Timing, &Abandoned),
    ) -> Self {
        let tenure = Tenure::new(claim, at, put.elapsed(), timing);
        let chain = Arc::new(ChainLog {
            objects: objects.clone(),
            business,
            clock: clock.clone(),
            timing,
            held: Mutex::new(Held { tenure, put, is_settled: false }),
            writer: Arc::default(),
            lost: watch::Sender::new(None),
        });
        let heartbeat = Some(Heartbeat::start(&chain, None));
        Self { chain, heartbeat, abandoned: Arc::clone(abandoned) }
    }

    pub(super) fn business(&self) -> BusinessId {
        self.chain.business()
    }

    /// Notes that no write of an earlier run is in flight.
    pub(super) fn note_settled(&self) {
        self.chain.held().is_settled = true;
    }

    /// Returns the end of the chain, to which the heartbeat also appends.
    pub(super) fn chain(&self) -> &Arc<ChainLog> {
        &self.chain
    }

    /// Hands the end of the chain over to a journal, which keeps the lease alive from then on.
    pub(super) async fn into_chain(mut self) -> Arc<ChainLog> {
        // During an append the heartbeat must not be cut off: nobody would know the position of the next one.
        let _turn = self.chain.turn().await;
        self.heartbeat = None;
        Arc::clone(&self.chain)
    }
}

impl Drop for ChainLease {
    fn drop(&mut self) {
        // With a heartbeat it was not handed over.
        if self.heartbeat.is_some() {
            let mut abandoned = self.abandoned.lock().unwrap_or_else(PoisonError::into_inner);
            abandoned.push(Arc::clone(&self.chain));
        }
    }
}

/// Decides right before a write is sent whether the lease is held for long enough.
#[derive(Debug, Clone)]
pub struct LeaseGuard {
    pub(super) chain: Arc<ChainLog>,
    pub(super) journal: Weak<Shared>,
}

impl LeaseGuard {
    /// Returns whether a request may leave now. If the newest own object is too old for that, puts one first.
    pub async fn may_send(&self) -> bool {
        if self.chain.may_send() {
            return true;
        }
        let turn = self.chain.turn().await;
        // Another request may have put one meanwhile.
        if self.chain.may_send() {
            return true;
        }
        let Some(journal) = self.journal.upgrade() else { return false };
        journal.flush_chain(&self.chain, &turn, What::Beat).await.is_ok() && self.chain.may_send()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_between_lines_only() {
        let long = [vec![b'a'; MOST_LINES / 2], vec![b'\n']].concat();
        let longer = [vec![b'b'; MOST_LINES + 7], vec![b'\n']].concat();
        let lines = [&*long, &*longer, &*long, b"c\n"].concat();
        let parts: Vec<&[u8]> = split_lines(&lines).collect();
        assert_eq!(
            parts.iter().map(|part| part.len()).collect::<Vec<_>>(),
            [long.len(), longer.len(), long.len() + 2]
        );
        assert_eq!(parts.concat(), lines);
        assert_eq!(split_lines(b"").count(), 0);
    }
}
