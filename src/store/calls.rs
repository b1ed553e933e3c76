//! The log of calls: one line per call, written before the call is sent and shared by all processes.
//!
//! The lines of about two hours are in one file, `calls-<number>.log`, which only grows; older files are removed.
//! Nothing is synced: after a crash of the machine, calls of the last seconds may be missing. Everything here blocks
//! the thread.

use crate::files;
use crate::model::WabaId;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The minutes in one file. A guess: with the file before it, at least this many minutes are kept, and an hour is
/// needed.
const PERIOD: i64 = 128;
/// The most that is read of one file, in bytes. A guess: ten million calls.
const MAX_FILE: u64 = 256 * 1024 * 1024;

/// The most calls of a WABA in a minute that are copied from elsewhere: more than any budget of Meta's has in an hour.
const MOST_COPIED: u32 = 10_000;

/// Calls by minute since 1970 and WABA.
pub(super) type CallsByMinute = BTreeMap<(i64, WabaId), u32>;

/// The log of calls in one folder.
#[derive(Debug)]
pub struct CallLog {
    folder: PathBuf,
    lock: Arc<File>,
    /// The files that are kept, by the number of their period.
    files: BTreeMap<i64, CallLogFile>,
    /// The file that is written, with the number of its period.
    output: Option<(i64, File)>,
}

/// A file and how much of it was read.
#[derive(Debug)]
struct CallLogFile {
    file: io::Take<File>,
    /// The beginning of a line that is not complete yet.
    partial: Vec<u8>,
}

/// The exclusive right to read and append. Dropping it releases the lock.
#[derive(Debug)]
pub struct CallLogGuard(Arc<File>);

impl Drop for CallLogGuard {
    fn drop(&mut self) {
        // If this fails, the lock ends with the process.
        let _ = self.0.unlock();
    }
}

impl CallLog {
    /// The minutes for which every call is kept.
    pub const KEPT_MINUTES: i64 = PERIOD;

    /// Opens the log in a folder, and creates the folder if necessary.
    ///
    /// # Errors
    ///
    /// If the folder or the lock file cannot be created.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        files::create_private_folder(&folder)?;
        let mut options = files::owner_only();
        let lock = files::open_private(
            &folder.join("calls.lock"),
            options.read(true).write(true).create(true).truncate(false),
        )?;
        Ok(Self { folder, lock: Arc::new(lock), files: BTreeMap::new(), output: None })
    }

    /// Waits for the exclusive lock. On a file system without locks, it returns at once.
    pub fn lock(&self) -> CallLogGuard {
        if let Err(error) = self.lock.lock() {
            tracing::debug!("the log of calls is used without a lock: {error}");
        }
        CallLogGuard(Arc::clone(&self.lock))
    }

    /// Appends one call for each WABA, in one write.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened or written.
    pub fn append(&mut self, minute: i64, wabas: impl IntoIterator<Item = WabaId>) -> io::Result<()> {
        let mut lines = String::new();
        for waba in wabas {
            // Writing to a string cannot fail.
            let _ = writeln!(lines, "{minute} {waba}");
        }
        let period = minute.div_euclid(PERIOD);
        let file = match &mut self.output {
            Some((current, file)) if *current == period => file,
            output => {
                let path = path(&self.folder, period);
                let file =
                    files::open_private(&path, files::owner_only().read(true).append(true).create(true))?;
                &mut output.insert((period, file)).1
            }
        };
        // One write, so that the lines of several processes do not mix.
        file.write_all(lines.as_bytes())
    }

    /// Appends calls that were counted elsewhere, unless an earlier call of this did. Calls that are ahead of `now` count as now.
    pub(super) fn add_copied(&self, calls: &CallsByMinute, from: &str, now: i64) -> io::Result<()> {
        let _lock = self.lock();
        // Readers skip it, because it is no call.
        let mark = format!("copied from {from}\n");
        let mut files: BTreeMap<i64, String> = BTreeMap::new();
        for ((minute, waba), calls) in calls {
            let minute = (*minute).min(now);
            let line = format!("{minute} {waba}\n");
            let lines = files.entry(minute.div_euclid(PERIOD)).or_default();
            lines.push_str(&line.repeat((*calls).min(MOST_COPIED) as usize));
        }
        for (period, lines) in files {
            let path = path(&self.folder, period);
            let mut known = Vec::new();
            match files::open_private(&path, File::options().read(true)) {
                Ok(file) => _ = file.take(MAX_FILE).read_to_end(&mut known)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            if !String::from_utf8_lossy(&known).contains(&mark) {
                let mut options = files::owner_only();
                let mut file = files::open_private(&path, options.read(true).append(true).create(true))?;
                file.write_all((lines + &mark).as_bytes())?;
            }
        }
        Ok(())
    }

    /// Returns the calls that were appended since the last read, by any process, with their minutes. Corrupt lines are
    /// skipped.
    ///
    /// # Errors
    ///
    /// If a file exists and cannot be read.
    pub fn read_new(&mut self, now: i64) -> io::Result<Vec<(i64, WabaId)>> {
        let current = now.div_euclid(PERIOD);
        if self.files.keys().next().is_none_or(|oldest| *oldest < current - 1) {
            self.files.retain(|period, _| *period >= current - 1);
            remove_before(&self.folder, current - 1);
        }
        let mut calls = Vec::new();
        for period in [current - 1, current] {
            if !self.files.contains_key(&period) {
                match files::open_private(&path(&self.folder, period), File::options().read(true)) {
                    Ok(file) => {
                        let file = CallLogFile { file: file.take(MAX_FILE), partial: Vec::new() };
                        self.files.insert(period, file);
                    }
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
            if let Some(file) = self.files.get_mut(&period) {
                file.read_new(&mut calls)?;
            }
        }
        Ok(calls)
    }
}

impl CallLogFile {
    fn read_new(&mut self, calls: &mut Vec<(i64, WabaId)>) -> io::Result<()> {
        self.file.read_to_end(&mut self.partial)?;
        let complete = self.partial.iter().rposition(|byte| *byte == b'\n').map_or(0, |feed| feed + 1);
        calls.extend(self.partial[..complete].split(|byte| *byte == b'\n').filter_map(parse_line));
        self.partial.drain(..complete);
        Ok(())
    }
}

fn parse_line(line: &[u8]) -> Option<(i64, WabaId)> {
    let (minute, waba) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    Some((minute.parse().ok()?, waba.parse().ok()?))
}

fn path(folder: &Path, period: i64) -> PathBuf {
    folder.join(format!("calls-{period}.log"))
}

/// Removes the files of earlier periods. A file that cannot be removed is harmless.
fn remove_before(folder: &Path, oldest: i64) {
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
    fn each_process_reads_each_call_once() {
        let folder = tempfile::tempdir().unwrap();
        let open = || CallLog::open(folder.path().to_owned()).unwrap();
        let (mut one, mut other) = (open(), open());
        one.append(NOON, [waba()]).unwrap();
        other.append(NOON, [waba()]).unwrap();
        assert_eq!(one.read_new(NOON).unwrap(), [(NOON, waba()), (NOON, waba())]);
        assert_eq!(one.read_new(NOON).unwrap(), []);
        other.append(NOON + 1, [waba()]).unwrap();
        assert_eq!(one.read_new(NOON + 1).unwrap(), [(NOON + 1, waba())]);
        assert_eq!(open().read_new(NOON + 1).unwrap().len(), 3);
    }

    #[test]
    fn calls_from_elsewhere_are_added_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = CallLog::open(folder.path().to_owned()).unwrap();
        log.append(NOON, [waba()]).unwrap();
        let calls = CallsByMinute::from([((NOON - 70, waba()), 2), ((NOON + 9, waba()), 1)]);
        for _ in 0..2 {
            log.add_copied(&calls, "s3://bucket/a", NOON).unwrap();
        }
        let mut read = CallLog::open(folder.path().to_owned()).unwrap().read_new(NOON).unwrap();
        read.sort_unstable();
        assert_eq!(read, [NOON - 70, NOON - 70, NOON, NOON].map(|minute| (minute, waba())));
        log.add_copied(&calls, "s3://bucket/b", NOON).unwrap();
        assert_eq!(CallLog::open(folder.path().to_owned()).unwrap().read_new(NOON).unwrap().len(), 7);
    }

    #[test]
    fn corrupt_lines_are_skipped_and_partial_lines_are_completed() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = CallLog::open(folder.path().to_owned()).unwrap();
        let file = path(folder.path(), NOON.div_euclid(PERIOD));
        fs::write(&file, format!("{NOON} 500\nnonsense\n\n\u{fffd} 7\n{NOON} 5")).unwrap();
        assert_eq!(log.read_new(NOON).unwrap(), [(NOON, waba())]);
        fs::OpenOptions::new().append(true).open(&file).unwrap().write_all(b"00\n").unwrap();
        assert_eq!(log.read_new(NOON).unwrap(), [(NOON, waba())], "a line that was incomplete before");
    }

    #[test]
    fn an_hour_may_span_two_files_and_older_files_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = CallLog::open(folder.path().to_owned()).unwrap();
        log.append(NOON, [waba()]).unwrap();
        log.append(NOON + PERIOD, [waba()]).unwrap();
        assert_eq!(log.read_new(NOON + PERIOD).unwrap().len(), 2);
        log.append(NOON + 2 * PERIOD, [waba()]).unwrap();
        assert_eq!(log.read_new(NOON + 2 * PERIOD).unwrap(), [(NOON + 2 * PERIOD, waba())]);
        let logs = fs::read_dir(folder.path()).unwrap().filter(|entry| {
            entry.as_ref().is_ok_and(|entry| entry.path().extension().is_some_and(|end| end == "log"))
        });
        assert_eq!(logs.count(), 2);
    }
}
