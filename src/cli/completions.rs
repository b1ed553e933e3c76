//! `wabacl completions` and `wabacl man`, and what completes names while a command line is typed.
//!
//! Completing reads the manifests on the command line, and nothing else: neither the API, nor a secret, nor the state folder.

use super::Cli;
use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::guard::Guard;
use crate::manifest::{self, ManifestNames};
use crate::model::Task;
use crate::sources;
use crate::text::escape;
use clap::{CommandFactory, ValueEnum};
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::{Bash, Elvish, EnvCompleter, Fish, Powershell, Zsh};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The variable by which a shell's script asks for completions.
const VARIABLE: &str = "WABACL_COMPLETE";

/// The folder whose manifests are read if the command line names none: the one of all examples.
pub(crate) const FOLDER: &str = "access";

/// A shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
    Elvish,
}

/// Prints a script that completes commands, options and names in a shell
///
/// In bash: `source <(wabacl completions bash)`. WABAs and system users are completed from the manifests on the command line,
/// or else in the folder `access`. Completing never calls the API.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Writes the manual pages into a folder: one for the program, and one for each command
#[derive(Debug, clap::Args)]
pub(crate) struct ManArgs {
    /// The folder, which is created if it is missing
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Answers a shell that asks for completions, and ends the process. Otherwise it does nothing.
pub(crate) fn answer() {
    CompleteEnv::with_factory(Cli::command).var(VARIABLE).complete();
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let shell: &dyn EnvCompleter = match args.shell {
        Shell::Bash => &Bash,
        Shell::Zsh => &Zsh,
        Shell::Fish => &Fish,
        Shell::Powershell => &Powershell,
        Shell::Elvish => &Elvish,
    };
    let name = env!("CARGO_PKG_NAME");
    terminal.written(|to| shell.write_registration(VARIABLE, name, name, name, to))?;
    Ok(Exit::Done)
}

pub(crate) fn man(args: &ManArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let folder = args.folder.display().to_string();
    let failed = |error| Failure::failed(&format!("writing the manual pages to {folder}"), error);
    std::fs::create_dir_all(&args.folder).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), &args.folder).map_err(failed)?;
    terminal.say(&format!("The manual pages are in {folder}."));
    Ok(Exit::Done)
}

/// Completes a glob on WABAs with the names of declared ones.
pub(crate) fn wabas() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| candidates(typed, declared().wabas))
}

/// Completes the name of a system user.
pub(crate) fn users() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| candidates(typed, declared().users))
}

/// Completes the name of a task.
pub(crate) fn tasks() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        candidates(typed, Task::ALL.iter().map(|task| task.name().to_owned()))
    })
}

/// Completes a waiver: the code of a guard, and behind `=` a WABA or a user.
pub(crate) fn waivers() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let codes = Guard::ALL.map(Guard::code);
        match typed.to_str().and_then(|typed| typed.split_once('=')) {
            None => candidates(typed, codes.map(str::to_owned)),
            Some((code, _)) => {
                let ManifestNames { wabas, users } = declared();
                let names = wabas.into_iter().chain(users);
                candidates(typed, names.map(|name| format!("{code}={name}")))
            }
        }
    })
}

/// Returns the values that begin with what was typed. Shells read them line by line, so names with control characters are left
/// out.
fn candidates(typed: &OsStr, values: impl IntoIterator<Item = String>) -> Vec<CompletionCandidate> {
    let typed = typed.to_str().unwrap_or_default();
    let fits = |value: &String| value.starts_with(typed) && escape(value) == **value;
    values.into_iter().filter(fits).map(CompletionCandidate::new).collect()
}

/// Returns the names in the manifests on the command line that is being completed, or else in the folder `access`. Files with
/// errors give the names that can be read.
fn declared() -> ManifestNames {
    // The words of that command line follow `--`; the first is the program.
    let words: Vec<OsString> = std::env::args_os().skip_while(|word| word != "--").skip(2).collect();
    let mut paths = manifests(&words);
    if paths.is_empty() {
        paths.push(PathBuf::from(FOLDER));
    }
    manifest::names(&sources::read(&paths, &manifest::table_names).0)
}

/// Returns the manifests that a command line names: existing folders and YAML files that are no value of an option. The value of
/// an option may be a secret.
fn manifests(words: &[OsString]) -> Vec<PathBuf> {
    let command = Cli::command();
    let Some(verb) = words.first().and_then(|verb| command.find_subcommand(verb)) else { return Vec::new() };
    let takes_value = |word: &str| {
        let mut options = verb.get_arguments().chain(command.get_arguments());
        let option = word.strip_prefix("--");
        // An option that is not known could be the beginning of one that takes a value.
        option.is_some()
            && options.find(|arg| arg.get_long() == option).is_none_or(|arg| arg.get_action().takes_values())
    };
    let mut paths = Vec::new();
    let mut words = words.iter().skip(1).peekable();
    while let Some(word) = words.next() {
        let text = word.to_string_lossy();
        if text.starts_with("--") && !text.contains('=') && takes_value(&text) {
            words.next();
        } else if !text.starts_with('-') && is_manifest(Path::new(word)) {
            paths.push(PathBuf::from(word));
        }
    }
    paths
}

fn is_manifest(path: &Path) -> bool {
    path.is_dir() || (sources::is_yaml(path) && path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_an_option_is_no_manifest() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, "").unwrap();
            path.into_os_string()
        };
        let (access, secret) = (file("access.yaml"), file("token.yaml"));
        let line =
            |words: &[&OsStr]| manifests(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        let word = OsStr::new;
        let only = [PathBuf::from(&access)];
        assert_eq!(line(&[word("plan"), &access, word("--token-file"), &secret]), only);
        assert_eq!(
            line(&[word("plan"), word("--detailed-exitcode"), &access, word("--waba"), word("")]),
            only
        );
        assert_eq!(line(&[word("plan"), word("-v"), word("--token-f"), &secret, &access]), only);
        assert_eq!(line(&[word("apply"), word("-"), word("missing.yaml"), &access]), only);
        assert_eq!(line(&[word("frobnicate"), &access]), Vec::<PathBuf>::new());
    }
}
