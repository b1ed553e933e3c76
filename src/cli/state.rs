//! The folder for state between runs: journals, locks and call counts.

use super::exit::Exit;
use super::failure::Failure;
use std::path::PathBuf;

/// The option for the state folder.
#[derive(Debug, clap::Args)]
pub(crate) struct StateDir {
    /// The folder for journals, locks and call counts (default: wabacl in $XDG_STATE_HOME, or in ~/.local/state; on macOS in
    /// ~/Library/Application Support, on Windows in %LOCALAPPDATA%)
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

impl StateDir {
    /// Returns the given folder, or the system's default.
    pub(crate) fn path(&self) -> Result<PathBuf, Failure> {
        self.or(None)
    }

    /// Returns the given folder, or another one, or the system's default.
    pub(crate) fn or(&self, other: Option<PathBuf>) -> Result<PathBuf, Failure> {
        let named = self.state_dir.clone().or(other);
        named.or_else(|| default(|name| std::env::var_os(name).map(PathBuf::from))).ok_or_else(|| {
            Failure::plain(Exit::Failed, "there is no home folder to keep the journal in")
                .hint("name a folder with --state-dir")
        })
    }
}

/// Returns the system's default folder. Relative paths are ignored, as the XDG specification demands.
fn default(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let folder = |name: &str| variable(name).filter(|path| path.is_absolute());
    let below_home = || {
        if cfg!(windows) {
            folder("LOCALAPPDATA")
        } else if cfg!(target_os = "macos") {
            Some(folder("HOME")?.join("Library/Application Support"))
        } else {
            Some(folder("HOME")?.join(".local/state"))
        }
    };
    Some(folder("XDG_STATE_HOME").or_else(below_home)?.join("wabacl"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn the_folder_is_where_the_system_keeps_state() {
        for (variables, expected) in [
            (&[("HOME", "/home/a")][..], Some("/home/a/.local/state/wabacl")),
            (&[("HOME", "/home/a"), ("XDG_STATE_HOME", "/state")], Some("/state/wabacl")),
            (&[("HOME", "/home/a"), ("XDG_STATE_HOME", "state")], Some("/home/a/.local/state/wabacl")),
            (&[("HOME", "/home/a"), ("XDG_STATE_HOME", "")], Some("/home/a/.local/state/wabacl")),
            (&[("XDG_STATE_HOME", "/state")], Some("/state/wabacl")),
            (&[("HOME", "")], None),
            (&[], None),
        ] {
            let variable = |name: &str| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| PathBuf::from(value))
            };
            assert_eq!(default(variable), expected.map(PathBuf::from), "{variables:?}");
        }
    }

    #[test]
    fn a_folder_that_is_named_is_the_one() {
        let state_dir = StateDir { state_dir: Some(PathBuf::from("here")) };
        assert_eq!(state_dir.path().expect("it is named"), PathBuf::from("here"));
    }
}
