//! The user, machine and process of a run, as far as the system reports them.

use super::write::shortened;
use crate::documents::parts::RunnerEntry;

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

fn variable(names: &[&str]) -> Option<String> {
    let values = names.iter().filter_map(|name| std::env::var(name).ok());
    values.into_iter().find(|value| !value.is_empty())
}
