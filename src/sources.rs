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
        let found = self.diagnostics.len();
        self.find(path, &mut Way::default(), &mut files);
        if files.is_empty() && self.diagnostics.len() == found {
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

    /// Finds the manifests below a folder, by name. What is wrong with one folder ends no other.
    fn find(&mut self, folder: &Path, way: &mut Way, files: &mut Vec<PathBuf>) {
        match way.enter(folder) {
            Ok(None) => {}
            Ok(Some(entries)) => {
                for path in entries.into_iter().filter(|path| !is_hidden(path)) {
                    self.entry(path, way, files);
                }
                way.above.pop();
            }
            Err(diagnostic) => self.diagnostics.push(diagnostic),
        }
    }

    fn entry(&mut self, path: PathBuf, way: &mut Way, files: &mut Vec<PathBuf>) {
        let metadata = fs::metadata(&path);
        if metadata.as_ref().is_ok_and(fs::Metadata::is_dir) {
            self.find(&path, way, files);
        } else if is_yaml(&path) {
            match metadata {
                Ok(_) => files.push(path),
                Err(error) => self.diagnostics.push(unreadable(&path, &error)),
            }
        }
    }
}

/// The way through the folders below one that was given, each as the system knows it.
#[derive(Default)]
struct Way {
    /// Those on the way to where it is.
    above: Vec<PathBuf>,
    /// Those that were entered. Links can lead to one folder on more ways than could ever be gone.
    entered: BTreeSet<PathBuf>,
}

impl Way {
    /// Returns what lies in a folder, by name; `None` where it was entered before on another way.
    fn enter(&mut self, folder: &Path) -> Result<Option<Vec<PathBuf>>, Diagnostic> {
        let known_as = folder.canonicalize().map_err(|error| unreadable(folder, &error))?;
        let refused = |why| Err(diagnostic::unreadable_file(&shown(folder), why));
        if self.above.contains(&known_as) {
            return refused("the folder leads back to itself by a link");
        }
        if self.above.len() >= DEPTH_LIMIT {
            return refused("the folders lie too deep within each other");
        }
        if !self.entered.insert(known_as.clone()) {
            return Ok(None);
        }
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let entries = entries.map_err(|error| unreadable(folder, &error))?;
        let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
        paths.sort();
        self.above.push(known_as);
        Ok(Some(paths))
    }
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

/// Returns a path with `/` between its parts, on every system.
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
        let found = came(&folder, &["a", "self.yaml"]);
        assert_eq!(
            found[..3],
            [
                "a/b.yaml: b",
                "a/up/c/d.yaml: d",
                "unreadable-file a/up/a could not be read: the folder leads back to itself by a link"
            ]
        );
        let twice = found[3..].iter().all(|said| said.contains("self.yaml could not be read: "));
        assert!(twice && found.len() == 5, "by the folder and by its name: {found:?}");
        symlink("../c/d.yaml", folder.path().join("c/again.yaml")).unwrap();
        symlink("nowhere", folder.path().join("c/broken.yaml")).unwrap();
        let found = came(&folder, &["c"]);
        assert_eq!(found[0], "c/again.yaml: d", "what is wrong ends nothing else");
        assert!(found[1].starts_with("unreadable-file c/broken.yaml could not be read: "), "{found:?}");
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_many_ways_of_links_lead_to_is_entered_once() {
        use std::os::unix::fs::symlink;
        let folder = folder(&[("30/x.yaml", b"x")]);
        for level in 0..30 {
            let path = folder.path().join(level.to_string());
            fs::create_dir(&path).unwrap();
            symlink(format!("../{}", level + 1), path.join("a")).unwrap();
            symlink(format!("../{}", level + 1), path.join("b")).unwrap();
        }
        let way = ["a"; 30].join("/");
        assert_eq!(came(&folder, &["0"]), [format!("0/{way}/x.yaml: x")]);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_regular_file_is_not_waited_for() {
        let (sources, diagnostics) = read(&[PathBuf::from("/dev/zero")]);
        assert_eq!(sources.iter().count(), 0);
        assert!(diagnostics[0].message.ends_with("it is no regular file"), "{diagnostics:?}");
    }
}
