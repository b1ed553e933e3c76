//! The tests of this module.

use super::*;
use std::fs::{self, File};
#[cfg(unix)]
use std::os::unix::fs::symlink;
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

/// Returns the tables that a text names in these tests: the words behind `table`.
fn tables_of(text: &str) -> Vec<String> {
    text.lines().filter_map(|line| line.strip_prefix("table ")).map(str::to_owned).collect()
}

/// Reads paths in a folder and returns a line for each source and each diagnostic, without the folder's path.
fn read_in(folder: &TempDir, names: &[&str]) -> Vec<String> {
    let paths: Vec<PathBuf> = names.iter().map(|name| folder.path().join(name)).collect();
    let (sources, diagnostics) = read(&paths, &tables_of);
    let texts = sources.iter().map(|(_, source)| format!("{}: {}", source.path, source.text));
    let messages = diagnostics.iter().map(|diagnostic| format!("{} {}", diagnostic.code, diagnostic.message));
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
        ("d.YAML", b"d"),
        (".hidden.yaml", b"no"),
        (".git/config.yaml", b"no"),
    ]);
    assert_eq!(
        read_in(&folder, &["."]),
        ["./a/deep/er/x.yaml: x", "./a/z.yml: z", "./b.yaml: b", "./c.yaml: c", "./d.YAML: d"]
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
    assert_eq!(read_in(&folder, &["c.yaml", "a/../c.yaml", "a", "a/b.yaml"]), ["c.yaml: c", "a/b.yaml: b"]);
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
    let folder = folder(&[("a.yaml", b"one\ntwo \xff\n"), ("b.yaml", b"\xff\xfev\0e\0"), ("c.yaml", b"c")]);
    let expected = [
        "./c.yaml: c",
        "unreadable-file cannot read ./a.yaml: it is not valid UTF-8 (line 2)",
        "unreadable-file cannot read ./b.yaml: it is not valid UTF-8 (line 1)",
    ];
    assert_eq!(read_in(&folder, &["."]), expected);
}

#[test]
fn a_file_of_a_terabyte_is_rejected_without_reading_it() {
    let folder = folder(&[("a.yaml", b"a")]);
    File::create(folder.path().join("huge.yaml")).unwrap().set_len(1 << 40).unwrap();
    let expected = ["a.yaml: a", "unreadable-file cannot read huge.yaml: it exceeds the limit of 128 MiB"];
    assert_eq!(read_in(&folder, &["huge.yaml", "a.yaml"]), expected);
}

#[test]
fn a_name_that_is_nearly_that_of_a_manifest_is_reported() {
    let folder = folder(&[
        ("a.yaml", b"a"),
        ("b.yaml.txt", b"no"),
        ("c.YML ", b"no"),
        ("d.yaml~", b"no"),
        ("e.txt", b"no"),
    ]);
    assert_eq!(
        read_in(&folder, &["."]),
        [
            "./a.yaml: a",
            "left-out ./b.yaml.txt is not read, because its name does not end with .yaml or .yml",
            "left-out ./c.YML  is not read, because its name does not end with .yaml or .yml",
        ]
    );
}

#[test]
fn standard_input_is_a_source_within_the_same_limits() {
    let mut reader = SourceReader::new(&tables_of);
    reader.stdin(&b"version: 1"[..]);
    reader.stdin(&b"\xff"[..]);
    let sources: Vec<_> = reader.sources.iter().map(|(_, source)| source).collect();
    assert_eq!((sources.len(), &*sources[0].path, &*sources[0].text), (1, "<stdin>", "version: 1"));
    assert_eq!(reader.diagnostics[0].message, "cannot read <stdin>: it is not valid UTF-8 (line 1)");
    reader.bytes = TOTAL_LIMIT - 4;
    reader.stdin(io::repeat(b' '));
    assert_eq!(
        reader.diagnostics[1].message,
        "cannot read <stdin>: all files together exceed the limit of 256 MiB"
    );
}

#[cfg(unix)]
#[test]
fn links_stay_inside_the_given_folder() {
    let folder = folder(&[
        ("access/a.yaml", b"a"),
        ("elsewhere/b.yaml", b"b"),
        ("secret", b"s"),
        ("access/in/c", b"c"),
    ]);
    for (target, link) in [
        ("/proc/self/environ", "access/environ.yaml"),
        ("/sys", "access/sys"),
        ("/", "access/root"),
        ("../elsewhere", "access/more"),
        ("../secret", "access/secret.yaml"),
        ("../secret", "access/secret.txt"),
        ("a.yaml", "access/again.yml"),
        ("in/c", "access/other.yaml"),
    ] {
        symlink(target, folder.path().join(link)).unwrap();
    }
    assert_eq!(
        read_in(&folder, &["access"]),
        [
            "access/a.yaml: a",
            "access/other.yaml: c",
            "link-out access/environ.yaml is a link that leads out of access",
            "link-out access/more is a link that leads out of access",
            "link-out access/root is a link that leads out of access",
            "link-out access/secret.yaml is a link that leads out of access",
            "link-out access/sys is a link that leads out of access",
        ]
    );
}

#[cfg(target_os = "linux")]
#[test]
fn files_of_the_kernel_are_not_read() {
    let folder = folder(&[]);
    symlink("/proc/self/environ", folder.path().join("link.yaml")).unwrap();
    symlink("/proc/self", folder.path().join("self")).unwrap();
    for path in ["link.yaml", "self", "/proc/self/environ", "/sys/kernel"] {
        let expected = format!("unreadable-file cannot read {path}: it belongs to the kernel");
        assert_eq!(read_in(&folder, &[path]), [expected]);
    }
}

#[cfg(unix)]
#[test]
fn pipes_are_rejected_without_waiting_for_a_writer() {
    let folder = folder(&[("a.yaml", b"a")]);
    let pipe = folder.path().join("pipe.yaml");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let expected = ["./a.yaml: a", "unreadable-file cannot read ./pipe.yaml: it is not a regular file"];
    assert_eq!(read_in(&folder, &["."]), expected);
    assert_eq!(files::open_regular(&pipe).unwrap_err().to_string(), "it is not a regular file");
}

/// Makes the folder that Kubernetes mounts for a `ConfigMap`, with a revision of one file.
#[cfg(unix)]
fn config_map(root: &Path, revision: &str) {
    let folder = root.join(format!("..{revision}"));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("a.yaml"), revision).unwrap();
    // Kubernetes replaces the link `..data` atomically.
    symlink(format!("..{revision}"), root.join("..data_tmp")).unwrap();
    fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
    let _ = symlink("..data/a.yaml", root.join("a.yaml"));
}

#[cfg(unix)]
#[test]
fn a_config_map_is_read_again_if_it_changes_meanwhile() {
    let folder = folder(&[]);
    config_map(folder.path(), "one");
    assert_eq!(read_in(&folder, &["."]), ["./a.yaml: one"]);
    let reader = SourceReader::new(&tables_of);
    let mut reads = 0;
    let read = |listing: &Listing| {
        let pass = reader.pass(listing);
        reads += 1;
        if reads == 1 {
            config_map(folder.path(), "two");
        }
        pass
    };
    let (_, pass) = stable(folder.path(), read, tables_are_unchanged).unwrap();
    let texts: Vec<_> = pass.manifests.into_iter().map(|(_, manifest)| manifest.unwrap().text).collect();
    assert_eq!((reads, texts), (2, vec![String::from("two")]));
}

#[cfg(unix)]
#[test]
fn a_folder_of_git_sync_is_read_again_if_its_link_moves() {
    let folder = folder(&[("worktrees/1/a.yaml", b"one"), ("worktrees/2/a.yaml", b"two")]);
    let link = folder.path().join("current");
    symlink("worktrees/1", &link).unwrap();
    assert_eq!(read_in(&folder, &["current"]), ["current/a.yaml: one"]);
    let mut reads = 0;
    let read = |_: &Listing| {
        reads += 1;
        if reads == 1 {
            fs::remove_file(&link).unwrap();
            symlink("worktrees/2", &link).unwrap();
        }
    };
    let (listing, ()) = stable(&link, read, |_, ()| true).unwrap();
    assert_eq!(reads, 2);
    assert!(listing.files[0].real.ends_with("worktrees/2/a.yaml"));
}

#[test]
fn a_folder_that_changes_each_time_is_not_read() {
    let folder = folder(&[("a.yaml", b"")]);
    let mut reads = 0;
    let read = |_: &Listing| {
        reads += 1;
        fs::write(folder.path().join("a.yaml"), "x".repeat(reads)).unwrap();
    };
    let failed = stable(folder.path(), read, |_, ()| true);
    assert!(failed.unwrap_err().message.ends_with("it changed each time while it was read"));
    assert_eq!(reads, ATTEMPTS);
}

#[cfg(unix)]
#[test]
fn a_loop_of_symbolic_links_is_reported() {
    let folder = folder(&[("all/a/b.yaml", b"b"), ("all/c/d.yaml", b"d")]);
    symlink("..", folder.path().join("all/a/up")).unwrap();
    symlink("self.yaml", folder.path().join("all/self.yaml")).unwrap();
    let found = read_in(&folder, &["all", "all/self.yaml"]);
    let loops = "unreadable-file cannot read all/a/up: a symbolic link leads back to a parent folder";
    assert_eq!(found[..3], ["all/a/b.yaml: b", "all/c/d.yaml: d", loops]);
    let twice = found[3..].iter().all(|line| line.contains("all/self.yaml: "));
    assert!(twice && found.len() == 5, "found in the folder, and passed itself: {found:?}");
    symlink("nowhere", folder.path().join("all/c/broken.yaml")).unwrap();
    let found = read_in(&folder, &["all/c"]);
    assert_eq!(found[0], "all/c/d.yaml: d", "an error does not stop the rest");
    assert!(found[1].starts_with("unreadable-file cannot read all/c/broken.yaml: "), "{found:?}");
}

#[cfg(unix)]
#[test]
fn a_folder_behind_exponentially_many_links_is_entered_once() {
    let folder = folder(&[("0/30/x.yaml", b"x")]);
    for level in 1..30 {
        let path = folder.path().join("0").join(level.to_string());
        fs::create_dir(&path).unwrap();
        symlink(format!("../{}", level + 1), path.join("a")).unwrap();
        symlink(format!("../{}", level + 1), path.join("b")).unwrap();
    }
    let path = ["a"; 29].join("/");
    assert_eq!(read_in(&folder, &["0"]), [format!("0/1/{path}/x.yaml: x")]);
}

#[cfg(unix)]
#[test]
fn a_device_is_rejected_without_reading_it() {
    let (sources, diagnostics) = read(&[PathBuf::from("/dev/zero")], &tables_of);
    assert_eq!(sources.iter().count(), 0);
    assert!(diagnostics[0].message.ends_with("it is not a regular file"), "{diagnostics:?}");
}

#[test]
fn tables_are_read_beside_their_manifest_and_once() {
    let folder = folder(&[
        ("a/x.yaml", b"table customers.csv\ntable ../all.CSV"),
        ("a/customers.csv", b"\xef\xbb\xbfid,name\n"),
        ("b/y.yaml", b"table ../a/./customers.csv"),
        ("all.CSV", b"all"),
        ("other.csv", b"no"),
    ]);
    let expected = [
        "a/x.yaml: table customers.csv\ntable ../all.CSV",
        "a/customers.csv: id,name\n",
        "all.CSV: all",
        "b/y.yaml: table ../a/./customers.csv",
    ];
    let found = read_in(&folder, &["."]);
    assert_eq!(found.iter().map(|line| line.trim_start_matches("./")).collect::<Vec<_>>(), expected);
    let (sources, _) = read(&[folder.path().to_owned()], &tables_of);
    let ids: Vec<_> = sources.iter().map(|(id, _)| id).collect();
    assert_eq!(sources.table(ids[3], "../a/./customers.csv"), Some(&Ok(ids[1])));
    assert_eq!(sources.manifests().map(|(id, _)| id).collect::<Vec<_>>(), [ids[0], ids[3]]);
}

/// Reads a manifest in a folder that names a table, and returns why the table cannot be read.
fn refused(folder: &TempDir, path: &str, name: &str) -> String {
    fs::write(folder.path().join("access/x.yaml"), format!("table {name}")).unwrap();
    let (sources, diagnostics) = read(&[folder.path().join(path)], &tables_of);
    assert_eq!(diagnostics, []);
    let (id, _) = sources.iter().next().unwrap();
    sources.table(id, name).unwrap().clone().unwrap_err()
}

#[test]
fn a_table_that_changes_while_it_is_read_is_read_again() {
    let folder = folder(&[("x.yaml", b"table t.csv"), ("t.csv", b"one")]);
    let reader = SourceReader::new(&tables_of);
    let mut reads = 0;
    let read = |listing: &Listing| {
        let pass = reader.pass(listing);
        reads += 1;
        if reads == 1 {
            fs::write(folder.path().join("t.csv"), "one more").unwrap();
        }
        pass
    };
    let (_, pass) = stable(folder.path(), read, tables_are_unchanged).unwrap();
    let texts: Vec<_> = pass.tables.into_values().map(|text| text.unwrap().1).collect();
    assert_eq!((reads, texts), (2, vec![String::from("one more")]));
}

#[test]
fn tables_outside_of_the_given_folder_are_refused() {
    let folder = folder(&[("access/x.yaml", b""), ("secret.csv", b"secret"), ("access/notes.txt", b"")]);
    for (path, name, why) in [
        ("access", "../secret.csv", "it is outside of the folder that was given"),
        ("access/x.yaml", "../secret.csv", "it is outside of the folder that was given"),
        ("access", "../nowhere.csv", "it is outside of the folder that was given"),
        ("access", "/proc/self/environ.csv", "its path must be relative to the folder of the manifest"),
        ("access", "notes.txt", "its name does not end with .csv"),
        ("access", "nowhere.csv", "No such file or directory (os error 2)"),
    ] {
        assert_eq!(refused(&folder, path, name), why, "{path} {name}");
    }
    // What is given decides: from the folder above, the file may be read.
    fs::write(folder.path().join("access/x.yaml"), "table ../secret.csv").unwrap();
    assert_eq!(read_in(&folder, &["."]).len(), 2);
}

#[test]
#[cfg(unix)]
fn tables_that_are_links_out_or_no_regular_files_are_refused() {
    let folder = folder(&[("access/x.yaml", b""), ("secret.csv", b"secret")]);
    let at = |name: &str| folder.path().join("access").join(name);
    symlink("../secret.csv", at("out.csv")).unwrap();
    symlink("/dev/zero", at("zero.csv")).unwrap();
    fs::create_dir(at("folder.csv")).unwrap();
    std::process::Command::new("mkfifo").arg(at("pipe.csv")).status().unwrap();
    File::create(at("huge.csv")).unwrap().set_len(1 << 40).unwrap();
    for (name, why) in [
        ("out.csv", "it is outside of the folder that was given"),
        ("zero.csv", "it is outside of the folder that was given"),
        ("folder.csv", "it is not a regular file"),
        ("pipe.csv", "it is not a regular file"),
        ("huge.csv", "it exceeds the limit of 128 MiB"),
    ] {
        assert_eq!(refused(&folder, "access", name), why, "{name}");
    }
    symlink("real.csv", at("inside.csv")).unwrap();
    fs::write(at("real.csv"), "real").unwrap();
    fs::write(at("x.yaml"), "table inside.csv").unwrap();
    assert!(read_in(&folder, &["access"])[1].ends_with("inside.csv: real"));
}

#[test]
#[cfg(unix)]
fn a_manifest_behind_a_link_finds_its_tables_where_the_link_leads() {
    let folder = folder(&[("..2026/x.yaml", b"table t.csv"), ("..2026/t.csv", b"new"), ("t.csv", b"old")]);
    symlink("..2026/x.yaml", folder.path().join("x.yaml")).unwrap();
    assert_eq!(read_in(&folder, &["x.yaml"])[1], "t.csv: new");
}

#[test]
fn too_many_tables_are_refused() {
    let names: Vec<String> = (0..=TABLES).map(|number| format!("table {number}.csv\n")).collect();
    let folder = folder(&[("x.yaml", names.concat().as_bytes())]);
    for number in 0..=TABLES {
        fs::write(folder.path().join(format!("{number}.csv")), "").unwrap();
    }
    let (sources, _) = read(&[folder.path().to_owned()], &tables_of);
    let (id, _) = sources.iter().next().unwrap();
    assert!(sources.table(id, "999.csv").unwrap().is_ok());
    assert_eq!(
        sources.table(id, "1000.csv").unwrap().clone().unwrap_err(),
        "the manifests name more than 1000 tables"
    );
}

#[test]
fn standard_input_names_no_tables() {
    let mut reader = SourceReader::new(&tables_of);
    reader.stdin(&b"table a.csv"[..]);
    let (id, _) = reader.sources.iter().next().unwrap();
    let why = reader.sources.table(id, "a.csv").unwrap().clone().unwrap_err();
    assert_eq!(why, "standard input has no folder; put the manifest into a file");
}
