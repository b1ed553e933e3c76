//! The user, machine and process of a run, as far as the system reports them.

use super::write::shortened;
use crate::documents::parts::RunnerEntry;
use crate::files;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The longest part of a host's name in that of a machine. A guess.
const LONGEST_HOST: usize = 40;

/// Returns the identity of this process.
pub(super) fn am_i() -> RunnerEntry<'static> {
    let shortened = |text: String| shortened(&text).into_owned().into();
    RunnerEntry { user: user().map(shortened), host: host().map(shortened), pid: std::process::id() }
}

fn user() -> Option<String> {
    variable(&["USER", "LOGNAME", "USERNAME"]).or_else(number)
}

/// Returns the user id. A container has one even without a user name.
#[cfg(target_os = "linux")]
fn number() -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").ok().map(|me| format!("uid {}", me.uid()))
}

#[cfg(not(target_os = "linux"))]
fn number() -> Option<String> {
    None
}

fn host() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    name.or_else(|| variable(&["HOSTNAME", "COMPUTERNAME", "HOST"]))
}

/// Returns a name for this machine that others do not have: a number in the state folder and the name of the host. Without a folder,
/// each process has a name of its own.
pub(super) fn machine(folder: Option<&Path>) -> String {
    let is_plain = |character: &char| character.is_ascii_alphanumeric() || *character == '-';
    let host: String = host().unwrap_or_default().chars().filter(is_plain).take(LONGEST_HOST).collect();
    let number = folder.and_then(|folder| number_of_machine(folder).ok());
    format!("{:016x}-{host}", number.unwrap_or_else(|| fastrand::u64(..)))
}

/// Returns the number in the state folder, and chooses one the first time.
fn number_of_machine(folder: &Path) -> io::Result<u64> {
    let path = folder.join("machine");
    let read = || {
        let mut text = String::new();
        files::open_private(&path, File::options().read(true))?.take(64).read_to_string(&mut text)?;
        u64::from_str_radix(text.trim(), 16).map_err(io::Error::other)
    };
    read().or_else(|_| {
        files::create_private_folder(folder)?;
        let text = format!("{:016x}\n", fastrand::u64(..));
        files::replace(&path, files::OWNER_ONLY, |to| to.write_all(text.as_bytes()))?;
        // Another process may have replaced it; whoever reads last is right.
        read()
    })
}

fn variable(names: &[&str]) -> Option<String> {
    let values = names.iter().filter_map(|name| std::env::var(name).ok());
    values.into_iter().find(|value| !value.is_empty())
}
