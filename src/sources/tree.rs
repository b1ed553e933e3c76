//! Lists the manifests of a path. Links stay inside the folder that the path leads to.

use super::{shown, unreadable};
use crate::diagnostic::{self, Diagnostic};
use std::collections::BTreeSet;
use std::fs::{self, DirEntry, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The maximum nesting depth of folders. A guess that protects the stack.
const DEPTH_LIMIT: usize = 64;
/// The maximum number of entries of all folders. A guess: a large repository with its dependencies has fewer.
const ENTRY_LIMIT: usize = 1_000_000;

/// The file systems of the kernel. Their files hold secrets of processes, and reading some of them has effects.
const KERNEL: [&str; 2] = ["/proc", "/sys"];

/// The manifests of a path. Two listings differ if a file, its size, its time or the target of a link differs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Listing {
    /// The real path of the given path.
    root: PathBuf,
    /// The files, in the order of their names.
    pub(super) files: Vec<Found>,
    /// What cannot be listed.
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// A file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The path by which it was found.
    pub(super) path: PathBuf,
    /// The path without links.
    pub(super) real: PathBuf,
    /// The size in bytes.
    pub(super) bytes: u64,
    modified: Option<SystemTime>,
}

impl Found {
    fn new(path: PathBuf, real: PathBuf, metadata: &Metadata) -> Self {
        Self { path, real, bytes: metadata.len(), modified: metadata.modified().ok() }
    }
}

/// Lists a file, or the manifests in a folder and its subfolders. The path itself may be a link.
pub(super) fn list(path: &Path) -> Result<Listing, Diagnostic> {
    let fails = |error| unreadable(&shown(path), &error);
    let metadata = fs::metadata(path).map_err(fails)?;
    if !metadata.is_dir() && !metadata.is_file() {
        // A pipe or a device could be endless, or block forever.
        return Err(diagnostic::unreadable_file(&shown(path), "it is not a regular file"));
    }
    let root = path.canonicalize().map_err(fails)?;
    if KERNEL.iter().any(|kernel| root.starts_with(kernel)) {
        return Err(diagnostic::unreadable_file(&shown(path), "it belongs to the kernel"));
    }
    if metadata.is_file() {
        let files = vec![Found::new(path.to_owned(), root.clone(), &metadata)];
        return Ok(Listing { root, files, diagnostics: Vec::new() });
    }
    let mut walk = Walk::new(path, root);
    walk.folder(path, walk.listing.root.clone());
    if walk.listing.files.is_empty() && !walk.listing.diagnostics.iter().any(Diagnostic::is_error) {
        walk.listing.diagnostics.push(diagnostic::no_manifests(&shown(path)));
    }
    Ok(walk.listing)
}

/// A walk through a folder. An error in one subfolder does not stop the others.
struct Walk<'a> {
    /// The path as it was given.
    given: &'a Path,
    listing: Listing,
    /// The real paths of the current folder and its parents.
    parents: Vec<PathBuf>,
    /// The folders that were entered. Links can lead to one folder by exponentially many paths.
    entered: BTreeSet<PathBuf>,
    entries: usize,
}

impl<'a> Walk<'a> {
    fn new(given: &'a Path, root: PathBuf) -> Self {
        let listing = Listing { root, files: Vec::new(), diagnostics: Vec::new() };
        Self { given, listing, parents: Vec::new(), entered: BTreeSet::new(), entries: 0 }
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.listing.diagnostics.push(diagnostic);
    }

    fn folder(&mut self, path: &Path, real: PathBuf) {
        match self.enter(path, &real) {
            Ok(entries) => {
                self.parents.push(real);
                for entry in &entries {
                    self.entry(entry, path);
                }
                self.parents.pop();
            }
            Err(diagnostic) => self.listing.diagnostics.extend(diagnostic),
        }
    }

    /// Returns the entries of a folder that are not hidden, in the order of their names; an error without a diagnostic
    /// if it was entered before.
    fn enter(&mut self, path: &Path, real: &PathBuf) -> Result<Vec<DirEntry>, Option<Diagnostic>> {
        let refused = |why| Err(Some(diagnostic::unreadable_file(&shown(path), why)));
        if self.parents.contains(real) {
            return refused("a symbolic link leads back to a parent folder");
        }
        if self.parents.len() >= DEPTH_LIMIT {
            return refused("folders are nested more than 64 deep");
        }
        if !self.entered.insert(real.clone()) {
            return Err(None);
        }
        let listed = fs::read_dir(real).and_then(|entries| {
            let remaining = ENTRY_LIMIT.saturating_sub(self.entries);
            entries.take(remaining).collect::<io::Result<Vec<_>>>()
        });
        let mut entries = listed.map_err(|error| Some(unreadable(&shown(path), &error)))?;
        self.entries += entries.len();
        if self.entries >= ENTRY_LIMIT {
            return refused("the folders have more than 1,000,000 entries");
        }
        entries.retain(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."));
        entries.sort_by_key(DirEntry::file_name);
        Ok(entries)
    }

    fn entry(&mut self, entry: &DirEntry, folder: &Path) {
        let path = folder.join(entry.file_name());
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        let target = if is_link { entry.path().canonicalize() } else { Ok(entry.path()) };
        let found = target.and_then(|real| Ok((fs::symlink_metadata(&real)?, real)));
        match found {
            Err(error) if is_yaml(&path) => self.report(unreadable(&shown(&path), &error)),
            Err(_) => {}
            Ok((metadata, real)) => {
                let wanted = metadata.is_dir() || is_yaml(&path);
                if wanted && !real.starts_with(&self.listing.root) {
                    self.report(diagnostic::link_out(&shown(&path), &shown(self.given)));
                } else if metadata.is_dir() {
                    self.folder(&path, real);
                } else if !wanted && is_nearly_yaml(&path) {
                    self.report(diagnostic::left_out(&shown(&path)));
                } else if wanted && metadata.is_file() {
                    self.listing.files.push(Found::new(path, real, &metadata));
                } else if wanted {
                    self.report(diagnostic::unreadable_file(&shown(&path), "it is not a regular file"));
                }
            }
        }
    }
}

/// Returns whether a name ends with `.yaml` or `.yml`, in any case.
fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        extension.eq_ignore_ascii_case("yaml") || extension.eq_ignore_ascii_case("yml")
    })
}

/// Returns whether a name is like that of a manifest, and is none: `grants.yaml.txt`, `grants.yml `.
fn is_nearly_yaml(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    [".yaml.", ".yml."].iter().any(|part| name.contains(part))
        || [".yaml", ".yml"].iter().any(|end| name.trim_end().ends_with(end))
}
