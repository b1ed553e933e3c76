//! The queue of a process: deliveries fill it, and the rounds wait for it.

use super::events::Due;
use super::queue::{Queue, QueueSettings};
use crate::clock::Clock;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// A [`Queue`] that several tasks share.
#[derive(Debug)]
pub struct Inbox {
    queue: Mutex<Queue>,
    changed: Notify,
    clock: Clock,
}

impl Inbox {
    /// Makes an empty inbox.
    pub fn new(settings: QueueSettings, clock: Clock) -> Self {
        Self { queue: Mutex::new(Queue::new(settings)), changed: Notify::new(), clock }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // No step leaves the queue in an intermediate state, so a poisoned lock is harmless.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what became due. It is merged with what waits, and bounded.
    pub fn add(&self, due: &Due) {
        self.queue().add(due, self.clock.elapsed());
        self.changed.notify_one();
    }

    /// Adds what could not be done. Its pause grows with each failure.
    pub fn put_back(&self, due: &Due) {
        self.queue().put_back(due, self.clock.elapsed());
        self.changed.notify_one();
    }

    /// Returns the part that does not wait already. The rest need not be stored again: its round begins later than now.
    pub fn not_waiting(&self, due: &Due) -> Due {
        self.queue().not_waiting(due)
    }

    /// Waits until something is due, and takes it. Nothing is lost if the future is dropped. One task may wait at a time.
    pub async fn next(&self) -> Due {
        loop {
            let now = self.clock.elapsed();
            let (due, next) = {
                let mut queue = self.queue();
                (queue.take(now), queue.next_due())
            };
            if let Some(due) = due {
                return due;
            }
            let wait = async {
                match next {
                    Some(at) => self.clock.sleep(at.saturating_sub(now)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = self.changed.notified() => {}
                () = wait => {}
            }
        }
    }

    /// Notes that a whole round begins for another reason, so all that waits is done with it. What arrives later is not.
    pub fn note_whole_round(&self) {
        self.queue().note_whole_round(self.clock.elapsed());
    }

    /// Returns how many WABAs wait.
    pub fn waiting(&self) -> usize {
        self.queue().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn due(waba: &str) -> Due {
        Due { wabas: [waba.parse().unwrap()].into(), everything: false }
    }

    /// Runs on a runtime with one thread, as a simulated clock needs.
    fn simulated<F: Future>(run: impl FnOnce(Clock) -> F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let clock = Clock::simulated(jiff::Timestamp::UNIX_EPOCH);
        runtime.block_on(async { clock.clone().run(run(clock)).await })
    }

    #[test]
    fn what_is_added_wakes_the_waiting_task() {
        simulated(async |clock| {
            let inbox = Inbox::new(QueueSettings::default(), clock.clone());
            let adding = async {
                clock.sleep(Duration::from_secs(3)).await;
                inbox.add(&due("500"));
                clock.sleep(Duration::from_millis(100)).await;
                inbox.add(&due("501"));
            };
            let (first, ()) = tokio::join!(inbox.next(), adding);
            assert_eq!((first, clock.elapsed()), (due("500"), Duration::from_millis(3_200)));
            assert_eq!((inbox.next().await, clock.elapsed()), (due("501"), Duration::from_millis(3_300)));
            assert_eq!(inbox.waiting(), 0);
        });
    }

    #[test]
    fn a_dropped_wait_loses_nothing() {
        simulated(async |clock| {
            let inbox = Inbox::new(QueueSettings::default(), clock.clone());
            inbox.add(&due("500"));
            assert_eq!(clock.within(Duration::from_millis(150), inbox.next()).await, None);
            assert_eq!(inbox.waiting(), 1);
            assert_eq!(inbox.next().await, due("500"));
            inbox.add(&due("501"));
            inbox.note_whole_round();
            assert_eq!(clock.within(Duration::from_secs(60), inbox.next()).await, None);
        });
    }
}
