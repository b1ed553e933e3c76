//! The files of a set of manifests, by their paths in the repository.

use crate::model::Sources;
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// Returns the path of a file relative to its repository, with `/` between its parts; outside of a repository, relative to
/// the current folder. A path that is no file is returned unchanged.
///
/// Outside of a repository, links stay as they were given: a link that leads to each revision in turn is one name for all of
/// them.
pub(super) fn relative(path: &str) -> String {
    let Ok(real) = Path::new(path).canonicalize() else { return path.to_owned() };
    if let Some(root) = repository_of(&real) {
        return parts(real.strip_prefix(&root).unwrap_or(&real));
    }
    let Some(current) = current() else { return parts(&real) };
    let given = lexical(&current.join(path));
    parts(given.strip_prefix(&current).unwrap_or(&given))
}

/// Returns a path with `/` between its parts.
fn parts(path: &Path) -> String {
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

/// Returns an absolute path without `.` and `..`. Links are not followed.
fn lexical(path: &Path) -> PathBuf {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => _ = parts.pop(),
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => parts.push(part),
        }
    }
    parts
}

/// Returns the paths of the given manifests, relative to their repository. Texts that are no files are left out, and so are
/// tables: they are given where a manifest names them.
pub(super) fn given(sources: &Sources) -> Vec<String> {
    let files = sources.manifests().filter(|(_, source)| Path::new(&source.path).is_file());
    files.map(|(_, source)| relative(&source.path)).collect()
}

/// Returns the recorded files that still exist and were not given, under whatever name. All are relative to their
/// repository.
pub(super) fn not_given(recorded: &[String], given: &[String], roots: &BTreeSet<PathBuf>) -> Vec<String> {
    let real = |file: &String| -> BTreeSet<PathBuf> {
        let found = roots.iter().map(|root| root.join(file)).filter(|path| path.is_file());
        found.filter_map(|path| path.canonicalize().ok()).collect()
    };
    let known: BTreeSet<PathBuf> = given.iter().flat_map(real).collect();
    let is_missing = |file: &&String| {
        let found = real(file);
        !found.is_empty() && found.is_disjoint(&known)
    };
    recorded.iter().filter(|file| !given.contains(file)).filter(is_missing).cloned().collect()
}

/// Returns the files of `previous` that are also beside the given ones and were not given.
///
/// The folder in which the previous files are is not known to correspond to one of the given files. So the end of each
/// path is looked for below each folder of a given file, and below the repository.
pub(super) fn previous_not_given(previous: &Sources, given: &Sources) -> Vec<String> {
    let known: BTreeSet<PathBuf> =
        given.manifests().filter_map(|(_, source)| Path::new(&source.path).canonicalize().ok()).collect();
    let mut folders = roots(given);
    folders.extend(known.iter().filter_map(|path| path.parent().map(Path::to_owned)));
    let is_missing = |path: &str| {
        let parts: Vec<_> = Path::new(path).components().collect();
        let ends = (0..parts.len()).map(|start| parts[start..].iter().collect::<PathBuf>());
        let own = Path::new(path).canonicalize().ok();
        let found: BTreeSet<PathBuf> = ends
            .filter(|end| end.is_relative())
            .flat_map(|end| folders.iter().map(move |folder| folder.join(&end)))
            .filter(|path| path.is_file())
            .filter_map(|path| path.canonicalize().ok())
            .filter(|path| Some(path) != own.as_ref())
            .collect();
        !found.is_empty() && found.is_disjoint(&known)
    };
    let missing =
        previous.manifests().map(|(_, source)| source.path.as_str()).filter(|path| is_missing(path));
    missing.map(str::to_owned).collect()
}

/// Returns the repositories of the given files, and the current folder.
pub(super) fn roots(given: &Sources) -> BTreeSet<PathBuf> {
    let real = given.iter().filter_map(|(_, source)| Path::new(&source.path).canonicalize().ok());
    let mut roots: BTreeSet<PathBuf> = real.filter_map(|path| root_of(&path)).collect();
    roots.extend(std::env::current_dir());
    roots
}

/// Returns the nearest folder with `.git` above a path, or the current folder if the path is below it.
fn root_of(real: &Path) -> Option<PathBuf> {
    repository_of(real).or_else(|| current().filter(|current| real.starts_with(current)))
}

/// Returns the nearest folder with `.git` above a path.
fn repository_of(real: &Path) -> Option<PathBuf> {
    real.ancestors().find(|folder| folder.join(".git").exists()).map(Path::to_owned)
}

/// Returns the real path of the current folder.
fn current() -> Option<PathBuf> {
    std::env::current_dir().ok()?.canonicalize().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn sources(folder: &Path, files: &[&str]) -> Sources {
        let mut sources = Sources::default();
        for file in files {
            let path = folder.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "").unwrap();
            sources.add(path.display().to_string(), "");
        }
        sources
    }

    #[test]
    fn a_recorded_file_that_still_exists_must_be_given() {
        let repository = tempfile::tempdir().unwrap();
        fs::create_dir(repository.path().join(".git")).unwrap();
        let all = sources(repository.path(), &["access/a.yaml", "access/b.yaml"]);
        let recorded = given(&all);
        assert_eq!(recorded, ["access/a.yaml", "access/b.yaml"]);
        let missing = |sources: &Sources| not_given(&recorded, &given(sources), &roots(sources));
        assert_eq!(missing(&all), Vec::<String>::new());
        let part = sources(repository.path(), &["access/a.yaml"]);
        assert_eq!(missing(&part), ["access/b.yaml"]);
        fs::remove_file(repository.path().join("access/b.yaml")).unwrap();
        assert_eq!(missing(&part), Vec::<String>::new(), "a deleted file is no part of the set");
    }

    #[test]
    #[cfg(unix)]
    fn a_link_that_leads_to_each_revision_in_turn_is_one_name() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("current");
        let lead_to = |revision: &str| {
            let _ = fs::remove_file(&link);
            std::os::unix::fs::symlink(folder.path().join(revision), &link).unwrap();
        };
        for revision in ["1", "2"] {
            sources(folder.path(), &[&format!("{revision}/a.yaml")]);
        }
        lead_to("1");
        let path = link.join("a.yaml").display().to_string();
        let mut through_link = Sources::default();
        through_link.add(path, "");
        let recorded = given(&through_link);
        assert!(recorded[0].ends_with("/current/a.yaml"), "{recorded:?}");
        lead_to("2");
        assert_eq!(given(&through_link), recorded);
        assert_eq!(not_given(&recorded, &given(&through_link), &roots(&through_link)), [""; 0]);
        // An earlier version recorded where the link led.
        let earlier = [folder.path().canonicalize().unwrap().join("2/a.yaml").display().to_string()];
        assert_eq!(not_given(&earlier, &given(&through_link), &roots(&through_link)), [""; 0]);
    }

    #[test]
    fn a_previous_file_that_still_exists_must_be_given() {
        let (repository, base) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(repository.path().join(".git")).unwrap();
        let all = sources(repository.path(), &["access/a.yaml", "access/b.yaml"]);
        let part = sources(repository.path(), &["access/a.yaml"]);
        for path in ["access/b.yaml", "b.yaml"] {
            let previous = sources(base.path(), &[path]);
            assert_eq!(previous_not_given(&previous, &part).len(), 1, "{path}");
            assert_eq!(previous_not_given(&previous, &all), Vec::<String>::new(), "{path}");
        }
        let deleted = sources(base.path(), &["access/c.yaml"]);
        assert_eq!(previous_not_given(&deleted, &part), Vec::<String>::new());
    }
}
