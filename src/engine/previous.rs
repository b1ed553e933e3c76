//! The manifests of the base commit: `--previous`.

use super::set_files;
use crate::manifest::{self, Manifest};
use crate::model::Sources;
use crate::sources;
use crate::text::escape;
use std::path::{Path, PathBuf};

/// The manifests of the base commit.
#[derive(Debug, Clone)]
pub(super) struct Previous {
    pub(super) manifest: Manifest,
    /// The paths of its files, as they are shown.
    pub(super) sources: Sources,
}

impl Previous {
    /// Reads the manifests of the base commit. They can be used if they have no error, are for the same business and set,
    /// and if each of their files that still exists was given. `paths` are those of `given`, as the user wrote them.
    pub(super) fn read(
        previous: &[PathBuf],
        manifest: &Manifest,
        paths: &[PathBuf],
        given: &Sources,
    ) -> Result<Self, String> {
        let folders = Folders::new(previous, paths);
        let (sources, mut found) = sources::read(previous, &manifest::table_names);
        let (earlier, parsed) = manifest::parse(&sources);
        found.extend(parsed);
        if let Some(error) = found.iter().find(|diagnostic| diagnostic.is_error()) {
            let place = error.at.map(|at| format!("{}:{}: ", sources.path(at.source), at.line));
            return Err(folders.shown(&format!("{}{}", escape(&place.unwrap_or_default()), error.message)));
        }
        let earlier = earlier.ok_or("they are empty")?;
        if earlier.business.value != manifest.business.value {
            return Err(format!("they are for the business {}", earlier.business.value));
        }
        if earlier.set != manifest.set {
            return Err(format!("they are of the set `{}`, and not of `{}`", earlier.set, manifest.set));
        }
        if let Some(file) = set_files::previous_not_given(&sources, given).first() {
            return Err(format!("{} still exists and was not given", escape(&folders.shown(file))));
        }
        let mut shown = Sources::default();
        for (_, source) in sources.iter() {
            shown.add(folders.shown(&source.path), "");
        }
        Ok(Self { manifest: earlier, sources: shown })
    }
}

/// Where the base is on this machine, and what is shown instead: a pipeline copies the base to a folder of its own, whose
/// path means nothing in a plan or a comment. Relative paths are shown as they are.
struct Folders(Vec<(String, String)>);

impl Folders {
    fn new(previous: &[PathBuf], paths: &[PathBuf]) -> Self {
        let absolute = previous.iter().filter(|path| path.is_absolute());
        Self(absolute.map(|path| (path.display().to_string(), counterpart(path, paths))).collect())
    }

    /// Replaces the folders of this machine in a text.
    fn shown(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (folder, shown)| text.replace(folder, shown))
    }
}

/// Returns the given path that ends with the most of the same parts, or the last part if no path does.
fn counterpart(previous: &Path, paths: &[PathBuf]) -> String {
    let common = |path: &&PathBuf| {
        let real = path.canonicalize().unwrap_or_else(|_| (*path).clone());
        let pairs = real.components().rev().zip(previous.components().rev());
        pairs.take_while(|(one, other)| one == other).count()
    };
    let best = paths.iter().max_by_key(common).filter(|path| common(path) > 0);
    let last = || previous.file_name().map_or(previous, Path::new);
    best.map_or_else(last, PathBuf::as_path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_this_machine_is_shown_as_the_one_that_was_given() {
        for (previous, paths, expected) in [
            ("/tmp/1/infra/access", &["access"][..], "access/a.yaml"),
            ("/tmp/1/infra/access", &["infra/other", "infra/access"], "infra/access/a.yaml"),
            ("/tmp/1/b/access", &["a/access", "b/access"], "b/access/a.yaml"),
            ("/tmp/1", &["."], "1/a.yaml"),
            ("base/access", &["access"], "base/access/a.yaml"),
        ] {
            let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
            let folders = Folders::new(&[PathBuf::from(previous)], &paths);
            assert_eq!(folders.shown(&format!("{previous}/a.yaml")), expected);
            let message = folders.shown(&format!("cannot read {previous}/a.yaml: x"));
            assert_eq!(message, format!("cannot read {expected}: x"));
        }
    }
}
