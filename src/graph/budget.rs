//! How many calls each WABA has had in the last hour, over all runs that share a file.
//!
//! Calls are counted by the minute. A minute counts until the whole of it is more than an hour ago, so that no
//! hour ever holds more than the limit, wherever it begins.

use crate::model::WabaId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How many minutes count: an hour, and the one that has begun.
const MINUTES: i64 = 61;
/// A file that is larger than this is none of ours, in bytes.
const LARGEST: u64 = 256 * 1024 * 1024;

/// Counts of calls, by minutes since 1970.
type Counts = BTreeMap<i64, u32>;

/// The calls of the last hour.
#[derive(Debug)]
pub(super) struct Budget {
    limit: u32,
    file: Option<PathBuf>,
    used: BTreeMap<WabaId, Counts>,
    /// What this run has added since it last wrote the file.
    unsaved: BTreeMap<WabaId, Counts>,
}

/// The file: minutes and counts by WABA.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    version: u32,
    wabas: BTreeMap<String, Vec<(i64, u32)>>,
}

impl Budget {
    /// Takes up what is known of the last hour. A file that cannot be read is told, and counts as none.
    pub(super) fn open(limit: u32, file: Option<PathBuf>, now: Timestamp) -> Self {
        let used = match file.as_deref().map(read) {
            Some(Ok(used)) => used,
            Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Some(Err(error)) => {
                let path = file.as_deref().unwrap_or(Path::new("")).display().to_string();
                let path = crate::model::visible(&path).into_owned();
                tracing::warn!("the calls of the last hour are not known: {path}: {error}");
                BTreeMap::new()
            }
            None => BTreeMap::new(),
        };
        let mut budget = Self { limit, file, used, unsaved: BTreeMap::new() };
        forget(&mut budget.used, minute(now));
        budget
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit
    }

    /// Gives how many calls a WABA has had in the last hour.
    pub(super) fn used(&self, waba: WabaId, now: Timestamp) -> u32 {
        let since = minute(now) - MINUTES;
        self.used.get(&waba).map_or(0, |counts| counts.range(since + 1..).map(|(_, count)| count).sum())
    }

    /// Takes one call, or tells how long it is until there is one.
    pub(super) fn take(&mut self, waba: WabaId, now: Timestamp) -> Result<(), Duration> {
        self.wait_for(1, waba, now)?;
        let minute = minute(now);
        for counts in [&mut self.used, &mut self.unsaved] {
            *counts.entry(waba).or_default().entry(minute).or_default() += 1;
        }
        Ok(())
    }

    /// Tells how long it is until a WABA has room for so many calls; more than the limit need it whole.
    pub(super) fn wait_for(&self, calls: u32, waba: WabaId, now: Timestamp) -> Result<(), Duration> {
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

    /// Writes what was used to the file, beside what other runs have written there meanwhile.
    ///
    /// # Errors
    ///
    /// Where it cannot be written; nothing is lost by that but the memory of it.
    pub(super) fn save(&mut self, now: Timestamp) -> io::Result<()> {
        let Some(path) = self.file.clone() else { return Ok(()) };
        if self.unsaved.is_empty() {
            return Ok(());
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let lock =
            OpenOptions::new().create(true).truncate(false).write(true).open(path.with_extension("lock"))?;
        lock.lock()?;
        let mut all = match read(&path) {
            Ok(all) => all,
            // One that is broken is written anew; what stood in it is lost.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => {
                BTreeMap::new()
            }
            Err(error) => return Err(error),
        };
        for (waba, counts) in &self.unsaved {
            for (minute, count) in counts {
                *all.entry(*waba).or_default().entry(*minute).or_default() += count;
            }
        }
        forget(&mut all, minute(now));
        write(&path, &all)?;
        self.unsaved.clear();
        self.used = all;
        Ok(())
    }
}

fn minute(now: Timestamp) -> i64 {
    now.as_second().div_euclid(60)
}

/// Drops what is too long ago to count.
fn forget(used: &mut BTreeMap<WabaId, Counts>, now: i64) {
    used.retain(|_, counts| {
        *counts = counts.split_off(&(now - MINUTES + 1));
        !counts.is_empty()
    });
}

fn read(path: &Path) -> io::Result<BTreeMap<WabaId, Counts>> {
    let mut text = String::new();
    File::open(path)?.take(LARGEST).read_to_string(&mut text)?;
    let broken = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    let kept: Kept = serde_json::from_str(&text).map_err(broken)?;
    let wabas = kept.wabas.into_iter();
    Ok(wabas.filter_map(|(id, counts)| Some((id.parse().ok()?, counts.into_iter().collect()))).collect())
}

/// Writes a new file and puts it in the place of the old one.
fn write(path: &Path, used: &BTreeMap<WabaId, Counts>) -> io::Result<()> {
    let wabas = used.iter().map(|(waba, counts)| (waba.to_string(), counts.clone().into_iter().collect()));
    let text = serde_json::to_string(&Kept { version: 1, wabas: wabas.collect() })?;
    let temporary = path.with_extension("tmp");
    let mut file = File::create(&temporary)?;
    file.write_all(text.as_bytes())?;
    drop(file);
    fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(budget.wait_for(2, waba(), at("11:01:00")), Err(Duration::from_secs(30 * 60)));
    }

    #[test]
    fn runs_that_share_a_file_share_the_budget() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new").join("calls.json");
        let open = || Budget::open(3, Some(file.clone()), at("10:00:00"));
        let (mut one, mut other) = (open(), open());
        one.take(waba(), at("10:00:00")).unwrap();
        one.save(at("10:00:00")).unwrap();
        other.take(waba(), at("10:01:00")).unwrap();
        other.save(at("10:01:00")).unwrap();
        assert_eq!(other.used(waba(), at("10:01:00")), 2);
        assert_eq!(open().used(waba(), at("10:01:00")), 2);
        one.take(waba(), at("11:30:00")).unwrap();
        one.save(at("11:30:00")).unwrap();
        assert_eq!(open().used(waba(), at("11:30:00")), 1, "what is long ago is forgotten");
    }

    #[test]
    fn a_file_that_cannot_be_used_is_no_failure() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("calls.json");
        fs::write(&file, "{").unwrap();
        let mut budget = Budget::open(3, Some(file.clone()), at("10:00:00"));
        assert_eq!(budget.take(waba(), at("10:00:00")), Ok(()));
        assert!(budget.save(at("10:00:00")).is_ok(), "a broken file is replaced");
        let mut nowhere = Budget::open(3, Some(file.join("below-a-file")), at("10:00:00"));
        assert_eq!(nowhere.take(waba(), at("10:00:00")), Ok(()));
        assert!(nowhere.save(at("10:00:00")).is_err());
    }
}
