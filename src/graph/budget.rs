//! How many calls each WABA has had in the last hour, over all runs that share a folder.
//!
//! Calls are counted by the minute. A minute counts until the whole of it is more than an hour ago, so that no
//! hour ever holds more than the limit, wherever it begins.

use super::tally::Tally;
use crate::model::WabaId;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// How many minutes count: an hour, and the one that has begun.
pub(super) const MINUTES: i64 = 61;

/// Counts of calls, by minutes since 1970.
type Counts = BTreeMap<i64, u32>;

/// The calls of the last hour.
#[derive(Debug)]
pub(super) struct Budget {
    limit: u32,
    used: BTreeMap<WabaId, Counts>,
    /// Where all runs note their calls; `None` where they cannot, or shall not.
    tally: Option<Tally>,
}

impl Budget {
    /// Takes up what is known of the last hour. A folder that cannot be used is told, and what was noted there is not
    /// known then.
    pub(super) fn open(limit: u32, folder: Option<PathBuf>, now: Timestamp) -> Self {
        let tally = folder.and_then(|folder| Tally::open(folder).map_err(|error| forgets(&error)).ok());
        let mut budget = Self { limit, used: BTreeMap::new(), tally };
        budget.catch_up(minute(now));
        budget
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit
    }

    /// Returns how many calls a WABA is known to have had in the last hour.
    pub(super) fn used(&self, waba: WabaId, now: Timestamp) -> u32 {
        let since = minute(now) - MINUTES;
        self.used.get(&waba).map_or(0, |counts| counts.range(since + 1..).map(|(_, count)| count).sum())
    }

    /// Takes one call, or tells how long it is until there is one.
    ///
    /// It is noted before this returns: whatever becomes of the run, the next one knows of the call.
    pub(super) fn take(&mut self, waba: WabaId, now: Timestamp) -> Result<(), Duration> {
        // Held for some microseconds, by whichever run is taking a call.
        let _alone = self.tally.as_ref().map(Tally::alone);
        self.catch_up(minute(now));
        self.wait_for(1, waba, now)?;
        self.note(waba, now);
        Ok(())
    }

    /// Takes note that a call that was taken at one moment is sent at another. Where the minute is another it counts
    /// in both: rather one too many than one too few.
    pub(super) fn leaves(&mut self, waba: WabaId, taken: Timestamp, now: Timestamp) {
        if minute(taken) != minute(now) {
            self.note(waba, now);
        }
    }

    /// Counts a call, for other runs as well.
    fn note(&mut self, waba: WabaId, now: Timestamp) {
        match self.tally.as_mut().map(|tally| tally.note(minute(now), waba)) {
            Some(Ok(())) => self.catch_up(minute(now)),
            Some(Err(error)) => {
                forgets(&error);
                self.tally = None;
                self.count(minute(now), waba);
            }
            None => self.count(minute(now), waba),
        }
    }

    /// Tells how long it is until a WABA has room for so many calls; more than the limit need it whole.
    pub(super) fn room(&mut self, calls: u32, waba: WabaId, now: Timestamp) -> Result<(), Duration> {
        self.catch_up(minute(now));
        self.wait_for(calls, waba, now)
    }

    /// Counts what all runs have noted since the last look.
    fn catch_up(&mut self, now: i64) {
        let Some(tally) = &mut self.tally else { return };
        match tally.news(now) {
            Ok(news) => {
                for (minute, waba) in news.into_iter().filter(|(minute, _)| *minute > now - MINUTES) {
                    self.count(minute, waba);
                }
            }
            Err(error) => {
                forgets(&error);
                self.tally = None;
            }
        }
    }

    fn count(&mut self, minute: i64, waba: WabaId) {
        *self.used.entry(waba).or_default().entry(minute).or_default() += 1;
    }

    fn wait_for(&self, calls: u32, waba: WabaId, now: Timestamp) -> Result<(), Duration> {
        let allowed = self.limit.saturating_sub(calls.min(self.limit));
        let mut used = self.used(waba, now);
        let since = minute(now) - MINUTES;
        for (minute, count) in self.used.get(&waba).into_iter().flatten().filter(|(at, _)| **at > since) {
            if used <= allowed {
                break;
            }
            used -= count;
            if used <= allowed {
                let over = Timestamp::from_second((minute + MINUTES) * 60).unwrap_or(Timestamp::MAX);
                return Err(over.duration_since(now).unsigned_abs());
            }
        }
        Ok(())
    }
}

/// Says that what is used now is not known to the next run. That is no failure.
fn forgets(error: &std::io::Error) {
    tracing::info!("the calls of the last hour are not shared between runs: {error}");
}

fn minute(now: Timestamp) -> i64 {
    now.as_second().div_euclid(60)
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

    #[test]
    fn no_hour_holds_more_calls_than_the_limit() {
        let mut budget = Budget::open(3, None, at("10:00:00"));
        for time in ["10:00:59", "10:30:00", "10:30:59"] {
            assert_eq!(budget.take(waba(), at(time)), Ok(()), "{time}");
        }
        assert_eq!(budget.take(waba(), at("10:31:00")), Err(Duration::from_secs(30 * 60)));
        assert_eq!(budget.take("501".parse().unwrap(), at("10:31:00")), Ok(()), "each has its own");
        assert_eq!(budget.take(waba(), at("11:00:59")), Err(Duration::from_secs(1)));
        assert_eq!(budget.take(waba(), at("11:01:00")), Ok(()));
        assert_eq!(budget.used(waba(), at("11:01:00")), 3);
        assert_eq!(budget.room(2, waba(), at("11:01:00")), Err(Duration::from_secs(30 * 60)));
    }

    #[test]
    fn runs_share_a_budget_while_they_run_and_after_they_were_killed() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Budget::open(3, Some(folder.path().join("new")), at("10:00:00"));
        let (mut one, mut other) = (open(), open());
        assert_eq!(one.take(waba(), at("10:00:00")), Ok(()));
        assert_eq!(other.take(waba(), at("10:01:00")), Ok(()));
        assert_eq!(one.take(waba(), at("10:02:00")), Ok(()));
        // Nothing is left to be written at the end of a run.
        drop(other);
        assert!(open().take(waba(), at("10:03:00")).is_err());
        assert_eq!(open().used(waba(), at("10:03:00")), 3);
        assert_eq!(one.take(waba(), at("11:30:00")), Ok(()), "what is long ago does not count");
    }

    #[test]
    fn a_folder_that_cannot_be_used_is_no_failure() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let mut nowhere = Budget::open(1, Some(file.join("below")), at("10:00:00"));
        assert_eq!(nowhere.take(waba(), at("10:00:00")), Ok(()));
        assert!(nowhere.take(waba(), at("10:00:00")).is_err());
    }
}
