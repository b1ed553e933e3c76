//! Reads the files that manifests are written in. It must not know what stands in them.

use crate::diagnostic::{self, Diagnostic};
use crate::model::Sources;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The largest file that is read, in bytes.
const FILE_LIMIT: u64 = 128 * 1024 * 1024;
/// The most that all files together may have, in bytes.
const TOTAL_LIMIT: u64 = 256 * 1024 * 1024;
/// How many folders may lie within each other.
const DEPTH_LIMIT: usize = 64;

/// Reads files, and all `*.yaml` and `*.yml` files below folders, hidden ones left out.
///
/// They come in the order of the arguments, below a folder by name; a file that is named twice is read once.
/// What cannot be read becomes a diagnostic.
pub fn read(paths: &[PathBuf]) -> (Sources, Vec<Diagnostic>) {
    let mut reading = Reading::default();
    for path in paths {
        if let Err(diagnostic) = reading.path(path) {
            reading.diagnostics.push(diagnostic);
        }
    }
    (reading.sources, reading.diagnostics)
}

#[derive(Default)]
struct Reading {
    sources: Sources,
    diagnostics: Vec<Diagnostic>,
    /// The files that are read, as the system knows them.
    read: BTreeSet<PathBuf>,
    bytes: u64,
}

impl Reading {
    fn path(&mut self, path: &Path) -> Result<(), Diagnostic> {
        let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
        if !metadata.is_dir() {
            return self.file(path);
        }
        let mut files = Vec::new();
        let mut above = Vec::new();
        find(path, &mut above, &mut files)?;
        if files.is_empty() {
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
        let known_as = path.canonicalize().map_err(|error| unreadable(path, &error))?;
        if !self.read.insert(known_as) {
            return Ok(());
        }
        let text =
            text(path, TOTAL_LIMIT.saturating_sub(self.bytes)).map_err(|error| unreadable(path, &error))?;
        self.bytes += text.len() as u64;
        self.sources.add(shown(path), text);
        Ok(())
    }
}

/// Finds the manifests below a folder, by name. `above` holds the folders on the way, as the system knows them.
fn find(folder: &Path, above: &mut Vec<PathBuf>, files: &mut Vec<PathBuf>) -> Result<(), Diagnostic> {
    let known_as = folder.canonicalize().map_err(|error| unreadable(folder, &error))?;
    if above.contains(&known_as) {
        return Err(diagnostic::unreadable_file(&shown(folder), "the folder leads back to itself by a link"));
    }
    if above.len() >= DEPTH_LIMIT {
        return Err(diagnostic::unreadable_file(
            &shown(folder),
            "the folders lie too deep within each other",
        ));
    }
    above.push(known_as);
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut paths: Vec<PathBuf> =
        entries.map_err(|error| unreadable(folder, &error))?.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths.into_iter().filter(|path| !is_hidden(path)) {
        let metadata = fs::metadata(&path).map_err(|error| unreadable(&path, &error));
        if metadata.as_ref().is_ok_and(fs::Metadata::is_dir) {
            find(&path, above, files)?;
        } else if is_yaml(&path) {
            metadata?;
            files.push(path);
        }
    }
    above.pop();
    Ok(())
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// Reads a file of at most so many bytes.
fn text(path: &Path, left: u64) -> io::Result<String> {
    let metadata = fs::metadata(path)?;
    // A pipe or a device could give bytes without end, or none for ever.
    if !metadata.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let limit = FILE_LIMIT.min(left);
    let mut bytes = Vec::new();
    // What the system says of the length saves the reading; a file that grows meanwhile is cut all the same.
    if metadata.len() <= limit {
        File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    }
    if metadata.len().max(bytes.len() as u64) > limit {
        let limit = if limit < FILE_LIMIT {
            "all files together may have 256 MiB"
        } else {
            "a file may have 128 MiB"
        };
        return Err(io::Error::other(format!("it is too large: {limit}")));
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

/// Gives a path with `/` between its parts, on every system.
fn shown(path: &Path) -> String {
    path.display().to_string().replace(std::path::MAIN_SEPARATOR, "/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};
    use tempfile::TempDir;

    /// Makes a folder with these files in it.
    fn folder(files: &[(&str, &[u8])]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        folder
    }

    /// Reads what stands in a folder, and says which texts came and what was wrong, without the folder's path.
    fn came(folder: &TempDir, names: &[&str]) -> Vec<String> {
        let paths: Vec<PathBuf> = names.iter().map(|name| folder.path().join(name)).collect();
        let (sources, diagnostics) = read(&paths);
        let texts = sources.iter().map(|(_, source)| format!("{}: {}", source.path, source.text));
        let wrong =
            diagnostics.iter().map(|diagnostic| format!("{} {}", diagnostic.code, diagnostic.message));
        let root = shown(folder.path());
        texts.chain(wrong).map(|line| line.replace(&format!("{root}/"), "").replace(&root, ".")).collect()
    }

    #[test]
    fn a_folder_gives_its_manifests_by_name_hidden_ones_left_out() {
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
            came(&folder, &["."]),
            ["./a/deep/er/x.yaml: x", "./a/z.yml: z", "./b.yaml: b", "./c.yaml: c"]
        );
        assert_eq!(came(&folder, &["notes.txt", "a"])[0], "notes.txt: no", "a file that is named is read");
        assert_eq!(came(&folder, &[".hidden.yaml"]), [".hidden.yaml: no"]);
    }

    #[test]
    fn a_file_that_is_named_twice_is_read_once() {
        let folder = folder(&[("a/b.yaml", b"b"), ("c.yaml", b"c")]);
        assert_eq!(came(&folder, &["c.yaml", "a/../c.yaml", "a", "a/b.yaml"]), ["c.yaml: c", "a/b.yaml: b"]);
    }

    #[test]
    fn what_is_not_there_is_said_and_the_rest_is_read() {
        let folder = folder(&[("c.yaml", b"c"), ("empty/notes.txt", b"")]);
        let found = came(&folder, &["nowhere.yaml", "empty", "c.yaml"]);
        assert_eq!(found[0], "c.yaml: c");
        assert!(
            found[1].starts_with("unreadable-file nowhere.yaml could not be read: No such file"),
            "{found:?}"
        );
        assert_eq!(found[2], "no-manifests there is no *.yaml or *.yml file below empty");
    }

    #[test]
    fn bytes_that_are_no_text_are_said_with_their_line() {
        let folder =
            folder(&[("a.yaml", b"one\ntwo \xff\n"), ("b.yaml", b"\xff\xfev\0e\0"), ("c.yaml", b"c")]);
        let expected = [
            "./c.yaml: c",
            "unreadable-file ./a.yaml could not be read: it is not valid UTF-8 (line 2)",
            "unreadable-file ./b.yaml could not be read: it is not valid UTF-8 (line 1)",
        ];
        assert_eq!(came(&folder, &["."]), expected);
    }

    #[test]
    fn a_file_of_a_gigabyte_is_refused_at_once() {
        let folder = folder(&[("a.yaml", b"a")]);
        File::create(folder.path().join("huge.yaml")).unwrap().set_len(1 << 30).unwrap();
        let begun = Instant::now();
        let expected = [
            "a.yaml: a",
            "unreadable-file huge.yaml could not be read: it is too large: a file may have 128 MiB",
        ];
        assert_eq!(came(&folder, &["huge.yaml", "a.yaml"]), expected);
        assert!(begun.elapsed() < Duration::from_secs(1), "nothing of it is read");
    }

    #[cfg(unix)]
    #[test]
    fn a_loop_of_links_ends() {
        use std::os::unix::fs::symlink;
        let folder = folder(&[("a/b.yaml", b"b"), ("c/d.yaml", b"d")]);
        symlink("..", folder.path().join("a/up")).unwrap();
        symlink("self.yaml", folder.path().join("self.yaml")).unwrap();
        let found = came(&folder, &["a", "c", "self.yaml"]);
        assert_eq!(found[0], "c/d.yaml: d");
        assert_eq!(
            found[1],
            "unreadable-file a/up/a could not be read: the folder leads back to itself by a link"
        );
        assert!(found[2].starts_with("unreadable-file self.yaml could not be read: "), "{found:?}");
        symlink("../c/d.yaml", folder.path().join("c/again.yaml")).unwrap();
        symlink("nowhere", folder.path().join("c/broken.yaml")).unwrap();
        let found = came(&folder, &["c"]);
        assert!(found[0].starts_with("unreadable-file c/broken.yaml could not be read: "), "{found:?}");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_regular_file_is_not_waited_for() {
        let (sources, diagnostics) = read(&[PathBuf::from("/dev/zero")]);
        assert_eq!(sources.iter().count(), 0);
        assert!(diagnostics[0].message.ends_with("it is no regular file"), "{diagnostics:?}");
    }
}
