//! Applies an approved plan: reads each WABA again, records and sends its writes, and reads it back.
//!
//! This module decides nothing: the plan says which changes there are, and in which order. What changed since the plan
//! is left alone. It does not know how a plan was made, nor how a report is shown.

mod outcome;
mod recovery;
mod shutdown;
mod step;
mod waba;

pub use recovery::settle_earlier;
pub use shutdown::{InFlight, Shutdown, ShutdownReason};

use crate::graph::{GraphError, Reader, Writer};
use crate::guard::ApprovedPlan;
use crate::model::{
    AssignmentKey, Change, Directory, Origin, Report, ReportedChange, TaskSet, UserId, WabaId, chain,
};
use crate::store::{Journal, JournalError};
use futures_util::{StreamExt, stream};
use std::collections::BTreeMap;
use std::time::Duration;
use waba::WabaRun;

/// The number of WABAs in progress at a time, unless each call is sent alone.
///
/// Enough to fill every request in flight with a batch of 50 while other WABAs wait for their reads; measured with
/// `benches/program`: with more the time stays the same.
pub const WABAS_IN_PROGRESS: usize = 1_000;

/// Everything that an apply works with.
#[derive(Debug, Clone, Copy)]
pub struct Executor<'a> {
    /// Reads each WABA right before its first write and after its last one.
    pub reader: &'a Reader,
    /// Sends the writes.
    pub writer: &'a Writer,
    /// Records each write before it is sent, and its outcome afterwards.
    pub journal: &'a Journal,
    /// The business's own system users.
    pub directory: &'a Directory,
    /// Ends the run early.
    pub shutdown: &'a Shutdown,
    /// The number of WABAs in progress at a time.
    pub wabas_in_progress: usize,
}

/// Applies a plan: the changes of a WABA in their order, several WABAs in parallel.
///
/// A failure stops its own WABA. A dead token or a shutdown stops all of them. `progress` is called with the number of
/// changes that were settled since the last call.
pub async fn apply(
    approved: &ApprovedPlan,
    executor: Executor<'_>,
    progress: &(dyn Fn(usize) + Sync),
) -> Report {
    let plan = approved.plan();
    let wabas: Vec<&[Change]> = plan.by_waba().collect();
    let all = stream::iter(wabas)
        .map(|changes| async move {
            let reported = WabaRun::new(plan, changes, executor).run().await;
            progress(reported.len());
            reported
        })
        .buffered(executor.wabas_in_progress.max(1))
        .collect::<Vec<Vec<ReportedChange>>>();
    let close_on_shutdown = async {
        executor.shutdown.requested().await;
        executor.writer.close();
        std::future::pending().await
    };
    let stop_when_lost = async {
        executor.shut_down_without_journal(&executor.journal.lost().await);
        std::future::pending().await
    };
    let changes = tokio::select! {
        biased;
        changes = all => changes,
        never = close_on_shutdown => never,
        never = stop_when_lost => never,
    };
    Report {
        changes: changes.into_iter().flatten().collect(),
        stopped: executor.shutdown.reason().map(|reason| reason.to_string()),
        wrote: executor.shutdown.wrote(),
        run: Some(executor.journal.run().into()),
        origin: Origin::default(),
    }
}

/// What every user holds on one WABA.
type HeldByUser = BTreeMap<UserId, TaskSet>;

/// The result of sending a write.
enum Sent {
    /// The API accepted it; a read will show what is stored. With Meta's trace id.
    Accepted(Option<String>),
    /// The API answered that there is nothing to revoke; a read will show whether that is so.
    NothingToRevoke(GraphError),
    /// The API refused it, or it could not be sent.
    Refused(GraphError),
    /// The shutdown's grace period ended while the write was in flight.
    CutOff(String),
}

impl Executor<'_> {
    /// Sends the write that gives a user exactly some tasks on a WABA.
    async fn send(&self, key: AssignmentKey, tasks: &TaskSet) -> Sent {
        self.shutdown.count_write();
        let _in_flight = self.shutdown.writing(key);
        let answer = if tasks.is_empty() {
            self.shutdown.within(self.writer.revoke(key.waba, key.user)).await
        } else {
            self.shutdown.within(self.writer.assign(key.waba, key.user, tasks)).await
        };
        match answer {
            Some(Ok(trace)) => Sent::Accepted(trace),
            Some(Err(error @ GraphError::NotFound(_))) if tasks.is_empty() => Sent::NothingToRevoke(error),
            Some(Err(error)) => {
                if error.is_held_back() {
                    self.shutdown.uncount_write();
                }
                Sent::Refused(error)
            }
            None => Sent::CutOff(self.shutdown.explanation().unwrap_or_default()),
        }
    }

    /// Waits on the clock of the run. Returns `false` if the run's grace period ended first.
    async fn pause(&self, pause: Duration) -> bool {
        self.shutdown.within(self.reader.clock().sleep(pause)).await.is_some()
    }

    /// Reads what everybody holds on a WABA.
    async fn read(&self, waba: WabaId) -> Result<HeldByUser, String> {
        let _in_flight = self.shutdown.reading(waba);
        match self.shutdown.within(self.reader.assignments(self.directory, waba)).await {
            None => Err(self.shutdown.explanation().unwrap_or_default()),
            Some(Err(error)) => {
                self.shut_down_if_fatal(&error);
                Err(explain(&error))
            }
            Some(Ok(assignments)) => Ok(assignments.into_task_sets().collect()),
        }
    }

    /// Ends the run because the journal cannot be written.
    fn shut_down_without_journal(&self, error: &JournalError) {
        let why = chain(error);
        self.shutdown.request(ShutdownReason::Fatal(why));
    }

    /// Ends the run if no further call can succeed.
    fn shut_down_if_fatal(&self, error: &GraphError) {
        if let GraphError::ThrottledTooLong { waba: None, .. } = error {
            self.shutdown.request(ShutdownReason::Throttled(explain(error)));
        } else if let GraphError::OutOfTime = error {
            self.shutdown.request(ShutdownReason::OutOfTime(explain(error)));
        } else if error.is_fatal() {
            self.shutdown.request(ShutdownReason::Fatal(explain(error)));
        }
    }
}

fn held(by_user: &HeldByUser, user: UserId) -> TaskSet {
    by_user.get(&user).cloned().unwrap_or_default()
}

/// Formats an error with its causes and its hint in one line.
fn explain(error: &GraphError) -> String {
    match error.hint() {
        Some(hint) => format!("{} ({hint})", chain(error)),
        None => chain(error),
    }
}
