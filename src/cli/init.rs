//! `wabacl init`: writes the first files of a repository that manages access.
//!
//! The templates are in `src/init/`; this module fills in the business and the action.

use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::model::BusinessId;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The path and template of the manifest.
const MANIFEST: (&str, &str) = ("access/access.yaml", include_str!("../init/access.yaml"));
/// The paths and templates of the workflows for GitHub Actions.
const WORKFLOWS: [(&str, &str); 3] = [
    (".github/workflows/wabacl-plan.yml", include_str!("../init/plan.yml")),
    (".github/workflows/wabacl-apply.yml", include_str!("../init/apply.yml")),
    (".github/workflows/wabacl-drift.yml", include_str!("../init/drift.yml")),
];
/// The example business in the manifest if `--business` is not passed.
const EXAMPLE_BUSINESS: &str = "9876543210987654";
/// The placeholder if `--action` is not passed. It is well-formed, but no such action exists.
const NO_ACTION: &str = "OWNER/wabacl@0000000000000000000000000000000000000000";

/// Writes a first manifest, and optionally workflows for GitHub
///
/// Never overwrites an existing file: if one exists, no file is written.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder of the repository
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// Writes three workflows too: plan on pull requests, apply after the merge, drift on a schedule
    #[arg(long)]
    github: bool,
    /// The id of the business portfolio, for the manifest and the concurrency groups of the workflows
    #[arg(long, value_name = "ID")]
    business: Option<BusinessId>,
    /// The action that the workflows use: OWNER/REPOSITORY@COMMIT, with all 40 digits of the commit
    #[arg(long, value_name = "REF", requires = "github", value_parser = action)]
    action: Option<String>,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Exit, Failure> {
    let files = files(args);
    let existing: Vec<String> = files
        .iter()
        .filter(|(path, _)| path.symlink_metadata().is_ok())
        .map(|(path, _)| shown(path))
        .collect();
    if !existing.is_empty() {
        let message = format!("no file was written: {} already exists", existing.join(", "));
        return Err(
            Failure::plain(Exit::Failed, message).hint("pass another folder, or move the existing files")
        );
    }
    for (path, text) in &files {
        write(path, text).map_err(|error| Failure::failed(&format!("writing {}", shown(path)), error))?;
        terminal.product(&format!("wrote {}\n", shown(path)))?;
    }
    if args.business.is_none() {
        terminal.say(&format!("The business {EXAMPLE_BUSINESS} is an example: replace it with yours."));
    }
    if args.github && args.action.is_none() {
        terminal.say(&format!(
            "The workflows use {NO_ACTION}: replace it with the action's repository and commit."
        ));
    }
    Ok(Exit::Done)
}

/// Returns the path and content of each file to write.
fn files(args: &Args) -> Vec<(PathBuf, String)> {
    let business = args.business.map_or_else(|| String::from(EXAMPLE_BUSINESS), |id| id.to_string());
    let action = args.action.as_deref().unwrap_or(NO_ACTION);
    let workflows = WORKFLOWS.into_iter().filter(|_| args.github);
    std::iter::once(MANIFEST)
        .chain(workflows)
        .map(|(path, text)| {
            let text = text.replace("@BUSINESS@", &business).replace("@ACTION@", action);
            (args.folder.join(path), text)
        })
        .collect()
}

/// Writes a new file, and creates its parent folders. Fails if the file exists.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
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
    fn no_placeholder_is_left_in_the_files() {
        let args = Args { folder: PathBuf::new(), github: true, business: None, action: None };
        for (path, text) in files(&args) {
            assert!(!text.contains("@BUSINESS@") && !text.contains("@ACTION@"), "{}", path.display());
        }
    }
}
