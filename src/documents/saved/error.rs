//! Why a saved plan cannot be used.

use std::io;
use std::path::PathBuf;

/// Why a saved plan cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SavedPlanError {
    /// The file cannot be written.
    #[error("{} cannot be written", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The file cannot be read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The file is something else.
    #[error("{} is not a saved plan: {why}", path.display())]
    NotASavedPlan {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The format is newer than this version knows.
    #[error("{} was made by a newer version of wabacl: it is of format {version}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version of the format.
        version: String,
    },
    /// The file is not as it was written.
    #[error("{} was altered: {why}", path.display())]
    Altered {
        /// The file.
        path: PathBuf,
        /// What shows it.
        why: String,
    },
}

impl SavedPlanError {
    /// Returns what to do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Write { .. } => "name a file that can be written",
            Self::Read { .. } | Self::NotASavedPlan { .. } => "name a file that `wabacl plan --out` wrote",
            Self::Newer { .. } => "use the version of wabacl that made it, or a newer one",
            Self::Altered { .. } => "create a new plan",
        }
    }
}
