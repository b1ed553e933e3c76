//! The calls of all runs that share a folder, one line for each: noted before it is sent, and read by all of them.
//!
//! The lines of some two hours stand in one file, `calls-<number>.log`, which only grows; a file that no longer matters
//! is removed. Nothing is synced: what a crash of the machine takes away is a memory, not a promise.

use super::budget::MINUTES;
use crate::files;
use crate::model::WabaId;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How many minutes stand in one file: more than count at a time, so that two files hold all that does.
const PERIOD: i64 = 128;
const _: () = assert!(PERIOD >= MINUTES);
/// Of a file larger than this the rest is not read, in bytes.
const LARGEST: u64 = 256 * 1024 * 1024;

/// The notes of all runs.
#[derive(Debug)]
pub(super) struct Tally {
    folder: PathBuf,
    lock: Arc<File>,
    /// The files that matter, by the number of their period, each read as far as it went.
    read: BTreeMap<i64, Log>,
    /// The file that is written, with the number of its period.
    write: Option<(i64, File)>,
}

/// A file as far as it was read.
#[derive(Debug)]
struct Log {
    file: io::Take<File>,
    /// The beginning of a line that is not whole yet.
    rest: Vec<u8>,
}

/// The right to take a call, until it is dropped.
pub(super) struct Alone(Arc<File>);

impl Drop for Alone {
    fn drop(&mut self) {
        // Where it cannot be given back it goes with the file.
        let _ = self.0.unlock();
    }
}

impl Tally {
    /// Opens the notes in a folder, which is made where there is none.
    pub(super) fn open(folder: PathBuf) -> io::Result<Self> {
        files::create_private_folder(&folder)?;
        let lock =
            files::owner_only().create(true).truncate(false).write(true).open(folder.join("calls.lock"))?;
        Ok(Self { folder, lock: Arc::new(lock), read: BTreeMap::new(), write: None })
    }

    /// Waits until no other run is taking a call. Where the file system knows no locks, nobody waits.
    pub(super) fn alone(&self) -> Alone {
        if let Err(error) = self.lock.lock() {
            tracing::debug!("calls are counted without a lock: {error}");
        }
        Alone(Arc::clone(&self.lock))
    }

    /// Notes a call.
    pub(super) fn note(&mut self, minute: i64, waba: WabaId) -> io::Result<()> {
        let period = minute.div_euclid(PERIOD);
        let file = match &mut self.write {
            Some((of, file)) if *of == period => file,
            stale => {
                let path = path(&self.folder, period);
                let file = files::owner_only().create(true).append(true).open(path)?;
                &mut stale.insert((period, file)).1
            }
        };
        // At once, so that lines of several runs do not mix.
        file.write_all(format!("{minute} {waba}\n").as_bytes())
    }

    /// Returns the calls that were noted since the last look, with their minutes. Lines that are none are passed over.
    pub(super) fn news(&mut self, now: i64) -> io::Result<Vec<(i64, WabaId)>> {
        let current = now.div_euclid(PERIOD);
        if self.read.keys().next().is_none_or(|oldest| *oldest < current - 1) {
            self.read.retain(|period, _| *period >= current - 1);
            tidy(&self.folder, current - 1);
        }
        let mut calls = Vec::new();
        for period in [current - 1, current] {
            if !self.read.contains_key(&period) {
                match File::open(path(&self.folder, period)) {
                    Ok(file) => {
                        let log = Log { file: file.take(LARGEST), rest: Vec::new() };
                        self.read.insert(period, log);
                    }
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
            if let Some(log) = self.read.get_mut(&period) {
                log.read_on(&mut calls)?;
            }
        }
        Ok(calls)
    }
}

impl Log {
    fn read_on(&mut self, calls: &mut Vec<(i64, WabaId)>) -> io::Result<()> {
        self.file.read_to_end(&mut self.rest)?;
        let whole = self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |feed| feed + 1);
        calls.extend(self.rest[..whole].split(|byte| *byte == b'\n').filter_map(call));
        self.rest.drain(..whole);
        Ok(())
    }
}

fn call(line: &[u8]) -> Option<(i64, WabaId)> {
    let (minute, waba) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    Some((minute.parse().ok()?, waba.parse().ok()?))
}

fn path(folder: &Path, period: i64) -> PathBuf {
    folder.join(format!("calls-{period}.log"))
}

/// Removes the files of the periods before this one. One that stays does no harm.
fn tidy(folder: &Path, oldest: i64) {
    let periods = fs::read_dir(folder).into_iter().flatten().flatten().filter_map(|entry| {
        let name = entry.file_name();
        let number = name.to_str()?.strip_prefix("calls-")?.strip_suffix(".log")?;
        number.parse::<i64>().ok()
    });
    for period in periods.filter(|period| *period < oldest) {
        let _ = fs::remove_file(path(folder, period));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 128 * 229_000 + 64;

    fn waba() -> WabaId {
        "500".parse().unwrap()
    }

    #[test]
    fn each_call_is_told_once_to_everybody() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Tally::open(folder.path().to_owned()).unwrap();
        let (mut one, mut other) = (open(), open());
        one.note(NOON, waba()).unwrap();
        other.note(NOON, waba()).unwrap();
        assert_eq!(one.news(NOON).unwrap(), [(NOON, waba()), (NOON, waba())]);
        assert_eq!(one.news(NOON).unwrap(), []);
        other.note(NOON + 1, waba()).unwrap();
        assert_eq!(one.news(NOON + 1).unwrap(), [(NOON + 1, waba())]);
        assert_eq!(open().news(NOON + 1).unwrap().len(), 3);
    }

    #[test]
    fn what_is_no_line_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let mut tally = Tally::open(folder.path().to_owned()).unwrap();
        let log = path(folder.path(), NOON.div_euclid(PERIOD));
        fs::write(&log, format!("{NOON} 500\nnonsense\n\n\u{fffd} 7\n{NOON} 5")).unwrap();
        assert_eq!(tally.news(NOON).unwrap(), [(NOON, waba())]);
        fs::OpenOptions::new().append(true).open(&log).unwrap().write_all(b"00\n").unwrap();
        assert_eq!(tally.news(NOON).unwrap(), [(NOON, waba())], "a line that was only half there");
    }

    #[test]
    fn an_hour_may_stand_in_two_files_and_older_ones_go() {
        let folder = tempfile::tempdir().unwrap();
        let mut tally = Tally::open(folder.path().to_owned()).unwrap();
        tally.note(NOON, waba()).unwrap();
        tally.note(NOON + PERIOD, waba()).unwrap();
        assert_eq!(tally.news(NOON + PERIOD).unwrap().len(), 2);
        tally.note(NOON + 2 * PERIOD, waba()).unwrap();
        assert_eq!(tally.news(NOON + 2 * PERIOD).unwrap(), [(NOON + 2 * PERIOD, waba())]);
        let logs = fs::read_dir(folder.path()).unwrap().filter(|entry| {
            entry.as_ref().is_ok_and(|entry| entry.path().extension().is_some_and(|end| end == "log"))
        });
        assert_eq!(logs.count(), 2);
    }
}
