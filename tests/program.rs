//! The program as its users run it: in a process of its own, in an environment of its own.

/// A world of the business 100, from further users of it on. Its system users are the admin `ci` (10), `ops` and `bot`.
macro_rules! world {
    ($rest:literal) => {
        concat!(
            "app: { id: 1 }
businesses:
  - id: 100
    name: Biz
    system_users:
      - { id: 10, name: ci, role: ADMIN, listed: false }
      - { id: 11, name: ops }
      - { id: 12, name: bot }
",
            $rest
        )
    };
}

mod access_tests;
mod bounds;
mod clean_ups;
#[cfg(unix)]
mod completions;
mod crash;
mod drift;
mod exceptions;
mod expired;
mod explain;
mod faults;
mod formats;
mod hostile;
mod import;
mod import_update;
mod init;
mod interrupts;
mod journal;
mod json;
mod junit;
mod narrowed;
mod origin;
mod quickstart;
#[cfg(unix)]
mod reconcile;
mod released;
mod remote;
mod report;
mod review;
mod saved;
mod selections;
mod shared_state;
mod snapshot;
mod suspended;
mod tables;
#[cfg(unix)]
mod terminal;
mod times;
#[cfg(target_os = "linux")]
mod tls;
mod trust;
mod undo;
mod usage;
mod validate_live;
mod waivers;
mod who_can;

use std::fmt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A folder with a copy of the quickstart, in which the program runs with nothing in its environment.
struct Place {
    folder: TempDir,
    /// What the environment holds besides.
    environment: Vec<(&'static str, String)>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("access")).unwrap();
        for file in ["access/access.yaml", "access/users.yaml", "live.yaml"] {
            let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart").join(file);
            std::fs::copy(from, folder.path().join(file)).unwrap();
        }
        Self { folder, environment: Vec::new() }
    }

    /// A folder with a world, and one manifest.
    fn of(world: &str, manifest: &str) -> Self {
        let place = Self::new();
        place.remove("access/users.yaml");
        place.write("live.yaml", world);
        place.write("access/access.yaml", manifest);
        place
    }

    fn set(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(file)).unwrap()
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.folder.path().join(file), text).unwrap();
    }

    fn remove(&self, file: &str) {
        std::fs::remove_file(self.folder.path().join(file)).unwrap();
    }

    /// Puts one text in the place of another, which must be there.
    fn edit(&self, file: &str, from: &str, to: &str) {
        let text = self.read(file);
        assert!(text.contains(from), "{file} holds `{from}`");
        self.write(file, &text.replace(from, to));
    }

    fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wabacl"));
        command.args(words.split_whitespace()).current_dir(self.folder.path()).env_clear();
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path))).env("HOME", self.folder.path());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the program with the words of a command line, `wabacl` left out.
    fn run(&self, words: &str) -> Ran {
        Ran::from(self.command(words).output().unwrap())
    }

    /// Runs a command against the embedded emulator.
    fn on(&self, command: &str, options: &str) -> Ran {
        self.run(&format!("{command} --emulate live.yaml {options}"))
    }

    /// Runs a verb on the manifests against the embedded emulator.
    fn trial(&self, words: &str) -> Ran {
        let (verb, options) = words.split_once(' ').unwrap_or((words, ""));
        self.on(&format!("{verb} access"), options)
    }

    /// Runs a verb on the quickstart against the embedded emulator, for the day for which it was written.
    fn emulated(&self, words: &str) -> Ran {
        let (verb, options) = words.split_once(' ').unwrap_or((words, ""));
        self.run(&format!("{verb} access --today 2026-11-23 --emulate live.yaml {options}"))
    }
}

/// What a run printed, and how it ended.
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Exit code, stdout and stderr as one text.
impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.map_or_else(|| String::from("by a signal"), |code| code.to_string());
        write!(f, "exit {code}\n--- stdout\n{}--- stderr\n{}", self.stdout, self.stderr)
    }
}

impl Ran {
    /// Makes sure of the exit code; all that was printed is shown where it is another.
    #[track_caller]
    fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// Makes sure that something was printed, on whichever stream.
    #[track_caller]
    fn says(self, text: &str) -> Self {
        assert!(self.to_string().contains(text), "`{text}` is missing in {self}");
        self
    }

    #[track_caller]
    fn never_says(self, text: &str) -> Self {
        assert!(!self.to_string().contains(text), "`{text}` is in {self}");
        self
    }
}
