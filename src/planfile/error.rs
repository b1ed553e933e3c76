//! Why a saved plan cannot be used.

use std::io;
use std::path::{Path, PathBuf};

/// Why a saved plan cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum PlanFileError {
    /// The file cannot be written.
    #[error("{} cannot be written", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file cannot be read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is something else.
    #[error("{} is no saved plan: {why}", path.display())]
    NoPlan {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A later version of this program wrote it.
    #[error("{} is of the format {version}, which this version of wabacl does not know", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version of its format.
        version: String,
    },
    /// It is not as it was written.
    #[error("{} was altered: its digest does not fit what stands in it", path.display())]
    Altered {
        /// The file.
        path: PathBuf,
    },
}

impl PlanFileError {
    /// Says which file it is.
    pub(super) fn at(mut self, file: &Path) -> Self {
        let (Self::Write { path, .. }
        | Self::Read { path, .. }
        | Self::NoPlan { path, .. }
        | Self::Newer { path, .. }
        | Self::Altered { path }) = &mut self;
        file.clone_into(path);
        self
    }

    /// Returns what to do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Write { .. } => "name a place that can be written",
            Self::Read { .. } | Self::NoPlan { .. } => "name a file that `wabacl plan --out` wrote",
            Self::Newer { .. } => "use the version of wabacl that made it, or a newer one",
            Self::Altered { .. } => "make the plan anew",
        }
    }
}
