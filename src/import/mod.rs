//! Makes manifests from live access: the manifests that people keep, whose plan is empty.
//!
//! [`mining`](crate::mining) finds the grants and latent labels; what these do not explain becomes exceptions, so the result
//! is exact whatever was found. The result depends only on the live access. This module does not know how it is read, or
//! where the files are written.

mod draft;
mod exceptions;
mod names;
mod shared;
#[cfg(test)]
mod tests;
mod update;
mod write;

pub use exceptions::{Deviation, Evidence, Verdict};
pub use update::{Additions, Known, NewWaba, NotAdded, Pending, additions, new_wabas};
pub use write::{EXCEPTIONS_HEADER, ImportedFile, Lines, TABLE};

use crate::model::{Estate, Name, WabaId};
use draft::Draft;
use std::collections::BTreeMap;

/// How manifests are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportOptions {
    /// Whether suspected mistakes are left out of the exceptions.
    pub normalize: bool,
}

/// Manifests that were made from live access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The files.
    pub files: Vec<ImportedFile>,
    /// The number of lines of each kind.
    pub lines: Lines,
    /// The number of declared system users.
    pub users: usize,
    /// The number of WABAs that the manifests cover.
    pub wabas: usize,
    /// The number of assignments that they explain.
    pub assignments: usize,
    /// The assignments that differ from what the grants give, and whether they are suspected to be mistakes.
    pub deviations: Vec<Deviation>,
    /// The WABAs whose access is not known, with their names and the reason. The manifests do not describe it.
    pub unreadable: BTreeMap<WabaId, (Name, String)>,
}

/// Makes manifests from live access.
pub fn import(estate: &Estate, options: ImportOptions) -> Imported {
    let draft = Draft::new(estate);
    let deviations = draft.deviations();
    let (files, lines) = write::write(&draft, &deviations, options);
    Imported {
        files,
        lines,
        users: draft.users.len(),
        wabas: draft.wabas.len(),
        assignments: draft.wabas.iter().map(|waba| waba.held.len()).sum(),
        deviations,
        unreadable: unreadable(estate),
    }
}

/// Returns the WABAs whose access is not known.
fn unreadable(estate: &Estate) -> BTreeMap<WabaId, (Name, String)> {
    let name = |id: &WabaId| estate.directory.wabas.get(id).map(|waba| waba.name.clone()).unwrap_or_default();
    let unread = estate.observed.unreadable.iter().chain(&estate.left_out);
    unread.map(|(id, why)| (*id, (name(id), why.why.clone()))).collect()
}
