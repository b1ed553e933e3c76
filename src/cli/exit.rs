//! The exit codes: a public table.

use std::process::ExitCode;

/// How a run ended. Where several fit, the first in the order of the declaration wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Wrong usage.
    Usage,
    /// Bad manifests, no such file, a dead token, the API out of reach.
    Failed,
    /// A guard, a stale or altered plan, a declined prompt.
    Refused,
    /// Some WABAs unreadable, some changes not applied as planned, interrupted after the first write.
    Partial,
    /// There are changes.
    Changes,
    /// Done, or nothing to do.
    Done,
    /// Interrupted before any write.
    Interrupted,
    /// Meta asks to wait.
    Throttled,
}

/// The table, as `--help` shows it.
pub(crate) const TABLE: &str = "\
Exit codes, the first that fits:
  64  wrong usage
   1  failed: bad manifests, no such file, a dead token, the API out of reach
   3  refused: a guard, a stale or altered plan, a declined prompt
   4  in part: some WABAs unreadable, some changes not applied as planned
   2  there are changes (drift; plan --detailed-exitcode)
   0  done, or nothing to do
 130  interrupted before any write
  75  throttled before any write: come back later";

impl Exit {
    /// Returns the number that the process ends with.
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
