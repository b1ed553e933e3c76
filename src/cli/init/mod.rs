//! `wabacl init`: writes the first files of a repository that manages access, and pipelines for what is there.
//!
//! The templates are in `src/init/`; `sets` finds the manifests of the repository, `template` fills in.

mod sets;
mod template;

use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::model::BusinessId;
use crate::sources;
use clap::ValueEnum;
use sets::{Found, Set};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The example business if `--business` is not passed and no manifest names one.
const EXAMPLE_BUSINESS: &str = "9876543210987654";
/// The placeholder if `--action` is not passed. It is well-formed, but no such action exists.
const NO_ACTION: &str = "OWNER/wabacl@0000000000000000000000000000000000000000";
/// The placeholder if `--image` is not passed.
const NO_IMAGE: &str = concat!("registry.example/wabacl:", env!("CARGO_PKG_VERSION"));

/// Writes a first manifest, and optionally pipelines for GitHub or GitLab
///
/// If the folder already has manifests, pipelines are written for these, one entry for each business or set. Existing
/// files are never overwritten.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder of the repository
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// Writes workflows too: plan on pull requests, apply after the merge, drift on a schedule, a report of failures
    #[arg(long)]
    github: bool,
    /// Writes a GitLab pipeline too, which does the same
    #[arg(long)]
    gitlab: bool,
    /// The id of the business portfolio, for a new manifest or for manifests that name none
    #[arg(long, value_name = "ID")]
    business: Option<BusinessId>,
    /// The action that the workflows use: OWNER/REPOSITORY@COMMIT, with all 40 digits of the commit
    #[arg(long, value_name = "REF", requires = "github", value_parser = action)]
    action: Option<String>,
    /// The image that the GitLab pipeline uses; it must contain wabacl, git and a shell
    #[arg(long, value_name = "REF", requires = "gitlab", value_parser = image)]
    image: Option<String>,
    /// Where the pipelines take the token from: a secret of the pipeline, or a secret manager that they log in to by
    /// OpenID Connect
    #[arg(long, value_enum, value_name = "WHERE", default_value = "pipeline")]
    token_from: TokenFrom,
}

/// Where pipelines take the token from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TokenFrom {
    /// The secret or variable `WABACL_TOKEN` of the environment
    Pipeline,
    /// HashiCorp Vault
    Vault,
    /// AWS Secrets Manager
    Aws,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let found = find(&args.folder, args.business);
    check(args, &found)?;
    for (path, text) in files(args, &found.sets) {
        let path = args.folder.join(path);
        let action = write(&path, &text)
            .map_err(|error| Failure::failed(&format!("writing {}", shown(&path)), error))?;
        terminal.product(&format!("{action} {}\n", shown(&path)))?;
    }
    for hint in hints(args, &found) {
        terminal.say(&hint);
    }
    Ok(Exit::Done)
}

/// Finds the manifests of a repository. A folder that does not exist has none.
fn find(folder: &Path, business: Option<BusinessId>) -> Found {
    if !folder.is_dir() {
        return Found::default();
    }
    // What cannot be read is no manifest here; `validate` reports it.
    let (sources, _) = sources::read(&[folder.to_owned()], &|_| Vec::new());
    sets::find(&sources, folder, business)
}

fn check(args: &Args, found: &Found) -> Result<(), Failure> {
    let names = || found.sets.iter().map(|set| set.business.as_str()).collect::<Vec<_>>().join(", ");
    if let Some(business) = args.business.filter(|_| !found.sets.is_empty())
        && !found.sets.iter().any(|set| set.business == business.to_string())
    {
        let message = format!("no file was written: the manifests here are for the business {}", names());
        return Err(Failure::plain(Exit::Failed, message)
            .hint("leave --business out, or pass a folder without manifests for another business"));
    }
    let unusual = found.sets.iter().flat_map(|set| &set.paths).find(|path| !is_usual(path));
    match unusual.filter(|_| args.github || args.gitlab) {
        Some(path) => Err(Failure::plain(
            Exit::Failed,
            format!("no file was written: {path:?} cannot be passed by a pipeline"),
        )
        .hint("rename it to letters, digits and ._-")),
        None => Ok(()),
    }
}

/// Returns whether a path is the same in YAML, in expressions of pipelines and in a shell.
fn is_usual(path: &str) -> bool {
    !path.starts_with('-') && path.chars().all(|c| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-'))
}

/// Returns the path and content of each file to write.
fn files(args: &Args, found: &[Set]) -> Vec<(&'static str, String)> {
    let business = args.business.map_or_else(|| String::from(EXAMPLE_BUSINESS), |id| id.to_string());
    let new = [Set { config: String::from("default"), paths: vec![String::from("access")], business }];
    let sets = if found.is_empty() { &new } else { found };
    let mut files = Vec::new();
    if found.is_empty() {
        files.push(template::manifest(&new[0]));
    }
    if args.github {
        files.extend(template::github(sets, args.action.as_deref().unwrap_or(NO_ACTION), args.token_from));
    }
    if args.gitlab {
        files.extend(template::gitlab(sets, args.image.as_deref().unwrap_or(NO_IMAGE), args.token_from));
    }
    files
}

/// Returns what is left to do.
fn hints(args: &Args, found: &Found) -> Vec<String> {
    let mut hints = Vec::new();
    let paths = found.sets.iter().flat_map(|set| &set.paths).cloned().collect::<Vec<_>>().join(", ");
    if !found.sets.is_empty() {
        hints.push(format!("There are manifests already: {paths}."));
        if !args.github && !args.gitlab {
            hints.push(String::from("Nothing was written. --github or --gitlab writes pipelines for them."));
        }
    }
    for path in &found.shared {
        hints.push(format!(
            "{path} names no business and could belong to several: add it to the paths of one."
        ));
    }
    if found.sets.iter().any(|set| set.business == EXAMPLE_BUSINESS)
        || found.sets.is_empty() && args.business.is_none()
    {
        hints.push(format!("The business {EXAMPLE_BUSINESS} is an example: replace it with yours."));
    }
    if args.github && args.action.is_none() {
        hints.push(format!(
            "The workflows use {NO_ACTION}: replace it with the action's repository and commit."
        ));
    }
    if args.gitlab && args.image.is_none() {
        hints.push(format!("The pipeline uses {NO_IMAGE}: replace it with your image."));
    }
    hints
}

/// Writes a new file, and creates its parent folders. An existing file stays as it is. Returns what was done.
fn write(path: &Path, text: &str) -> io::Result<&'static str> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => file.write_all(text.as_bytes()).map(|()| "wrote"),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let is_same = fs::read(path).is_ok_and(|existing| existing == text.as_bytes());
            Ok(if is_same { "unchanged:" } else { "kept, although it differs:" })
        }
        Err(error) => Err(error),
    }
}

/// Formats a path for a message, without a leading `./`.
fn shown(path: &Path) -> String {
    path.strip_prefix(".").unwrap_or(path).display().to_string()
}

/// Parses a reference to an action. Rejects tags and branches, because their owner can move them.
fn action(text: &str) -> Result<String, String> {
    let is_valid = |part: &str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        !part.is_empty() && part.chars().all(allowed)
    };
    let (repository, commit) = text.split_once('@').ok_or("expected OWNER/REPOSITORY@COMMIT")?;
    if repository.split('/').count() < 2 || !repository.split('/').all(is_valid) {
        return Err(String::from("expected OWNER/REPOSITORY before the @"));
    }
    if commit.len() != 40 || !commit.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(String::from("a commit has 40 hexadecimal digits in lower case"));
    }
    Ok(String::from(text))
}

/// Parses a reference to an image.
fn image(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '@');
    if text.is_empty() || !text.chars().all(allowed) {
        return Err(String::from("expected REGISTRY/NAME:TAG or REGISTRY/NAME@DIGEST"));
    }
    Ok(String::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_a_repository_and_a_full_commit() {
        let commit = "3d3c42e5aac5ba805825da76410c181273ba90b1";
        for good in ["northwind/wabacl", "northwind/tools/wabacl"] {
            assert!(action(&format!("{good}@{commit}")).is_ok(), "{good}");
        }
        assert!(action(NO_ACTION).is_ok());
        for bad in ["northwind/wabacl", "northwind/wabacl@v1", "northwind/wabacl@main", "@", "a/b@"] {
            assert!(action(bad).is_err(), "{bad}");
        }
        for bad in ["wabacl", "/wabacl", "a b/wabacl", "a/wabacl\n", ""] {
            assert!(action(&format!("{bad}@{commit}")).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_image_cannot_end_its_place_in_yaml() {
        for good in [NO_IMAGE, "localhost:5000/a/b@sha256:00"] {
            assert!(image(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "a, entrypoint: [x]", "a}", "a\nb", "a\"", "$IMAGE"] {
            assert!(image(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_path_that_yaml_or_a_shell_would_change_is_not_usual() {
        for good in ["access", ".", "a/b-c_d.yaml", "zugänge"] {
            assert!(is_usual(good), "{good}");
        }
        for bad in ["a b", "$HOME", "${{ secrets.X }}", "a\nb", "-x", "a;b", "a\"b", "*"] {
            assert!(!is_usual(bad), "{bad}");
        }
    }
}
