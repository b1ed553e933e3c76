//! Settles the writes that an earlier run left in flight.

use super::{Executor, HeldByUser, held};
use crate::model::{History, Implied, RecordedWrite, SettledWrite, Settlement, TaskSet, WabaId};
use crate::store::JournalError;
use futures_util::{StreamExt, stream};
use std::collections::{BTreeMap, BTreeSet};

/// Reads the WABAs with writes that earlier runs left in flight, and records in the journal whether they took effect.
///
/// Nothing is written to the API.
///
/// # Errors
///
/// If the journal cannot be written. Then nothing may be applied.
pub async fn settle_earlier(
    history: &History,
    implied: &Implied,
    executor: Executor<'_>,
) -> Result<Vec<SettledWrite>, JournalError> {
    let wabas: BTreeSet<WabaId> = history.in_flight().map(|(_, write)| write.key.waba).collect();
    let live: BTreeMap<WabaId, Result<HeldByUser, String>> = stream::iter(wabas)
        .map(|waba| async move { (waba, executor.read(waba).await) })
        .buffer_unordered(executor.wabas_in_progress.max(1))
        .collect()
        .await;
    let mut settled = Vec::new();
    for (run, write) in history.in_flight() {
        let found = match live.get(&write.key.waba) {
            Some(Ok(live)) => {
                let found = held(live, write.key.user);
                let settlement = settlement(write, &found, implied);
                executor.journal.settled(run, write, &found, settlement).await?;
                Ok((found, settlement))
            }
            Some(Err(error)) => Err(error.clone()),
            None => Err(String::from("it was not read")),
        };
        let (waba_name, user_name) = (write.waba_name.clone(), write.user_name.clone());
        settled.push(SettledWrite { key: write.key, waba_name, user_name, found });
    }
    Ok(settled)
}

fn settlement(write: &RecordedWrite, found: &TaskSet, implied: &Implied) -> Settlement {
    if implied.same(found, &write.after) {
        Settlement::TookEffect
    } else if *found == write.before {
        Settlement::NoEffect
    } else {
        Settlement::Different
    }
}
