//! Lists the manifests of a path. Links stay inside the folder that the path leads to.

use super::{shown, unreadable};
use crate::diagnostic::{self, Diagnostic};
use std::collections::BTreeSet;
use std::fs::{self, DirEntry, Metadata};
use std::io;
use std::path::{Component, Path, PathBuf};
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
    /// Whether the given path is a file.
    is_file: bool,
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

impl Listing {
    /// Returns the real folder that files must be in: the given one, or that of the given file.
    fn folder(&self) -> &Path {
        if self.is_file { self.root.parent().unwrap_or(&self.root) } else { &self.root }
    }
}

impl Found {
    fn new(path: PathBuf, real: PathBuf, metadata: &Metadata) -> Self {
        Self { path, real, bytes: metadata.len(), modified: metadata.modified().ok() }
    }
}

/// Finds a table that a manifest names, relative to the manifest's folder. It must be in the tree of the listing.
///
/// A manifest that is found by a link is where the link leads. So all files of a tree that is replaced as a whole are of
/// one revision.
pub(super) fn table(listing: &Listing, manifest: &Found, name: &str) -> Result<Found, String> {
    let root = listing.folder();
    let (Some(folder), Some(shown_folder)) = (manifest.real.parent(), manifest.path.parent()) else {
        return Err(String::from("the manifest has no folder"));
    };
    let outside = || String::from("it is outside of the folder that was given");
    let relative = Path::new(name);
    if relative.has_root() || relative.is_absolute() {
        return Err(String::from("its path must be relative to the folder of the manifest"));
    }
    if !relative.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv")) {
        return Err(String::from("its name does not end with .csv"));
    }
    // Nothing outside is looked at, not even whether it is there.
    if !lexical(&folder.join(relative)).starts_with(root) {
        return Err(outside());
    }
    let real = folder.join(relative).canonicalize().map_err(|error| error.to_string())?;
    if !real.starts_with(root) {
        return Err(outside());
    }
    let metadata = fs::symlink_metadata(&real).map_err(|error| error.to_string())?;
    if !metadata.is_file() || KERNEL.iter().any(|kernel| real.starts_with(kernel)) {
        return Err(String::from("it is not a regular file"));
    }
    Ok(Found::new(lexical(&shown_folder.join(relative)), real, &metadata))
}

/// Returns a path without `.`, and without `..` behind a name.
fn lexical(path: &Path) -> PathBuf {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir if parts.as_os_str().is_empty() => parts.push(part),
            Component::CurDir => {}
            Component::ParentDir if parts.components().next_back().is_some_and(is_name) => _ = parts.pop(),
            Component::Prefix(_) | Component::RootDir | Component::ParentDir | Component::Normal(_) => {
                parts.push(part);
            }
        }
    }
    parts
}

fn is_name(part: Component<'_>) -> bool {
    matches!(part, Component::Normal(_))
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
        return Ok(Listing { root, is_file: true, files, diagnostics: Vec::new() });
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
        let listing = Listing { root, is_file: false, files: Vec::new(), diagnostics: Vec::new() };
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
pub(crate) fn is_yaml(path: &Path) -> bool {
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
