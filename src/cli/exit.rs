//! The exit codes, which are a public contract.

use std::process::ExitCode;

/// An exit code. If several fit, the first in the order of declaration wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Wrong usage.
    Usage,
    /// Invalid manifests, a missing file, a dead token, or an unreachable API.
    Failed,
    /// A violation of a guard, a failed access test, a stale or altered plan, or a declined prompt.
    Refused,
    /// Unreadable WABAs, changes that were not applied as planned, or an interrupt after the first write.
    Partial,
    /// There are changes.
    Changes,
    /// Done, or nothing to do.
    Done,
    /// Interrupted before any write.
    Interrupted,
    /// Throttled before any write.
    Throttled,
}

/// The table in `--help`.
pub(crate) const TABLE: &str = "\
Exit codes, the first that fits:
  64  wrong usage
   1  failed: invalid manifests, a missing file, a dead token, an unreachable API
   3  refused: a guard, a failed access test, a stale or altered plan, a declined prompt
   4  partial: WABAs that could not be read, changes that were not applied as planned
   2  there are changes (drift; plan --detailed-exitcode), or who-can --fail-if-… hits
   0  done, or nothing to do
 130  interrupted before any write
  75  throttled before any write: come back later";

impl Exit {
    /// Returns the exit code of the process.
    pub const fn code(self) -> u8 {
        match self {
            Self::Usage => 64,
            Self::Failed => 1,
            Self::Refused => 3,
            Self::Partial => 4,
            Self::Changes => 2,
            Self::Done => 0,
            Self::Interrupted => 130,
            Self::Throttled => 75,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
