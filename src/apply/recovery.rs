//! Finds out by reading what became of writes that an earlier run left in flight.

use super::{Tools, held};
use crate::model::{History, Implied, SettledWrite, Settlement, TaskSet, UserId, WabaId};
use crate::store::JournalError;
use futures_util::{StreamExt, stream};
use std::collections::{BTreeMap, BTreeSet};

/// Reads the WABAs on which earlier runs left writes in flight, and notes in the journal what became of those.
///
/// `reader`, `directory` and `stop` are of this run; nothing is written but the journal.
///
/// # Errors
///
/// Where the journal cannot be written: then nothing may be applied.
pub async fn settle_earlier(
    history: &History,
    implied: &Implied,
    tools: Tools<'_>,
) -> Result<Vec<SettledWrite>, JournalError> {
    let wabas: BTreeSet<WabaId> = history.in_flight().map(|(_, write)| write.key.waba).collect();
    let live: BTreeMap<WabaId, Result<BTreeMap<UserId, TaskSet>, String>> = stream::iter(wabas)
        .map(|waba| async move { (waba, tools.read(waba).await) })
        .buffer_unordered(tools.wabas.max(1))
        .collect()
        .await;
    let mut settled = Vec::new();
    for (run, write) in history.in_flight() {
        let found = match live.get(&write.key.waba) {
            Some(Ok(live)) => {
                let found = held(live, write.key.user);
                let how = if implied.same(&found, &write.after) {
                    Settlement::TookEffect
                } else if found == write.before {
                    Settlement::NoEffect
                } else {
                    Settlement::Different
                };
                tools.journal.settled(run, write, &found, how).await?;
                Ok((found, how))
            }
            Some(Err(error)) => Err(error.clone()),
            None => Err(String::from("it was not read")),
        };
        let (waba_name, user_name) = (write.waba_name.clone(), write.user_name.clone());
        settled.push(SettledWrite { key: write.key, waba_name, user_name, found });
    }
    Ok(settled)
}
