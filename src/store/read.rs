//! Reads a journal line by line, and skips corrupt lines. The memory it takes depends on what is kept.

use super::error::JournalError;
use super::history::Builder;
use super::line::{EndLine, LINE_LIMIT, Line, LineError};
use crate::files;
use crate::model::{BrokenLine, History, HistoryFilter, SeenInHistory};
use jiff::Timestamp;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

/// Which part of a journal is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Everything.
    All,
    /// The last runs, and earlier ones with a write in flight.
    Last(usize),
    /// The writes that are in flight, with their runs.
    InFlight,
    /// The runs that wrote something since a moment, and earlier ones with a write in flight.
    Since(Timestamp),
}

/// The number of bytes at the end in which the last line is searched. If it says that nothing is in flight, the rest need
/// not be read. A guess: far longer than the line of an end.
const TAIL: u64 = 64 * 1024;

/// Reads a journal. A missing file is an empty history.
///
/// A line that cannot be read is reported in the history and skipped.
///
/// # Errors
///
/// If the file cannot be read; with [`Keep::InFlight`] also if there is a line that cannot be read and that no crash
/// explains, because it may announce a write that is in flight.
pub fn read(path: &Path, keep: Keep) -> Result<History, JournalError> {
    let fails = |error| JournalError::Read { path: path.to_owned(), source: Arc::new(error) };
    let Some(mut file) = open(path).map_err(fails)? else { return Ok(History::default()) };
    if keep == Keep::InFlight && ends_settled(&mut file).map_err(fails)? {
        return Ok(History::default());
    }
    let (history, _) = read_lines(BufReader::new(file), Builder::new(keep)).map_err(fails)?;
    match &history.unusable {
        Some(BrokenLine { line, why }) if keep == Keep::InFlight => {
            Err(JournalError::Unusable { path: path.to_owned(), line: *line, why: why.clone() })
        }
        Some(_) | None => Ok(history),
    }
}

/// Reads what a filter takes of a journal, and returns what there is besides. Memory is taken only for what is kept.
///
/// # Errors
///
/// If the file cannot be read.
pub fn read_filtered(
    path: &Path,
    keep: Keep,
    filter: &HistoryFilter,
) -> Result<(History, SeenInHistory), JournalError> {
    let fails = |error| JournalError::Read { path: path.to_owned(), source: Arc::new(error) };
    match open(path).map_err(fails)? {
        None => Ok(Default::default()),
        Some(file) => {
            read_lines(BufReader::new(file), Builder::filtered(keep, filter.clone())).map_err(fails)
        }
    }
}

/// Opens a journal; `None` if there is no file.
fn open(path: &Path) -> io::Result<Option<File>> {
    match files::open_private(path, File::options().read(true)) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads all lines of a journal.
pub(super) fn read_lines(
    mut from: impl BufRead,
    mut builder: Builder,
) -> io::Result<(History, SeenInHistory)> {
    let mut text = Vec::new();
    for number in 1.. {
        match next_line(&mut from, &mut text)? {
            Found::End => break,
            Found::TooLong => {
                builder.broken(number, &LineError::Corrupt(format!("it is longer than {LINE_LIMIT} bytes")));
            }
            Found::Line if text.iter().all(u8::is_ascii_whitespace) => {}
            Found::Line => builder.line(number, &text),
            // If only the line feed is missing, the line is complete.
            Found::Rest => match Line::from_text(&text) {
                Ok(_) => builder.line(number, &text),
                Err(_) => builder.torn(number),
            },
        }
    }
    Ok(builder.finish())
}

/// The result of reading a line.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// The end of the file.
    End,
    /// A line, without its line feed.
    Line,
    /// A last line that has no line feed.
    Rest,
    /// A line that exceeds the limit; it is not kept.
    TooLong,
}

fn next_line(from: &mut impl BufRead, text: &mut Vec<u8>) -> io::Result<Found> {
    text.clear();
    let mut too_long = false;
    loop {
        let ready = match from.fill_buf() {
            Ok(ready) => ready,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let at_end = ready.is_empty();
        let feed = ready.iter().position(|byte| *byte == b'\n');
        let part = &ready[..feed.unwrap_or(ready.len())];
        too_long |= text.len() + part.len() > LINE_LIMIT;
        if !too_long {
            text.extend_from_slice(part);
        }
        let used = part.len() + usize::from(feed.is_some());
        from.consume(used);
        match (feed.is_some() || at_end, too_long, at_end) {
            (false, ..) => {}
            (true, true, _) => return Ok(Found::TooLong),
            (true, false, false) => return Ok(Found::Line),
            (true, false, true) if text.is_empty() => return Ok(Found::End),
            (true, false, true) => return Ok(Found::Rest),
        }
    }
}

/// Returns whether the last line is the end of a run, and says that nothing is in flight in the whole journal.
fn ends_settled(file: &mut File) -> io::Result<bool> {
    let line = tail(file)?;
    Ok(line.is_some_and(|line| matches!(Line::from_text(&line), Ok(Line::End(EndLine { in_flight: 0, .. })))))
}

/// Returns the last line of a journal, if it is complete and not too long.
pub(super) fn last_line(path: &Path) -> Result<Option<Vec<u8>>, JournalError> {
    let fails = |error| JournalError::Read { path: path.to_owned(), source: Arc::new(error) };
    match open(path).map_err(fails)? {
        Some(mut file) => tail(&mut file).map_err(fails),
        None => Ok(None),
    }
}

/// Returns the last line of a file, if it is complete and not too long. Goes back to the beginning of the file.
fn tail(file: &mut File) -> io::Result<Option<Vec<u8>>> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    file.take(TAIL).read_to_end(&mut tail)?;
    file.seek(SeekFrom::Start(0))?;
    let Some(lines) = tail.strip_suffix(b"\n") else { return Ok(None) };
    let begins = lines.iter().rposition(|byte| *byte == b'\n').map_or(0, |feed| feed + 1);
    Ok(Some(lines[begins..].to_vec()))
}
