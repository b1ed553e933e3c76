//! The errors of the journal and the lock, by what the caller can do.

use super::lock::Holder;
use crate::chain::Lost;
use crate::model::{BusinessId, Name};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Why the journal or the lock cannot be used. It can be cloned, because one failure is returned to all waiters.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The folder for journal and lock cannot be created or listed.
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
    /// A line of the journal cannot be read, so a write may be in flight that nobody knows of.
    #[error("line {line} of the journal {} cannot be used: {why}", shown(.path))]
    Unusable {
        /// The journal.
        path: PathBuf,
        /// The number of the line, from 1.
        line: u64,
        /// Why.
        why: Name,
    },
    /// The journal cannot be written. Nothing more is written after that.
    #[error("the journal {} cannot be written", shown(.path))]
    Write {
        /// The journal.
        path: PathBuf,
        /// Why.
        source: Arc<io::Error>,
    },
    /// An entry exceeds the limit of a line.
    #[error("an entry for the journal would have {bytes} bytes, and no line may have more than {limit}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The file system has no locks.
    #[error("the file system of {} has no locks, so two runs could write at the same time", shown(.path))]
    NoLocks {
        /// The lock's file.
        path: PathBuf,
        /// The error of the system.
        source: Arc<io::Error>,
    },
    /// The lock cannot be taken although no other run holds it.
    #[error("the lock {} cannot be taken", shown(.path))]
    Lock {
        /// The lock's file.
        path: PathBuf,
        /// Why.
        source: Arc<io::Error>,
    },
    /// A request to the object store of the state failed.
    #[error("{location}: {doing} failed: {why}")]
    Store {
        /// The URL.
        location: String,
        /// What was being done.
        doing: &'static str,
        /// Why.
        why: String,
    },
    /// The object store does not keep the condition of a put.
    #[error(
        "the store of {location} cannot keep a state: of {puts} puts of a new object at the same time, {won} succeeded \
         instead of one"
    )]
    NotConditional {
        /// The URL.
        location: String,
        /// How many puts succeeded.
        won: usize,
        /// How many there were.
        puts: usize,
    },
    /// The prefix holds something else, or a state of a newer version.
    #[error("{location} holds no state that this program knows")]
    OtherLayout {
        /// The URL.
        location: String,
    },
    /// An object of the journal is missing or cannot be used.
    #[error("{location}: {object} cannot be used: {why}")]
    Chain {
        /// The URL.
        location: String,
        /// The object.
        object: String,
        /// Why.
        why: String,
    },
    /// The state has moved to another place.
    #[error("the state in {location} has moved to {to}")]
    Moved {
        /// The old place.
        location: String,
        /// The URL of the new place, escaped.
        to: String,
    },
    /// A migration to this place is not finished.
    #[error("the state in {location} is an incomplete copy of {from}")]
    Incomplete {
        /// The place.
        location: String,
        /// The URL of the place from which it is copied, escaped.
        from: String,
    },
    /// The place to migrate to has a state of the business.
    #[error("there is a state of the business {business} in {location} already")]
    NotEmpty {
        /// The place.
        location: String,
        /// The business.
        business: BusinessId,
    },
    /// What was copied is not what was to be copied.
    #[error("the state of the business {business} in {location} is not the same as that in {from}")]
    Differs {
        /// The place that was copied to.
        location: String,
        /// The place that was copied from.
        from: String,
        /// The business.
        business: BusinessId,
    },
    /// Another run holds the lock of the business in the place to migrate to.
    #[error("another run uses the business {business} in {location}: {holder}")]
    InUse {
        /// The place.
        location: String,
        /// The business.
        business: BusinessId,
        /// Who holds the lock.
        holder: Box<Holder>,
    },
    /// The lease is held no more. Nothing more is recorded or sent after that.
    #[error("the lease in {location} is lost: {lost}{}", because(.why.as_deref()))]
    Lost {
        /// The URL.
        location: String,
        /// How.
        lost: Lost,
        /// The last error of the store.
        why: Option<String>,
    },
    /// The program ended before the work was done.
    #[error("the program ended before the journal's work did")]
    Ended,
}

impl JournalError {
    /// Returns what to do, if there is something to say.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Folder { .. } | Self::Write { .. } | Self::Lock { .. } => {
                Some("free some space, fix the permissions, or pass another folder with --state-dir")
            }
            Self::NoLocks { .. } => Some("name a folder on a local disk with --state-dir"),
            Self::Unusable { .. } => Some(
                "if a newer version of wabacl wrote it, use that one; otherwise look at it with `wabacl journal`, move \
                 the file away, and plan again",
            ),
            Self::Store { .. } => Some(
                "check the credentials in the environment, the name of the bucket or container, and its policy; docs/state.md \
                 lists them",
            ),
            Self::NotConditional { .. } => {
                Some("use a store that refuses to put an object that exists; docs/state.md names some")
            }
            Self::OtherLayout { .. } => Some("use the version of wabacl that wrote it, or another prefix"),
            Self::Chain { .. } => Some("look at it with `wabacl state check`"),
            Self::Lost { lost: Lost::Fenced, .. } => Some(
                "wait for the other run, and plan again; what this run sent and did not record is settled there",
            ),
            Self::Lost { .. } => {
                Some("apply again once the store answers: that run settles what this one sent")
            }
            Self::Moved { .. } => Some("name the new place with --state or WABACL_STATE"),
            Self::Incomplete { .. } => {
                Some("run the same `wabacl state migrate` again: it goes on where it stopped")
            }
            Self::NotEmpty { .. } => {
                Some("migrate to another folder or prefix: two journals cannot become one")
            }
            Self::Differs { .. } => Some("migrate to another folder or prefix; the old place is as it was"),
            Self::InUse { .. } => Some("wait for it, and run the migration again"),
            Self::Read { .. } | Self::TooLong { .. } | Self::Ended => None,
        }
    }
}

/// Returns an escaped path.
fn shown(path: &std::path::Path) -> String {
    crate::text::escape(&path.display().to_string()).into_owned()
}

/// Returns the end of a sentence with a reason, if there is one.
fn because(why: Option<&str>) -> String {
    why.map(|why| format!(" ({why})")).unwrap_or_default()
}
