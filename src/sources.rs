//! Reads manifest files. Does not interpret their content.

use crate::diagnostic::{self, Diagnostic};
use crate::model::Sources;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The maximum size of one file, in bytes. A guess: a manifest of a million lines has about 40 MiB.
const FILE_LIMIT: u64 = 128 * 1024 * 1024;
/// The maximum size of all files together, in bytes. A guess: twice the limit for one file.
const TOTAL_LIMIT: u64 = 256 * 1024 * 1024;
/// The maximum nesting depth of folders. A guess that protects the stack.
const DEPTH_LIMIT: usize = 64;

/// Reads files, and all `*.yaml` and `*.yml` files in folders and their subfolders, except hidden ones.
///
/// The sources are in the order of the arguments, the files of a folder in the order of their names. A file that is passed
/// twice is read once. A path that cannot be read becomes a diagnostic.
pub fn read(paths: &[PathBuf]) -> (Sources, Vec<Diagnostic>) {
    let mut reader = SourceReader::default();
    for path in paths {
        if let Err(diagnostic) = reader.path(path) {
            reader.diagnostics.push(diagnostic);
        }
    }
    (reader.sources, reader.diagnostics)
}

#[derive(Default)]
struct SourceReader {
    sources: Sources,
    diagnostics: Vec<Diagnostic>,
    /// The canonical paths of the files that were read.
    read: BTreeSet<PathBuf>,
    /// The size of those files together.
    bytes: u64,
}

impl SourceReader {
    fn path(&mut self, path: &Path) -> Result<(), Diagnostic> {
        let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
        if !metadata.is_dir() {
            return self.file(path);
        }
        let mut files = Vec::new();
        let diagnostics_before = self.diagnostics.len();
        self.folder(path, &mut Traversal::default(), &mut files);
        if files.is_empty() && self.diagnostics.len() == diagnostics_before {
            return Err(diagnostic::no_manifests(&shown(path)));
        }
        for file in files {
            if let Err(diagnostic) = self.file(&file) {
                self.diagnostics.push(diagnostic);
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path) -> Result<(), Diagnostic> {
        let canonical = path.canonicalize().map_err(|error| unreadable(path, &error))?;
        if !self.read.insert(canonical) {
            return Ok(());
        }
        let text =
            text(path, TOTAL_LIMIT.saturating_sub(self.bytes)).map_err(|error| unreadable(path, &error))?;
        self.bytes += text.len() as u64;
        self.sources.add(shown(path), text);
        Ok(())
    }

    /// Collects the manifests in a folder and its subfolders, in the order of their names. An error in one folder does not
    /// stop the others.
    fn folder(&mut self, folder: &Path, traversal: &mut Traversal, files: &mut Vec<PathBuf>) {
        match traversal.enter(folder) {
            Ok(None) => {}
            Ok(Some(entries)) => {
                for path in entries.into_iter().filter(|path| !is_hidden(path)) {
                    self.entry(path, traversal, files);
                }
                traversal.parents.pop();
            }
            Err(diagnostic) => self.diagnostics.push(diagnostic),
        }
    }

    fn entry(&mut self, path: PathBuf, traversal: &mut Traversal, files: &mut Vec<PathBuf>) {
        let metadata = fs::metadata(&path);
        if metadata.as_ref().is_ok_and(fs::Metadata::is_dir) {
            self.folder(&path, traversal, files);
        } else if is_yaml(&path) {
            match metadata {
                Ok(_) => files.push(path),
                Err(error) => self.diagnostics.push(unreadable(&path, &error)),
            }
        }
    }
}

/// The state of a traversal of folders. All paths are canonical.
#[derive(Default)]
struct Traversal {
    /// The current folder and its parents.
    parents: Vec<PathBuf>,
    /// The folders that were entered. Symbolic links can lead to one folder by exponentially many paths.
    entered: BTreeSet<PathBuf>,
}

impl Traversal {
    /// Enters a folder and returns its entries, in the order of their names; `None` if it was entered before.
    fn enter(&mut self, folder: &Path) -> Result<Option<Vec<PathBuf>>, Diagnostic> {
        let canonical = folder.canonicalize().map_err(|error| unreadable(folder, &error))?;
        let refused = |why| Err(diagnostic::unreadable_file(&shown(folder), why));
        if self.parents.contains(&canonical) {
            return refused("a symbolic link leads back to a parent folder");
        }
        if self.parents.len() >= DEPTH_LIMIT {
            return refused("folders are nested more than 64 deep");
        }
        if !self.entered.insert(canonical.clone()) {
            return Ok(None);
        }
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let entries = entries.map_err(|error| unreadable(folder, &error))?;
        let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
        paths.sort();
        self.parents.push(canonical);
        Ok(Some(paths))
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// Reads a file. `remaining` is the limit in bytes that the files before it left.
fn text(path: &Path, remaining: u64) -> io::Result<String> {
    let metadata = fs::metadata(path)?;
    // A pipe or a device could be endless, or block forever.
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let limit = FILE_LIMIT.min(remaining);
    let mut bytes = Vec::new();
    // A file that is too large is not read at all, and a file that grows meanwhile is cut at the limit.
    if metadata.len() <= limit {
        File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    }
    if metadata.len().max(bytes.len() as u64) > limit {
        let message = if limit < FILE_LIMIT {
            "all files together exceed the limit of 256 MiB"
        } else {
            "it exceeds the limit of 128 MiB"
        };
        return Err(io::Error::other(message));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(valid).filter(|byte| **byte == b'\n').count() + 1;
        io::Error::other(format!("it is not valid UTF-8 (line {line})"))
    })
}

fn unreadable(path: &Path, error: &io::Error) -> Diagnostic {
    diagnostic::unreadable_file(&shown(path), &error.to_string())
}

/// Formats a path with `/` as the separator, on every platform.
fn shown(path: &Path) -> String {
    path.display().to_string().replace(std::path::MAIN_SEPARATOR, "/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};
    use tempfile::TempDir;

    /// Creates a folder with these files.
    fn folder(files: &[(&str, &[u8])]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        folder
    }

    /// Reads paths in a folder and returns a line for each source and each diagnostic, without the folder's path.
    fn read_in(folder: &TempDir, names: &[&str]) -> Vec<String> {
        let paths: Vec<PathBuf> = names.iter().map(|name| folder.path().join(name)).collect();
        let (sources, diagnostics) = read(&paths);
        let texts = sources.iter().map(|(_, source)| format!("{}: {}", source.path, source.text));
        let messages =
            diagnostics.iter().map(|diagnostic| format!("{} {}", diagnostic.code, diagnostic.message));
        let root = shown(folder.path());
        texts.chain(messages).map(|line| line.replace(&format!("{root}/"), "").replace(&root, ".")).collect()
    }

    #[test]
    fn manifests_of_a_folder_are_read_in_the_order_of_their_names_without_hidden_ones() {
        let folder = folder(&[
            ("b.yaml", b"b"),
            ("a/z.yml", b"z"),
            ("a/deep/er/x.yaml", b"x"),
            ("c.yaml", b"c"),
            ("notes.txt", b"no"),
            ("yaml", b"no"),
            ("d.YAML", b"no"),
            (".hidden.yaml", b"no"),
            (".git/config.yaml", b"no"),
        ]);
        assert_eq!(
            read_in(&folder, &["."]),
            ["./a/deep/er/x.yaml: x", "./a/z.yml: z", "./b.yaml: b", "./c.yaml: c"]
        );
        assert_eq!(
            read_in(&folder, &["notes.txt", "a"])[0],
            "notes.txt: no",
            "a file that is passed itself is always read"
        );
        assert_eq!(read_in(&folder, &[".hidden.yaml"]), [".hidden.yaml: no"]);
    }

    #[test]
    fn a_file_that_is_passed_twice_is_read_once() {
        let folder = folder(&[("a/b.yaml", b"b"), ("c.yaml", b"c")]);
        assert_eq!(
            read_in(&folder, &["c.yaml", "a/../c.yaml", "a", "a/b.yaml"]),
            ["c.yaml: c", "a/b.yaml: b"]
        );
    }

    #[test]
    fn missing_paths_are_reported_and_the_others_are_read() {
        let folder = folder(&[("c.yaml", b"c"), ("empty/notes.txt", b"")]);
        let found = read_in(&folder, &["nowhere.yaml", "empty", "c.yaml"]);
        assert_eq!(found[0], "c.yaml: c");
        assert!(found[1].starts_with("unreadable-file cannot read nowhere.yaml: No such file"), "{found:?}");
        assert_eq!(found[2], "no-manifests no *.yaml or *.yml file found in empty");
    }

    #[test]
    fn invalid_utf8_is_reported_with_its_line() {
        let folder =
            folder(&[("a.yaml", b"one\ntwo \xff\n"), ("b.yaml", b"\xff\xfev\0e\0"), ("c.yaml", b"c")]);
        let expected = [
            "./c.yaml: c",
            "unreadable-file cannot read ./a.yaml: it is not valid UTF-8 (line 2)",
            "unreadable-file cannot read ./b.yaml: it is not valid UTF-8 (line 1)",
        ];
        assert_eq!(read_in(&folder, &["."]), expected);
    }

    #[test]
    fn a_file_of_a_gigabyte_is_rejected_without_reading_it() {
        let folder = folder(&[("a.yaml", b"a")]);
        File::create(folder.path().join("huge.yaml")).unwrap().set_len(1 << 30).unwrap();
        let begun = Instant::now();
        let expected =
            ["a.yaml: a", "unreadable-file cannot read huge.yaml: it exceeds the limit of 128 MiB"];
        assert_eq!(read_in(&folder, &["huge.yaml", "a.yaml"]), expected);
        assert!(begun.elapsed() < Duration::from_secs(1), "the file is not read");
    }

    #[cfg(unix)]
    #[test]
    fn a_loop_of_symbolic_links_is_reported() {
        use std::os::unix::fs::symlink;
        let folder = folder(&[("a/b.yaml", b"b"), ("c/d.yaml", b"d")]);
        symlink("..", folder.path().join("a/up")).unwrap();
        symlink("self.yaml", folder.path().join("self.yaml")).unwrap();
        let found = read_in(&folder, &["a", "self.yaml"]);
        assert_eq!(
            found[..3],
            [
                "a/b.yaml: b",
                "a/up/c/d.yaml: d",
                "unreadable-file cannot read a/up/a: a symbolic link leads back to a parent folder"
            ]
        );
        let twice = found[3..].iter().all(|line| line.contains("self.yaml: "));
        assert!(twice && found.len() == 5, "found in the folder, and passed itself: {found:?}");
        symlink("../c/d.yaml", folder.path().join("c/again.yaml")).unwrap();
        symlink("nowhere", folder.path().join("c/broken.yaml")).unwrap();
        let found = read_in(&folder, &["c"]);
        assert_eq!(found[0], "c/again.yaml: d", "an error does not stop the rest");
        assert!(found[1].starts_with("unreadable-file cannot read c/broken.yaml: "), "{found:?}");
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_behind_exponentially_many_links_is_entered_once() {
        use std::os::unix::fs::symlink;
        let folder = folder(&[("30/x.yaml", b"x")]);
        for level in 0..30 {
            let path = folder.path().join(level.to_string());
            fs::create_dir(&path).unwrap();
            symlink(format!("../{}", level + 1), path.join("a")).unwrap();
            symlink(format!("../{}", level + 1), path.join("b")).unwrap();
        }
        let path = ["a"; 30].join("/");
        assert_eq!(read_in(&folder, &["0"]), [format!("0/{path}/x.yaml: x")]);
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_rejected_without_reading_it() {
        let (sources, diagnostics) = read(&[PathBuf::from("/dev/zero")]);
        assert_eq!(sources.iter().count(), 0);
        assert!(diagnostics[0].message.ends_with("it is not a regular file"), "{diagnostics:?}");
    }
}
