//! Limits the calls of each WABA to a number in any hour, over all processes that share a call log, and over all machines that share
//! a state as far as their calls are known.
//!
//! Calls are counted by the minute. A minute counts until all of it is more than an hour ago, so no hour has more calls
//! than the limit, wherever it begins.

use crate::model::WabaId;
use crate::store::{CallLog, SharedCalls};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// The minutes that count: an hour, and the minute that has begun.
const MINUTES: i64 = 61;
const _: () = assert!(CallLog::KEPT_MINUTES >= MINUTES);

/// The calls of the last hour.
///
/// With a call log, the methods that change it block the thread.
#[derive(Debug)]
pub(super) struct Budget {
    limit: u32,
    /// The number of calls by WABA and minute since 1970.
    used: BTreeMap<WabaId, BTreeMap<i64, u32>>,
    log: SharedLog,
    /// The calls on other machines.
    others: Option<SharedCalls>,
}

/// The log that other processes see.
#[derive(Debug)]
enum SharedLog {
    /// To be opened by the first charge.
    Folder(PathBuf),
    Open(CallLog),
    /// Not asked for, or unusable.
    Missing,
}

impl Budget {
    /// Creates a budget. Reads nothing yet.
    pub(super) fn new(limit: u32, folder: Option<PathBuf>, others: Option<SharedCalls>) -> Self {
        let log = folder.map_or(SharedLog::Missing, SharedLog::Folder);
        Self { limit, used: BTreeMap::new(), log, others }
    }

    /// Returns whether using it blocks the thread.
    pub(super) fn is_blocking(&self) -> bool {
        !matches!(self.log, SharedLog::Missing)
    }

    /// Charges one call to each WABA of a request, or returns how long it takes until the WABA has a call again.
    ///
    /// The calls are in the log before this returns.
    pub(super) fn charge(&mut self, wabas: &[WabaId], now: Timestamp) -> Vec<Result<(), Duration>> {
        let _guard = self.open_log().map(|log| log.lock());
        self.read_log(now);
        let mut charged: BTreeMap<WabaId, u32> = BTreeMap::new();
        let mut grant = |waba: &WabaId| {
            let charged = charged.entry(*waba).or_default();
            let granted = self.used(*waba, now) + *charged < self.limit;
            *charged += u32::from(granted);
            granted
        };
        let granted: Vec<bool> = wabas.iter().map(&mut grant).collect();
        let calls = wabas.iter().zip(&granted).filter(|(_, granted)| **granted).map(|(waba, _)| *waba);
        self.append(calls.collect(), now);
        let result = |(waba, granted): (&WabaId, &bool)| {
            if *granted { Ok(()) } else { Err(self.wait_for(1, *waba, now)) }
        };
        wabas.iter().zip(&granted).map(result).collect()
    }

    /// Returns how long it takes until a WABA has some calls left; zero if it has them now.
    ///
    /// More calls than the limit need the whole limit.
    pub(super) fn wait(&mut self, waba: WabaId, calls: u32, now: Timestamp) -> Duration {
        self.read_log(now);
        self.wait_for(calls, waba, now)
    }

    /// Returns whether a WABA has used half of its calls.
    pub(super) fn is_half_used(&mut self, wabas: &[WabaId], now: Timestamp) -> bool {
        self.read_log(now);
        wabas.iter().any(|waba| self.used(*waba, now) >= self.limit / 2)
    }

    /// Returns how many calls a WABA had in the last hour.
    fn used(&self, waba: WabaId, now: Timestamp) -> u32 {
        self.counts(waba, now).into_values().fold(0, u32::saturating_add)
    }

    /// Returns the calls of a WABA in the last hour, by minute.
    fn counts(&self, waba: WabaId, now: Timestamp) -> BTreeMap<i64, u32> {
        let oldest = oldest(now);
        let mut counts =
            self.others.as_ref().map(|others| others.of_others(waba, oldest)).unwrap_or_default();
        // The clock of another machine may be ahead.
        let ahead = counts.split_off(&(minute(now) + 1));
        let own = self.used.get(&waba).into_iter().flat_map(|own| own.range(oldest..));
        let own = own.map(|(minute, count)| (*minute, *count));
        for (at, count) in own.chain(ahead.into_values().map(|count| (minute(now), count))) {
            let sum = counts.entry(at).or_default();
            *sum = sum.saturating_add(count);
        }
        counts
    }

    fn wait_for(&self, calls: u32, waba: WabaId, now: Timestamp) -> Duration {
        let allowed = self.limit.saturating_sub(calls);
        let counts = self.counts(waba, now);
        let mut used = counts.values().copied().fold(0, u32::saturating_add);
        let mut wait = Duration::ZERO;
        for (minute, count) in counts {
            if used <= allowed {
                break;
            }
            used = used.saturating_sub(count);
            let expires = Timestamp::from_second((minute + MINUTES) * 60).unwrap_or(Timestamp::MAX);
            wait = expires.duration_since(now).unsigned_abs();
        }
        wait
    }

    fn append(&mut self, calls: Vec<WabaId>, now: Timestamp) {
        let minute = minute(now);
        if let Some(others) = &self.others {
            others.note(minute, calls.iter().copied());
        }
        if let SharedLog::Open(log) = &mut self.log {
            match log.append(minute, calls.iter().copied()) {
                Ok(()) => return self.read_log(now),
                Err(error) => self.disable_log(&error),
            }
        }
        for waba in calls {
            self.count(waba, minute, now);
        }
    }

    /// Counts what all processes have appended since the last time.
    fn read_log(&mut self, now: Timestamp) {
        let Some(log) = self.open_log() else { return };
        match log.read_new(minute(now)) {
            Ok(calls) => calls.into_iter().for_each(|(minute, waba)| self.count(waba, minute, now)),
            Err(error) => self.disable_log(&error),
        }
    }

    /// Returns the log, and opens it the first time.
    fn open_log(&mut self) -> Option<&mut CallLog> {
        if let SharedLog::Folder(folder) = &self.log {
            match CallLog::open(folder.clone()) {
                Ok(log) => self.log = SharedLog::Open(log),
                Err(error) => self.disable_log(&error),
            }
        }
        match &mut self.log {
            SharedLog::Open(log) => Some(log),
            SharedLog::Folder(_) | SharedLog::Missing => None,
        }
    }

    /// Stops using the log. The run goes on: the limit is then kept by this process alone.
    fn disable_log(&mut self, error: &std::io::Error) {
        tracing::info!("calls are not shared with other processes, since the log failed: {error}");
        self.log = SharedLog::Missing;
    }

    fn count(&mut self, waba: WabaId, minute: i64, now: Timestamp) {
        if minute < oldest(now) {
            return;
        }
        let counts = self.used.entry(waba).or_default();
        *counts.entry(minute).or_default() += 1;
        if counts.first_key_value().is_some_and(|(first, _)| *first < oldest(now)) {
            *counts = counts.split_off(&oldest(now));
        }
    }
}

fn minute(now: Timestamp) -> i64 {
    now.as_second().div_euclid(60)
}

/// Returns the oldest minute that counts.
fn oldest(now: Timestamp) -> i64 {
    minute(now) - MINUTES + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::store::{MemoryFaults, MemoryObjects, Objects, StateStore};
    use std::fs;
    use std::sync::Arc;

    fn at(time: &str) -> Timestamp {
        format!("2026-11-23T{time}Z").parse().unwrap()
    }

    fn waba() -> WabaId {
        "500".parse().unwrap()
    }

    fn minutes(minutes: u64) -> Duration {
        Duration::from_secs(minutes * 60)
    }

    /// Charges one call to WABA 500.
    fn charge(budget: &mut Budget, time: &str) -> Result<(), Duration> {
        budget.charge(&[waba()], at(time)).pop().unwrap()
    }

    #[test]
    fn no_hour_has_more_calls_than_the_limit() {
        let mut budget = Budget::new(3, None, None);
        for time in ["10:00:59", "10:30:00", "10:30:59"] {
            assert_eq!(charge(&mut budget, time), Ok(()), "{time}");
        }
        assert_eq!(charge(&mut budget, "10:31:00"), Err(minutes(30)));
        assert_eq!(budget.charge(&["501".parse().unwrap()], at("10:31:00")), [Ok(())], "another WABA");
        assert_eq!(charge(&mut budget, "11:00:59"), Err(Duration::from_secs(1)));
        assert_eq!(charge(&mut budget, "11:01:00"), Ok(()));
        assert_eq!(budget.used(waba(), at("11:01:00")), 3);
        assert_eq!(budget.wait(waba(), 2, at("11:01:00")), minutes(30));
        assert_eq!(budget.wait(waba(), 99, at("11:01:00")), minutes(61), "the whole limit");
    }

    #[test]
    fn the_calls_of_one_request_count_together() {
        for folder in [None, Some(tempfile::tempdir().unwrap())] {
            let mut budget = Budget::new(2, folder.as_ref().map(|folder| folder.path().to_owned()), None);
            let other = "501".parse().unwrap();
            let charged = budget.charge(&[waba(), waba(), other, waba()], at("10:00:00"));
            assert_eq!(charged, [Ok(()), Ok(()), Ok(()), Err(minutes(61))]);
            assert!(budget.is_half_used(&[other], at("10:00:00")));
            assert!(!budget.is_half_used(&["502".parse().unwrap()], at("10:00:00")));
        }
    }

    #[test]
    fn processes_share_a_budget_while_they_run_and_after_they_were_killed() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Budget::new(3, Some(folder.path().join("new")), None);
        let (mut one, mut other) = (open(), open());
        assert_eq!(charge(&mut one, "10:00:00"), Ok(()));
        assert_eq!(charge(&mut other, "10:01:00"), Ok(()));
        assert_eq!(charge(&mut one, "10:02:00"), Ok(()));
        drop(other);
        let mut next = open();
        assert_eq!(charge(&mut next, "10:03:00"), Err(minutes(58)));
        assert_eq!(next.used(waba(), at("10:03:00")), 3);
        assert_eq!(charge(&mut one, "11:30:00"), Ok(()), "the earlier calls have expired");
    }

    #[test]
    fn a_budget_works_without_a_usable_folder() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let mut budget = Budget::new(1, Some(file.join("below")), None);
        assert_eq!(charge(&mut budget, "10:00:00"), Ok(()));
        assert!(charge(&mut budget, "10:00:00").is_err());
    }

    #[test]
    fn machines_share_a_budget() {
        let clock = Clock::simulated(at("10:00:00"));
        let objects = Arc::new(MemoryObjects::new(clock.clone(), MemoryFaults::default()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(clock.run(async {
            let machine = || {
                let state = StateStore::objects(Objects::memory(Arc::clone(&objects)), None);
                let calls = state.shared_calls("10".parse().unwrap(), &clock).unwrap();
                (Budget::new(3, None, Some(calls.clone())), calls)
            };
            let ((mut one, calls), (mut other, of_others)) = (machine(), machine());
            assert_eq!(charge(&mut one, "10:00:00"), Ok(()));
            assert_eq!(charge(&mut one, "10:00:00"), Ok(()));
            calls.finish().await;
            of_others.refresh().await;
            assert_eq!(charge(&mut other, "10:01:00"), Ok(()));
            assert_eq!(charge(&mut other, "10:02:00"), Err(minutes(59)));
            assert_eq!(charge(&mut other, "11:01:00"), Ok(()), "the calls of the other machine have expired");
        }));
    }
}
