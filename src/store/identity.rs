//! Who runs this process, and where, as far as the system tells.

use super::write::shortened;
use crate::documents::parts::RunnerEntry;

/// Returns who runs this process.
pub(super) fn am_i() -> RunnerEntry<'static> {
    let shortened = |text: String| shortened(&text).into_owned().into();
    RunnerEntry { user: user().map(shortened), host: host().map(shortened), pid: std::process::id() }
}

fn user() -> Option<String> {
    variable(&["USER", "LOGNAME", "USERNAME"]).or_else(number)
}

/// Returns the number of the user, which a container has even where it has no name.
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
    let told = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let told = told.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    told.or_else(|| variable(&["HOSTNAME", "COMPUTERNAME", "HOST"]))
}

fn variable(names: &[&str]) -> Option<String> {
    let values = names.iter().filter_map(|name| std::env::var(name).ok());
    values.into_iter().find(|value| !value.is_empty())
}
