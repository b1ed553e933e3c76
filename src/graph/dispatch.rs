//! The queue before the wire: calls that wait at the same time travel together.
//!
//! A call that finds a free line goes at once and alone. Where all lines are taken calls gather, and the next free
//! line takes as many as a batch may hold: so batches form exactly where they are quicker. Every call gets its own
//! answer, and nothing here tries one again.

use super::answer::{Answer, Signals};
use super::call::Call;
use super::error::GraphError;
use super::governor::{Governor, Kind, Permit};
use super::transport::Transport;
use crate::clock::Clock;
use jiff::Timestamp;
use reqwest::Method;
use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::sync::{Notify, oneshot};
use tokio::task::{JoinHandle, JoinSet};

/// The most calls in one batch.
pub(super) const MOST: usize = 50;

/// Sends calls as lines become free. What waits or is under way ends with it.
#[derive(Debug)]
pub(super) struct Dispatch {
    desk: Arc<Desk>,
    /// The task that sends; it starts with the first call.
    task: OnceLock<JoinHandle<()>>,
}

#[derive(Debug)]
struct Desk {
    transport: Arc<Transport>,
    governor: Arc<Governor>,
    clock: Clock,
    queue: Mutex<Queue>,
    more: Notify,
    /// Whether calls may travel together.
    together: AtomicBool,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    closed: bool,
}

#[derive(Debug)]
struct Waiting {
    call: Call,
    /// When it was taken from its WABA's budget.
    since: Timestamp,
    answer: oneshot::Sender<Travelled>,
}

/// What became of a call that was sent.
#[derive(Debug)]
pub(super) enum Travelled {
    /// It has its answer, or none is to be had.
    Answered(Result<Answer, GraphError>),
    /// It came back from a batch that was not looked at: it may travel alone.
    Back,
}

impl Dispatch {
    pub(super) fn new(
        transport: Arc<Transport>,
        governor: Arc<Governor>,
        clock: Clock,
        together: bool,
    ) -> Self {
        let desk = Desk {
            transport,
            governor,
            clock,
            queue: Mutex::default(),
            more: Notify::new(),
            together: AtomicBool::new(together),
        };
        Self { desk: Arc::new(desk), task: OnceLock::new() }
    }

    /// Sends a call once, as soon as there is a line for it. Where this is dropped before, it is never sent.
    pub(super) async fn send(&self, call: Call) -> Travelled {
        let (answer, answered) = oneshot::channel();
        {
            let mut queue = self.desk.queue();
            if queue.closed {
                return Travelled::Answered(Err(GraphError::NotSent));
            }
            let since = self.desk.clock.now();
            queue.waiting.push_back(Waiting { call, since, answer });
        }
        self.task.get_or_init(|| tokio::spawn(run(Arc::clone(&self.desk))));
        self.desk.more.notify_one();
        // The other end goes only with the whole desk.
        answered.await.unwrap_or(Travelled::Answered(Err(GraphError::NotSent)))
    }

    /// Sends nothing more: what still waits is answered with [`GraphError::NotSent`], now and from now on.
    pub(super) fn close(&self) {
        let mut queue = self.desk.queue();
        queue.closed = true;
        for waiting in queue.waiting.drain(..) {
            // Who has gone needs no answer.
            let _ = waiting.answer.send(Travelled::Answered(Err(GraphError::NotSent)));
        }
    }
}

impl Drop for Dispatch {
    fn drop(&mut self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}

/// Takes calls off the queue for as long as the desk stands.
async fn run(desk: Arc<Desk>) {
    let mut under_way = JoinSet::new();
    loop {
        while under_way.try_join_next().is_some() {}
        if desk.queue().waiting.is_empty() {
            desk.more.notified().await;
            continue;
        }
        match Permit::of(&desk.governor).await {
            Err(error) => desk.refuse_all(&error),
            Ok(permit) => {
                let taken = desk.take();
                for Waiting { call, since, .. } in &taken {
                    if let Some(waba) = call.waba {
                        desk.governor.leaves(waba, *since);
                    }
                }
                if !taken.is_empty() {
                    under_way.spawn(fly(Arc::clone(&desk), permit, taken));
                }
            }
        }
    }
}

impl Desk {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refuse_all(&self, error: &GraphError) {
        for waiting in self.queue().waiting.drain(..) {
            let _ = waiting.answer.send(Travelled::Answered(Err(error.clone())));
        }
    }

    /// Takes what may travel in one request: the first that waits, and with it those behind it that may come along.
    fn take(&self) -> Vec<Waiting> {
        let most = if self.together.load(Ordering::Relaxed) { MOST } else { 1 };
        let mut queue = self.queue();
        let mut taken: Vec<Waiting> = Vec::new();
        let mut left = VecDeque::new();
        let mut written = BTreeSet::new();
        while let Some(waiting) = queue.waiting.pop_front() {
            if waiting.answer.is_closed() {
                continue;
            }
            // The items of a batch run in parallel: one write for a WABA is the most.
            let writes = (waiting.call.method != Method::GET).then_some(waiting.call.waba).flatten();
            if taken.is_empty() || (!waiting.call.alone && writes.is_none_or(|waba| !written.contains(&waba)))
            {
                written.extend(writes);
                let goes_alone = waiting.call.alone;
                taken.push(waiting);
                if goes_alone || taken.len() >= most {
                    break;
                }
            } else {
                left.push_back(waiting);
            }
        }
        left.append(&mut queue.waiting);
        queue.waiting = left;
        taken
    }

    fn slow_down(&self, error: &GraphError) {
        if let GraphError::Throttled { api, wait } = error {
            self.governor.throttled(api, *wait);
        }
    }

    fn note(&self, kind: Kind, since: std::time::Duration, signals: &Signals, error: Option<&GraphError>) {
        let took = self.clock.elapsed().saturating_sub(since);
        if let Some(error) = error {
            self.slow_down(error);
        }
        let good =
            error.is_none_or(|error| !matches!(error, GraphError::Throttled { .. }) && !error.is_passing());
        self.governor.answered(kind, took, signals, good);
    }
}

/// Sends what was taken and gives each call its answer.
async fn fly(desk: Arc<Desk>, permit: Permit, mut taken: Vec<Waiting>) {
    let since = desk.clock.elapsed();
    if taken.len() == 1
        && let Some(only) = taken.pop()
    {
        let (answer, signals) = desk.transport.alone(&only.call).await;
        desk.note(Kind::Single, since, &signals, answer.as_ref().err());
        drop(permit);
        let _ = only.answer.send(Travelled::Answered(answer));
        return;
    }
    let calls: Vec<&Call> = taken.iter().map(|waiting| &waiting.call).collect();
    let (answers, signals) = desk.transport.batch(&calls).await;
    match answers {
        Ok(answers) => {
            let errors = || answers.iter().filter_map(|answer| answer.as_ref().err());
            let throttled = || errors().filter(|error| matches!(error, GraphError::Throttled { .. }));
            // Each may ask to wait for another time.
            throttled().skip(1).for_each(|error| desk.slow_down(error));
            desk.note(Kind::Batch, since, &signals, throttled().next());
            drop(permit);
            for (waiting, answer) in taken.into_iter().zip(answers) {
                let _ = waiting.answer.send(Travelled::Answered(answer));
            }
        }
        Err(error) => {
            desk.note(Kind::Batch, since, &signals, Some(&error));
            drop(permit);
            let writes = taken.iter().any(|waiting| waiting.call.method != Method::GET);
            if refuses_batches(&error) {
                if desk.together.swap(false, Ordering::Relaxed) {
                    tracing::info!("the API takes no batches, so each call goes alone: {error}");
                }
                give_back(taken);
            } else if matches!(error, GraphError::TooLarge { .. }) && !writes {
                give_back(taken);
            } else {
                for waiting in taken {
                    let _ = waiting.answer.send(Travelled::Answered(Err(error.clone())));
                }
            }
        }
    }
}

/// Returns calls back to whoever sent them.
fn give_back(taken: Vec<Waiting>) {
    for waiting in taken {
        let _ = waiting.answer.send(Travelled::Back);
    }
}

/// Returns whether the API refused a batch for being one: then none of its calls was looked at.
fn refuses_batches(error: &GraphError) -> bool {
    matches!(
        error,
        GraphError::BadRequest(_)
            | GraphError::NotPermitted(_)
            | GraphError::WrongId(_)
            | GraphError::NotFound(_)
    )
}
