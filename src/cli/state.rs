//! Where the state between runs is: journals, inventories, locks and call counts.

use super::exit::Exit;
use super::failure::Failure;
use crate::clock::Clock;
use crate::store::{Objects, SCHEMES, StateStore};
use crate::text::escape;
use reqwest::Url;
use std::path::PathBuf;

/// The environment variable with the location of the state.
const STATE: &str = "WABACL_STATE";

/// The options for the state.
#[derive(Debug, clap::Args)]
pub(crate) struct StateOptions {
    /// Where journals, inventories and locks are: file:///folder, or s3://bucket/prefix, gs://bucket/prefix or
    /// az://container/prefix, which machines share (default: the environment variable WABACL_STATE, else wabacl in
    /// $XDG_STATE_HOME, or in ~/.local/state; on macOS in ~/Library/Application Support, on Windows in %LOCALAPPDATA%)
    #[arg(long, value_name = "URL", value_parser = location)]
    state: Option<StateStore>,
    /// The same as --state with the URL of a folder on this machine
    #[arg(long, value_name = "DIR", conflicts_with = "state")]
    state_dir: Option<PathBuf>,
}

impl StateOptions {
    /// Returns the given state, or that of an emulator, or that of the environment, or the system's default. `None` means
    /// that there is no home folder for the default.
    pub(crate) fn store(&self, of_emulator: Option<PathBuf>) -> Result<Option<StateStore>, Failure> {
        if let Some(state) = &self.state {
            return Ok(Some(state.clone()));
        }
        if let Some(folder) = self.state_dir.clone().or(of_emulator) {
            return Ok(Some(StateStore::folder(folder)));
        }
        match std::env::var_os(STATE).filter(|value| !value.is_empty()) {
            Some(value) => from_environment(&value).map(Some),
            None => Ok(system_default().map(StateStore::folder)),
        }
    }

    /// Returns the state like [`StateOptions::store`].
    ///
    /// # Errors
    ///
    /// If there is none.
    pub(crate) fn required(&self, of_emulator: Option<PathBuf>) -> Result<StateStore, Failure> {
        self.store(of_emulator)?.ok_or_else(|| {
            Failure::plain(Exit::Failed, "there is no home folder to keep the journal in")
                .hint("name a folder with --state-dir")
        })
    }
}

fn from_environment(value: &std::ffi::OsStr) -> Result<StateStore, Failure> {
    let text = value.to_str().ok_or_else(|| String::from("it is not valid UTF-8"));
    text.and_then(location).map_err(|why| {
        let value = value.to_string_lossy();
        Failure::plain(Exit::Usage, format!("{STATE} is `{}`: {why}", escape(&value)))
    })
}

/// Parses the location of a state.
pub(crate) fn location(text: &str) -> Result<StateStore, String> {
    let expected = "expected a URL such as file:///var/lib/wabacl or s3://bucket/prefix";
    let url = Url::parse(text).map_err(|_| String::from(expected))?;
    match url.scheme() {
        "file" => match url.to_file_path() {
            Ok(folder) => Ok(StateStore::folder(folder)),
            Err(()) => Err(format!("it names no folder of this machine; {expected}")),
        },
        scheme if SCHEMES.contains(&scheme) => {
            let is_plain = url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
                && url.password().is_none()
                && url.port().is_none();
            if !is_plain {
                let why =
                    "a state has no credentials and no options in its URL; they come from the environment";
                return Err(String::from(why));
            }
            let objects = Objects::open(scheme, url.host_str().unwrap_or_default(), url.path())?;
            Ok(StateStore::objects(objects, system_default()))
        }
        _ => Err(String::from(expected)),
    }
}

/// Returns the clock of a lease.
///
/// Tests of debug builds make it faster: they cannot wait for two minutes.
pub(crate) fn clock() -> Clock {
    let speed = if cfg!(debug_assertions) { std::env::var("WABACL_TEST_LEASE_SPEED").ok() } else { None };
    speed.and_then(|speed| speed.parse().ok()).map_or_else(Clock::real, Clock::scaled)
}

/// Returns the system's default folder, if there is a home folder.
fn system_default() -> Option<PathBuf> {
    default(|name| std::env::var_os(name).map(PathBuf::from))
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
        let options = StateOptions { state: None, state_dir: Some(PathBuf::from("here")) };
        let named =
            |of_emulator| options.store(of_emulator).expect("it is named").expect("a state").to_string();
        assert_eq!(named(None), "here");
        assert_eq!(named(Some(PathBuf::from("live.state"))), "here", "also for an emulator");
    }

    #[test]
    #[cfg(unix)]
    fn a_location_is_the_url_of_a_folder() {
        let folder = location("file:///var/lib/wab%20acl/").map(|state| state.to_string());
        assert_eq!(folder.as_deref(), Ok("/var/lib/wab acl/"));
        for wrong in [
            "",
            "here",
            "/var/lib/wabacl",
            "ftp://host/a",
            "file://elsewhere/a",
            "s3://",
            "s3://key:secret@bucket/a",
            "s3://bucket/a?region=eu",
        ] {
            assert!(location(wrong).is_err(), "{wrong}");
        }
    }
}
