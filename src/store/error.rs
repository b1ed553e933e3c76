//! What can go wrong with a journal or a lock, by what the caller can do about it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Why a journal or a lock cannot be used. Clones tell the same, as one failure reaches everybody who waits.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The folder for journal and lock cannot be made, or not be listed.
    #[error("the folder {} cannot be used", shown(.path))]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: Arc<io::Error>,
    },
    /// The journal cannot be read.
    #[error("the journal {} cannot be read", shown(.path))]
    Read {
        /// The journal.
        path: PathBuf,
        /// Why.
        source: Arc<io::Error>,
    },
    /// The journal cannot be written: from here on, nothing more goes in.
    #[error("the journal {} cannot be written", shown(.path))]
    Write {
        /// The journal.
        path: PathBuf,
        /// Why.
        source: Arc<io::Error>,
    },
    /// An entry that no reader would take.
    #[error("an entry for the journal would have {bytes} bytes, and no line may have more than {limit}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The file system knows no locks.
    #[error("the file system of {} knows no locks, so that nothing keeps two runs apart", shown(.path))]
    NoLocks {
        /// The lock's file.
        path: PathBuf,
        /// What it says.
        source: Arc<io::Error>,
    },
    /// The lock cannot be taken, though nobody is known to hold it.
    #[error("the lock {} cannot be taken", shown(.path))]
    Lock {
        /// The lock's file.
        path: PathBuf,
        /// Why.
        source: Arc<io::Error>,
    },
    /// The program ends, and the work was given up.
    #[error("the program ended before the journal's work did")]
    Ended,
}

impl JournalError {
    /// Returns what to do, where there is something to say.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Folder { .. } | Self::Write { .. } | Self::Lock { .. } => {
                Some("make room or give the rights there, or name another folder with --state-dir")
            }
            Self::NoLocks { .. } => Some("name a folder on a local disk with --state-dir"),
            Self::Read { .. } | Self::TooLong { .. } | Self::Ended => None,
        }
    }
}

/// Shows a path harmlessly.
fn shown(path: &std::path::Path) -> String {
    crate::text::escape(&path.display().to_string()).into_owned()
}
