//! The lines of a whole journal as a stream, in a folder or in an object store, to copy and to compare them.

use super::error::JournalError;
use super::line::Line;
use super::remote::Remote;
use super::state::journal_path;
use crate::files;
use crate::model::BusinessId;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How much of a file is returned at a time, in bytes. A guess: a quarter of the largest object.
const PART: usize = 256 * 1024;

/// How a line begins that says where the journal has moved.
const MOVED: &[u8] = b"{\"kind\":\"moved\"";

/// The lines of a journal, oldest first. The line that says where it has moved is left out.
pub(super) enum Record<'a> {
    /// Of a file, if there is one.
    File(PathBuf, Option<BufReader<File>>),
    /// Of a chain of objects.
    Chain { remote: &'a Remote, business: BusinessId, next: u64, tail: u64, read: VecDeque<Vec<u8>> },
}

impl<'a> Record<'a> {
    /// Opens the journal in the folder of a state.
    pub(super) fn of_folder(state_dir: &Path, business: BusinessId) -> Result<Self, JournalError> {
        Self::of_file(journal_path(state_dir, business))
    }

    fn of_file(path: PathBuf) -> Result<Self, JournalError> {
        match files::open_private(&path, File::options().read(true)) {
            Ok(file) => Ok(Self::File(path, Some(BufReader::new(file)))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::File(path, None)),
            Err(error) => Err(JournalError::Read { path, source: Arc::new(error) }),
        }
    }

    /// Opens the journal in an object store.
    pub(super) async fn of_chain(remote: &'a Remote, business: BusinessId) -> Result<Self, JournalError> {
        let (base, tail) = remote.extent(business).await?;
        let mut read = VecDeque::new();
        if base > 0 {
            read.push_back(remote.checkpoint(business, base).await?.to_vec());
        }
        Ok(Self::Chain { remote, business, next: base + 1, tail, read })
    }

    /// Returns the next lines, each with a line feed; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>, JournalError> {
        match self {
            Self::File(_, None) => Ok(None),
            Self::File(path, Some(file)) => {
                let part = next_lines(file)
                    .map_err(|error| JournalError::Read { path: path.clone(), source: Arc::new(error) })?;
                Ok((!part.is_empty()).then_some(part))
            }
            Self::Chain { remote, business, next, tail, read } => loop {
                if let Some(part) = read.pop_front() {
                    if !part.is_empty() {
                        return Ok(Some(part));
                    }
                } else if *next > *tail {
                    return Ok(None);
                } else {
                    let lines = remote.lines(*business, *next, *tail).await?;
                    *next += lines.len() as u64;
                    read.extend(lines);
                }
            },
        }
    }
}

/// Reads whole lines of a file. Blank lines are left out; a last line without a line feed gets one.
fn next_lines(file: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut part = Vec::new();
    while part.len() < PART {
        let begins = part.len();
        if file.read_until(b'\n', &mut part)? == 0 {
            break;
        }
        let line = &part[begins..];
        let is_moved = || line.starts_with(MOVED) && matches!(Line::from_text(line), Ok(Line::Moved(_)));
        if line.iter().all(u8::is_ascii_whitespace) || is_moved() {
            part.truncate(begins);
        } else if !line.ends_with(b"\n") {
            part.push(b'\n');
        }
    }
    Ok(part)
}

/// Compares a copy with the original. Returns `None` if they differ; if the copy is shorter, what comes next in the original:
/// these lines, and then those that it returns from now on.
pub(super) async fn rest_of(
    original: &mut Record<'_>,
    copy: &mut Record<'_>,
) -> Result<Option<Vec<u8>>, JournalError> {
    let (mut left, mut copied) = (Vec::new(), Vec::new());
    loop {
        if copied.is_empty() {
            match copy.next().await? {
                Some(part) => copied = part,
                None => return Ok(Some(left)),
            }
        }
        if left.is_empty() {
            match original.next().await? {
                Some(part) => left = part,
                None => return Ok(None),
            }
        }
        let same = left.len().min(copied.len());
        if left[..same] != copied[..same] {
            return Ok(None);
        }
        left.drain(..same);
        copied.drain(..same);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[tokio::test]
    async fn lines_are_whole_and_what_says_where_it_went_is_left_out() {
        let moved = r#"{"kind":"moved","v":2,"at":"2026-11-23T10:00:00Z","to":"s3://a/b"}"#;
        let (_folder, path) = file(&format!("one\n\ntwo\n{moved}\n  \ncut"));
        let mut record = Record::of_file(path).unwrap();
        let part = record.next().await.unwrap().unwrap();
        assert_eq!(String::from_utf8_lossy(&part), "one\ntwo\ncut\n");
        assert_eq!(record.next().await.unwrap(), None);
    }

    #[tokio::test]
    async fn the_rest_of_a_copy_is_what_it_lacks() {
        for (copy, expected) in [
            ("", Some("one\ntwo\n")),
            ("one\n", Some("two\n")),
            ("one\ntwo\n", Some("")),
            ("one\nother\n", None),
            ("one\ntwo\nthree\n", None),
        ] {
            let ((_one, original), (_other, copied)) = (file("one\ntwo\n"), file(copy));
            let (mut original, mut copied) =
                (Record::of_file(original).unwrap(), Record::of_file(copied).unwrap());
            let mut rest = rest_of(&mut original, &mut copied).await.unwrap();
            if let Some(rest) = &mut rest {
                while let Some(part) = original.next().await.unwrap() {
                    rest.extend(part);
                }
            }
            assert_eq!(rest.map(|rest| String::from_utf8(rest).unwrap()).as_deref(), expected, "{copy}");
        }
    }
}
