//! Limits the calls of each WABA to a number in any hour, over all processes that share a call log.
//!
//! Calls are counted by the minute. A minute counts until all of it is more than an hour ago, so no hour has more calls
//! than the limit, wherever it begins.

use crate::model::WabaId;
use crate::store::CallLog;
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
    pub(super) fn new(limit: u32, folder: Option<PathBuf>) -> Self {
        Self { limit, used: BTreeMap::new(), log: folder.map_or(SharedLog::Missing, SharedLog::Folder) }
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
        let counts = self.used.get(&waba);
        counts.map_or(0, |counts| counts.range(oldest(now)..).map(|(_, count)| count).sum())
    }

    fn wait_for(&self, calls: u32, waba: WabaId, now: Timestamp) -> Duration {
        let allowed = self.limit.saturating_sub(calls);
        let mut used = self.used(waba, now);
        let counts = self.used.get(&waba).into_iter().flat_map(|counts| counts.range(oldest(now)..));
        let mut wait = Duration::ZERO;
        for (minute, count) in counts {
            if used <= allowed {
                break;
            }
            used -= count;
            let expires = Timestamp::from_second((minute + MINUTES) * 60).unwrap_or(Timestamp::MAX);
            wait = expires.duration_since(now).unsigned_abs();
        }
        wait
    }

    fn append(&mut self, calls: Vec<WabaId>, now: Timestamp) {
        let minute = minute(now);
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
    use std::fs;

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
        let mut budget = Budget::new(3, None);
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
            let mut budget = Budget::new(2, folder.as_ref().map(|folder| folder.path().to_owned()));
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
        let open = || Budget::new(3, Some(folder.path().join("new")));
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
        let mut budget = Budget::new(1, Some(file.join("below")));
        assert_eq!(charge(&mut budget, "10:00:00"), Ok(()));
        assert!(charge(&mut budget, "10:00:00").is_err());
    }
}
