//! Files that are written atomically or readable by their owner alone.
//!
//! This module knows nothing about the content of a file. Everything here blocks the thread.

#[cfg(unix)]
use rustix::fs::OFlags;
use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use tempfile::{Builder, NamedTempFile};

/// The mode of files that only their owner may read.
pub const OWNER_ONLY: u32 = 0o600;

/// The mode of files that everybody may read: metrics are collected by another user.
pub const WORLD_READABLE: u32 = 0o644;

/// Replaces a file atomically: writes a temporary file in the same folder, syncs it and renames it.
///
/// `write` produces the content. `mode` is the file's mode on Unix; other systems ignore it. Whatever happens, `path`
/// holds the old content or the new one, and no temporary file is left.
///
/// # Errors
///
/// If the temporary file cannot be written, or the rename fails.
pub fn replace(
    path: &Path,
    mode: u32,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    prepare(path, mode, write)?.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Writes a temporary file in the folder of another one, and syncs it.
fn prepare(
    path: &Path,
    mode: u32,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<NamedTempFile> {
    let folder = match path.parent() {
        Some(folder) => or_here(folder),
        None => return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path names no file")),
    };
    let mut builder = Builder::new();
    builder.prefix(".wabacl-").suffix(".tmp");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    #[cfg(not(unix))]
    let _ = mode;
    let temporary = builder.tempfile_in(folder)?;
    let mut buffer = io::BufWriter::new(temporary.as_file());
    write(&mut buffer)?;
    buffer.flush()?;
    drop(buffer);
    temporary.as_file().sync_all()?;
    Ok(temporary)
}

/// New content for a file.
#[derive(Debug)]
pub struct Replacement {
    /// The file.
    pub path: PathBuf,
    /// Its mode on Unix.
    pub mode: u32,
    /// The content that it has; `None` if it does not exist.
    pub before: Option<Vec<u8>>,
    /// The content that it gets.
    pub after: Vec<u8>,
}

/// Replaces several files, each atomically, or none: all new content is on the disk before the first file changes, and if one
/// cannot be replaced, those before it get their old content again. A process that is killed between two of them leaves the
/// first ones replaced.
///
/// # Errors
///
/// If one cannot be replaced, with its path.
pub fn replace_all(replacements: &[Replacement]) -> Result<(), (PathBuf, io::Error)> {
    let prepare = |Replacement { path, mode, after, .. }: &Replacement| {
        prepare(path, *mode, |to| to.write_all(after)).map_err(|error| (path.clone(), error))
    };
    let prepared: Vec<NamedTempFile> = replacements.iter().map(prepare).collect::<Result<_, _>>()?;
    for (index, (temporary, replacement)) in prepared.into_iter().zip(replacements).enumerate() {
        let Err(error) = temporary.persist(&replacement.path) else { continue };
        for Replacement { path, mode, before, .. } in replacements.iter().take(index) {
            let restored = match before {
                Some(before) => replace(path, *mode, |to| to.write_all(before)),
                None => std::fs::remove_file(path),
            };
            restored.map_err(|error| (path.clone(), error))?;
        }
        return Err((replacement.path.clone(), error.error));
    }
    Ok(())
}

/// Returns the mode of a file; on other systems than Unix, that of files for their owner.
///
/// # Errors
///
/// If it cannot be read.
pub fn mode(path: &Path) -> io::Result<u32> {
    #[cfg(unix)]
    return Ok(std::os::unix::fs::MetadataExt::mode(&path.metadata()?) & 0o7777);
    #[cfg(not(unix))]
    path.metadata().map(|_| OWNER_ONLY)
}

/// Writes a file that the user named: atomically, as [`replace`] does, but through a pipe or a device.
///
/// # Errors
///
/// If it cannot be written.
pub fn write_out(
    path: &Path,
    mode: u32,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    if path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
        let mut to = io::BufWriter::new(OpenOptions::new().write(true).open(path)?);
        write(&mut to)?;
        return to.flush();
    }
    replace(path, mode, write)
}

/// Opens a regular file for reading, and limits what is read of it to `limit` bytes and one more.
///
/// # Errors
///
/// If the file cannot be opened, is not a regular file, or is longer than `limit`.
pub fn open_bounded(path: &Path, limit: u64) -> io::Result<io::Take<File>> {
    let file = regular(without_blocking(OpenOptions::new().read(true)).open(path)?)?;
    if file.metadata()?.len() > limit {
        return Err(io::Error::other(format!("it exceeds the limit of {limit} bytes")));
    }
    Ok(file.take(limit))
}

/// Opens a regular file for reading. The last part of the path may not be a link.
///
/// # Errors
///
/// If the file cannot be opened, or is a link, a folder, a pipe or a device.
pub fn open_regular(path: &Path) -> io::Result<File> {
    regular(without_following(OpenOptions::new().read(true)).open(path)?)
}

fn regular(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a regular file")) }
}

/// Makes sure that opening a pipe or a device does not wait for its other end. Regular files are not affected.
#[cfg(unix)]
fn without_blocking(options: &mut OpenOptions) -> &mut OpenOptions {
    flags(options, OFlags::NONBLOCK)
}

/// Makes sure that opening a link fails, and that opening does not block.
#[cfg(unix)]
fn without_following(options: &mut OpenOptions) -> &mut OpenOptions {
    flags(options, OFlags::NONBLOCK | OFlags::NOFOLLOW)
}

#[cfg(unix)]
fn flags(options: &mut OpenOptions, flags: OFlags) -> &mut OpenOptions {
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, flags.bits().cast_signed())
}

#[cfg(not(unix))]
fn without_blocking(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

#[cfg(not(unix))]
fn without_following(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// Opens a file that only this program's user may write to: not a link, not a pipe, not somebody else's.
///
/// # Errors
///
/// If the file cannot be opened, is a link or no regular file, belongs to another user, or others may write to it.
pub fn open_private(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let opened = without_following(options).open(path);
    let is_link = || path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
    let file = regular(opened.map_err(|error| if is_link() { refused_link() } else { error })?)?;
    check_owner(&file.metadata()?)?;
    Ok(file)
}

fn refused_link() -> io::Error {
    io::Error::other("it is a symbolic link")
}

/// Checks that a file or folder belongs to the user of this process, and that nobody else may write to it.
#[cfg(unix)]
fn check_owner(metadata: &Metadata) -> io::Result<()> {
    check_owner_is(rustix::process::geteuid().as_raw(), metadata)
}

#[cfg(unix)]
fn check_owner_is(me: u32, metadata: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    if metadata.uid() != me {
        let message = format!("it belongs to the user {}, and this program runs as {me}", metadata.uid());
        return Err(io::Error::other(message));
    }
    match metadata.mode() & 0o022 {
        0 => Ok(()),
        _ => Err(io::Error::other("other users may write to it (remove that with `chmod go-w`)")),
    }
}

#[cfg(not(unix))]
fn check_owner(_: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Returns options that create files with the mode [`OWNER_ONLY`].
pub fn owner_only() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, OWNER_ONLY);
    options
}

/// Creates a folder, and those above it, that only their owner may enter. An existing folder is left as it is.
///
/// # Errors
///
/// If a folder cannot be created, or an existing one is a link, belongs to another user, or others may write to it.
pub fn create_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    let metadata = path.symlink_metadata()?;
    if metadata.is_symlink() { Err(refused_link()) } else { check_owner(&metadata) }
}

/// Checks that the folder above belongs to the user of this process, and that nobody else may write to it. It may be a
/// link.
///
/// # Errors
///
/// If it is not so.
pub fn check_folder_above(path: &Path) -> io::Result<()> {
    let Some(above) = path.parent().map(or_here) else { return Ok(()) };
    check_owner(&above.metadata()?).map_err(|error| io::Error::other(format!("{}: {error}", above.display())))
}

/// Returns the current folder for the empty path.
fn or_here(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_failed_write_leaves_the_old_content_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        replace(&path, OWNER_ONLY, |to| to.write_all(b"old")).unwrap();
        let failed = replace(&path, OWNER_ONLY, |to| {
            to.write_all(b"new")?;
            Err(io::Error::other("the disk is full"))
        });
        assert_eq!(failed.unwrap_err().to_string(), "the disk is full");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn several_files_are_replaced_together_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let [old, new, blocked] = ["old", "new", "blocked"].map(|name| folder.path().join(name));
        fs::write(&old, "before").unwrap();
        let replacement = |path: &Path, before: Option<&str>| Replacement {
            path: path.to_owned(),
            mode: OWNER_ONLY,
            before: before.map(|text| text.as_bytes().to_vec()),
            after: b"after".to_vec(),
        };
        let both = [replacement(&old, Some("before")), replacement(&new, None)];
        replace_all(&both).unwrap();
        assert_eq!(
            (fs::read(&old).unwrap(), fs::read(&new).unwrap()),
            (b"after".to_vec(), b"after".to_vec())
        );
        fs::write(&old, "before").unwrap();
        fs::remove_file(&new).unwrap();
        // A folder that is not empty cannot be replaced by a file.
        fs::create_dir_all(blocked.join("full")).unwrap();
        let [first, second] = both;
        let (path, _) = replace_all(&[first, second, replacement(&blocked, None)]).unwrap_err();
        assert_eq!(path, blocked);
        assert_eq!(fs::read(&old).unwrap(), b"before");
        assert!(!new.exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no temporary file is left");
    }

    #[test]
    #[cfg(unix)]
    fn a_file_has_the_mode_that_was_asked_for() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        for mode in [OWNER_ONLY, WORLD_READABLE] {
            let path = folder.path().join(format!("{mode:o}"));
            replace(&path, mode, |to| to.write_all(b"x")).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
        }
    }

    #[test]
    fn a_bounded_file_is_regular_and_within_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        fs::write(&path, "12345").unwrap();
        let mut text = String::new();
        open_bounded(&path, 5).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "12345");
        assert_eq!(open_bounded(&path, 4).unwrap_err().to_string(), "it exceeds the limit of 4 bytes");
        assert_eq!(open_bounded(folder.path(), 4).unwrap_err().to_string(), "it is not a regular file");
    }

    #[test]
    #[cfg(unix)]
    fn what_others_may_change_is_refused() {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("state/98");
        create_private_folder(&path).unwrap();
        let file = path.join("journal.jsonl");
        let open =
            || open_private(&file, owner_only().create(true).append(true)).map_err(|error| error.to_string());
        open().unwrap();
        let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        for mask in [0o20, 0o02] {
            let refused = "other users may write to it (remove that with `chmod go-w`)";
            mode(&file, 0o600 | mask);
            assert_eq!(open().unwrap_err(), refused);
            mode(&file, 0o644);
            open().unwrap();
            mode(&path, 0o700 | mask);
            assert_eq!(create_private_folder(&path).unwrap_err().to_string(), refused);
            mode(&path, 0o755);
            mode(path.parent().unwrap(), 0o700 | mask);
            let above = format!("{}: {refused}", path.parent().unwrap().display());
            assert_eq!(check_folder_above(&path).unwrap_err().to_string(), above);
            mode(path.parent().unwrap(), 0o755);
        }
        let metadata = fs::metadata(&file).unwrap();
        let (me, other) = (metadata.uid(), metadata.uid() + 1);
        let expected = format!("it belongs to the user {me}, and this program runs as {other}");
        assert_eq!(check_owner_is(other, &metadata).unwrap_err().to_string(), expected);
        fs::rename(&file, path.join("elsewhere")).unwrap();
        symlink("elsewhere", &file).unwrap();
        assert_eq!(open().unwrap_err(), "it is a symbolic link");
        symlink("98", root.path().join("state/99")).unwrap();
        let linked = create_private_folder(&root.path().join("state/99"));
        assert_eq!(linked.unwrap_err().to_string(), "it is a symbolic link");
        symlink("state", root.path().join("link")).unwrap();
        create_private_folder(&root.path().join("link/98")).unwrap();
        check_folder_above(&root.path().join("link/98")).unwrap();
    }
}
